"""Funding settlements on the bars' clock: which are due, which are known, at which price.

A settlement at ``s`` belongs to the bar that contains it, ``(t − Δ, t]``; one that falls into a gap
of the bars is due in the first bar after it. Whether a stamp is missing or not due is decided from
``interval_h`` of the funding rows: the hours a row's rate was paid for, ending at its stamp.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from deleverage.columns import (
    FUNDING_MISSING,
    FUNDING_SETTLED,
    ExecutionMark,
    Floats,
    FundingSchedule,
    Ints,
)
from deleverage.feeds.marks import PriceRows, close_at
from deleverage.feeds.tables import numbers
from deleverage.timestamps import HOUR, MINUTE, SECOND

# every venue shipped here settles every 8 h unless its rows say otherwise; used only to call the
# settlements of a market without any funding table missing
ASSUMED_INTERVAL = 8 * HOUR
JITTER = 10 * SECOND


def snapped(raw: Ints) -> Ints:
    """Stamps moved to the minute when within 10 s of it, else left."""
    minute = (raw + MINUTE // 2) // MINUTE * MINUTE
    return np.where(np.abs(raw - minute) <= JITTER, minute, raw)


def intervals(stamps: Ints) -> Floats:
    """Hours each row's rate was paid for, read from the rows' own distances.

    A distance longer than is usual both before and after it (lower median of five) is a hole, not
    an interval; a lasting change of interval is followed.
    """
    if len(stamps) < 2:
        return np.full(len(stamps), ASSUMED_INTERVAL / HOUR)
    gaps = np.diff(stamps).astype(float)
    if len(gaps) == 1:
        return np.repeat(gaps, 2) / HOUR
    padded = np.pad(gaps, 5, constant_values=np.nan)
    windows = np.sort(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
    middle = np.maximum(5 - np.isnan(windows).sum(axis=1) - 1, 0) // 2
    usual = windows[np.arange(len(windows)), middle]
    count = len(gaps)
    longest = np.fmax(usual[:count], usual[6:6 + count])  # the five before, the five after
    own = np.minimum(gaps, longest)
    return np.append(own[0], own) / HOUR


def missing_stamps(stamps: Ints, hours: Floats, start: int, end: int) -> Ints:
    """Settlements due in (start, end] that no row tells: before, between and after the rows."""
    steps = np.rint(hours * HOUR).astype(np.int64)
    if not len(stamps):
        return np.empty(0, np.int64)
    parts = [np.arange(stamps[0] - steps[0], start, -steps[0], dtype=np.int64)[::-1],
             np.arange(stamps[-1] + steps[-1], end + 1, steps[-1], dtype=np.int64)]
    times = np.rint(np.diff(stamps) / steps[1:]).astype(np.int64)
    for row in np.flatnonzero(times > 1) + 1:
        parts.append(stamps[row] - np.arange(1, times[row - 1], dtype=np.int64) * steps[row])
    due = np.sort(np.concatenate(parts))
    return due[(due > start) & (due <= end)]


def funding_schedule(bars: PriceRows, table: pa.Table | None, execution: ExecutionMark,
                     mark: PriceRows | None, index: Floats) -> FundingSchedule:
    """Every settlement due within the bars, with its rate (NaN: missing) and its prices.

    ``table=None`` means that funding is unknown: all settlements of an 8 h clock are missing. A
    table without rows states that none are due. The price is the close of the mark row closing at
    the stamp, else the execution mark, interior stamps by their share of the bar; the index price
    is that of the bar closing at the stamp (``index``: one close per bar), else NaN.
    """
    start, end = int(bars.close_ns[0]) - bars.step_ns, int(bars.close_ns[-1])
    if table is None:
        settle = np.empty(0, np.int64)
        rate = np.empty(0)
        first = (start // ASSUMED_INTERVAL + 1) * ASSUMED_INTERVAL
        missing = np.arange(first, end + 1, ASSUMED_INTERVAL, dtype=np.int64)
    else:
        settle, rate = numbers(table, "ts"), numbers(table, "rate")
        missing = missing_stamps(settle, numbers(table, "interval_h"), start, end)
        within = (settle > start) & (settle <= end)
        settle, rate = settle[within], rate[within]
    stamps = np.concatenate([settle, missing])
    order = np.argsort(stamps, kind="stable")
    stamps = stamps[order]
    rates = np.concatenate([rate, np.full(len(missing), np.nan)])[order]
    state = np.where(np.isnan(rates), FUNDING_MISSING, FUNDING_SETTLED).astype(np.uint8)
    bar = np.searchsorted(bars.close_ns, stamps, side="left")
    return FundingSchedule(stamps, bar, rates, _prices(bars, stamps, bar, execution, mark), state,
                           np.where(stamps == bars.close_ns[bar], index[bar], np.nan))


def _prices(bars: PriceRows, stamps: Ints, bar: Ints, execution: ExecutionMark,
            mark: PriceRows | None) -> Floats:
    opened = bars.close_ns[bar] - bars.step_ns
    share = np.clip((stamps - opened) / bars.step_ns, 0.0, 1.0)
    start, end = execution.open[bar], execution.close[bar]
    inside = np.where(stamps == bars.close_ns[bar], end, start + (end - start) * share)
    if mark is None:
        return inside
    exact = close_at(mark, stamps)
    return np.where(np.isnan(exact), inside, exact)


def funding_line(bars: PriceRows, table: pa.Table | None) -> Floats:
    """Rate settled in each bar (summed where a bar holds several), NaN where none is known.

    A row whose ``available_at`` lies after its settlement is shown only from then on.
    """
    line: NDArray[np.float64] = np.full(len(bars), np.nan)
    if table is None:
        return line
    known = np.maximum(numbers(table, "ts"), numbers(table, "available_at"))
    rate = numbers(table, "rate")
    start = bars.close_ns[0] - bars.step_ns
    within = (known > start) & (known <= bars.close_ns[-1])
    bar = np.searchsorted(bars.close_ns, known[within], side="left")
    line[bar] = 0.0
    np.add.at(line, bar, rate[within])
    return line
