"""Writing a dataset folder: whole or not at all, the same tables to the same bytes.

One import at a time works on a dataset (a lock beside it). What an interrupted one left is cleared
away, or put back, by the next.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from deleverage.disk import sync
from deleverage.errors import DataError, MissingTable
from deleverage.feeds import market_file
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.tables import SCHEMAS, canonical, numbers
from deleverage.market import Coverage, Market

ROW_GROUP = 1 << 20


class Rows:
    """A table too long for memory: canonical parts in order of time, handed over one by one, as
    often as asked."""

    def __init__(self, parts: Iterable[pa.Table], count: int) -> None:
        self.parts, self.count = parts, count


@contextlib.contextmanager
def alone(path: str | Path) -> Iterator[None]:
    """Hold the dataset at ``path`` against other writers; DataError where one is at work."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    lock = target.with_name(f".{target.name}.lock")
    with lock.open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"{target}: another import is writing it") from None
        if not lock.exists() or lock.stat().st_ino != os.fstat(held.fileno()).st_ino:
            raise DataError(f"{target}: another import has just written it; try again")
        try:
            _recover(target)
            yield
        finally:
            lock.unlink(missing_ok=True)


def write_dataset(path: str | Path, market: Market,
                  tables: Mapping[str, pa.Table | Rows | Any]) -> Dataset:
    """Write ``tables`` (pyarrow, pandas or :class:`Rows`) as a dataset at ``path`` and open it.

    ``market``'s range, sha256 and, where not declared, coverage are filled from the tables. A
    dataset that is there already is replaced; any other existing path is refused with DataError.
    Whatever fails, nothing half-written is left and an older dataset stays as it was.
    """
    target = Path(path)
    refuse_other(target)
    checked = {name: _checked(name, tables[name]) for name in SCHEMAS if name in tables}
    for name in tables:
        if name not in checked:
            canonical(name, tables[name])  # raises: no such table
    bars = checked.get("bars")
    if (isinstance(bars, pa.Table) and not bars.num_rows) or (bars is None and market.step_ns):
        raise MissingTable(f"{target}: a dataset needs rows in table 'bars'")
    market = _described(market, checked)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.draft")
    try:
        draft.mkdir()
        hashes = {}
        for name, table in checked.items():
            file = draft / f"{name}.parquet"
            _write(file, name, table)
            with file.open("rb") as stream:
                hashes[file.name] = hashlib.file_digest(stream, "sha256").hexdigest()
            sync(file)
        market = replace(market, sha256=MappingProxyType(hashes))
        (draft / market_file.FILE).write_bytes(market_file.dumps(market))
        sync(draft / market_file.FILE)
        sync(draft)
        _replace(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Dataset.open(target)


def refuse_other(target: Path) -> None:
    """DataError where ``target`` is something that is no dataset and not empty."""
    if target.exists() and not (target / market_file.FILE).is_file() \
            and not (target.is_dir() and not any(target.iterdir())):
        raise DataError(f"{target}: exists and is not a dataset; choose another path")


def _checked(name: str, table: Any) -> pa.Table | Rows:
    return table if isinstance(table, Rows) else canonical(name, table)


def _write(file: Path, name: str, table: pa.Table | Rows) -> None:
    if isinstance(table, pa.Table):
        pq.write_table(table.replace_schema_metadata(None), file, compression="zstd")
        return
    writer, last = None, None
    try:
        for part in table.parts:
            if not part.num_rows and writer is not None:
                continue
            checked = canonical(name, part, f"table {name}").replace_schema_metadata(None)
            clock = numbers(checked, SCHEMAS[name].clock)
            if len(clock) and last is not None and clock[0] < last:
                raise DataError(f"table {name}: parts are not in order of time")
            last = int(clock[-1]) if len(clock) else last
            if writer is None:
                writer = pq.ParquetWriter(file, checked.schema, compression="zstd")
            writer.write_table(checked.select(writer.schema.names), row_group_size=ROW_GROUP)
    finally:
        if writer is not None:
            writer.close()


def _described(market: Market, tables: Mapping[str, pa.Table | Rows]) -> Market:
    """``market`` with the range of its bars and a coverage for every table that has none."""
    start, end = market.start_ns, market.end_ns
    bars = tables.get("bars")
    if isinstance(bars, pa.Table):
        close = numbers(bars, "close_ns")
        start, end = int(close[0]) - market.step_ns, int(close[-1])
    declared = {cover.table for cover in market.coverage}
    added: list[Coverage] = []
    for name, table in tables.items():
        if name in declared or name == "context" or isinstance(table, Rows) or not table.num_rows:
            continue
        provider = str(market.provenance.get(name, "")).partition(":")[0]
        if name == "liquidations":
            added += _liquidation_coverage(table, start, end)
            continue
        stamps = numbers(table, SCHEMAS[name].clock)
        first, last = int(stamps[0]), int(stamps[-1])
        if SCHEMAS[name].clock == "close_ns":
            first -= market.mark_step_ns or market.step_ns if name == "mark" else market.step_ns
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
    sync(target.parent)
    shutil.rmtree(aside, ignore_errors=True)


def _recover(target: Path) -> None:
    """After a kill: put back a dataset that had been moved aside, clear away half-written ones."""
    for aside in sorted(target.parent.glob(f".{target.name}.????????.old")):
        if target.exists():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.rename(target)
    for draft in target.parent.glob(f".{target.name}.????????.draft"):
        shutil.rmtree(draft, ignore_errors=True)
