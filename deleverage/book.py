"""Working orders as the account sees them, what they reserve, and whether they are accepted."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from deleverage.account import Marks, State, Terms, available
from deleverage.instrument import Instrument
from deleverage.policies import Fees
from deleverage.records import unlocked
from deleverage.slippage import FixedBp, Slippage
from deleverage.venues.rules import VenueRules


class Kind(StrEnum):
    """How an order waits; trailing orders are stops whose trigger the broker moves at bar end."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    AT_CLOSE = "close"


@unlocked
@dataclass(frozen=True, slots=True)
class WorkingOrder:
    """One open order. ``side`` +1 buy, −1 sell; ``size`` > 0 in coin.

    ``trigger`` belongs to stops, ``limit`` to limits; ``source`` is the price that triggers it
    (last or mark). ``active`` is False for a bracket child whose parent has not filled; ``group``
    joins one-cancels-other orders; ``reference`` is the price its margin was computed at.
    ``ready`` is False for an order that waits for its time: at the close before its session ends,
    or sent when the bar that it would meet had already begun. ``slot`` is where the position stands
    that it acts on: the symbol, unless both sides are held at once.
    """

    ref: int
    symbol: str
    side: int
    size: float
    kind: Kind
    reference: float
    label: str
    trigger: float | None = None
    limit: float | None = None
    source: str = "last"
    reduce_only: bool = False
    triggered: bool = False
    active: bool = True
    parent: int | None = None
    group: int | None = None
    ready: bool = True
    slot: str = ""

    def __post_init__(self) -> None:
        if not self.slot:
            object.__setattr__(self, "slot", self.symbol)

    @property
    def live(self) -> bool:
        """True where the bar now walked can meet it."""
        return self.active and self.ready

    @property
    def resting(self) -> bool:
        """True where it reserves margin: live, not a stop still waiting for its trigger."""
        waits = self.kind in (Kind.STOP, Kind.STOP_LIMIT) and not self.triggered
        return self.active and not waits and not self.reduce_only


Book = Mapping[int, WorkingOrder]  # by ref, in submission order


@dataclass(frozen=True, slots=True)
class Desk:
    """What acceptance and matching need to know besides the state: terms, fees, contracts.

    ``slippage`` makes taker fills worse, ``volume_limit`` is the share of a bar's volume that one's
    fills in it may take (None: all of it and more), ``liquidation`` is venue | takeover | none (the
    terms then force nothing).
    """

    terms: Terms
    fees: dict[str, Fees]
    instruments: dict[str, Instrument]
    slippage: Slippage = field(default_factory=lambda: FixedBp(0.0))
    volume_limit: float | None = None
    liquidation: str = "venue"

    def rules(self, symbol: str) -> VenueRules:
        """The venue's rules for a symbol."""
        return self.terms.rules[symbol]


def reserved(state: State, book: Iterable[WorkingOrder], desk: Desk) -> float:
    """Margin and opening fees that resting orders hold back (quote).

    Per position only the larger of the two sides counts. An order against a position reserves
    nothing for the part that closes it and nothing for as much again on the other side, which the
    released margin carries.
    """
    sides: dict[tuple[str, int], float] = {}
    spared: dict[tuple[str, int], float] = {}
    for order in book:
        if not order.resting:
            continue
        key = (order.slot, order.side)
        if key not in spared:
            position = state.positions.get(order.slot)
            held = 0.0 if position is None else position.size
            spared[key] = 2 * abs(held) if held * order.side < 0 else 0.0
        covered = min(spared[key], order.size)
        spared[key] -= covered
        notional = (order.size - covered) * order.reference
        rate = 1 / desk.terms.leverage[order.symbol] + desk.fees[order.symbol].taker
        sides[key] = sides.get(key, 0.0) + notional * rate
    larger: dict[str, float] = {}
    for (slot, _), amount in sides.items():
        larger[slot] = max(larger.get(slot, 0.0), amount)
    return sum(larger.values())


def free_margin(state: State, book: Collection[WorkingOrder], marks: Marks, desk: Desk) -> float:
    """Available margin at the marks after what resting orders reserve (quote)."""
    room = available(state, marks, desk.terms)
    return room - reserved(state, book, desk) if book else room


def refusal(
    order: WorkingOrder, state: State, book: Book, marks: Marks, desk: Desk
) -> str | None:
    """Why the venue would refuse the order now, in words; None if it is accepted.

    Conditional orders are judged on margin when they trigger; reducing orders never lack margin.
    """
    instrument = desk.instruments[order.symbol]
    if not order.size:
        step = instrument.lot_size
        return "size is zero" if step is None else f"size is below the lot step of {step:g}"
    largest = _largest(order, instrument)
    if order.size > largest:
        return f"size {order.size:g} is above the venue's largest {order.label} order, {largest:g}"
    if order.reduce_only or not order.active:
        return None
    if instrument.min_notional and not _reduces(order, state) and \
            order.size * order.reference < instrument.min_notional:
        return (f"notional {order.size * order.reference:.2f} is below the venue's minimum of "
                f"{instrument.min_notional:g}")
    if not order.resting:
        return None
    return beyond_limit(order, state, desk) or _lack_of_margin(order, state, book, marks, desk) \
        or _born_dead(order, state, desk)


def _largest(order: WorkingOrder, instrument: Instrument) -> float:
    largest = instrument.max_size or math.inf
    if instrument.max_market_size and order.kind in (Kind.MARKET, Kind.AT_CLOSE, Kind.STOP):
        largest = min(largest, instrument.max_market_size)
    return largest


def beyond_limit(order: WorkingOrder, state: State, desk: Desk,
                 price: float | None = None) -> str | None:
    """Whether the resulting notional is too large for the leverage set, at the order's reference or
    at ``price``."""
    position = state.positions.get(order.slot)
    held = 0.0 if position is None else position.size
    result = abs(held + order.side * order.size)
    if result <= abs(held):
        return None
    leverage = desk.terms.leverage[order.symbol]
    price = order.reference if price is None else price
    limit = desk.rules(order.symbol).position_limit(result, price)
    if leverage > limit:
        return (f"leverage {leverage:g} is above the venue's {limit:g}x for a notional of "
                f"{result * price:,.0f}")
    return None


def _lack_of_margin(
    order: WorkingOrder, state: State, book: Book, marks: Marks, desk: Desk
) -> str | None:
    if _only_reduces(order, state):
        return None  # even where losses have left less than nothing available
    others = [other for other in book.values() if other.ref != order.ref]
    before = reserved(state, others, desk) if others else 0.0
    needed = reserved(state, [*others, order], desk) - before
    room = available(state, marks, desk.terms) - before
    if needed > room + 1e-9 * max(1.0, abs(room)):
        return f"margin: needs {needed:,.2f}, available {room:,.2f}"
    return None


def _born_dead(order: WorkingOrder, state: State, desk: Desk) -> str | None:
    """An isolated entry whose liquidation price lies on the wrong side of its own price."""
    if not (desk.terms.isolated and desk.terms.forces) or _reduces(order, state):
        return None
    leverage = desk.terms.leverage[order.symbol]
    posted = order.size * order.reference / leverage
    price = desk.rules(order.symbol).liquidation_level(
        order.side, order.size, order.reference, posted)
    if price is not None and (price - order.reference) * order.side >= 0:
        return (f"liquidation price {price:,.2f} of an entry at {order.reference:,.2f} and "
                f"{leverage:g}x lies on the wrong side of it")
    return None


def _reduces(order: WorkingOrder, state: State) -> bool:
    position = state.positions.get(order.slot)
    return position is not None and position.size * order.side < 0


def _only_reduces(order: WorkingOrder, state: State) -> bool:
    return _reduces(order, state) and order.size <= abs(state.positions[order.slot].size)


# ------------------------------------------------------------------ what one order does to others


def without(book: Book, refs: Iterable[int]) -> dict[int, WorkingOrder]:
    """The book without some orders."""
    left = dict(book)
    for ref in refs:
        left.pop(ref, None)
    return left


def changed(book: Book, ref: int, **values: object) -> dict[int, WorkingOrder]:
    """The book with one order's fields replaced."""
    result = dict(book)
    result[ref] = replace(book[ref], **values)  # type: ignore[arg-type]
    return result


def partners(book: Book, order: WorkingOrder) -> list[int]:
    """Orders that die when ``order`` fills or dies: its group, and its bracket siblings."""
    return [other.ref for other in book.values() if other.ref != order.ref and (
        (order.group is not None and other.group == order.group)
        or (order.parent is not None and other.parent == order.parent))]


def children(book: Book, ref: int) -> list[int]:
    """Bracket children that wait for an order's fill."""
    return [other.ref for other in book.values() if other.parent == ref]
