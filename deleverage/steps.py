"""A bar as the account walks it, and the steps a walk can take."""

from __future__ import annotations

import math
from dataclasses import dataclass

from deleverage.account import Position
from deleverage.book import WorkingOrder
from deleverage.changes import Change, Executed
from deleverage.records import unlocked
from deleverage.timestamps import MINUTE


@unlocked
@dataclass(frozen=True, slots=True)
class Prices:
    """Open, high, low and close of one series in one bar."""

    open: float
    high: float
    low: float
    close: float


@unlocked
@dataclass(frozen=True, slots=True)
class Due:
    """A settlement of funding inside a bar, at ``share`` of its time (1: at its close).

    ``rate`` is NaN where nothing is paid; ``basis`` names the price. ``guess`` is the last known
    rate where the settlement's own is not known (NaN: none). ``problem`` says in words why it
    cannot be settled: whoever holds a position at that instant meets an error.
    """

    ts: int
    share: float
    rate: float
    price: float
    state: str = "settled"  # settled | imputed | missing | stale
    basis: str = "mark"  # mark | oracle | index | last
    guess: float = math.nan
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Deleveraging:
    """An auto-deleveraging inside a bar at ``share`` of its time: positions of ``side`` lose the
    part ``part`` of their size at ``price``."""

    ts: int
    share: float
    side: int
    part: float
    price: float


@unlocked
@dataclass(frozen=True, slots=True)
class Bar:
    """One instrument's bar as the account walks it.

    ``close_ns`` is its close, ``step_ns`` its length (UTC nanoseconds), ``volume`` what was traded
    in it in coin, ``liquidations`` the USD reported liquidated in it (NaN: unknown).
    """

    symbol: str
    last: Prices
    mark: Prices
    close_ns: int = 0
    step_ns: int = MINUTE
    volume: float = math.nan
    liquidations: float = math.nan
    dues: tuple[Due, ...] = ()
    deleveragings: tuple[Deleveraging, ...] = ()

    @property
    def timed(self) -> tuple[Due | Deleveraging, ...]:
        """What the venue does in the bar at a set time."""
        return (*self.dues, *self.deleveragings) if self.deleveragings else self.dues


@unlocked
@dataclass(frozen=True, slots=True)
class Filled:
    """An order executed at ``price`` as ``maker`` or ``taker``; ``rest`` coins of it stay open.

    ``slipped`` ≥ 0 is the part of the price, in quote, that the slippage policy took.
    """

    order: WorkingOrder
    executed: Executed
    price: float
    role: str
    rest: float = 0.0
    slipped: float = 0.0


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
    """A stop whose trigger was reached and that could not fill whole: it now rests as a limit, or
    waits as a market order."""

    ref: int


@dataclass(frozen=True, slots=True)
class Activated:
    """A bracket child whose parent has filled."""

    ref: int


@unlocked
@dataclass(frozen=True, slots=True)
class Funded:
    """One settlement of funding on a position; ``amount`` < 0 was paid, by ``payer``."""

    position: Position
    due: Due
    change: Change
    amount: float
    payer: str


@dataclass(frozen=True, slots=True)
class Deleveraged:
    """A position reduced by the venue against a bankrupt one, at the price of the event."""

    position: Position
    slot: str
    executed: Executed
    price: float


@dataclass(frozen=True, slots=True)
class Seized:
    """What one action of a liquidation took of one position.

    ``closed`` > 0 coins at ``price``; ``size_after`` is the signed size left. ``loss`` is what the
    account lost by it, the venue's ``fee`` included; ``returned`` what the position's margin gave
    back; ``insurance`` what the venue's fund gained (negative: paid), at the mark it acted on.
    """

    slot: str
    position: Position
    closed: float
    size_after: float
    stage: str  # market | takeover | backstop
    liquidation_price: float
    trigger_mark: float
    last: float
    price: float
    loss: float
    fee: float
    returned: float
    insurance: float

    @property
    def slipped(self) -> float:
        """What an order of the venue at the book lost to slippage (≥ 0); a takeover: nothing."""
        if self.stage != "market":
            return 0.0
        return max(0.0, self.position.side * (self.last - self.price)) * self.closed

    @property
    def deficit(self) -> float:
        """What the venue's fund had to pay (≥ 0)."""
        return max(0.0, -self.insurance)


@dataclass(frozen=True, slots=True)
class Liquidated:
    """One action of a liquidation: the change of the account and what was taken."""

    change: Change
    seized: tuple[Seized, ...]
    gap: bool
    cause: str  # mark | funding | cross


Step = (Filled | Cancelled | Refused | Triggered | Activated | Funded | Deleveraged | Liquidated)
