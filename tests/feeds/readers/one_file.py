"""One file through one reader: its rows as dictionaries, and what was said about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from deleverage.feeds.archives import head
from deleverage.feeds.readers.protocol import FileReader, Log, Piece, Request
from deleverage.feeds.tables import SCHEMAS

MS = 1_000_000  # nanoseconds


@dataclass
class Read:
    """What a reader made of a file."""

    kind: str | None
    log: Log
    pieces: list[Piece] = field(default_factory=list)

    def rows(self, table: str, symbol: str | None = None) -> list[dict[str, Any]]:
        """The rows of one table, of one contract where ``symbol`` is given."""
        return [row for piece in self.pieces if piece.table == table
                and (symbol is None or (piece.contract is not None
                     and piece.contract.symbol == symbol))
                for row in piece.rows.to_pylist()]

    def column(self, table: str, name: str) -> list[Any]:
        """One column of the rows of one table."""
        return [row[name] for row in self.rows(table)]

    @property
    def said(self) -> str:
        """All notes and drops as one text."""
        return " | ".join([*self.log.notes, *(f"{count} {reason}" for reason, count in
                                              self.log.dropped.items())])


def read(reader: FileReader, path: Path, **asked: Any) -> Read:
    """``path`` as its reader reads it; each piece has the columns of its table."""
    found = Read(reader.kind(path, head(path)), Log())
    for piece in reader.pieces(path, Request(**asked), found.log):
        missing = set(SCHEMAS[piece.table].columns) - set(piece.rows.column_names) - {"provider"}
        assert not missing, (piece.table, missing)
        assert piece.rows.schema.field("source_row").type == pa.int64()
        assert (piece.contract is None) == (piece.table == "liquidations")
        found.pieces.append(piece)
    return found


def written(path: Path, data: str | bytes) -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path
