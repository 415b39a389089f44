"""Records as Parquet tables, and folders written whole or not at all."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from deleverage.disk import sync, umask
from deleverage.errors import DataError, MissingTable, UsageError

Record = TypeVar("Record")

_known: dict[type[Any], dict[str, Any]] = {}  # types of a record's fields, looked up once
_ARROW = {int: pa.int64(), float: pa.float64(), str: pa.string(), bool: pa.bool_()}


def to_table(kind: type[Record], records: Iterable[Record]) -> pa.Table:
    """Dataclass records as a table with one column per field; None is null, NaN stays NaN."""
    rows = list(records)
    columns = {name: pa.array([getattr(row, name) for row in rows], type=_arrow(hint))
               for name, hint in _fields(kind).items()}
    return pa.table(columns)


def from_table(kind: type[Record], table: pa.Table, where: str) -> list[Record]:
    """The records of :func:`to_table`; DataError naming ``where`` for a column that is absent."""
    fields = _fields(kind)
    absent = [name for name in fields if name not in table.column_names]
    if absent:
        raise DataError(f"{where}: column {absent[0]!r} is missing "
                        f"(found {', '.join(table.column_names)})")
    columns = [_values(table.column(name), hint) for name, hint in fields.items()]
    return [kind(*values) for values in zip(*columns, strict=True)]


def read_table(path: Path) -> pa.Table:
    """A Parquet file; MissingTable where it is absent, DataError where it is none."""
    if not path.is_file():
        raise MissingTable(f"{path}: no such file")
    try:
        # a result is a dozen small files: what read_table does before it reads costs as much
        return pq.ParquetFile(pa.BufferReader(path.read_bytes())).read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a Parquet file: {str(error).splitlines()[0]}") from None


def from_arrays(columns: Mapping[str, NDArray[Any]]) -> pa.Table:
    """Arrays of equal length as a table."""
    return pa.table(dict(columns))


def read_arrays(path: Path, names: Sequence[str],
                finite: Sequence[str] = ()) -> list[NDArray[Any]]:
    """The named columns of a file of numbers; DataError where one is absent or holds something
    else, or where one of ``finite`` has a value that is empty, NaN or infinite, by its row."""
    table = read_table(path)
    absent = [name for name in names if name not in table.column_names]
    if absent:
        raise DataError(f"{path}: column {absent[0]!r} is missing "
                        f"(found {', '.join(table.column_names)})")
    for name in names:
        kind = table.column(name).type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)
                or pa.types.is_boolean(kind)):
            raise DataError(f"{path}: column {name!r} holds {kind}, expected numbers")
    found = [table.column(name).to_numpy() for name in names]
    for name, values in zip(names, found, strict=True):
        if name in finite and not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values))[0])
            raise DataError(f"{path}: row {row + 1}: {name} is {values[row]}, expected a number")
    return found


def write_folder(folder: Path, files: Mapping[str, bytes | pa.Table], mark: str) -> None:
    """Put ``files`` into ``folder``: a draft beside it, synced, then one rename.

    A folder that is already there is replaced if it holds a file ``mark`` or nothing; UsageError
    for any other, so that no foreign folder is emptied by a slip of the keyboard.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file, expected a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / mark).is_file():
        raise UsageError(f"{folder}: holds other files and no {mark}; not replaced")
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        draft.chmod(0o777 & ~umask())
        for name, content in files.items():
            _write(draft / name, content)
        sync(draft)
        _swap(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _swap(draft: Path, folder: Path) -> None:
    if not folder.exists():
        draft.rename(folder)
    else:
        aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        folder.rename(aside / "old")
        try:
            draft.rename(folder)
        except OSError:
            (aside / "old").rename(folder)
            raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    sync(folder.parent)


def _write(path: Path, content: bytes | pa.Table) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        pq.write_table(content, path, compression="zstd")
    sync(path)


def _fields(kind: type[Any]) -> dict[str, Any]:
    if kind not in _known:  # what the names in its annotations mean takes longer than a small file
        hints = typing.get_type_hints(kind)
        _known[kind] = {item.name: _bare(hints[item.name]) for item in dataclasses.fields(kind)}
    return _known[kind]


def _bare(hint: Any) -> Any:
    """``X`` of ``X | None``."""
    if isinstance(hint, types.UnionType):
        return next(part for part in typing.get_args(hint) if part is not types.NoneType)
    return hint


def _arrow(hint: Any) -> pa.DataType:
    return pa.string() if issubclass(hint, StrEnum) else _ARROW[hint]


def _values(column: pa.ChunkedArray, hint: Any) -> list[Any]:
    values: list[Any] = column.to_pylist()
    return [hint(value) for value in values] if issubclass(hint, StrEnum) else values
