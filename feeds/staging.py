"""Files read one by one, their rows kept on disk until the dataset is put together.

What was read before an import was stopped is there when it is run again: a file's rows are kept
under a name made of its content, its reader and what was asked for. Rows are Arrow streams, mapped
into memory, not loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from deleverage.errors import DataError
from deleverage.feeds.readers.names import Contract
from deleverage.feeds.readers.protocol import FileReader, Log, Piece, Request, provider_of
from deleverage.feeds.tables import SCHEMAS, check_rows, numbers
from deleverage.market import Coverage

_DONE = "done.json"


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one table that one file gave. ``first`` and ``last`` bound their clock (ns)."""

    table: str
    contract: Contract | None
    step_ns: int | None
    file: Path
    count: int
    first: int
    last: int
    source: str

    def rows(self) -> pa.Table:
        """The rows, mapped from disk, one dictionary for each column of texts."""
        with pa.memory_map(str(self.file)) as mapped, pa.ipc.open_stream(mapped) as stream:
            return stream.read_all().unify_dictionaries()


@dataclass(frozen=True, slots=True)
class Staged:
    """One file as read: its parts and what its reader said about it."""

    name: str
    sha256: str
    kind: str
    provider: str
    parts: tuple[Part, ...]
    log: Log


def stage(folder: Path, reader: FileReader, path: Path, kind: str, request: Request) -> Staged:
    """``path`` read into ``folder``, or what an earlier import has read of it.

    Raises what the reader raises; then nothing of this file is kept.
    """
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    asked = {name: value for name, value in asdict(_plain(request)).items() if value is not None}
    key = json.dumps([reader.name, reader.version, digest, kind, path.parts[-6:], asked],
                     sort_keys=True, default=str)
    place = folder / hashlib.sha256(key.encode()).hexdigest()[:32]
    if not (place / _DONE).is_file():
        draft = place.with_name(place.name + ".draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        try:
            _write(draft, reader, path, request)
            os.replace(draft, place)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    return _known(place, provider_of(reader, request), path, kind, digest)


def _plain(request: Request) -> Request:
    return Request(request.symbol, request.venue, request.timeframe,
                   contract_size=request.contract_size, side=request.side,
                   allow_bad_checksum=request.allow_bad_checksum, columns=request.columns,
                   progress=None)  # type: ignore[arg-type]  # no part of what is read


class _Stream:
    """One growing Arrow stream: all pieces of one table, contract and step."""

    def __init__(self, file: Path, piece: Piece) -> None:
        self.file, self.schema = file, piece.rows.schema
        self.about = {"table": piece.table, "step_ns": piece.step_ns,
                      "contract": asdict(piece.contract) if piece.contract else None}
        self.sink = pa.OSFile(str(file), "wb")
        self.writer = pa.ipc.new_stream(self.sink, self.schema)
        self.count, self.first, self.last = 0, 2**63 - 1, -2**63

    def add(self, path: Path, rows: pa.Table) -> None:
        name = str(self.about["table"])
        clock = numbers(rows, SCHEMAS[name].clock)
        if not len(clock):
            return
        check_rows(name, rows, str(path))
        if rows.schema != self.schema:
            rows = rows.select(self.schema.names).cast(self.schema)
        self.writer.write_table(rows)
        self.count += len(clock)
        self.first = min(self.first, int(clock.min()))
        self.last = max(self.last, int(clock.max()))

    def close(self) -> dict[str, Any]:
        self.writer.close()
        self.sink.close()
        return {**self.about, "file": self.file.name, "count": self.count, "first": self.first,
                "last": self.last}


def _write(draft: Path, reader: FileReader, path: Path, request: Request) -> None:
    log, streams = Log(), dict[Any, _Stream]()
    try:
        for piece in reader.pieces(path, request, log):
            if piece.table not in SCHEMAS:
                raise DataError(f"{path}: reader {reader.name} gave a table {piece.table!r}")
            key = (piece.table, piece.contract, piece.step_ns)
            if key not in streams:
                streams[key] = _Stream(draft / f"{len(streams)}.arrow", piece)
            streams[key].add(path, piece.rows)
    finally:
        parts = [stream.close() for stream in streams.values()]
    done = {"parts": [part for part in parts if part["count"]], "notes": log.notes,
            "dropped": log.dropped, "coverage": [asdict(cover) for cover in log.coverage]}
    (draft / _DONE).write_text(json.dumps(done))


def _known(place: Path, provider: str, path: Path, kind: str, digest: str) -> Staged:
    done: Mapping[str, Any] = json.loads((place / _DONE).read_text())
    parts = tuple(
        Part(each["table"], Contract(**each["contract"]) if each["contract"] else None,
             each["step_ns"], place / each["file"], each["count"], each["first"], each["last"],
             path.name)
        for each in done["parts"])
    log = Log(done["notes"], done["dropped"], [Coverage(**each) for each in done["coverage"]])
    return Staged(path.name, digest, kind, provider, parts, log)
