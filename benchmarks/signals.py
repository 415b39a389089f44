"""The features of the job's strategy, in NumPy: rolling sums and extremes of whole columns.

Windows are given in minutes and turned into bars, so that the same rule runs on bars of a second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deleverage.timestamps import MINUTE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LONG_SUM, SHORT_SUM, MEMORY, REACH = 60, 5, 240, 60  # minutes
REBOUND = 1.005  # of the lowest low in REACH


@dataclass(frozen=True)
class Rule:
    """One combination: USD of a cascade, decay of its flow, stop, target and longest holding.

    Enter when the largest 60-minute sum of long liquidations in 240 minutes is above ``threshold``,
    the 5-minute sum under ``decay`` of its own largest, and the close 0.5 % above the lowest low of
    60 minutes. Leave at a close beyond ``stop`` or ``target`` (shares of the entry price), or after
    ``hold`` bars. Both decided on a close, filled at the next open.
    """

    threshold: float = 3e6
    decay: float = 0.1
    stop: float = 0.02
    target: float = 0.04
    hold: int = 720
    notional: float = 10_000.0
    fee: float = 0.0005


YEAR_RULE = Rule()
GRID = tuple(Rule(threshold, decay, stop, target)
             for threshold in (1e6, 2e6, 3e6, 6e6, 12e6) for decay in (0.05, 0.1, 0.2, 0.4)
             for stop in (0.01, 0.015, 0.02, 0.03, 0.05) for target in (0.03, 0.04))


@dataclass(frozen=True)
class Features:
    """What the entry compares, one element a bar: NaN until its windows are full."""

    peak: Floats  # largest 60-minute sum of the last 240 minutes
    flow: Floats  # 5-minute sum
    flow_peak: Floats  # its largest of the last 240 minutes
    floor: Floats  # lowest low of the last 60 minutes


def features_of(low: Floats, longs: Floats, step_ns: int = MINUTE) -> Features:
    """The features of a market: lows and USD of long liquidations."""
    per_minute = MINUTE // step_ns
    memory = MEMORY * per_minute
    flow = rolling_sum(longs, SHORT_SUM * per_minute)
    return Features(rolling_max(rolling_sum(longs, LONG_SUM * per_minute), memory), flow,
                    rolling_max(flow, memory), -rolling_max(-low, REACH * per_minute))


def entries(rule: Rule, close: Floats, features: Features) -> Ints:
    """Bars, ascending, at whose close the rule would enter."""
    return np.flatnonzero((features.peak > rule.threshold)
                          & (features.flow < rule.decay * features.flow_peak)
                          & (close > features.floor * REBOUND))


def rolling_sum(values: Floats, length: int) -> Floats:
    """Sum of the last ``length`` values, exact where they are whole; NaN before there are any."""
    total = np.cumsum(values)
    found = np.full(len(values), np.nan)
    found[length - 1:] = total[length - 1:]
    found[length:] -= total[:-length]
    return found


def rolling_max(values: Floats, length: int) -> Floats:
    """Largest of the last ``length`` values; NaN while one of them is."""
    widest, width = values, 1
    while 2 * width <= length:  # the largest of twice as many, of two that stand side by side
        widest, width = np.maximum(widest[width:], widest[:-width]), 2 * width
    rest = length - width
    if rest:  # of two that overlap
        widest = np.maximum(widest[rest:], widest[:-rest])
    found = np.full(len(values), np.nan)
    found[length - 1:] = widest
    return found
