"""Files of the readers that take a folder or file whole, spoilt: refused, or read truly."""

from __future__ import annotations

import gzip
import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from deleverage.feeds import readers
from deleverage.feeds.readers.freqtrade import READER as FREQTRADE
from deleverage.feeds.readers.open_interest_csv import READER as INTEREST
from deleverage.feeds.readers.protocol import Log, Piece, Reader, Request
from tests.feeds.readers import fuzz as spoilt
from tests.feeds.readers.fuzz import examples, fuzz
from tests.feeds.vendor_files import candles, funding, open_interest_csv, write_feather

MS = 1_000_000
ETH = "freqtrade/binance/futures/ETH_USDT_USDT"
KINDS = {"5m-futures": "bars", "1h-mark": "mark", "8h-funding_rate": "funding"}


class Whole:
    """A reader of folders (``up`` above the file) as one that tells a table file by file."""

    name, about, provider, version = "whole", "", "whole", 1
    gives: tuple[str, ...] = ()

    def __init__(self, reader: Reader, table: str, up: int) -> None:
        self.reader, self.table, self.up = reader, table, up

    def kind(self, path: Path, head: bytes) -> str | None:
        """What the reader says of the folder."""
        folder = path.parents[self.up - 1] if self.up else path
        return self.reader.about if self.reader.sniff(folder) else None

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        """One table; funding without its interval, which is read from the rows around."""
        folder = path.parents[self.up - 1] if self.up else path
        rows = self.reader.read([folder], request).tables[self.table]
        if self.table == "funding":
            at = rows.column_names.index("interval_h")
            rows = rows.set_column(at, "interval_h", [np.full(rows.num_rows, np.nan)])
        yield Piece(self.table, rows.append_column("source_row", [np.arange(rows.num_rows)]))


def columns_of(kind: str) -> dict[str, np.ndarray]:
    """A few rows of one kind of freqtrade's files."""
    if kind.endswith("funding_rate"):
        return funding("2026-01-28", 8, 4, jitter_ms=3)
    return candles("2026-01-28", kind.split("-")[0], 6)


@examples(FREQTRADE.name, 4)
@pytest.mark.parametrize(("kind", "form"), [
    ("5m-futures", "feather"), ("5m-futures", "json.gz"), ("1h-mark", "json.gz"),
    ("8h-funding_rate", "json.gz")])
def test_spoilt_freqtrade(tmp_path: Path, examples: int, kind: str, form: str) -> None:
    """One file of three is spoilt; the others are those of every example."""
    for other in KINDS:
        if other != kind:
            write_feather(tmp_path / f"{ETH}-{other}.feather", columns_of(other))
    columns = columns_of(kind)
    if form == "feather":
        data = write_feather(tmp_path / f"{ETH}-{kind}.feather", columns).read_bytes()
    else:
        rows = [[int(at) // MS, *map(float, values)]
                for at, *values in zip(*columns.values(), strict=True)]
        data = gzip.compress(json.dumps(rows).encode(), mtime=0)
    fuzz(Whole(FREQTRADE, KINDS[kind], 2), f"{ETH}-{kind}.{form}", data, tmp_path, examples)


@examples(INTEREST.name, 1)
def test_spoilt_open_interest(tmp_path: Path, examples: int) -> None:
    """Rows, units and bytes of the CSV."""
    data = open_interest_csv(tmp_path / "made.csv", count=8).read_bytes()
    fuzz(Whole(INTEREST, "open_interest", 0), "oi.csv", data, tmp_path, examples)


def test_every_reader_meets_its_share() -> None:
    """Each reader that gives rows is fuzzed with so many files, all its forms together."""
    for path in Path(__file__).parent.glob("test_*.py"):
        importlib.import_module(f"tests.feeds.readers.{path.stem}")
    giving = {name for name in readers.names() if readers.get(name).gives}
    assert set(spoilt.SHARES) == giving
    assert {name for name, count in spoilt.SHARES.items() if count < spoilt.EXAMPLES} == set()
    assert spoilt.EXAMPLES >= 2_000
