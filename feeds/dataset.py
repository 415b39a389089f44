"""The dataset on disk: a folder with ``market.toml`` and one Parquet file per table.

Written whole or not at all; the same tables give the same bytes; every file is checked against its
sha256 before it is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from deleverage.columns import MarketColumns
from deleverage.errors import DataError, MissingTable
from deleverage.feeds import cache, market_file
from deleverage.feeds.join import market_columns
from deleverage.feeds.tables import SCHEMAS, canonical, numbers
from deleverage.market import Coverage, Market


class Dataset:
    """An opened dataset folder; tables and columns are read when asked for.

    ``sha256`` is one hash of everything in it: that of ``market.toml``, which holds the files'.
    """

    def __init__(self, path: Path, market: Market, sha256: str) -> None:
        self.path, self.market, self.sha256 = path, market, sha256
        self._verified: set[str] = set()

    @classmethod
    def open(cls, path: str | Path) -> Dataset:
        """The dataset in folder ``path``.

        Raises MissingTable where the folder or a file is absent, DataError for a file that is empty
        or not what it must be. Contents are verified on the first read of each table.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise MissingTable(f"{folder}: no such dataset folder")
        try:
            content = (folder / market_file.FILE).read_bytes()
        except FileNotFoundError:
            raise MissingTable(f"{folder}: not a dataset: {market_file.FILE} is missing") from None
        market = market_file.loads(content, str(folder / market_file.FILE))
        dataset = cls(folder, market, hashlib.sha256(content).hexdigest())
        for name in dataset.tables:
            if name not in SCHEMAS:
                raise DataError(f"{folder / market_file.FILE}: sha256 lists {name!r}, which is "
                                "no table")
            _size(dataset.file(name))
        return dataset

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables the dataset holds."""
        listed = {name.removesuffix(".parquet") for name in self.market.sha256}
        known = [name for name in SCHEMAS if name in listed]
        return (*known, *sorted(listed - set(known)))

    def file(self, name: str) -> Path:
        """The file of table ``name``."""
        return self.path / f"{name}.parquet"

    def table(self, name: str) -> pa.Table:
        """The canonical table ``name``, verified against its hash.

        Raises MissingTable with the tables that are there, DataError for a changed file.
        """
        if name not in self.tables:
            raise MissingTable(f"{self.path}: table {name!r} is missing (found: "
                               f"{', '.join(self.tables) or 'none'})")
        self.verify(name)
        file = self.file(name)
        try:
            table = pq.read_table(file)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{file}: cannot be read: {str(error).splitlines()[0]}") from None
        return canonical(name, table, str(file))

    def verify(self, name: str) -> None:
        """Compare a table's file with the sha256 in market.toml, once per opened dataset."""
        file = self.file(name)
        if name in self._verified:
            return
        _size(file)
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != self.market.sha256[file.name]:
            raise DataError(f"{file}: changed or truncated since it was written (sha256 "
                            f"{found[:12]}…, expected {self.market.sha256[file.name][:12]}…)")
        self._verified.add(name)

    def columns(self) -> MarketColumns:
        """All tables on one clock, memory-mapped from the cache, which is built when needed."""
        files = [self.file(name) for name in self.tables]
        found = cache.load(self.path, self.sha256, self.market, files)
        if found is not None:
            return found
        columns = market_columns(self.market, {name: self.table(name) for name in self.tables})
        return cache.store(self.path, self.sha256, columns, files)


def write_dataset(path: str | Path, market: Market,
                  tables: Mapping[str, pa.Table | Any]) -> Dataset:
    """Write ``tables`` (pyarrow or pandas) as a dataset at ``path`` and open it.

    ``market``'s range, sha256 and, where not declared, coverage are filled from the tables. A
    dataset that is there already is replaced; any other existing path is refused with DataError.
    Whatever fails, nothing half-written is left and an older dataset stays as it was.
    """
    target = Path(path)
    if target.exists() and not (target / market_file.FILE).is_file() \
            and not (target.is_dir() and not any(target.iterdir())):
        raise DataError(f"{target}: exists and is not a dataset; choose another path")
    checked = {name: canonical(name, tables[name]) for name in SCHEMAS if name in tables}
    for name in tables:
        if name not in checked:
            canonical(name, tables[name])  # raises: no such table
    if "bars" not in checked or not checked["bars"].num_rows:
        raise MissingTable(f"{target}: a dataset needs rows in table 'bars'")
    market = _described(market, checked)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.draft")
    try:
        draft.mkdir()
        hashes = {}
        for name, table in checked.items():
            file = draft / f"{name}.parquet"
            pq.write_table(table.replace_schema_metadata(None), file, compression="zstd")
            hashes[file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
            _sync(file)
        market = replace(market, sha256=MappingProxyType(hashes))
        (draft / market_file.FILE).write_bytes(market_file.dumps(market))
        _sync(draft / market_file.FILE)
        _sync(draft)
        _replace(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Dataset.open(target)


def _described(market: Market, tables: Mapping[str, pa.Table]) -> Market:
    """``market`` with the range of its bars and a coverage for every table that has none."""
    close = numbers(tables["bars"], "close_ns")
    start, end = int(close[0]) - market.step_ns, int(close[-1])
    declared = {cover.table for cover in market.coverage}
    added: list[Coverage] = []
    for name, table in tables.items():
        if name in declared or not table.num_rows or name == "context":
            continue
        provider = str(market.provenance.get(name, "")).partition(":")[0]
        if name == "liquidations":
            added += _liquidation_coverage(table, start, end)
            continue
        stamps = numbers(table, SCHEMAS[name].clock)
        first, last = int(stamps[0]), int(stamps[-1])
        if name in ("bars", "mark"):
            first -= market.step_ns if name == "bars" else market.mark_step_ns or market.step_ns
        if name == "open_interest":  # a snapshot stands until the next one is due
            usual = int(np.median(np.diff(stamps))) if len(stamps) > 1 else 0
            last = int(numbers(table, "available_at").max()) + usual
        added.append(Coverage(name, market.instrument.venue, provider, first, last))
    return replace(market, start_ns=start, end_ns=end, coverage=(*market.coverage, *added))


def _liquidation_coverage(table: pa.Table, start: int, end: int) -> list[Coverage]:
    """One interval per venue over the whole dataset: what an undeclared coverage means."""
    groups = table.group_by(["venue"], use_threads=False).aggregate(
        [("completeness", "distinct"), ("provider", "distinct")])
    found = []
    for row in sorted(groups.to_pylist(), key=lambda row: str(row["venue"])):
        kinds, providers = sorted(row["completeness_distinct"]), sorted(row["provider_distinct"])
        found.append(Coverage("liquidations", row["venue"], ", ".join(providers), start, end,
                              kinds[0] if len(kinds) == 1 else "unknown"))
    return found


def _size(file: Path) -> int:
    """Size of a dataset's file; absent and empty files are named."""
    try:
        size = file.stat().st_size
    except FileNotFoundError:
        raise MissingTable(f"{file}: file is missing from the dataset") from None
    if size == 0:
        raise DataError(f"{file}: file is empty")
    return size


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(draft: Path, target: Path) -> None:
    """Move ``draft`` to ``target``; what was there comes back if that fails."""
    aside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.old")
    with contextlib.suppress(FileNotFoundError):
        target.rename(aside)
    try:
        draft.rename(target)
    except OSError:
        if aside.exists():
            aside.rename(target)
        raise
    _sync(target.parent)
    shutil.rmtree(aside, ignore_errors=True)
