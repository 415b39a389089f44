"""The account: balances and positions as one frozen state, and what they are worth.

Equity, available margin and liquidation prices are pure functions of (state, marks now): nothing is
accumulated per bar. How one state becomes the next is said in :mod:`deleverage.changes`.

All money is in the quote currency; sizes are signed (long > 0) in base coin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from deleverage.journal import FREE
from deleverage.records import unlocked
from deleverage.venues.rules import VenueRules

Marks = Mapping[str, float]


@unlocked
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

    def with_margin(self, margin: float) -> Position:
        """The same position with another margin posted to it."""
        return Position(self.symbol, self.size, self.entry_price, margin, self.leverage,
                        self.number, self.partial_at)


@unlocked
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
    forces: bool = True  # False: nothing is ever closed by force, and equity may fall below zero
    isolated: bool = field(init=False)  # True where every position stands on its own margin
    # liquidation prices by slot, each with what it was worked out from: see level()
    known: dict[str, tuple[object, VenueRules, float | None]] = field(
        default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "isolated", self.mode == "isolated")


def slot_of(symbol: str, side: int, hedge: bool) -> str:
    """Where a position of that side stands: ``ETHUSDT``; in hedge mode ``ETHUSDT long``."""
    if not hedge:
        return symbol
    return f"{symbol} {'long' if side > 0 else 'short'}"


def equity(state: State, marks: Marks) -> float:
    """Wallet plus unrealised profit at the marks given (by symbol)."""
    positions = state.positions.values()
    total = state.free
    for position in positions:
        total += position.margin
    for position in positions:
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

    In a cross account that holds both sides of the symbol it is the price of the pair. None where
    no mark does, and everywhere under terms that force nothing.
    """
    if not terms.forces:
        return None
    position = state.positions[slot]
    rules = terms.rules[position.symbol]
    if terms.isolated:
        return rules.liquidation_level(position.side, abs(position.size), position.entry_price,
                                       position.margin)
    opposite = _opposite(state, slot)
    if opposite is not None:
        return _pair_price(state, (position, opposite), marks, terms)
    wallet = wallet_behind(state, slot, marks, terms)
    return rules.liquidation_level(position.side, abs(position.size), position.entry_price, wallet,
                                   cross=True)


def level(state: State, slot: str, marks: Marks, terms: Terms) -> float | None:
    """:func:`liquidation_price`, worked out once as long as nothing changes that it depends on: the
    position itself where it stands alone (isolated), else the state; and the venue's rules.

    A bar asks for it half a dozen times, a position lives for hundreds of bars.
    """
    position = state.positions[slot]
    basis: object = position if terms.isolated else state
    rules, known = terms.rules[position.symbol], terms.known.get(slot)
    if known is not None and known[0] is basis and known[1] is rules:
        return known[2]
    price = liquidation_price(state, slot, marks, terms)
    if terms.isolated or len(state.positions) == 1:  # else other marks have a part in it
        terms.known[slot] = basis, rules, price
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
