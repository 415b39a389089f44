"""The source tree as the house tests see it: tracked files, packages, modules and their imports."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from configparser import ConfigParser
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.conftest import ROOT

LINKED = ("feeds", "strategies", "analyzers")  # root folders shown inside deleverage/ by links
EXTRA = ("tests", "benchmarks", "examples", "scripts")  # code that is not installed


@dataclass(frozen=True)
class Module:
    """One file of code: its import name, where it is, and its syntax tree."""

    name: str
    path: Path

    @property
    def tree(self) -> ast.Module:
        """The parsed source."""
        return _parsed(self.path)

    @property
    def label(self) -> str:
        """The path from the root, for messages."""
        return self.path.relative_to(ROOT).as_posix()


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def files() -> list[Path]:
    """Files of the project: what git tracks, or everything where there is no git (an sdist)."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True,
                                check=True, text=True).stdout.split("\0")
        found = [ROOT / name for name in listed if name]
    else:
        found = [p for p in ROOT.rglob("*") if "__pycache__" not in p.parts]
    return sorted(p for p in found if p.is_file() and not p.is_symlink())


def package_folders() -> dict[str, Path]:
    """Import name → folder of every folder of the four roots that holds Python files."""
    found = {}
    for top in ("deleverage", *LINKED):
        for path in _python(ROOT / top):
            parts = path.parent.relative_to(ROOT).parts
            name = ".".join(parts if top == "deleverage" else ("deleverage", *parts))
            found[name] = path.parent
    return found


@cache
def modules() -> tuple[Module, ...]:
    """Every installed module under its import name (``deleverage.feeds.dataset``)."""
    found = []
    for package, folder in package_folders().items():
        for path in sorted(folder.glob("*.py")):
            name = package if path.stem == "__init__" else f"{package}.{path.stem}"
            found.append(Module(name, path))
    return tuple(found)


@cache
def scripts() -> tuple[Module, ...]:
    """Tests, benchmarks, examples and the main program: code that is not installed."""
    paths = [path for top in EXTRA for path in _python(ROOT / top)]
    return tuple(Module(path.stem, path) for path in [ROOT / "run_backtest.py", *paths])


def _python(folder: Path) -> Iterator[Path]:
    """Python files below a folder; links are not followed, each file is met once."""
    for path in sorted(folder.glob("*")):
        if path.is_dir() and not path.is_symlink():
            yield from _python(path)
        elif path.suffix == ".py":
            yield path


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """(line, full name) of every import in the file, lazy ones included.

    ``from a import b`` yields ``a.b`` when that is a module of ours, otherwise ``a``. Imports under
    ``if TYPE_CHECKING`` count too: who names another's types depends on it.
    """
    ours = {found.name for found in modules()}
    is_package = module.path.stem == "__init__"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = module.name.split(".")
                above = above[: len(above) - node.level + is_package]
                base = ".".join([*above, base] if base else above)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield node.lineno, full if full in ours else base


def metadata() -> ConfigParser:
    """setup.cfg."""
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def words(text: str) -> list[str]:
    """The entries of a multi-line setup.cfg value."""
    return [line.strip() for line in text.splitlines() if line.strip()]
