"""The records of a run: what the account booked, filled, lost and refused, in order.

Everything a result shows is a function of these records and the market's columns. All money is in
the quote currency; a positive amount is a gain of the account. ``bar`` is the index of the bar in
the run's columns (−1 before the first), ``ts`` UTC nanoseconds: the bar's close, or the settlement
instant of a funding payment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache


class Cause(StrEnum):
    """Why an amount was booked."""

    DEPOSIT = "deposit"
    FILL = "fill"  # realised profit or loss of a reducing fill
    FEE = "fee"
    FUNDING = "funding"
    LIQUIDATION = "liquidation"  # realised loss of a liquidated position
    LIQUIDATION_FEE = "liquidation_fee"
    INSURANCE = "insurance_fund"  # lifts a cross account that fell below zero back to zero
    TRANSFER = "margin_transfer"  # between free balance and a position's margin; sums to zero


FREE = ""  # the balance that is not posted to any isolated position


@cache
def symbol_of(slot: str) -> str:
    """The instrument of a slot: a position stands in the slot of its symbol, or with both sides
    held at once (hedge mode) in ``ETHUSDT long`` and ``ETHUSDT short``."""
    return slot.removesuffix(" long").removesuffix(" short")


@dataclass(frozen=True, slots=True)
class Entry:
    """One booking. ``balance`` is FREE or the slot (:func:`symbol_of`) whose isolated margin it
    changes."""

    seq: int
    bar: int
    ts: int
    cause: Cause
    symbol: str  # instrument concerned; "" for deposits
    balance: str
    amount: float


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution: signed ``size`` at ``price``; ``closed`` + ``opened`` = ``size`` (signed).

    ``reason`` names what filled: market, limit, stop, stop_limit, trail, close, liquidation, adl
    (the venue took the position to match a liquidated one: auto-deleveraging).
    ``role`` is maker or taker; ``fee`` ≥ 0 is paid (of a liquidation the venue's liquidation fee,
    which its event tells, too); ``realised`` is the profit of the closed part.
    ``position`` numbers the episode from flat to flat, counted over the account (a reversal closes
    one and opens the next free number: the closed part belongs to ``position``, an opened part of a
    reversal to that of the snapshot after it). ``slippage`` ≥ 0 is what of the price the slippage
    policy took, in quote: part of ``realised`` and of the entry price, booked nowhere by itself.
    ``size_after``, ``entry_after``, ``margin_after`` describe the position after the fill.
    """

    seq: int
    bar: int
    ts: int
    symbol: str
    order_ref: int
    size: float
    price: float
    reason: str
    role: str
    fee: float
    closed: float
    opened: float
    realised: float
    position: int
    size_after: float
    entry_after: float
    margin_after: float
    slippage: float = 0.0


@dataclass(frozen=True, slots=True)
class LiquidationEvent:
    """One step of a forced close; a position can have several, one per step of the venue.

    ``size`` is the signed size closed by this step (of a whole takeover: the size held),
    ``size_after`` the signed size still held: the position is liquidated by the event that leaves
    0, an earlier one is a reduction. ``stage`` says how: *market* (closed through the book, at
    ``price``), *takeover* (whole, at the bankruptcy price ``price``), *backstop* (whole, by the
    venue's own liquidator).

    ``loss`` is what the account lost by it, ``fee`` included (below zero where funding had already
    taken more than the margin); ``fee`` ≥ 0 is the venue's liquidation fee, ``returned`` ≥ 0 the
    margin given back to the free balance. ``insurance`` is what the insurance fund gained (+) or
    paid (−), valued at the price at which it acted; ``deficit`` = max(0, −insurance) is the fund's,
    never the account's.

    ``trigger_mark`` is the mark at which the venue acted, ``liquidation_price`` the level. ``gap``:
    the bar opened beyond the level. ``mark_state`` is one of exact, clipped, last.
    """

    bar: int
    ts: int
    symbol: str
    size: float
    entry_price: float
    leverage: float
    margin_mode: str
    liquidation_price: float
    trigger_mark: float
    price: float
    loss: float
    deficit: float
    gap: bool
    mark_state: str
    last_at_trigger: float
    position: int
    cause: str = "mark"  # mark | funding | cross
    fee: float = 0.0
    returned: float = 0.0
    insurance: float = 0.0
    stage: str = "takeover"  # market | takeover | backstop
    size_after: float = 0.0


@dataclass(frozen=True, slots=True)
class FundingPayment:
    """One settlement on a held position. ``amount`` < 0 was paid. ``payer``: free or position.

    ``state``: *settled* at a known rate and price; *imputed* at the last known rate or another
    price; *missing*: nothing was booked; *stale*: nothing was booked, as the last known rate was
    too old to stand in. ``basis`` is the price series it was charged on. ``expected`` is the amount
    an uncertain payment would have been at the last known rate, signed as ``amount``; 0 where
    settled or where no rate was ever known.
    """

    bar: int
    ts: int
    symbol: str
    size: float
    price: float
    rate: float
    amount: float
    payer: str
    state: str  # settled | missing | imputed | stale
    position: int
    basis: str = "mark"  # mark | oracle | index | last
    expected: float = 0.0


@dataclass(frozen=True, slots=True)
class Rejection:
    """An order the account or the venue refused, with the reason in words."""

    bar: int
    ts: int
    symbol: str
    order_ref: int
    size: float
    price: float
    reason: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The account after a change, valid until the next one: what per-bar curves are rebuilt from.

    ``ts`` is the close of the bar in which it changed (UTC ns), of a settlement's bar too: what
    places it on any clock; where bars have finer ones inside, the close of the finer bar the
    account walked. ``symbol`` is the slot (:func:`symbol_of`), ``wallet`` all collateral;
    ``size``, ``entry_price``, ``margin`` (posted, isolated; 0 for cross), ``leverage`` and
    ``liquidation_price`` (NaN: none) are the position's in that slot. ``maintenance`` is MM at
    entry notional for near-miss arithmetic.
    """

    bar: int
    ts: int
    symbol: str
    wallet: float
    size: float
    entry_price: float
    margin: float
    leverage: float
    liquidation_price: float
    maintenance: float
    position: int


@dataclass(slots=True)
class Journal:
    """Append-only container of a run's records.

    ``worst_equity``, keyed by the close of the bar the account walked (UTC ns; the finer one where
    bars have some inside), holds the lowest equity met on the path inside it, only for bars in
    which something happened; other bars follow from the snapshot and the bar's mark extremes.
    """

    entries: list[Entry] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    liquidations: list[LiquidationEvent] = field(default_factory=list)
    funding: list[FundingPayment] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    worst_equity: dict[int, float] = field(default_factory=dict)

    def wallet(self) -> float:
        """All collateral: the exactly rounded sum of every entry."""
        return math.fsum(entry.amount for entry in self.entries)

    def balance(self, name: str) -> float:
        """One balance: FREE or the isolated margin posted to a symbol."""
        return math.fsum(entry.amount for entry in self.entries if entry.balance == name)

    def total(self, cause: Cause) -> float:
        """Sum of all entries of one cause."""
        return math.fsum(entry.amount for entry in self.entries if entry.cause is cause)
