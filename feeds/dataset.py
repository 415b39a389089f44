"""The dataset on disk: a folder with ``market.toml`` and one Parquet file per table.

Every file is checked against its sha256 before it is read (:mod:`deleverage.feeds.writing` writes
them).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from deleverage.columns import MarketColumns
from deleverage.errors import DataError, MissingTable
from deleverage.feeds import cache, market_file
from deleverage.feeds.join import market_columns
from deleverage.feeds.tables import SCHEMAS, canonical
from deleverage.market import Market


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


def _size(file: Path) -> int:
    """Size of a dataset's file; absent and empty files are named."""
    try:
        size = file.stat().st_size
    except FileNotFoundError:
        raise MissingTable(f"{file}: file is missing from the dataset") from None
    if size == 0:
        raise DataError(f"{file}: file is empty")
    return size
