"""Cost grows with events, not with bars: five years, ten times the events, a month of seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import yardstick
from benchmarks.conftest import Report, raw_files
from benchmarks.figures import at_most
from benchmarks.job import BUSY_YEAR, FIVE_YEARS, MONTH_OF_SECONDS, dataset_of
from benchmarks.measure import compare
from benchmarks.runs import Done, ours
from benchmarks.signals import Rule
from benchmarks.test_year import SETTLEMENTS, TRADES, pinned
from deleverage.columns import MarketColumns
from deleverage.feeds.dataset import Dataset
from deleverage.timestamps import SECOND

FIVE_TIMES_BARS, TEN_TIMES_EVENTS, SECONDS_OVER_LOOP = 2.0, 18.0, 10.0
HOLD = 12 * 3_600  # the rule's longest holding, in bars of a second
BUSY_TRADES, BUSY_EQUITY = 535, 1_153_820.9953625358
MONTH_TRADES, MONTH_EQUITY = 20, 1_004_565.7848490058


class Loop:
    """The time in the loop over the bars alone: load and signals aside."""

    def __init__(self, columns: MarketColumns) -> None:
        self.columns = columns
        self.best = float("inf")

    def __call__(self) -> Done:
        """One run."""
        done = ours(self.columns)
        self.best = min(self.best, done.run)
        return done


def test_five_times_the_bars(benchmark: Any, year: MarketColumns, report: Report) -> None:
    """Four more years in which nothing is liquidated: the same fills, and hardly more time."""
    long, short = Loop(Dataset.open(dataset_of(FIVE_YEARS).path).columns()), Loop(year)
    assert len(long.columns) == 5 * len(year)
    measured = compare(benchmark, long, short)
    pinned(measured.result)
    assert measured.result.fills == short().fills
    report("5 times the bars, same events: run / run", long.best / short.best, at_most(1.5))
    report("5 times the bars, same events: whole / whole", measured.over())
    assert long.best / short.best <= FIVE_TIMES_BARS


def test_ten_times_the_events(benchmark: Any, year: MarketColumns, report: Report) -> None:
    """A year with ten times the cascades: time grows as the fills do."""
    busy, calm = Loop(Dataset.open(dataset_of(BUSY_YEAR).path).columns()), Loop(year)
    measured = compare(benchmark, busy, calm)
    done = measured.result
    assert (len(done.entered), len(done.left)) == (BUSY_TRADES, BUSY_TRADES)
    assert done.equity == pytest.approx(BUSY_EQUITY, abs=1e-6)
    fills, settled = len(done.fills) / (2 * TRADES), done.settlements / SETTLEMENTS
    report(f"{fills:.1f} times the fills, {settled:.1f} the settlements: run / run",
           busy.best / calm.best, at_most(12))
    assert busy.best / calm.best <= TEN_TIMES_EVENTS


def test_month_of_seconds(benchmark: Any, loops: float, tmp_path: Path, report: Report) -> None:
    """Thirty days of one-second bars, load and run, against the loop on the same bars."""
    path = dataset_of(MONTH_OF_SECONDS).path
    rule = Rule(hold=HOLD)
    files = raw_files(tmp_path, Dataset.open(path).columns())

    def loop() -> yardstick.Walked:
        opened, low, close, longs = files.load()
        return yardstick.walked(opened, close, yardstick.prepared(low, longs, SECOND), rule)

    measured = compare(benchmark, lambda: ours(path, hold=HOLD), loop)
    done, walked = measured.result, loop()
    assert (done.entered, done.left) == (tuple(walked.entered), tuple(walked.left))
    assert (len(done.entered), done.liquidations) == (MONTH_TRADES, 0)
    assert done.equity == pytest.approx(MONTH_EQUITY, abs=1e-6)
    report("a month of one-second bars, load + run / loop", measured.over())
    assert measured.over() <= SECONDS_OVER_LOOP
