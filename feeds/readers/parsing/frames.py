"""Tables out of CSV and Parquet files, some hundred thousand rows at a time.

Every frame knows its rows' numbers in the file, counted from 1 without the header, so that whatever
is wrong later can be named. Cells of a CSV stay text: what they mean is the reader's to say.
"""

from __future__ import annotations

import csv as text_csv
import difflib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from deleverage.columns import Ints
from deleverage.errors import DataError, MissingTable
from deleverage.feeds.archives import HEAD, opened
from deleverage.feeds.readers.parsing.streams import parquet_batches, parquet_names

BLOCK = 8 << 20  # bytes of a CSV taken at a time
_ROW = re.compile(r"Row #(\d+)")


@dataclass(frozen=True, slots=True)
class Frame:
    """Some rows of one file: its columns by the file's own names, and the rows' numbers."""

    table: pa.Table
    rows: Ints

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def kept(self, mask: Any) -> Frame:
        """Only the rows of ``mask``."""
        return Frame(self.table.filter(pa.array(mask)), self.rows[np.asarray(mask, np.bool_)])


def is_parquet(path: Path) -> bool:
    """Whether a file says of itself that it is Parquet."""
    with opened(path) as stream:
        return stream.read(4) == b"PAR1"


def frames(path: Path, columns: Sequence[str] | None = None, *, names: Sequence[str] | None = None,
           delimiter: str = ",", encoding: str = "utf8") -> Iterator[Frame]:
    """The rows of ``path``, Parquet or CSV by its first bytes; of a CSV all cells are text.

    ``columns`` are the only ones read (MissingTable where one is absent), ``names`` those of a CSV
    without header. Raises DataError for a row with too few or too many cells, for bytes that are no
    text in ``encoding``, for a damaged file.
    """
    if is_parquet(path):
        yield from _parquet(path, columns)
    else:
        yield from _csv(path, columns, names, delimiter, encoding)


def header(path: Path, delimiter: str = ",", encoding: str = "utf8") -> list[str]:
    """The cells of a CSV's first line, or the names of a Parquet file's columns."""
    if is_parquet(path):
        return _parquet_columns(path)
    with opened(path) as stream:
        first = stream.read(HEAD * 4)
    return cells(first, delimiter, encoding)


def cells(head: bytes, delimiter: str = ",", encoding: str = "utf8") -> list[str]:
    """The cells of the first line in ``head``, without quotes or byte-order mark."""
    line = head.split(b"\n", 1)[0].decode(encoding, "replace").removeprefix("\ufeff").strip("\r")
    if "\0" in line:
        return []
    try:
        return next(text_csv.reader(io.StringIO(line), delimiter=delimiter), [])
    except text_csv.Error:  # a carriage return inside, a cell without end
        return []


def need(path: Path, found: Sequence[str], wanted: Sequence[str]) -> None:
    """MissingTable for the first column of ``wanted`` that is not there, with its near miss."""
    twice = {name for name in wanted if list(found).count(name) > 1}
    if twice:
        raise DataError(f"{path}: column {min(twice)!r} is there twice")
    for name in wanted:
        if name not in found:
            near = difflib.get_close_matches(name, found, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise MissingTable(f"{path}: column {name!r} is missing{hint} (found: "
                               f"{', '.join(map(repr, found)) or 'none'})")


def _csv(path: Path, columns: Sequence[str] | None, names: Sequence[str] | None, delimiter: str,
         encoding: str) -> Iterator[Frame]:
    found = list(names) if names is not None else header(path, delimiter, encoding)
    need(path, found, columns or ())
    convert = csv.ConvertOptions(column_types=dict.fromkeys(found, pa.string()),
                                 include_columns=list(columns or ()), strings_can_be_null=False)
    read = csv.ReadOptions(use_threads=False, block_size=BLOCK, encoding=encoding,
                           column_names=list(names) if names is not None else None)
    above = 0 if names is not None else 1
    done = 0
    with opened(path) as stream:
        try:
            for batch in csv.open_csv(stream, read_options=read, convert_options=convert,
                                      parse_options=csv.ParseOptions(delimiter=delimiter)):
                yield Frame(pa.Table.from_batches([batch]), _numbers(done, batch.num_rows))
                done += batch.num_rows
        except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeError) as error:
            raise DataError(f"{path}: {_said(error, above)}") from None
    if not done:
        raise DataError(f"{path}: no rows")


def _said(error: Exception, above: int) -> str:
    """Arrow's complaint with the row counted as everywhere else: without the header."""
    text = str(error).splitlines()[0]
    if "Empty CSV" in text:
        return "no rows"
    return _ROW.sub(lambda found: f"row {int(found[1]) - above}", text)


def _parquet(path: Path, columns: Sequence[str] | None) -> Iterator[Frame]:
    found = _parquet_columns(path)
    need(path, found, columns or ())
    done = 0
    for batch, rows in parquet_batches(path, columns or found):
        yield Frame(pa.Table.from_batches([batch]), rows)
        done += batch.num_rows
    if not done:
        raise DataError(f"{path}: no rows")


def _parquet_columns(path: Path) -> list[str]:
    found = list(parquet_names(path))
    if not found:
        raise DataError(f"{path}: not a whole Parquet file")
    return found


def _numbers(done: int, count: int) -> Ints:
    return np.arange(done + 1, done + count + 1, dtype=np.int64)
