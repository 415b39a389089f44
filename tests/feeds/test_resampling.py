"""Resampled, replayed and filtered views of the feed."""

from __future__ import annotations

from datetime import datetime

import backtrader as bt
import numpy as np
import pytest

from deleverage.columns import BASE_LINES, MarketColumns
from deleverage.errors import UsageError
from deleverage.feeds import PerpetualData
from tests.markets import random_market


@pytest.fixture(scope="module")
def market() -> MarketColumns:
    return random_market(11, 5_000, step="5m")


class TwoFeeds(bt.Strategy):
    """Keeps the rows of the second, slower feed as they complete."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, ...]] = []
        self.stamps: list[datetime] = []

    def next(self) -> None:
        slow = self.datas[-1]
        if self.stamps and slow.datetime.datetime(0) == self.stamps[-1]:
            self.rows.pop()
            self.stamps.pop()
        self.stamps.append(slow.datetime.datetime(0))
        self.rows.append((slow.open[0], slow.high[0], slow.low[0], slow.close[0], slow.volume[0]))


def hourly(market: MarketColumns, hours: int) -> list[tuple[float, ...]]:
    rows: list[tuple[float, ...]] = []
    for hour in range(hours):
        part = slice(12 * hour, 12 * hour + 12)
        bar = {name: market.lines[name][part] for name in BASE_LINES[:5]}
        rows.append((bar["open"][0], bar["high"].max(), bar["low"].min(), bar["close"][-1],
                     bar["volume"].sum()))
    return rows


@pytest.mark.parametrize("mode", [{}, {"runonce": False}, {"preload": False}])
def test_a_resampled_clone_carries_the_hours_ohlcv(market, mode):
    """00:05 to 01:00 make the hour stamped 01:00: close stamps resample rightly."""
    cerebro = bt.Cerebro(stdstats=False)
    data = PerpetualData(columns=market.sliced(0, 480))
    cerebro.adddata(data)
    cerebro.resampledata(data, timeframe=bt.TimeFrame.Minutes, compression=60)
    cerebro.addstrategy(TwoFeeds)
    strategy = cerebro.run(**mode)[0]
    assert strategy.stamps[0] == datetime(2026, 1, 28, 1)
    np.testing.assert_allclose(strategy.rows, hourly(market, 40), rtol=1e-12)
    assert len(data.columns) == 480
    assert not hasattr(cerebro.datas[1], "columns")


def test_a_replayed_clone_builds_the_hour_bar_by_bar(market):
    """Replay shows the growing hour; its final states are the hours."""
    cerebro = bt.Cerebro(stdstats=False)
    data = PerpetualData(columns=market.sliced(0, 480))
    cerebro.adddata(data)
    cerebro.replaydata(data, timeframe=bt.TimeFrame.Minutes, compression=60)
    cerebro.addstrategy(TwoFeeds)
    strategy = cerebro.run()[0]
    ends = [row for row, at in zip(strategy.rows, strategy.stamps, strict=True) if at.minute == 0]
    np.testing.assert_allclose(ends, hourly(market, 40), rtol=1e-12)


def test_the_feed_itself_may_be_resampled_and_then_has_no_columns(market):
    """Resampling without adding the original works; its bars are no longer the market's."""
    cerebro = bt.Cerebro(stdstats=False)
    data = PerpetualData(columns=market.sliced(0, 480))
    cerebro.resampledata(data, timeframe=bt.TimeFrame.Minutes, compression=60)
    cerebro.addstrategy(TwoFeeds)
    strategy = cerebro.run()[0]
    np.testing.assert_allclose(strategy.rows, hourly(market, 40), rtol=1e-12)
    with pytest.raises(UsageError, match="resampled or filtered bars have no columns"):
        _ = data.columns


class Counter(bt.Strategy):
    """Counts the bars it is shown."""

    bars = 0

    def next(self) -> None:
        self.bars += 1


def test_a_filter_sees_every_bar(market):
    """A filter that drops bars gets them one by one."""
    cerebro = bt.Cerebro(stdstats=False)
    data = PerpetualData(columns=market)
    data.addfilter_simple(lambda feed: feed.datetime.time(0).hour != 12)
    cerebro.adddata(data)
    cerebro.addstrategy(Counter)
    assert 0 < cerebro.run()[0].bars < len(market) / 20
