"""The tree is what the metadata says, and nothing in it belongs to one machine."""

from __future__ import annotations

import ast
import os
import re

import pytest

from tests.conftest import ROOT
from tests.house import tree

# a path below one of these exists on somebody's machine only
MACHINE_PATH = re.compile(r"(?<![\w.~}])/(?:work|root|home|Users|opt|tmp)/\w")
REGISTRY = re.compile(r"(?:pypi\.org|pythonhosted\.org|index-url|find-links)")


@pytest.mark.parametrize("name", tree.LINKED)
def test_links_are_relative(name: str) -> None:
    """deleverage/feeds and its two siblings are relative links to the root folders."""
    link = ROOT / "deleverage" / name
    if not (ROOT / ".git").exists() and not link.exists():
        pytest.skip("a source distribution carries no links")
    assert link.is_symlink()
    assert os.readlink(link) == f"../{name}"
    assert (link / "__init__.py").samefile(ROOT / name / "__init__.py")


def test_setup_cfg_lists_every_package() -> None:
    """setup.cfg names exactly the folders that hold code, so that none is left out of the wheel."""
    listed = tree.words(tree.metadata()["options"]["packages"])
    assert len(listed) == len(set(listed))
    assert sorted(listed) == sorted(tree.package_folders())


def test_every_package_is_a_regular_one() -> None:
    """Every folder that holds code has an __init__.py: a namespace package would not be linked."""
    missing = [name for name, folder in tree.package_folders().items()
               if not (folder / "__init__.py").is_file()]
    assert missing == []


def test_root_folders_are_mapped_into_the_namespace() -> None:
    """Installed, feeds/, strategies/ and analyzers/ are packages of deleverage, never top-level."""
    mapped = tree.words(tree.metadata()["options"]["package_dir"])
    assert sorted(mapped) == sorted(f"deleverage.{name} = {name}" for name in tree.LINKED)


def test_pinned_versions_cover_the_requirements() -> None:
    """constraints.txt pins, exactly and once, everything that the run and the tests ask for."""
    lines = tree.words((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    pins = [line.split("==")[0] for line in lines if not line.startswith("#")]
    assert all("==" in line for line in lines if not line.startswith("#"))
    options = tree.metadata()
    wanted = tree.words(options["options"]["install_requires"])
    for extra in ("html", "test", "bench"):
        wanted += tree.words(options["options.extras_require"][extra])
    plain = {re.sub(r"[-_.]+", "-", name).lower() for name in pins}
    assert len(plain) == len(pins)
    names = {re.sub(r"[-_.]+", "-", re.split(r"[ =<>!~;\[]", line)[0]).lower() for line in wanted}
    assert names - plain == set()


def test_every_module_says_what_it_is() -> None:
    """Every file that holds code opens with a docstring."""
    silent = [module.label for module in tree.modules() + tree.scripts()
              if module.tree.body and not ast.get_docstring(module.tree)]
    assert silent == []


def test_public_names_have_docstrings() -> None:
    """Every public class and function of a module says what it is."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    silent = [f"{module.label}:{node.lineno} {node.name}"
              for module in tree.modules() for node in module.tree.body
              if isinstance(node, kinds) and not node.name.startswith("_")
              and not ast.get_docstring(node)]
    assert silent == []


def test_every_test_states_its_behaviour() -> None:
    """Every test function opens with a sentence that says what must hold."""
    silent = [f"{module.label}:{node.lineno} {node.name}"
              for module in tree.scripts() for node in ast.walk(module.tree)
              if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
              and not ast.get_docstring(node)]
    assert silent == []


@pytest.mark.parametrize("pattern", [MACHINE_PATH, REGISTRY], ids=["path", "registry"])
def test_no_file_names_one_machine(pattern: re.Pattern[str]) -> None:
    """No file of the project holds an absolute path of a machine or the host of a registry."""
    found = []
    for path in tree.files():
        if path.samefile(__file__):
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert found == []
