"""Changes of the account: the *next* state plus the bookings that lead to it, all pure.

The ledger's named rules look at both before anything is committed. All money is in the quote
currency; sizes are signed (long > 0) in base coin.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType

from deleverage.account import Marks, Position, State, Terms, equity
from deleverage.journal import FREE, Cause
from deleverage.records import unlocked


@unlocked
@dataclass(frozen=True, slots=True)
class Booking:
    """An amount for one balance, before it gets its place in the journal."""

    cause: Cause
    symbol: str
    balance: str
    amount: float


@unlocked
@dataclass(frozen=True, slots=True)
class Change:
    """The next state and the bookings that lead to it."""

    state: State
    bookings: tuple[Booking, ...]


@unlocked
@dataclass(frozen=True, slots=True)
class Executed:
    """What a fill did: signed parts closed and opened, profit realised, fee paid (≥ 0)."""

    change: Change
    closed: float
    opened: float
    realised: float
    fee: float
    number: int


def deposit(state: State, amount: float) -> Change:
    """Money in (or, negative, out)."""
    return Change(_with_free(state, state.free + amount),
                  (Booking(Cause.DEPOSIT, "", FREE, amount),))


def fill(
    state: State, terms: Terms, symbol: str, size: float, price: float, fee_rate: float,
    round_size: Callable[[float], float] = float, slot: str = "",
) -> Executed:
    """Trade ``size`` (signed) at ``price``: close what it closes, open what is left.

    The fee is paid from the free balance. A partial close releases posted margin pro rata and
    keeps the entry price; an increase averages it; a reversal closes all and opens the rest.
    ``slot`` is where the position stands; the symbol itself unless both sides are held.
    """
    slot = slot or symbol
    position = state.positions.get(slot)
    held = 0.0 if position is None else position.size
    closed = 0.0
    if held * size < 0:
        closed = math.copysign(min(abs(size), abs(held)), size)
    opened = round_size(size - closed) if closed != size else 0.0
    bookings: list[Booking] = []
    realised = 0.0
    number = state.opened if position is None else position.number
    if position is not None and closed:
        state, realised = _close(state, slot, closed, price, round_size, bookings)
    if opened:
        state = _open(state, terms, symbol, slot, opened, price, bookings)
        number = number if closed else state.positions[slot].number
    fee = (abs(closed) + abs(opened)) * price * fee_rate
    if fee:
        bookings.append(Booking(Cause.FEE, symbol, FREE, -fee))
        state = _with_free(state, state.free - fee)
    if terms.forces:
        state = _lift(state, symbol, bookings)
    return Executed(Change(state, tuple(bookings)), closed, opened, realised, fee, number)


def _close(
    state: State, slot: str, closed: float, price: float,
    round_size: Callable[[float], float], bookings: list[Booking],
) -> tuple[State, float]:
    position = state.positions[slot]
    left = round_size(position.size + closed)
    share = 1.0 if not left else abs(closed) / abs(position.size)
    released = position.margin * share
    realised = -closed * (price - position.entry_price)
    _transfer(bookings, position.symbol, slot, released)
    bookings.append(Booking(Cause.FILL, position.symbol, FREE, realised))
    rest = replace(position, size=left, margin=position.margin - released) if left else None
    return state.with_position(slot, rest, state.free + released + realised), realised


def _open(
    state: State, terms: Terms, symbol: str, slot: str, opened: float, price: float,
    bookings: list[Booking],
) -> State:
    position = state.positions.get(slot)
    leverage = terms.leverage[symbol]
    posted = abs(opened) * price / leverage if terms.isolated else 0.0
    _transfer(bookings, symbol, slot, -posted)
    if position is None:
        state = State(state.free, state.positions, state.opened + 1)
        grown = Position(symbol, opened, price, posted, leverage, state.opened)
    else:
        size = position.size + opened
        entry = (position.size * position.entry_price + opened * price) / size
        grown = replace(position, size=size, entry_price=entry, margin=position.margin + posted)
    return state.with_position(slot, grown, state.free - posted)


def fund(state: State, terms: Terms, slot: str, amount: float) -> tuple[Change, str]:
    """Settle funding (negative: paid) and say which balance bore it.

    Cross: the free balance. Isolated: by venue rule the position's margin, or the free balance
    first and the position's margin for what the free balance cannot pay.
    """
    position = state.positions[slot]
    symbol = position.symbol
    if terms.isolated and terms.rules[symbol].funding_payer == "position":
        from_free = 0.0
    elif terms.isolated and amount < 0:
        from_free = -min(-amount, max(state.free, 0.0))
    else:
        from_free = amount
    from_margin = amount - from_free
    bookings = [Booking(Cause.FUNDING, symbol, balance, part)
                for balance, part in ((FREE, from_free), (slot, from_margin)) if part]
    free = state.free + from_free
    if from_margin:
        state = state.with_position(slot, position.with_margin(position.margin + from_margin), free)
    else:  # the position stays the one that its liquidation price is known of
        state = _with_free(state, free)
    payer = "position" if from_margin and not from_free else \
        "free" if from_free or not amount else "position"
    if from_margin and from_free:
        payer = "free and position"
    return Change(state, tuple(bookings)), payer


def move_margin(state: State, slot: str, amount: float) -> Change:
    """Post more margin to an isolated position (or, negative, take some back)."""
    position = state.positions[slot]
    bookings: list[Booking] = []
    _transfer(bookings, position.symbol, slot, -amount)
    after = state.with_position(slot, position.with_margin(position.margin + amount),
                                state.free - amount)
    return Change(after, tuple(bookings))


def relever(state: State, terms: Terms, slot: str, leverage: float) -> Change:
    """Hold a position at another leverage: isolated margin follows, what was added by hand stays.

    The margin that changes hands is the difference of the initial margins at entry.
    """
    position = state.positions[slot]
    moved = 0.0
    if terms.isolated:
        value = abs(position.size) * position.entry_price
        moved = value / leverage - value / position.leverage
    change = move_margin(state, slot, moved)
    after = replace(change.state.positions[slot], leverage=leverage)
    return Change(change.state.with_position(slot, after, change.state.free), change.bookings)


def seize(state: State, slot: str, returned: float = 0.0) -> Change:
    """Take over an isolated position: its margin is lost but for what the venue returned of it.

    Nothing returned is a takeover at the bankruptcy price: the margin is lost, exactly.
    """
    position = state.positions[slot]
    bookings: list[Booking] = []
    _transfer(bookings, position.symbol, slot, returned)
    bookings.append(Booking(Cause.LIQUIDATION, position.symbol, slot, returned - position.margin))
    # a fee may have left the free balance below zero while this position was still open
    after = _lift(state.with_position(slot, None, state.free + returned), position.symbol, bookings)
    return Change(after, tuple(bookings))


def seize_all(state: State, marks: Marks) -> tuple[Change, dict[str, float]]:
    """Take over every position of a cross account; the account ends at zero.

    Each is closed at its mark moved by the same share λ = equity ÷ Σ|notional| against it, the
    joint bankruptcy price: for one position that is ``E − s·wallet/Q``. Returns the prices by slot.
    """
    worth = equity(state, marks)
    gross = math.fsum(abs(p.size) * marks[p.symbol] for p in state.positions.values())
    share = worth / gross if gross else 0.0
    prices = {slot: marks[p.symbol] * (1 - p.side * share)
              for slot, p in state.positions.items()}
    bookings: list[Booking] = []
    left = state.free
    last = list(state.positions)[-1]
    for slot, position in state.positions.items():
        loss = -left if slot == last else position.unrealised(prices[slot])
        bookings.append(Booking(Cause.LIQUIDATION, position.symbol, FREE, loss))
        left += loss
    return Change(State(0.0, MappingProxyType({}), state.opened), tuple(bookings)), prices


def _with_free(state: State, free: float) -> State:
    return State(free, state.positions, state.opened)  # a fifth of what replace() takes


def _transfer(bookings: list[Booking], symbol: str, slot: str, to_free: float) -> None:
    if to_free:
        bookings.append(Booking(Cause.TRANSFER, symbol, slot, -to_free))
        bookings.append(Booking(Cause.TRANSFER, symbol, FREE, to_free))


def _lift(state: State, symbol: str, bookings: list[Booking]) -> State:
    """The insurance fund lifts a free balance below zero when nothing open could make it good."""
    if state.free < 0 and not state.positions:
        bookings.append(Booking(Cause.INSURANCE, symbol, FREE, -state.free))
        return _with_free(state, 0.0)
    return state
