"""``--plots``: from the command to the files, from saved results alone, refused before the work."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deleverage import runner
from deleverage.cli.main import entry
from deleverage.plots import folder
from deleverage.results import RunResult


def files(*names: str) -> list[str]:
    """Two files a picture."""
    return sorted(f"{name}.{form}" for name in names for form in folder.FORMS)


@pytest.mark.usefixtures("unrastered")
def test_a_run_and_a_comparison_are_drawn(tmp_path: Path,
                                          capsys: pytest.CaptureFixture[str]) -> None:
    """`run --plots` writes a run's pictures; `compare --plots` draws from the saved folder, and
    again over what it wrote; what is left out is said on stderr."""
    out, one, many = (tmp_path / name for name in ("result", "one", "many"))
    run = ["run", "--data", "constructive", "--strategy", "buy_and_hold", "--no-scan",
           "--from", "2026-01-31", "--to", "2026-02-01"]
    assert entry([*run, "--out", str(out), "--plots", str(one)]) == 0
    said = capsys.readouterr()
    drawn = [*(name for name in folder.RUN if name != "scan"), "closeup_1"]
    assert sorted(path.name for path in one.iterdir()) == files(*drawn)
    assert "pictures: scan left out: no leverage scan is in the result" in said.err
    assert f"pictures: 6 as PNG and SVG in {one}" in said.err
    assert "pictures" not in said.out
    for _ in range(2):
        assert entry(["compare", str(out), "--plots", str(many), "--json"]) == 0
        assert sorted(path.name for path in many.iterdir()) == \
            files("compared_equity", "compared_under_water")
    assert capsys.readouterr().out.startswith("{")


@pytest.mark.usefixtures("unrastered")
def test_both_paths_are_drawn_apart(tmp_path: Path) -> None:
    """`--path both` has a folder of pictures for each path."""
    assert entry(["run", "--data", "constructive", "--strategy", "buy_and_hold", "--no-scan",
                  "--from", "2026-01-31", "--to", "2026-01-31T06:00", "--path", "both",
                  "--plots", str(tmp_path / "both")]) == 0
    for name in ("adverse", "favourable"):
        assert (tmp_path / "both" / name / "price.svg").is_file()


def test_what_cannot_be_is_said_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                capsys: pytest.CaptureFixture[str]) -> None:
    """A foreign folder, the folder of the result, a missing package: exit code 2, one line, and
    nothing was run or read."""
    def working(*_: object, **__: object) -> None:
        raise AssertionError("the work was begun")

    monkeypatch.setattr(runner, "load", working)
    monkeypatch.setattr(RunResult, "load", working)
    (tmp_path / "notes").write_text("mine")
    run = ["run", "--data", "constructive", "--strategy", "buy_and_hold"]
    new = str(tmp_path / "new")
    for words, reason in (
            ([*run, "--plots", str(tmp_path)], "holds other files (notes)"),
            ([*run, "--plots", new, "--out", new], "is the folder of --out"),
            ([*run, "--path", "both", "--plots", str(tmp_path)], "holds other files (notes)"),
            (["compare", str(tmp_path), "--plots", str(tmp_path)], "holds other files (notes)")):
        assert entry(words) == 2
        _one_line(capsys, reason)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for words in ([*run, "--plots", new], ["compare", "absent", "--plots", new]):
        assert entry(words) == 2
        _one_line(capsys, "pip install 'deleverage[plots]'")
    assert not Path(new).exists()


def _one_line(capsys: pytest.CaptureFixture[str], reason: str) -> None:
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert reason in said.err
