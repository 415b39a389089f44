"""Files of no known vendor through the generic reader, figures counted by hand beforehand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deleverage.errors import DataError
from deleverage.feeds.readers.generic.reader import READER
from deleverage.feeds.readers.parsing.aggregates import OPEN_BAR
from deleverage.feeds.tables import canonical
from deleverage.timestamps import DAY, HOUR, parse, show
from tests.feeds.readers.reading import array, first, read, rows

pytestmark = pytest.mark.real

HOURLY = """
table = "liquidations"
venue = "coinglass"
symbol = "BTC"
[time]
column = "timestamp"
unit = "ms"
stamp = "open"
step = "1h"
drop_newest = true
[columns]
long_usd = "longUsd"
short_usd = "shortUsd"
total_usd = "totalUsd"
"""
UNION = """
table = "liquidations"
venue = "binance"
symbol_column = "asset"
[time]
column = "time_ms"
stamp = "open"
step = "4h"
from = "{start}"
drop_newest = true
[columns]
long_usd = "long_liq_usd"
short_usd = "short_liq_usd"
"""
THREE = """
table = "liquidations"
venue_column = "exchange"
symbol_column = "symbol"
price_basis = { binance = "fill", bybit = "bankruptcy", okx = "bankruptcy" }
completeness = { binance = "sampled_1s", bybit = "all", okx = "sampled" }
[time]
column = "event_ts"
stamp = "event"
available = "inserted_ts"
[columns]
side = "side"
quantity = "qty"
price = "price"
notional = "notional_usd"
[side]
convention = "position"
[quantity]
unit = { binance = "coin", bybit = "coin", okx = "contracts" }
contract_size = { okx = 0.1 }
"""
MANY = """
table = "{table}"
venue_column = "venue"
symbol_column = "coin"
[where]
venue = "{venue}"
coin = "{coin}"
[time]
column = "timestamp"
stamp = "{stamp}"
{more}
"""


@pytest.fixture(scope="module")
def data(reference: Path) -> Path:
    return reference / "data"


def test_hourly_bars_are_known_at_their_end(data):
    """4,316 hours, the newest left out: two rows each, inside the hour, known at its end."""
    pieces, log = read(READER, data / "coinglass/btc_liquidations_1h.csv", toml=HOURLY)
    table = rows(pieces)
    assert log.dropped == {OPEN_BAR: 1}
    assert table.num_rows == 2 * 4_315
    assert (array(table, "available_at") == array(table, "ts") + 1).all()
    at = np.flatnonzero(array(table, "available_at") == parse("2025-11-23T06:00"))
    assert array(table, "notional_usd")[at].tolist() == [702059.93624, 79334.1739]
    assert table.column("liq_side").to_pylist()[:2] == ["long", "short"]
    assert first(table, "completeness", "base", "source_row") == ("aggregate", "BTC", 1)
    assert np.isnan(array(table, "price")).all()
    assert not log.notes  # total = long + short in every row


def test_three_parts_union_daily_bars_are_no_four_hour_bars(data):
    """The daily part is refused where 4 h are said, its last whole day as well; from the day after
    it on 2,195 bars a coin are read but the open one."""
    path = data / "coinglass/binance_liquidations_4h_union.csv"
    for start in ("2013-01-01", "2024-11-01", "2024-11-13"):
        with pytest.raises(DataError, match=r"row \d+, time begins a bar of 1d, where bars are 4h"):
            read(READER, path, toml=UNION.format(start=start), symbol="ETH")
    pieces, log = read(READER, path, toml=UNION.format(start="2024-11-14"), symbol="ETH")
    table = rows(pieces)
    assert table.num_rows == 2 * (2_195 - 1)
    assert log.dropped[OPEN_BAR] == 1
    assert log.dropped["other coins"] == 3 * 6_516
    assert show(int(array(table, "available_at")[-1])) == "2025-11-14 16:00"
    assert set(table.column("base").to_pylist()) == {"ETH"}


def test_all_coins_of_the_union(data):
    """Without a symbol the four coins are four series, each without its newest bar."""
    pieces, log = read(READER, data / "coinglass/binance_liquidations_4h_union.csv",
                       toml=UNION.format(start="2024-11-14"))
    assert rows(pieces).num_rows == 4 * 2 * 2_194
    assert log.dropped == {OPEN_BAR: 4}


def test_daily_part_of_the_union_read_as_days(data):
    """With step 1d and an end before the first bar of 4 h the same file gives its daily bars."""
    toml = UNION.format(start="2020-12-23").replace('"4h"', '"1d"').replace(
        "drop_newest = true", 'to = "2024-11-13T12:00"')
    table = rows(read(READER, data / "coinglass/binance_liquidations_4h_union.csv", toml=toml,
                      symbol="BTC")[0])
    days = np.unique(array(table, "available_at"))
    assert (np.diff(days) == DAY).all()
    assert show(int(days[-1])) == "2024-11-14 00:00"


def test_three_venues_sides_agree_and_the_clock_is_clamped(data):
    """18 events of three venues: the position's side, OKX's contracts in coins, known no sooner
    than they were."""
    pieces, log = read(READER, data / "three_venue_20260403/liquidation_events.csv", toml=THREE)
    table = canonical("liquidations", rows(pieces).append_column(
        "provider", rows(pieces).column("venue")).sort_by("ts"))
    venues = table.column("venue").to_pylist()
    assert [venues.count(name) for name in ("binance", "bybit", "okx")] == [15, 2, 1]
    assert (array(table, "available_at") == array(table, "ts")).all()
    assert any("recorder's" in note for note in log.notes)
    okx = table.filter(np.array(venues) == "okx")
    assert first(okx, "liq_side", "price_basis", "completeness") == (
        "long", "bankruptcy", "sampled")
    assert first(okx, "qty_base")[0] == pytest.approx(0.001)
    assert (array(table, "qty_base") * array(table, "price")
            == pytest.approx(array(table, "notional_usd"), rel=1e-3))


def test_three_venues_order_sides_would_be_inverted_by_raw_side(data):
    """raw_side read as an order's side is right for Binance and wrong for Bybit: the venues write
    opposite things."""
    path = data / "three_venue_20260403/liquidation_events.csv"
    toml = THREE.replace('side = "side"', 'side = "raw_side"')
    raw = {}
    for venue in ("binance", "bybit"):
        for convention in ("order", "position"):
            text = toml.replace('convention = "position"', f'convention = "{convention}"')
            table = rows(read(READER, path, toml=text + f'[where]\nexchange = "{venue}"\n')[0])
            raw[venue, convention] = table.column("liq_side").to_pylist()
    for venue, right in (("binance", "order"), ("bybit", "position")):
        table = rows(read(READER, path, toml=THREE + f'[where]\nexchange = "{venue}"\n')[0])
        assert raw[venue, right] == table.column("liq_side").to_pylist()
        assert raw["binance" if venue == "binance" else "bybit", right] != raw[
            venue, "order" if right == "position" else "position"]


def test_funding_divided_by_eight_is_multiplied_back(data):
    """546 settlements; rate × 8 equals Binance's own rows of the other file to 1e-9."""
    toml = """
table = "funding"
venue = "binance"
symbol = "ETHUSDT"
[time]
column = "ts"
stamp = "event"
[columns]
rate = "rate"
[rate]
unit = "fraction"
multiplier = 8
interval_h = 8
"""
    table = rows(read(READER, data / "binance_oi_funding/ETHUSDT_funding_8h_div8.csv",
                      toml=toml)[0])
    assert table.num_rows == 546
    assert first(table, "rate", "interval_h") == (pytest.approx(0.0000067175 * 8), 8.0)
    assert (array(table, "ts") % HOUR == 0).all()
    jitter = array(table, "raw_ts") - array(table, "ts")
    assert (jitter.min(), jitter.max()) == (0, 16_000_000)
    more = '[columns]\nrate = "funding_rate"\n'
    other = rows(read(READER, data / "multi_venue/funding_rates.parquet", toml=MANY.format(
        table="funding", venue="binance", coin="ETH", stamp="event", more=more))[0])
    both = dict(zip(array(other, "ts").tolist(), array(other, "rate").tolist(), strict=True))
    pairs = [(rate, both[ts]) for ts, rate in zip(
        array(table, "ts").tolist(), array(table, "rate").tolist(), strict=True) if ts in both]
    assert len(pairs) == 290
    assert np.abs(np.diff(np.array(pairs))).max() < 1e-9


def test_multi_venue_candles_by_venue_and_coin(data):
    """A file of seven venues and five coins: where picks one; open stamps become close stamps."""
    more = 'step = "1h"\n[columns]\nopen = "o"\nhigh = "h"\nlow = "l"\nclose = "c"\nvolume = "v"\n'
    pieces, log = read(READER, data / "multi_venue/candles.parquet", toml=MANY.format(
        table="bars", venue="bybit", coin="ETH", stamp="open", more=more))
    table = rows(pieces)
    assert show(int(array(table, "close_ns").min())) == "2025-03-06 12:00"
    assert table.num_rows + log.dropped["left out by where"] == 121_122
    assert {piece.contract.base for piece in pieces if piece.contract} == {"ETH"}
    assert {piece.step_ns for piece in pieces} == {HOUR}
    assert (np.diff(np.sort(array(table, "close_ns"))) == HOUR).mean() > 0.99


def test_multi_venue_open_interest_and_daily_liquidations(data):
    """Open interest in USD only leaves the coins unknown; daily totals that differ are named."""
    pieces, log = read(READER, data / "multi_venue/open_interest.parquet", toml=MANY.format(
        table="open_interest", venue="hyperliquid", coin="ETH", stamp="event",
        more='[columns]\nusd = "oi_usd"\n'))
    assert np.isnan(array(rows(pieces), "oi_base")).all()
    assert any("USD only" in note for note in log.notes)
    toml = """
table = "liquidations"
venue = "hyperliquid"
symbol_column = "coin"
[time]
column = "timestamp"
stamp = "open"
step = "1d"
[columns]
long_usd = "long_usd"
short_usd = "short_usd"
total_usd = "total_usd"
"""
    pieces, log = read(READER, data / "multi_venue/liquidation_volume.parquet", toml=toml,
                       symbol="ETH")
    assert rows(pieces).num_rows == 100
    assert any("differs from long + short" in note and "29 of" in note for note in log.notes)
