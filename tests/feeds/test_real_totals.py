"""Ranks and shares on real liquidations, against sums worked out here by hand."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from deleverage.feeds.dataset import Dataset
from deleverage.feeds.importing import import_dataset
from deleverage.feeds.totals import largest, largest_event, shares
from deleverage.timestamps import parse
from tests.feeds.readers.test_generic_real import THREE, UNION

pytestmark = pytest.mark.real

def imported(file: Path, columns: str, out: Path) -> Dataset:
    """ETH of a table of liquidations."""
    return import_dataset("generic", [file], out, "ETH", columns=tomllib.loads(columns))[0]


@pytest.mark.parametrize(("window", "offset"), [("utc", "0h"), ("utc+8", "8h")])
def test_days_of_coinglass(reference: Path, tmp_path: Path, window: str, offset: str) -> None:
    """The ten largest days of a year of four-hour sums, with rank, and the place of 2025-10-10."""
    file = reference / "data" / "coinglass" / "binance_liquidations_4h_union.csv"
    dataset = imported(file, UNION.replace("{start}", "2024-11-14"), tmp_path / "set")
    table: Any = pd.read_csv(file)
    table = table[(table.asset == "ETH") & (table.time_utc >= "2024-11-14")].sort_values("time_ms")
    table = table.iloc[:-1]  # the newest was open when it was read
    day = (pd.to_datetime(table.time_ms, unit="ms") + pd.Timedelta(offset)).dt.strftime("%Y-%m-%d")
    expected = (table.long_liq_usd + table.short_liq_usd).groupby(day).sum().sort_values(
        ascending=False)
    found = largest(dataset.table("liquidations"), dataset.market.coverage, window, 10)
    assert [row.label for row in found] == expected.index[:10].tolist()
    assert [row.usd for row in found] == pytest.approx(expected.to_numpy()[:10].tolist())
    worst = {row.label: row.rank for row in found}
    assert worst["2025-10-11" if window == "utc+8" else "2025-10-10"] == 1


def test_shares_and_the_largest_of_three_venues(reference: Path, tmp_path: Path) -> None:
    """Eighteen orders of one hour: each venue's part, and the largest with its row."""
    file = reference / "data" / "three_venue_20260403" / "liquidation_events.csv"
    dataset = imported(file, THREE, tmp_path / "set")
    table: Any = pd.read_csv(file)
    by_venue = table.groupby("exchange").notional_usd.sum()
    found = shares(dataset.table("liquidations"), parse("2026-04-03"), parse("2026-04-04"))
    assert {row.venue: row.usd for row in found} == pytest.approx(by_venue.to_dict())
    assert {row.venue: row.share for row in found} == pytest.approx(
        (by_venue / by_venue.sum()).to_dict())
    assert {row.venue: row.completeness for row in found} == {
        "binance": "sampled_1s", "bybit": "all", "okx": "sampled"}
    event = largest_event(dataset.table("liquidations"), dataset.market.coverage)
    assert event is not None
    assert event.usd == pytest.approx(table.notional_usd.max())
    assert event.row.endswith(f"row {int(table.notional_usd.idxmax()) + 1}")
    assert event.single_source
