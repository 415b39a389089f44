"""Funding rates from the perpetual's premium over the index, by the venue's formula.

``F = P + clamp(I − P, ±5 bp)`` with I = 1 bp per 8 h and P the mean premium of the interval
(Binance, methods 3.5): a premium around −4.4 bp gives a rate around +0.6 bp.
"""

from __future__ import annotations

import numpy as np

from deleverage.scenarios.path import Floats, Ints
from deleverage.scenarios.quotes import BP, Quotes
from deleverage.timestamps import HOUR, MINUTE

INTERVAL = 8 * HOUR
_CAP = 75 * BP


def settled_rate(premium: Floats) -> Floats:
    """Rate of an interval from its mean premium (both as fractions)."""
    rate = premium + np.clip(1 * BP - premium, -5 * BP, 5 * BP)
    return np.clip(rate, -_CAP, _CAP).round(8)


def settlements(prices: Quotes, after_ns: int) -> tuple[Ints, Floats]:
    """Settlement instants after ``after_ns`` and their rates (> 0: longs pay)."""
    minutes = INTERVAL // MINUTE
    whole = len(prices) // minutes * minutes
    mean = prices.premium[:whole].reshape(-1, minutes).mean(axis=1)
    stamps = prices.open_ns[0] + INTERVAL * np.arange(1, len(mean) + 1, dtype=np.int64)
    late = stamps > after_ns
    return stamps[late], settled_rate(mean)[late]
