"""Results side by side: ranking, refusals, and the saved yardstick."""

from __future__ import annotations

import dataclasses

import pytest

from deleverage import tearsheet
from deleverage.beside import Baseline, Compared
from deleverage.compare import Comparison
from deleverage.errors import UsageError
from deleverage.tearsheet import compare as compare_sheet
from tests.tearsheet import sheets


def _three() -> list[Compared]:
    own = sheets.result(net=-500.0)
    yardstick = Baseline.against(
        own, [sheets.result("random_entry", net=-50.0) for _ in range(20)])
    return [Compared(own, yardstick), Compared(sheets.result("buy_and_hold", net=100.0)),
            Compared(sheets.result("a/very/long/folder/name/my.py:Mine", net=-900.0))]


def test_runs_are_ranked_by_return() -> None:
    """The best return stands first, and what belongs to a run directly below it."""
    comparison = Comparison.of(_three())
    assert [row.result.spec.strategy.rpartition("/")[2] for row in comparison.rows] == [
        "buy_and_hold", "level_reclaim", "my.py:Mine"]
    rows = compare_sheet.ranking(comparison).splitlines()
    place = next(i for i, line in enumerate(rows) if "level_reclaim" in line)
    assert "shadow: not saved" in rows[place + 1]
    assert "random: beats 0/20" in rows[place + 2]


def test_a_comparison_fits_120_columns_and_shows_the_same_scan() -> None:
    """One grid a scan with a row per run; no line is wider than 120 columns; SYNTHETIC is said."""
    page = tearsheet.side_by_side(Comparison.of(_three()))
    assert max(map(len, page.splitlines())) <= 120
    assert page.count("LEVERAGE SCAN") == 2
    assert "SYNTHETIC" in page.splitlines()[0]
    assert "-25.0 (1)" in page


def test_runs_on_different_data_are_refused_unless_forced() -> None:
    """Another market is refused with what differs; --force compares and says so on the page."""
    rows = [Compared(sheets.result()), Compared(sheets.result(dataset="risk"))]
    with pytest.raises(UsageError, match=r"different data .*content differs.*--force"):
        Comparison.of(rows)
    page = tearsheet.side_by_side(Comparison.of(rows, force=True))
    assert "! DIFFERENT DATA" in page


def test_accounts_that_are_not_alike_are_told_in_words() -> None:
    """Fees in basis points and settings that are absent are written as a reader would."""
    first = sheets.result()
    made = dataclasses.replace(first.provenance, fees=(0.0001, 0.0003))
    spec = dataclasses.replace(first.spec, volume_limit=0.05)
    other = dataclasses.replace(first, provenance=made, spec=spec)
    told = Comparison.of([Compared(first), Compared(other)]).differences
    assert told == (
        "fees differ: maker 1 bp and taker 3 bp, maker 2 bp and taker 5 bp",
        "volume limit differs: 0.05, none")
