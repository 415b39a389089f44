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

from deleverage.journal import FREE, Cause
from deleverage.venues.rules import VenueRules

Marks = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Position:
    """An open position. ``margin`` is what is posted to it (isolated; 0 in cross)."""

    symbol: str
    size: float
    entry_price: float
    margin: float
    leverage: float
    number: int  # episode from flat to flat, counted over the account

    @property
    def side(self) -> int:
        """+1 long, −1 short."""
        return 1 if self.size > 0 else -1

    def unrealised(self, mark: float) -> float:
        """Unrealised profit at a mark."""
        return self.size * (mark - self.entry_price)


@dataclass(frozen=True, slots=True)
class State:
    """Free balance and positions, in the order in which they were opened."""

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
        """One balance: FREE, or the margin posted to a symbol (0 where nothing is held)."""
        if name == FREE:
            return self.free
        position = self.positions.get(name)
        return 0.0 if position is None else position.margin

    def with_position(self, symbol: str, position: Position | None, free: float) -> State:
        """A copy with one position replaced (None: gone) and another free balance."""
        positions = dict(self.positions)
        if position is None:
            del positions[symbol]
        else:
            positions[symbol] = position
        return State(free, MappingProxyType(positions), self.opened)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the account trades under: margin mode, rules and leverage per symbol."""

    mode: str  # isolated | cross
    rules: dict[str, VenueRules]
    leverage: dict[str, float]

    @property
    def isolated(self) -> bool:
        """True where every position stands on its own margin."""
        return self.mode == "isolated"


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
    """Wallet plus unrealised profit at the marks given."""
    total = state.wallet
    for symbol, position in state.positions.items():
        total += position.size * (marks[symbol] - position.entry_price)
    return total


def available(state: State, marks: Marks, terms: Terms) -> float:
    """Free margin before what open orders reserve.

    Isolated: the free balance. Cross: free balance plus unrealised profit minus the initial margin
    of the open positions (at mark or at entry, by venue rule).
    """
    total = state.free
    if not terms.isolated:
        for symbol, position in state.positions.items():
            mark = marks[symbol]
            basis = mark if terms.rules[symbol].margin_at_mark else position.entry_price
            total += position.unrealised(mark) - abs(position.size) * basis / position.leverage
    return total


def wallet_behind(state: State, symbol: str, marks: Marks, terms: Terms) -> float:
    """The margin behind one position without its own unrealised profit.

    Isolated: its posted margin. Cross: the free balance plus the others' unrealised profit minus
    the others' maintenance, both at ``marks``.
    """
    if terms.isolated:
        return state.positions[symbol].margin
    total = state.free
    for name, other in state.positions.items():
        if name != symbol:
            held = maintenance(state, name, marks[name], terms)
            total += other.unrealised(marks[name]) - held
    return total


def liquidation_price(state: State, symbol: str, marks: Marks, terms: Terms) -> float | None:
    """The mark of ``symbol`` that liquidates its position, the other marks standing still."""
    position = state.positions[symbol]
    wallet = wallet_behind(state, symbol, marks, terms)
    price: float | None = terms.rules[symbol].liquidation_price(
        position.side, abs(position.size), position.entry_price, wallet, cross=not terms.isolated)
    return price


def maintenance(state: State, symbol: str, mark: float, terms: Terms) -> float:
    """Maintenance one open position must hold at a mark."""
    position = state.positions[symbol]
    return terms.rules[symbol].position_maintenance(
        position.size, position.entry_price, mark, cross=not terms.isolated)


# ------------------------------------------------------------------ changes, all pure


def deposit(state: State, amount: float) -> Change:
    """Money in (or, negative, out)."""
    return Change(replace(state, free=state.free + amount),
                  (Booking(Cause.DEPOSIT, "", FREE, amount),))


def fill(
    state: State, terms: Terms, symbol: str, size: float, price: float, fee_rate: float,
    round_size: Callable[[float], float] = float,
) -> Executed:
    """Trade ``size`` (signed) at ``price``: close what it closes, open what is left.

    The fee is paid from the free balance. A partial close releases posted margin pro rata and
    keeps the entry price; an increase averages it; a reversal closes all and opens the rest.
    """
    position = state.positions.get(symbol)
    held = 0.0 if position is None else position.size
    closed = 0.0
    if held * size < 0:
        closed = math.copysign(min(abs(size), abs(held)), size)
    opened = round_size(size - closed)
    bookings: list[Booking] = []
    realised = 0.0
    number = state.opened if position is None else position.number
    if position is not None and closed:
        state, realised = _close(state, position, closed, price, round_size, bookings)
    if opened:
        state = _open(state, terms, symbol, opened, price, bookings)
        number = number if closed else state.positions[symbol].number
    fee = (abs(closed) + abs(opened)) * price * fee_rate
    if fee:
        bookings.append(Booking(Cause.FEE, symbol, FREE, -fee))
        state = replace(state, free=state.free - fee)
    state = _lift(state, symbol, bookings)
    return Executed(Change(state, tuple(bookings)), closed, opened, realised, fee, number)


def _close(
    state: State, position: Position, closed: float, price: float,
    round_size: Callable[[float], float], bookings: list[Booking],
) -> tuple[State, float]:
    left = round_size(position.size + closed)
    share = 1.0 if not left else abs(closed) / abs(position.size)
    released = position.margin * share
    realised = -closed * (price - position.entry_price)
    _transfer(bookings, position.symbol, released)
    bookings.append(Booking(Cause.FILL, position.symbol, FREE, realised))
    rest = replace(position, size=left, margin=position.margin - released) if left else None
    return state.with_position(position.symbol, rest, state.free + released + realised), realised


def _open(
    state: State, terms: Terms, symbol: str, opened: float, price: float,
    bookings: list[Booking],
) -> State:
    position = state.positions.get(symbol)
    leverage = terms.leverage[symbol]
    posted = abs(opened) * price / leverage if terms.isolated else 0.0
    if posted:
        _transfer(bookings, symbol, -posted)
    if position is None:
        state = replace(state, opened=state.opened + 1)
        grown = Position(symbol, opened, price, posted, leverage, state.opened)
    else:
        size = position.size + opened
        entry = (position.size * position.entry_price + opened * price) / size
        grown = replace(position, size=size, entry_price=entry, margin=position.margin + posted)
    return state.with_position(symbol, grown, state.free - posted)


def fund(state: State, terms: Terms, symbol: str, amount: float) -> tuple[Change, str]:
    """Settle funding (negative: paid) and say which balance bore it.

    Cross: the free balance. Isolated: by venue rule the position's margin, or the free balance
    first and the position's margin for what the free balance cannot pay.
    """
    position = state.positions[symbol]
    if terms.isolated and terms.rules[symbol].funding_payer == "position":
        from_free = 0.0
    elif terms.isolated and amount < 0:
        from_free = -min(-amount, max(state.free, 0.0))
    else:
        from_free = amount
    from_margin = amount - from_free
    bookings = [Booking(Cause.FUNDING, symbol, balance, part)
                for balance, part in ((FREE, from_free), (symbol, from_margin)) if part]
    state = state.with_position(symbol, replace(position, margin=position.margin + from_margin),
                                state.free + from_free)
    payer = "position" if from_margin and not from_free else \
        "free" if from_free or not amount else "position"
    if from_margin and from_free:
        payer = "free and position"
    return Change(state, tuple(bookings)), payer


def seize(state: State, symbol: str, returned: float = 0.0) -> Change:
    """Take over an isolated position: its margin is lost but for what the venue returned of it.

    Nothing returned is a takeover at the bankruptcy price: the margin is lost, exactly.
    """
    position = state.positions[symbol]
    bookings: list[Booking] = []
    if returned:
        _transfer(bookings, symbol, returned)
    bookings.append(Booking(Cause.LIQUIDATION, symbol, symbol, returned - position.margin))
    # a fee may have left the free balance below zero while this position was still open
    after = _lift(state.with_position(symbol, None, state.free + returned), symbol, bookings)
    return Change(after, tuple(bookings))


def seize_all(state: State, marks: Marks) -> tuple[Change, dict[str, float]]:
    """Take over every position of a cross account; the account ends at zero.

    Each is closed at its mark moved by the same share λ = equity ÷ Σ|notional| against it, the
    joint bankruptcy price: for one position that is ``E − s·wallet/Q``. Returns the prices.
    """
    worth = equity(state, marks)
    gross = math.fsum(abs(p.size) * marks[p.symbol] for p in state.positions.values())
    share = worth / gross if gross else 0.0
    prices = {p.symbol: marks[p.symbol] * (1 - p.side * share) for p in state.positions.values()}
    bookings: list[Booking] = []
    left = state.free
    last = list(state.positions)[-1]
    for symbol, position in state.positions.items():
        loss = -left if symbol == last else position.unrealised(prices[symbol])
        bookings.append(Booking(Cause.LIQUIDATION, symbol, FREE, loss))
        left += loss
    return Change(State(0.0, MappingProxyType({}), state.opened), tuple(bookings)), prices


def _transfer(bookings: list[Booking], symbol: str, to_free: float) -> None:
    bookings.append(Booking(Cause.TRANSFER, symbol, symbol, -to_free))
    bookings.append(Booking(Cause.TRANSFER, symbol, FREE, to_free))


def _lift(state: State, symbol: str, bookings: list[Booking]) -> State:
    """The insurance fund lifts a free balance below zero when nothing open could make it good."""
    if state.free < 0 and not state.positions:
        bookings.append(Booking(Cause.INSURANCE, symbol, FREE, -state.free))
        return replace(state, free=0.0)
    return state
