"""Columns of a dataset as memory-mapped ``.npy`` files, so that a run starts in milliseconds.

The cache lies in the dataset's ``.cache`` folder, or in the user's cache folder where that cannot
be written. It belongs to one content of the dataset (its hash) and one version of the joining
rules. Files whose size or time of change are not those noted when they were written are compared by
checksum; whatever does not agree is built again, never trusted.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import zlib
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deleverage._version import __version__
from deleverage.columns import ExecutionMark, FundingSchedule, MarketColumns
from deleverage.market import Market

RULES = f"3/{__version__}"  # raise the number when the join of tables changes
_NOTE = "cache.json"


def folders(dataset: Path) -> tuple[Path, Path]:
    """Where the cache of ``dataset`` may lie, the preferred place first."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = hashlib.sha256(str(dataset.resolve()).encode()).hexdigest()[:24]
    return dataset / ".cache" / "columns", root / "deleverage" / "columns" / key


def load(dataset: Path, sha256: str, market: Market, files: Iterable[Path]) -> MarketColumns | None:
    """The cached columns, or None where there are none that may be trusted."""
    for folder in folders(dataset):
        try:
            note = json.loads((folder / _NOTE).read_bytes())
            if note["key"] != [RULES, sha256] or note["sources"] != _sources(files):
                continue
            arrays = {name: _mapped(folder / f"{name}.npy", known)
                      for name, known in note["arrays"].items()}
            return _columns(market, note["lines"], arrays)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # absent, or not a cache of ours: built again
    return None


def store(dataset: Path, sha256: str, columns: MarketColumns,
          files: Iterable[Path]) -> MarketColumns:
    """Write ``columns`` to the cache and return them mapped; where no place can be written, as
    they are."""
    files = list(files)
    for folder in folders(dataset):
        try:
            _write(folder, [RULES, sha256], columns, files)
        except OSError:
            continue
        return load(dataset, sha256, columns.market, files) or columns
    return columns


def _write(folder: Path, key: list[str], columns: MarketColumns, files: Iterable[Path]) -> None:
    draft = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}.draft")
    draft.mkdir(parents=True)
    try:
        arrays = {}
        for name, array in _arrays(columns).items():
            file = draft / f"{name}.npy"
            np.save(file, array, allow_pickle=False)
            arrays[name] = [*_stat(file), _checksum(file)]
        note = {"key": key, "sources": _sources(files), "lines": list(columns.lines),
                "arrays": arrays}
        (draft / _NOTE).write_text(json.dumps(note, indent=1))
        shutil.rmtree(folder, ignore_errors=True)
        try:
            draft.rename(folder)
        except OSError:
            if not (folder / _NOTE).is_file():
                raise  # else another process was faster: it has written the same
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _arrays(columns: MarketColumns) -> dict[str, NDArray[Any]]:
    mark, funding = columns.execution_mark, columns.funding
    return {
        "close_ns": columns.close_ns,
        "lines": np.stack(list(columns.lines.values())),
        "mark": np.stack([mark.open, mark.high, mark.low, mark.close]),
        "mark_state": mark.state,
        "funding_ints": np.stack([funding.settle_ns, funding.bar]),
        "funding_floats": np.stack([funding.rate, funding.price, funding.index]),
        "funding_state": funding.state,
    }


def _columns(market: Market, names: list[str], arrays: dict[str, NDArray[Any]]) -> MarketColumns:
    lines, (settle, bar) = arrays["lines"], arrays["funding_ints"]
    rate, price, index = arrays["funding_floats"]
    opened, high, low, close = arrays["mark"]
    return MarketColumns(
        market, arrays["close_ns"], MappingProxyType(dict(zip(names, lines, strict=True))),
        ExecutionMark(opened, high, low, close, arrays["mark_state"]),
        FundingSchedule(settle, bar, rate, price, arrays["funding_state"], index),
    )


def _mapped(file: Path, known: list[int]) -> NDArray[Any]:
    """The file's array; ValueError where its bytes are not those that were written."""
    size, changed, checksum = known
    if _stat(file) != [size, changed] and _checksum(file) != checksum:
        raise ValueError(f"{file}: not the bytes that were written")
    mapped = np.load(file, mmap_mode="r", allow_pickle=False) if size else None
    return np.asarray(mapped)


def _sources(files: Iterable[Path]) -> list[list[Any]]:
    return [[file.name, *_stat(file)] for file in files]


def _stat(file: Path) -> list[int]:
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]


def _checksum(file: Path) -> int:
    value = 0
    with contextlib.closing(file.open("rb")) as stream:
        while chunk := stream.read(1 << 20):
            value = zlib.crc32(chunk, value)
    return value
