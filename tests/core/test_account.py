"""Each transition of the account by hand: what it books, what it leaves, what it refuses."""

from __future__ import annotations

import math
from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deleverage import account, changes
from deleverage.account import Position, State, Terms
from deleverage.changes import Booking, Change
from deleverage.errors import LedgerError
from deleverage.journal import FREE, Cause, Journal
from deleverage.ledger import RULES, Account, evident
from tests.core.desks import BTC, ETH, close_to, holding, make_desk

ISOLATED, CROSS = make_desk("isolated").terms, make_desk("cross").terms
BYBIT = make_desk("isolated", venue="bybit").terms
BOTH = make_desk("cross", symbols=(ETH, BTC)).terms
FEE = 0.0005


def amounts(change: Change, cause: Cause) -> list[float]:
    """What a change books for one cause, in order."""
    return [booking.amount for booking in change.bookings if booking.cause is cause]


def committed(before: State, *changes: Change, terms: Terms = ISOLATED) -> State:
    """The state after changes that the account's rules accept."""
    book = Account(terms, Journal())
    book.state = before
    for change in changes:
        book.commit(change, 0, 0)
    return book.state


# ------------------------------------------------------------------ opening and adding


def test_an_isolated_entry_posts_its_margin() -> None:
    """10 ETH at 3,000, 10x: 3,000 move to the position, 15 of fee leave the free balance."""
    done = changes.fill(State(10_000), ISOLATED, ETH, 10, 3_000, FEE)
    position = done.change.state.positions[ETH]
    assert (position.size, position.entry_price, position.margin) == (10, 3_000, 3_000)
    assert (done.opened, done.closed, done.realised, done.fee) == (10, 0, 0, 15)
    assert (done.change.state.free, done.change.state.wallet) == (6_985, 9_985)
    assert amounts(done.change, Cause.TRANSFER) == [3_000, -3_000]
    assert committed(State(10_000), done.change) == done.change.state


def test_a_cross_entry_posts_nothing() -> None:
    """The whole wallet stays free; the initial margin is only held back from what is available."""
    after = changes.fill(State(10_000), CROSS, ETH, 10, 3_000, 0).change.state
    assert (after.free, after.positions[ETH].margin) == (10_000, 0)
    assert account.available(after, {ETH: 3_000}, CROSS) == 7_000


def test_an_increase_averages_the_entry() -> None:
    """10 at 3,000 and 5 at 2,700 are 15 at 2,900, with 3,000 + 1,350 posted, in one episode."""
    first = changes.fill(State(10_000), ISOLATED, ETH, 10, 3_000, 0).change.state
    done = changes.fill(first, ISOLATED, ETH, 5, 2_700, 0)
    position = done.change.state.positions[ETH]
    assert (position.size, position.entry_price, position.margin) == (15, 2_900, 4_350)
    assert position.number == done.number == 1


# ------------------------------------------------------------------ reducing and reversing


@pytest.mark.parametrize("side", [1, -1])
def test_a_partial_close_releases_margin_pro_rata(side: int) -> None:
    """A quarter closed frees a quarter of the margin; entry and liquidation price stay put."""
    before = holding(side * 8, 3_000, 2_400)
    done = changes.fill(before, ISOLATED, ETH, -side * 2, 3_000 + side * 40, 0)
    position = done.change.state.positions[ETH]
    assert (position.size, position.entry_price, position.margin) == (side * 6, 3_000, 1_800)
    assert (done.realised, done.change.state.free) == (80, 1_000 + 600 + 80)
    for terms in (ISOLATED, BYBIT):
        levels = [account.liquidation_price(each, ETH, {}, terms)
                  for each in (before, done.change.state)]
        assert levels[0] == pytest.approx(levels[1], rel=1e-12)


def test_added_margin_is_taken_off_pro_rata() -> None:
    """Margin beyond the initial one leaves with the part that is closed."""
    before = holding(10, 3_000, 3_500)
    after = changes.fill(before, BYBIT, ETH, -5, 3_000, 0).change.state
    assert after.positions[ETH].margin == 1_750
    assert account.liquidation_price(after, ETH, {}, BYBIT) == \
        account.liquidation_price(before, ETH, {}, BYBIT)


def test_a_full_close_leaves_no_position() -> None:
    """All margin comes back with the profit; the next entry is a new episode."""
    done = changes.fill(holding(-10, 3_000, 3_000), ISOLATED, ETH, 10, 2_900, FEE)
    assert not done.change.state.positions
    assert (done.realised, done.fee) == (1_000, 14.5)
    assert done.change.state.free == 1_000 + 3_000 + 1_000 - 14.5
    again = changes.fill(done.change.state, ISOLATED, ETH, 1, 2_900, 0)
    assert (done.number, again.number) == (1, 2)


def test_a_reversal_is_a_close_and_an_entry() -> None:
    """Sell 15 against 10 long: 10 closed, 5 opened short at the price, fee on both, next episode.
    """
    done = changes.fill(holding(10, 3_000, 3_000, free=0), ISOLATED, ETH, -15, 3_100, FEE)
    position = done.change.state.positions[ETH]
    assert (done.closed, done.opened, done.realised) == (-10, -5, 1_000)
    assert (position.size, position.entry_price, position.margin) == (-5, 3_100, 1_550)
    assert done.fee == pytest.approx(15 * 3_100 * FEE)
    assert (done.number, position.number) == (1, 2)
    assert done.change.state.free == pytest.approx(4_000 - 1_550 - done.fee)
    committed(holding(10, 3_000, 3_000, free=0), done.change)


def test_sizes_are_free_of_float_dust() -> None:
    """0.1 + 0.2 bought and 0.3 sold is flat, not 5e-17 short."""
    lots = make_desk().instruments[ETH].round_size
    state = State(10_000)
    for size in (0.1, 0.2, -0.3):
        state = changes.fill(state, ISOLATED, ETH, size, 3_000, 0, lots).change.state
    assert not state.positions


# ------------------------------------------------------------------ values


def test_values_are_functions_of_the_marks() -> None:
    """Equity follows the mark; isolated profit is no free margin, cross profit is."""
    isolated, cross = holding(10, 3_000, 3_000), holding(10, 3_000, free=4_000)
    assert account.equity(isolated, {ETH: 2_900}) == account.equity(cross, {ETH: 2_900}) == 3_000
    assert account.available(isolated, {ETH: 3_500}, ISOLATED) == 1_000
    assert account.available(cross, {ETH: 3_500}, CROSS) == 4_000 + 5_000 - 3_500


def test_cross_initial_margin_is_at_mark_or_at_entry_by_venue() -> None:
    """Binance holds back initial margin at the mark, Bybit at the entry."""
    cross, marks = holding(10, 3_000, free=4_000), {ETH: 3_500.0}
    bybit = make_desk("cross", venue="bybit").terms
    assert account.available(cross, marks, CROSS) == 9_000 - 3_500
    assert account.available(cross, marks, bybit) == 9_000 - 3_000


def test_deposits_go_to_the_free_balance() -> None:
    """Money in and out of it, by name."""
    into = changes.deposit(State(5), 100)
    assert into.bookings == (Booking(Cause.DEPOSIT, "", FREE, 100),)
    assert committed(State(5), into, changes.deposit(into.state, -50)).free == 55


# ------------------------------------------------------------------ funding


@pytest.mark.parametrize(("terms", "free", "amount", "after", "margin", "payer"), [
    (ISOLATED, 1_000, -30, 1_000, 2_970, "position"),  # Binance: the position's margin
    (ISOLATED, 1_000, 30, 1_000, 3_030, "position"),
    (BYBIT, 1_000, -30, 970, 3_000, "free"),  # Bybit: the free balance first …
    (BYBIT, 1_000, 30, 1_030, 3_000, "free"),
    (BYBIT, 10, -30, 0, 2_980, "free and position"),  # … the margin for the rest
    (BYBIT, 0, -30, 0, 2_970, "position"),
    (CROSS, 1_000, -30, 970, 3_000, "free"),
])
def test_who_pays_funding(
    terms: Terms, free: float, amount: float, after: float, margin: float, payer: str
) -> None:
    """The payer is a rule of the venue, and what is paid from the margin moves the LP."""
    before = holding(10, 3_000, 3_000, free=free)
    change, who = changes.fund(before, terms, ETH, amount)
    assert who == payer
    assert (change.state.free, change.state.positions[ETH].margin) == (after, margin)
    assert math.fsum(amounts(change, Cause.FUNDING)) == amount
    assert committed(before, change, terms=terms) == change.state


def test_funding_can_eat_more_than_the_margin() -> None:
    """Margin below zero is a state; its long's liquidation price lies above the entry."""
    change, _ = changes.fund(holding(1, 3_000, 100), ISOLATED, ETH, -130)
    assert change.state.positions[ETH].margin == -30
    assert account.liquidation_price(change.state, ETH, {}, ISOLATED) == close_to(3_042.17)


# ------------------------------------------------------------------ liquidation


@pytest.mark.parametrize("side", [1, -1])
def test_a_seized_position_loses_exactly_its_margin(side: int) -> None:
    """The free balance is not touched and the loss is the margin to the last bit."""
    before = holding(side * 10, 3_000, 3_000.1)
    change = changes.seize(before, ETH)
    assert change.bookings == (Booking(Cause.LIQUIDATION, ETH, ETH, -3_000.1),)
    assert committed(before, change) == State(1_000, MappingProxyType({}), 1)


def test_a_seizure_leaves_nothing_owing() -> None:
    """A free balance below zero, the fee of a close at bankruptcy, is lifted by the insurance fund.
    """
    before = holding(10, 3_000, 3_000, free=-7)
    change = changes.seize(before, ETH)
    assert amounts(change, Cause.INSURANCE) == [7]
    assert committed(before, change).wallet == 0


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("mark", [2_600.0, 3_000.0, 3_400.0])
def test_a_single_cross_position_goes_at_its_bankruptcy_price(side: int, mark: float) -> None:
    """E − s·W/Q whatever the mark; the account ends at exactly zero."""
    before = holding(side * 10, 3_000, free=2_900.3)
    change, prices = changes.seize_all(before, {ETH: mark})
    assert prices[ETH] == pytest.approx(3_000 - side * 290.03, rel=1e-12)
    assert amounts(change, Cause.LIQUIDATION) == [-2_900.3]
    assert committed(before, change, terms=CROSS).wallet == 0.0


def test_joint_bankruptcy_takes_the_same_share_of_every_mark() -> None:
    """Equity 3,000 on 60,000 of notional: each price moves 5 % against its position, equity to 0.
    """
    before = State(5_000, MappingProxyType({
        ETH: Position(ETH, 10, 3_000, 0, 10, 1), BTC: Position(BTC, -0.5, 60_000, 0, 10, 2)}), 2)
    marks = {ETH: 2_800.0, BTC: 60_000.0}
    gross = 28_000 + 30_000
    share = account.equity(before, marks) / gross
    change, prices = changes.seize_all(before, marks)
    assert prices == pytest.approx({ETH: 2_800 * (1 - share), BTC: 60_000 * (1 + share)})
    assert account.equity(before, prices) == pytest.approx(0, abs=1e-9)
    after = committed(before, change, terms=BOTH)
    assert (after.free, after.positions) == (0.0, {})


def test_a_gap_beyond_bankruptcy_costs_no_more_than_the_wallet() -> None:
    """Marked below zero equity the price lies back towards the entry; the loss is still the wallet.
    """
    before = holding(10, 3_000, free=1_000)
    change, prices = changes.seize_all(before, {ETH: 2_000})
    assert prices[ETH] == pytest.approx(2_900)
    assert amounts(change, Cause.LIQUIDATION) == [-1_000]


def test_the_insurance_fund_lifts_only_a_flat_account() -> None:
    """A loss beyond the wallet is lifted to zero when nothing is open, and stands while it is."""
    alone = changes.fill(holding(10, 3_000, free=1_000), CROSS, ETH, -10, 2_800, 0)
    assert amounts(alone.change, Cause.INSURANCE) == [1_000]
    assert alone.change.state.wallet == 0
    other = Position(BTC, 1, 60_000, 0, 10, 2)
    beside = State(1_000, MappingProxyType({ETH: Position(ETH, 10, 3_000, 0, 10, 1), BTC: other}),
                   2)
    kept = changes.fill(beside, BOTH, ETH, -10, 2_800, 0)
    assert amounts(kept.change, Cause.INSURANCE) == []
    assert kept.change.state.free == -1_000


# ------------------------------------------------------------------ the rules


def _bad(rule: str) -> tuple[State, Change]:
    """A state and a change that breaks one rule and no other."""
    before = holding(10, 3_000, 3_000)
    seized = changes.seize(before, ETH)
    beyond = Booking(Cause.LIQUIDATION, ETH, ETH, -3_500)
    return {
        "balances are finite": (before, Change(
            before, (Booking(Cause.FEE, ETH, FREE, math.inf),))),
        "transfers sum to zero": (before, Change(
            replace(before, free=1_010), (Booking(Cause.TRANSFER, ETH, FREE, 10),))),
        "every balance moves by its bookings": (before, Change(replace(before, free=1_010), ())),
        "an isolated position never loses more than its posted margin": (before, Change(
            before.with_position(ETH, replace(before.positions[ETH], margin=-500), 1_000),
            (beyond,))),
        "a flat account owes nothing": (before, Change(
            replace(seized.state, free=-1), (*seized.bookings,
                                             Booking(Cause.FEE, ETH, FREE, -1_001)))),
    }[rule]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_refuses_what_it_is_for(rule: str) -> None:
    """A change that breaks one rule raises LedgerError by its name and commits nothing."""
    before, change = _bad(rule)
    broken = [name for name, holds in RULES.items() if not holds(before, change)]
    assert rule in broken
    book = Account(ISOLATED, Journal())
    book.state = before
    with pytest.raises(LedgerError, match=f"bar 7: {broken[0]}"):
        book.commit(change, 7, 0)
    assert book.state is before
    assert book.journal.entries == []


AMOUNTS = st.one_of(
    st.sampled_from([0.0, 1e-10, 4e-10, 6e-10, 1e-9, 2e-9, 1e7, math.inf, -math.inf, math.nan]),
    st.floats(-1e7, 1e7))
BOOKINGS = st.lists(st.tuples(st.sampled_from(list(Cause)), st.sampled_from([FREE, ETH, BTC]),
                              AMOUNTS), max_size=5)


@given(booked=BOOKINGS, off=st.tuples(AMOUNTS, AMOUNTS), right=st.tuples(*[st.booleans()] * 2),
       closed=st.booleans())
def test_what_is_evident_keeps_every_rule(
    booked: list[tuple[Cause, str, float]], off: tuple[float, float], right: tuple[bool, bool],
    closed: bool,
) -> None:
    """The glance that spares the rules says yes to no change that any of them would refuse, where
    balances move by what was booked and where they do not."""
    before = holding(10, 3_000, 3_000)
    moved = {name: sum(amount for _, at, amount in booked if at == name) + (0 if good else more)
             for name, more, good in zip((FREE, ETH), off, right, strict=True)}
    held = before.positions[ETH]
    after = before.with_position(
        ETH, None if closed else replace(held, margin=held.margin + moved[ETH]),
        before.free + moved[FREE])
    change = Change(after, tuple(Booking(cause, at, at, amount) for cause, at, amount in booked))
    assert not evident(before, change) or all(holds(before, change) for holds in RULES.values())


def test_usual_changes_are_evident() -> None:
    """A deposit, an entry, a settlement and an exit need no second look; what breaks a rule does,
    and so does a forced close."""
    state = State()
    for make in (lambda now: changes.deposit(now, 10_000),
                 lambda now: changes.fill(now, ISOLATED, ETH, 10, 3_000, FEE).change,
                 lambda now: changes.fund(now, ISOLATED, ETH, -3.21)[0],
                 lambda now: changes.fill(now, ISOLATED, ETH, -10, 3_100.1, FEE).change):
        change = make(state)
        assert evident(state, change)
        state = change.state
    assert not any(evident(*_bad(rule)) for rule in RULES)
    held = holding(10, 3_000, 3_000)
    assert not evident(held, changes.seize(held, ETH))


def test_a_liquidation_of_what_is_not_held_is_refused() -> None:
    """A booking for a position that does not exist is a broken rule, not a KeyError."""
    book = Account(ISOLATED, Journal())
    with pytest.raises(LedgerError):
        book.commit(Change(State(), (Booking(Cause.LIQUIDATION, ETH, ETH, 0.0),)), 0, 0)


def test_each_balance_moves_by_its_own_bookings() -> None:
    """Margin that moves without a transfer is refused even where the wallet is right."""
    before = holding(10, 3_000, 3_000)
    moved = before.with_position(ETH, replace(before.positions[ETH], margin=2_000), 2_000)
    book = Account(ISOLATED, Journal())
    book.state = before
    with pytest.raises(LedgerError, match="bookings"):
        book.commit(Change(moved, ()), 0, 0)


def test_the_journal_keeps_place_and_time() -> None:
    """Committed bookings get a running number, the bar and the time."""
    book = Account(ISOLATED, Journal())
    book.commit(changes.deposit(book.state, 10_000), -1, 5)
    book.commit(changes.fill(book.state, ISOLATED, ETH, 1, 3_000, FEE).change, 3, 9)
    entries = book.journal.entries
    assert [entry.seq for entry in entries] == list(range(len(entries)))
    assert {(entry.bar, entry.ts) for entry in entries} == {(-1, 5), (3, 9)}
    assert book.journal.wallet() == book.state.wallet
    assert book.journal.balance(ETH) == book.state.positions[ETH].margin
    assert book.journal.total(Cause.FEE) == -1.5


def test_a_snapshot_says_how_the_position_stands() -> None:
    """Size, entry, margin, liquidation price and maintenance at entry; NaN and 0 when flat."""
    book = Account(ISOLATED, Journal())
    book.state = holding(10, 3_000, 3_000)
    book.snapshot(4, 4 * 60, ETH, {ETH: 2_950})
    book.state = State(1_000, MappingProxyType({}), 1)
    book.snapshot(5, 5 * 60, ETH, {ETH: 2_950})
    held, flat = book.journal.snapshots
    assert (held.bar, held.size, held.margin, held.position) == (4, 10, 3_000, 1)
    assert held.liquidation_price == close_to(2_710.84)
    assert held.maintenance == pytest.approx(30_000 * 0.004)
    assert (flat.size, flat.wallet, flat.position) == (0, 1_000, 1)
    assert math.isnan(flat.liquidation_price)
