"""What cannot jump says so by name: mode="jump" refuses it, mode="auto" runs it all the same."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

import deleverage as dl
from deleverage.errors import UnknownName, UsageError
from deleverage.strategies.base import PerpetualStrategy
from tests.markets import make_columns

BARS = 40
PRICES = [100.0 + bar % 3 for bar in range(BARS)]
FLAT = make_columns(PRICES)
Prepare = Callable[[bt.Cerebro], Any]


class Quiet(PerpetualStrategy):
    """Buys one coin at bar 10."""

    params: Any = (("wakes_at", (10,)), ("later", None))

    def wake(self) -> Any:
        return self.p.wakes_at

    def next_wake(self, bar: int) -> int | None:
        return None if self.p.later is None else bar + self.p.later

    def act(self) -> None:
        if self.flat:
            self.buy(size=1)


class Plain(bt.Strategy):
    """A strategy as backtrader knows it."""

    def next(self) -> None:
        if len(self) == 10:
            self.buy(size=1)


def overriding(*names: str) -> type[bt.Strategy]:
    """A Quiet that overrides methods which backtrader calls whether or not anything happened."""
    return type("Overriding", (Quiet,), dict.fromkeys(names, lambda *given: None))


def engine(kind: type[bt.Strategy] = Quiet, mode: str = "jump", broker: Any = None,
           **options: Any) -> bt.Cerebro:
    """An engine with one feed."""
    cerebro = dl.Cerebro(mode=mode, **options)
    cerebro.adddata(dl.feeds.PerpetualData(columns=FLAT))
    cerebro.setbroker(broker or dl.PerpetualBroker())
    cerebro.addstrategy(kind)
    return cerebro


def _resampled(cerebro: bt.Cerebro) -> None:
    cerebro.resampledata(dl.feeds.PerpetualData(columns=FLAT), timeframe=bt.TimeFrame.Minutes,
                         compression=5, name="slow")


def _replayed(cerebro: bt.Cerebro) -> None:
    cerebro.replaydata(dl.feeds.PerpetualData(columns=FLAT), timeframe=bt.TimeFrame.Minutes,
                       compression=5, name="slow")


def _other_clock(cerebro: bt.Cerebro) -> None:
    cerebro.adddata(dl.feeds.PerpetualData(
        columns=make_columns(PRICES[::5], step="5m", symbol="BTCUSDT")))


def _plain_feed(cerebro: bt.Cerebro) -> None:
    stamps = pd.date_range("2026-01-28 00:01", periods=BARS, freq="min")
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0),
                         index=stamps)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame), name="SOMETHING")


def _unsorted_feed(cerebro: bt.Cerebro) -> None:
    stamps = pd.DatetimeIndex(["2026-01-28 00:05", "2026-01-28 00:05", "2026-01-28 00:15"])
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0),
                         index=stamps)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame), name="SOMETHING")


class Counting(bt.Analyzer):
    """A stock analyzer counts bars."""

    bars = 0

    def next(self) -> None:
        self.bars += 1


PARTS: dict[str, tuple[str, Prepare]] = {
    "a stock analyzer": ("the analyzer Counting", lambda c: c.addanalyzer(Counting)),
    "an observer": ("an observer", lambda c: c.addobserver(bt.observers.Broker)),
    "a writer": ("a writer", lambda c: c.addwriter(bt.WriterFile, out=io.StringIO())),
    "a timer": ("a timer", lambda c: c.add_timer(when=dt.time(0, 5))),
    "a cheating timer": ("a timer", lambda c: c.add_timer(when=dt.time(0, 5), cheat=True)),
    "a resampled feed": ("a resampled or replayed feed", _resampled),
    "a replayed feed": ("a resampled or replayed feed", _replayed),
    "two strategies": ("more than one strategy", lambda c: c.addstrategy(Plain)),
    "a feed with the same time twice": (
        "different clocks and times of SOMETHING that do not ascend", _unsorted_feed),
    "a feed without columns": ("a feed that is not a PerpetualData", _plain_feed),
}


class Unclocked(Quiet):
    """Has an indicator that follows the strategy, not a feed."""

    def __init__(self) -> None:
        self.seven = bt.LineNum(7)


KINDS: dict[str, tuple[str, type[bt.Strategy]]] = {
    "a plain strategy": ("Plain, which is not a PerpetualStrategy", Plain),
    **{name: (f"Overriding.{name}", overriding(name)) for name in (
        "prenext", "notify_timer", "next_open", "_oncepost", "clear")},
    **{name: ("a notify_cashvalue or notify_fund", overriding(name)) for name in (
        "notify_cashvalue", "notify_fund")},
    "a plain strategy that calls itself safe": (
        "Boasting, which is not a PerpetualStrategy",
        type("Boasting", (Plain,), {"jump_safe": True})),
}
OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "preload": ("preload or runonce is off", {"preload": False}),
    "runonce": ("preload or runonce is off", {"runonce": False}),
    "stdstats": ("an observer", {"stdstats": True}),
    "exactbars": ("exactbars", {"exactbars": 1}),
    "quicknotify": ("quicknotify", {"quicknotify": True}),
    "oldsync": ("oldsync", {"oldsync": True}),
}


def _unclocked(mode: str) -> bt.Cerebro:
    cerebro = engine(Unclocked, mode)
    _other_clock(cerebro)
    return cerebro


CASES = [pytest.param(part, lambda mode, prepare=prepare: _prepared(mode, prepare), id=name)
         for name, (part, prepare) in PARTS.items()]
CASES += [pytest.param(part, lambda mode, kind=kind: engine(kind, mode), id=name)
          for name, (part, kind) in KINDS.items()]
CASES += [pytest.param(part, lambda mode, given=given: engine(mode=mode, **given), id=name)
          for name, (part, given) in OPTIONS.items()]
CASES += [pytest.param("different clocks and an indicator that follows no feed's", _unclocked,
                       id="an indicator on no feed's clock")]


def _prepared(mode: str, prepare: Prepare) -> bt.Cerebro:
    cerebro = engine(mode=mode)
    prepare(cerebro)
    return cerebro


@pytest.mark.parametrize(("part", "build"), CASES)
def test_jump_names_the_part_that_cannot(part: str, build: Callable[[str], Any]) -> None:
    """The error says which part, and that auto jumps where it can; auto runs and says the same."""
    with pytest.raises(UsageError) as caught:
        build("jump").run()
    assert str(caught.value) == (f"mode='jump' is not possible with {part}; mode='auto' jumps "
                                 "where it can")
    cerebro = build("auto")
    cerebro.run()
    assert cerebro.dense_because == part
    assert cerebro.mode_used in ("dense", "stock")
    assert (cerebro.mode_used == "stock") == (cerebro.stock_loop_because is not None)


def test_a_foreign_broker_cannot_jump() -> None:
    """backtrader's own broker knows no next event."""
    with pytest.raises(UsageError, match="not possible with the broker BackBroker"):
        engine(broker=bt.brokers.BackBroker(cash=1e5)).run()
    cerebro = engine(mode="auto", broker=bt.brokers.BackBroker(cash=1e5))
    assert cerebro.run()[0].broker.getvalue() > 0
    assert (cerebro.mode_used, cerebro.dense_because) == ("dense", "the broker BackBroker")


@pytest.mark.parametrize("mode", ["auto", "jump"])
def test_what_can_jump_does(mode: str) -> None:
    """Nothing is in the way: the engine says that it jumped and that nothing kept it from it."""
    cerebro = engine(mode=mode)
    assert cerebro.mode_used is None
    cerebro.addanalyzer(dl.analyzers.Liquidations)
    cerebro.run()
    assert (cerebro.mode_used, cerebro.dense_because, cerebro.stock_loop_because) == (
        "jump", None, None)


@pytest.mark.parametrize(("mode", "used"), [("auto", "jump"), ("dense", "dense")])
def test_feeds_on_different_clocks_need_no_other_loop(mode: str, used: str) -> None:
    """A feed of five minutes beside one of one minute, with indicators on both: both loops do."""
    class Averaging(Quiet):
        def __init__(self) -> None:
            self.averages = [bt.ind.SMA(bt.ind.SMA(data.close, period=2) - data.open, period=2)
                             for data in self.datas]

    cerebro = engine(Averaging, mode)
    _other_clock(cerebro)
    cerebro.run()
    assert (cerebro.mode_used, cerebro.dense_because, cerebro.stock_loop_because) == (
        used, None, None)


def test_dense_is_dense() -> None:
    """Asked for, the dense loop runs where the engine could jump."""
    cerebro = engine(mode="dense")
    cerebro.run()
    assert (cerebro.mode_used, cerebro.dense_because) == ("dense", None)


@pytest.mark.parametrize("ask", [lambda: dl.Cerebro(mode="jmup"),
                                 lambda: engine().run(mode="jmup")], ids=["made", "run"])
def test_an_unknown_mode_has_a_near_miss(ask: Callable[[], Any]) -> None:
    """Where the engine is made and where it is run."""
    with pytest.raises(UnknownName, match="unknown engine mode 'jmup'; did you mean 'jump'"):
        ask()


def test_a_misspelt_parameter_of_run_is_refused() -> None:
    """backtrader takes run(preloda=False) and preloads."""
    with pytest.raises(UnknownName, match=r"unknown Cerebro parameter 'preloda'.*'preload'"):
        engine().run(preloda=False)


def test_a_mode_given_to_run_holds() -> None:
    """run(mode=…) is heard as the constructor's is."""
    cerebro = engine()
    cerebro.run(mode="dense")
    assert cerebro.mode_used == "dense"


@pytest.mark.parametrize("mode", ["auto", "dense", "jump"])
@pytest.mark.parametrize(("wake", "message"), [
    ((20, 10), "must ascend, found bar 10 after 20"), ((10, 10), "must ascend"),
    ((-1, 10), "names bar -1: the data has bars 0 to 39"),
    ((10, BARS), "names bar 40: the data has bars 0 to 39"),
    ((10.5,), "must return bar numbers"), ((True, False), "must return bar numbers"),
    (None, "must return bar numbers, found None"),
    (np.array([[1, 2], [3, 4]]), "must return bar numbers"),
])
def test_wakes_that_are_no_bars_are_refused(mode: str, wake: Any, message: str) -> None:
    """Unsorted, repeated, negative, beyond the data, no numbers: said before the first bar."""
    class Bad(Quiet):
        def wake(self) -> Any:
            return wake

    with pytest.raises(UsageError, match=message):
        engine(Bad, mode).run()


@pytest.mark.parametrize("mode", ["auto", "dense", "jump"])
@pytest.mark.parametrize("later", [0, -5])
def test_a_next_wake_in_the_past_is_refused(mode: str, later: int) -> None:
    """The bar it was asked in, and one before it, are no bars to come."""
    cerebro = dl.Cerebro(mode=mode)
    cerebro.adddata(dl.feeds.PerpetualData(columns=FLAT))
    cerebro.setbroker(dl.PerpetualBroker())
    cerebro.addstrategy(Quiet, later=later)
    with pytest.raises(UsageError, match=rf"Quiet.next_wake\(11\) returned {11 + later}"):
        cerebro.run()


@pytest.mark.parametrize("name", ["next", "nextstart"])
def test_a_class_with_wake_and_next_says_which_to_drop(name: str) -> None:
    """The gate is next() itself, also where nextstart() would stand in for it."""
    with pytest.raises(UsageError, match=rf"Both overrides {name}\(\).* drop {name}\(\)"):
        type("Both", (PerpetualStrategy,), {"wake": lambda self: [1], name: lambda self: None})


def test_the_same_engine_runs_twice() -> None:
    """Nothing of the first run is left: the second jumps to the same fill."""
    cerebro = engine()
    first = cerebro.run()[0].broker.journal.fills
    second = cerebro.run()[0].broker.journal.fills
    assert [(fill.bar, fill.price) for fill in first] == [(11, 101.0)]
    assert [(fill.bar, fill.price) for fill in second] == [(11, 101.0)]
