"""Vendors' files as streams of typed rows: CSV in blocks, Parquet in batches.

Every row keeps its number in the file, counted from 1 (of CSV without the header), and what cannot
be read is a DataError that names it. Nothing here knows a vendor. CSV whose cells mean what a
reader makes of them is in :mod:`deleverage.feeds.readers.parsing.frames`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from deleverage.columns import Ints
from deleverage.errors import DataError, MissingTable
from deleverage.feeds.archives import head, opened, packing
from deleverage.feeds.readers.protocol import Log, existing

BLOCK = 8 << 20  # bytes of CSV at a time
BATCH = 1 << 17  # rows of Parquet at a time
WRAPPED = 1 << 30  # bytes of Parquet inside an archive, which must be unpacked to be read
_ABSENT = ["", "null", "None", "NaN", "nan"]
_ROW = re.compile(r"Row #(\d+)")
_COLUMN = re.compile(r"CSV column #(\d+)")


class _Ended(io.RawIOBase):
    """A stream that remembers whether its last line was ended."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.last = stream, b"\n"

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        if data:
            self.last = data[-1:]
        buffer[:len(data)] = data
        return len(data)


def csv_batches(path: Path, kinds: Mapping[str, Any],
                log: Log) -> Iterator[tuple[pa.RecordBatch, Ints]]:
    """The named columns of a CSV with a header, block by block, with the rows' numbers.

    An empty cell is null. The last row is dropped where its line has no end: it may be cut in the
    middle of a number. A file without a byte (an archive's empty day) has no rows.
    """
    done, held = 0, None
    with opened(path) as stream:
        ended = _Ended(stream)
        for batch in _parsed(path, ended, kinds):
            if held is not None and held.num_rows:
                yield held, np.arange(done + 1, done + held.num_rows + 1)
                done += held.num_rows
            held = batch
        if held is not None and held.num_rows and ended.last not in b"\r\n":
            log.drop("the last line has no end, it may be cut")
            held = held.slice(0, held.num_rows - 1)
    if held is not None and held.num_rows:
        yield held, np.arange(done + 1, done + held.num_rows + 1)


def _parsed(path: Path, stream: Any, kinds: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
    names = list(kinds)
    try:
        # one thread: only then does Arrow name the row of a fault
        yield from csv.open_csv(
            pa.PythonFile(stream, mode="r"),
            read_options=csv.ReadOptions(block_size=BLOCK, use_threads=False),
            convert_options=csv.ConvertOptions(
                column_types=dict(kinds), include_columns=names, null_values=_ABSENT,
                strings_can_be_null=True))
    except KeyError as error:
        raise MissingTable(f"{path}: {str(error.args[0]).splitlines()[0]}") from None
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        text = str(error).splitlines()[0] if str(error) else "not a CSV"
        if "Empty CSV file" not in text:
            raise _fault(path, text) from None


def _fault(path: Path, text: str) -> DataError:
    """Arrow's words about a CSV, as file, row and field."""
    row, at = _ROW.search(text), _COLUMN.search(text)
    if row is None:
        return DataError(f"{path}: not a CSV that can be read: {text[:200]}")
    told = text.rsplit(f"{row[0]}: ", 1)[-1][:200]
    names = head(path).split(b"\n", 1)[0].decode("utf-8", "replace").strip().split(",")
    field = f", {names[int(at[1])]}" if at is not None and int(at[1]) < len(names) else ""
    return DataError(f"{path}: row {max(int(row[1]) - 1, 0)}{field}: {told}")


def parquet_names(path: Path) -> tuple[str, ...]:
    """The columns of a Parquet file, plain or packed; none where it is no Parquet file."""
    try:
        with _parquet(path) as file:
            return tuple(file.schema_arrow.names)
    except (DataError, pa.ArrowException, OSError, ValueError):
        return ()


def parquet_batches(path: Path, names: Sequence[str],
                    texts: Sequence[str] = ()) -> Iterator[tuple[pa.RecordBatch, Ints]]:
    """The named columns of a Parquet file, batch by batch; ``texts`` come as dictionaries."""
    done = 0
    try:
        with _parquet(path, texts) as file:
            found = file.schema_arrow.names
            for name in names:
                if name not in found:
                    raise MissingTable(f"{path}: column {name!r} is missing (found: "
                                       f"{', '.join(found)})")
            for batch in file.iter_batches(BATCH, columns=list(names), use_threads=False):
                batch.validate(full=True)  # a damaged page may hold indices of no text
                yield batch, np.arange(done + 1, done + batch.num_rows + 1)
                done += batch.num_rows
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        text = (str(error).splitlines() or ["not a Parquet file"])[0]
        raise DataError(f"{path}: after row {done}: cut off or damaged: {text[:200]}") from None


def _parquet(path: Path, texts: Sequence[str] = ()) -> pq.ParquetFile:
    source: Any = str(existing(path))
    if packing(path) is not None:
        with opened(path) as stream:
            data = stream.read(WRAPPED + 1)
        if len(data) > WRAPPED:
            raise DataError(f"{path}: unfolds to more than {WRAPPED >> 20} MB of Parquet: unpack "
                            "it to a plain file")
        source = pa.BufferReader(data)
    return pq.ParquetFile(source, read_dictionary=list(texts), memory_map=False,
                          page_checksum_verification=True)
