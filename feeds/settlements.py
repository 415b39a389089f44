"""Funding settlements on the bars' clock: which are due, which are known, at which price.

A settlement at ``s`` belongs to the bar that contains it, ``(t − Δ, t]``; one that falls into a gap
of the bars is due in the first bar after it. Whether a stamp is missing or not due is decided from
``interval_h`` of the funding rows (:mod:`deleverage.feeds.intervals`).
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
from deleverage.feeds.intervals import EIGHT_HOURS, missing_stamps
from deleverage.feeds.marks import PriceRows, close_at
from deleverage.feeds.tables import numbers
from deleverage.timestamps import MINUTE, SECOND

JITTER = 10 * SECOND


def snapped(raw: Ints) -> Ints:
    """Stamps moved to the minute when within 10 s of it, else left."""
    minute = (raw + MINUTE // 2) // MINUTE * MINUTE
    return np.where(np.abs(raw - minute) <= JITTER, minute, raw)


def funding_schedule(bars: PriceRows, table: pa.Table | None, execution: ExecutionMark,
                     mark: PriceRows | None, index: Floats,
                     assumed: int = EIGHT_HOURS) -> FundingSchedule:
    """Every settlement due within the bars, with its rate (NaN: missing) and its prices.

    ``table=None`` means that funding is unknown: all settlements of the venue's clock (``assumed``,
    in ns) are missing. A table without rows states that none are due. The price is the close of the
    mark row closing at the stamp, else the execution mark, interior stamps by their share of the
    bar; the index price is that of the bar closing at the stamp (``index``: one close per bar),
    else NaN.
    """
    start, end = int(bars.close_ns[0]) - bars.step_ns, int(bars.close_ns[-1])
    if table is None:
        settle = np.empty(0, np.int64)
        rate = np.empty(0)
        missing = np.arange((start // assumed + 1) * assumed, end + 1, assumed, dtype=np.int64)
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
