"""A SYNTHETIC dataset on disk for sweeps, a specification on it, and one sweep carried out."""

from __future__ import annotations

from pathlib import Path

import pytest

from deleverage.feeds.writing import write_dataset
from deleverage.spec import RunSpec
from deleverage.sweeps import Grid, SweepResult, sweep
from tests.markets import random_tables

# 500x is more than the venue grants: those combinations fail, and the others go on
GRID = Grid.of({"trades": (3, 6), "side": ("long", "short"), "leverage": (5, 50, 500)})


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten hours of SYNTHETIC one-minute bars with mark, funding and liquidations."""
    market, tables = random_tables(11, 600)
    return write_dataset(tmp_path_factory.mktemp("sweeps") / "random", market, tables).path


@pytest.fixture(scope="session")
def spec(dataset: Path) -> RunSpec:
    """Random entries on that market, each held for half an hour."""
    return RunSpec(data=str(dataset), strategy="random_entry",
                   params={"trades": 3, "hold": "30m", "seed": 4})


@pytest.fixture(scope="session")
def found(spec: RunSpec) -> SweepResult:
    """GRID carried out in this process."""
    return sweep(spec, GRID, workers=1, progress=False)
