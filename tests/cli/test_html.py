"""`--html`: refused before the work begins, written beside what is printed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command, refused
from tests.conftest import ROOT
from tests.pages.reader import charts, tree


def test_a_run_writes_its_page(dataset: Path, command: Command, tmp_path: Path) -> None:
    """`run --html` prints the sheet as ever and says on stderr where the page is and its size."""
    plain = command("run", "--data", dataset, "--strategy", "buy_and_hold", "--no-scan")
    done = command("run", "--data", dataset, "--strategy", "buy_and_hold", "--no-scan",
                   "--html", "run.html")
    assert (done.returncode, done.stdout) == (0, plain.stdout), done.stderr
    path = tmp_path / "here" / "run.html"
    assert done.stderr == plain.stderr + f"page: run.html ({path.stat().st_size / 1e6:.2f} MB)\n"
    page = tree(path.read_text("utf-8"))
    assert "chart-price" in charts(page)["roots"].values()


def test_saved_results_are_compared_on_a_page(dataset: Path, command: Command,
                                              tmp_path: Path) -> None:
    """`compare --html` needs the saved folders alone; so does JSON beside a page."""
    for name, strategy in (("a", "buy_and_hold"), ("b", "breakdown")):
        assert command("run", "--data", dataset, "--strategy", strategy, "--no-scan",
                       "--out", name).returncode == 0
    done = command("compare", "a", "b", "--json", "--html", "both.html")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("{")
    page = tree((tmp_path / "here" / "both.html").read_text("utf-8"))
    assert set(charts(page)["runs"]) == {"run-0", "run-1"}


def test_two_scenarios_are_one_page(dataset: Path, command: Command, tmp_path: Path) -> None:
    """`run --path both --html` shows both policies and where they part."""
    done = command("run", "--data", dataset, "--strategy", "buy_and_hold", "--no-scan", "--path",
                   "both", "--html", "both.html")
    assert done.returncode == 0, done.stderr
    page = tree((tmp_path / "here" / "both.html").read_text("utf-8"))
    assert page.one(id="partings")
    assert "adverse" in page.one(id="ranking").text
    assert "favourable" in page.one(id="ranking").text


@pytest.mark.parametrize(("target", "complaint"), [
    (".", "--html .: is a folder, expected a file"),
    ("nowhere/run.html", "--html nowhere/run.html: no folder nowhere"),
])
def test_a_place_that_cannot_be(dataset: Path, command: Command, tmp_path: Path, target: str,
                                complaint: str) -> None:
    """A folder and a missing parent are refused before anything is run or written."""
    refused(command("run", "--data", dataset, "--strategy", "buy_and_hold", "--out", "result",
                    "--html", target), 2, complaint)
    refused(command("compare", "nothing", "--html", target), 2, complaint)
    assert list((tmp_path / "here").iterdir()) == []


def test_the_demos_pages_go_into_a_folder(command: Command, tmp_path: Path) -> None:
    """A file where the folder should be and a missing parent are refused before any output."""
    (tmp_path / "here" / "thesis.txt").write_text("mine")
    refused(command("--html", "thesis.txt"), 2, "--html thesis.txt: is a file, expected a folder")
    refused(command("--html", "nowhere/pages"), 2, "no folder nowhere")
    assert [item.name for item in (tmp_path / "here").iterdir()] == ["thesis.txt"]


@pytest.mark.slow
def test_the_demo_writes_a_page_of_each_scenario(command: Command, tmp_path: Path) -> None:
    """`--html DIR` without a command: one page a scenario, the folder made for them."""
    done = command("--html", "pages", "--no-scan")
    assert done.returncode == 0, done.stderr
    found = sorted((tmp_path / "here" / "pages").iterdir())
    assert [item.name for item in found] == ["constructive.html", "risk.html"]
    for path in found:
        page = tree(path.read_text("utf-8"))
        assert page.one("h1").one(class_="badge").text == "SYNTHETIC"
        assert len(charts(page)["runs"]) == 6


def test_the_extra_that_is_missing_is_named(dataset: Path, tmp_path: Path) -> None:
    """Without the packages one line says what to install, and nothing is run."""
    code = ("import importlib.util, sys; found = importlib.util.find_spec; "
            "importlib.util.find_spec = lambda name, *rest: "
            "None if name == 'bokeh' else found(name, *rest); "
            "from deleverage.cli.main import entry; sys.exit(entry())")
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "--data", str(dataset), "--strategy", "buy_and_hold",
         "--html", "run.html"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False, timeout=120)
    refused(done, 2, "--html needs more packages: pip install 'deleverage[html]'")
    assert list(tmp_path.iterdir()) == []
