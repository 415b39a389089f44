"""What a taker's fill costs beyond the price it is charged at: a share of that price, by policy.

A policy answers ``share(side, size, price, bar)``: the fraction of ``price`` by which a taker's
fill of ``size`` coins is worse, between 0 and 1, the same for both sides. The account caps every
fill at the bar's extreme, so a share of 1 means the worst price of the bar. ``stop_wick`` is what a
stop loses beside that: a share of the distance between its price and the bar's extreme.

``FixedBp``: always the same. ``VolumeShare``: half the spread, and more the larger the size is
against what the market trades in a minute. ``CascadeDepth``: half the spread, and the walk through
a book that thins as liquidations pour in.

As text (``parse``, ``to_text``): ``2bp``, ``fixed:bp=2``, ``volume:impact=0.001,exponent=0.5``,
``cascade:depth=1e6,stop_wick=0.25``. Sources of the defaults: the policies' own docstrings.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields

from deleverage.errors import UsageError, unknown_name
from deleverage.records import unlocked
from deleverage.timestamps import MINUTE

BP = 1e-4
WORST = 1.0  # of the price: the account caps the fill at the bar's extreme
WITHIN = 0.01  # of the price: how far from it a book's depth is counted


@unlocked
@dataclass(frozen=True, slots=True)
class Liquidity:
    """What one bar says of its market.

    ``price``, ``high`` and ``low`` are of last, in quote per coin (``price``: the bar's reference,
    which none of the policies here needs beside the fill's own); ``volume`` in coins, NaN where
    unknown; ``liquidations`` in USD as reported in the bar, longs and shorts together, NaN where
    unknown; ``step_ns`` the length of the bar. Raises UsageError for a volume or liquidations below
    zero and a bar without length.
    """

    price: float
    high: float
    low: float
    volume: float
    liquidations: float
    step_ns: int

    def __post_init__(self) -> None:
        if self.volume < 0 or self.liquidations < 0 or not self.step_ns > 0:
            raise UsageError("a bar's volume and liquidations must be ≥ 0 or NaN and its length > "
                             f"0, found {self.volume}, {self.liquidations} and {self.step_ns} ns")

    @property
    def minute_volume(self) -> float:
        """Coins traded in one minute at the bar's mean pace; NaN where unknown."""
        return self.volume * MINUTE / self.step_ns

    @property
    def liquidation_rate(self) -> float:
        """USD liquidated in one minute at the bar's mean pace; NaN where unknown."""
        return self.liquidations * MINUTE / self.step_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Slippage(ABC):
    """The base of every policy; one of one's own derives from it and is passed as an object."""

    stop_wick: float = 0.0

    def __post_init__(self) -> None:
        for each in fields(self):
            low, high = _BOUNDS.get(each.name, (-math.inf, math.inf))
            value = getattr(self, each.name)
            real = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not real or not math.isfinite(value) or not low <= value <= high:
                raise UsageError(f"slippage {each.name} must be a number from {low:g} to {high:g}, "
                                 f"found {value!r}")

    @abstractmethod
    def share(self, side: int, size: float, price: float, bar: Liquidity) -> float:
        """Fraction of ``price``, 0 to 1, by which a taker's fill of ``size`` coins is worse."""

    @abstractmethod
    def describe(self) -> str:
        """One line for sheets."""

    def _stops(self) -> str:
        return f"; stops lose {self.stop_wick:.0%} of the wick" if self.stop_wick else ""


@dataclass(frozen=True, slots=True)
class FixedBp(Slippage):
    """The same share for every fill: ``bp`` basis points of price, whatever the size or the hour.

    0 to 10,000. It says nothing of size: for orders that no book would notice.
    """

    bp: float

    def share(self, side: int, size: float, price: float, bar: Liquidity) -> float:
        """``bp ÷ 10,000``."""
        return self.bp * BP

    def describe(self) -> str:
        """``2 bp fixed``."""
        return f"{self.bp:g} bp fixed{self._stops()}"


@dataclass(frozen=True, slots=True)
class VolumeShare(Slippage):
    """``half spread + impact × (size ÷ volume of a minute) ^ exponent``, at most 1.

    The volume of a minute is the bar's, at its mean pace, so that the same order in the same
    market costs the same on bars of any length. ``impact`` is the fraction of price lost by a fill
    as large as that; the default, 10 bp, is ETH's volatility of a minute (67 % a year in the Bybit
    file is 9.2 bp), as the square-root law has it: moving a period's volume costs about the
    period's volatility, and a part of it that volatility times the part's square root, hence
    ``exponent`` 0.5. ``half_spread_bp`` is in basis points of price; 0.3 as in the cascade policy.

    Where the volume is 0 or unknown nothing says that anybody would have traded: the share is 1,
    the bar's worst price.
    """

    half_spread_bp: float = 0.3
    impact: float = 0.001
    exponent: float = 0.5

    def share(self, side: int, size: float, price: float, bar: Liquidity) -> float:
        """The formula above; 1 where the volume is 0 or unknown."""
        per_minute = bar.minute_volume
        if not per_minute > 0:
            return WORST
        moved = self.impact * _power(abs(size) / per_minute, self.exponent)
        return min(WORST, self.half_spread_bp * BP + moved)

    def describe(self) -> str:
        """Half spread, impact of a minute's volume, exponent, and what an unknown volume costs."""
        return (f"{self.half_spread_bp:g} bp half spread + {self.impact / BP:g} bp × (size ÷ a "
                f"minute's volume)^{self.exponent:g}; the bar's worst price where volume is 0 or "
                f"unknown{self._stops()}")


# of 21 perpetuals' books at the moment of a fall of 300 bp in 15 minutes, 2023 to 2026
EVENT_DEPTH, EVENT_LEFT = 983_000.0, 0.63  # USD within 1 %, and which share of calm depth that is
EXPONENT = 0.87
MEDIAN_THINNING = 3.4  # of 636 liquidation events, within 1 %
MEDIAN_RATE = 1e6  # USD a minute: see CascadeDepth


@dataclass(frozen=True, slots=True)
class CascadeDepth(Slippage):
    """The walk through a book whose depth shrinks with the current rate of liquidations.

    Depth left within 1 % of the price: ``depth ÷ (1 + rate ÷ halving_rate)`` USD, the rate being
    the bar's reported liquidations in USD a minute. With ``q`` = size × price ÷ depth left, the
    price of the last coin lies ``1 % × q`` away up to q = 1 (an even book within 1 %) and
    ``1 % × q ^ exponent`` beyond; a fill pays the mean of its coins, and half the spread::

        q ≤ 1:  half spread + 1 % × q ÷ 2
        q > 1:  half spread + 1 % × (1 ÷ 2 + (q ^ (1 + exponent) − 1) ÷ (1 + exponent)) ÷ q

    The defaults are those of one public study of this strategy, not reproduced here
    (min66633/liquidation-cascade-research, FINAL_REPORT and LIQ_FINDINGS): ``depth`` 1.56M USD, as
    the 983,000 USD found at the moment of a fall were 63 % of normal; ``exponent`` 0.87, between
    its two fits of 0.861 and 0.875; ``half_spread_bp`` 0.3, with which 100,000 USD bought at that
    moment and sold in a calm book cost its 8.9 bp. They are medians of 21 coins: ETH and BTC are
    far deeper at large venues (pass ``depth=``), small coins are not.

    ``halving_rate`` 416,667 USD a minute: its events thinned the book 3.4 times (median), and the
    four cascade hours of 2026-01-31 saw a median of 62M USD of BTC liquidations, 1.0M a minute
    (Binance, Bybit and OKX; ETH's are not public); 1 + 1.0M ÷ 416,667 = 3.4. The median hour, 8,700
    USD a minute, then takes 2 % of the depth; the 17-fold thinning of one event in ten needs 6.7M a
    minute; and the 63M a minute of ETH on Hyperliquid on 2025-10-10 thin it 152 times (109 to 523
    were seen). Where the liquidations are unknown, the book is taken as 3.4 times thinner. The rate
    is what the dataset reports: a sampled feed thins the book too little.

    ``stop_wick`` 0.13: in the two deepest 5 m bars of 2026-01-31 on Bybit, last went below mark by
    18 % and 8 % of the wick. It is a share of the bar's own range: coarse bars lose more.
    """

    depth: float = EVENT_DEPTH / EVENT_LEFT
    exponent: float = EXPONENT
    half_spread_bp: float = 0.3
    halving_rate: float = MEDIAN_RATE / (MEDIAN_THINNING - 1)
    stop_wick: float = field(default=0.13, kw_only=True)

    def thinning(self, rate: float) -> float:
        """How many times thinner than in calm the book is at ``rate`` USD a minute (≥ 0, NaN)."""
        return MEDIAN_THINNING if math.isnan(rate) else 1 + rate / self.halving_rate

    def share(self, side: int, size: float, price: float, bar: Liquidity) -> float:
        """The formula above."""
        left = self.depth / self.thinning(bar.liquidation_rate)
        walked = abs(size) * price / left
        if walked <= 1:
            mean = walked / 2
        else:  # the integral above, put so that a very large q stays within a float
            whole = 1 + self.exponent
            mean = (0.5 - 1 / whole) / walked + _power(walked, self.exponent) / whole
        return min(WORST, self.half_spread_bp * BP + WITHIN * mean)

    def describe(self) -> str:
        """Depth, what halves it, exponent, half spread and what a stop loses."""
        return (f"cascade depth: {self.depth:,.0f} USD within 1 %, half of it left at "
                f"{self.halving_rate:,.0f} USD of liquidations a minute ({MEDIAN_THINNING:g} times "
                f"thinner where they are unknown), exponent {self.exponent:g}, "
                f"{self.half_spread_bp:g} bp half spread{self._stops()}")


_BOUNDS = {  # smallest and largest value of each parameter
    "stop_wick": (0.0, 1.0), "bp": (0.0, 10_000.0), "half_spread_bp": (0.0, 10_000.0),
    "impact": (0.0, 1.0), "exponent": (0.1, 3.0), "depth": (1.0, 1e15),
    "halving_rate": (1.0, 1e15),
}
_POLICIES: dict[str, type[Slippage]] = {
    "fixed": FixedBp, "volume": VolumeShare, "cascade": CascadeDepth}


def parse(text: str) -> Slippage:
    """A policy from its text: ``2``, ``2bp``, or a name and what differs from its defaults.

    Raises UsageError (UnknownName with the near miss for a misspelt name) in one line.
    """
    name, colon, rest = (part.strip().lower() for part in text.partition(":"))
    plain = None if colon else _number(name.removesuffix("bp"))
    if plain is not None:
        return FixedBp(plain)
    if name not in _POLICIES:
        raise unknown_name("slippage policy (or basis points such as 2bp)", name, _POLICIES)
    given: dict[str, float] = {}
    for part in rest.split(",") if rest else ():
        key, _, said = (piece.strip() for piece in part.partition("="))
        known = [each.name for each in fields(_POLICIES[name])]
        if key not in known:
            raise unknown_name(f"parameter of slippage {name!r}", key, known)
        if key in given:
            raise UsageError(f"slippage {text!r} gives {key} twice")
        value = _number(said)
        if value is None:
            raise UsageError(f"slippage {text!r}: {key} needs a number, found {said!r}")
        given[key] = value
    if name == "fixed" and "bp" not in given:
        raise UsageError(f"slippage {text!r} lacks its basis points: write 2bp or fixed:bp=2")
    return _POLICIES[name](**given)


def to_text(policy: Slippage) -> str:
    """The text that ``parse`` reads back as an equal policy: its name and what is not a default.

    Raises UsageError for a policy of one's own, which has no text.
    """
    for name, kind in _POLICIES.items():
        if type(policy) is kind:
            said = [f"{each.name}={float(getattr(policy, each.name))!r}".removesuffix(".0")
                    for each in fields(policy) if getattr(policy, each.name) != each.default]
            return f"{name}:{','.join(said)}" if said else name
    raise UsageError(f"a slippage policy of one's own has no text: {type(policy).__name__}")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _power(base: float, exponent: float) -> float:
    try:
        return float(base ** exponent)
    except OverflowError:
        return math.inf
