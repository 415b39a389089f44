"""Context as CSV: ``date,available_at,metric,value,unit,source``, times in ISO 8601 (UTC).

``date`` is what a value stands for, ``available_at`` when it was known, never before. Any metric
may stand in it: what a strategy may look at and an account never reckons with.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from deleverage.feeds.readers.parsing.frames import cells, frames
from deleverage.feeds.readers.parsing.stamps import times
from deleverage.feeds.readers.parsing.values import floats, refuse
from deleverage.feeds.readers.protocol import Log, Piece, Request

COLUMNS = ("date", "available_at", "metric", "value", "unit", "source")


class ContextCsv:
    """Reader of a context CSV (see the module's text)."""

    name = "context-csv"
    about = "context as CSV: date, available_at, metric, value, unit, source"
    provider = "context CSV"
    gives: tuple[str, ...] = ("context",)
    version = 1

    def kind(self, path: Path, head: bytes) -> str | None:
        """By the header, which must be exactly this."""
        return "context CSV" if tuple(cells(head)) == COLUMNS else None

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        """All rows (see the FileReader protocol)."""
        for frame in frames(path, COLUMNS):
            column = frame.table.column
            stamps = {name: times(column(name), path, name, frame.rows) for name in COLUMNS[:2]}
            early = stamps["available_at"] < stamps["date"]
            if early.any():
                row = int(np.argmax(early))
                refuse(path, early, "available_at", "is before date",
                       str(column("available_at")[row].as_py()), frame.rows)
            texts = {name: column(name).cast(pa.string()).combine_chunks().dictionary_encode()
                     for name in ("metric", "unit", "source")}
            yield Piece("context", pa.table({
                **stamps, "value": floats(column("value"), path, "value", frame.rows), **texts,
                "source_row": frame.rows}))


READER = ContextCsv()
