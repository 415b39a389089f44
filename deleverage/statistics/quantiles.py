"""Quantiles of values of which some stand for several, as NumPy has them for all written out."""

from __future__ import annotations

import math

import numpy as np

from deleverage.columns import Floats, Ints


def quantiles(values: Floats, shares: tuple[float, ...],
              times: Ints | None = None) -> tuple[float, ...]:
    """``np.quantile`` (linear) of every value taken so many ``times`` ≥ 1 (None: once), at each of
    ``shares``. At least one value."""
    ordered = np.sort(values)
    behind = None if times is None else _counted(ordered, values, times)
    last = (len(ordered) if behind is None else int(behind[-1])) - 1
    found = []
    for share in shares:
        at = share * last
        below = math.floor(at)
        ranks = [below, min(below + 1, last)]
        if behind is not None:
            ranks = np.searchsorted(behind, ranks, side="right").tolist()
        found.append(_between(float(ordered[ranks[0]]), float(ordered[ranks[1]]), at - below))
    return tuple(found)


def _between(low: float, high: float, share: float) -> float:
    """So far from one value to the next, reckoned from the nearer one, as NumPy does."""
    return high - (high - low) * (1.0 - share) if share >= 0.5 else low + (high - low) * share


def _counted(ordered: Floats, values: Floats, times: Ints) -> Ints:
    """How many values there are up to and including each in order."""
    counts = np.ones(len(ordered), dtype=np.int64)
    several = np.flatnonzero(times != 1)
    # which of several equal ones is meant does not matter
    np.add.at(counts, np.searchsorted(ordered, values[several]), times[several] - 1)
    return np.cumsum(counts)
