"""Has the level of a z-score really shifted up? One-sided cumulative sum (Page 1954), capped.

    C ← min( max(0, C + min(z, 6) − k), 4 h )        alarm while C > h

``k`` is the allowance per bar, ``h`` the evidence needed. The cap of 4h lets an alarm clear: after
a burst of any length, silence (z = 0) ends it within 3h/k bars. Without it the alarm of a long
cascade outlives the cascade by as long as that lasted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Cusum:
    """Streaming capped CUSUM; ``level`` is C."""

    def __init__(self, allowance: float = 1.0, threshold: float = 15.0, *,
                 cap: float = 4.0, largest: float = 6.0) -> None:
        self._allowance = allowance
        self._threshold = threshold
        self._cap = cap * threshold
        self._largest = largest
        self.level = 0.0

    def push(self, z: float) -> bool:
        """Whether the alarm stands after this bar.

        An unknown z (NaN) clears what was collected: evidence does not bridge a gap in the data.
        """
        if z != z:
            self.level = 0.0
            return False
        level = self.level + (z if z < self._largest else self._largest) - self._allowance
        self.level = 0.0 if level < 0.0 else level if level < self._cap else self._cap
        return self.level > self._threshold


def cusum(z: Floats, allowance: float = 1.0, threshold: float = 15.0, *,
          cap: float = 4.0, largest: float = 6.0) -> NDArray[np.bool_]:
    """:class:`Cusum` alarms of a whole column of z-scores."""
    push = Cusum(allowance, threshold, cap=cap, largest=largest).push
    return np.array([push(value) for value in z.tolist()], dtype=np.bool_)
