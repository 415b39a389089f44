"""Feeds on different clocks, step by step: where they stand, what is called, what the account is
worth, under backtrader's loop and ours."""

from __future__ import annotations

from collections import Counter
from typing import Any

import backtrader as bt
import numpy as np
import pytest

import deleverage as dl
from deleverage.columns import MarketColumns
from deleverage.statistics.curves import account_curves
from deleverage.timestamps import MINUTE, parse, show
from tests.broker.flows import Flow, comparable
from tests.engine.runs import DENSE, OTHERS, STOCK, Mode, engine_of
from tests.engine.scenes import START, Series, Shock

LATER = show(parse(START) + 47 * MINUTE)
CRASH = (Shock(90, "crash", -900),)
CLOCKS: dict[str, tuple[Series, ...]] = {
    "one begins later": (Series(shocks=CRASH), Series(start=LATER)),
    "the first begins later": (Series(start=LATER, shocks=CRASH), Series()),
    "one ends earlier": (Series(), Series(bars=130, shocks=CRASH)),
    "gaps in one": (Series(shocks=CRASH), Series(holes=(*range(30, 55), *range(99, 120), 121))),
    "5m beside 1m": (Series(), Series(step="5m", bars=48, shocks=(Shock(20, "crash", -900),))),
    "1m beside 5m": (Series(step="5m", bars=48), Series(shocks=CRASH)),
    "no time in common": (Series(shocks=CRASH), Series(start=f"{START}:30")),
    "hours of minutes beside 5m": (Series(step="5m", bars=120), Series(
        bars=600, shown="1h", shocks=(Shock(190, "crash", -900),))),
    "three": (Series(bars=200), Series(step="5m", bars=44, shocks=(Shock(20, "crash", -900),)),
              Series(start=LATER)),
}
NAMES = (("ETHUSDT", 3_000.0, 1.0), ("BTCUSDT", 60_000.0, 20.0), ("SOLUSDT", 150.0, 0.05))
MODES = (STOCK, *OTHERS, DENSE)


class Followed(Flow):
    """A plain strategy that writes down every call: the step, its time, where each feed and each
    indicator stands, what the account is worth."""

    def __init__(self) -> None:
        super().__init__()
        self.slow = [bt.ind.SMA(bt.ind.SMA(data.close, period=3) - data.open, period=2)
                     for data in self.datas]
        self.calls: list[Any] = []

    def prenext(self) -> None:
        self._write("prenext", [])

    def nextstart(self) -> None:
        self._write("nextstart", [each[0] for each in self.slow])

    def next(self) -> None:
        self._write("next", [each[0] for each in self.slow])
        super().next()

    def _write(self, call: str, values: list[float]) -> None:
        self.calls.append(repr((
            call, len(self), self.datetime[0], [len(data) for data in self.datas],
            [data.close[0] for data in self.datas if len(data)],
            [len(each) for each in (self.average, *self.slow)], values,
            self.broker.getvalue(), self.broker.getcash())))


class Every(bt.Analyzer):
    """Equity at every step, before next() starts as well."""

    def start(self) -> None:
        self.equity: list[float] = []

    def prenext(self) -> None:
        self.next()

    def nextstart(self) -> None:
        self.next()

    def next(self) -> None:
        self.equity.append(self.strategy.broker.getvalue())


def _markets(name: str) -> list[tuple[MarketColumns, str | None]]:
    found = []
    for number, (series, (symbol, price, tick)) in enumerate(zip(CLOCKS[name], NAMES,
                                                                strict=False)):
        values = {**vars(series), "symbol": symbol, "price": price, "tick": tick, "seed": number}
        found.append((Series(**values).columns("binance"), series.shown))
    return found


def _ran(markets: list[tuple[MarketColumns, str | None]], mode: Mode, seed: int) -> Any:
    engine = engine_of(mode)
    for columns, shown in markets:
        engine.adddata(dl.feeds.PerpetualData(columns=columns, step=shown))
    engine.setbroker(dl.PerpetualBroker(margin="cross", leverage=20, missing="impute"))
    engine.addstrategy(Followed, seed=seed, size=3.0)
    engine.addanalyzer(Every)
    ran = engine.run()[0]
    if mode is DENSE:
        assert engine.mode_used == "dense"
    return ran


@pytest.mark.parametrize("seeds", [range(1), pytest.param(range(1, 6), marks=pytest.mark.slow)],
                         ids=["1", "5"])
@pytest.mark.parametrize("name", CLOCKS)
def test_every_step_is_backtrader_s(name: str, seeds: range) -> None:
    """Feeds, indicators, prenext, nextstart and next, notifications, journal, equity: equal at
    every step for a plain strategy, and equity is that of the curve made of the journal."""
    markets, found = _markets(name), Counter[str]()
    for seed in seeds:
        stock = _ran(markets, STOCK, seed)
        for mode in MODES[1:]:
            other = _ran(markets, mode, seed)
            assert other.calls == stock.calls, mode.name
            assert other.told == stock.told, mode.name
            assert comparable(other.broker.journal) == comparable(stock.broker.journal), mode.name
            assert other.analyzers[0].equity == stock.analyzers[0].equity, mode.name
        found.update(call.split("'")[1] for call in stock.calls)
        found["fills"] += len(stock.broker.journal.fills)
        found["funding"] += len(stock.broker.journal.funding)
        columns = [data.columns for data in stock.datas]
        if not any(each.inner for each in columns):  # else the curve knows when in the hour it was
            curve = account_curves(stock.broker.journal, columns[0], columns[1:], clock="union")
            np.testing.assert_allclose(curve.equity, stock.analyzers[0].equity, atol=1e-9)
    print(dict(found))
    assert all(found[each] for each in ("prenext", "nextstart", "next"))
    assert found["fills"] > 10
    assert found["funding"] > 1
