"""Context as CSV: what stands in it comes out, and what cannot be is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from deleverage.errors import DataError
from deleverage.feeds import readers
from deleverage.feeds.readers.context_csv import READER
from deleverage.feeds.readers.protocol import Log, Request
from deleverage.timestamps import parse
from tests.feeds.readers.fuzz import examples, fuzz

HEADER = "date,available_at,metric,value,unit,source\n"


def _file(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "context.csv"
    path.write_text(header + "".join(f"{line}\n" for line in lines))
    return path


def test_rows_come_out_as_they_stand(tmp_path: Path) -> None:
    """Times to the millisecond, texts and numbers unchanged."""
    path = _file(tmp_path, "2026-01-31T08:00:00.000Z,2026-01-31T08:00:00.031Z,"
                 "funding_rate bybit ETHUSDT,0.0001,fraction per 8h,Bybit")
    assert readers.kinds(path) == {"context-csv": "context CSV"}
    (piece,) = READER.pieces(path, Request(), Log())
    (row,) = piece.rows.to_pylist()
    assert piece.table == "context"
    assert row["date"] == parse("2026-01-31T08:00")
    assert row["available_at"] == row["date"] + 31_000_000
    assert (row["metric"], row["value"], row["unit"], row["source"]) == (
        "funding_rate bybit ETHUSDT", 0.0001, "fraction per 8h", "Bybit")


def test_nothing_is_known_before_it_is(tmp_path: Path) -> None:
    """A row that was available before its own date is refused by its number."""
    path = _file(tmp_path, "2026-01-31,2026-01-31,a,1,b,c", "2026-01-31,2026-01-30,a,1,b,c")
    with pytest.raises(DataError, match="row 2, available_at is before date"):
        list(READER.pieces(path, Request(), Log()))


def test_another_header_is_another_file(tmp_path: Path) -> None:
    """Only the exact header makes a context CSV."""
    path = _file(tmp_path, "1,2", header="date,value\n")
    assert "context-csv" not in readers.kinds(path)


@examples(READER.name, 1)
def test_spoilt_context(tmp_path: Path, examples: int) -> None:
    """Rows, units, years and bytes spoilt: refused by file and row, or read truly."""
    rows = "".join(f"2026-01-31T{hour:02}:00:00Z,2026-01-31T{hour:02}:00:01Z,whales,{hour}.5,ETH,"
                   "made up\n" for hour in range(8))
    fuzz(READER, "context.csv", (HEADER + rows).encode(), tmp_path, examples)
