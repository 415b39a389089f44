"""The 137 Hyperliquid liquidation maps of January and February 2026 against the ladder in force.

The maps hold positions by the leverage that was set, in bands. They can only speak against a limit,
never for one: value_usd is at ENTRY price, so that a position's bracket at mark is not known; in
cross margin the leverage set says nothing about the collateral behind it; and they are the wallets
of a leaderboard, not the market.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from deleverage import venues

BANDS = {"lev_1_10x": 1, "lev_11_25x": 11, "lev_26_50x": 26, "lev_51_100x": 51}  # lowest leverage
Values = dict[tuple[str, str], float]  # by snapshot and band, USD


@pytest.fixture(scope="module")
def maps(reference: Path) -> dict[str, Values]:
    """Coin → USD by snapshot and band."""
    path = reference / "data" / "hyperliquid" / "liq_levels_by_leverage.csv"
    if not path.is_file():
        pytest.skip(f"no liquidation maps at {path}")
    found: dict[str, Values] = defaultdict(lambda: defaultdict(float))
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for band in BANDS:
                found[row["coin"]][row["snapshot_utc"], band] += float(row[band])
    return found


@pytest.mark.real
def test_all_maps_are_read(maps: dict[str, Values]) -> None:
    """137 snapshots, with ETH and BTC among the coins."""
    assert {"ETH", "BTC"} <= set(maps)
    assert len({snapshot for values in maps.values() for snapshot, _ in values}) == 137


@pytest.mark.real
@pytest.mark.parametrize(("coin", "limit", "forbidden"), [
    ("ETH", 25, {"lev_26_50x", "lev_51_100x"}),
    ("BTC", 40, {"lev_51_100x"}),  # 26–50x holds what is allowed up to 40x
    ("SOL", 20, {"lev_26_50x", "lev_51_100x"}),
])
def test_no_position_stands_above_the_limit(
    maps: dict[str, Values], coin: str, limit: float, forbidden: set[str]
) -> None:
    """At each snapshot the ladder then in force gives the limit; no value lies in a band that
    begins above it, and the bands below are not empty."""
    beyond = set()
    for (snapshot, band), value in maps[coin].items():
        rules = venues.get("hyperliquid", symbol=coin, at=snapshot)
        assert rules.max_leverage() == limit
        if BANDS[band] > rules.max_leverage():
            beyond.add(band)
            assert value == 0, (snapshot, band)
    assert beyond == forbidden
    highest = [band for band in BANDS if band not in forbidden][-1]
    assert sum(value for (_, band), value in maps[coin].items() if band == highest) > 1e6


@pytest.mark.real
def test_the_old_limit_would_have_been_contradicted_by_nothing(maps: dict[str, Values]) -> None:
    """What the maps cannot show: the ladder closed in March 2025 forbids nothing that they hold;
    that ETH's 26–50x band is empty is what speaks for the change."""
    old = venues.get("hyperliquid", symbol="ETH", at="2025-03-14")
    assert old.max_leverage() == 50
    held = {band for (_, band), value in maps["ETH"].items() if value}
    assert all(BANDS[band] <= old.max_leverage() for band in held)
    assert held == {"lev_1_10x", "lev_11_25x"}
