"""A small dataset for the whole session, and the command as a user starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deleverage.feeds.writing import write_dataset
from tests.conftest import ROOT
from tests.markets import random_tables

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of SYNTHETIC one-minute bars with mark, funding and liquidations."""
    path = tmp_path_factory.mktemp("data") / "random"
    market, tables = random_tables(7, 2_880)
    return write_dataset(path, market, tables).path


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Starts run_backtest.py in an empty folder, the user's cache in another one."""
    folder = tmp_path / "here"
    folder.mkdir()

    def start(*words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(ROOT / "run_backtest.py"), *map(str, words)], cwd=folder,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}, capture_output=True,
            text=True, check=False, timeout=120)

    return start


def refused(done: subprocess.CompletedProcess[str], code: int, words: str) -> None:
    """Assert that a command failed well: code, one line on stderr with ``words``, no output."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert words in done.stderr
