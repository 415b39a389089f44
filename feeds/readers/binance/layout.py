"""Binance's archive as CSV: known headers or none, typed columns, faults named by row and field.

Futures files have no header up to about May 2022 and one since, spot files had none for years: a
first cell that is a number (or a date) is a row, anything else must be the known header.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from deleverage.columns import Ints
from deleverage.errors import DataError, MissingTable
from deleverage.feeds.archives import opened
from deleverage.feeds.readers.parsing.values import refuse

BLOCK = 8 << 20  # bytes of text at a time
WHOLE_LIMIT = 256 << 20  # bytes of text of a file that is read in one piece
TIME = pa.timestamp("s")
_NULLS = ["", "None", "null", "NaN", "nan"]
_WORDS = {pa.int64(): "is not a whole number", pa.float64(): "is not a number",
          TIME: "is not a time like 2026-01-31 00:05:00"}


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of one type of file in their order; ``kinds`` types those that are read."""

    columns: tuple[str, ...]
    kinds: Mapping[str, Any]
    empty: frozenset[str] = frozenset()  # cells that may be empty
    headed: bool = True  # whether a file may have a header


def cells_of(line: bytes) -> list[str]:
    """The cells of one line of text, unquoted."""
    text = line.decode("utf-8-sig", "replace").rstrip("\r\n")
    return [cell.strip().strip('"') for cell in text.split(",")]


def is_row(cells: list[str]) -> bool:
    """Whether the cells are a row: they begin with a number or with a date."""
    return digits(cells[0]) or (digits(cells[0][:4]) and cells[0][4:5] == "-")


def digits(cell: str) -> bool:
    """Whether a cell is a whole number without a sign."""
    return cell.isascii() and cell.isdigit()


def streamed(path: Path, layout: Layout) -> Iterator[tuple[pa.Table, Ints]]:
    """The rows of ``path`` block by block, with their numbers from 1 without the header.

    Raises DataError for an unknown header, a torn row, a value that is none; for a file without
    rows as well.
    """
    row = 0
    with opened(path) as stream:
        skip = _header(path, _first(stream), layout)
        try:
            for batch in csv.open_csv(stream, *_options(layout, skip)):
                table = pa.Table.from_batches([batch])
                rows = np.arange(row + 1, row + 1 + table.num_rows, dtype=np.int64)
                row += table.num_rows
                yield _filled(path, table, layout, rows), rows
        except pa.ArrowInvalid as error:
            raise _fault(path, layout, error) from None
    if not row:
        raise DataError(f"{path}: no rows")


def whole(path: Path, layout: Layout) -> tuple[pa.Table, Ints]:
    """All rows of a short file at once, with their numbers; it may have none under its header.

    A last line without its end is refused: what is left of a number is another number.
    """
    with opened(path) as stream:
        data = stream.read(WHOLE_LIMIT + 1)
    if len(data) > WHOLE_LIMIT:
        raise DataError(f"{path}: more than {WHOLE_LIMIT >> 20} MiB of rows")
    skip = _header(path, data[:data.find(b"\n") + 1] or data, layout)
    if not data.endswith(b"\n"):
        raise DataError(f"{path}: row {len(data.splitlines()) - skip}: the line has no end, the "
                        "file is cut off")
    if skip and data.count(b"\n") == 1:
        return pa.table({name: pa.array([], kind) for name, kind in layout.kinds.items()}), \
            np.empty(0, np.int64)
    read, parse, convert = _options(layout, skip)
    read.use_threads = False
    try:
        table = csv.read_csv(pa.BufferReader(data), read, parse, convert)
    except pa.ArrowInvalid as error:
        raise _fault(path, layout, error) from None
    rows = np.arange(1, table.num_rows + 1, dtype=np.int64)
    return _filled(path, table, layout, rows), rows


def _first(stream: IO[bytes]) -> bytes:
    """The first line of what is left in the stream, which it does not move."""
    start: bytes = stream.peek(1 << 12)  # type: ignore[attr-defined]  # opened() gives buffers
    return start[:start.find(b"\n") + 1] or start


def _header(path: Path, line: bytes, layout: Layout) -> int:
    """How many lines of header there are."""
    cells = cells_of(line)
    if is_row(cells) or not layout.headed:
        return 0
    if tuple(cells) == layout.columns:
        return 1
    missing = [name for name in layout.columns if name not in cells]
    if missing and len(missing) < len(layout.columns):
        raise MissingTable(f"{path}: column {missing[0]!r} is missing (found: "
                           f"{', '.join(cells)[:200]})")
    raise DataError(f"{path}: unknown header {', '.join(cells)[:200]!r} (expected "
                    f"{','.join(layout.columns)})")


def _options(layout: Layout, skip: int) -> tuple[Any, Any, Any]:
    return (csv.ReadOptions(column_names=layout.columns, skip_rows=skip, block_size=BLOCK),
            csv.ParseOptions(),
            csv.ConvertOptions(column_types=dict(layout.kinds),
                               include_columns=list(layout.kinds), null_values=_NULLS,
                               strings_can_be_null=True,
                               timestamp_parsers=[csv.ISO8601]))


def _filled(path: Path, table: pa.Table, layout: Layout, rows: Ints) -> pa.Table:
    """``table`` if no cell is empty that must not be."""
    for name in layout.kinds:
        column = table.column(name)
        if column.null_count and name not in layout.empty:
            refuse(path, column.is_null().to_numpy(), name, "is empty", None, rows)
    return table


def _fault(path: Path, layout: Layout, error: Exception) -> DataError:
    """The first row that cannot be read, found by reading it once more, line by line."""
    with opened(path) as stream:
        skip = _header(path, _first(stream), layout)
        row = -skip
        for line in stream:
            if not line.strip():
                continue
            row += 1
            if row < 1:
                continue
            cells = cells_of(line)
            if len(cells) != len(layout.columns):
                return DataError(f"{path}: row {row}, expected {len(layout.columns)} fields, "
                                 f"found {len(cells)}")
            for name, kind in layout.kinds.items():
                cell = cells[layout.columns.index(name)]
                if not _fits(cell, kind):
                    return DataError(f"{path}: row {row}, {name} {_WORDS[kind]}, found {cell!r}")
    return DataError(f"{path}: {str(error).splitlines()[0]}")


def _fits(cell: str, kind: Any) -> bool:
    """Whether a cell can be of its kind; an empty one is judged elsewhere."""
    if cell in _NULLS or kind not in _WORDS:
        return True
    if not cell.isascii() or "_" in cell:  # Python reads 24_00 and other scripts' digits
        return False
    with suppress(ValueError):
        if kind == TIME:
            datetime.strptime(cell, "%Y-%m-%d %H:%M:%S")
        elif kind == pa.int64():
            return -2**63 <= int(cell) < 2**63
        else:
            float(cell)
        return True
    return False
