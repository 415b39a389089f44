"""The column cache: fast when it may be trusted, built again when it may not."""

from __future__ import annotations

import json
import mmap
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from deleverage.feeds import cache
from deleverage.feeds import dataset as module
from deleverage.feeds.dataset import Dataset
from tests.markets import make_dataset

PRICES = list(np.linspace(100, 120, 50))


@pytest.fixture
def joined(monkeypatch):
    """How often tables were joined, that is: how often the cache was not used."""
    calls = []
    real = module.market_columns

    def counted(market, tables):
        calls.append(market.name)
        return real(market, tables)

    monkeypatch.setattr(module, "market_columns", counted)
    return calls


@pytest.fixture
def folder(tmp_path, joined) -> Path:
    """A dataset whose cache has been built once."""
    make_dataset(tmp_path / "set", PRICES).columns()
    assert joined == ["test market"]
    joined.clear()
    return tmp_path / "set"


def column_files(folder: Path) -> Path:
    return folder / ".cache" / "columns"


def test_a_second_opening_joins_nothing_and_maps_the_files(folder, joined):
    """Warm columns are read-only views of memory-mapped files."""
    close = Dataset.open(folder).columns().lines["close"]
    assert not joined
    bases = [close.base, getattr(close.base, "base", None)]
    assert any(isinstance(base, (np.memmap, mmap.mmap)) for base in bases)
    assert not close.flags.writeable


def test_a_changed_dataset_makes_the_cache_stale(folder, joined):
    """Another content of the tables, another join."""
    make_dataset(folder, [*PRICES, 121.0])
    assert len(Dataset.open(folder).columns()) == 51
    assert joined == ["test market"]


def test_a_corrected_market_file_makes_the_cache_stale(folder, joined):
    """Changing the tick size by hand is seen at once."""
    toml = folder / "market.toml"
    toml.write_text(toml.read_text().replace("tick_size = 0.01", "tick_size = 0.05"))
    assert Dataset.open(folder).columns().market.instrument.tick_size == 0.05
    assert joined == ["test market"]


def corruptions() -> dict:
    def flip(file: Path) -> None:
        content = bytearray(file.read_bytes())
        content[-5] ^= 0xFF
        file.write_bytes(content)

    def cut(file: Path) -> None:
        file.write_bytes(file.read_bytes()[:-16])

    return {"flipped": flip, "cut": cut, "gone": Path.unlink,
            "empty": lambda file: file.write_bytes(b""),
            "nonsense": lambda file: file.write_bytes(b"nonsense")}


@pytest.mark.parametrize("how", corruptions())
@pytest.mark.parametrize("name", ["lines.npy", "close_ns.npy", "mark.npy", "cache.json"])
def test_a_corrupt_cache_is_built_again_not_trusted(folder, joined, name, how):
    """Whatever happened to a cached file, the columns are those of the tables."""
    expected = Dataset.open(folder).columns().lines["close"].copy()
    corruptions()[how](column_files(folder) / name)
    columns = Dataset.open(folder).columns()
    np.testing.assert_array_equal(columns.lines["close"], expected)
    assert joined == ["test market"]
    joined.clear()
    Dataset.open(folder).columns()
    assert not joined, "and stored anew"


def test_a_cache_of_other_rules_is_built_again(folder, joined):
    """A new version of the joining rules does not read the old one's columns."""
    note = column_files(folder) / "cache.json"
    content = json.loads(note.read_text())
    content["key"][0] = "0/old"
    note.write_text(json.dumps(content))
    Dataset.open(folder).columns()
    assert joined == ["test market"]


def test_a_copied_dataset_keeps_its_cache(folder, joined, tmp_path):
    """Other times of change with the same bytes are compared by checksum and trusted."""
    for file in column_files(folder).glob("*.npy"):
        os.utime(file, ns=(1, 1))
    Dataset.open(folder).columns()
    assert not joined


def test_a_dataset_that_cannot_be_written_uses_the_users_cache(tmp_path, joined, monkeypatch):
    """A read-only folder gets its columns from the user's cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    make_dataset(tmp_path / "set", PRICES)
    (tmp_path / "set" / ".cache").write_text("a file in the way: no folder can be made here")
    Dataset.open(tmp_path / "set").columns()
    assert joined.pop() == "test market"
    assert list((tmp_path / "home" / "deleverage" / "columns").iterdir())
    Dataset.open(tmp_path / "set").columns()
    assert not joined


def test_workers_that_open_a_cold_dataset_together_all_get_its_columns(tmp_path):
    """Several builders of one cache neither fail nor read a half-written one."""
    make_dataset(tmp_path / "set", np.linspace(100, 120, 20_000))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: Dataset.open(tmp_path / "set").columns(), range(16)))
    for columns in found:
        assert columns.lines["close"][-1] == 120
    assert [file.name for file in (tmp_path / "set" / ".cache").iterdir()] == ["columns"]


def test_no_place_for_a_cache_is_no_error(tmp_path, joined, monkeypatch):
    """Where nothing can be written the columns are joined each time."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr(cache, "folders", lambda dataset: (blocked / "a", blocked / "b"))
    dataset = make_dataset(tmp_path / "set", PRICES)
    assert len(dataset.columns()) == len(dataset.columns()) == 50
    assert joined == ["test market"] * 2


def test_a_warm_year_of_minutes_opens_in_milliseconds(tmp_path):
    """525,600 bars from the cache: well under 50 ms of CPU, best of five (about 3 ms)."""
    make_dataset(tmp_path / "set", np.linspace(2_000, 3_000, 525_600)).columns()
    spent = []
    for _ in range(5):
        before = time.process_time()
        Dataset.open(tmp_path / "set").columns()
        spent.append(time.process_time() - before)
    assert min(spent) < 0.05
