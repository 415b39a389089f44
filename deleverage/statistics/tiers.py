"""Bands of leverage. *Tier* always means one of these, never a venue's notional bracket."""

from __future__ import annotations

import bisect

import numpy as np
from numpy.typing import NDArray

EDGES = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)
TIERS = ("<1x", "1–2x", "2–3x", "3–5x", "5–10x", "10–20x", "20–50x", "50–100x", "≥100x")

# a 10x position computed back from its margin is 9.999999999999998x: it belongs to 10–20x
_TOLERANCE = 1e-9


def tier(leverage: float) -> int:
    """Index into TIERS of a leverage ≥ 0; an edge belongs to the band above it."""
    return bisect.bisect_right(EDGES, leverage * (1.0 + _TOLERANCE))


def tiers(leverage: NDArray[np.float64]) -> NDArray[np.int64]:
    """:func:`tier` of an array; NaN (no position) is −1."""
    scaled = leverage * (1.0 + _TOLERANCE)
    index = np.zeros(len(scaled), dtype=np.int64)
    for edge in EDGES[:tier(float(np.fmax.reduce(leverage, initial=0.0)))]:
        index += scaled >= edge
    return np.where(np.isnan(leverage), -1, index)
