"""What happened at each level, in five words: touched, accepted, held, failed, never."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deleverage.detectors.level_tracker import LevelEvent, level_events
from deleverage.detectors.levels import BP, Level, LevelRules

Floats = NDArray[np.float64]

_HELD = frozenset({"held", "stood"})
_FAILED = frozenset({"failed", "lost"})


@dataclass(frozen=True, slots=True)
class LevelHistory:
    """One level over a run. Every field but ``level`` and ``events`` holds bar numbers, in order.

    ``touched``: first bars of visits (a visit is a run of bars that come within the retest
    tolerance of the level, from either side). ``accepted``: acceptance after having been below.
    ``held``: a retest that held, after an acceptance or as support never lost. ``failed``: the
    level was lost on closes, as support or after an acceptance. ``events`` is the tracker's log.
    """

    level: Level
    touched: tuple[int, ...]
    accepted: tuple[int, ...]
    held: tuple[int, ...]
    failed: tuple[int, ...]
    events: tuple[LevelEvent, ...]

    @property
    def outcome(self) -> str:
        """The last word on the level: ``never`` (not touched), ``touched``, else what came last."""
        if not self.touched and not self.events:
            return "never"
        last = {"accepted": self.accepted, "held": self.held, "failed": self.failed}
        word, bars = max(last.items(), key=lambda item: item[1][-1] if item[1] else -1)
        return word if bars else "touched"


def level_history(levels: Sequence[Level], high: Floats, low: Floats, close: Floats,
                  rules: LevelRules | None = None) -> tuple[LevelHistory, ...]:
    """What happened at each of ``levels`` on these bars."""
    rules = rules or LevelRules()
    return tuple(_history(level, rules, high, low, close) for level in levels)


def _history(level: Level, rules: LevelRules, high: Floats, low: Floats,
             close: Floats) -> LevelHistory:
    events = level_events(level, rules, high, low, close)

    def bars(kinds: frozenset[str]) -> tuple[int, ...]:
        return tuple(event.bar for event in events if event.kind in kinds)

    tolerance = rules.retest_bp * BP
    near = (low <= level.high * (1.0 + tolerance)) & (high >= level.low * (1.0 - tolerance))
    visits = np.flatnonzero(near & ~np.concatenate(([False], near[:-1])))
    return LevelHistory(level, tuple(visits.tolist()), bars(frozenset({"accepted"})), bars(_HELD),
                        bars(_FAILED), events)
