"""Positions closed, measured in coins.

Open interest in USD falls whenever the price falls: a drop of 20 % in price is a "flush" of 20 %
with every position still open. Only coins say whether positions were closed.

A fall of open interest is not a volume of liquidations: positions are also closed by hand and by
stops, and venues report liquidations throttled. What is built on it carries that label.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def flush(now: float, start: float) -> float:
    """Change of open interest in coins since ``start`` as a fraction; −0.03 is a fall of 3 %.

    NaN where either is unknown or ``start`` is not positive.
    """
    return now / start - 1.0 if start > 0.0 else math.nan


class ShareClosed:
    """Streaming share of the open coins that was closed in each bar."""

    def __init__(self) -> None:
        self._last = math.nan

    def push(self, open_interest: float) -> float:
        """max(1 − OI now / OI before, 0), both in coins; NaN where either is unknown.

        A rise is 0: positions opened later do not undo what was closed. With constant coins the
        result is 0 whatever the price does. It does not know who closed: coins also vanish when
        shorts are squeezed.
        """
        change = flush(open_interest, self._last)
        self._last = open_interest
        return -change if change < 0.0 else change * 0.0


def share_closed(open_interest: Floats) -> Floats:
    """:class:`ShareClosed` of a whole column of coins."""
    push = ShareClosed().push
    return np.array([push(coins) for coins in open_interest.tolist()], dtype=np.float64)
