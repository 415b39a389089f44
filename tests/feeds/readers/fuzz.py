"""Vendors' files spoilt on purpose, and what every reader owes to each.

``structure_aware(data)`` draws spoilt copies of a file: a column (or key) dropped, numbers × 1000,
times in another unit or another year, sides swapped, rows cut, repeated, reversed or lost, bytes
flipped, archives cut. A packed file (zip, gzip, zstd, lz4) is spoilt inside and outside.

``hold(reader, name, folder, mutant, whole)`` is the law: a reader either raises a DeleverageError
in one line that names the file, or hands over rows that are canonical, that are those of the whole
file but for the rows a mutation touched, and that together with the counted drops are as many as
the whole file has. A file that is no longer known (``kind`` says None) is no row at all.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deleverage.errors import DeleverageError, one_line
from deleverage.feeds.archives import head
from deleverage.feeds.readers.protocol import FileReader, Log, Piece, Request
from deleverage.feeds.tables import SCHEMAS, canonical

EXAMPLES = 2_000  # spoilt files that every reader meets in the slow tests, all its forms together
_QUICK = 25  # of each form in the quick ones
SHARES: Counter[str] = Counter()  # reader: how many it meets in the tests that were imported
ANY = 10**9  # of Mutant.differ: any number of rows


@dataclass(frozen=True)
class Mutant:
    """A spoilt file. ``differ``: how many rows may hold other values than in the whole file;
    ``counted``: every row of the whole file is still there, to be read or counted as dropped."""

    what: str
    data: bytes = field(repr=False)
    differ: int = ANY
    counted: bool = False


@dataclass(frozen=True)
class Whole:
    """What a reader made of the file as it was: its rows, and how many it dropped."""

    rows: Counter[tuple[Any, ...]]
    dropped: int


def whole_of(reader: FileReader, name: str, folder: Path, data: bytes,
             request: Request | None = None) -> Whole:
    """The rows of the unspoilt file, which the reader must know and read."""
    path, log = folder / name, Log()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    assert reader.kind(path, head(path)) is not None
    rows = Counter(_rows(reader.pieces(path, request or Request(), log), name))
    assert rows
    return Whole(rows, sum(log.dropped.values()))


def hold(reader: FileReader, name: str, folder: Path, mutant: Mutant, whole: Whole,
         request: Request | None = None) -> None:
    """The law above, for one spoilt file (see the module's text)."""
    path, log = folder / name, Log()
    path.write_bytes(mutant.data)
    refusal: DeleverageError | None = None
    found: Counter[tuple[Any, ...]] = Counter()
    try:
        if reader.kind(path, head(path)) is None:
            return
        found.update(_rows(reader.pieces(path, request or Request(), log), name))
    except DeleverageError as error:
        refusal = error
    if refusal is not None:
        assert path.name in str(refusal), f"{mutant.what}: {refusal} does not name the file"
        assert "\n" not in str(refusal), f"{mutant.what}: {one_line(refusal)} is several lines"
        return
    other = found - whole.rows
    assert sum(other.values()) <= mutant.differ, f"{mutant.what}: rows that were not there: {other}"
    if mutant.counted:
        there = sum(found.values()) + sum(log.dropped.values())
        expected = sum(whole.rows.values()) + whole.dropped
        assert there == expected, f"{mutant.what}: {there} rows and drops, not {expected}"


def fuzz(reader: FileReader, name: str, data: bytes, folder: Path, examples: int,
         request: Request | None = None) -> None:
    """``examples`` spoilt copies of one file: ``name`` may hold folders (``um/klines/…``)."""
    whole = whole_of(reader, name, folder, data, request)

    @settings(max_examples=examples, deadline=None, database=None,
              suppress_health_check=list(HealthCheck))
    @given(structure_aware(data))
    def law(mutant: Mutant) -> None:
        hold(reader, name, folder, mutant, whole, request)

    law()


def examples(reader: str, forms: int, here: int | None = None) -> pytest.MarkDecorator:
    """Parametrises ``examples``: few of each form, its share of the reader's in slow tests.

    ``forms`` is the number of the reader's forms, ``here`` of those that the test goes through
    (default: all of them).
    """
    share = -(-EXAMPLES // forms)
    SHARES[reader] += share * (forms if here is None else here)
    return pytest.mark.parametrize("examples", [
        pytest.param(_QUICK, id="quick"), pytest.param(share, id="many", marks=pytest.mark.slow)])


# ------------------------------------------------------------------ rows


def _rows(pieces: Iterator[Piece], file: str) -> Iterator[tuple[Any, ...]]:
    """Every row as (table, contract, step, column and value …), the pieces held to be canonical."""
    for piece in pieces:
        assert isinstance(piece, Piece)
        canonical(piece.table, _sorted(piece), file)
        assert "source_row" in piece.rows.column_names
        names = [name for name in piece.rows.column_names if name != "source_row"]
        columns = [[None if value != value else value for value in piece.rows[name].to_pylist()]
                   for name in names]
        for values in zip(*columns, strict=True):
            yield (piece.table, piece.contract, piece.step_ns,
                   *zip(names, values, strict=True))


def _sorted(piece: Piece) -> pa.Table:
    """A piece as a table would hold it: by time, the last of a time, what an import fills in."""
    schema, rows = SCHEMAS[piece.table], piece.rows
    order = np.argsort(rows[schema.clock].to_numpy(), kind="stable")
    clock = rows[schema.clock].to_numpy()[order]
    if schema.unique:
        order = order[np.append(np.diff(clock) != 0, True)] if len(order) else order
    rows = rows.take(pa.array(order))
    if piece.table == "funding":
        at = rows.column_names.index("interval_h")
        rows = rows.set_column(at, "interval_h", pc.if_else(
            pc.is_finite(rows["interval_h"]), rows["interval_h"], 8.0))
    if "provider" in schema.columns:
        rows = rows.append_column("provider", pa.array(["SYNTHETIC"] * rows.num_rows))
    if piece.table == "liquidations":  # a notional nobody can know is NaN until an import says more
        at = rows.column_names.index("notional_usd")
        rows = rows.set_column(at, "notional_usd", pc.if_else(
            pc.is_nan(rows["notional_usd"]), 0.0, rows["notional_usd"]))
    return rows


# ------------------------------------------------------------------ mutations


def structure_aware(data: bytes) -> st.SearchStrategy[Mutant]:
    """Spoilt copies of ``data``, each by one mutation."""
    for magic, unpack, pack, checked in _PACKINGS:
        if data.startswith(magic):
            inner = structure_aware(unpack(data)).map(partial(_packed, pack))
            return st.one_of(inner, _cut(data, ANY if not checked else 0),
                             _flipped(data, ANY if not checked else 0))
    lines = data.splitlines(keepends=True)
    plain = [_cut(data, 1), _flipped(data, None)]
    if b"\0" in data or not lines:
        return st.one_of(_cut(data, ANY), _flipped(data, ANY))
    plain.append(_lines(lines))
    if data.lstrip()[:1] in b"{[":
        plain += [_json(data), _json(data)]
    else:
        plain += [_cells(lines), _cells(lines)]
    return st.one_of(*plain)


def _packed(pack: Callable[[bytes], bytes], inner: Mutant) -> Mutant:
    return replace(inner, what=f"packed: {inner.what}", data=pack(inner.data))


def _cut(data: bytes, differ: int) -> st.SearchStrategy[Mutant]:
    """The end of the file is missing: at most one row is torn."""
    return st.integers(0, max(len(data) - 1, 0)).map(
        lambda at: Mutant(f"cut at byte {at} of {len(data)}", data[:at], differ))


def _flipped(data: bytes, differ: int | None) -> st.SearchStrategy[Mutant]:
    """Some bytes are others: each may spoil its row, a lost or new line end the next one too."""
    place = st.tuples(st.integers(0, max(len(data) - 1, 0)), st.integers(0, 255))

    def made(places: list[tuple[int, int]]) -> Mutant:
        spoilt = bytearray(data)
        for at, value in places:
            spoilt[at] = value
        return Mutant(f"bytes {places}", bytes(spoilt),
                      2 * len(places) if differ is None else differ)
    return st.lists(place, min_size=1, max_size=4).map(made)


def _lines(lines: Sequence[bytes]) -> st.SearchStrategy[Mutant]:
    """Lines lost, repeated, torn, in another order, foreign."""
    row = st.integers(0, len(lines) - 1)
    lines = [*lines[:-1], lines[-1].rstrip(b"\r\n") + b"\n"]
    document = lines[0].lstrip()[:1] in (b"{", b"[")  # a line may be a key of it: a value less

    def without(at: int) -> Mutant:
        return Mutant(f"line {at + 1} lost", b"".join([*lines[:at], *lines[at + 1:]]),
                      int(document))

    def twice(at: int) -> Mutant:
        return Mutant(f"line {at + 1} twice", b"".join([*lines[:at + 1], *lines[at:]]), 1)

    def torn(where: tuple[int, float]) -> Mutant:
        at, share = where
        text = lines[at].rstrip(b"\r\n")
        short = text[:int(len(text) * share)] + b"\n"
        return Mutant(f"line {at + 1} torn after {len(short) - 1} of {len(text)} bytes",
                      b"".join([*lines[:at], short, *lines[at + 1:]]), 1)

    def foreign(at: int) -> Mutant:
        return Mutant(f"a foreign line before line {at + 1}",
                      b"".join([*lines[:at], b"<html>503 busy</html>\n", *lines[at:]]), 0)

    whole = [Mutant("lines reversed", b"".join(reversed(lines)), ANY),
             Mutant("rows reversed", b"".join([lines[0], *reversed(lines[1:])]),
                    ANY if document else 0, not document),
             Mutant("first line lost", b"".join(lines[1:]), int(document)),
             Mutant("empty", b"", 0),
             Mutant("file twice", b"".join([*lines, *lines]), ANY)]
    return st.one_of(row.map(without), row.map(twice), row.map(foreign), st.sampled_from(whole),
                     st.tuples(row, st.floats(0, 0.99)).map(torn))


def _cells(lines: Sequence[bytes]) -> st.SearchStrategy[Mutant]:
    """One change of one column, in all rows or in one."""
    rows = [line.rstrip(b"\r\n").decode("utf-8", "replace").split(",") for line in lines]
    columns = st.integers(0, max(len(row) for row in rows) - 1)
    where = st.one_of(st.none(), st.integers(0, len(rows) - 1))

    def made(drawn: tuple[int, str, int | None]) -> Mutant:
        column, change, only = drawn
        touched = [list(row) for row in rows]
        for at, row in enumerate(touched):
            if column < len(row) and (only is None or at == only):
                row[column:column + 1] = _CHANGES[change](row[column])
        text = "".join(",".join(row) + "\n" for row in touched)
        place = "all rows" if only is None else f"line {only + 1}"
        return Mutant(f"column {column + 1}, {place}: {change}", text.encode(),
                      ANY if only is None else 1, change != "dropped")
    return st.tuples(columns, st.sampled_from(sorted(_CHANGES)), where).map(made)


def _scaled(factor: float, year: bool = False) -> Callable[[str], list[str]]:
    """A number times ``factor`` (with ``year`` only one that is an epoch), other text as it is."""
    def change(cell: str) -> list[str]:
        try:
            value = float(cell)
        except ValueError:
            return [cell]
        if year and not 1e9 < value < 1e19:
            return [cell]
        whole = cell.strip().lstrip("-").isdigit() and (factor >= 1 or int(value) % 1000 == 0)
        return [str(int(cell) * int(factor)) if whole and factor >= 1 else
                str(int(cell) // round(1 / factor)) if whole else repr(value * factor)]
    return change


_SWAPS = {"SELL": "BUY", "BUY": "SELL", "sell": "buy", "buy": "sell", "Sell": "Buy", "Buy": "Sell",
          "long": "short", "short": "long", "A": "B", "B": "A"}

_CHANGES: Mapping[str, Callable[[str], list[str]]] = {
    "dropped": lambda cell: [],
    "empty": lambda cell: [""],
    "null": lambda cell: ["null"],
    "text": lambda cell: ["abc"],
    "negative": lambda cell: ["-" + cell],
    "infinite": lambda cell: ["inf"],
    "zero": lambda cell: ["0"],
    "quoted": lambda cell: [f'"{cell}"'],
    "× 1000": _scaled(1000),
    "÷ 1000": _scaled(1 / 1000),
    "epoch in smaller units": _scaled(1000, year=True),
    "epoch in larger units": _scaled(1 / 1000, year=True),
    "side swapped": lambda cell: [_SWAPS.get(cell, cell)],
    "huge": lambda cell: ["9" * 25],
}


def _json(data: bytes) -> st.SearchStrategy[Mutant]:
    """One change of one key, wherever it stands in a document or in its lines, or in one line."""
    texts = data.decode("utf-8", "replace").splitlines()
    try:
        documents, by_line = [json.loads(line) for line in texts if line.strip()], True
    except ValueError:
        documents, by_line = [json.loads(data)], False
    found = [(key, value) for each in documents for key, value in _keys(each)]
    keys = sorted({key for key, _ in found})
    # what is a number everywhere is a value of a row, it does not choose rows
    numeric = set(keys) - {key for key, value in found if not _is_number(value)}
    sizes = [_lists(each) for each in documents]
    if not keys:
        return st.just(Mutant("nothing", data, 0, True))

    def made(drawn: tuple[str, str, int | None]) -> Mutant:
        key, change, only = drawn
        done = [_changed(each, key, _CHANGES[change]) if only is None or at == only else each
                for at, each in enumerate(documents)]
        text = "\n".join(json.dumps(each, separators=(",", ":")) for each in done) + "\n"
        place = "everywhere" if only is None else f"document {only + 1}"
        single = only is not None and by_line and sizes[only] == 1
        return Mutant(f"key {key!r}, {place}: {change}", text.encode(), 1 if single else ANY,
                      change != "dropped" and key in numeric)
    where = st.one_of(st.none(), st.integers(0, len(documents) - 1))
    return st.tuples(st.sampled_from(keys), st.sampled_from(sorted(_CHANGES)), where).map(made)


def _keys(value: Any) -> Iterator[tuple[str, Any]]:
    """All keys (and positions in short lists of values, as ``[3]``) within ``value``."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield name, each
            yield from _keys(each)
    elif isinstance(value, list):
        for at, each in enumerate(value):
            if isinstance(each, (dict, list)):
                yield from _keys(each)
            else:
                yield f"[{at}]", each


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return not isinstance(value, bool)


def _lists(value: Any) -> int:
    """How many rows a document may hold: the length of its longest list, 1 without one."""
    if isinstance(value, dict):
        return max([1, *map(_lists, value.values())])
    return max([1, len(value), *map(_lists, value)]) if isinstance(value, list) else 1


def _changed(value: Any, key: str, change: Callable[[str], list[str]]) -> Any:
    """``value`` with what stands under ``key`` changed, wherever that is."""
    if isinstance(value, dict):
        pairs = [(name, other) for name, each in value.items()
                 for other in (_cell(each, change) if name == key else
                               [_changed(each, key, change)])]
        return dict(pairs)
    if isinstance(value, list):
        done: list[Any] = []
        for at, each in enumerate(value):
            done += _cell(each, change) if key == f"[{at}]" and not isinstance(
                each, (dict, list)) else [_changed(each, key, change)]
        return done
    return value


def _cell(value: Any, change: Callable[[str], list[str]]) -> list[Any]:
    """A changed scalar, of its own kind where it still can be; a whole part only ever drops out."""
    if isinstance(value, (dict, list)):
        return [] if not change("x") else [value]
    for text in change(value if isinstance(value, str) else json.dumps(value)):
        if isinstance(value, str):
            return [text]
        try:
            return [json.loads(text)]
        except ValueError:
            return [text]
    return []


# ------------------------------------------------------------------ packings


def _unzipped(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(archive.namelist()[0])


def zipped(data: bytes, name: str = "rows.csv") -> bytes:
    """A zip of one file, the same bytes on every day."""
    store = io.BytesIO()
    with zipfile.ZipFile(store, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data,
                         zipfile.ZIP_DEFLATED)
    return store.getvalue()


def _arrow(kind: str) -> tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]:
    def unpack(data: bytes) -> bytes:
        with pa.CompressedInputStream(pa.BufferReader(data), kind) as stream:
            return bytes(stream.read())

    def pack(data: bytes) -> bytes:
        store = pa.BufferOutputStream()
        with pa.CompressedOutputStream(store, kind) as stream:
            stream.write(data)
        return bytes(store.getvalue())
    return unpack, pack


# magic, unpacking, packing, and whether damage inside shows by a checksum
_PACKINGS: tuple[tuple[bytes, Callable[[bytes], bytes], Callable[[bytes], bytes], bool], ...] = (
    (b"PK\x03\x04", _unzipped, zipped, True),
    (b"\x1f\x8b", gzip.decompress, lambda data: gzip.compress(data, mtime=0), True),
    (b"\x28\xb5\x2f\xfd", *_arrow("zstd"), False),
    (b"\x04\x22\x4d\x18", *_arrow("lz4"), False),
)
