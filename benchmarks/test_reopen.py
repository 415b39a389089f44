"""Opening a dataset that is there, against reading what says what is in it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.conftest import Report
from benchmarks.figures import at_most
from benchmarks.measure import compare
from deleverage.feeds.dataset import Dataset

OVER_FOOTERS, TIMES = 2.0, 50


def reopened(path: Path) -> tuple[str, ...]:
    """The dataset opened so many times; its tables."""
    for _ in range(TIMES):
        dataset = Dataset.open(path)
    return dataset.tables


def footers(path: Path) -> tuple[str, ...]:
    """market.toml and the footer of each Parquet file, as often."""
    for _ in range(TIMES):
        listed = tomllib.loads((path / "market.toml").read_text())["sha256"]
        rows = {name: pq.read_metadata(path / name).num_rows for name in listed}
    assert all(rows.values())
    return tuple(name.removesuffix(".parquet") for name in rows)


def test_reopening(benchmark: Any, year_path: Path, report: Report) -> None:
    """No more than twice the reading of the table of contents."""
    measured = compare(benchmark, lambda: reopened(year_path), lambda: footers(year_path))
    assert sorted(measured.result) == sorted(footers(year_path))
    report("reopening a dataset / reading market.toml and the footers", measured.over(),
           at_most(OVER_FOOTERS))
    assert measured.over() <= OVER_FOOTERS
