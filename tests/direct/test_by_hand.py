"""What drawn scenes seldom come to, by hand: both ways alike, and it is what was meant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deleverage import Fees
from tests.account.generated import LADDER
from tests.direct.runs import columns_of, through_engine, without_engine
from tests.direct.scenes import Scene, Told
from tests.engine.generated import MUCH_STRICTER
from tests.engine.scenes import Ohlc, Rows

ACCOUNT = {"venue": "binance", "leverage": 50, "ladder": LADDER, "fees": Fees(0.0002, 0.0005)}


def same(told: tuple[Told, ...], rows: Rows, largest: float | None = None,
         **account: Any) -> Any:
    """The outcome of a scene that runs alike both ways; ``largest``: coins at the market."""
    scene = Scene(rows, told, {**ACCOUNT, **account}, ("MarginFraction", {"fraction": 1.0}))
    columns = columns_of(scene)
    if largest is not None:
        contract = replace(columns.market.instrument, max_market_size=largest)
        columns = replace(columns, market=replace(columns.market, instrument=contract))
    outcome = through_engine(scene, columns)
    assert outcome.differs(without_engine(scene, columns)) == ""
    return outcome


WICK = {5: (100.0, 100.0, 98.45, 100.0)}  # of the mark: the venue sells a part


@pytest.mark.parametrize(("told", "reason", "rows"), [
    (98.0, "stop", {8: (98.0, 98.0, 97.9, 97.9)}), (103.0, "target", {8: (103.0, 103.5, 103, 103)}),
    (100.0, "time", {})])
def test_what_the_venue_has_left_is_guarded(told: float, reason: str,
                                            rows: dict[int, Ohlc]) -> None:
    """Stop and target are sent again for the rest; one that fills takes the other with it."""
    quiet = dict.fromkeys(rows, (100.0,) * 4)
    outcome = same((Told(2, stop=200, target=300, hold=10, size=1.0),),
                   Rows(rows, bars=18, mark={**WICK, **quiet}))
    journal = outcome.journal
    (event,) = journal.liquidations
    assert event.size_after > 0
    assert outcome.reasons == (None, "liquidation", reason)
    assert journal.fills[-1].size == -event.size_after
    assert journal.fills[-1].price == pytest.approx(told, abs=0.01)
    refs = [fill.order_ref for fill in journal.fills]
    assert refs == sorted(refs)


def test_a_guard_that_has_filled_leaves_nothing_behind() -> None:
    """The partner of a stop sent again is gone: a later price at it closes no other position, whose
    entry was walked."""
    outcome = same((Told(2, stop=350, target=300, size=1.0), Told(9, size=0.1, hold=6)),
                   Rows({8: (96.5, 96.5, 96.4, 96.4), 10: (100.0,) * 4,
                         12: (103.5, 103.5, 103.0, 103.0)}, bars=18, funding=(10,),
                        mark={**WICK, 8: (100.0,) * 4}))
    assert outcome.reasons == (None, "liquidation", "stop", None, "time")


@pytest.mark.parametrize(("size", "taken"), [(0.9947, True), (0.9954, False)])
def test_an_entry_at_the_limit_of_what_there_is(size: float, taken: bool) -> None:
    """Margin and fee of 100,000 × size at 10x: 10,000 are enough for 99,502 and no more."""
    outcome = same((Told(2, size=size),), Rows(bars=8), leverage=10)
    assert bool(outcome.journal.fills) == taken
    assert [each.reason[:7] for each in outcome.journal.rejections] == ["margin:"] * (not taken)


@pytest.mark.parametrize("side", [1, -1])
def test_an_entry_that_would_be_liquidated_at_once(side: int) -> None:
    """Two per cent of margin are less than the three of maintenance: refused with its reason."""
    outcome = same((Told(2, side, stop=100, size=0.2),), Rows(bars=8), ladder=MUCH_STRICTER)
    assert outcome.journal.fills == []
    assert outcome.journal.rejections[0].reason.startswith("liquidation price")


def test_a_payment_that_brings_the_liquidation_price_to_an_earlier_bar() -> None:
    """What was the first bar to meet it before the settlement is not so after it."""
    told = (Told(2, hold=14),)
    mark: dict[int, Ohlc] = {8: (100.0, 100.0, 98.515, 100.0), 12: (100.0, 100.0, 98.4, 100.0)}
    without, paid = (same(told, Rows(bars=20, mark=mark, funding=funding), cash=1_000.0)
                     for funding in ((), (5,)))
    assert without.journal.liquidations[0].bar == 12
    assert paid.journal.liquidations[0].bar == 8


def test_orders_of_a_position_that_is_gone_meet_nothing() -> None:
    """Stop and target die with the time exit; those of the next position are its own."""
    outcome = same((Told(2, stop=300, target=300, hold=2, size=0.1),
                    Told(6, stop=800, target=800, hold=6, size=0.1)),
                   Rows({9: (96.5, 104.0, 96.0, 100.0)}, bars=18, funding=(7,)), leverage=5)
    assert outcome.reasons == (None, "time", None, "time")


@pytest.mark.parametrize("side", [1, -1])
def test_a_stop_that_the_mark_triggers_is_watched_on_the_mark(side: int) -> None:
    """Where the last price stands still; and not on the last price where that one goes beyond."""
    beyond: Ohlc = (100.0, 101.0, 99.0, 100.0)
    quiet: Ohlc = (100.0,) * 4
    outcome = same((Told(2, side, stop=50, hold=12, size=0.1),),
                   Rows({6: beyond}, bars=18, mark={6: quiet, 9: beyond}), leverage=5,
                   stop_trigger="mark")
    assert [(fill.bar, fill.reason) for fill in outcome.journal.fills] == [
        (3, "market"), (9, "stop")]


@pytest.mark.parametrize("side", [1, -1])
def test_the_worst_of_an_entrys_bar_may_lie_before_it(side: int) -> None:
    """Without fees, with a mark that is better than the fill all through the bar: equity was
    lowest before there was a position."""
    start, end = 100.0 + side, 100.0 + side * 0.9
    mark = start, max(start, end), min(start, end), end
    outcome = same((Told(2, side, hold=3, size=0.1),), Rows(bars=12, mark={3: mark}),
                   fees=Fees.free(), leverage=5)
    assert min(outcome.journal.worst_equity.values()) == 10_000.0
    assert outcome.journal.worst_equity[min(outcome.journal.worst_equity)] == 10_000.0


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("bar", [3, 7])
def test_a_mark_that_just_comes_to_the_liquidation_price(bar: int, side: int) -> None:
    """In the bar of an entry and in that of a settlement: it is liquidated, not passed by."""
    told = (Told(2, side, hold=9, size=0.1),)
    level = same(told, Rows(bars=16, funding=(7,))).journal.snapshots[0].liquidation_price
    low, high = min(level, 100.0), max(level, 100.0)
    outcome = same(told, Rows(bars=16, funding=(7,), mark={bar: (100.0, high, low, 100.0)}))
    assert [event.bar for event in outcome.journal.liquidations[:1]] == [bar]


@pytest.mark.parametrize(("fill", "bar"), [("touch", 3), ("through", 6)])
def test_a_target_that_the_entrys_bar_just_touches(fill: str, bar: int) -> None:
    """Where a touch fills it, it is filled there; else when price goes through it."""
    outcome = same((Told(2, target=300, hold=9, size=0.1),), fill=fill, leverage=5, rows=Rows(
        {3: (100.0, 103.0, 100.0, 100.0), 6: (100.0, 104.0, 100.0, 100.0)}, bars=16))
    assert [(fill.bar, fill.reason) for fill in outcome.journal.fills] == [
        (3, "market"), (bar, "limit")]


def test_a_payment_that_the_free_balance_cannot_bear_alone() -> None:
    """At Bybit it pays first; what it lacks comes out of the position's margin."""
    outcome = same((Told(2, hold=9),), Rows(bars=16, funding=(5, 7)), venue="bybit", cash=1_000.0)
    assert {payment.payer for payment in outcome.journal.funding} >= {"position"}
    assert all(payment.amount < 0 for payment in outcome.journal.funding)


@pytest.mark.parametrize(("size", "taken"), [(0.1, True), (0.2, False)])
def test_an_order_above_the_venues_largest(size: float, taken: bool) -> None:
    """150 coins at the market are the most: 200 are refused with their reason."""
    outcome = same((Told(2, hold=4, size=size),), Rows(bars=12), largest=150.0, leverage=5)
    assert bool(outcome.journal.fills) == taken
    assert [each.reason[:8] for each in outcome.journal.rejections] == ["size 200"] * (not taken)
