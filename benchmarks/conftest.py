"""What the benchmarks share: the markets on disk, the yardstick, and the table of ratios."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import yardstick
from benchmarks.figures import Aim, Figure, keep
from benchmarks.job import YEAR, dataset_of
from benchmarks.runs import frame
from benchmarks.signals import Features, Floats
from deleverage.columns import MarketColumns
from deleverage.feeds.dataset import Dataset

STOCK_BARS = 20_000  # stock backtrader runs on the first bars of the year, and is scaled by bars


_FIGURES = pytest.StashKey[list[Figure]]()


@dataclass(frozen=True)
class Report:
    """What a test says of itself: lines of the table that is printed at the end and kept."""

    figures: list[Figure]
    source: str

    def __call__(self, name: str, value: float, aim: Aim | None = None, unit: str = "") -> None:
        """Add a line."""
        self.figures.append(Figure(name, value, unit, aim, self.source))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Rows of pytest-benchmark are CPU time as well."""
    for item in items:
        item.add_marker(pytest.mark.benchmark(timer=time.process_time))


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Add lines to the table that is printed at the end."""
    rows = request.config.stash.setdefault(_FIGURES, [])
    return Report(rows, request.node.nodeid)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter,
                            config: pytest.Config) -> None:
    """Print the ratios; they, not the seconds above them, are what a machine says of another."""
    rows = config.stash.get(_FIGURES, [])
    if not rows:
        return
    terminalreporter.section("ratios of CPU time")
    for row in rows:
        aim = f"aim {row.aim}: {row.verdict}" if row.aim else ""
        terminalreporter.write_line(f"{row.name:<62} {row.shown:>12}   {aim}".rstrip())
    keep(rows)


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
