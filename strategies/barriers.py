"""Stops and targets that are judged on closes: whether one is met, and at which bar first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deleverage.horizon import first_true

Floats = NDArray[np.float64]
_WINDOW = 1_024  # bars looked at together: a trade of hours is found in one step

Levels = tuple[float | None, float | None]  # stop and target, in quote; None: none


def met(close: float, side: int, levels: Levels) -> str:
    """``stop`` or ``target`` where a close lies at or beyond it, else an empty text; the stop
    counts first. ``side``: +1 long, −1 short."""
    stop, target = levels
    if stop is not None and (close <= stop if side > 0 else close >= stop):
        return "stop"
    if target is not None and (close >= target if side > 0 else close <= target):
        return "target"
    return ""


def first_met(closes: Floats, side: int, levels: Levels, start: int, until: int) -> int:
    """The first bar in [start, until) whose close meets a level, else ``until``."""
    if levels == (None, None):
        return until
    below, above = levels if side > 0 else (levels[1], levels[0])
    low = -np.inf if below is None else below
    high = np.inf if above is None else above
    if until - start <= _WINDOW:
        near = closes[start:until]
        found = (near <= low) | (near >= high)
        at = int(found.argmax()) if found.size else 0
        return start + at if found.size and found[at] else until
    return first_true(lambda cut: (closes[cut] <= low) | (closes[cut] >= high), start, until,
                      _WINDOW)
