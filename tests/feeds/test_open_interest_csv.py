"""The open-interest CSV: late stamps, time of knowing, and bad files."""

from __future__ import annotations

from pathlib import Path

import pytest

from deleverage.errors import DataError, MissingTable, UsageError
from deleverage.feeds.readers.open_interest_csv import READER
from deleverage.feeds.readers.parsing.values import epoch_ns
from deleverage.feeds.readers.protocol import Reading, Request
from deleverage.feeds.tables import numbers
from deleverage.timestamps import MINUTE, SECOND, parse
from tests.feeds.vendor_files import open_interest_csv, write_csv


def read(path: Path) -> Reading:
    return READER.read([path], Request())


def test_late_stamps_are_floored_and_a_row_is_known_one_step_later(tmp_path):
    """The snapshot of 00:15:02 is that of 00:15 and may be used from 00:20."""
    reading = read(open_interest_csv(tmp_path / "oi.csv", late_row=2))
    table = reading.tables["open_interest"]
    assert numbers(table, "ts")[2] == parse("2026-01-28T00:15")
    assert set(numbers(table, "available_at") - numbers(table, "ts")) == {5 * MINUTE}
    assert numbers(table, "oi_base")[2] == 999_980
    assert any("1 stamps floored to 5m (latest by 2 s)" in note for note in reading.notes)


def test_epochs_are_told_apart_by_their_size():
    """Seconds, milliseconds, microseconds and nanoseconds are the same instant."""
    instant = parse("2026-01-31T18:40")
    for unit in (SECOND, 10**6, 10**3, 1):
        assert epoch_ns([instant // unit], Path("a.csv"), "t").tolist() == [instant]


@pytest.mark.parametrize(("header", "rows", "words"), [
    ("t,oi", ["1,2"], "column 'oi_usd' is missing"),
    ("t,oi,oi_usd", [], "no rows"),
    ("t,oi,oi_usd", ["1769558700000,1,1"], "one row only"),
    ("t,oi,oi_usd", ["1769558700000,1,1", "1769559000000,many,1"], "double"),
    ("t,oi,oi_usd", ["1769558700000,1,1", ",1,1", "1769559000000,1,1"], "row 2, t is empty"),
    ("t,oi,oi_usd", ["1769558700000,1,1", "1769559000000,-5,1"], "row 2 .*oi_base must be ≥ 0"),
    ("t,oi,oi_usd", ["1769558700000,1,1", "1769559000000,1,1", "1769559300000,1,1",
                     "1769559300000,1,1"], "row 4 .*duplicate"),
    ("t,oi,oi_usd", ["1769559000000,1,1", "1769558700000,1,1"], "do not ascend"),
    ("t,oi,oi_usd", ["1769558700000,1"], "oi.csv"),
])
def test_a_bad_csv_is_one_clear_line(tmp_path, header, rows, words):
    """Each defect names the file, and the row where there is one."""
    path = write_csv(tmp_path / "oi.csv", header, rows)
    with pytest.raises(DataError, match=words) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_an_empty_and_a_second_file(tmp_path):
    """No file, nothing in it, one too many: each said."""
    with pytest.raises(MissingTable, match="no such file"):
        read(tmp_path / "nowhere.csv")
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(DataError, match="file is empty"):
        read(tmp_path / "empty.csv")
    with pytest.raises(UsageError, match="expected one file, found 2"):
        READER.read([tmp_path, tmp_path], Request())
