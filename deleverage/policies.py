"""Small frozen choices passed into the account: fees, and what happens inside a bar."""

from __future__ import annotations

import math
from dataclasses import dataclass

from deleverage import timestamps
from deleverage.errors import UsageError, unknown_name

PATHS = ("adverse", "favourable", "ohlc")
FILLS = ("through", "touch")
MARGIN_MODES = ("isolated", "cross")
ENTRY_BARS = ("live", "backtrader")
MISSING = ("fail", "impute", "skip")
AFTER_LIQUIDATION = ("continue", "stop")
LIQUIDATIONS = ("venue", "takeover", "none")
OFF_TICK = ("round", "refuse")
STOP_TRIGGERS = ("last", "mark")


def one_of(kind: str, value: str, known: tuple[str, ...]) -> str:
    """``value`` if it is one of ``known``; else UnknownName with the near miss."""
    if value not in known:
        raise unknown_name(kind, str(value), known)
    return value


def check_unforced(liquidation: str, after: str) -> None:
    """UsageError where nothing is ever liquidated and something is to end with a liquidation."""
    if liquidation == "none" and after == "stop":
        raise UsageError("liquidation none and on_liquidation stop exclude one another: nothing is "
                         "liquidated, so nothing stops")


@dataclass(frozen=True, slots=True)
class Fees:
    """Share of the traded notional paid per fill; a negative maker fee is a rebate."""

    maker: float
    taker: float

    def __post_init__(self) -> None:
        for name in ("maker", "taker"):
            rate = getattr(self, name)
            if not math.isfinite(rate) or not -0.01 < rate < 0.1:
                raise UsageError(f"{name} fee must be a fraction such as 0.0005, found {rate}")

    @classmethod
    def flat(cls, rate: float) -> Fees:
        """The same rate for both roles."""
        return cls(rate, rate)

    @classmethod
    def free(cls) -> Fees:
        """No fees: for comparing prices alone."""
        return cls(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class InsideBar:
    """How a bar is walked (docs/inside-one-bar.md).

    ``path``: adverse takes the candidate path with the lower equity at the bar's end, favourable
    the higher, ohlc the low first in a rising bar. ``fill``: a limit fills when price trades
    through it, or already at a touch. ``entry_bar``: live lets bracket children act in the bar of
    their parent's fill; backtrader from the next bar on.
    """

    path: str = "adverse"
    fill: str = "through"
    entry_bar: str = "live"

    def __post_init__(self) -> None:
        one_of("path policy", self.path, PATHS)
        one_of("fill rule", self.fill, FILLS)
        one_of("entry bar rule", self.entry_bar, ENTRY_BARS)


@dataclass(frozen=True, slots=True)
class Outage:
    """A stretch of time, ``start`` ≤ t < ``end`` (UTC nanoseconds), in which the venue takes no
    orders and no cancels; what rests on its book and its liquidations go on."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise UsageError(f"an outage must begin before it ends, found "
                             f"{timestamps.show(self.start)} to {timestamps.show(self.end)}")

    def covers(self, ts: int) -> bool:
        """Whether the venue is out at an instant."""
        return self.start <= ts < self.end


@dataclass(frozen=True, slots=True)
class AdlEvent:
    """A recorded or supposed auto-deleveraging: at ``ts`` (UTC nanoseconds) positions of ``side``
    (long | short) lose the share ``share`` of their size at ``price``.

    ``symbol`` None: of whatever symbol. Which accounts a venue picks is not modelled: the event
    says that ours was among them. The orders on the position are cancelled; an isolated one is
    closed no worse than at its bankruptcy price.
    """

    ts: int
    side: str
    share: float
    price: float
    symbol: str | None = None

    def __post_init__(self) -> None:
        one_of("side of positions", self.side, ("long", "short"))
        if not 0 < self.share <= 1:
            raise UsageError("the share of an auto-deleveraging must be above 0 and at most 1, "
                             f"found {self.share}")
        if not (math.isfinite(self.price) and self.price > 0):
            raise UsageError(f"the price of an auto-deleveraging must be > 0, found {self.price}")
