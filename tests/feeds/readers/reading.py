"""One file through one reader, as the tests of readers want it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from deleverage.feeds.archives import head
from deleverage.feeds.readers.protocol import FileReader, Log, Piece, Request
from deleverage.feeds.tables import SCHEMAS


def read(reader: FileReader, path: Path, **asked: Any) -> tuple[list[Piece], Log]:
    """All pieces of a file and what was said; each has its table's columns and row numbers."""
    log = Log()
    toml = asked.pop("toml", None)
    if toml is not None:
        asked["columns"] = tomllib.loads(toml)
    pieces = list(reader.pieces(path, Request(**asked), log))
    for piece in pieces:
        missing = set(SCHEMAS[piece.table].columns) - set(piece.rows.column_names)
        assert missing <= {"provider"}, (piece.table, missing)
        assert piece.rows.column("source_row").type == pa.int64()
        if "available_at" in piece.rows.column_names and piece.table != "context":
            clock = SCHEMAS[piece.table].clock
            assert (array(piece.rows, "available_at") >= array(piece.rows, clock)).all()
    return pieces, log


def rows(pieces: list[Piece]) -> pa.Table:
    """All rows of one table."""
    assert len({piece.table for piece in pieces}) == 1
    return pa.concat_tables([piece.rows for piece in pieces], promote_options="permissive")


def array(table: pa.Table, name: str) -> Any:
    """A column as an array (texts as objects)."""
    return np.asarray(table.column(name).to_numpy(zero_copy_only=False))


def first(table: pa.Table, *names: str) -> tuple[Any, ...]:
    """Fields of the first row."""
    return tuple(table.column(name)[0].as_py() for name in names)


def known(reader: FileReader, path: Path) -> str | None:
    """What the reader says a file is."""
    return reader.kind(path, head(path))


def written(folder: Path, name: str, text: str | bytes) -> Path:
    """A file with this text."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def csv_text(columns: Mapping[str, list[Any]]) -> str:
    """Columns as the text of a CSV with header."""
    lines = [",".join(columns)]
    lines += [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    return "\n".join(lines) + "\n"
