"""The account: balances and positions as one frozen state, changed only through checked bookings.

Every change is computed as the *next* state plus the bookings that lead to it; the ledger's named
rules look at both before anything is committed. Equity, available margin and liquidation prices
are pure functions of (state, marks now): nothing is accumulated per bar.

All money is in the quote currency; sizes are signed (long > 0) in base coin.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from deleverage.journal import FREE, Cause
from deleverage.venues.rules import VenueRules

Marks = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Position:
    """An open position. ``margin`` is what is posted to it (isolated; 0 in cross).

    ``partial_at``: UTC nanoseconds of the last partial liquidation order (0: none), which decides
    at some venues how much the next one takes.
    """

    symbol: str
    size: float
    entry_price: float
    margin: float
    leverage: float
    number: int  # episode from flat to flat, counted over the account
    partial_at: int = 0

    @property
    def side(self) -> int:
        """+1 long, −1 short."""
        return 1 if self.size > 0 else -1

    def unrealised(self, mark: float) -> float:
        """Unrealised profit at a mark."""
        return self.size * (mark - self.entry_price)


@dataclass(frozen=True, slots=True)
class State:
    """Free balance and positions by slot, in the order in which they were opened.

    A slot is what one position can stand in: the symbol, or with both sides held at once (hedge
    mode) the symbol and the side, see :func:`slot_of`. It also names the balance of its margin.
    """

    free: float = 0.0
    positions: Mapping[str, Position] = field(default_factory=lambda: MappingProxyType({}))
    opened: int = 0  # positions opened so far

    @property
    def wallet(self) -> float:
        """All collateral: the free balance and every posted margin."""
        total = self.free
        for position in self.positions.values():
            total += position.margin
        return total

    def balance(self, name: str) -> float:
        """One balance: FREE, or the margin posted to a slot (0 where nothing is held)."""
        if name == FREE:
            return self.free
        position = self.positions.get(name)
        return 0.0 if position is None else position.margin

    def with_position(self, slot: str, position: Position | None, free: float) -> State:
        """A copy with one position replaced (None: gone) and another free balance."""
        positions = dict(self.positions)
        if position is None:
            del positions[slot]
        else:
            positions[slot] = position
        return State(free, MappingProxyType(positions), self.opened)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the account trades under: margin mode, rules and leverage per symbol."""

    mode: str  # isolated | cross
    rules: dict[str, VenueRules]
    leverage: dict[str, float]
    hedge: bool = False  # a long and a short position in one instrument, side by side

    @property
    def isolated(self) -> bool:
        """True where every position stands on its own margin."""
        return self.mode == "isolated"


def slot_of(symbol: str, side: int, hedge: bool) -> str:
    """Where a position of that side stands: ``ETHUSDT``; in hedge mode ``ETHUSDT long``."""
    if not hedge:
        return symbol
    return f"{symbol} {'long' if side > 0 else 'short'}"


@dataclass(frozen=True, slots=True)
class Booking:
    """An amount for one balance, before it gets its place in the journal."""

    cause: Cause
    symbol: str
    balance: str
    amount: float


@dataclass(frozen=True, slots=True)
class Change:
    """The next state and the bookings that lead to it."""

    state: State
    bookings: tuple[Booking, ...]


@dataclass(frozen=True, slots=True)
class Executed:
    """What a fill did: signed parts closed and opened, profit realised, fee paid (≥ 0)."""

    change: Change
    closed: float
    opened: float
    realised: float
    fee: float
    number: int


# ------------------------------------------------------------------ values, all pure


def equity(state: State, marks: Marks) -> float:
    """Wallet plus unrealised profit at the marks given (by symbol)."""
    total = state.wallet
    for position in state.positions.values():
        total += position.size * (marks[position.symbol] - position.entry_price)
    return total


def available(state: State, marks: Marks, terms: Terms) -> float:
    """Free margin before what open orders reserve.

    Isolated: the free balance. Cross: free balance plus unrealised profit minus the initial margin
    of the open positions (at mark or at entry, by venue rule).
    """
    total = state.free
    if not terms.isolated:
        for position in state.positions.values():
            mark = marks[position.symbol]
            at_mark = terms.rules[position.symbol].margin_at_mark
            basis = mark if at_mark else position.entry_price
            total += position.unrealised(mark) - abs(position.size) * basis / position.leverage
    return total


def wallet_behind(state: State, slot: str, marks: Marks, terms: Terms) -> float:
    """The margin behind one position without its own unrealised profit.

    Isolated: its posted margin. Cross: the free balance plus the others' unrealised profit minus
    the others' maintenance, both at ``marks``.
    """
    if terms.isolated:
        return state.positions[slot].margin
    total = state.free
    for name, other in state.positions.items():
        if name != slot:
            mark = marks[other.symbol]
            total += other.unrealised(mark) - maintenance(state, name, mark, terms)
    return total


def liquidation_price(state: State, slot: str, marks: Marks, terms: Terms) -> float | None:
    """The mark of a position's symbol that liquidates it, the other marks standing still.

    In a cross account that holds both sides of the symbol it is the price of the pair.
    """
    position = state.positions[slot]
    rules = terms.rules[position.symbol]
    opposite = _opposite(state, slot)
    if opposite is not None and not terms.isolated:
        return _pair_price(state, (position, opposite), marks, terms)
    wallet = wallet_behind(state, slot, marks, terms)
    price: float | None = rules.liquidation_price(
        position.side, abs(position.size), position.entry_price, wallet, cross=not terms.isolated)
    return price


def _opposite(state: State, slot: str) -> Position | None:
    """The other side of the same symbol, in hedge mode."""
    symbol = state.positions[slot].symbol
    for name, other in state.positions.items():
        if name != slot and other.symbol == symbol:
            return other
    return None


def _pair_price(
    state: State, pair: tuple[Position, Position], marks: Marks, terms: Terms
) -> float | None:
    long, short = pair if pair[0].size > 0 else (pair[1], pair[0])
    profit = held = 0.0
    for name, other in state.positions.items():
        if other.symbol != long.symbol:
            mark = marks[other.symbol]
            profit += other.unrealised(mark)
            held += maintenance(state, name, mark, terms)
    rules: Any = terms.rules[long.symbol]  # a venue whose price of a pair is known
    price: float | None = rules.hedged_liquidation_price(
        (long.size, long.entry_price), (-short.size, short.entry_price), state.free,
        mark=marks[long.symbol], others_unrealised=profit, others_maintenance=held)
    return price


def maintenance(state: State, slot: str, mark: float, terms: Terms) -> float:
    """Maintenance one open position must hold at a mark."""
    position = state.positions[slot]
    return terms.rules[position.symbol].position_maintenance(
        position.size, position.entry_price, mark, cross=not terms.isolated)


def required(state: State, marks: Marks, terms: Terms) -> float:
    """Maintenance of all open positions together, each at its mark."""
    return sum(maintenance(state, slot, marks[position.symbol], terms)
               for slot, position in state.positions.items())


# ------------------------------------------------------------------ changes, all pure


def deposit(state: State, amount: float) -> Change:
    """Money in (or, negative, out)."""
    return Change(replace(state, free=state.free + amount),
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
    opened = round_size(size - closed)
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
        state = replace(state, free=state.free - fee)
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
        state = replace(state, opened=state.opened + 1)
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
    state = state.with_position(slot, replace(position, margin=position.margin + from_margin),
                                state.free + from_free)
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
    after = state.with_position(slot, replace(position, margin=position.margin + amount),
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


def _transfer(bookings: list[Booking], symbol: str, slot: str, to_free: float) -> None:
    if to_free:
        bookings.append(Booking(Cause.TRANSFER, symbol, slot, -to_free))
        bookings.append(Booking(Cause.TRANSFER, symbol, FREE, to_free))


def _lift(state: State, symbol: str, bookings: list[Booking]) -> State:
    """The insurance fund lifts a free balance below zero when nothing open could make it good."""
    if state.free < 0 and not state.positions:
        bookings.append(Booking(Cause.INSURANCE, symbol, FREE, -state.free))
        return replace(state, free=0.0)
    return state
