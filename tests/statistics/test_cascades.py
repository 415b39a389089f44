"""Cascades of a market and what was traded in them: rows and zones add up to the net."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import backtrader as bt
import numpy as np
import pytest

from deleverage import scenarios
from deleverage.columns import MarketColumns
from deleverage.results import RunResult
from deleverage.runner import run
from deleverage.spec import RunSpec
from deleverage.statistics.cascade_table import NOT_LOOKED_FOR, ZONES, zones_of
from deleverage.statistics.cascades import LIQUIDATIONS, OPEN_INTEREST, cascades
from deleverage.timestamps import DAY, HOUR
from tests.markets import random_market
from tests.results.markets import Wobbler


@pytest.fixture(scope="module")
def market() -> MarketColumns:
    """The SYNTHETIC event: one cascade that flushes, two that do not."""
    return scenarios.columns("constructive")


def without(columns: MarketColumns, *names: str) -> MarketColumns:
    """The same market without some lines."""
    lines = {name: np.full(len(columns), np.nan) if name in names else line
             for name, line in columns.lines.items()}
    return dataclasses.replace(columns, lines=lines)


def spec(**fields: Any) -> RunSpec:
    return RunSpec(**{"data": "test", "strategy": "wobbler", "leverage": 25.0, **fields})


def test_windows_sizes_and_lows_are_those_of_the_market(market: MarketColumns) -> None:
    """From the call to the exhaustion, the lowest price between, the longs liquidated from an hour
    before; the share is of open interest at mark, the change of coins."""
    found = cascades(market)
    assert (found.trigger, found.missing) == (LIQUIDATIONS, ())
    first = found.cascades[0]
    window = slice(first.first, first.last + 1)
    lines = market.lines
    assert first.low == lines["low"][window].min() == lines["low"][first.low_bar]
    size = lines["long_liquidations"][first.first - 59:first.last + 1].sum()
    assert first.size_usd == pytest.approx(size)
    coins = lines["openinterest"]
    assert first.size_share == pytest.approx(
        size / (coins[first.first] * lines["mark_close"][first.first]))
    assert first.interest_change == pytest.approx(coins[first.last] / coins[first.first] - 1)
    assert first.confirmed
    assert first.ended
    assert [cascade.number for cascade in found.cascades] == [1, 2, 3]
    assert all(a.last < b.first for a, b in zip(found.cascades, found.cascades[1:], strict=False))


def test_without_liquidations_open_interest_stands_in(market: MarketColumns) -> None:
    """No size is made up; one line says which table would have told it."""
    found = cascades(without(market, "long_liquidations"))
    assert found.trigger == OPEN_INTEREST
    assert found.cascades
    assert all(cascade.size_usd is None and cascade.size_share is None
               for cascade in found.cascades)
    assert found.missing == ("cascades have no size and are told by the fall of open interest: the "
                             "table liquidations is missing",)


def test_without_open_interest_nothing_is_looked_for(market: MarketColumns) -> None:
    """The block is empty with one line that names the table; the rest of the run is there."""
    result = run(spec(), random_market(3, 400), Wobbler)
    table = result.statistics["cascades"]
    assert (table["trigger"], table["rows"], table["zones"]) == (None, [], [])
    (line,) = table["missing"]
    assert "the table open_interest is missing" in line
    assert table["net_elsewhere"] == pytest.approx(result.statistics["costs"]["net"])
    assert cascades(without(market, "openinterest")).trigger is None


@pytest.mark.parametrize("margin", ["isolated", "cross"])
@pytest.mark.parametrize("seed", range(3))
def test_rows_and_zones_add_up_to_the_net(market: MarketColumns, seed: int, margin: str) -> None:
    """Each trade is in one row or elsewhere, each bar in one zone; both sums are the net, and the
    slippage and funding of all rows are those of their trades."""
    result = run(spec(params={"seed": seed, "every": 100}, margin=margin, margin_fraction=0.1),
                 market, Wobbler)
    table, net = result.statistics["cascades"], result.statistics["costs"]["net"]
    rows, zones = table["rows"], table["zones"]
    close = {"rel": 1e-9, "abs": 1e-9 * result.statistics["costs"]["turnover"]}
    assert math.fsum([row["net"] for row in rows] + [table["net_elsewhere"]]) == \
        pytest.approx(net, **close)
    assert math.fsum(zone["net"] for zone in zones) == pytest.approx(net, **close)
    for side, name in ((1, "long"), (-1, "short")):
        assert math.fsum(zone[name] for zone in zones) == pytest.approx(
            math.fsum(trade.net for trade in result.trades if trade.side == side), **close)
    hours = math.fsum(zone["hours"] for zone in zones)
    assert hours == pytest.approx(len(market) * market.market.step_ns / HOUR)
    numbers = [number for row in rows for number in row["trades"]]
    assert len(numbers) == len(set(numbers))
    assert table["traded"] == sum(bool(row["trades"]) for row in rows) > 0
    owned = [trade for trade in result.trades if trade.number in numbers]
    assert math.fsum(row["funding"] for row in rows) == pytest.approx(
        math.fsum(trade.funding for trade in owned), **close)
    assert sum(row["liquidated"] for row in rows) == sum(trade.liquidated for trade in owned)
    if len(owned) == len(result.trades):
        assert math.fsum(row["slippage"] for row in rows) == pytest.approx(
            result.statistics["costs"]["slippage"], **close)


class Before(bt.Strategy):  # type: ignore[misc]
    """Buys at one bar and sells at another."""

    params: Any = (("buy", 0), ("sell", 0))

    def next(self) -> None:
        """Two orders in all."""
        bar = len(self.data) - 1
        if bar == self.p.buy:
            self.buy()
        elif bar == self.p.sell:
            self.close()


def one_trade(market: MarketColumns, buy: int, sell: int) -> RunResult:
    """A run with a single long at 2x."""
    return run(spec(strategy="before", leverage=2.0, params={"buy": buy, "sell": sell}), market,
               Before)


def test_a_trade_belongs_to_the_cascade_it_was_entered_in_or_met(market: MarketColumns) -> None:
    """Entered in the window or 24 h after it: that cascade, with the lag from its low; entered
    before and still held: the first one met, without a lag; else none."""
    first = cascades(market).cascades[0]
    inside = one_trade(market, first.first + 10, first.first + 60)
    (row, *others) = inside.statistics["cascades"]["rows"]
    assert row["trades"] == [1]
    assert not any(other["trades"] for other in others)
    lag = inside.trades[0].entry_ns - int(market.close_ns[first.low_bar])
    assert row["entry_lag_h"] == pytest.approx(lag / HOUR)
    assert row["mae"] == inside.trades[0].mae
    assert row["survivable"] == inside.statistics["paradox"]["survivable_min"]
    held = one_trade(market, first.first - 100, first.first + 60)
    assert held.statistics["cascades"]["rows"][0]["trades"] == [1]
    assert held.statistics["cascades"]["rows"][0]["entry_lag_h"] is None
    away = one_trade(market, first.first - 100, first.first - 50)
    assert away.statistics["cascades"]["best"] is None
    assert away.statistics["cascades"]["net_elsewhere"] == away.trades[0].net
    assert any("only 1 cascade traded" in line for line in inside.warnings)


def test_zones_lie_where_the_windows_are(market: MarketColumns) -> None:
    """A window, then 24 h after it up to the next window, else elsewhere."""
    found = cascades(market).cascades
    zone = zones_of(found, market.close_ns)
    names = [ZONES[index] for index in zone]
    assert names[found[0].first - 1] == "elsewhere"
    assert set(names[found[0].first:found[0].last + 1]) == {"inside"}
    assert names[found[0].last + 1] == "24 h after"
    end = int(np.searchsorted(market.close_ns, market.close_ns[found[0].last] + DAY))
    assert names[end] == "24 h after" or end >= found[1].first


def test_runs_that_are_only_compared_do_not_search(market: MarketColumns) -> None:
    """A run without recorded curves leaves the search out and says so."""
    result = run(spec(), market, Wobbler, record=False)
    assert result.statistics["cascades"]["missing"] == [NOT_LOOKED_FOR]
