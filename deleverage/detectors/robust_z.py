"""How unusual is this value? A z-score that a heavy tail cannot spoil, one bar at a time.

    z = (y − m) / (1.4826 d)

with m the running median and d the running median absolute deviation, both followed by stochastic
approximation (Robbins and Monro 1951): each bar moves them one step towards the side on which the
value fell, so an extreme value counts as one vote and no more. 1.4826 makes d the standard
deviation of normal data.

    α = 1 − 2^(−1/H)                       H the half-life in bars
    g = 3α, but max(3α, 1/(i+1)) while bar number i ≤ warm-up
    m ← m + 2 g · sign(y − m) · max(d, 0.05)
    d ← max(d + g · sign(|y − m| − d) · max(d, 0.05), 0.15)      with the new m

z is taken from the *old* m and d: a bar does not judge itself. Bar 0 sets m = y and d = 0.5.

Feed it logarithms: for USD amounts y = log1p(x). On a silent feed m goes to 0 and d to its floor
of 0.15, so that z > 5 needs only y > 1.1, two dollars: use z together with a size, never alone.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAD_TO_SD = 1.4826
_STEP_FLOOR = 0.05
_SPREAD_FLOOR = 0.15
_FIRST_SPREAD = 0.5


class RobustZ:
    """Streaming robust z-score: one :meth:`push` per closed bar, constant time and memory."""

    def __init__(self, half_life: float = 4_320.0, warm_up: int = 720) -> None:
        self._step = 3.0 * (1.0 - 2.0 ** (-1.0 / half_life))
        self._warm_up = warm_up
        self._seen = 0
        self.median = math.nan
        self.spread = _FIRST_SPREAD

    def push(self, value: float) -> float:
        """z of ``value`` against the bars before it; 0 during the warm-up, NaN for unknown.

        An unknown value (NaN) leaves the state as it was and does not count towards the warm-up.
        """
        if value != value:
            return math.nan
        number, step = self._seen, self._step
        self._seen += 1
        if number == 0:
            self.median = value
            return 0.0
        z = 0.0
        if number <= self._warm_up:
            step = max(step, 1.0 / (number + 1))
        else:
            z = (value - self.median) / (MAD_TO_SD * self.spread)
        self._follow(value, step)
        return z

    def _follow(self, value: float, step: float) -> None:
        """Move median and spread one step towards ``value``."""
        spread = self.spread
        median = self.median + 2.0 * step * _sign(value - self.median) * max(spread, _STEP_FLOOR)
        distance = abs(value - median) - spread
        self.spread = max(
            spread + step * _sign(distance) * max(spread, _STEP_FLOOR), _SPREAD_FLOOR
        )
        self.median = median


def robust_z(values: Floats, half_life: float = 4_320.0, warm_up: int = 720) -> Floats:
    """:class:`RobustZ` of a whole column."""
    push = RobustZ(half_life, warm_up).push
    return np.array([push(value) for value in values.tolist()], dtype=np.float64)


def log_size(amounts: Floats, floor: float = 1.0) -> Floats:
    """log1p(x / floor) of amounts; ``floor``, in the amounts' unit, is what counts as nothing.

    math.log1p value by value: numpy's own may differ in the last bit from the streaming form.
    """
    return np.array([math.log1p(x / floor) for x in amounts.tolist()], dtype=np.float64)


def _sign(value: float) -> float:
    return 1.0 if value > 0.0 else -1.0 if value < 0.0 else 0.0
