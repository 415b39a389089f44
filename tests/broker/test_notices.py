"""notify_liquidation and notify_funding: when they come, and what the strategy then sees."""

from __future__ import annotations

from typing import Any

import backtrader as bt
import pytest

import deleverage
from tests.broker.runs import Scripted, buy, market, play, still

CRASH = [*still(4), (100, 100, 80, 80), *still(3, 80)]
FUNDED = [("2026-01-28T00:05", 0.001), ("2026-01-28T00:07", 0.001)]


class Listener(Scripted):
    """Keeps the order of all calls, with the clock and an indicator at a liquidation."""

    def __init__(self) -> None:
        super().__init__()
        self.average = bt.ind.SMA(self.data.close, period=1)
        self.at: list[tuple[int, int, float, float]] = []

    def notify_liquidation(self, event: Any) -> None:
        self.calls.append("liquidation")
        self.at.append((event.bar, self.bar, self.average[0], self.data.close[0]))

    def notify_funding(self, payment: Any) -> None:
        self.calls.append("funding")
        self.at.append((payment.bar, self.bar, self.average[0], self.data.close[0]))

    def next(self) -> None:
        super().next()
        self.calls.append("next")


@pytest.mark.parametrize("engine", [bt.Cerebro, deleverage.Cerebro])
@pytest.mark.parametrize("runonce", [True, False])
@pytest.mark.parametrize("quicknotify", [True, False])
def test_a_liquidation_is_told_first_and_with_the_clock_at_its_bar(
    engine: type[bt.Cerebro], runonce: bool, quicknotify: bool
) -> None:
    """notify_liquidation, notify_order, notify_trade, next; quicknotify tells before the step."""
    run = play(Listener, market(*CRASH), engine=engine, params={"plan": {1: buy(size=10)}},
               engine_options={"runonce": runonce, "quicknotify": quicknotify})
    calls = run.strategy.calls
    told = calls.index("liquidation")
    assert calls[told:told + 5] == ["liquidation", "order Accepted", "order Completed",
                                    "trade closed", "next"]
    completed = [bar for bar, order in run.strategy.heard if order.info.liquidation]
    assert run.strategy.at == [(4, 3, 100.0, 80.0) if quicknotify else (4, 4, 80.0, 80.0)]
    assert completed == [run.strategy.at[0][1]] * 2


@pytest.mark.parametrize("engine", [bt.Cerebro, deleverage.Cerebro])
@pytest.mark.parametrize("runonce", [True, False])
def test_funding_is_told_after_orders_and_trades(
    engine: type[bt.Cerebro], runonce: bool
) -> None:
    """An order that opens in the settlement's bar is heard of before its funding."""
    run = play(Listener, market(*still(8), funding=FUNDED), engine=engine,
               params={"plan": {3: buy(size=1)}}, engine_options={"runonce": runonce})
    calls = run.strategy.calls
    first = calls.index("funding")
    assert calls[first - 2:first + 2] == ["order Completed", "trade open", "funding", "next"]
    assert [bar for bar, *_ in run.strategy.at] == [4, 6]
    assert all(bar == own for bar, own, *_ in run.strategy.at)


def test_an_order_sent_on_a_liquidation_lives_from_the_next_bar() -> None:
    """Trading goes on: notify_liquidation may send an order, filled at the next open."""
    class Stubborn(Listener):
        def notify_liquidation(self, event: Any) -> None:
            super().notify_liquidation(event)
            self.buy(size=1)

    run = play(Stubborn, market(*CRASH), params={"plan": {1: buy(size=10)}},
               liquidation="takeover")
    assert run.fills() == [(2, 10.0, 100.0), (4, -10.0, 90.0), (5, 1.0, 80.0)]


def test_a_strategy_that_does_not_listen_is_left_alone() -> None:
    """A plain strategy hears of its liquidation as an order and a trade only."""
    run = play({1: buy(size=10)}, market(*CRASH, funding=FUNDED))
    assert run.strategy.calls[-3:] == ["order Accepted", "order Completed", "trade closed"]
    assert len(run.journal.liquidations) == 1
