"""Bars of liquidations: what fell in a span of time, by side.

Such a bar becomes two rows, one per side, quiet ones (0) included: a bar that is absent is a gap.
Both stand 1 ns before the bar's END, so that they lie inside it, and are available from its end on:
nobody knew the sum before. Single orders are not in there: price and, where the file gives only
USD, the amount of coins are NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from deleverage.columns import Floats, Ints
from deleverage.errors import UsageError
from deleverage.feeds.readers.parsing.values import liquidation_rows, refuse
from deleverage.feeds.readers.protocol import Log
from deleverage.timestamps import parse_step, show_step

_RUN = 5  # so many distances alike are a step of their own, not a row of holes
REPEATED = "bars that the file has again further down"
OPEN_BAR = "the newest bar, still open when the file was written"


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of one series: their starts, what was liquidated in each, and their rows' numbers."""

    start_ns: Ints
    rows: Ints
    long_usd: Floats
    short_usd: Floats
    long_qty: Floats | None = None
    short_qty: Floats | None = None

    def kept(self, mask: NDArray[np.bool_]) -> Bars:
        """Only the bars of ``mask``."""
        def cut(values: Floats | None) -> Floats | None:
            return None if values is None else values[mask]

        return Bars(self.start_ns[mask], self.rows[mask], self.long_usd[mask],
                    self.short_usd[mask], cut(self.long_qty), cut(self.short_qty))


def step_of(starts: Ints, path: Path, rows: Ints, asked: str | None = None) -> int:
    """The step of bars that start at ``starts`` (in any order), held against all of them.

    Without ``asked`` it is the smallest distance. UsageError where one bar alone tells none,
    DataError where the rows are of another step than asked, or of two steps one after the other.
    """
    order = np.argsort(starts, kind="stable")
    ordered, numbers = starts[order], rows[order]
    gaps = np.diff(ordered)
    gaps = gaps[gaps > 0]
    if asked is None and not len(gaps):
        raise UsageError(f"{path}: one bar tells no step; say it with --timeframe")
    step = parse_step(asked) if asked is not None else int(gaps.min())
    check_step(ordered, numbers, step, path)
    if asked is None and 2 * int((gaps == step).sum()) <= len(gaps):
        odd = np.append(False, np.diff(ordered) == step)
        refuse(path, odd, "time", f"is {show_step(step)} after the bar before it, most others are "
               "not: the step cannot be told (--timeframe says it)", None, numbers)
    return step


def check_step(ordered: Ints, numbers: Ints, step: int, path: Path,
               kept: NDArray[np.bool_] | None = None) -> None:
    """Refuse bars that are not ``step`` apart or lie off its grid; single holes may be there.

    Where several distances in a row are alike and longer, bars of another length are meant: a
    day's sum must not pass as that of four hours. Only bars of ``kept`` are refused.
    """
    if not len(ordered):
        return
    kept = np.ones(len(ordered), np.bool_) if kept is None else kept
    gaps = np.diff(ordered)
    off = np.append(False, (gaps % step != 0) & kept[1:] & kept[:-1])
    if off.any():
        refuse(path, off, "time", f"is {show_step(int(gaps[int(np.argmax(off)) - 1]))} after the "
               f"bar before it, where bars are {show_step(step)}", None, numbers)
    lengths = np.where(kept, _other_lengths(gaps, step), 0)
    if lengths.any():
        length = int(lengths[int(np.argmax(lengths > 0))])
        refuse(path, lengths > 0, "time", f"begins a bar of {show_step(length)}, where bars are "
               f"{show_step(step)}", None, numbers)


def _other_lengths(gaps: Ints, step: int) -> Ints:
    """Per bar its length where its neighbours say that it is no bar of ``step``, else 0.

    In a run of equal longer distances every bar is as long as the distance that follows it; so is
    the one that ends the run, unless a bar of ``step`` follows at once.
    """
    lengths = np.zeros(len(gaps) + 1, np.int64)
    if not len(gaps):
        return lengths
    starts = np.flatnonzero(np.append(True, gaps[1:] != gaps[:-1]))
    ends = np.append(starts[1:], len(gaps))
    for start, end in zip(starts, ends, strict=True):
        if gaps[start] > step and end - start >= _RUN:
            closed = end < len(gaps) and gaps[end] == step
            lengths[start:end + (not closed)] = gaps[start]
    return lengths


def repeated(starts: Ints) -> NDArray[np.bool_]:
    """Bars that start when a later row of the file does: revised there, counted twice otherwise."""
    last = len(starts) - 1 - np.unique(starts[::-1], return_index=True)[1]
    found = np.ones(len(starts), np.bool_)
    found[last] = False
    return found


def settled(bars: Bars, log: Log) -> Bars:
    """``bars`` as far as they were closed and not written again further down."""
    again = repeated(bars.start_ns)
    log.drop(REPEATED, int(again.sum()))
    return without_newest(bars.kept(~again), log)


def without_newest(bars: Bars, log: Log) -> Bars:
    """``bars`` without the newest one, which was open when the file was written."""
    if not len(bars.start_ns):
        return bars
    closed = bars.start_ns < bars.start_ns.max()
    log.drop(OPEN_BAR, int((~closed).sum()))
    return bars.kept(closed)


def bar_rows(bars: Bars, step: int, path: Path, names: Mapping[str, Any],
             delay: int = 0) -> pa.Table:
    """Two canonical rows of ``liquidations`` per bar, long before short.

    ``names``: venue, symbol, base. Refuses a sum below zero.
    """
    count = len(bars.start_ns)
    hollow = np.full(count, np.nan)
    pairs = {"long": (bars.long_usd, bars.long_qty), "short": (bars.short_usd, bars.short_qty)}
    for side, values in pairs.items():
        for value in values:
            if value is not None and (value < 0).any():
                refuse(path, value < 0, f"{side} liquidations", "must be ≥ 0", value, bars.rows)
    end = np.repeat(bars.start_ns + step, 2)
    texts = {name: value if isinstance(value, str) else np.repeat(value, 2)
             for name, value in names.items()}

    def woven(first: Floats | None, second: Floats | None) -> Floats:
        return np.stack([hollow if first is None else first,
                         hollow if second is None else second], axis=1).ravel()

    return liquidation_rows({
        "ts": end - 1, "available_at": end + delay, **texts,
        "qty_base": woven(bars.long_qty, bars.short_qty), "price": np.full(2 * count, np.nan),
        "price_basis": "none", "notional_usd": woven(bars.long_usd, bars.short_usd),
        "completeness": "aggregate", "source_row": np.repeat(bars.rows, 2),
        "is_long": np.tile([True, False], count),
    }, 2 * count)
