"""One year: from opening the dataset to the last bar, beside the loop, a cold open, and stock."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks import twin, yardstick
from benchmarks.conftest import RawFiles, Report
from benchmarks.figures import at_least, at_most
from benchmarks.measure import compare
from benchmarks.runs import Done, ours, stock
from benchmarks.signals import YEAR_RULE, Features
from benchmarks.strategies import Exhausted, Indicated
from benchmarks.yardstick import Walked
from deleverage.columns import MarketColumns

TRADES, EQUITY, SETTLEMENTS = 49, 1_007_130.7157913176, 57
SLOWER_THAN_LOOP, FASTER_THAN_STOCK = 2 * 20.0, 200 / 2


def loop(files: RawFiles) -> Walked:
    """The yardstick: read its columns, compute its features, walk its bars."""
    opened, low, close, longs = files.load()
    return yardstick.walked(opened, close, yardstick.prepared(low, longs), YEAR_RULE)


def same_trades(done: Done, walked: Walked) -> None:
    """Our fills are at the loop's bars."""
    assert done.entered == tuple(walked.entered)
    assert done.left == tuple(walked.left)


def pinned(done: Done) -> None:
    """The year's result, to the cent and beyond."""
    assert (len(done.entered), len(done.left)) == (TRADES, TRADES)
    assert (done.settlements, done.liquidations) == (SETTLEMENTS, 0)
    assert done.equity == pytest.approx(EQUITY, abs=1e-6)


def test_the_loop_and_its_twin_agree(year: MarketColumns, year_features: Features,
                                     loops: float, report: Report) -> None:
    """The compiled loop's trades and money on the year are its NumPy twin's."""
    lines = year.lines
    walked = yardstick.walked(lines["open"], lines["close"], year_features, YEAR_RULE)
    hopped = twin.hopped(lines["open"], lines["close"], year_features, YEAR_RULE)
    np.testing.assert_array_equal(walked.entered, hopped.entered)
    np.testing.assert_array_equal(walked.left, hopped.left)
    assert walked.net == pytest.approx(hopped.net, abs=1e-9)
    report("the loop's compilation, or loading it from disk", loops, unit="s")


def test_year(benchmark: Any, year_path: Path, year_files: RawFiles, report: Report) -> None:
    """Load and run through the column cache, against the loop that reads its own columns."""
    measured = compare(benchmark, lambda: ours(year_path), lambda: loop(year_files))
    pinned(measured.result)
    same_trades(measured.result, loop(year_files))
    assert measured.result.mode == "jump"
    report("year, load + run / loop", measured.over(), at_most(5))
    assert measured.over() <= SLOWER_THAN_LOOP


def test_year_in_memory(benchmark: Any, year: MarketColumns, loops: float, report: Report) -> None:
    """The run alone, columns open and signals known, against the loop with its features ready."""
    lines = {name: np.array(year.lines[name]) for name in ("open", "low", "close",
                                                           "long_liquidations")}
    measured = compare(
        benchmark, lambda: ours(year),
        lambda: yardstick.walked(lines["open"], lines["close"], yardstick.prepared(
            lines["low"], lines["long_liquidations"]), YEAR_RULE))
    pinned(measured.result)
    report("year, in memory, signals known / loop", measured.over())


def test_year_cold(benchmark: Any, year_path: Path, year_files: RawFiles, tmp_path: Path,
                   report: Report) -> None:
    """The first run ever on a dataset: Parquet verified, joined, cached, then run."""
    cold = tmp_path / "cold"
    shutil.copytree(year_path, cold, ignore=shutil.ignore_patterns(".cache"))

    def first() -> Done:
        shutil.rmtree(cold / ".cache", ignore_errors=True)
        return ours(cold)

    measured = compare(benchmark, first, lambda: loop(year_files))
    pinned(measured.result)
    report("year, cold open from Parquet + run / loop", measured.over())


def test_year_against_stock(benchmark: Any, year_path: Path, year: MarketColumns,
                            stretch: MarketColumns, stretch_frame: pd.DataFrame,
                            report: Report) -> None:
    """Our year end to end, against stock backtrader end to end on a stretch, scaled by bars."""
    scale = len(year) / len(stretch)
    measured = compare(benchmark, lambda: ours(year_path),
                       lambda: stock(stretch_frame, Indicated))
    pinned(measured.result)
    assert ours(stretch, Exhausted).fills == stock(stretch_frame, Indicated).fills
    report("year, stock (scaled by bars) / ours", measured.under(scale),
           at_least(200, 500))
    assert measured.under(scale) >= FASTER_THAN_STOCK
