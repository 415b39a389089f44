"""Long arrays as few points, with what must not be lost: extremes stay, sums stay sums.

A picture of 525,600 bars has no room for them. Bars are gathered into buckets of equal count and
each bucket keeps what its curve is read for: the lowest, the highest, the last, the sum.
"""

from __future__ import annotations

import numpy as np

from deleverage.columns import Floats, Ints

BUDGET = 2_000  # points of one curve


def buckets(length: int, budget: int = BUDGET) -> Ints:
    """First index of each bucket: at most ``budget`` of them, all of one size but the last."""
    if length <= 0:
        return np.empty(0, dtype=np.int64)
    size = -(-length // max(1, budget))
    return np.arange(0, length, size, dtype=np.int64)


def last_of(starts: Ints, length: int) -> Ints:
    """Last index of each bucket."""
    return np.append(starts[1:], length) - 1 if len(starts) else starts


def lowest(values: Floats, starts: Ints) -> Floats:
    """The least of each bucket, NaN where it has none."""
    return np.fmin.reduceat(values, starts) if len(starts) else np.empty(0)


def highest(values: Floats, starts: Ints) -> Floats:
    """The greatest of each bucket, NaN where it has none."""
    return np.fmax.reduceat(values, starts) if len(starts) else np.empty(0)


def added(values: Floats, starts: Ints) -> Floats:
    """The sum of each bucket; NaN (not covered) only where nothing of it is known."""
    if not len(starts):
        return np.empty(0)
    known = np.isfinite(values)
    total = np.add.reduceat(np.where(known, values, 0.0), starts)
    return np.where(np.logical_or.reduceat(known, starts), total, np.nan)


def latest(values: Floats, starts: Ints) -> Floats:
    """The last number of each bucket that is one, NaN where none is."""
    if not len(starts):
        return np.empty(0)
    known = np.where(np.isfinite(values), np.arange(len(values)), -1)
    found = np.maximum.reduceat(known, starts)
    return np.where(found >= 0, values[found], np.nan)
