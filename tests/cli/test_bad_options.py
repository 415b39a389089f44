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
    (["--strategy", "buy_and_hold", "--slippage", "cascad"], "did you mean 'cascade'"),
    (["--strategy", "buy_and_hold", "--slippage", "volume", "--slippage-bp", "3"],
     "slippage and slippage_bp exclude one another"),
    (["--strategy", "buy_and_hold", "--volume-limit", "1.5"], "volume_limit must be in (0, 1]"),
    (["--strategy", "buy_and_hold", "--latency", "-1"], "latency must be a whole number"),
    (["--strategy", "buy_and_hold", "--publication-latency", "-2"],
     "publication_latency must be a whole number"),
    (["--strategy", "buy_and_hold", "--outage", "2026-01-28T12:00/2026-01-28T11:00"],
     "an outage must begin before it ends"),
    (["--strategy", "buy_and_hold", "--outage", "2026-01-28"], "a pair of times FROM/TO"),
    (["--strategy", "buy_and_hold", "--adl", "2026-01-28,lonk,0.5,3000"], "did you mean 'long'"),
    (["--strategy", "buy_and_hold", "--adl", "2026-01-28,long,2,3000"],
     "share of an auto-deleveraging must be in (0, 1]"),
    (["--strategy", "buy_and_hold", "--off-tick", "rond"], "did you mean 'round'"),
    (["--strategy", "buy_and_hold", "--liquidation", "tkeover"], "did you mean 'takeover'"),
    (["--strategy", "buy_and_hold", "--stop-trigger", "index"], "unknown trigger price 'index'"),
    (["--strategy", "buy_and_hold", "--fee-tier", "VIP10"], "unknown fee tier of binance 'VIP10'"),
    (["--strategy", "buy_and_hold", "--step", "90s"], "the step must be a multiple of 1m"),
    (["--strategy", "buy_and_hold", "--step", "1x"], "not a bar length: '1x'"),
])
def test_a_wrong_word_is_refused(dataset: Path, command: Command, tmp_path: Path,
                                 words: list[str], complaint: str) -> None:
    """Misspelt names, impossible values and excluding options exit 2 and leave no folder."""
    refused(command("run", "--data", dataset, "--out", "result", *words), 2, complaint)
    assert list((tmp_path / "here").iterdir()) == []


def test_two_results_are_not_put_beside_other_files(dataset: Path, command: Command,
                                                    tmp_path: Path) -> None:
    """`--path both --out` writes into a folder of such a run, a new or an empty one only."""
    (tmp_path / "here" / "thesis.txt").write_text("mine")
    refused(command("run", "--data", dataset, "--strategy", "buy_and_hold", "--path", "both",
                    "--out", "."), 2, "holds other files")
    refused(command("--path", "both"), 2, "unknown path policy 'both'")
    assert [item.name for item in (tmp_path / "here").iterdir()] == ["thesis.txt"]


def test_a_folder_with_other_files_is_not_overwritten(dataset: Path, command: Command,
                                                      tmp_path: Path) -> None:
    """--out into a folder that holds anything but a result is refused before the run."""
    (tmp_path / "here" / "thesis.txt").write_text("mine")
    refused(command("run", "--data", dataset, "--strategy", "buy_and_hold", "--out", "."), 2,
            "holds other files")
    assert [item.name for item in (tmp_path / "here").iterdir()] == ["thesis.txt"]
