"""Every bar visited: the dense loop against stock backtrader, engine and broker and all.

Stock backtrader runs on the first bars of the year and is scaled by bars; load and run count on
both sides. The fills are the same; funding and a mark are ours alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import backtrader as bt
import pandas as pd
import pytest

from benchmarks.conftest import Report
from benchmarks.figures import Aim, at_least
from benchmarks.measure import compare
from benchmarks.runs import Done, ours, stock
from benchmarks.strategies import AlwaysIn, AlwaysInAsked, Exhausted, Indicated
from benchmarks.test_year import pinned
from deleverage.columns import MarketColumns

PRECOMPUTED, INDICATORS, ALWAYS_IN = 60.0, 3.0, 10.0


def same(here: Done, there: Done) -> None:
    """The same fills: bars, sizes and prices, float dust of stock's aside."""
    assert len(here.fills) == len(there.fills) > 0
    for mine, other in zip(here.fills, there.fills, strict=True):
        assert mine == pytest.approx(other, rel=1e-12)


def test_dense_year(benchmark: Any, year_path: Path, year: MarketColumns, stretch: MarketColumns,
                    stretch_frame: pd.DataFrame, report: Report) -> None:
    """The precomputed strategy, every bar of the year visited."""
    measured = compare(benchmark, lambda: ours(year_path, mode="dense"),
                       lambda: stock(stretch_frame, Indicated))
    pinned(measured.result)
    assert measured.result.mode == "dense"
    same(ours(stretch, Exhausted, mode="dense"), stock(stretch_frame, Indicated))
    ratio = measured.under(len(year) / len(stretch))
    report("dense, precomputed: stock / ours", ratio, at_least(60))
    assert ratio >= PRECOMPUTED


@pytest.mark.parametrize(("strategy", "guard", "aim"), [
    (Indicated, INDICATORS, at_least(3)), (AlwaysIn, ALWAYS_IN, at_least(10)),
], ids=["indicators", "always_in"])
def test_dense_unmodified(benchmark: Any, stretch: MarketColumns, stretch_frame: pd.DataFrame,
                          strategy: type[bt.Strategy], guard: float, aim: Aim,
                          report: Report) -> None:
    """A backtrader strategy as it is, on either engine and account."""
    measured = compare(benchmark, lambda: ours(stretch, strategy, entry_bar="backtrader"),
                       lambda: stock(stretch_frame, strategy))
    assert measured.result.mode == "dense"
    same(measured.result, stock(stretch_frame, strategy))
    report(f"dense, {strategy.__name__} as it is: stock / ours", measured.under(), aim)
    assert measured.under() >= guard


@pytest.mark.parametrize("mode", ["dense", "jump"])
def test_always_in_the_market(benchmark: Any, stretch: MarketColumns, stretch_frame: pd.DataFrame,
                              mode: str, report: Report) -> None:
    """Always in, stop and target pending, as a strategy that says when it wakes."""
    measured = compare(
        benchmark, lambda: ours(stretch, AlwaysInAsked, mode=mode, entry_bar="backtrader"),
        lambda: stock(stretch_frame, AlwaysIn))
    assert measured.result.mode == mode
    same(measured.result, stock(stretch_frame, AlwaysIn))
    report(f"{mode}, always in, saying when it wakes: stock / ours", measured.under(),
           at_least(10))
    assert measured.under() >= ALWAYS_IN
