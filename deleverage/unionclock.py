"""The clock of feeds that do not share one: a step for each time at which a bar of any feed ends.

backtrader takes one step for each such time. The feeds whose bar ends there move on; the others
keep the bar they stand at: none before their first, the last one after their end.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np

from deleverage.columns import Floats, Ints

NEVER = sys.maxsize  # a step that no clock has


class Beat:
    """One feed on the union clock: ``steps`` the step that each of its bars comes with, ``lengths``
    how many of its bars have come after each step; both ascending."""

    def __init__(self, days: Floats, union: Floats) -> None:
        self.days = days
        self.steps: Ints = np.searchsorted(union, days).astype(np.int64)
        self.lengths: Ints = np.searchsorted(days, union, side="right").astype(np.int64)
        # read one by one, as Python numbers
        self._steps, self.length_after = readable(self.steps), readable(self.lengths)

    def before(self, step: int) -> int:
        """How many bars have come before a step."""
        return self.length_after[step - 1] if step > 0 else 0

    def step_of(self, bar: int) -> int:
        """The step a bar comes with; NEVER for one after the feed's end."""
        return self._steps[bar] if bar < len(self._steps) else NEVER


class UnionClock:
    """All feeds on the union of their times.

    ``days`` are the times of the steps (backtrader's day numbers), ``beats`` the feeds in the order
    given. Times are compared as backtrader does: two closes that its day numbers cannot tell apart
    are one step.
    """

    def __init__(self, times: Sequence[Floats]) -> None:
        self.days: Floats = np.unique(np.concatenate(times))
        self.beats = [Beat(each, self.days) for each in times]

    def __len__(self) -> int:
        return len(self.days)

    def ahead(self, minperiods: Sequence[int]) -> Ints:
        """Of each step how many bars are missing until ``next()`` is called: of the feed that lacks
        most, each having its own ``minperiods``; 0 where it starts, below 0 after it."""
        missing = [least - beat.lengths
                   for least, beat in zip(minperiods, self.beats, strict=True)]
        found: Ints = np.max(missing, axis=0)
        return found


def times_of(data: Any) -> Floats:
    """The times of a preloaded feed's bars, as backtrader's day numbers."""
    days: Floats = np.array(data.lines.datetime.array[:data.buflen()], dtype=np.float64)
    return days


def ascending(times: Floats) -> bool:
    """Whether every bar ends after the one before (false where a time is not known)."""
    return bool(np.all(np.diff(times) > 0)) and not bool(np.isnan(times).any())


def readable(numbers: Any) -> memoryview:
    """Whole numbers that are read one by one: as Python's own, several times faster than from an
    array."""
    return memoryview(numbers)


def as_line(days: Floats) -> array[float]:
    """Times as the buffer of a line."""
    return array("d", days.tobytes())
