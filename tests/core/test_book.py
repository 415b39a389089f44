"""What resting orders hold back and which orders are refused, in which words."""

from __future__ import annotations

import math
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deleverage import book as books
from deleverage.account import State
from deleverage.book import Desk, Kind, WorkingOrder
from deleverage.policies import Fees
from tests.core.desks import BTC, ETH, holding, make_book, make_desk, order

DESK = make_desk(leverage=10)
FLAT = State(10_000.0)


def limit(side: int, price: float, size: float = 1.0, **values: object) -> WorkingOrder:
    """A limit order at a price."""
    return order("limit", side, size, limit=price, **values)


def reserved(*orders: WorkingOrder, state: State = FLAT, desk: Desk = DESK) -> float:
    """What the orders hold back."""
    return books.reserved(state, orders, desk)


def refusal(candidate: WorkingOrder, *others: WorkingOrder, state: State = FLAT,
            desk: Desk = DESK, mark: float = 3_000.0) -> str | None:
    """Why an order beside others would be refused."""
    return books.refusal(candidate, state, make_book(*others), {ETH: mark, BTC: 60_000.0}, desk)


# ------------------------------------------------------------------ reservation


def test_a_resting_ladder_reserves() -> None:
    """Every rung holds back its initial margin and its opening fee."""
    rungs = [limit(1, price, 2) for price in (2_900, 2_800, 2_700)]
    assert reserved(*rungs) == pytest.approx(2 * 8_400 / 10)
    with_fees = make_desk(leverage=10, fees=Fees(0.0002, 0.0005))
    assert reserved(*rungs, desk=with_fees) == pytest.approx(16_800 * (1 / 10 + 0.0005))


def test_of_two_sides_only_the_larger_counts() -> None:
    """Both cannot end up open: 580 against 640 holds back 640, per instrument."""
    bids, asks = [limit(1, 2_900, 2)], [limit(-1, 3_200, 2)]
    assert reserved(*bids, *asks) == pytest.approx(640)
    desk = make_desk(leverage=10, symbols=(ETH, BTC))
    beside = limit(1, 60_000, 0.1, symbol=BTC)
    assert reserved(*bids, *asks, beside, desk=desk) == pytest.approx(640 + 600)


def test_reducing_orders_reserve_nothing() -> None:
    """Reduce-only never opens; nor does the part of an order that closes what is held."""
    long = holding(3, 3_000, 900)
    assert reserved(limit(-1, 3_100, 3, reduce_only=True), state=long) == 0
    assert reserved(limit(-1, 3_100, 3), state=long) == 0


def test_as_much_again_is_carried_by_the_released_margin() -> None:
    """Sells against 3 long: 6 are free, of 8 only 2 reserve; a buy beside it reserves in full."""
    long = holding(3, 3_000, 900)
    assert reserved(limit(-1, 3_100, 6), state=long) == 0
    assert reserved(limit(-1, 3_100, 8), state=long) == pytest.approx(2 * 310)
    assert reserved(limit(-1, 3_100, 5), limit(-1, 3_200, 3), state=long) == pytest.approx(2 * 320)
    assert reserved(limit(1, 2_900, 3), state=long) == pytest.approx(3 * 290)


def test_what_does_not_rest_reserves_nothing() -> None:
    """Stops before their trigger and bracket children before their parent's fill hold nothing."""
    stop = order("stop", 1, 1, trigger=3_100)
    stop_limit = order("stop_limit", 1, 1, trigger=3_100, limit=3_110)
    child = limit(-1, 3_200, active=False)
    assert reserved(stop, stop_limit, child) == 0
    rests = order("stop_limit", 1, 1, trigger=3_100, limit=3_110, triggered=True)
    assert reserved(rests) == pytest.approx(311)


def test_free_margin_is_what_is_left() -> None:
    """Available margin at the marks less what is held back."""
    assert books.free_margin(FLAT, [limit(1, 2_900, 10)], {ETH: 3_000}, DESK) == \
        pytest.approx(10_000 - 2_900)


prices = st.integers(2_000, 4_000).map(float)
sizes = st.integers(1, 50).map(float)
limits = st.lists(st.tuples(st.sampled_from([1, -1]), prices, sizes), max_size=6)


@given(limits, limits, st.integers(-40, 40))
def test_more_orders_never_hold_back_less(
    few: list[tuple[int, float, float]], more: list[tuple[int, float, float]], held: int
) -> None:
    """The reservation grows with the book and is never below zero."""
    state = holding(held, 3_000, abs(held) * 300.0) if held else FLAT
    first = [limit(*each) for each in few]
    second = [limit(*each) for each in more]
    assert 0 <= reserved(*first, state=state) <= reserved(*first, *second, state=state) + 1e-9


# ------------------------------------------------------------------ acceptance


def test_what_can_be_paid_is_accepted_and_nothing_more() -> None:
    """33 at 3,000 and 10x need 9,900 of 10,000; 34 need 10,200."""
    assert refusal(limit(1, 3_000, 33)) is None
    assert refusal(limit(1, 3_000, 34)) == "margin: needs 10,200.00, available 10,000.00"


def test_the_opening_fee_is_part_of_it() -> None:
    """10,000 at 10x buy 100,000 of notional without a fee; with 5 bp 99,502."""
    desk = make_desk(leverage=10, fees=Fees(0.0002, 0.0005))
    assert refusal(limit(1, 100, 1_000)) is None
    assert "margin" in (refusal(limit(1, 100, 1_000), desk=desk) or "")
    assert refusal(limit(1, 100, 995.02), desk=desk) is None
    assert "margin" in (refusal(limit(1, 100, 995.03), desk=desk) or "")


def test_the_orders_already_there_count() -> None:
    """Half is held back by a bid: a bid of more than the other half is refused, an ask is not."""
    resting = limit(1, 2_500, 20)
    assert refusal(limit(1, 2_500, 20), resting) is None
    assert refusal(limit(1, 2_500, 20.001), resting) is not None
    assert refusal(limit(-1, 2_500, 40), resting) is None
    assert refusal(limit(-1, 2_500, 40.001), resting) is not None


def test_an_order_is_not_counted_twice() -> None:
    """An order judged again while it is in the book (a stop-limit that triggers) meets itself once.
    """
    own = limit(1, 3_000, 33)
    assert refusal(own, own) is None


def test_a_conditional_order_is_judged_when_it_triggers() -> None:
    """A stop for far too much is taken; the same order as a limit is not."""
    assert refusal(order("stop", 1, 1_000, trigger=3_100)) is None
    waits = order("stop_limit", 1, 1_000, trigger=3_100, limit=3_100)
    assert refusal(waits) is None
    triggered = books.changed(make_book(waits), waits.ref, triggered=True)[waits.ref]
    assert "margin" in (refusal(triggered, triggered) or "")


@pytest.mark.parametrize("mode", ["isolated", "cross"])
@pytest.mark.parametrize("kind", [Kind.MARKET, Kind.LIMIT, Kind.STOP, Kind.AT_CLOSE])
def test_a_close_never_lacks_margin(mode: str, kind: Kind) -> None:
    """Also with nothing free, a loss beyond everything, and other orders in the book."""
    state = holding(10, 3_000, 3_000 if mode == "isolated" else 0, free=0.0)
    desk = make_desk(mode, leverage=10, fees=Fees(0.0002, 0.0005))
    close = order(kind, -1, 10, limit=2_000 if kind is Kind.LIMIT else None,
                  trigger=2_000 if kind is Kind.STOP else None)
    assert refusal(close, limit(-1, 3_300, 10), state=state, desk=desk, mark=1_000) is None


@pytest.mark.parametrize(("leverage", "size", "says"), [
    (100, 200, None),  # 600,000: the last notional with 100x
    (100, 200.001, "leverage 100 is above the venue's 75x for a notional of 600,003"),
    (125, 17, "leverage 125 is above the venue's 100x for a notional of 51,000"),
])
def test_the_leverage_limit_is_that_of_the_resulting_notional(
    leverage: float, size: float, says: str | None
) -> None:
    """Binance's ladder: up to 50,000 125x, up to 600,000 100x."""
    desk = make_desk(leverage=leverage, rate=None)
    assert refusal(limit(1, 3_000, size), state=State(1e7), desk=desk) == says


def test_what_is_held_counts_towards_the_limit() -> None:
    """199 held and 2 more are beyond 600,000; selling 201 is a reversal to 2 and is fine."""
    desk = make_desk(leverage=100, rate=None)
    held = holding(199, 3_000, 5_970, free=1e7, leverage=100)
    assert refusal(limit(1, 3_000, 1), state=held, desk=desk) is None
    assert "75x" in (refusal(limit(1, 3_000, 2), state=held, desk=desk) or "")
    assert refusal(limit(-1, 3_000, 201), state=held, desk=desk) is None
    assert "75x" in (refusal(limit(-1, 3_000, 400), state=held, desk=desk) or "")


def test_a_position_too_large_may_still_be_reduced() -> None:
    """The limit never stops a reduction, also where the mark has carried the notional beyond it."""
    desk = make_desk(leverage=100, rate=None)
    held = holding(500, 3_000, 15_000, free=0.0, leverage=100)
    assert refusal(limit(-1, 3_000, 100), state=held, desk=desk) is None


def test_an_entry_beyond_its_own_liquidation_is_refused() -> None:
    """At 50x the margin is 2 %; maintenance of 2.5 % would be missing from the first moment."""
    desk = make_desk(leverage=50, rate=0.025)
    for side in (1, -1):
        assert "wrong side" in (refusal(limit(side, 3_000, 1), desk=desk) or "")
        assert refusal(limit(side, 3_000, 1), desk=make_desk(leverage=39, rate=0.025)) is None


def test_the_smallest_notional() -> None:
    """Below the venue's minimum an entry is refused with both figures, a reduction is not."""
    desk = make_desk(min_notional=20)
    assert refusal(limit(1, 3_000, 0.007), desk=desk) is None
    assert refusal(limit(1, 3_000, 0.006), desk=desk) == \
        "notional 18.00 is below the venue's minimum of 20"
    held = holding(0.005, 3_000, 1.5)
    assert refusal(limit(-1, 3_000, 0.005), state=held, desk=desk) is None


def test_less_than_a_lot_is_refused() -> None:
    """Cut to the lot step nothing is left: the step is named; without a step the size is."""
    assert refusal(limit(1, 3_000, 0)) == "size is below the lot step of 0.001"
    assert "size" in (refusal(limit(1, 3_000, 0), desk=make_desk(lot=None)) or "")


@pytest.mark.parametrize(("size", "lots"), [
    (0.0019, 0.001), (-0.0019, -0.001), (0.3, 0.3), (0.1 + 0.2, 0.3), (0.0009, 0.0), (12.5, 12.5),
    (0.29999999999999993, 0.3),
])
def test_sizes_are_cut_towards_zero_to_the_lot(size: float, lots: float) -> None:
    """Whole lots, float dust forgiven, the sign kept."""
    assert make_desk().instruments[ETH].round_size(size) == lots


# ------------------------------------------------------------------ who dies with whom


def test_groups_and_brackets() -> None:
    """Partners share a group or a parent; children wait for theirs."""
    entry = limit(1, 2_900)
    stop = order("stop", -1, trigger=2_800, parent=entry.ref, active=False)
    target = limit(-1, 3_100, parent=entry.ref, active=False)
    one, two = limit(1, 2_000, group=7), limit(1, 1_900, group=7)
    book = make_book(entry, stop, target, one, two)
    assert books.children(book, entry.ref) == [stop.ref, target.ref]
    assert books.partners(book, stop) == [target.ref]
    assert books.partners(book, one) == [two.ref]
    assert books.partners(book, entry) == []
    assert list(books.without(book, [one.ref, 99])) == [entry.ref, stop.ref, target.ref, two.ref]


def test_states_and_books_are_never_changed_in_place() -> None:
    """A changed book is another book."""
    own = limit(1, 2_900)
    book = make_book(own)
    assert books.changed(book, own.ref, reference=1.0)[own.ref].reference == 1.0
    assert book[own.ref].reference == 2_900
    assert isinstance(FLAT.positions, MappingProxyType)
    assert math.isclose(FLAT.wallet, 10_000)
