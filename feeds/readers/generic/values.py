"""Numbers, times of knowledge and coins of a generic file's rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deleverage.columns import Floats, Ints
from deleverage.feeds.readers.generic.column_map import ColumnMap
from deleverage.feeds.readers.generic.frames import Chosen
from deleverage.feeds.readers.parsing.stamps import times
from deleverage.feeds.readers.parsing.values import floats
from deleverage.feeds.readers.protocol import Log


def number(rows: Chosen, mapped: ColumnMap, key: str, path: Path, *, empty: bool = False) -> Floats:
    """The column mapped to ``key`` as numbers, NaN where the map has none."""
    if key not in mapped.columns:
        return np.full(len(rows.frame), np.nan)
    name = mapped.columns[key]
    return floats(rows.frame.table.column(name), path, name, rows.frame.rows, empty=empty)


def available(rows: Chosen, mapped: ColumnMap, path: Path, known: Ints, log: Log) -> Ints:
    """When rows that could be known at ``known`` were: that and the delay, or their own column."""
    time = mapped.time
    if time.available is None:
        return known + time.delay_ns
    stamps = times(rows.frame.table.column(time.available), path, time.available, rows.frame.rows,
                   time.unit, time.format, time.zone_ns)
    early = stamps < known
    if early.any():
        log.note(f"{path.name}: {time.available} lies before the event in some rows (a recorder's "
                 "clock): taken as known at the event")
    return np.maximum(stamps, known)


def coins(rows: Chosen, mapped: ColumnMap, amount: Floats, price: Floats, path: Path,
          log: Log) -> Floats:
    """Amounts as coins: by the unit and contract size of each row's venue; NaN where unknown."""
    result = np.full(len(amount), np.nan)
    for at, one in enumerate(rows.contracts):
        own = rows.which == at
        if not own.any():
            continue
        unit = mapped.unit(one.venue) or "coin"
        if unit == "usd":
            result[own] = amount[own] / price[own]
            continue
        size = 1.0 if unit == "coin" else mapped.contract_size(one.venue)
        if size is None:
            log.note(f"{path.name}: contracts of {one.symbol} have no contract_size in the map: "
                     "their coins are unknown")
            continue
        result[own] = amount[own] * size
    return result
