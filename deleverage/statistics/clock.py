"""Time shared by instruments on different clocks: the union of their closes, marks carried along.

A *clock* is an increasing array of instants (UTC ns). What an instrument is worth at an instant at
which none of its own bars ends is its last known mark, that of its last bar that has ended.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deleverage import timestamps
from deleverage.columns import Floats, Ints, MarketColumns
from deleverage.errors import DataError
from deleverage.statistics.marks import marks


@dataclass(frozen=True, slots=True)
class Marks:
    """One instrument's mark on a clock: the extremes of the bar that ends at an instant, at any
    other the last known close for all three; NaN before its first bar has ended."""

    low: Floats
    high: Floats
    close: Floats


def union_clock(markets: Sequence[MarketColumns]) -> Ints:
    """Every instant at which a bar of any market ends.

    Raises DataError where two of them have no time in common: no account can hold both.
    """
    for one, other in itertools.combinations(markets, 2):
        if not _meet(one, other):
            raise DataError(f"the clocks of {_span(one)} and {_span(other)} never meet: no account "
                            "can hold both")
    if all(np.array_equal(market.close_ns, markets[0].close_ns) for market in markets[1:]):
        return markets[0].close_ns
    return np.unique(np.concatenate([market.close_ns for market in markets]))


def marks_on(columns: MarketColumns, clock: Ints) -> Marks:
    """The mark of a market at every instant of a clock; DataError where one is not a number."""
    low, high, close = marks(columns)
    own = columns.close_ns
    if own is clock or not len(own):
        return Marks(low, high, close) if len(own) else _nowhere(clock)
    index = np.searchsorted(own, clock, side="right") - 1
    last = np.where(index >= 0, close[index], np.nan)
    ends = (index >= 0) & (own[index] == clock)
    return Marks(np.where(ends, low[index], last), np.where(ends, high[index], last), last)


def bars_of(columns: MarketColumns, stamps: Ints) -> Ints:
    """The bar in which each instant lies (its close or inside it); ``len`` after the last close."""
    return np.searchsorted(columns.close_ns, stamps).astype(np.int64)


def lowest_within(values: Floats, clock: Ints, own: Ints) -> Floats:
    """The least of ``values`` (on ``clock``) after each close of ``own`` up to the next.

    Every instant of ``own`` is one of ``clock``; the first interval takes all that lies before.
    """
    ends = np.searchsorted(clock, own)
    starts = np.concatenate(([0], ends[:-1] + 1))
    return np.minimum.reduceat(values[: int(ends[-1]) + 1], starts)


def _meet(one: MarketColumns, other: MarketColumns) -> bool:
    if not len(one) or not len(other):
        return False
    begins = max(int(market.close_ns[0]) - market.market.step_ns for market in (one, other))
    return begins < min(int(one.close_ns[-1]), int(other.close_ns[-1]))


def _span(columns: MarketColumns) -> str:
    symbol = columns.market.instrument.symbol
    if not len(columns):
        return f"{symbol} (no bars)"
    return (f"{symbol} ({timestamps.show(int(columns.close_ns[0]))} … "
            f"{timestamps.show(int(columns.close_ns[-1]))})")


def _nowhere(clock: Ints) -> Marks:
    nothing = np.full(len(clock), np.nan)
    return Marks(nothing, nothing, nothing)
