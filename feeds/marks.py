"""The mark price beside the last price: what a strategy sees of it, what an account is judged on.

Bar ``i`` covers ``(close_ns[i] − step, close_ns[i]]``, mark row ``k`` likewise with its own step,
which may be the bar's, finer or coarser. The rule for a coarse mark is DESIGN's: the last-price bar
clipped to the [low, high] of the mark row that contains it; where no bar of the row reaches the
row's extreme, the bar with the most extreme last gets it; a coarse extreme is never spread.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deleverage.columns import MARK_CLIPPED, MARK_EXACT, MARK_MISSING, ExecutionMark, Floats, Ints


@dataclass(frozen=True, slots=True)
class PriceRows:
    """Rows of prices, each stamped with its close and covering the ``step_ns`` before it."""

    step_ns: int
    close_ns: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats

    def __len__(self) -> int:
        return len(self.close_ns)

    @property
    def ohlc(self) -> tuple[Floats, Floats, Floats, Floats]:
        return self.open, self.high, self.low, self.close


def close_at(rows: PriceRows, stamps: Ints) -> Floats:
    """Close of the row that closes exactly at each stamp, NaN where none does."""
    found = np.searchsorted(rows.close_ns, stamps)
    result = np.full(len(stamps), np.nan)
    inside = np.flatnonzero(found < len(rows))
    hit = inside[rows.close_ns[found[inside]] == stamps[inside]]
    result[hit] = rows.close[found[hit]]
    return result


def completed(bars: PriceRows, mark: PriceRows) -> tuple[Floats, Floats, Floats, Floats]:
    """Open, high, low, close of the last mark row that had closed by each bar's close.

    NaN once that row is a whole mark step old: the row that should have followed is unknown. A mark
    finer than the bars is gathered to the bar.
    """
    if mark.step_ns < bars.step_ns:
        return gathered(bars, mark)
    row = np.searchsorted(mark.close_ns, bars.close_ns, side="right") - 1
    known = row >= 0
    known[known] = bars.close_ns[known] - mark.close_ns[row[known]] < mark.step_ns
    open_, high, low, close = (_picked(column, row, known) for column in mark.ohlc)
    return open_, high, low, close


def execution_mark(bars: PriceRows, mark: PriceRows | None) -> ExecutionMark:
    """The account's own mark per bar, with how it is known (exact, clipped or missing)."""
    count = len(bars)
    if mark is None or not len(mark):
        nothing = np.full(count, np.nan)
        state = np.full(count, MARK_MISSING, np.uint8)
        return ExecutionMark(nothing, nothing, nothing, nothing, state)
    if mark.step_ns > bars.step_ns:
        return _clipped(bars, mark)
    open_, high, low, close = gathered(bars, mark)
    state = np.where(np.isnan(close), MARK_MISSING, MARK_EXACT).astype(np.uint8)
    return ExecutionMark(open_, high, low, close, state)


def gathered(bars: PriceRows, mark: PriceRows) -> tuple[Floats, Floats, Floats, Floats]:
    """Mark rows of the bar's own or a finer step, gathered per bar; NaN unless all are there."""
    first = np.searchsorted(mark.close_ns, bars.close_ns - bars.step_ns, side="right")
    stop = np.searchsorted(mark.close_ns, bars.close_ns, side="right")
    whole = stop - first == max(bars.step_ns // mark.step_ns, 1)
    first, stop = first[whole], stop[whole]
    result = [np.full(len(bars), np.nan) for _ in range(4)]
    if len(first):
        # reduceat over [first, stop) of each bar: every second segment lies between two bars
        edges = np.stack([first, stop], axis=1).ravel()
        edges = edges[:-1] if stop[-1] == len(mark) else edges
        values = (mark.open[first], np.maximum.reduceat(mark.high, edges)[::2],
                  np.minimum.reduceat(mark.low, edges)[::2], mark.close[stop - 1])
        for column, value in zip(result, values, strict=True):
            column[whole] = value
    return result[0], result[1], result[2], result[3]


def _picked(column: Floats, row: Ints, known: NDArray[np.bool_]) -> Floats:
    result = np.full(len(row), np.nan)
    result[known] = column[row[known]]
    return result


def _clipped(bars: PriceRows, mark: PriceRows) -> ExecutionMark:
    row = np.searchsorted(mark.close_ns, bars.close_ns, side="left")
    inside = row < len(mark)
    inside[inside] = bars.close_ns[inside] > mark.close_ns[row[inside]] - mark.step_ns
    row = row[inside]
    low, high = mark.low[row], mark.high[row]
    open_, high_, low_, close = (np.clip(column[inside], low, high) for column in bars.ohlc)
    if len(row):
        _reach(low_, bars.low[inside], mark.low, row, np.minimum)
        _reach(high_, bars.high[inside], mark.high, row, np.maximum)
    result = [np.full(len(bars), np.nan) for _ in range(4)]
    for column, value in zip(result, (open_, high_, low_, close), strict=True):
        column[inside] = value
    state = np.where(inside, MARK_CLIPPED, MARK_MISSING).astype(np.uint8)
    return ExecutionMark(result[0], result[1], result[2], result[3], state)


def _reach(clipped: Floats, last: Floats, extreme: Floats, row: Ints, worst: np.ufunc) -> None:
    """Give a row's extreme, where no bar reached it, to the bar with the most extreme last."""
    starts = np.flatnonzero(np.append(True, np.diff(row) > 0))
    sizes = np.diff(np.append(starts, len(row)))
    most = worst.reduceat(last, starts)
    target = extreme[row[starts]]
    unreached = worst(most, target) != most
    candidates = np.flatnonzero((last == np.repeat(most, sizes)) & np.repeat(unreached, sizes))
    # of several equally extreme bars the first one
    group = row[candidates]
    first = candidates[np.append(True, np.diff(group) > 0)] if len(candidates) else candidates
    clipped[first] = extreme[row[first]]
