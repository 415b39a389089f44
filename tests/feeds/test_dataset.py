"""The dataset on disk: whole or not at all, the same bytes, every file checked."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from deleverage.errors import DataError, MissingTable, UnknownName
from deleverage.feeds import dataset as module
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.writing import write_dataset
from deleverage.market import Coverage
from tests.markets import make_dataset, make_market, random_tables

PRICES = [100.0, 101.0, 99.0]


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def test_a_dataset_comes_back_as_it_was_written(tmp_path):
    """Market, tables and notes survive the disk."""
    market, tables = random_tables(3, 600, step="5m")
    market = replace(market, name="both ways", provenance=MappingProxyType({"bars": "made here"}),
                     notes=MappingProxyType({"scale": {"long": 1.02}, "dropped": [1, 2]}))
    written = write_dataset(tmp_path / "set", market, tables)
    opened = Dataset.open(tmp_path / "set")
    assert opened.tables == ("bars", "mark", "funding", "liquidations")
    assert opened.market == written.market
    assert opened.sha256 == written.sha256
    for field in ("instrument", "step_ns", "start_ns", "end_ns", "synthetic", "mark_step_ns",
                  "provenance", "notes", "name"):
        assert getattr(opened.market, field) == getattr(market, field), field
    for name, table in tables.items():
        assert opened.table(name).num_rows == table.num_rows
    assert opened.table("bars").equals(tables["bars"])


def test_the_same_tables_give_the_same_bytes(tmp_path):
    """Writing twice, from arrow or pandas, is byte for byte the same."""
    market, tables = random_tables(4, 300)
    one = write_dataset(tmp_path / "one", market, tables)
    frames = {name: table.to_pandas() for name, table in tables.items()}
    assert isinstance(frames["bars"], pd.DataFrame)
    two = write_dataset(tmp_path / "two", market, frames)
    assert contents(one.path) == contents(two.path)
    assert one.sha256 == two.sha256


def test_coverage_is_filled_from_the_tables_where_none_is_declared(tmp_path):
    """Each table gets the range of its rows, each liquidation venue the whole dataset."""
    market, tables = random_tables(5, 300)
    found = write_dataset(tmp_path / "set", market, tables).market
    by_table = {(cover.table, cover.venue): cover for cover in found.coverage}
    assert set(by_table) == {("bars", "binance"), ("mark", "binance"), ("liquidations", "binance"),
                             ("liquidations", "bybit")}
    for cover in by_table.values():
        assert (cover.start_ns, cover.end_ns) == (market.start_ns, market.end_ns)
    assert by_table["liquidations", "bybit"].completeness == "all"


def test_declared_coverage_is_kept(tmp_path):
    """What the writer knows of a feed's life stands."""
    market, tables = random_tables(5, 300)
    declared = Coverage("liquidations", "bybit", "me", market.start_ns, market.start_ns + 10**9,
                        "sampled")
    found = write_dataset(tmp_path / "set", replace(market, coverage=(declared,)), tables).market
    assert [c for c in found.coverage if c.table == "liquidations"] == [declared]


def test_columns_are_the_same_cold_and_warm(tmp_path):
    """The memory-mapped columns equal those joined from Parquet."""
    dataset = make_dataset(tmp_path / "set", PRICES, funding=[("2026-01-28T00:01", 1e-4)])
    cold, warm = dataset.columns(), Dataset.open(tmp_path / "set").columns()
    assert tuple(cold.lines) == tuple(warm.lines)
    for name in cold.lines:
        np.testing.assert_array_equal(cold.lines[name], warm.lines[name])
    assert warm.funding.rate.tolist() == [1e-4]
    assert warm.market == dataset.market


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "empty":
        path.write_bytes(b"")
    elif how == "truncated":
        path.write_bytes(content[:len(content) // 2])
    elif how == "changed":
        path.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    else:
        path.unlink()


@pytest.mark.parametrize(("how", "error", "words"), [
    ("empty", DataError, "bars.parquet: file is empty"),
    ("truncated", DataError, "bars.parquet: changed or truncated since it was written"),
    ("changed", DataError, "bars.parquet: changed or truncated since it was written"),
    ("gone", MissingTable, "bars.parquet: file is missing from the dataset"),
])
@pytest.mark.parametrize("warm", [False, True])
def test_a_damaged_file_is_named_in_one_line(tmp_path, how, error, words, warm):
    """Empty, truncated, changed or lost: found before use, with a warm cache too."""
    dataset = make_dataset(tmp_path / "set", PRICES)
    if warm:
        dataset.columns()
    damage(tmp_path / "set" / "bars.parquet", how)
    with pytest.raises(error, match=words) as caught:
        Dataset.open(tmp_path / "set").columns()
    assert "\n" not in str(caught.value)


def test_a_parquet_file_that_is_none_is_refused_even_with_its_hash(tmp_path):
    """A file whose hash was made to fit must still be Parquet."""
    make_dataset(tmp_path / "set", PRICES)
    file, toml = tmp_path / "set" / "bars.parquet", tmp_path / "set" / "market.toml"
    old = hashlib.sha256(file.read_bytes()).hexdigest()
    file.write_bytes(b"PAR1 not really")
    text = toml.read_text().replace(old, hashlib.sha256(file.read_bytes()).hexdigest())
    toml.write_text(text)
    with pytest.raises(DataError, match=r"bars\.parquet: cannot be read"):
        Dataset.open(tmp_path / "set").columns()


@pytest.mark.parametrize(("old", "new", "words"), [
    ("format = 1", "format = 9", "format must be 1, found 9"),
    ('symbol = "ETHUSDT"', "", "'symbol' is missing"),
    ('step = "1m"', 'step = "1 minute"', "not a bar length"),
    ('step = "1m"', "step = 60", "wrong type"),
    ("tick_size = 0.01", "tick_size = -1.0", "tick_size must be > 0"),
    ("[instrument]", "[instrument", "not TOML"),
    ('"bars.parquet"', '"../bars.parquet"', "is no table"),
])
def test_a_market_file_that_is_wrong_says_where(tmp_path, old, new, words):
    """Each defect of market.toml is one line with its path."""
    make_dataset(tmp_path / "set", PRICES)
    toml = tmp_path / "set" / "market.toml"
    text = toml.read_text()
    assert old in text
    toml.write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match=words) as caught:
        Dataset.open(tmp_path / "set")
    assert str(caught.value).startswith(str(toml))


def test_a_missing_folder_and_a_folder_that_is_no_dataset(tmp_path):
    """Both are told apart, in one line each."""
    with pytest.raises(MissingTable, match="no such dataset folder"):
        Dataset.open(tmp_path / "nowhere")
    with pytest.raises(MissingTable, match=r"market\.toml is missing"):
        Dataset.open(tmp_path)


def test_a_missing_table_is_named_with_those_that_are_there(tmp_path):
    """Asking for what the dataset lacks says what it has."""
    dataset = make_dataset(tmp_path / "set", PRICES)
    with pytest.raises(MissingTable, match=r"'liquidations' is missing \(found: bars, mark"):
        dataset.table("liquidations")


def test_writing_replaces_a_dataset_and_nothing_else(tmp_path):
    """An older dataset gives way; a folder with other things in it is left alone."""
    first = make_dataset(tmp_path / "set", PRICES)
    second = make_dataset(tmp_path / "set", [*PRICES, 98.0])
    assert second.sha256 != first.sha256
    assert len(second.columns()) == 4
    other = tmp_path / "holiday"
    other.mkdir()
    (other / "photo.jpg").write_bytes(b"x")
    with pytest.raises(DataError, match="exists and is not a dataset"):
        make_dataset(other, PRICES)
    assert [file.name for file in other.iterdir()] == ["photo.jpg"]


def test_a_failed_write_leaves_the_older_dataset_and_no_draft(tmp_path, monkeypatch):
    """Whatever goes wrong in the middle, what was there stays and nothing is added."""
    make_dataset(tmp_path / "set", PRICES)
    before = contents(tmp_path / "set")
    written: list[Path] = []

    def full_disk(table, file, **options):
        if written:
            raise OSError(28, "No space left on device")
        written.append(file)
        pq.write_table(table, file, **options)

    monkeypatch.setattr(module.pq, "write_table", full_disk)
    with pytest.raises(OSError, match="No space left"):
        make_dataset(tmp_path / "set", [*PRICES, 98.0])
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["set"]
    assert contents(tmp_path / "set") == before


def test_bad_rows_are_refused_before_anything_is_written(tmp_path):
    """A table nobody knows and an impossible price leave no folder behind."""
    market, tables = make_market(PRICES)
    with pytest.raises(UnknownName, match="did you mean 'funding'"):
        write_dataset(tmp_path / "set", market, {**tables, "fundings": tables["funding"]})
    bad = tables["bars"].to_pandas()
    bad.loc[1, "low"] = -1.0
    with pytest.raises(DataError, match=r"row 2 .*low must be > 0"):
        write_dataset(tmp_path / "set", market, {**tables, "bars": bad})
    assert not list(tmp_path.iterdir())
