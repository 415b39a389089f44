"""A bar as the account walks it, and the steps a walk can take."""

from __future__ import annotations

from dataclasses import dataclass

from deleverage.account import Change, Executed, Position
from deleverage.book import WorkingOrder


@dataclass(frozen=True, slots=True)
class Prices:
    """Open, high, low and close of one series in one bar."""

    open: float
    high: float
    low: float
    close: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One instrument's bar as the account walks it. ``slip`` is a fraction of price."""

    symbol: str
    last: Prices
    mark: Prices
    slip: float = 0.0


@dataclass(frozen=True, slots=True)
class Filled:
    """An order executed at ``price`` as ``maker`` or ``taker``."""

    order: WorkingOrder
    executed: Executed
    price: float
    role: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """An order that died with another one or with the position."""

    ref: int
    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """An order the account could not carry when it should have filled or triggered."""

    order: WorkingOrder
    reason: str


@dataclass(frozen=True, slots=True)
class Triggered:
    """A stop-limit whose trigger was reached: it now rests as a limit."""

    ref: int


@dataclass(frozen=True, slots=True)
class Activated:
    """A bracket child whose parent has filled."""

    ref: int


@dataclass(frozen=True, slots=True)
class Seized:
    """One position of a liquidation; ``price`` its bankruptcy price."""

    position: Position
    liquidation_price: float
    trigger_mark: float
    price: float
    loss: float
    deficit: float


@dataclass(frozen=True, slots=True)
class Liquidated:
    """A liquidation: the change of the account and the positions taken over."""

    change: Change
    seized: tuple[Seized, ...]
    gap: bool
    cause: str
    last: float


Step = Filled | Cancelled | Refused | Triggered | Activated | Liquidated
