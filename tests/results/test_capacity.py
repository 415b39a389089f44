"""Capacity: the run at other notionals, charged by volume, beside hand arithmetic."""

from __future__ import annotations

import dataclasses
from typing import Any

import backtrader as bt
import numpy as np
import pytest

from deleverage import tearsheet
from deleverage.beside import CapacityRow, Outcome, carried
from deleverage.capacity import NO_VOLUME, NOTIONALS, at_notional, capacity
from deleverage.columns import MarketColumns
from deleverage.results import RunResult
from deleverage.runner import run
from deleverage.spec import RunSpec
from deleverage.tearsheet import beside as beside_sheet
from tests.markets import make_columns
from tests.tearsheet import sheets

RISE = [3_000.0, 3_000.0, 3_030.0, 3_060.0, 3_090.0, 3_090.0]
WIDE = {"open": [3_000.0] * 6, "high": [3_200.0] * 6, "low": [2_800.0] * 6, "close": [3_000.0] * 6}


class InAndOut(bt.Strategy):  # type: ignore[misc]
    """Buys at the second bar's open and sells all at the fifth's."""

    params: Any = (("size", None),)

    def next(self) -> None:
        """By bar number."""
        if len(self) == 1:
            self.buy(size=self.p.size)
        elif len(self) == 4:
            self.close()


def ran(prices: Any = None, volume: float = 1_000.0, **fields: Any) \
        -> tuple[RunResult, MarketColumns]:
    prices = RISE if prices is None else prices
    bars = len(prices["close"] if isinstance(prices, dict) else prices)
    columns = make_columns(prices, volume=np.full(bars, volume), lot_size=None)
    spec = RunSpec(**{"data": "test", "strategy": "buy_and_hold", "leverage": 5.0,
                      "fees": (0.0, 0.0), "slippage_bp": 0.0, **fields})
    return run(spec, columns, InAndOut), columns


def rows(prices: Any = None, volume: float = 1_000.0, **fields: Any) -> tuple[CapacityRow, ...]:
    result, columns = ran(prices, volume, **fields)
    return capacity(result, columns, 1, strategy=InAndOut)


def test_by_hand() -> None:
    """In 1-minute bars of 1,000 coins, 3,000 at both ends and room for slippage: q = N ÷ 3,000
    coins each way, each worse by 0.3 bp + 10 bp × √(q ÷ 1,000); the net is minus both."""
    for row in rows(WIDE):
        coins = row.notional / 3_000
        share = 0.3e-4 + 0.001 * (coins / 1_000) ** 0.5
        assert row.outcome is not None
        assert row.slippage == pytest.approx(2 * coins * 3_000 * share)
        assert row.outcome.net == pytest.approx(-row.slippage)
        assert row.largest_share == pytest.approx(coins / 1_000)
        turnover = coins * (3_000 * (1 + share) + 3_000 * (1 - share))
        assert row.slippage_bp == pytest.approx(1e4 * row.slippage / turnover)
        assert (row.outcome.trades, row.rejections, row.reason, row.why) == (1, 0, "", "")
    assert [row.notional for row in rows(WIDE)] == list(NOTIONALS)


@pytest.mark.parametrize("fields", [{}, {"margin_fraction": 0.5}, {"notional": 4_000.0},
                                    {"notional_leverage": 2.0, "margin_fraction": 0.1}])
def test_the_wallet_keeps_its_proportion(fields: dict[str, Any]) -> None:
    """Notional ÷ wallet, leverage and so margin ÷ wallet are those of the run's first entry,
    whatever its size rule."""
    spec = RunSpec(data="test", strategy="buy_and_hold", leverage=5.0, **fields)
    opened = spec.notional or (spec.margin_fraction or 0) * (
        spec.notional_leverage or spec.leverage) * spec.cash
    for notional in NOTIONALS:
        made = at_notional(spec, notional)
        assert made.notional == notional
        assert made.notional / made.cash == pytest.approx(opened / spec.cash)
        assert made.leverage == spec.leverage
        assert made.slippage == "volume"
        assert made.margin_fraction is None


def test_rows_are_separate_runs_in_any_process() -> None:
    """Each row is the run it names, in this process and in others."""
    result, columns = ran()
    found = capacity(result, columns, 1, strategy=InAndOut)
    assert capacity(result, columns, 2, strategy=InAndOut) == found
    for row in found:
        alone = run(at_notional(result.spec, row.notional), columns, InAndOut, record=False)
        assert row.outcome == Outcome.of(alone, f"{row.notional:,.0f}")


def test_beyond_the_ladder_orders_are_refused() -> None:
    """At 100x Binance's ladder ends far below 2M: the row has no trade and says what the venue
    said; the smaller ones trade."""
    found = rows(leverage=100.0, margin_fraction=0.01)
    small, large = found[0], found[-1]
    assert small.outcome is not None
    assert (small.outcome.trades, small.rejections) == (1, 0)
    assert large.outcome is not None
    assert (large.outcome.trades, large.rejections, large.largest_share) == (0, 1, None)
    assert large.reason.startswith("leverage 100 is above the venue's")
    assert carried(found) is not None
    assert carried(found) < 2_000_000  # type: ignore[operator]


def test_without_volume_nothing_is_run() -> None:
    """Data without volume says nothing of what a size would have cost: a line, and no figures."""
    found = rows(volume=0.0)
    assert [row.why for row in found] == [NO_VOLUME] * 4
    assert all(row.outcome is None for row in found)
    assert carried(found) is None
    sheet = beside_sheet.capacity(found, "USDT")
    assert " ".join(sheet.split()).endswith(
        f"- 10,000, 100,000, 500,000, 2,000,000: not run, {NO_VOLUME}")


@pytest.mark.parametrize("size", [0.5, 1_000.0])
def test_a_strategy_that_ignores_the_size_rule_says_nothing(size: float) -> None:
    """Orders of fixed sizes would be the same run four times over: the row says so."""
    class Own(InAndOut):
        params: Any = (("size", size),)

    columns = make_columns(RISE, volume=np.full(6, 1e6), lot_size=None)
    result = run(RunSpec(data="test", strategy="buy_and_hold", leverage=5.0, cash=1e7), columns,
                 Own)
    found = capacity(result, columns, 1, strategy=Own, notionals=(50_000.0,))
    assert found[0].outcome is None
    assert found[0].why.startswith("the strategy orders sizes of its own, here of")


def test_no_trade_no_capacity() -> None:
    """A run that never traded has no rows, and the sheet no section."""
    result, columns = ran()
    assert capacity(dataclasses.replace(result, trades=()), columns, 1, strategy=InAndOut) == ()
    assert beside_sheet.capacity((), "USDT") == ""


def row(notional: float, net: float, **more: Any) -> CapacityRow:
    done = Outcome("", net, net / notional, 0.1, 2, 0, 0.0)
    return CapacityRow(notional, notional / 2, done, "by volume", 5.0, 1.2, 0.25, **more)


@pytest.mark.parametrize(("nets", "best", "said"), [
    ((5.0, 4.0, -1.0, -9.0), 100_000.0, "stays positive up to a notional of 100,000, of those"),
    ((5.0, 4.0, 3.0, 2.0), 2_000_000.0, "positive at every notional tried, up to 2,000,000"),
    ((-5.0, 4.0, 3.0, 2.0), 0.0, "positive at none of these notionals from the smallest up"),
    ((5.0, 0.0, 3.0, 2.0), 10_000.0, "stays positive up to a notional of 10,000"),
])
def test_up_to_where_it_pays(nets: tuple[float, ...], best: float, said: str) -> None:
    """The sentence names the largest notional below which no smaller one loses."""
    made = [row(notional, net) for notional, net in zip(NOTIONALS, nets, strict=True)]
    assert carried(made) == best
    assert said in beside_sheet.capacity(made, "USDT")


def test_the_section_stands_after_the_costs() -> None:
    """Its place on the sheet, its width, and the words for refused orders."""
    made = [row(10_000.0, 5.0), row(500_000.0, -5.0, rejections=2, reason="margin: needs 9.00")]
    sheet = str(tearsheet.render(sheets.result(), capacity=made))
    assert sheet.index("FROM GROSS TO NET") < sheet.index("\nCAPACITY (USDT;") \
        < sheet.index("\nFUNDING")
    assert "500,000: 2 orders refused, most of them: margin: needs 9.00" in sheet
    assert max(map(len, sheet.splitlines())) <= 120
