"""For what a run needs the engine, by name; and that it then gets the engine's result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import backtrader as bt
import pytest

import deleverage as dl
from deleverage.direct import NotDirect, ask, trade
from deleverage.errors import UnknownName
from deleverage.results import RunResult
from deleverage.runner import run
from deleverage.sizers import MarginFraction
from deleverage.strategies.base import PerpetualStrategy
from deleverage.strategies.exits import LONG, SHORT, Signal, SignalStrategy
from tests.direct import results
from tests.direct.results import spec
from tests.markets import make_columns

CLOSES = [100.0, 101.0, 102.0, 101.0, 100.0, 99.0, 98.0, 99.0, 100.0, 101.0, 102.0, 103.0]
COLUMNS = make_columns(CLOSES)
CASH = 10_000.0


class Plain(SignalStrategy):
    """Goes long at bar 1 and short at bar 5; needs no engine."""

    def signals(self) -> Mapping[int, Signal]:
        return {1: Signal(LONG, hold=3), 5: Signal(SHORT, stop=110.0, hold=3)}


class OwnAct(Plain):
    def act(self) -> None:
        super().act()


class OwnEnter(Plain):
    def enter(self, signal: Signal) -> None:
        super().enter(signal)


class OwnOrders(Plain):
    def notify_order(self, order: Any) -> None:
        """Heard."""


class OwnInit(Plain):
    def __init__(self) -> None:
        self.average = bt.indicators.SMA(self.data.close, period=2)


class OwnNotice(Plain):
    def notify_liquidation(self, event: Any) -> None:
        """Heard."""


class Child(OwnAct):
    """Has it from its parent."""


class Hears:
    """Not a strategy at all."""

    def notify_liquidation(self, event: Any) -> None:
        """Heard."""


class Mixed(Plain, Hears):
    """Has it from behind SignalStrategy."""


class Adds(Plain):
    def signals(self) -> Mapping[int, Signal]:
        return {1: Signal(LONG), 2: Signal(LONG, adds=True)}


class Asks(Plain):
    def signals(self) -> Mapping[int, Signal]:
        return {1: Signal(LONG if self.broker.getvalue() else SHORT)}


class AsksTheFeed(Plain):
    def signals(self) -> Mapping[int, Signal]:
        return {1: Signal(LONG if len(self.data.volume) >= 0 else SHORT)}


class NoSignals(PerpetualStrategy):
    def act(self) -> None:
        if self.flat:
            self.buy(size=1.0)


CLASSES = [
    (OwnAct, "OwnAct has its own act"), (OwnEnter, "OwnEnter has its own enter"),
    (OwnOrders, "OwnOrders has its own notify_order"), (OwnInit, "OwnInit has its own __init__"),
    (OwnNotice, "OwnNotice has its own notify_liquidation"), (Child, "OwnAct has its own act"),
    (Mixed, "Hears has its own notify_liquidation"), (Asks, r"Asks.signals\(\): Attr.*broker"),
    (AsksTheFeed, r"AsksTheFeed.signals\(\): Attr.*volume"),
    (NoSignals, "NoSignals is no SignalStrategy")]


def directly(kind: type, columns: Any = COLUMNS, params: Mapping[str, Any] | None = None,
             **account: Any) -> Any:
    """The run without an engine."""
    broker: Any = dl.PerpetualBroker
    return trade(ask(kind, params or {}, columns), broker(cash=CASH, **account), MarginFraction())


def both(kind: type, columns: Any = COLUMNS, **fields: Any) -> RunResult:
    """The result with ``direct``, which is the one without."""
    return results.both(spec(**fields), columns, kind)


def test_a_strategy_of_signals_needs_none() -> None:
    """So that every test below shows what it says it shows."""
    assert len(directly(Plain).journal.fills) == 4
    assert both(Plain).trades


@pytest.mark.parametrize(("kind", "reason"), CLASSES, ids=[kind.__name__ for kind, _ in CLASSES])
def test_strategies_that_do_more_than_signal(kind: type, reason: str) -> None:
    """Code of its own that the engine would call, or that asks the engine something."""
    with pytest.raises(NotDirect, match=reason):
        ask(kind, {}, COLUMNS)
    assert both(kind).trades


def test_an_entry_that_rests() -> None:
    """A limit entry waits for its price."""
    with pytest.raises(NotDirect, match="entry=limit: an entry that rests"):
        ask(Plain, {"entry": "limit"}, COLUMNS)
    assert both(Plain, params={"entry": "limit"}).journal.fills


STAMP = "2026-01-28T00:04"
ACCOUNTS: list[tuple[dict[str, Any], str]] = [
    ({"latency": 2}, "latency=2"), ({"volume_limit": 0.5}, "volume_limit=0.5"),
    ({"outage": ((STAMP, "2026-01-28T00:06"),)}, "outage="),
    ({"adl": ((STAMP, "long", 0.5, 101.0),)}, "adl="),
    ({"on_liquidation": "stop"}, "on_liquidation=stop")]


@pytest.mark.parametrize(("account", "reason"), ACCOUNTS, ids=[why for _, why in ACCOUNTS])
def test_accounts_on_which_orders_do_not_simply_fill(account: dict[str, Any], reason: str) -> None:
    """Orders that wait, fill in parts or are refused for a time; events nobody sent."""
    with pytest.raises(NotDirect, match=reason):
        directly(Plain, **account)
    assert both(Plain, **account).provenance.bars == len(CLOSES)


@pytest.mark.parametrize(("account", "reason"), [
    ({"hedge": True}, "hedge=True"), ({"entry_bar": "backtrader"}, "entry_bar=backtrader")])
def test_accounts_a_specification_does_not_know(account: dict[str, Any], reason: str) -> None:
    """Both sides at once, and children that live a bar later."""
    with pytest.raises(NotDirect, match=reason):
        directly(Plain, **account)


@pytest.mark.parametrize("fields", [{"step": "2m"}, {"publication_latency": 2}],
                         ids=["step", "publication_latency"])
def test_bars_that_are_not_the_markets(fields: dict[str, Any],
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    """Coarser bars, or bars told late: the run goes through the engine."""
    asked: list[Any] = []
    monkeypatch.setattr("deleverage.runner.ask", lambda *given: asked.append(given))
    both(Plain, **fields)
    assert asked == []


def test_a_bar_without_a_mark() -> None:
    """Whether it may be met is known at the bar only; with a mark taken instead it is none."""
    columns = make_columns(CLOSES, mark=CLOSES[:6])
    for missing in ("skip", "fail"):
        with pytest.raises(NotDirect, match="bars without a mark"):
            directly(Plain, columns, missing=missing)
    assert directly(Plain, columns, missing="impute").journal.fills
    assert directly(Plain, columns, missing="skip", mark="last").journal.fills
    assert both(Plain, columns, missing="impute").trades


def test_signals_that_add() -> None:
    """A position has one stop and one target there; one that adds to none is an entry."""
    with pytest.raises(NotDirect, match="a signal that adds to a position"):
        directly(Adds)
    assert len(both(Adds).journal.fills) == 2


class Large(Plain):
    """A position that the venue sells in parts."""

    def signals(self) -> Mapping[int, Signal]:
        return {1: Signal(LONG, size=1_000.0, hold=3)}


def test_a_close_that_the_venue_takes_off_the_book() -> None:
    """A gap of the mark at the bar of the close: the venue sells a part first, without it."""
    mark = [(100.0,) * 4] * 5 + [(98.3, 100.0, 98.3, 100.0)] + [(100.0,) * 4] * 4
    columns = make_columns([100.0] * 10, mark=mark)
    account: dict[str, Any] = {"leverage": 50}
    with pytest.raises(NotDirect, match="a close that does not close"):
        directly(Large, columns, **account)
    assert any(event.size_after for event in both(Large, columns, **account).journal.liquidations)


class Sizeless(Plain):
    """Gives a size that is no number, or a price that is none."""

    params: Any = (("size", None), ("stop", None))

    def signals(self) -> Mapping[int, Signal]:
        return {1: Signal(LONG, size=self.p.size, stop=self.p.stop)}


def test_an_order_nobody_can_send() -> None:
    """What the engine answers with an error of the user's is left to it."""
    with pytest.raises(NotDirect, match=r"an order at -5\.0"):
        directly(Sizeless, params={"stop": -5.0})
    for params in ({"stop": -5.0}, {"size": float("inf")}):
        with pytest.raises(dl.errors.UsageError):
            run(spec(params=params), COLUMNS, Sizeless, direct=True)


class Half(MarginFraction):
    """Half of it; what it asks of broker and feed is its own affair."""

    def _getsizing(self, comminfo: Any, cash: float, data: Any, isbuy: bool) -> float:
        return 0.5 * float(super()._getsizing(comminfo, cash, data, isbuy))


@pytest.mark.parametrize("sizer", [bt.sizers.FixedReverser, bt.sizers.PercentSizer, Half])
def test_a_size_rule_of_ones_own(sizer: type[bt.Sizer]) -> None:
    """It may ask for the position backtrader shows, or for lines: nobody keeps those here."""
    broker: Any = dl.PerpetualBroker
    with pytest.raises(NotDirect, match=f"{sizer.__name__}: a size rule of one's own"):
        trade(ask(Plain, {}, COLUMNS), broker(cash=CASH), sizer())


def test_a_market_too_short_to_warm_up() -> None:
    """The engine says so, in its own words."""
    class Slow(Plain):
        @property
        def warmup_bars(self) -> int:
            return 50

    for direct in (True, False):
        with pytest.raises(dl.errors.DataError, match="Slow needs 50 to warm up"):
            run(spec(), COLUMNS, Slow, direct=direct)


def test_a_misspelt_parameter_is_refused() -> None:
    """As in the engine, with the nearest known one; and text is read by its default's type."""
    with pytest.raises(UnknownName, match="holds"):
        ask(Plain, {"holds": "3m"}, COLUMNS)
    assert ask(Plain, {"offset_bp": "2.5"}, COLUMNS).strategy.p.offset_bp == 2.5


def test_errors_of_ours_are_told_as_they_are() -> None:
    """A table that is not there is the same error either way."""
    class Wants(Plain):
        required_tables = ("liquidations",)

    for direct in (True, False):
        with pytest.raises(dl.errors.MissingTable, match="Wants"):
            run(spec(), COLUMNS, Wants, direct=direct)
