"""Real data: 31 January 2026 as one cascade, told from Binance's open interest under Bybit's bars.

No liquidations by event are public for ETH in these days, so that no size is told. Stamps are the
close of a bar.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from deleverage import timestamps
from deleverage.columns import MarketColumns
from deleverage.feeds.importing import import_dataset
from deleverage.runner import run
from deleverage.spec import RunSpec
from deleverage.statistics.cascades import NO_LIQUIDATIONS, OPEN_INTEREST, cascades
from tests.statistics.test_replay_real import Long

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def columns(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> MarketColumns:
    """Bybit ETH with Binance's open interest, imported once."""
    data = reference / "data"
    coins = data / "binance_oi_funding" / "ETHUSDT_oi_5m.csv"
    if not (data / "freqtrade_bybit").is_dir() or not coins.is_file():
        pytest.skip(f"no real data at {data}")
    made, _ = import_dataset("freqtrade", [data / "freqtrade_bybit"],
                             tmp_path_factory.mktemp("real") / "eth", symbol="ETHUSDT",
                             open_interest=coins)
    return made.columns()


def test_the_31st_of_january_is_one_cascade(columns: MarketColumns) -> None:
    """17:05 to 20:15, low 2,237.52 in the bar that closes at 18:45, confirmed by a fall of open
    interest of 12 % from the call on; without a size, and one line says why."""
    found = cascades(columns)
    assert (found.trigger, found.missing) == (OPEN_INTEREST, (NO_LIQUIDATIONS,))
    day = [cascade for cascade in found.cascades if timestamps.show(
        int(columns.close_ns[cascade.first])).startswith("2026-01-31")]
    (cascade,) = day
    assert [timestamps.show(int(columns.close_ns[bar])) for bar in (
        cascade.first, cascade.low_bar, cascade.last)] == [
            "2026-01-31 17:05", "2026-01-31 18:45", "2026-01-31 20:15"]
    assert (cascade.low, cascade.size_usd, cascade.size_share) == (2_237.52, None, None)
    assert cascade.interest_change == pytest.approx(-0.1167, abs=5e-5)
    assert cascade.confirmed
    assert cascade.ended


def test_the_long_of_1715_belongs_to_it(columns: MarketColumns) -> None:
    """Bought at 2,405.90, 85 minutes before the bar of the low: survivable 14.03x, and at 15x
    liquidated inside the window, of which the zones tell."""
    spec = RunSpec(data="test", strategy="long", params={"bar": "2026-01-31 17:15"}, venue="bybit",
                   leverage=15, cash=50_000.0, fees=(0.0, 0.0), slippage_bp=0.0,
                   fromdate="2026-01-25 00:00", todate="2026-02-01")
    result = run(spec, columns, Long)
    table = result.statistics["cascades"]
    (row,) = [row for row in table["rows"] if row["trades"]]
    assert (row["trades"], row["liquidated"], row["low"]) == ([1], 1, 2_237.52)
    assert row["entry_lag_h"] == pytest.approx(-(85 / 60))
    # 1 ÷ (1 − 2,246.44 ÷ 2,405.90 + 0.005)
    assert row["survivable"] == pytest.approx(14.03, abs=0.005)
    inside = {zone["name"]: zone["net"] for zone in table["zones"]}
    assert inside["inside"] == pytest.approx(-24_059 / 15)
    assert inside["elsewhere"] == inside["24 h after"] == 0.0
