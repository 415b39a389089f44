"""What the benchmarks share: the markets on disk, the yardstick, and the table of ratios."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import yardstick
from benchmarks.job import YEAR, dataset_of
from benchmarks.runs import frame
from benchmarks.signals import Features, Floats
from deleverage.columns import MarketColumns
from deleverage.feeds.dataset import Dataset

STOCK_BARS = 20_000  # stock backtrader runs on the first bars of the year, and is scaled by bars


@dataclass(frozen=True)
class Ratio:
    """One line of the table: what was compared, the ratio, and what was aimed at."""

    name: str
    value: str
    aim: str


_RATIOS = pytest.StashKey[list[Ratio]]()
Report = Callable[[str, str, str], None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Rows of pytest-benchmark are CPU time as well."""
    for item in items:
        item.add_marker(pytest.mark.benchmark(timer=time.process_time))


@pytest.fixture
def report(pytestconfig: pytest.Config) -> Report:
    """Add a line to the table that is printed at the end."""
    rows = pytestconfig.stash.setdefault(_RATIOS, [])
    return lambda name, value, aim: rows.append(Ratio(name, value, aim))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter,
                            config: pytest.Config) -> None:
    """Print the ratios; they, not the seconds above them, are what a machine says of another."""
    rows = config.stash.get(_RATIOS, [])
    if not rows:
        return
    terminalreporter.section("ratios of CPU time")
    for row in rows:
        terminalreporter.write_line(f"{row.name:<62} {row.value:>12}   {row.aim}")


@dataclass(frozen=True)
class RawFiles:
    """The yardstick's input: the columns it needs, each a .npy file that it reads itself."""

    folder: Path

    def load(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Open, low, close and USD of long liquidations, read from disk."""
        opened, low, close, longs = (np.load(self.folder / f"{name}.npy") for name in _NEEDED)
        return opened, low, close, longs


_NEEDED = ("open", "low", "close", "long_liquidations")


def raw_files(folder: Path, columns: MarketColumns) -> RawFiles:
    """The columns the yardstick needs, written into ``folder``."""
    for name in _NEEDED:
        np.save(folder / f"{name}.npy", columns.lines[name])
    return RawFiles(folder)


@pytest.fixture(scope="session")
def loops() -> float:
    """The yardstick compiled; CPU seconds it took. Skips where numba is not installed."""
    if not yardstick.COMPILED:
        pytest.skip("the yardstick needs numba: pip install -e '.[test,bench]' (make bench does)")
    return yardstick.compile_seconds()


@pytest.fixture(scope="session")
def year_path() -> Path:
    """The job's dataset with its column cache."""
    return dataset_of(YEAR).path


@pytest.fixture(scope="session")
def year(year_path: Path) -> MarketColumns:
    """The job's columns, opened once."""
    return Dataset.open(year_path).columns()


@pytest.fixture(scope="session")
def year_files(year: MarketColumns, loops: float,
               tmp_path_factory: pytest.TempPathFactory) -> RawFiles:
    """The yardstick's four columns of the year; it is compiled by then."""
    return raw_files(tmp_path_factory.mktemp("year"), year)


@pytest.fixture(scope="session")
def year_features(year: MarketColumns, loops: float) -> Features:
    """The yardstick's features of the year, ready."""
    return yardstick.prepared(np.array(year.lines["low"]),
                              np.array(year.lines["long_liquidations"]))


@pytest.fixture(scope="session")
def stretch(year: MarketColumns) -> MarketColumns:
    """The first bars of the year, for what stock backtrader is compared on."""
    return year.sliced(0, STOCK_BARS)


@pytest.fixture(scope="session")
def stretch_frame(stretch: MarketColumns) -> pd.DataFrame:
    """The same as a data frame."""
    return frame(stretch)
