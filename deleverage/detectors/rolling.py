"""Sums over the last bars, exact to the cent.

A float that is added and later subtracted leaves dust behind, and a detector that takes logarithms
of a quiet hour sees the dust. Amounts are therefore kept as whole units (cents of a dollar, or
billionths of a share): the streaming and the array form agree to the last bit, however long the
run.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CENTS = 100  # units per dollar
BILLIONTHS = 1_000_000_000  # units per whole, for shares


class RollingSum:
    """Sum of the last ``length`` values; NaN while one of them is unknown.

    ``units`` is how many units make 1.0: what is finer than one unit is rounded away.
    """

    def __init__(self, length: int, units: int = CENTS) -> None:
        self._window: deque[int | None] = deque(maxlen=length)
        self._units = units
        self._total = 0
        self._unknown = 0

    def push(self, value: float) -> float:
        """Take the value of the bar that just closed and return the sum up to it.

        Before ``length`` values were seen, the sum is over what was seen. A value that is not
        finite is unknown, not zero.
        """
        window = self._window
        if len(window) == window.maxlen:
            oldest = window[0]
            if oldest is None:
                self._unknown -= 1
            else:
                self._total -= oldest
        if math.isfinite(value):
            whole = round(value * self._units)
            self._total += whole
            window.append(whole)
        else:
            self._unknown += 1
            window.append(None)
        return math.nan if self._unknown else self._total / self._units


def rolling_sum(values: Floats, length: int, units: int = CENTS) -> Floats:
    """:class:`RollingSum` of a whole column in one pass."""
    known = np.isfinite(values)
    whole = np.rint(np.where(known, values, 0.0) * units).astype(np.int64)
    total = _windowed(whole, length) / units
    total[_windowed((~known).astype(np.int64), length) > 0] = np.nan
    return total


def _windowed(values: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Sum of the last ``length`` integers at every position."""
    running = np.cumsum(values)
    running[length:] -= running[:-length].copy()
    return running
