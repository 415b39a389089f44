"""The ledger: the one writer of the account's state and journal, behind named rules.

A change that breaks a rule is a defect of this software: LedgerError, and nothing is committed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from deleverage import account
from deleverage.account import Marks, Position, State, Terms, maintenance
from deleverage.changes import Change
from deleverage.errors import LedgerError
from deleverage.journal import FREE, Cause, Entry, Journal, Snapshot
from deleverage.records import swift
from deleverage.venues.rules import VenueRules

_entry, _snapshot = swift(Entry), swift(Snapshot)
_FORCED = (Cause.LIQUIDATION, Cause.LIQUIDATION_FEE)
_CLOSE = 5e-10  # quote
_TRANSFER = Cause.TRANSFER  # an enum's member costs a search at each asking

Rows = list[tuple[Cause, str, float]]  # cause, balance, amount


def _balances_are_finite(before: State, change: Change) -> bool:
    del before
    for booking in change.bookings:
        if not math.isfinite(booking.amount):
            return False
    return math.isfinite(change.state.free)


def _transfers_sum_to_zero(before: State, change: Change) -> bool:
    del before
    moved = [b.amount for b in change.bookings if b.cause is Cause.TRANSFER]
    return not moved or abs(math.fsum(moved)) <= 1e-9 * max(1.0, *(abs(m) for m in moved), 0.0)


def _balances_move_by_their_bookings(before: State, change: Change) -> bool:
    booked: dict[str, list[float]] = {
        name: [] for name in (FREE, *before.positions, *change.state.positions)}
    for booking in change.bookings:
        if booking.balance not in booked:
            return False
        booked[booking.balance].append(booking.amount)
    off = 0.0
    for name, amounts in booked.items():
        off = max(off, abs(change.state.balance(name) - before.balance(name) - math.fsum(amounts)))
    return off <= 1e-9 or off <= 1e-9 * max(
        abs(before.wallet), *(abs(each.amount) for each in change.bookings), 1.0)


def _isolated_loss_is_capped(before: State, change: Change) -> bool:
    symbols = {b.balance for b in change.bookings if b.cause in _FORCED}
    if not symbols:
        return True
    for symbol in symbols - {FREE}:
        own = [b for b in change.bookings if b.balance == symbol]
        lost = -math.fsum(b.amount for b in own if b.cause in _FORCED)
        returned = -math.fsum(b.amount for b in own if b.cause is Cause.TRANSFER)
        posted = before.balance(symbol)
        tolerance = 1e-9 * max(1.0, abs(posted), *(abs(b.amount) for b in own))
        if symbol in change.state.positions:  # a reduction: the rest of the margin stays posted
            if returned or change.state.balance(symbol) < min(posted, 0.0) - tolerance:
                return False
        elif returned < 0 or abs(lost + returned - posted) > tolerance:
            return False
    return True


OWES_NOTHING = "a flat account owes nothing"


def _nothing_is_left_owing(before: State, change: Change) -> bool:
    del before
    return bool(change.state.positions) or change.state.free >= 0


RULES: Mapping[str, Callable[[State, Change], bool]] = MappingProxyType({
    "balances are finite": _balances_are_finite,
    "transfers sum to zero": _transfers_sum_to_zero,
    "every balance moves by its bookings": _balances_move_by_their_bookings,
    "an isolated position never loses more than its posted margin": _isolated_loss_is_capped,
    OWES_NOTHING: _nothing_is_left_owing,
})


def evident(before: State, change: Change) -> bool:
    """Whether a change keeps every rule at a glance: nothing is forced, and plain sums agree to
    half the tolerance that the rules have at least. Where it does not, they are asked one by one.

    Nearly every change is such a one, and five questions take three times as long.
    """
    after, slot = change.state, FREE
    transferred = to_free = to_slot = 0.0
    for booking in change.bookings:
        cause, balance, amount = booking.cause, booking.balance, booking.amount
        if cause is _TRANSFER:
            transferred += amount
        elif cause in _FORCED:
            return False
        if balance == FREE:
            to_free += amount
        elif slot in (FREE, balance):
            slot, to_slot = balance, to_slot + amount
        else:
            return False
    # a NaN compares as false, which is no for every one of these
    if not abs(transferred) <= _CLOSE or not (after.free >= 0 or after.positions):
        return False
    if not abs(after.free - before.free - to_free) <= _CLOSE:
        return False
    if slot == FREE and after.positions is before.positions:
        return True
    held = {*before.positions, *after.positions}
    for name in held:
        posted = after.balance(name) - before.balance(name)
        if not abs(posted - (to_slot if name == slot else 0.0)) <= _CLOSE:
            return False
    return slot == FREE or slot in held


class Account:
    """The current state and its journal; the only writer of either."""

    def __init__(self, terms: Terms, journal: Journal) -> None:
        self.terms = terms
        self.journal = journal
        self.state = State()
        self._held: tuple[tuple[float, float, VenueRules], float] | None = None  # maintenance

    def commit(self, change: Change, bar: int, ts: int) -> None:
        """Check every rule, then take over the next state and append its bookings."""
        before = self.state
        if not evident(before, change):
            for name, holds in RULES.items():
                if name == OWES_NOTHING and not self.terms.forces:
                    continue  # where nothing is forced, debts are what is to be shown
                if not holds(before, change):
                    raise LedgerError(f"rule broken at bar {bar}: {name}: {change}")
        entries = self.journal.entries
        for booking in change.bookings:
            entries.append(_entry(len(entries), bar, ts, booking.cause, booking.symbol,
                                  booking.balance, booking.amount))
        self.state = change.state

    def post(self, after: State, bar: int, ts: int, symbol: str, rows: Rows) -> None:
        """:meth:`commit` where nothing is forced and one position is held at most, in the slot of
        ``symbol``: the same rules, asked of the bookings while they are written."""
        before, entries = self.state, self.journal.entries
        to_free = to_slot = transferred = 0.0
        for cause, balance, amount in rows:
            entries.append(_entry(len(entries), bar, ts, cause, symbol, balance, amount))
            if balance == FREE:
                to_free += amount
            else:
                to_slot += amount
            if cause is _TRANSFER:
                transferred += amount
        tolerance = max(_CLOSE, 1e-9 * abs(before.free))
        was, held = before.positions.get(symbol), after.positions.get(symbol)
        posted = (0.0 if held is None else held.margin) - (0.0 if was is None else was.margin)
        # a NaN compares as false, which is no for every one of these
        if not (abs(after.free - before.free - to_free) <= tolerance
                and abs(posted - to_slot) <= tolerance and abs(transferred) <= tolerance
                and (after.free >= 0 or after.positions)):
            del entries[len(entries) - len(rows):]  # nothing is committed
            raise LedgerError(f"rule broken at bar {bar}: every balance moves by its bookings, and "
                              f"a flat account owes nothing: {rows}")
        self.state = after

    def level(self, slot: str, marks: Marks) -> float | None:
        """A position's liquidation price."""
        return account.level(self.state, slot, marks, self.terms)

    def snapshot(self, bar: int, ts: int, slot: str, marks: Marks) -> None:
        """Record the position in ``slot`` as it now stands, for curves and near misses."""
        state = self.state
        position = state.positions.get(slot)
        if position is None:
            shot = _snapshot(bar, ts, slot, state.wallet, 0.0, math.nan, 0.0, math.nan, math.nan,
                             0.0, state.opened)
        else:
            self.held(bar, ts, slot, position, state.wallet, self.level(slot, marks))
            return
        self.journal.snapshots.append(shot)

    def held(self, bar: int, ts: int, slot: str, position: Position, wallet: float,
             level: float | None) -> None:
        """Record a position with the wallet and the liquidation price that go with it."""
        self.journal.snapshots.append(_snapshot(
            bar, ts, slot, wallet, position.size, position.entry_price, position.margin,
            position.leverage, math.nan if level is None else level,
            self._maintenance(slot, position), position.number))

    def _maintenance(self, slot: str, position: Position) -> float:
        """Maintenance at entry, worked out once as long as nothing changes that it depends on."""
        basis = position.size, position.entry_price, self.terms.rules[position.symbol]
        if self._held is None or self._held[0] != basis:
            self._held = basis, maintenance(self.state, slot, position.entry_price, self.terms)
        return self._held[1]
