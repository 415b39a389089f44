"""Imports that cannot be: each ends in one line on stderr and leaves what was there."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from deleverage.feeds.dataset import Dataset
from deleverage.feeds.importing import import_dataset
from tests.cli.conftest import Command, refused
from tests.conftest import ROOT
from tests.feeds.readers.binance_files import DAY, json_lines, klines, message, put

NAME = f"um/daily/klines/ETHUSDT/1m/ETHUSDT-1m-{DAY}.csv"


def archive(folder: Path, count: int = 1_440) -> Path:
    """A day of SYNTHETIC klines where Binance's archive has it."""
    return put(folder, NAME, klines(count=count))


def _unknown(folder: Path) -> list[Path]:
    file = folder / "what.csv"
    file.write_text("colour,taste\nred,sweet\n")
    return [file]


def _mixed(folder: Path) -> list[Path]:
    other = folder / "orders.jsonl"
    other.write_bytes(json_lines([message()]))
    return [archive(folder), other]


def _header(folder: Path) -> list[Path]:
    file = archive(folder)
    file.write_bytes(file.read_bytes().replace(b"open_time", b"opentime", 1))
    return [file]


def _outside(folder: Path) -> list[Path]:
    file = (folder / NAME).with_suffix(".zip")
    file.parent.mkdir(parents=True)
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("../../ETHUSDT.csv", klines())
    return [file]


def _bomb(folder: Path) -> list[Path]:
    file = (folder / NAME).with_suffix(".zip")
    file.parent.mkdir(parents=True)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("ETHUSDT.csv", klines() + b"0" * (200 << 20))
    return [file]


def _reversed(folder: Path) -> list[Path]:
    file = archive(folder, 5)
    first, *rows = file.read_text().splitlines()
    file.write_text("\n".join([first, *rows[::-1]]) + "\n")
    return [file]


@pytest.mark.parametrize(("made", "complaint"), [
    pytest.param(_unknown, "no reader knows this file (it starts with 'colour,taste'",
                 id="unknown format"),
    pytest.param(_mixed, "not a file of binance-vision; it looks like", id="two vendors mixed"),
    pytest.param(_header, "open, high, low, close, volume, close_time", id="another header"),
    pytest.param(_outside, "a path outside its folder", id="path outside"),
    pytest.param(_bomb, "not unpacked", id="bomb"),
])
def test_a_bad_file_ends_in_one_line(command: Command, tmp_path: Path, made: Callable[
        [Path], list[Path]], complaint: str) -> None:
    """Exit code 3, the file named, nothing written beside it."""
    folder = tmp_path / "in"
    folder.mkdir()
    out = tmp_path / "out" / "set"
    done = command("data", "import", "binance-vision", *made(folder), "--out", out)
    refused(done, 3, complaint)
    assert not out.exists()
    assert not list(out.parent.glob(".*"))


def test_reversed_dates_are_put_in_order(command: Command, tmp_path: Path) -> None:
    """Rows from the last to the first are the same rows: sorted, none lost."""
    plain = import_dataset("binance-vision", [archive(tmp_path / "plain", 5)], tmp_path / "one")[0]
    done = command("data", "import", "binance-vision", *_reversed(tmp_path / "in"), "--out",
                   tmp_path / "set")
    assert done.returncode == 0, done.stderr
    found = Dataset.open(tmp_path / "set").table("bars")
    assert found.num_rows == 5
    assert found.equals(plain.table("bars"))


def test_a_full_disk_leaves_the_old_dataset(tmp_path: Path) -> None:
    """A file that cannot grow is one line; the dataset is as it was, and nothing lies beside it."""
    first = import_dataset("binance-vision", [archive(tmp_path / "in")], tmp_path / "set")[0]
    later = put(tmp_path / "in", NAME.replace(DAY, "2026-02-01"),
                klines("2026-02-01", count=1_440))
    full = subprocess.run(
        [sys.executable, str(ROOT / "run_backtest.py"), "data", "import", "binance-vision",
         str(later), "--out", str(tmp_path / "set")], capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)))
    assert full.returncode == 3, full.stderr
    assert full.stderr.count("\n") == 1, full.stderr
    assert "File too large" in full.stderr
    assert Dataset.open(tmp_path / "set").sha256 == first.sha256
    assert not list(tmp_path.glob(".set*"))


def test_a_kill_halfway_ends_with_the_same_bytes(tmp_path: Path) -> None:
    """SIGKILL at several moments, then the same command again: the sha256 of a whole run."""
    days = [f"2026-02-{day:02}" for day in range(1, 9)]
    for day in days:
        put(tmp_path / "in", NAME.replace(DAY, day), klines(day, count=1_440))
    whole = import_dataset("binance-vision", [tmp_path / "in"], tmp_path / "whole",
                           name="eth")[0].sha256
    words = [sys.executable, str(ROOT / "run_backtest.py"), "data", "import", "binance-vision",
             str(tmp_path / "in"), "--out", str(tmp_path / "set"), "--name", "eth"]
    for seconds in (0.5, 0.7, 0.9):
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env={**os.environ}) as started:
            time.sleep(seconds)
            started.send_signal(signal.SIGKILL)
    subprocess.run(words, check=True, capture_output=True)
    assert Dataset.open(tmp_path / "set").sha256 == whole
    assert not [path for path in tmp_path.glob(".set*") if not path.name.endswith(".lock")]
