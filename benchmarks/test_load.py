"""Loading alone: from an opened folder to a feed whose lines are filled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import backtrader as bt
import pandas as pd

import deleverage as dl
from benchmarks.conftest import RawFiles, Report
from benchmarks.measure import compare
from benchmarks.runs import StockFeed
from deleverage.columns import MarketColumns
from deleverage.feeds.dataset import Dataset

FASTER_THAN_STOCK, OVER_READING = 200.0, 100.0


def filled(feed: Any) -> Any:
    """A feed with all its lines filled, as an engine would."""
    feed.setenvironment(bt.Cerebro())
    feed._start()
    feed.preload()
    return feed


def our_load(path: Path) -> Any:
    """From the folder through the column cache to filled lines."""
    return filled(dl.feeds.PerpetualData(columns=Dataset.open(path).columns()))


def test_load_against_stock(benchmark: Any, year_path: Path, year: MarketColumns,
                            stretch: MarketColumns, stretch_frame: pd.DataFrame,
                            report: Report) -> None:
    """The year's feed against backtrader's own of a data frame, scaled by bars."""
    measured = compare(benchmark, lambda: our_load(year_path),
                       lambda: filled(StockFeed(dataname=stretch_frame)))
    feed, there = measured.result, filled(StockFeed(dataname=stretch_frame))
    assert feed.buflen() == len(year)
    for name in ("close", "long_liquidations"):
        ours, theirs = (getattr(each.lines, name).array for each in (feed, there))
        assert list(ours[:len(stretch)]) == list(theirs)
    ratio = measured.under(len(year) / len(stretch))
    report("load alone: stock / ours", ratio)
    assert ratio >= FASTER_THAN_STOCK


def test_load_against_reading(benchmark: Any, year_path: Path, year: MarketColumns,
                              year_files: RawFiles, report: Report) -> None:
    """The year's feed with all its lines against reading the four columns the loop needs."""
    measured = compare(benchmark, lambda: our_load(year_path), year_files.load)
    assert measured.result.buflen() == len(year)
    report("load alone / reading the loop's four columns", measured.over())
    assert measured.over() <= OVER_READING
