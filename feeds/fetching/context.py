"""Funding of other venues as rows of context, out of the files that were fetched."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deleverage.feeds import readers
from deleverage.feeds.fetching.plan import Item
from deleverage.feeds.fetching.store import Store
from deleverage.feeds.intervals import intervals
from deleverage.feeds.readers.protocol import FileReader, Log, Request
from deleverage.feeds.tables import numbers
from deleverage.timestamps import to_datetime

FILE = "context/funding.csv"
COLUMNS = ("date", "available_at", "metric", "value", "unit", "source")  # of source context-csv


def written(store: Store, items: Sequence[Item]) -> Path:
    """The file of context rows that holds the funding in ``items``, venue by venue."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for source in dict.fromkeys(item.source for item in items):
        reader = readers.get(source)
        assert isinstance(reader, FileReader)
        rows: dict[int, tuple[int, float, float]] = {}
        for item in items:
            if item.source == source:
                for piece in reader.pieces(store.path(item.path), Request(), Log()):
                    table = piece.rows
                    rows.update(zip(numbers(table, "ts").tolist(), zip(
                        numbers(table, "available_at").tolist(), numbers(table, "rate").tolist(),
                        numbers(table, "interval_h").tolist(), strict=True), strict=True))
        symbol = next(str(item.asks["symbol"]) for item in items if item.source == source)
        stamps = np.array(sorted(rows), np.int64)
        own = intervals(stamps)
        for stamp, apart in zip(stamps.tolist(), own.tolist(), strict=True):
            known, rate, told = rows[stamp]
            hours = apart if np.isnan(told) else told
            unit = "fraction" if np.isnan(hours) else f"fraction per {hours:g}h"
            writer.writerow((_shown(stamp), _shown(known), f"funding_rate {source} {symbol}",
                             repr(rate), unit, reader.provider))
    return store.write(FILE, text.getvalue().encode(), "")


def _shown(stamp: int) -> str:
    return to_datetime(stamp).isoformat(timespec="milliseconds") + "Z"
