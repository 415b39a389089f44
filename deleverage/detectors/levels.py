"""Price levels: lines and zones, and the rules by which a level counts as lost or reclaimed.

A level is [low, high]; for a line both are the same. There is no tested public definition of a
"reclaim", only practice: several closes beyond the level, and a retest that holds. What is here is
one explicit hypothesis with a counted number of variants, each of which is a dimension of any
search: *arm below low, accept only above top = high (1 + buffer), fail only below low*. Inside a
zone nothing happens: its width is the hysteresis.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, fields

from deleverage.errors import UsageError, unknown_name

BP = 1e-4

ARMS = ("close", "wick")
MODES = ("n", "time", "both")


@dataclass(frozen=True, slots=True, order=True)
class Level:
    """A line (low == high) or a zone of prices."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.high) and 0.0 < self.low <= self.high):
            raise UsageError(
                f"not a level: {self.low:g} to {self.high:g} (expected 0 < low ≤ high)"
            )

    def __str__(self) -> str:
        low, high = f"{self.low:,.10g}", f"{self.high:,.10g}"
        return low if self.low == self.high else f"{low}–{high}"

    @classmethod
    def parse(cls, text: str) -> Level:
        """``2350`` is a line, ``2750-2800`` a zone."""
        parts = text.strip().split("-")
        try:
            low, high = float(parts[0]), float(parts[-1])
        except ValueError:
            low = math.nan
        if len(parts) > 2 or low != low:
            raise UsageError(f"not a level: {text.strip()!r} (expected 2350 or 2750-2800)")
        return cls(low, high)


def parse_levels(text: str) -> tuple[Level, ...]:
    """Levels of ``"2350,2750-2800,3000"``, lowest first; overlapping ones are refused."""
    levels = sorted(Level.parse(part) for part in str(text).split(","))
    for below, above in itertools.pairwise(levels):
        if above.low <= below.high:
            raise UsageError(f"levels {below} and {above} overlap (in {text!r})")
    return tuple(levels)


def next_above(levels: tuple[Level, ...], price: float) -> Level | None:
    """The nearest level that begins above ``price``."""
    return next((level for level in levels if level.low > price), None)


def next_below(levels: tuple[Level, ...], price: float) -> Level | None:
    """The nearest level that ends below ``price``."""
    return next((level for level in reversed(levels) if level.high < price), None)


@dataclass(frozen=True, slots=True)
class LevelRules:
    """When a level counts as armed, accepted, retested, held and failed. Counts are closed bars.

    Acceptance, ``mode``: ``n`` is ``n_closes`` consecutive closes above top; ``time`` a close above
    top with at least ``share`` of the last ``window`` closes above it; ``both`` demands both.

    Arming, ``arm``: ``close`` needs ``arm_below`` closes below low since the level was lost
    (cumulative), so that noise at the line does not count. ``wick`` is content with one bar that
    trades ``sweep_bp`` below low, also when it closes back above: on 31 January 2026 ETH traded
    4.8 % below 2,350 and closed above it inside one five-minute bar.
    """

    n_closes: int = 3
    mode: str = "n"
    share: float = 0.80
    window: int = 30
    buffer_bp: float = 10.0
    arm: str = "close"
    arm_below: int = 30
    sweep_bp: float = 25.0
    retest_bp: float = 25.0
    retest_hold: int = 3
    fail_closes: int = 2
    max_retest: int = 240

    def __post_init__(self) -> None:
        if self.arm not in ARMS:
            raise unknown_name("way to arm a level", self.arm, ARMS)
        if self.mode not in MODES:
            raise unknown_name("mode of acceptance", self.mode, MODES)
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, str) and not (math.isfinite(value) and value >= 0):
                raise UsageError(f"level rules: {field.name} must be ≥ 0, found {value!r}")
        for name in ("n_closes", "window", "arm_below", "retest_hold", "fail_closes"):
            if getattr(self, name) < 1:
                raise UsageError(f"level rules: {name} must be at least 1")
        if self.share > 1.0:
            raise UsageError(f"level rules: share is a fraction, found {self.share:g}")
