"""Rows of context (on-chain activity, whale balances …) by a column map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from deleverage.feeds.readers.generic.column_map import ColumnMap
from deleverage.feeds.readers.generic.frames import Chosen
from deleverage.feeds.readers.parsing.stamps import times
from deleverage.feeds.readers.parsing.values import coded, floats
from deleverage.feeds.readers.protocol import Log, Piece


def piece(rows: Chosen, mapped: ColumnMap, path: Path, log: Log) -> Piece:
    """One row per metric and date; empty values are left out and counted.

    ``date`` is the start of what a value stands for; it is known at its end, plus the delay.
    """
    time, count = mapped.time, len(rows.frame)
    date = time.start(rows.stamps)
    known = date + (time.step_ns or 0) + time.delay_ns
    if time.available is not None:
        known = np.maximum(known, times(rows.frame.table.column(time.available), path,
                                        time.available, rows.frame.rows, time.unit, time.format,
                                        time.zone_ns))
    wide = [(name, column, unit) for name, (column, unit) in mapped.metrics.items()]
    if not wide:
        wide = [("", mapped.columns["value"], "")]
    parts = []
    for name, column, unit in wide:
        value = floats(rows.frame.table.column(column), path, column, rows.frame.rows, empty=True)
        there = ~np.isnan(value)
        log.drop(f"{column} is empty", int((~there).sum()))
        parts.append(pa.table({
            "date": date[there], "available_at": known[there], "value": value[there],
            "metric": _text(rows, mapped, "metric", name, there),
            "unit": _text(rows, mapped, "unit", unit, there),
            "source": coded(mapped.source or mapped.provider or path.name, int(there.sum())),
            "source_row": rows.frame.rows[there]}))
    return Piece("context", pa.concat_tables(parts, promote_options="permissive")
                 if count else parts[0])


def _text(rows: Chosen, mapped: ColumnMap, key: str, fixed: str, there: Any) -> Any:
    if fixed or key not in mapped.columns:
        return coded(fixed, int(there.sum()))
    text = rows.frame.table.column(mapped.columns[key]).combine_chunks().cast(pa.string())
    return text.filter(pa.array(there)).dictionary_encode()
