"""Bars of the signal's own timeframe, built from base bars, each known only once it has closed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SignalBars:
    """Completed bars; ``known[k]`` is the base bar on whose close bar ``k`` is known."""

    known: Ints
    high: Floats
    low: Floats
    close: Floats

    def __len__(self) -> int:
        return len(self.known)


def signal_bars(close_ns: Ints, step_ns: int, count: int, high: Floats, low: Floats,
                close: Floats) -> SignalBars:
    """Base bars put together ``count`` at a time, on the clock (not counted from the first bar).

    A bar of the signal's timeframe ends at a multiple of ``count × step_ns`` since 1970. It is
    known on the close of its last base bar; where that one is missing, on the close of the next
    base bar there is. The unfinished one at the end of the data is left out.
    """
    if count == 1 or len(close_ns) == 0:
        return SignalBars(np.arange(len(close_ns)), high, low, close)
    period = count * step_ns
    group = (close_ns - 1) // period
    first = np.flatnonzero(np.concatenate(([True], group[1:] != group[:-1])))
    last = np.concatenate((first[1:], [len(close_ns)])) - 1
    complete = close_ns[last] % period == 0
    known = np.where(complete, last, last + 1)
    keep = known < len(close_ns)
    return SignalBars(
        known[keep], np.maximum.reduceat(high, first)[keep], np.minimum.reduceat(low, first)[keep],
        close[last][keep],
    )
