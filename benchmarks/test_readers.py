"""Reading vendors' files: rows checked and converted, against pandas reading the same text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks import binance_archive
from benchmarks.conftest import Report
from benchmarks.figures import at_most
from benchmarks.measure import compare
from deleverage.feeds.readers.binance.vision import READER
from deleverage.feeds.readers.protocol import Log, Request

OVER_PANDAS = 3.0
ROUNDS = 3


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A year of one-minute candles, mark, index, funding and metrics in the archive's zips."""
    return binance_archive.write_year(tmp_path_factory.mktemp("binance"))


def read(files: list[Path]) -> dict[str, int]:
    """All rows of the files through the reader, counted by table."""
    log, rows = Log(), dict[str, int]()
    for path in files:
        for piece in READER.pieces(path, Request(), log):
            rows[piece.table] = rows.get(piece.table, 0) + piece.rows.num_rows
    assert not log.dropped
    return rows


def parsed(files: list[Path]) -> int:
    """The same text as pandas reads it, unchecked."""
    return sum(len(pd.read_csv(path)) for path in files)


def test_binance_archive(benchmark: Any, archive: list[Path], report: Report) -> None:
    """A year of Binance's zips, checksums held, every row checked: within 3 times read_csv."""
    measured = compare(benchmark, lambda: read(archive), lambda: parsed(archive), ROUNDS)
    minutes = 365 * 1_440
    assert measured.result == {"bars": minutes, "mark": minutes, "index": minutes,
                               "funding": 365 * 3, "open_interest": 365 * 288}
    report("a year of Binance's zips / pandas.read_csv", measured.over(), at_most(OVER_PANDAS))
    assert measured.over() <= OVER_PANDAS
