"""What price does at one level, told as events on closed bars.

========  =================================================================  =============
state     what happens                                                       event
========  =================================================================  =============
ABOVE     ``fail_closes`` consecutive closes below low → BELOW               ``lost``
ABOVE     arm by wick: a bar trades ``sweep_bp`` below low → BELOW, armed    ``swept``
ABOVE     a bar comes within ``retest_bp`` of high                           ``tested``
ABOVE     tested, then ``retest_hold`` consecutive closes ≥ high             ``stood``
BELOW     armed, and high ≥ low of the level → ATTEMPT (same bar goes on)    ``touch``
ATTEMPT   acceptance satisfied → ACCEPTED                                    ``accepted``
ATTEMPT   a close below low (1 − 3 retest) → BELOW, stays armed              ``rejected``
swept     ``fail_closes`` consecutive closes below low → BELOW, stays armed  ``lost``
ACCEPTED  low ≤ high (1 + retest) → RETEST (same bar goes on)                ``retest``
RETEST    ``retest_hold`` consecutive closes ≥ high → ABOVE                  ``held``
both      ``fail_closes`` consecutive closes below low → BELOW, stays armed  ``failed``
both      more than ``max_retest`` bars without either → ABOVE               ``no_retest``
========  =================================================================  =============

The first close decides the first state: below low is BELOW, else ABOVE.

Decided here: closes that count towards acceptance are those since the level was armed, beginning
with the bar of the touch, so a long stay above the level before it was swept accepts nothing. The
closes that lost a level count towards arming it. ``tested`` and ``stood`` describe support that was
never lost; after ``stood`` price must leave by three times the tolerance before the next test.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from deleverage.detectors.levels import BP, Level, LevelRules

Floats = NDArray[np.float64]


class LevelState(StrEnum):
    """Where price stands with a level."""

    INIT = "init"
    ABOVE = "above"
    BELOW = "below"
    ATTEMPT = "attempt"
    ACCEPTED = "accepted"
    RETEST = "retest"


@dataclass(frozen=True, slots=True)
class LevelEvent:
    """``kind`` of event on the close of ``bar``."""

    bar: int
    kind: str


class LevelTracker:
    """The state machine of one level; one :meth:`push` per closed bar."""

    def __init__(self, level: Level, rules: LevelRules | None = None) -> None:
        self.level = level
        self.rules = rules = rules or LevelRules()
        self.state = LevelState.INIT
        self.top = level.high * (1.0 + rules.buffer_bp * BP)
        self._near = level.high * (1.0 + rules.retest_bp * BP)
        self._away = level.high * (1.0 + 3.0 * rules.retest_bp * BP)
        self._reject = level.low * (1.0 - 3.0 * rules.retest_bp * BP)
        self._sweep = level.low * (1.0 - rules.sweep_bp * BP)
        self._window: deque[bool] = deque(maxlen=rules.window)
        self._armed = False
        self._below = 0  # closes below low since the level was lost
        self._failing = 0  # consecutive closes below low
        self._accepting = 0  # consecutive closes above top since the attempt
        self._holding = 0  # consecutive closes at or above high since the test
        self._since = 0  # bars since acceptance
        self._testing = False
        self._may_test = True
        self._swept = False  # under the level by a wick alone, not by closes

    def push(self, high: float, low: float, close: float) -> tuple[str, ...]:
        """Take one closed bar; the events it called, in order."""
        below = close < self.level.low
        self._failing = self._failing + 1 if below else 0
        if self.state is LevelState.INIT:
            self.state = LevelState.BELOW if below else LevelState.ABOVE
        if self.state is LevelState.ABOVE:
            events = self._above(low, close)
            gone = events[:1] in (("lost",), ("swept",))
            return events + self._below_level(high, low, close) if gone else events
        if self.state in (LevelState.ACCEPTED, LevelState.RETEST):
            return self._accepted(low, close)
        lost = self._lost_after_sweep()
        if self.state is LevelState.ATTEMPT:
            return lost + self._attempt(close)
        self._below += below
        return lost + self._below_level(high, low, close)

    def _above(self, low: float, close: float) -> tuple[str, ...]:
        rules = self.rules
        if self._failing >= rules.fail_closes:
            self._lose(armed=False)
            return ("lost",)
        if rules.arm == "wick" and low <= self._sweep:
            self._lose(armed=True)
            self._swept = True
            return ("swept",)
        if self._testing:
            return self._test_goes_on(close)
        if low > self._away:
            self._may_test = True
        elif self._may_test and low <= self._near:
            self._testing, self._may_test, self._holding = True, False, 0
            return ("tested", *self._test_goes_on(close))
        return ()

    def _test_goes_on(self, close: float) -> tuple[str, ...]:
        self._holding = self._holding + 1 if close >= self.level.high else 0
        if self._holding < self.rules.retest_hold:
            return ()
        self._testing = False
        return ("stood",)

    def _lost_after_sweep(self) -> tuple[str, ...]:
        """A level swept by a wick is lost like any other once enough bars close below it."""
        if not (self._swept and self._failing >= self.rules.fail_closes):
            return ()
        self._lose(armed=True)
        return ("lost",)

    def _lose(self, *, armed: bool) -> None:
        """Into BELOW with fresh counters; what was above the level before no longer counts."""
        self.state = LevelState.BELOW
        self._armed = armed
        self._below = self._failing
        self._window.clear()
        self._testing, self._may_test, self._swept = False, True, False

    def _below_level(self, high: float, low: float, close: float) -> tuple[str, ...]:
        rules = self.rules
        if not self._armed:
            self._armed = (
                low <= self._sweep if rules.arm == "wick" else self._below >= rules.arm_below
            )
        if not (self._armed and high >= self.level.low):
            self._window.append(close > self.top)
            return ()
        self.state = LevelState.ATTEMPT
        self._accepting = 0
        return ("touch", *self._attempt(close))

    def _attempt(self, close: float) -> tuple[str, ...]:
        beyond = close > self.top
        self._window.append(beyond)
        self._accepting = self._accepting + 1 if beyond else 0
        if self._accepts(beyond):
            self.state = LevelState.ACCEPTED
            self._since = 0
            return ("accepted",)
        if close < self._reject:
            self.state = LevelState.BELOW
            return ("rejected",)
        return ()

    def _accepts(self, beyond: bool) -> bool:
        rules = self.rules
        enough = self._accepting >= rules.n_closes
        if rules.mode == "n":
            return enough
        time = beyond and sum(self._window) >= rules.share * rules.window
        return time if rules.mode == "time" else time and enough

    def _accepted(self, low: float, close: float) -> tuple[str, ...]:
        rules = self.rules
        self._since += 1
        if self._failing >= rules.fail_closes:
            self._lose(armed=True)
            return ("failed",)
        events: tuple[str, ...] = ()
        if self.state is LevelState.ACCEPTED and low <= self._near:
            self.state, self._holding, events = LevelState.RETEST, 0, ("retest",)
        if self.state is LevelState.RETEST:
            self._holding = self._holding + 1 if close >= self.level.high else 0
            if self._holding >= rules.retest_hold:
                return (*events, self._leave("held"))
        if self._since > rules.max_retest:
            return (*events, self._leave("no_retest"))
        return events

    def _leave(self, event: str) -> str:
        self.state = LevelState.ABOVE
        self._testing, self._may_test = False, False
        return event


def level_events(level: Level, rules: LevelRules, high: Floats, low: Floats,
                 close: Floats) -> tuple[LevelEvent, ...]:
    """Every event :class:`LevelTracker` calls on these columns, in order."""
    push = LevelTracker(level, rules).push
    bars = zip(high.tolist(), low.tolist(), close.tolist(), strict=True)
    return tuple(
        LevelEvent(bar, kind) for bar, values in enumerate(bars) for kind in push(*values)
    )
