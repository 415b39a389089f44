"""Liquidations in vendors' formats, against reading the same file as one table.

``DELEVERAGE_READ_ROWS`` sets the rows (1,000,000 by default, 10,000,000 for the whole measure).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.conftest import Report
from benchmarks.figures import at_most
from benchmarks.vendor_rows import alone, cryptohftdata_parquet, tardis_csv

ROWS = int(os.environ.get("DELEVERAGE_READ_ROWS", "1000000"))
ROUNDS = 3
OVER_ONE_TABLE, MEGABYTES = 3.0, 1_500.0


@pytest.mark.parametrize(("made", "what"), [
    (tardis_csv, "Tardis CSV: our rows / pandas.read_csv"),
    (cryptohftdata_parquet, "CryptoHFTData Parquet: our rows / pyarrow read_table"),
])
def test_liquidations_against_one_table(tmp_path: Path, made: Callable[[Path, int], Path],
                                        what: str, report: Report) -> None:
    """All rows, at no more than three times the CPU time, in bounded memory."""
    path = made(tmp_path, ROWS)
    pairs = [(alone("theirs", path), alone("ours", path)) for _ in range(ROUNDS)]
    assert {job.rows for pair in pairs for job in pair} == {ROWS}
    ratio = min(mine.cpu for _, mine in pairs) / min(table.cpu for table, _ in pairs)
    peak = max(mine.peak for _, mine in pairs)
    report(f"{what}, {ROWS:,} rows", ratio, at_most(OVER_ONE_TABLE))
    report(f"{what}, peak memory of ours", peak, at_most(MEGABYTES), "MB")
    assert ratio <= OVER_ONE_TABLE
    assert peak <= MEGABYTES
