"""The wheel: built from the source distribution, installed elsewhere, used, removed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.house import tree

pytestmark = pytest.mark.install


def _run(command: Sequence[str | Path], folder: Path, **variables: str) -> str:
    """Run a command in ``folder`` outside any Python path of ours; its stdout, or a failure."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([str(part) for part in command], cwd=folder, text=True, check=False,
                          capture_output=True, stdin=subprocess.DEVNULL,
                          env=environment | variables)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Built:
    """The files one build made."""

    wheel: Path
    sdist: Path

    def packed(self) -> list[str]:
        """Names of the files in the wheel, without the metadata folder."""
        with zipfile.ZipFile(self.wheel) as archive:
            return sorted(n for n in archive.namelist() if ".dist-info/" not in n)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A source distribution of the project's own files, and the wheel built from that."""
    source = tmp_path_factory.mktemp("source")
    for path in tree.files():
        target = source / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    for name in tree.LINKED:
        (source / "deleverage" / name).symlink_to(f"../{name}")
    out = tmp_path_factory.mktemp("dist")
    # the installed setuptools is used: a build environment would need the network
    _run([sys.executable, "-m", "build", "--no-isolation", "--skip-dependency-check",
          "--outdir", out, source], out)
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return Built(wheel, sdist)


@dataclass(frozen=True)
class Place:
    """Another virtual environment with the wheel in it, and a folder to work in."""

    python: Path
    folder: Path
    packages: Path

    @property
    def command(self) -> Path:
        """The installed ``deleverage``."""
        return self.python.with_name("deleverage")

    def names(self) -> set[str]:
        """What lies at the top level of site-packages."""
        return {path.name for path in self.packages.iterdir()}


@pytest.fixture(scope="module")
def place(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The wheel installed alone; its dependencies are this environment's, shown by a .pth file.

    Removing the wheel again is part of the fixture: nothing may be left of it.
    """
    home = tmp_path_factory.mktemp("venv")
    _run([sys.executable, "-m", "venv", "--without-pip", home], home)
    python = home / "bin" / "python"
    packages = Path(_run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
                         home).strip())
    found = Place(python, tmp_path_factory.mktemp("elsewhere"), packages)
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", python,
                             "--disable-pip-version-check"]
    before = found.names()
    _run([*pip, "install", "--quiet", "--no-deps", "--no-index", built.wheel], home)
    assert {n.split("-")[0] for n in found.names() - before} == {"deleverage"}
    borrowed = packages / "dependencies.pth"
    borrowed.write_text("\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}))
    yield found
    borrowed.unlink()
    _run([*pip, "uninstall", "--quiet", "--yes", "deleverage"], home)
    assert found.names() == before
    assert not found.command.exists()


def test_the_wheel_holds_the_tree(built: Built) -> None:
    """Every file of the packages is in the wheel under its namespaced name, and nothing else."""
    expected = [f"{package.replace('.', '/')}/{path.name}"
                for package, folder in tree.package_folders().items()
                for path in tree.files() if path.parent == folder]
    data = [path.relative_to(ROOT).as_posix() for path in tree.files()
            if path.suffix in (".json", ".html", ".css", ".js")
            and path.is_relative_to(ROOT / "deleverage")]
    assert built.packed() == sorted({*expected, *data})


def test_a_wheel_of_the_checkout_is_the_same(built: Built, tmp_path: Path) -> None:
    """What ``pip install .`` packs from the unpacked sources equals the wheel from the sdist."""
    shutil.unpack_archive(built.sdist, tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    for name in ("Makefile", "constraints.txt", "run_backtest.py", "LICENSE", "README.md",
                 "CHANGELOG.md", "feeds", "strategies", "analyzers", "docs", "examples", "tests"):
        assert (source / name).exists(), f"the sdist lacks {name}"
    for name in tree.LINKED:  # left out of the sdist: each file would be in it twice
        assert not (source / "deleverage" / name).exists()
        (source / "deleverage" / name).symlink_to(f"../{name}")
    out = tmp_path / "dist"
    _run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--skip-dependency-check",
          "--outdir", out, source], tmp_path)
    (wheel,) = out.glob("*.whl")
    assert Built(wheel, built.sdist).packed() == built.packed()


def test_the_licence_travels_with_the_wheel(built: Built) -> None:
    """The wheel's metadata names GPL-3.0-or-later and carries the text."""
    with zipfile.ZipFile(built.wheel) as archive:
        metadata = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
        licence = next(n for n in archive.namelist() if n.endswith("LICENSE"))
        assert "License: GPL-3.0-or-later" in text or "License-Expression: GPL-3.0-or-later" in text
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()


def test_the_installed_package_is_the_wheel(place: Place) -> None:
    """From another directory, deleverage and its three linked packages are the installed ones."""
    names = ["deleverage", *(f"deleverage.{name}" for name in tree.LINKED)]
    found = json.loads(_run([place.python, "-c", (
        "import importlib, json; "
        f"print(json.dumps([importlib.import_module(n).__file__ for n in {names}]))")],
        place.folder))
    assert [Path(name).is_relative_to(place.packages) for name in found] == [True] * 4


def test_the_command_helps(place: Place) -> None:
    """The installed ``deleverage --help`` works from any directory."""
    assert "usage: deleverage" in _run([place.command, "--help"], place.folder, COLUMNS="100")


def test_the_command_runs_a_strategy(place: Place) -> None:
    """The installed command, in an empty directory, runs a strategy on the embedded event."""
    shown = _run([place.command, "run", "--data", "risk", "--strategy", "level_reclaim",
                  "--no-scan"], place.folder)
    assert "SYNTHETIC" in shown


@pytest.mark.slow
def test_the_command_runs_the_main_job(place: Place) -> None:
    """The installed command without arguments, in an empty directory, runs the whole demo."""
    shown = _run([place.command], place.folder)
    assert "SYNTHETIC scenario constructive" in shown
    assert "SYNTHETIC scenario risk" in shown
    assert "LEVERAGE SCAN" in shown
    assert list(place.folder.iterdir()) == []  # nothing is left behind
