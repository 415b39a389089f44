"""Wrong data: each ends in one line that names file, row or field, exit code 3, nothing written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from deleverage.feeds.writing import write_dataset
from tests.cli.conftest import Command, refused
from tests.markets import random_tables

FUTURES = "ETH_USDT_USDT-5m-futures.feather"
MARK = "ETH_USDT_USDT-1h-mark.feather"
FUNDING = "ETH_USDT_USDT-8h-funding_rate.feather"


def _candles(rows: int, step: str) -> pd.DataFrame:
    close = 3_000.0 + np.arange(rows) % 7
    return pd.DataFrame({
        "date": pd.date_range("2026-01-28", periods=rows, freq=step, tz="UTC"),
        "open": close, "high": close + 5.0, "low": close - 5.0, "close": close, "volume": 1.0})


def _vendor(folder: Path) -> Path:
    """A freqtrade directory with two days of one pair."""
    futures = folder / "futures"
    futures.mkdir(parents=True)
    _candles(576, "5min").to_feather(futures / FUTURES)
    _candles(48, "1h").to_feather(futures / MARK)
    _candles(6, "8h").assign(open=1e-4).to_feather(futures / FUNDING)
    return futures


def _changed(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    def spoil(futures: Path) -> None:
        file = futures / FUTURES
        change(pd.read_feather(file)).reset_index(drop=True).to_feather(file)

    return spoil


def _put(field: str, value: float) -> Callable[[Path], None]:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[100, field] = value
        return table

    return _changed(change)


@pytest.mark.parametrize(("spoil", "complaint"), [
    pytest.param(lambda futures: (futures / FUTURES).write_bytes(b""), "empty", id="empty file"),
    pytest.param(lambda futures: (futures / FUTURES).write_bytes(b"no feather"), FUTURES,
                 id="another format"),
    pytest.param(_changed(lambda table: table.drop(columns="low")), "'low'", id="column missing"),
    pytest.param(_put("close", np.nan), "row 10", id="NaN price"),
    pytest.param(_put("low", -1.0), "row 10", id="negative price"),
    pytest.param(_put("high", 2_000.0), "row 10", id="high below low"),
    pytest.param(_changed(lambda table: table.iloc[::-1]), FUTURES, id="unsorted stamps"),
    pytest.param(_changed(lambda table: pd.concat([table.iloc[:9], table.iloc[8:]])), FUTURES,
                 id="duplicated stamps"),
])
def test_a_spoilt_file_is_refused(spoil: Callable[[Path], object], complaint: str,
                                  command: Command, tmp_path: Path) -> None:
    """`data import` names what is wrong and leaves no dataset behind."""
    futures = _vendor(tmp_path / "bybit")
    spoil(futures)
    refused(command("data", "import", "freqtrade", tmp_path / "bybit", "--out", "set"), 3,
            complaint)
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize("words", [
    ("data", "show", "nowhere"),
    ("run", "--data", "nowhere", "--strategy", "buy_and_hold"),
    ("compare", "nowhere"),
    ("data", "import", "freqtrade", "nowhere", "--out", "set"),
])
def test_a_missing_folder_is_a_data_error(command: Command, words: tuple[str, ...],
                                          tmp_path: Path) -> None:
    """Every command that reads a folder says which one is not there."""
    refused(command(*words), 3, "nowhere")
    assert list((tmp_path / "here").iterdir()) == []


def test_a_damaged_dataset_is_found_by_its_hash(command: Command, tmp_path: Path) -> None:
    """A Parquet file changed after it was written is refused by run and reported by check."""
    market, tables = random_tables(3, 600)
    path = write_dataset(tmp_path / "set", market, tables).path
    file = path / "bars.parquet"
    file.write_bytes(file.read_bytes()[:-9] + b"tampered!")
    refused(command("run", "--data", path, "--strategy", "buy_and_hold"), 3, "changed")
    done = command("data", "check", path)
    assert done.returncode == 3
    assert "bad" in done.stdout
    assert done.stderr.count("\n") == 1


def test_a_symbol_without_a_ladder_is_refused(command: Command, tmp_path: Path) -> None:
    """No maintenance ladder, no run: the line lists the symbols that have one."""
    market, tables = random_tables(3, 600, symbol="PEPEUSDT")
    path = write_dataset(tmp_path / "set", market, tables).path
    refused(command("run", "--data", path, "--strategy", "buy_and_hold"), 2, "ETHUSDT")
    assert list((tmp_path / "here").iterdir()) == []


def test_data_shorter_than_the_warm_up_is_refused(command: Command, tmp_path: Path) -> None:
    """Thirty bars for a strategy that warms up longer: no bar is left to trade on, and it says so.
    """
    market, tables = random_tables(3, 30, open_interest=[
        (f"2026-01-28T00:{minute:02}", 2e6) for minute in range(0, 30, 5)])
    path = write_dataset(tmp_path / "set", market, tables).path
    refused(command("run", "--data", path, "--strategy", "cascade_exhaustion"), 3,
            "the data has 30 bars and CascadeExhaustion needs")


def test_a_run_without_a_signal_is_a_result(dataset: Path, command: Command) -> None:
    """A level that is never traded gives no signal: exit 0, and the verdict says so."""
    done = command("run", "--data", dataset, "--strategy", "level_reclaim", "--set",
                   "levels=99000", "--no-scan")
    assert done.returncode == 0, done.stderr
    assert "gave no signal that was filled" in done.stdout
    assert "AGAINST RANDOM ENTRIES" not in done.stdout


def test_a_missing_table_is_one_line(dataset: Path, command: Command) -> None:
    """A strategy whose table is not in the dataset says which one, and who has it."""
    refused(command("run", "--data", dataset, "--strategy", "cascade_exhaustion"), 3,
            "needs the table 'open_interest'")
