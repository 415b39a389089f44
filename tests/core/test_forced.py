"""Forced closes by hand: what the position loses, what is returned, what the fund gains."""

from __future__ import annotations

import math
from dataclasses import replace
from types import MappingProxyType

import pytest

from deleverage import account, forced
from deleverage.account import Position, State, Terms
from deleverage.changes import Booking, Change
from deleverage.errors import LedgerError
from deleverage.instrument import Instrument
from deleverage.journal import FREE, Cause, Journal
from deleverage.ledger import RULES, Account
from deleverage.venues.bybit import BybitLinear
from deleverage.venues.ladder import LadderUse
from tests.core.desks import BTC, ETH, holding, make_desk, make_ladder

ISOLATED, CROSS = make_desk("isolated").terms, make_desk("cross").terms
BOTH = make_desk("cross", symbols=(ETH, BTC)).terms
FEE = 0.0125
BEYOND = r"ETHUSDT.*beyond the bankruptcy price"
sides = pytest.mark.parametrize("side", [1, -1])


def booked(change: Change, *causes: Cause) -> list[float]:
    """The amounts of some causes, in order."""
    return [booking.amount for booking in change.bookings if booking.cause in causes]


def committed(before: State, terms: Terms, *changes: Change) -> State:
    """The state after changes that the ledger's rules accept."""
    book = Account(terms, Journal())
    book.state = before
    for change in changes:
        book.commit(change, 0, 0)
    return book.state


def beside(free: float, btc: float = 0.5, entry: float = 60_000.0) -> State:
    """A cross account: long 10 ETH from 3,000 and ``btc`` from ``entry``."""
    return State(free, MappingProxyType({
        ETH: Position(ETH, 10, 3_000, 0, 10, 1), BTC: Position(BTC, btc, entry, 0, 10, 2)}), 2)


# ------------------------------------------------------------------ isolated, by hand


@sides
def test_a_reduction_keeps_the_rest_of_the_margin(side: int) -> None:
    """4 of 10 closed 250 against the entry: 1,000 and the fee leave the margin, 6 keep the rest."""
    before, price = holding(side * 10, 3_000, 3_000), 3_000 - side * 250
    done = forced.reduce(before, ISOLATED, ETH, 4, price, FEE, {ETH: 3_000 - side * 240})
    fee = 4 * price * FEE
    assert (done.closed, done.realised, done.returned) == (side * 4, -1_000, 0)
    assert done.fee == pytest.approx(fee)
    assert done.loss == pytest.approx(1_000 + fee)
    after = committed(before, ISOLATED, done.change)
    position = after.positions[ETH]
    assert (position.size, position.entry_price, position.number) == (side * 6, 3_000, 1)
    assert position.margin == pytest.approx(2_000 - fee)
    assert after.free == 1_000
    assert {booking.balance for booking in done.change.bookings} == {ETH}
    assert booked(done.change, Cause.LIQUIDATION) == [-1_000]


def test_the_rest_of_a_whole_close_is_returned() -> None:
    """10 closed at 2,760: 2,400 lost, 345 of fee, 255 of 3,000 go back to the free balance."""
    before = holding(10, 3_000, 3_000)
    done = forced.reduce(before, ISOLATED, ETH, 10, 2_760, FEE, {ETH: 2_710})
    assert (done.closed, done.realised, done.fee, done.returned, done.loss) == (
        10, -2_400, 345, 255, 2_745)
    assert committed(before, ISOLATED, done.change) == State(1_255, MappingProxyType({}), 1)
    assert booked(done.change, Cause.TRANSFER) == [-255, 255]


def test_the_fee_takes_no_more_than_what_is_left() -> None:
    """At 2,710.84 there are 108.40 left of 3,000: the fee of 338.86 is cut to that."""
    before = holding(10, 3_000, 3_000)
    done = forced.reduce(before, ISOLATED, ETH, 10, 2_710.84, FEE, {ETH: 2_710.84})
    assert done.fee == pytest.approx(108.4)
    assert (done.returned, done.loss) == (0, pytest.approx(3_000))
    assert committed(before, ISOLATED, done.change).wallet == 1_000


@pytest.mark.parametrize(("mark", "fee"), [(2_705, 137.5), (2_690, 137.5), (2_680, 80), (2_660, 0)])
def test_the_fee_of_a_reduction_leaves_the_rest_solvent(mark: float, fee: float) -> None:
    """4 of 10 at 2,750 leave 2,000; what 6 have lost at the mark is not there for the fee.

    At 2,680 they have lost 1,920: of the fee of 137.50 only 80 are taken.
    """
    done = forced.reduce(holding(10, 3_000, 3_000), ISOLATED, ETH, 4, 2_750, FEE, {ETH: mark})
    assert done.fee == pytest.approx(fee)


def test_what_is_left_is_counted_at_the_worse_price() -> None:
    """Filled at 2,710 while the mark is 2,800: 6 more at 2,710 leave 100, so the fee is 100."""
    done = forced.reduce(holding(10, 3_000, 3_000), ISOLATED, ETH, 4, 2_710, FEE, {ETH: 2_800})
    assert 4 * 2_710 * FEE > 100
    assert done.fee == pytest.approx(100)


@sides
@pytest.mark.parametrize("size", [4.0, 10.0])
def test_at_the_bankruptcy_price_nothing_is_left_for_a_fee(side: int, size: float) -> None:
    """300 against the entry with 300 a coin behind it: the margin of what is closed, exactly."""
    before, price = holding(side * 10, 3_000, 3_000), 3_000 - side * 300
    done = forced.reduce(before, ISOLATED, ETH, size, price, FEE, {ETH: price})
    assert (done.fee, done.returned, done.loss) == (0, 0, size * 300)
    assert committed(before, ISOLATED, done.change).wallet == 1_000 + 3_000 - size * 300


def test_at_the_bankruptcy_price_no_debt_of_dust_is_left() -> None:
    """Here the margin less the loss is −2e-12 in floats: the margin is lost and nothing returned.
    """
    size, entry = 16.588, 1_402.82
    margin = size * entry / 25
    price = entry - margin / size
    assert margin + size * (price - entry) < 0
    for terms, before in ((ISOLATED, holding(size, entry, margin)),
                          (CROSS, holding(size, entry, free=margin))):
        done = forced.reduce(before, terms, ETH, size, price, FEE, {ETH: price})
        assert (done.loss, done.fee, done.returned) == (margin, 0, 0)
        after = committed(before, terms, done.change)
        assert after.free == (before.free if terms.isolated else 0)


@sides
def test_a_price_beyond_bankruptcy_is_refused(side: int) -> None:
    """The account limits the order; a worse price is a defect of ours, in either margin mode."""
    price = 3_000 - side * 301
    with pytest.raises(LedgerError, match=BEYOND):
        forced.reduce(holding(side * 10, 3_000, 3_000), ISOLATED, ETH, 4, price, 0, {ETH: price})
    with pytest.raises(LedgerError, match=BEYOND):
        forced.reduce(holding(side * 10, 3_000, free=3_000), CROSS, ETH, 10, price, 0, {ETH: price})


def test_sizes_are_free_of_float_dust() -> None:
    """0.1 of 0.3 leaves 0.2 by the lot step; a size beyond what is held closes all of it."""
    before = holding(0.1 + 0.2, 3_000, 90)
    lots = Instrument(ETH, "binance", lot_size=0.1).round_size
    done = forced.reduce(before, ISOLATED, ETH, 0.1, 2_900, 0, {ETH: 2_900}, lots)
    assert done.change.state.positions[ETH].size == 0.2
    assert forced.reduce(before, ISOLATED, ETH, 0.4, 2_900, 0, {ETH: 2_900}, lots).closed == \
        0.1 + 0.2


def test_a_margin_below_zero_is_made_good_by_the_profit() -> None:
    """Funding left −30 behind 1 ETH from 3,000; closed at 3,042 it returns 12, without a fee."""
    before = holding(1, 3_000, -30)
    done = forced.reduce(before, ISOLATED, ETH, 1, 3_042, 0, {ETH: 3_042})
    assert (done.realised, done.returned, done.loss) == (42, 12, -42)
    assert committed(before, ISOLATED, done.change).free == 1_012
    part = forced.reduce(before, ISOLATED, ETH, 0.5, 3_042, FEE, {ETH: 3_042})
    assert (part.realised, part.fee) == (21, 0)
    assert committed(before, ISOLATED, part.change).positions[ETH].margin == -9


def test_a_flat_account_owes_nothing_after_it() -> None:
    """A free balance of −7 and 3 returned: the fund lifts the missing 4."""
    before = holding(10, 3_000, 3_000, free=-7)
    done = forced.reduce(before, ISOLATED, ETH, 10, 2_700.3, 0, {ETH: 2_700.3})
    assert booked(done.change, Cause.INSURANCE) == [pytest.approx(4)]
    assert committed(before, ISOLATED, done.change).wallet == 0


# ------------------------------------------------------------------ cross, by hand


def test_a_cross_reduction_is_paid_from_the_free_balance() -> None:
    """4 of 10 at 2,840 lose 640, the fee is 142; equity at a mark of 2,850 falls from 500 to 318.
    """
    before, marks = holding(10, 3_000, free=2_000), {ETH: 2_850.0}
    assert account.equity(before, marks) == 500
    done = forced.reduce(before, CROSS, ETH, 4, 2_840, FEE, marks)
    assert (done.realised, done.fee, done.returned, done.loss) == (-640, 142, 0, 782)
    after = committed(before, CROSS, done.change)
    assert (after.free, after.positions[ETH].size) == (1_218, 6)
    assert account.equity(after, marks) == 318
    assert {booking.balance for booking in done.change.bookings} == {FREE}


def test_a_cross_fee_leaves_the_account_solvent() -> None:
    """Valued at the fill of 2,840 the account has 400 left: a fee of 568 is cut to 400."""
    done = forced.reduce(holding(10, 3_000, free=2_000), CROSS, ETH, 4, 2_840, 0.05,
                         {ETH: 2_850.0})
    assert done.fee == pytest.approx(400)
    assert account.equity(done.change.state, {ETH: 2_850.0}) == pytest.approx(60)


def test_the_other_positions_count_for_the_fee() -> None:
    """0.5 BTC 800 in the black raises what is left, 800 in the red lowers it."""
    for btc, left in ((61_600.0, 1_200), (59_200.0, 0.0)):
        done = forced.reduce(beside(2_000), BOTH, ETH, 4, 2_840, 0.2, {ETH: 2_850.0, BTC: btc})
        assert done.fee == pytest.approx(left)
    assert BTC in done.change.state.positions


# ------------------------------------------------------------------ taken over


@sides
def test_an_isolated_takeover_loses_the_posted_margin(side: int) -> None:
    """Whatever the mark: bankruptcy price, all that was posted, nothing of the free balance."""
    before = holding(side * 10, 3_000, 3_000)
    done = forced.takeover(before, ISOLATED, ETH, {ETH: 3_000 - side * 280})
    assert (done.prices, done.losses) == ({ETH: 3_000 - side * 300}, {ETH: 3_000})
    assert committed(before, ISOLATED, done.change) == State(1_000, MappingProxyType({}), 1)


def test_an_isolated_takeover_leaves_other_positions_alone() -> None:
    """The second position and the free balance are as they were."""
    state = State(100, MappingProxyType({ETH: Position(ETH, 10, 3_000, 3_000, 10, 1),
                                         BTC: Position(BTC, 1, 60_000, 6_000, 10, 2)}), 2)
    terms = make_desk("isolated", symbols=(ETH, BTC)).terms
    done = forced.takeover(state, terms, ETH, {ETH: 2_710, BTC: 59_000})
    assert dict(done.change.state.positions) == {BTC: state.positions[BTC]}
    assert done.change.state.free == 100


def test_a_cross_takeover_takes_every_position() -> None:
    """The joint bankruptcy prices: the account ends at zero, losses add up to the wallet."""
    before, marks = beside(4_000), {ETH: 2_800.0, BTC: 58_000.0}
    done = forced.takeover(before, BOTH, BTC, marks)
    assert committed(before, BOTH, done.change).wallet == 0
    assert set(done.prices) == set(done.losses) == {ETH, BTC}
    assert math.fsum(done.losses.values()) == pytest.approx(4_000)
    assert account.equity(before, done.prices) == pytest.approx(0, abs=1e-9)


def test_one_cross_position_at_its_bankruptcy_price_saves_nobody() -> None:
    """Taken at its share of the equity by maintenance, it leaves equity ÷ maintenance as it was:
    why a cross takeover takes all."""
    before, marks = beside(4_000), {ETH: 2_800.0, BTC: 58_000.0}
    held = forced.candidates(before, BOTH, marks)
    worth, needed = account.equity(before, marks), math.fsum(held.values())
    own = worth * held[ETH] / needed
    after = replace(before, free=before.free + before.positions[ETH].unrealised(2_800) - own,
                    positions={BTC: before.positions[BTC]})
    assert account.equity(after, marks) / held[BTC] == pytest.approx(worth / needed)


@pytest.mark.parametrize(("side", "market", "gain"), [
    (1, 2_712, 120), (1, 2_700, 0), (1, 2_650, -500), (-1, 2_712, -120), (-1, 2_650, 500)])
def test_the_fund_gains_what_it_sells_better(side: int, market: float, gain: float) -> None:
    """10 coins taken at 2,700: the difference to what they are worth is the fund's, either way."""
    assert forced.insurance(10, side, 2_700, market) == gain


# ------------------------------------------------------------------ what the venue sees


@sides
def test_an_order_is_limited_by_the_bankruptcy_price(side: int) -> None:
    """Isolated from the margin; cross where the account's equity would be zero, others standing."""
    assert forced.limit(holding(side * 10, 3_000, 3_000), ISOLATED, ETH, {}) == 3_000 - side * 300
    alone = holding(side * 10, 3_000, free=2_000)
    assert forced.limit(alone, CROSS, ETH, {ETH: 2_900.0}) == pytest.approx(3_000 - side * 200)
    marks = {ETH: 2_850.0, BTC: 59_200.0}
    price = forced.limit(beside(2_000), BOTH, ETH, marks)
    assert account.equity(beside(2_000), {**marks, ETH: price}) == pytest.approx(0, abs=1e-9)


def test_what_the_venue_sees_of_an_isolated_position() -> None:
    """Its own equity and maintenance, whatever else the account holds."""
    seen = forced.distress(holding(-10, 3_000, 3_000), ISOLATED, ETH, {ETH: 3_200.0}, 0.001)
    assert (seen.size, seen.mark, seen.equity, seen.maintenance) == (
        10, 3_200, 1_000, pytest.approx(128))
    assert (seen.lot, seen.cooling, seen.counted_at) == (0.001, False, None)


def test_what_the_venue_sees_of_a_cross_position() -> None:
    """The account's equity and the maintenance of all positions."""
    seen = forced.distress(beside(2_000), BOTH, ETH, {ETH: 2_900.0, BTC: 60_400.0}, None,
                           cooling=True)
    assert (seen.equity, seen.lot, seen.cooling) == (1_200, None, True)
    assert seen.maintenance == pytest.approx(0.004 * (29_000 + 30_200))
    held = forced.candidates(beside(2_000), BOTH, {ETH: 2_900.0, BTC: 60_400.0})
    assert list(held) == [ETH, BTC]
    assert BOTH.rules[ETH].procedure.order(held) == (BTC, ETH)


def test_bybit_counts_an_isolated_position_at_its_entry() -> None:
    """Where maintenance is frozen at entry the bracket is the entry's; in cross the mark's."""
    rules = BybitLinear(ETH, LadderUse(make_ladder((0, 20_000, .005), (20_000, None, .01)), 0))
    for mode, at in (("isolated", 3_000.0), ("cross", None)):
        terms = Terms(mode, {ETH: rules}, {ETH: 10.0})
        state = holding(10, 3_000, 3_000 if at else 0)
        assert forced.distress(state, terms, ETH, {ETH: 2_700.0}, None).counted_at == at


# ------------------------------------------------------------------ the ledger's rule


RULE = "an isolated position never loses more than its posted margin"
GONE = State(1_000, MappingProxyType({}), 1)


@pytest.mark.parametrize(("lost", "fee", "moved"), [
    (3_000, 0, 0), (2_400, 345, 255), (3_000, 0, 1e-10)])
def test_the_ledger_accepts_what_adds_up(lost: float, fee: float, moved: float) -> None:
    """Loss, fee and what is returned are the posted margin, but for float dust."""
    change = Change(replace(GONE, free=1_000 + moved), _closed(lost, fee, moved))
    assert RULES[RULE](holding(10, 3_000, 3_000), change)


@pytest.mark.parametrize(("lost", "fee", "moved"), [
    (3_500, 0, -500), (3_000, 100, -100), (2_900, 0, 0), (2_400, 345, 300)])
def test_the_ledger_refuses_what_does_not(lost: float, fee: float, moved: float) -> None:
    """Free balance that pays for a loss or a fee, margin that vanishes or is returned twice."""
    change = Change(replace(GONE, free=1_000 + moved), _closed(lost, fee, moved))
    assert not RULES[RULE](holding(10, 3_000, 3_000), change)


def _closed(lost: float, fee: float, returned: float) -> tuple[Booking, ...]:
    return (Booking(Cause.LIQUIDATION, ETH, ETH, -lost),
            Booking(Cause.LIQUIDATION_FEE, ETH, ETH, -fee),
            Booking(Cause.TRANSFER, ETH, ETH, -returned),
            Booking(Cause.TRANSFER, ETH, FREE, returned))


def test_a_reduction_returns_nothing() -> None:
    """As long as a part is held its margin stays posted: no transfer beside the loss."""
    before = holding(10, 3_000, 3_000)
    kept = before.with_position(ETH, replace(before.positions[ETH], size=6, margin=1_500), 1_500)
    assert not RULES[RULE](before, Change(kept, _closed(1_000, 0, 500)))
    kept = before.with_position(ETH, replace(before.positions[ETH], size=6, margin=2_000), 1_000)
    assert RULES[RULE](before, Change(kept, _closed(1_000, 0, 0)))
