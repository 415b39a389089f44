"""Replays at other leverages: equal to runs at those leverages, trade by trade and cent by cent."""

from __future__ import annotations

from typing import Any

import backtrader as bt
import numpy as np
import pytest

from deleverage import concluding
from deleverage.columns import MarketColumns
from deleverage.results import RunResult
from deleverage.runner import run
from deleverage.spec import RunSpec
from deleverage.statistics.summary import RunRecord, summary
from deleverage.strategies.exits import LONG, Signal, SignalStrategy
from tests.markets import make_columns, random_market
from tests.results.markets import wobble

FALL = [3_000.0] * 3 + [2_900.0, 2_800.0, 2_700.0, 2_600.0] + [3_100.0] * 3


class OneTrade(bt.Strategy):  # type: ignore[misc]
    """One market order at a bar, closed at the market ``hold`` bars after its fill."""

    params = (("bar", 20), ("side", 1), ("hold", 200))

    def next(self) -> None:
        """Enter once, leave once."""
        bar = len(self.data) - 1
        if bar == self.p.bar:
            self.buy() if self.p.side > 0 else self.sell()
        elif bar == self.p.bar + self.p.hold and self.position:
            self.close()


def trade(columns: MarketColumns, leverage: float, **fields: Any) -> RunResult:
    """A run of OneTrade with 2,000 of notional at any leverage."""
    spec = RunSpec(data="test", strategy="one_trade", leverage=leverage, notional=2_000.0,
                   **{"slippage_bp": 0.0, **fields})
    return run(spec, columns, OneTrade)


def row(result: RunResult, leverage: float) -> dict[str, Any]:
    """The frontier's row at a leverage."""
    found: dict[str, Any] = result.statistics["frontier"]["rows"][int(leverage) - 1]
    assert found["leverage"] == leverage
    return found


@pytest.mark.parametrize("venue", ["bybit", "binance"])
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("seed", range(4))
def test_a_single_isolated_trade_equals_a_re_run(venue: str, side: int, seed: int) -> None:
    """A trade that lived at 2x, replayed at 3x to 100x: liquidated exactly where a run at that
    leverage and notional is, with the same money, funding and fees included."""
    columns = random_market(seed, 400, step="5m")
    fields = {"venue": venue, "params": {"side": side}}
    base = trade(columns, 2, **fields)
    assert base.statistics["liquidations"]["count"] == 0
    for leverage in (1, 3, 10, 30, 60, 90, 100):
        again, replayed = trade(columns, leverage, **fields), row(base, leverage)
        dead = again.statistics["liquidations"]["count"]
        assert replayed["surviving"] == 1 - dead, leverage
        assert replayed["net"] == pytest.approx(again.statistics["costs"]["net"], rel=1e-9,
                                                abs=1e-9), leverage


def test_the_base_leverage_replays_to_itself() -> None:
    """At the leverage it had, a trade that was liquidated is liquidated for the same money."""
    columns = make_columns(FALL)
    for leverage in (10, 20, 50):
        result = trade(columns, leverage, venue="bybit", params={"bar": 1, "hold": 50})
        assert result.statistics["liquidations"]["count"] == 1
        found = row(result, leverage)
        assert (found["surviving"], found["right_liquidated"]) == (0, 1)
        assert found["net"] == pytest.approx(result.statistics["costs"]["net"], abs=1e-9)


def test_a_liquidated_trade_is_held_to_the_end_of_the_run_at_a_lower_leverage() -> None:
    """Liquidated at 20x, the plan goes on to the last mark; a run at 5x is worth as much there."""
    columns = make_columns(FALL)
    dead = trade(columns, 20, venue="bybit", params={"bar": 1, "hold": 50})
    lived = trade(columns, 5, venue="bybit", params={"bar": 1, "hold": 50})
    assert dead.statistics["frontier"]["by_basis"] == {"end of run": 1}
    assert row(dead, 5)["net"] == pytest.approx(lived.statistics["costs"]["net"], abs=1e-9)
    (paradox,) = dead.statistics["paradox"]["rows"]
    assert paradox["paradox"]
    assert paradox["net_planned"] == pytest.approx(lived.statistics["costs"]["net"], abs=1e-9)
    assert paradox["return_on_margin"] == pytest.approx(-1.0, abs=0.02)


@pytest.mark.parametrize("seed", range(6))
def test_survivable_is_the_border_of_the_frontier(seed: int) -> None:
    """Whole leverages up to the survivable one live in the frontier, those above it die."""
    columns = random_market(seed, 400, step="5m")
    result = trade(columns, 2, venue="binance")
    (found,) = result.statistics["paradox"]["rows"]
    border = found["survivable"]
    for each in result.statistics["frontier"]["rows"]:
        if each["granted"]:
            assert each["surviving"] == (each["leverage"] <= border), (each, border)


class Timed(SignalStrategy):
    """One long whose time exit the replay knows."""

    def signals(self) -> dict[int, Signal]:
        """At bar 20, without stop or target."""
        return {20: Signal(LONG)}


@pytest.mark.parametrize("venue", ["bybit", "binance"])
def test_a_liquidated_trade_is_held_to_its_time_exit(venue: str) -> None:
    """Liquidated at 100x, the plan goes on to the strategy's own time exit: the replay at 2x makes
    what a run at 2x makes, exit fee, slippage and the funding after the liquidation included."""
    shown = 0
    for seed in range(6):
        columns = random_market(seed, 400, step="5m")
        spec = RunSpec(data="test", strategy="timed", leverage=100, notional=2_000.0, venue=venue,
                       slippage_bp=3.0, params={"hold": "20h"})
        dead, lived = run(spec, columns, Timed), run(spec.changed(leverage=2.0), columns, Timed)
        if dead.statistics["liquidations"]["count"] and lived.journal.funding:
            shown += 1
            assert dead.statistics["frontier"]["by_basis"] == {"time exit": 1}
            assert row(dead, 2)["net"] == pytest.approx(lived.statistics["costs"]["net"], abs=1e-9)
    assert shown >= 2


def test_survivable_by_hand() -> None:
    """Bybit, entry 3,000, worst mark 2,600, maintenance 0.5 % frozen at entry: 1/L is
    1 − 2,600/3,000 + 0.005, so L = 7.229.
    """
    result = trade(make_columns(FALL), 2, venue="bybit", params={"bar": 1, "hold": 50})
    (found,) = result.statistics["paradox"]["rows"]
    assert found["survivable"] == pytest.approx(1 / (1 - 2_600 / 3_000 + 0.005), rel=1e-9)
    assert result.statistics["frontier"]["all_survive"] == 7.0
    assert result.statistics["paradox"]["survivable_q05"] == found["survivable"]


def test_the_brackets_count() -> None:
    """A notional in a higher bracket carries more maintenance, so that less leverage survives."""
    columns = make_columns(FALL)
    spec = RunSpec(data="test", strategy="one_trade", leverage=2, slippage_bp=0.0, notional=2_000.0,
                   venue="binance", params={"bar": 1, "hold": 50}, cash=1e9)
    small = run(spec, columns, OneTrade).statistics["paradox"]
    large = run(spec.changed(notional=2e7), columns, OneTrade).statistics["paradox"]
    assert large["survivable_min"] < small["survivable_min"]


def test_nothing_traded_replays_nothing() -> None:
    """A run without a trade has empty blocks, not failing ones."""
    result = trade(make_columns(FALL), 5, params={"bar": 99})
    assert result.statistics["frontier"]["trades"] == 0
    assert result.statistics["paradox"]["survivable_q05"] is None


def test_margin_added_by_hand_and_reductions_are_replayed() -> None:
    """A position that was halved and given margin survives more than its first margin would."""
    columns = make_columns(FALL)

    class Saver(bt.Strategy):  # type: ignore[misc]
        """Buys, halves in the fall, adds margin."""

        def next(self) -> None:
            bar = len(self.data) - 1
            if bar == 1:
                self.buy()
            elif bar == 4:
                self.sell(size=self.position.size / 2)

    spec = RunSpec(data="test", strategy="saver", leverage=5, notional=3_000.0, slippage_bp=0.0,
                   venue="bybit")
    result = run(spec, columns, Saver)
    again = run(spec.changed(leverage=7.0), columns, Saver)
    assert row(result, 7)["net"] == pytest.approx(again.statistics["costs"]["net"], abs=1e-9)
    assert np.isclose(result.statistics["paradox"]["survivable_min"], 7.229, atol=0.01)


@pytest.mark.parametrize("venue", ["bybit", "binance"])
@pytest.mark.parametrize("leverage", [10, 50])
def test_trades_with_adds_halves_and_stops_replay_to_themselves(
    monkeypatch: pytest.MonkeyPatch, venue: str, leverage: int
) -> None:
    """At the leverage it had, every trade of a wild run hits where the venue acted, for the same
    money; only where the venue went in steps is more counted as lost."""
    taken: list[RunRecord] = []

    def spy(record: RunRecord, deep: bool) -> dict[str, Any]:
        taken.append(record)
        return summary(record, deep)

    monkeypatch.setattr(concluding, "summary", spy)
    for seed in range(4):
        wobble(seed, leverage=float(leverage), venue=venue, slippage_bp=0.0)
        trades = {trade.number: trade for trade in taken[-1].trades}
        assert len(taken[-1].replays) == len(trades) > 5
        for item in taken[-1].replays:
            trade_ = trades[item.plan.number]
            forced = trade_.liquidated or trade_.reductions > 0
            assert item.survived[leverage - 1] != forced
            if not item.in_steps[leverage - 1]:
                assert item.net[leverage - 1] == pytest.approx(trade_.net, rel=1e-9, abs=1e-6)


def test_settlements_make_no_copies_of_the_market(monkeypatch: pytest.MonkeyPatch) -> None:
    """A position held through hundreds of settlements from its margin is planned in the memory of
    its bars, not of its bars times the settlements; every bar stands in one stretch."""
    taken: list[RunRecord] = []

    def spy(record: RunRecord, deep: bool) -> dict[str, Any]:
        taken.append(record)
        return summary(record, deep)

    monkeypatch.setattr(concluding, "summary", spy)
    columns = random_market(3, 3_000, step="1h", crashes=0, volatility=1e-4)
    trade(columns, 2.0, venue="binance", params={"bar": 5, "hold": 2_900})
    (plan,) = taken[0].plans
    assert len(plan.stretches) > 300
    arrays = [array for stretch in plan.stretches for array in (stretch.bars, stretch.marks)]
    whole = {id(array if array.base is None else array.base):
             (array if array.base is None else array.base).nbytes for array in arrays}
    held = 2 * 8 * 2_901
    assert held <= sum(array.nbytes for array in arrays) <= 2 * held
    assert sum(whole.values()) <= 4 * held
