"""Liquidations and funding as feeds of their own, without backtrader's look-ahead."""

from __future__ import annotations

import pickle
from datetime import datetime
from itertools import product
from typing import Any

import backtrader as bt
import numpy as np
import pytest

from deleverage.columns import MarketColumns
from deleverage.errors import UnknownName, UsageError
from deleverage.feeds import FundingData, LiquidationData, PerpetualData
from tests.markets import make_columns, make_dataset, random_market

MODES = [{"preload": p, "runonce": r} for p, r in product((True, False), repeat=2)]


class Watcher(bt.Strategy):
    """Notes time, length and values of the event feed at every call, prenext included."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def prenext(self) -> None:
        self.next()

    def next(self) -> None:
        events = self.datas[1]
        self.calls.append((self.data.datetime[0], len(events), events.close[0], events.close[-1]))


def watched(feed: Any, columns: MarketColumns, mode: dict[str, bool], **options: Any) -> Watcher:
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(PerpetualData(columns=columns))
    cerebro.adddata(feed(columns=columns, **options))
    cerebro.addstrategy(Watcher)
    return cerebro.run(**mode)[0]


def one_event() -> MarketColumns:
    return make_columns([100.0] * 6, funding=[("2026-01-28T00:04", 5e-4)], interval_h=24,
                        liquidations=[{"ts": "2026-01-28T00:03:30", "liq_side": "long",
                                       "notional_usd": 70.0}])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("feed", "value"), [(LiquidationData, 70.0), (FundingData, 5e-4)])
def test_nothing_is_seen_before_its_bar(feed, value, mode):
    """Stock backtrader would show the last row of the file at bar 1; here it is NaN until 00:04."""
    calls = watched(feed, one_event(), mode).calls
    assert len(calls) == 6
    shown = [call[2] for call in calls]
    assert np.isnan(shown[:3]).all()
    assert shown[3:] == [value] * 3
    assert np.isnan([call[3] for call in calls]).all(), "nor is anything before it"


@pytest.mark.parametrize("mode", MODES)
def test_a_feed_that_starts_later_than_the_prices_shows_nan_until_then(mode):
    """With a fromdate of its own the feed has no bar yet, and still shows no future."""
    calls = watched(LiquidationData, one_event(), mode,
                    fromdate=datetime(2026, 1, 28, 0, 4)).calls
    assert [call[1] for call in calls] == [0, 0, 0, 1, 1, 1]
    assert np.isnan([call[2] for call in calls][:3]).all()
    assert calls[3][2] == 70.0


def test_a_positive_index_is_refused():
    """Reading the next event is an error, preloaded or not."""
    refused = []

    class Peeks(bt.Strategy):
        def next(self) -> None:
            with pytest.raises(IndexError, match="lies in the future"):
                _ = self.datas[1].long_liquidations[1]
            refused.append(True)

    cerebro = bt.Cerebro(stdstats=False)
    columns = one_event()
    cerebro.adddata(PerpetualData(columns=columns))
    cerebro.adddata(LiquidationData(columns=columns))
    cerebro.addstrategy(Peeks)
    cerebro.run()
    assert refused


def test_the_events_are_those_of_the_price_feeds_lines():
    """Bar by bar the sparse feed and the lines of PerpetualData tell the same."""
    columns = random_market(2, 3_000, step="5m")
    found = {}

    class Collects(bt.Strategy):
        def next(self) -> None:
            events = self.datas[1]
            found[events.datetime[0]] = (events.long_liquidations[0], events.liquidation_count[0])

    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(PerpetualData(columns=columns))
    cerebro.adddata(LiquidationData(columns=columns))
    cerebro.addstrategy(Collects)
    cerebro.run()
    lines = columns.lines
    happened = np.flatnonzero(lines["long_liquidations"] + lines["short_liquidations"] > 0)
    expected = [(lines["long_liquidations"][bar], lines["liquidation_count"][bar])
                for bar in happened]
    assert [pair for pair in found.values() if pair[1] == pair[1]] == expected


def test_an_event_feed_opens_a_dataset_and_survives_pickling(tmp_path):
    """By folder like the price feed; one source, not two."""
    make_dataset(tmp_path / "set", [100.0] * 3, funding=[("2026-01-28T00:02", 1e-4)])
    data = FundingData(dataset=tmp_path / "set")
    assert data._name == "ETHUSDT FundingData"
    assert pickle.loads(pickle.dumps(data)).p.dataset == str(tmp_path / "set")
    with pytest.raises(UsageError, match="FundingData needs one of"):
        FundingData()
    with pytest.raises(UnknownName, match="did you mean 'dataset'"):
        FundingData(dataste=tmp_path / "set")


def test_one_venue_alone(tmp_path):
    """A feed of one venue holds that venue's bars; a misspelt one is named with its near miss."""
    dataset = make_dataset(tmp_path / "set", np.linspace(100, 110, 48), step="1h",
                           liquidations=OF_TWO)
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(LiquidationData(dataset=dataset, venue="bybit"))
    cerebro.addstrategy(bt.Strategy)
    feed = cerebro.run()[0].data
    assert feed.close.get(size=1)[0] == 300.0
    with pytest.raises(UnknownName, match="did you mean 'bybit'"):
        LiquidationData(dataset=dataset, venue="bibit")


OF_TWO = [{"ts": "2026-01-28T05:30", "liq_side": "long", "notional_usd": 10.0, "venue": "binance"},
          {"ts": "2026-01-29T02:10", "liq_side": "short", "notional_usd": 50.0,
           "venue": "binance"},
          {"ts": "2026-01-29T02:20", "available_at": "2026-01-29T03:05", "liq_side": "long",
           "notional_usd": 300.0, "venue": "bybit"}]


@pytest.mark.parametrize("late", [0, 2])
def test_single_events_end_with_the_bar(tmp_path, late):
    """A strategy sees the events known by its bar, a publication latency later, never one more."""
    dataset = make_dataset(tmp_path / "set", np.linspace(100, 110, 48), step="1h",
                           liquidations=OF_TWO)
    seen = {}

    class Looks(bt.Strategy):
        def next(self):
            found = self.data.liquidations(bars=3)
            if len(found):
                seen[len(self) - 1] = list(zip(found.side.tolist(), found.usd.tolist(),
                                               found.venue.tolist(), strict=True))

    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(PerpetualData(dataset=dataset, publication_latency=late))
    cerebro.addstrategy(Looks)
    cerebro.run()
    first, second, third = (1, 10.0, "binance"), (-1, 50.0, "binance"), (1, 300.0, "bybit")
    assert seen == {bar + late: events for bar, events in {
        5: [first], 6: [first], 7: [first], 26: [second], 27: [second, third],
        28: [second, third], 29: [third]}.items()}


def test_single_events_need_a_dataset_and_bars():
    """Columns hold sums per bar only."""
    feed = PerpetualData(columns=make_columns(np.linspace(100, 110, 8)))
    with pytest.raises(UsageError, match="single liquidations need dataset="):
        feed.liquidations()
