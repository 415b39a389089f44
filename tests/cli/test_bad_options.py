"""Wrong words: each ends in one line with the near miss, exit code 2, and nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command, refused


@pytest.mark.parametrize(("words", "complaint"), [
    (["--strategy", "level_reclam"], "did you mean 'level_reclaim'"),
    (["--strategy", "strategies.level_reclaim:LevelReclaim"],
     "deleverage.strategies.level_reclaim:LevelReclaim"),
    (["--strategy", "level_reclaim", "--set", "levles=2350"], "did you mean 'levels'"),
    (["--strategy", "buy_and_hold", "--venue", "binanse"], "did you mean 'binance'"),
    (["--strategy", "buy_and_hold", "--margin", "isolatd"], "did you mean 'isolated'"),
    (["--strategy", "buy_and_hold", "--leverage", "500"], "leverage 500"),
    (["--strategy", "buy_and_hold", "--symbol", "ETHUSD"], "did you mean 'ETHUSDT'"),
    (["--strategy", "buy_and_hold", "--levrage", "5"], "did you mean --leverage"),
    (["--strategy", "buy_and_hold", "--notional", "5", "--margin-fraction", "0.1"],
     "exclude one another"),
])
def test_a_wrong_word_is_refused(dataset: Path, command: Command, tmp_path: Path,
                                 words: list[str], complaint: str) -> None:
    """Misspelt names, impossible values and excluding options exit 2 and leave no folder."""
    refused(command("run", "--data", dataset, "--out", "result", *words), 2, complaint)
    assert list((tmp_path / "here").iterdir()) == []


def test_a_folder_with_other_files_is_not_overwritten(dataset: Path, command: Command,
                                                      tmp_path: Path) -> None:
    """--out into a folder that holds anything but a result is refused before the run."""
    (tmp_path / "here" / "thesis.txt").write_text("mine")
    refused(command("run", "--data", dataset, "--strategy", "buy_and_hold", "--out", "."), 2,
            "holds other files")
    assert [item.name for item in (tmp_path / "here").iterdir()] == ["thesis.txt"]
