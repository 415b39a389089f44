"""A maintenance ladder: brackets over notional, when it was seen, and how far it can be trusted.

``MM = notional × rate − amount`` with
``amount_n = amount_(n−1) + lower_n × (rate_n − rate_(n−1))``, which makes MM continuous. A
notional exactly on a bound belongs to the lower bracket.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from deleverage import timestamps
from deleverage.errors import LadderError, UsageError

Floats = NDArray[np.float64]
UNITS = ("quote", "coin", "contracts")
VERIFIED = ("venue_reply_copied", "published_copy", "inferred", "user")


@dataclass(frozen=True, slots=True)
class Bracket:
    """One rung: ``lower`` < notional ≤ ``upper`` (inf at the top), in quote."""

    lower: float
    upper: float
    rate: float
    amount: float
    max_leverage: float | None


@dataclass(frozen=True)
class Ladder:
    """The brackets of one symbol as observed on one day.

    ``observed`` is the date of an observation (ISO), not the day the ladder began; None if undated.
    ``closed`` is the day a known change of rules ended it. ``unit`` is what the bounds measure:
    notional in quote, notional in coin (inverse) or contracts of ``contract_size`` coin. A ladder
    that ``jumps`` charges the whole position the rate of its bracket and has no amounts (OKX). One
    that is not ``complete`` may have had further brackets; its last one stands in for them.
    """

    id: str
    venue: str
    symbol: str
    brackets: tuple[Bracket, ...]
    observed: str | None
    confidence: str
    source: str = ""
    note: str = ""
    sha256: str = ""
    unit: str = "quote"
    contract_size: float = 1.0
    jumps: bool = False
    closed: str | None = None
    complete: bool = True

    def __post_init__(self) -> None:
        _check(self)

    def bracket(self, notional: float) -> Bracket:
        """The bracket of a notional ≥ 0; above the last upper bound the last one."""
        return self.brackets[min(bisect_left(self.uppers, notional), len(self.uppers) - 1)]

    def index(self, notional: Floats) -> NDArray[np.int64]:
        """Indices of the brackets of many notionals, by the same rule as :meth:`bracket`."""
        found = np.searchsorted(self._uppers, notional, side="left")
        return np.minimum(found, len(self.uppers) - 1)

    @cached_property
    def uppers(self) -> tuple[float, ...]:
        """Upper bounds, rising."""
        return tuple(rung.upper for rung in self.brackets)

    @cached_property
    def _uppers(self) -> Floats:
        return np.array(self.uppers)

    @cached_property
    def rates(self) -> Floats:
        """Maintenance rates, one a bracket."""
        return np.array([rung.rate for rung in self.brackets])

    @cached_property
    def amounts(self) -> Floats:
        """Maintenance amounts, one a bracket."""
        return np.array([rung.amount for rung in self.brackets])

    @cached_property
    def limits(self) -> Floats:
        """Maximum leverages, one a bracket; NaN where the source gives none."""
        return np.array([math.nan if rung.max_leverage is None else rung.max_leverage
                         for rung in self.brackets])

    def edges(self, sign: int, fee: float) -> tuple[float, ...]:
        """``N + sign × (MM(N) + fee × N)`` at each upper bound N: rising, as the rates are < 1.

        At liquidation a position's notional N solves ``N + sign × MM = y`` for a known y, so the
        bracket that holds the solution is found by looking up y among these, without iteration.
        """
        key = (sign, fee)
        if key not in self._edges:
            self._edges[key] = tuple(
                math.inf if math.isinf(rung.upper) else
                rung.upper + sign * (rung.upper * (rung.rate + fee) - rung.amount)
                for rung in self.brackets)
        return self._edges[key]

    @cached_property
    def _edges(self) -> dict[tuple[int, float], tuple[float, ...]]:
        return {}

    @property
    def trusted(self) -> bool:
        """Dated and copied from a venue or a publication (not a guess or a sample)."""
        return self.observed is not None and self.confidence in VERIFIED


@dataclass(frozen=True, slots=True)
class LadderUse:
    """A ladder in use at a time, and in which state: what every sheet prints."""

    ladder: Ladder
    at_ns: int

    @property
    def age_days(self) -> int | None:
        """Whole days from the observation to the time of use (negative: observed later)."""
        if self.ladder.observed is None:
            return None
        return (self.at_ns - timestamps.parse(self.ladder.observed)) // timestamps.DAY

    @property
    def state(self) -> str:
        """given | dated | older than 180 days | undated or unverified | nearest later."""
        if self.ladder.confidence == "user":
            return "given"
        age = self.age_days
        if age is None or not self.ladder.trusted or self.outlived:
            return "undated or unverified"
        if age < 0:
            return "nearest later"
        return "older than 180 days" if age > 180 else "dated"

    @property
    def outlived(self) -> bool:
        """True where a known change of rules has ended the ladder before the time of use."""
        closed = self.ladder.closed
        return closed is not None and self.at_ns >= timestamps.parse(closed)

    @property
    def assumed(self) -> bool:
        """True where using this ladder is a declared assumption."""
        return self.state in ("undated or unverified", "nearest later")

    def describe(self) -> str:
        """One line: id, age, confidence, state, and ASSUMED where it is."""
        seen = self.ladder.observed or "undated"
        if self.age_days is not None:
            seen = f"observed {seen}, {self.age_days} days old"
            if self.age_days < 0:
                seen = f"observed {self.ladder.observed}, {-self.age_days} days LATER"
        if self.outlived:
            seen += f", CLOSED on {self.ladder.closed}"
        mark = "ASSUMED: " if self.assumed else ""
        parts = [seen, self.ladder.confidence]
        if self.state != "undated or unverified":  # the two words before say it already
            parts.append(self.state)
        return f"{mark}{self.ladder.id} ({', '.join(parts)})"


def _check(ladder: Ladder) -> None:
    """Refuse a ladder with a gap, an overlap, a falling rate or a jump in maintenance.

    Comparisons are put so that a NaN fails them.
    """
    name = f"ladder {ladder.id}"
    if not ladder.brackets:
        raise LadderError(f"{name}: no rows")
    if ladder.unit not in UNITS:
        raise LadderError(f"{name}: unit must be one of {', '.join(UNITS)}, found {ladder.unit!r}")
    for label, day in (("observed", ladder.observed), ("closed", ladder.closed)):
        if day is not None:
            try:
                timestamps.parse(day)
            except UsageError as error:
                raise LadderError(f"{name}: {label}: {error}") from None
    below = Bracket(0.0, 0.0, 0.0, 0.0, None)  # so that the first row starts at 0 with amount 0
    for number, rung in enumerate(ladder.brackets, start=1):
        if not (0 < rung.rate < 1) or not rung.lower < rung.upper:
            raise LadderError(f"{name}: row {number} needs 0 < rate < 1 and lower < upper, "
                              f"found {rung}")
        if rung.max_leverage is not None and not rung.max_leverage >= 1:
            raise LadderError(f"{name}: row {number}: max_leverage {rung.max_leverage:g} is "
                              "below 1")
        if number == 1 and rung.lower != 0:
            raise LadderError(f"{name}: row 1 must start at 0, found {rung.lower:g}")
        if rung.lower != below.upper:
            kind = "gap" if rung.lower > below.upper else "overlap"
            raise LadderError(f"{name}: {kind} between row {number - 1} (to {below.upper:g}) and "
                              f"row {number} (from {rung.lower:g})")
        if rung.rate < below.rate:
            raise LadderError(f"{name}: row {number}: rate falls from {below.rate:g} to "
                              f"{rung.rate:g}")
        expected = 0.0 if ladder.jumps else \
            below.amount + rung.lower * (rung.rate - below.rate)
        if not abs(rung.amount - expected) <= 1e-6 * max(1.0, abs(rung.amount)):
            raise LadderError(f"{name}: row {number}: amount {rung.amount:g} makes maintenance "
                              f"jump (expected {expected:g})")
        below = rung
