"""Entries with stop, target and time exit, their reasons, and what reverses what."""

from __future__ import annotations

from typing import Any

import backtrader as bt
import pytest

from deleverage.errors import UnknownName, UsageError
from deleverage.strategies.exits import (
    LEAVE,
    LONG,
    SHORT,
    Signal,
    SignalStrategy,
    bars_of,
    reward,
)
from deleverage.timestamps import MINUTE
from tests.markets import make_columns
from tests.strategies.runs import MODES, fills, run


class Given(SignalStrategy):
    """Trades the signals it is given."""

    params: Any = (("given", None), ("hold", "10m"))

    def signals(self) -> dict[int, Signal]:
        return dict(self.p.given)


def market(*prices: float) -> Any:
    """A SYNTHETIC market of closes."""
    return make_columns(list(prices))


FLAT = [3_000.0] * 30
LONG_5 = {5: Signal(LONG, 2_950.0, 3_050.0, "test")}
SHORT_5 = {5: Signal(SHORT, 3_050.0, 2_950.0, "test")}


@pytest.mark.parametrize(("given", "prices", "expected"), [
    (LONG_5, [*FLAT[:8], 2_940.0, *FLAT[9:]], (8, "stop", -1, 2_950.0)),
    (LONG_5, [*FLAT[:8], 3_060.0, *FLAT[9:]], (8, "target", -1, 3_050.0)),
    (LONG_5, FLAT, (16, "time", -1, 3_000.0)),
    (SHORT_5, [*FLAT[:8], 3_060.0, *FLAT[9:]], (8, "stop", 1, 3_050.0)),
    (SHORT_5, [*FLAT[:8], 2_940.0, *FLAT[9:]], (8, "target", 1, 2_950.0)),
    (SHORT_5, FLAT, (16, "time", 1, 3_000.0)),
])
def test_each_exit(given: dict[int, Signal], prices: list[float],
                   expected: tuple[int, str, int, float]) -> None:
    """A signal at the close of bar 5 fills at the open of 6 and ends by stop, target or after ten
    bars, and its order says by which; nothing is left working."""
    ran = run(Given, market(*prices), given=given)
    opening, closing = fills(ran)
    assert opening[:2] == (6, "market")
    assert closing == expected
    assert ran.broker.book == {}
    reasons = [order.info.get("reason") for order in ran._orders]
    assert set(reasons) == {"entry", "stop", "target", "time"} - (
        set() if expected[1] == "time" else {"time"})


@pytest.mark.parametrize(("engine", "preload", "runonce"), MODES)
def test_exits_do_not_depend_on_the_mode(engine: str, preload: bool, runonce: bool) -> None:
    """Stop, target, time and reversal fill the same in every mode of both engines."""
    given = LONG_5 | {9: Signal(SHORT, 3_100.0, None, "turn"), 25: Signal(LEAVE)}
    ran = run(Given, market(*FLAT), given=given, hold="40m", engine=engine, preload=preload,
              runonce=runonce)
    assert fills(ran) == [(6, "market", 1, 3_000.0), (10, "signal", -1, 3_000.0),
                          (10, "market", -1, 3_000.0), (26, "signal", 1, 3_000.0)]


def test_stock_broker_carries_the_bracket() -> None:
    """The same plumbing works on backtrader's own broker: bracket, time exit, reasons."""
    ran = run(Given, market(*FLAT), given=LONG_5, engine="stock", sizer=bt.sizers.FixedSize,
              broker=bt.brokers.BackBroker(cash=1e5))
    done = [(order.info.reason, order.executed.price) for order in ran._orders
            if order.status == order.Completed]
    assert [reason for reason, _ in done] == ["entry", "time"]
    assert not ran.position.size


def test_hold_counts_from_the_fill() -> None:
    """hold=1m closes at the open of the bar after the fill; the fill's own bar is the first."""
    assert [bar for bar, *_ in fills(run(Given, market(*FLAT), given=LONG_5, hold="1m"))] == [6, 7]
    own = {5: Signal(LONG, hold=3)}
    assert [bar for bar, *_ in fills(run(Given, market(*FLAT), given=own))] == [6, 9]


def test_no_time_exit() -> None:
    """hold=none leaves the position to its stop and target."""
    ran = run(Given, market(*FLAT), given=LONG_5, hold="none")
    assert len(fills(ran)) == 1
    assert ran.position.size > 0


def test_same_side_is_ignored_unless_it_adds() -> None:
    """A second long while long does nothing; one that adds brings its own bracket."""
    again = {5: Signal(LONG, 2_950.0, None), 8: Signal(LONG, 2_960.0, None)}
    assert len(fills(run(Given, market(*FLAT), given=again))) == 2
    adding = again | {8: Signal(LONG, 2_960.0, None, adds=True)}
    prices = [*FLAT[:12], 2_955.0, 2_940.0, *FLAT[14:]]
    ran = run(Given, market(*prices), given=adding, hold="none")
    assert [(bar, reason, side) for bar, reason, side, _ in fills(ran)] == [
        (6, "market", 1), (9, "market", 1), (12, "stop", -1), (13, "stop", -1)]
    assert not ran.position.size


def test_limit_entry_rests_and_expires() -> None:
    """A limit entry rests offset_bp under the deciding close and is gone after its patience."""
    dip = [*FLAT[:8], 2_990.0, *FLAT[9:]]
    terms: dict[str, Any] = {"entry": "limit", "offset_bp": 10.0, "given": LONG_5}
    assert fills(run(Given, market(*dip), patience="5m", **terms))[0] == (8, "limit", 1, 2_997.0)
    late = [*FLAT[:14], 2_990.0, *FLAT[15:]]
    assert fills(run(Given, market(*late), patience="5m", **terms)) == []
    assert fills(run(Given, market(*late), patience="20m", **terms))[0][0] == 14


def test_a_newer_signal_replaces_a_resting_entry() -> None:
    """Of two limit entries only the newer one rests."""
    two = {5: Signal(LONG, 2_900.0, None), 9: Signal(SHORT, 3_100.0, None)}
    path = [*FLAT[:7], *[3_000.0] * 3, 2_990.0, *FLAT[11:]]
    ran = run(Given, market(*path), given=two, entry="limit", offset_bp=10.0, patience="1h")
    assert fills(ran) == []
    assert [working.side for working in ran.broker.book.values()][:1] == [-1]


def test_prices_are_on_the_tick() -> None:
    """Stops and targets are sent on the instrument's tick."""
    given = {5: Signal(LONG, 2_950.00777, 3_050.0049)}
    ran = run(Given, market(*FLAT), given=given, hold="none")
    assert sorted(order.created.price for order in ran.broker._orders.by_ref.values()) == [
        2_950.01, 3_050.0]


def test_no_size_no_order() -> None:
    """A sizer that gives nothing sends nothing."""
    class Penniless(Given):
        def getsizing(self, data: Any = None, isbuy: bool = True) -> float:
            return 0.0

    assert fills(run(Penniless, market(*FLAT), given=LONG_5)) == []


def test_after_a_liquidation_it_goes_on() -> None:
    """A liquidation takes bracket and position; the next signal trades as if nothing had been."""
    prices = [*FLAT[:10], 2_600.0, *[2_600.0] * 19]
    given = {5: Signal(LONG, None, 3_500.0), 20: Signal(LONG, None, 2_700.0)}
    ran = run(Given, market(*prices), given=given, hold="5m")
    assert len(ran.broker.journal.liquidations) == 1
    assert [(bar, reason) for bar, reason, *_ in fills(ran)] == [
        (6, "market"), (10, "liquidation"), (21, "market"), (26, "time")]


def test_names_and_durations() -> None:
    """Kinds of entry have near misses, durations are checked, rewards are multiples of the risk."""
    with pytest.raises(UnknownName, match="did you mean 'limit'"):
        run(Given, market(*FLAT), given=LONG_5, entry="limt")
    with pytest.raises(UsageError, match="not a bar length: '1 day'"):
        run(Given, market(*FLAT), given=LONG_5, hold="1 day")
    assert bars_of("24h", 5 * MINUTE) == 288
    assert bars_of("30s", MINUTE) == 1
    assert bars_of(None, MINUTE) is bars_of("none", MINUTE) is None
    assert reward(100.0, 95.0, 2.0) == 110.0
    assert reward(100.0, 105.0, 2.0) == 90.0
    with pytest.raises(UsageError, match="positive multiple"):
        reward(100.0, 95.0, 0.0)
