"""A scenario is the same on every run, says that it is synthetic, and comes as a dataset."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from deleverage import scenarios
from deleverage.errors import UnknownName
from deleverage.feeds.dataset import Dataset
from deleverage.market import Market
from deleverage.timestamps import MINUTE, parse

FORK = parse("2026-02-01")
CLOCK = {"bars": "close_ns", "mark": "close_ns", "funding": "ts", "open_interest": "ts",
         "liquidations": "ts"}
DIFFERS = {"bars": "close", "mark": "close", "funding": "rate", "open_interest": "oi_base",
           "liquidations": "notional_usd"}
_PRINT_DIGEST = """
import sys
from tests.scenarios.test_identity import digest
from deleverage import scenarios
print(digest(scenarios.build(sys.argv[1])[1]))
"""


def digest(tables: dict[str, pd.DataFrame]) -> str:
    """One hash of all values of all tables."""
    total = hashlib.sha256()
    for name in sorted(tables):
        for column in tables[name].columns:
            values = tables[name][column]
            if values.dtype == "category":
                values = values.astype(str)
            total.update(f"{name}.{column}".encode())
            total.update(pd.util.hash_array(values.to_numpy()).tobytes())
    return total.hexdigest()


def test_made_twice_it_is_the_same_to_the_last_byte(
        name: str, tables: dict[str, pd.DataFrame], repository: Path) -> None:
    """Another process with another hash seed makes exactly the same values."""
    other = subprocess.run([sys.executable, "-c", _PRINT_DIGEST, name], cwd=repository, text=True,
                           capture_output=True, check=True, env={"PYTHONHASHSEED": "7"})
    assert other.stdout.strip() == digest(tables)


def test_both_share_the_history_and_then_part() -> None:
    """Every table is equal up to and including 31 January and differs afterwards."""
    one, two = (scenarios.build(name)[1] for name in scenarios.names())
    for table, clock in CLOCK.items():
        # a bar or snapshot stamped midnight still belongs to 31 January
        left, right = (tables[table][tables[table][clock] <= FORK] for tables in (one, two))
        pd.testing.assert_frame_equal(left, right, check_exact=True)
        left, right = (tables[table][tables[table][clock] > FORK] for tables in (one, two))
        size = min(len(left), len(right))
        column = DIFFERS[table]
        assert not np.array_equal(left[column].to_numpy()[:size], right[column].to_numpy()[:size])


def test_range_and_instrument(name: str, market: Market, tables: dict[str, pd.DataFrame]) -> None:
    """One-minute bars of ETHUSDT without a gap, from 28 January to 8 February or later."""
    close = tables["bars"].close_ns.to_numpy()
    assert market.start_ns == parse("2026-01-28")
    assert market.end_ns == close[-1] >= parse("2026-02-09")
    assert (np.diff(close) == MINUTE).all()
    assert close[0] == market.start_ns + MINUTE
    assert np.array_equal(close, tables["mark"].close_ns)
    thing = market.instrument
    assert (thing.symbol, thing.venue, thing.tick_size, thing.lot_size, thing.min_notional) == (
        "ETHUSDT", "binance", .01, .001, 20.0)


def test_it_says_what_it_is(name: str, market: Market) -> None:
    """SYNTHETIC stands in the provenance of every table and in the notes, with the imposed fall."""
    assert market.synthetic
    assert market.name == f"ETH cascade 2026-01-31 ({name})"
    assert len(market.provenance) == 5
    assert all("SYNTHETIC" in text for text in market.provenance.values())
    assert "SYNTHETIC" in market.notes["warning"]
    assert "not evidence about the market" in market.notes["path"].replace("nothing here is", "not")
    assert market.notes["shape"] == "seed"


def test_every_venue_covers_the_whole_range(market: Market,
                                            tables: dict[str, pd.DataFrame]) -> None:
    """Each venue's feed is declared alive throughout, with its completeness."""
    covers = {cover.venue: cover for cover in market.coverage if cover.table == "liquidations"}
    assert set(covers) == set(tables["liquidations"].venue.unique())
    assert all((cover.start_ns, cover.end_ns) == (market.start_ns, market.end_ns)
               for cover in covers.values())
    kinds = {venue: cover.completeness for venue, cover in covers.items()}
    assert kinds == {"binance": "sampled_1s", "bybit": "all", "okx": "sampled",
                     "hyperliquid": "all", "gate": "unknown", "bitget": "unknown",
                     "htx": "unknown", "other": "unknown"}
    rows = tables["liquidations"]
    assert (rows.completeness.astype(str) == rows.venue.astype(str).map(kinds)).all()


def test_nothing_is_missing(tables: dict[str, pd.DataFrame]) -> None:
    """No table holds a NaN or an infinity."""
    for table in tables.values():
        assert not table.isna().any(axis=None)
        assert np.isfinite(table.select_dtypes("number").to_numpy()).all()


def test_a_misspelt_name_meets_the_near_miss() -> None:
    """An unknown scenario is refused with the nearest one."""
    with pytest.raises(UnknownName, match="did you mean 'risk'"):
        scenarios.build("rusk")


def test_as_a_dataset(tmp_path: Path, name: str, market: Market) -> None:
    """The scenario is written once, opened again afterwards, and reads back as it was built."""
    written = scenarios.dataset(name, tmp_path)
    again = scenarios.dataset(name, tmp_path)
    assert again.path == written.path
    assert again.sha256 == written.sha256
    assert isinstance(again, Dataset)
    assert again.market.notes["liquidations"]["factors"] == market.notes["liquidations"]["factors"]
    assert (again.market.coverage, again.market.synthetic) == (market.coverage, True)
    direct, stored = scenarios.columns(name), again.columns()
    assert direct.lines.keys() == stored.lines.keys()
    for line, values in direct.lines.items():
        np.testing.assert_array_equal(values, stored.lines[line], err_msg=line)
    assert scenarios.columns(name) is direct
