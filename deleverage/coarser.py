"""Bars gathered from finer ones, which stay under them for the account to walk.

Coarse bars lie on UTC multiples of their step and are stamped with their close. A bar exists where
a fine bar lies in it, and only once its last moment is there: data that end inside a bar end before
it. Every line is what joining the dataset's tables to bars of that step gives; where fine bars are
missing, what they alone could tell is NaN or comes with the next one, never before its time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from deleverage.columns import (
    MARK_EXACT,
    MARK_MISSING,
    ExecutionMark,
    Floats,
    FundingSchedule,
    Inner,
    Ints,
    MarketColumns,
)
from deleverage.errors import DataError, UsageError
from deleverage.timestamps import show, show_step

_MARK = ("mark_open", "mark_high", "mark_low", "mark_close")
_SIDES = ("long_liquidations_", "short_liquidations_")


def coarser(columns: MarketColumns, step_ns: int) -> MarketColumns:
    """``columns`` as bars of ``step_ns``, with the finer bars as ``inner``; as they are at their
    own step. Bars that were gathered before are gathered on, over the same finest bars.

    Raises UsageError for a step that is no multiple of the bars', for bars that do not lie on UTC
    multiples of their own step, for a mark step that fits no coarse bar, and for a line without a
    rule; DataError where no bar is whole.
    """
    fine_step = columns.market.step_ns
    if step_ns <= 0 or step_ns % fine_step:
        raise UsageError(f"bars of {show_step(fine_step)} cannot be gathered to bars of "
                         f"{show_step(step_ns)}: the step must be a multiple of "
                         f"{show_step(fine_step)}")
    if step_ns == fine_step:
        return columns
    first, close_ns = _borders(columns, step_ns)
    fine = columns if first[-1] == len(columns) else columns.sliced(0, int(first[-1]))
    inner = (Inner(first, fine) if fine.inner is None
             else replace(fine.inner, first=fine.inner.first[first]))
    market = replace(fine.market, step_ns=step_ns, start_ns=int(close_ns[0]) - step_ns,
                     end_ns=int(close_ns[-1]))
    return MarketColumns(market, close_ns, MappingProxyType(_lines(fine, first, close_ns, step_ns)),
                         _execution_mark(fine.execution_mark, first[:-1], first[1:] - 1),
                         _funding(fine.funding, first), inner)


def _borders(columns: MarketColumns, step_ns: int) -> tuple[Ints, Ints]:
    """The first fine bar of each coarse bar and the one after the last; the coarse closes."""
    fine_step, stamps = columns.market.step_ns, columns.close_ns
    if not len(stamps):
        raise DataError("no bars to gather")
    off = stamps % fine_step != 0
    if off.any():
        raise UsageError(f"the bar of {show_step(fine_step)} closing "
                         f"{show(int(stamps[np.argmax(off)]))} does not lie on a multiple of "
                         f"{show_step(fine_step)} UTC: such bars cannot be gathered")
    ends = -(-stamps // step_ns) * step_ns
    first = np.flatnonzero(np.append(True, np.diff(ends) > 0))
    if stamps[-1] == ends[-1]:
        first = np.append(first, len(stamps))
    if len(first) < 2:
        raise DataError(f"no whole bar of {show_step(step_ns)} between "
                        f"{show(int(stamps[0]) - fine_step)} and {show(int(stamps[-1]))}")
    return first.astype(np.int64), ends[first[:-1]]


def _lines(fine: MarketColumns, first: Ints, close_ns: Ints, step_ns: int) -> dict[str, Floats]:
    starts, last = first[:-1], first[1:] - 1
    marks = dict(zip(_MARK, _marks(fine, close_ns, step_ns), strict=True))
    # what happened in the part of a first bar before the data is not known to be nothing
    headless = int(fine.close_ns[0]) - fine.market.step_ns > int(close_ns[0]) - step_ns

    def events(gather: np.ufunc) -> Callable[[Floats], Floats]:
        def gathered(line: Floats) -> Floats:
            result: Floats = gather.reduceat(line, starts)  # NaN where any part is uncovered
            if headless:
                result[0] = np.nan
            return result
        return gathered

    def at_close(line: Floats) -> Floats:
        return line[last]

    rules: dict[str, Callable[[Floats], Floats]] = {
        "open": lambda line: line[starts],
        "high": lambda line: np.maximum.reduceat(line, starts),
        "low": lambda line: np.minimum.reduceat(line, starts),
        "close": at_close, "openinterest": at_close, "index_close": at_close,
        "volume": lambda line: np.add.reduceat(line, starts),
        "funding_rate": lambda line: _known_sum(line, starts),
        "largest_liquidation": events(np.maximum),
        **dict.fromkeys(("long_liquidations", "short_liquidations", "liquidation_count"),
                        events(np.add)),
    }
    lines = {}
    for name, line in fine.lines.items():
        rule = events(np.add) if name.startswith(_SIDES) else rules.get(name)
        if name in marks:
            lines[name] = marks[name]
        elif rule is None:
            raise UsageError(f"no rule to gather the line {name!r} to bars of "
                             f"{show_step(step_ns)}")
        else:
            lines[name] = rule(line)
    return lines


def _known_sum(line: Floats, starts: Ints) -> Floats:
    """Sums over what is known; NaN where nothing is (no settlement in the bar)."""
    known = ~np.isnan(line)
    total = np.add.reduceat(np.where(known, line, 0.0), starts)
    return np.where(np.logical_or.reduceat(known, starts), total, np.nan)


def _marks(fine: MarketColumns, close_ns: Ints, step_ns: int) -> tuple[Floats, ...]:
    """Mark over each coarse bar, NaN unless every row of it is known.

    A fine bar shows the last mark row completed by its close, so each row of a mark coarser than
    the fine bars is read off where it has just closed; a row longer than the coarse bar is the one
    that had closed by then.
    """
    lines = [fine.lines[name] for name in _MARK]
    row = max(fine.market.mark_step_ns or 0, fine.market.step_ns)
    if (fine.execution_mark.state == MARK_EXACT).any():
        row = fine.market.step_ns  # the rows are no longer than the bars, whatever is declared
    if max(row, step_ns) % min(row, step_ns):
        if any(np.isfinite(line).any() for line in lines):
            raise UsageError(f"a mark of {show_step(row)} does not fit bars of "
                             f"{show_step(step_ns)}: neither step divides the other")
        return tuple(np.full(len(close_ns), np.nan) for _ in lines)
    row = min(row, step_ns)
    wanted = (close_ns[:, None] - np.arange(step_ns - row, -1, -row)).ravel()
    at = np.minimum(np.searchsorted(fine.close_ns, wanted), len(fine) - 1)
    here = fine.close_ns[at] == wanted
    rows = [np.where(here, line[at], np.nan).reshape(len(close_ns), -1) for line in lines]
    gathered = (rows[0][:, 0], rows[1].max(axis=1), rows[2].min(axis=1), rows[3][:, -1])
    whole = ~np.isnan(np.stack([line.sum(axis=1) for line in rows])).any(axis=0)
    return tuple(np.where(whole, line, np.nan) for line in gathered)


def _execution_mark(mark: ExecutionMark, starts: Ints, last: Ints) -> ExecutionMark:
    """The account's mark over the fine bars that are there, as sure as the least sure of them."""
    state = np.maximum.reduceat(mark.state, starts)  # the codes ascend from exact to missing
    known = state != MARK_MISSING
    opened, high, low, close = (
        np.where(known, values, np.nan) for values in (
            mark.open[starts], np.maximum.reduceat(mark.high, starts),
            np.minimum.reduceat(mark.low, starts), mark.close[last]))
    return ExecutionMark(opened, high, low, close, state)


def _funding(funding: FundingSchedule, first: Ints) -> FundingSchedule:
    """The same settlements at the same prices, each in the bar over its fine bar."""
    return replace(funding, bar=np.searchsorted(first, funding.bar, side="right") - 1)
