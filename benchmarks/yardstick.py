"""The yardstick: a hand-written loop of the same signals, without an account.

Plain functions over arrays, one thread, compiled by numba where it is installed (the extra
``bench``), with the machine code kept on disk; without it they run as Python, which is how the
tests compare them with their NumPy twin (:mod:`benchmarks.twin`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.signals import LONG_SUM, MEMORY, REACH, REBOUND, SHORT_SUM, Features, Rule
from deleverage.timestamps import MINUTE

try:
    import numba
except ImportError:
    numba = None

COMPILED = numba is not None

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def compiled(function: Any) -> Any:
    """``function`` through numba; as it is where numba is not installed."""
    return numba.njit(cache=True)(function) if COMPILED else function


@dataclass(frozen=True)
class Walked:
    """What a loop did: bars of the fills that opened and closed, money after both fees.

    A trade open at the end has an entry and no exit; ``net`` is of the closed ones.
    """

    entered: Ints
    left: Ints
    net: float


def prepared(low: Floats, longs: Floats, step_ns: int = MINUTE) -> Features:
    """The features of the entry, by running sums and monotonic queues."""
    per_minute = MINUTE // step_ns
    memory = MEMORY * per_minute
    flow = _sums(longs, SHORT_SUM * per_minute)
    return Features(_largest(_sums(longs, LONG_SUM * per_minute), memory), flow,
                    _largest(flow, memory), -_largest(-low, REACH * per_minute))


def walked(opened: Floats, close: Floats, ready: Features, rule: Rule) -> Walked:
    """The trades of one rule on features that are ready; every bar is looked at."""
    entered, left, net = _walk(
        opened, close, ready.peak, ready.flow, ready.flow_peak, ready.floor, rule.threshold,
        rule.decay, REBOUND, rule.stop, rule.target, rule.hold, rule.notional, rule.fee)
    return Walked(entered, left, net)


def compile_seconds() -> float:
    """CPU seconds to compile the loops, or to load them from disk: counted apart."""
    began = time.process_time()
    low, longs = np.ones(500), np.zeros(500)
    walked(low, low, prepared(low, longs), Rule())
    return time.process_time() - began


@compiled
def _sums(values, length):  # type: ignore[no-untyped-def]
    """Sum of the last ``length`` values; NaN before there are any."""
    found = np.empty(len(values))
    total = 0.0
    for row in range(len(values)):
        total += values[row]
        if row >= length:
            total -= values[row - length]
        found[row] = total if row >= length - 1 else np.nan
    return found


@compiled
def _largest(values, length):  # type: ignore[no-untyped-def]
    """Largest of the last ``length`` values; NaN while one of them is."""
    found = np.empty(len(values))
    queue = np.empty(len(values), np.int64)  # rows whose values fall, the largest in front
    head, tail, known = 0, 0, 0
    for row in range(len(values)):
        value = values[row]
        if value == value:
            known += 1
            while tail > head and values[queue[tail - 1]] <= value:
                tail -= 1
            queue[tail] = row
            tail += 1
            if queue[head] <= row - length:
                head += 1
        found[row] = values[queue[head]] if known >= length else np.nan
    return found


@compiled
def _walk(opened, close, peak, flow, flow_peak, floor, threshold, decay,  # type: ignore[no-untyped-def]
          rebound, stop, target, hold, notional, fee):
    """Decide on each close, fill at the next open, one position at a time."""
    bars = len(close)
    entered, left = np.empty(bars, np.int64), np.empty(bars, np.int64)
    trades, closed, net, bar = 0, 0, 0.0, 0
    while bar < bars - 1:
        if not (peak[bar] > threshold and flow[bar] < decay * flow_peak[bar]
                and close[bar] > floor[bar] * rebound):
            bar += 1
            continue
        size = np.rint(notional / close[bar] * 1000.0) / 1000.0
        since = bar + 1
        entry = opened[since]
        high, low = entry * (1 + target), entry * (1 - stop)
        entered[trades] = since
        trades += 1
        bar = since
        while bar < bars and not (close[bar] >= high or close[bar] <= low or bar - since >= hold):
            bar += 1
        if bar + 1 >= bars:  # still open at the end, or its close would be filled after it
            break
        bar += 1
        left[closed] = bar
        closed += 1
        net += size * (opened[bar] - entry) - fee * size * (opened[bar] + entry)
    return entered[:trades].copy(), left[:closed].copy(), net
