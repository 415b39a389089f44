"""What a forced close books: the venue's stages as changes of the account. Pure.

A stage at the book closes a part or the whole at a price no worse than bankruptcy; a takeover
closes at the bankruptcy price and leaves nothing. Isolated, loss and fee are borne by the
position's own margin; in cross by the free balance. Money in quote, sizes in base coin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from deleverage import account, changes
from deleverage.account import Marks, State, Terms
from deleverage.changes import Booking, Change
from deleverage.errors import LedgerError
from deleverage.journal import FREE, Cause
from deleverage.venues.procedure import Distress


@dataclass(frozen=True, slots=True)
class Forced:
    """What a forced close at the book did.

    ``closed``: the size taken off, signed as the position. ``realised``: profit of that part (< 0
    a loss), before the ``fee`` ≥ 0. ``returned`` ≥ 0: margin given back to the free balance, once
    nothing is held. ``loss``: what the account lost by it, ``fee − realised``.
    """

    change: Change
    closed: float
    realised: float
    fee: float
    returned: float

    @property
    def loss(self) -> float:
        """What the account lost by it, fee included (< 0: a gain)."""
        return self.fee - self.realised


@dataclass(frozen=True, slots=True)
class Taken:
    """A takeover as one change: by slot the bankruptcy price and what the account lost."""

    change: Change
    prices: Mapping[str, float]
    losses: Mapping[str, float]


# ------------------------------------------------------------------ what the venue sees


def candidates(state: State, terms: Terms, marks: Marks) -> dict[str, float]:
    """Maintenance by slot at the marks, in the order of opening."""
    return {slot: account.maintenance(state, slot, marks[position.symbol], terms)
            for slot, position in state.positions.items()}


def standing(state: State, terms: Terms, slot: str, marks: Marks) -> tuple[float, float]:
    """Equity and maintenance: of an isolated position alone, in cross of the whole account."""
    if not terms.isolated:
        return account.equity(state, marks), account.required(state, marks, terms)
    position = state.positions[slot]
    mark = marks[position.symbol]
    return (position.margin + position.unrealised(mark),
            account.maintenance(state, slot, mark, terms))


def distress(state: State, terms: Terms, slot: str, marks: Marks, lot: float | None,
             cooling: bool = False) -> Distress:
    """One position as its venue sees it: isolated alone, in cross with the whole account."""
    position = state.positions[slot]
    mark = marks[position.symbol]
    worth, needed = standing(state, terms, slot, marks)
    frozen = terms.rules[position.symbol].frozen_at_entry(not terms.isolated)
    return Distress(abs(position.size), mark, worth, needed, lot, cooling,
                    position.entry_price if frozen else None)


def limit(state: State, terms: Terms, slot: str, marks: Marks) -> float:
    """The worst price at which an order may close the position: its bankruptcy price.

    In cross the price at which the account's equity would be zero, the other marks standing still.
    A value ≤ 0 limits nothing.
    """
    position = state.positions[slot]
    if terms.isolated:
        return float(terms.rules[position.symbol].bankruptcy_price(
            position.side, abs(position.size), position.entry_price, position.margin))
    return marks[position.symbol] - account.equity(state, marks) / position.size


# ------------------------------------------------------------------ what it does


def reduce(state: State, terms: Terms, slot: str, size: float, price: float, fee_rate: float,
           marks: Marks, round_size: Callable[[float], float] = float) -> Forced:
    """Close ``size`` > 0 coins (at most all) at ``price``; entry price and margin of the rest stay.

    The fee is ``fee_rate`` of the closed notional, but no more than what is then left: isolated
    behind the position, in cross behind the account, the rest counted at the worse of ``price`` and
    mark. Raises LedgerError for a price beyond :func:`limit`.
    """
    position = state.positions[slot]
    rest = round_size(position.size - position.side * size)
    if rest * position.side <= 0:
        rest = 0.0
    closed = position.side * size if rest else position.size
    realised = closed * (price - position.entry_price)
    held = state.balance(slot if terms.isolated else FREE)
    _check(state, terms, slot, price, marks)
    if not rest and (terms.isolated or len(state.positions) == 1):
        realised = max(realised, -held)  # at the very limit rounding would leave a debt of dust
    held += realised
    worse = (min if position.side > 0 else max)(price, marks[position.symbol])
    left = held + rest * (worse - position.entry_price)
    for name, other in state.positions.items() if not terms.isolated else ():
        if name != slot:
            left += other.unrealised(marks[other.symbol])
    fee = max(0.0, min(abs(closed) * price * fee_rate, left))
    if terms.isolated:
        fee = min(fee, max(0.0, held))
        change, returned = _isolated(state, slot, rest, realised, fee)
        return Forced(change, closed, realised, fee, returned)
    after = None if not rest else replace(position, size=rest)
    change = Change(state.with_position(slot, after, held - fee),
                    _bookings(position.symbol, FREE, realised, fee))
    return Forced(change, closed, realised, fee, 0.0)


def takeover(state: State, terms: Terms, slot: str, marks: Marks) -> Taken:
    """The whole position at its bankruptcy price; all that stands behind it is lost.

    Isolated: its posted margin. In cross every position goes with it and the account ends at zero:
    one taken alone, at its share of the equity by maintenance, would leave the others' equity ÷
    maintenance where it was.
    """
    if terms.isolated:
        change = changes.seize(state, slot)
        prices = {slot: limit(state, terms, slot, marks)}
    else:
        change, prices = changes.seize_all(state, marks)
    lost = [-booking.amount for booking in change.bookings
            if booking.cause is Cause.LIQUIDATION]
    return Taken(change, prices, dict(zip(prices, lost, strict=True)))


def insurance(size: float, side: int, price: float, market: float) -> float:
    """The fund's gain (+) or loss (−) by taking ``size`` > 0 of a long (+1) or short (−1) at
    ``price``, valued at ``market``."""
    return side * size * (market - price)


def _check(state: State, terms: Terms, slot: str, price: float, marks: Marks) -> None:
    """Refuse a price at which less than nothing would be left."""
    position = state.positions[slot]
    symbol = position.symbol
    left = position.margin + position.unrealised(price) if terms.isolated else \
        account.equity(state, {**marks, symbol: price})
    if not left >= -1e-9 - 1e-12 * abs(position.size) * price:
        raise LedgerError(f"{symbol}: a forced close at {price:,.2f} lies beyond the bankruptcy "
                          f"price {limit(state, terms, slot, marks):,.2f}")


def _isolated(state: State, slot: str, rest: float, realised: float,
              fee: float) -> tuple[Change, float]:
    """The position's own margin bears both; what is left of it is returned with the last coin."""
    position = state.positions[slot]
    symbol = position.symbol
    bookings = _bookings(symbol, slot, realised, fee)
    margin = position.margin + realised - fee
    if rest:
        kept = replace(position, size=rest, margin=margin)
        return Change(state.with_position(slot, kept, state.free), bookings), 0.0
    if margin:
        bookings += (Booking(Cause.TRANSFER, symbol, slot, -margin),
                     Booking(Cause.TRANSFER, symbol, FREE, margin))
    after = state.with_position(slot, None, state.free + margin)
    if after.free < 0 and not after.positions:  # a fee had left it there: the fund's, as ever
        bookings += (Booking(Cause.INSURANCE, symbol, FREE, -after.free),)
        after = replace(after, free=0.0)
    return Change(after, bookings), margin


def _bookings(symbol: str, balance: str, realised: float, fee: float) -> tuple[Booking, ...]:
    loss = Booking(Cause.LIQUIDATION, symbol, balance, realised)
    return (loss, Booking(Cause.LIQUIDATION_FEE, symbol, balance, -fee)) if fee else (loss,)
