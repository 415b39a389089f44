"""What a strategy learns later than it happened: lines that others publish, some bars behind.

A venue's own price stream (last, mark, index, the funding rate of a settlement) is there at once;
open interest and liquidations come through reports and vendors. ``available_at`` of the rows says
when a row was known; this adds a delay on top, in bars, to see what an edge owes to being first.
"""

from __future__ import annotations

import operator
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from deleverage.columns import Floats, MarketColumns
from deleverage.errors import UsageError


def latency(value: Any) -> int:
    """``value`` as a publication latency: a whole number of bars ≥ 0, else UsageError."""
    try:
        bars = operator.index(value)
    except TypeError:
        bars = -1
    if bars < 0 or isinstance(value, bool):
        raise UsageError(f"publication_latency is a whole number of bars ≥ 0, found {value!r}")
    return bars


def published(name: str) -> bool:
    """Whether line ``name`` reaches a strategy through a publication: open interest and all that
    counts liquidations."""
    return name == "openinterest" or "liquidation" in name


def delayed(columns: MarketColumns, bars: int) -> MarketColumns:
    """``columns`` with every published line ``bars`` bars later, NaN before its first value came.

    Prices, mark, index, funding, the account's execution mark and the finer bars it walks are
    untouched. Raises UsageError for anything but a whole number of bars ≥ 0.
    """
    bars = latency(bars)
    if not bars:
        return columns
    lines = {name: _later(line, bars) if published(name) else line
             for name, line in columns.lines.items()}
    return replace(columns, lines=MappingProxyType(lines))


def _later(line: Floats, bars: int) -> Floats:
    result = np.full(len(line), np.nan)
    result[bars:] = line[:max(len(line) - bars, 0)]
    return result
