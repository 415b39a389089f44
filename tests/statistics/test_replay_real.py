"""Real data: longs that were right and liquidated, on Bybit's mark of January and February 2026.

Bybit ETHUSDT, five-minute last prices and hourly mark, isolated, the lowest bracket: maintenance
0.5 % of the notional at entry. Worked out on the files by hand: LP = E × (1 − 1/L + 0.005). Gross
of costs: no fee, no slippage; funding of these days went into or out of the free balance, so that
no liquidation price moved. A bar is named by its OPEN time, as in the vendor's files.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import backtrader as bt
import pytest

from deleverage import timestamps
from deleverage.columns import MarketColumns
from deleverage.results import RunResult
from deleverage.runner import run
from deleverage.spec import RunSpec
from tests.core.cascade import import_eth

pytestmark = pytest.mark.real

# entry bar, entry price, end of the day, lowest mark of the day after it, close, last leverage that
# lives, by how much
DAYS = [
    ("2026-01-31 17:15", 2_405.90, "2026-02-01", 2_246.44, 2_450.64, 14, 0.36),
    ("2026-02-02 00:00", 2_269.19, "2026-02-03", 2_157.12, 2_345.52, 18, 2.65),
]


@pytest.fixture(scope="module")
def columns(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> MarketColumns:
    """The vendor's directory, imported once."""
    return import_eth(reference, tmp_path_factory.mktemp("real") / "eth").columns()


class Long(bt.Strategy):  # type: ignore[misc]
    """Buys at the open of a bar and holds on."""

    params: Any = (("bar", ""),)

    def next(self) -> None:
        """The bar that closes when that one opens."""
        if self.data.datetime.datetime(0) == datetime.fromisoformat(self.p.bar):
            self.buy(size=10)


def held(columns: MarketColumns, bar: str, until: str, leverage: float) -> RunResult:
    """A long of 10 ETH from the open of ``bar`` to the end of the day."""
    spec = RunSpec(data="test", strategy="long", params={"bar": bar}, venue="bybit",
                   leverage=leverage, cash=50_000.0, fees=(0.0, 0.0), slippage_bp=0.0,
                   fromdate=f"{bar[:10]} 00:00" if "17" in bar else "2026-02-01 22:00",
                   todate=until)
    return run(spec, columns, Long)


@pytest.mark.parametrize(("bar", "price", "until", "low", "close", "lives", "by"), DAYS)
def test_right_on_direction_and_liquidated(
    columns: MarketColumns, bar: str, price: float, until: str, low: float, close: float,
    lives: int, by: float,
) -> None:
    """The replay of the 2x long lives up to one leverage and dies from the next on, right all the
    time; the margin by which it lives is worked out beside it, and the runs agree."""
    base = held(columns, bar, until, 2)
    (trade,) = base.trades
    assert trade.entry_price == pytest.approx(price, abs=0.005)
    assert base.provenance.last_ns == timestamps.parse(until)
    lowest = price * (1 - (trade.mae or 0.0))
    assert lowest == pytest.approx(low, abs=0.006)
    # the mark's close, not last's, is what the open position is worth; both are above the entry
    last = columns.lines["close"][columns.close_ns == timestamps.parse(until)]
    assert float(last[0]) == pytest.approx(close, abs=0.005)
    assert trade.right

    level = price * (1 - 1 / lives + 0.005)
    assert lowest - level == pytest.approx(by, abs=0.01), "lives by so many dollars"
    assert lowest < price * (1 - 1 / (lives + 1) + 0.005), "one more is too much"
    rows = {row["leverage"]: row for row in base.statistics["frontier"]["rows"]}
    for leverage, row in rows.items():
        assert row["surviving"] == (leverage <= lives), leverage
        assert row["right_liquidated"] == (leverage > lives), leverage
    (found,) = base.statistics["paradox"]["rows"]
    assert found["survivable"] == pytest.approx(1 / (1 - lowest / price + 0.005), rel=1e-6)
    assert lives < found["survivable"] < lives + 1

    for leverage in (lives - 1, lives, lives + 1, 25):
        again = held(columns, bar, until, leverage)
        figures = again.statistics
        assert figures["liquidations"]["count"] == (leverage > lives), leverage
        assert figures["trades"]["right_liquidated"] == (leverage > lives), leverage
        assert rows[leverage]["net"] == pytest.approx(figures["costs"]["net"], abs=1e-6)
        assert figures["paradox"]["right_liquidated"] == (leverage > lives)
