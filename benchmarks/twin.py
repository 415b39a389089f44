"""The yardstick's twin in NumPy: the same trades from index arrays, hopping from event to event."""

from __future__ import annotations

import numpy as np

from benchmarks.signals import Features, Floats, Rule, entries
from benchmarks.yardstick import Walked


def hopped(opened: Floats, close: Floats, ready: Features, rule: Rule) -> Walked:
    """What :func:`benchmarks.yardstick.walked` does, without looking at every bar."""
    wakes = entries(rule, close, ready)
    wakes = wakes[wakes < len(close) - 1]  # a decision on the last close is never filled
    entered: list[int] = []
    left: list[int] = []
    gains: list[float] = []
    bar = 0
    while (at := int(np.searchsorted(wakes, bar))) < len(wakes):
        decided = int(wakes[at])
        since = decided + 1
        entered.append(since)
        entry = float(opened[since])
        held = close[since:since + rule.hold]
        beyond = np.flatnonzero((held >= entry * (1 + rule.target))
                                | (held <= entry * (1 - rule.stop)))
        bar = since + (int(beyond[0]) if len(beyond) else rule.hold) + 1
        if bar >= len(close):
            break
        left.append(bar)
        size, price = round(rule.notional / float(close[decided]), 3), float(opened[bar])
        gains.append(size * (price - entry) - rule.fee * size * (price + entry))
    return Walked(np.array(entered, np.int64), np.array(left, np.int64), sum(gains))
