"""Notifications, timers, several strategies and several views of a feed, all of them stock."""

from __future__ import annotations

import datetime as dt
from typing import Any

import backtrader as bt
import pytest

from deleverage import Fees
from tests.broker.runs import ORDER, Scripted, buy, close, market, play, sell, still

UP = [*still(3), (100, 110, 100, 110), *still(3, 110)]


class Everything(Scripted):
    """Overrides every notification and writes down what each brought."""

    params: Any = (("plan", {}),)

    def __init__(self) -> None:
        super().__init__()
        self.cash: list[tuple[int, float, float]] = []
        self.fund: list[tuple[int, float, float]] = []

    def notify_cashvalue(self, cash: float, value: float) -> None:
        self.cash.append((self.bar, cash, value))
        self.calls.append("cashvalue")

    def notify_fund(self, cash: float, value: float, fundvalue: float, shares: float) -> None:
        self.fund.append((self.bar, fundvalue, shares))
        self.calls.append("fund")

    def next(self) -> None:
        self.calls.append("next")
        super().next()


def test_notify_order_brings_clones_with_price_size_fee_and_profit() -> None:
    """What executed tells of an entry and of its close."""
    run = play({1: buy(size=2), 3: close}, market(*UP), fees=Fees.flat(0.001))
    entry, exit_ = (order for _, order in run.strategy.heard if order.status == ORDER.Completed)
    assert (entry.executed.price, entry.executed.size, entry.executed.comm) == (100.0, 2.0, 0.2)
    assert (exit_.executed.price, exit_.executed.size) == (110.0, -2.0)
    assert exit_.executed.pnl == pytest.approx(20.0)
    assert exit_.executed.comm == pytest.approx(0.22)
    assert (exit_.executed.psize, entry.executed.psize, entry.executed.pprice) == (0.0, 2.0, 100.0)
    assert entry.executed.margin == 10.0  # initial margin of one coin at 10x
    assert all(order is not run.strategy.sent[0] for _, order in run.strategy.heard)


def test_notify_trade_brings_profit_with_and_without_fees() -> None:
    """pnl from prices, pnlcomm after the fees of both fills."""
    trades: list[bt.Trade] = []

    class Keeper(Scripted):
        def notify_trade(self, trade: bt.Trade) -> None:
            trades.append(trade)

    play(Keeper, market(*UP), params={"plan": {1: buy(size=2), 3: close}}, fees=Fees.flat(0.001))
    opened, closed = trades
    assert (opened.isopen, opened.size, opened.price) == (True, 2.0, 100.0)
    assert (closed.isclosed, closed.barlen) == (True, 2)
    assert (closed.pnl, closed.pnlcomm) == (pytest.approx(20.0), pytest.approx(19.58))


def test_notify_cashvalue_and_fund_come_every_bar_after_orders_and_trades() -> None:
    """Cash is available margin, value is equity at mark; the fund is the account in one share."""
    run = play(Everything, market(*UP), params={"plan": {1: buy(size=2)}})
    assert run.strategy.cash == [(0, 10_000.0, 10_000.0), (1, 10_000.0, 10_000.0),
                                 (2, 9_980.0, 10_000.0), *[(n, 9_980.0, 10_020.0)
                                                           for n in (3, 4, 5, 6)]]
    assert run.strategy.fund[-1] == (6, 10_020.0, 1.0)
    bar = run.strategy.calls.index("order Submitted")
    assert run.strategy.calls[bar:bar + 7] == ["order Submitted", "order Accepted",
                                               "order Completed", "trade open", "cashvalue",
                                               "fund", "next"]


def test_timers() -> None:
    """add_timer rings at its time, and an order sent then fills at the next open."""
    class Ringing(Scripted):
        def __init__(self) -> None:
            super().__init__()
            self.add_timer(dt.time(0, 4))

        def notify_timer(self, timer: Any, when: Any, *args: Any, **kwargs: Any) -> None:
            self.calls.append(f"timer {when:%H:%M}")
            self.buy(size=1)

    run = play(Ringing, market(*UP))
    assert run.strategy.calls[0] == "timer 00:04"
    assert run.fills() == [(4, 1.0, 110.0)]


def test_two_strategies_share_the_account() -> None:
    """Each hears of its own orders and trades; position and cash are the account's."""
    def second(cerebro: bt.Cerebro) -> None:
        cerebro.addstrategy(Scripted, plan={2: buy(size=2), 4: sell(size=3)})

    run = play({1: buy(size=1)}, market(*UP), prepare=second)
    first, other = run.strategies
    assert [order.executed.size for _, order in first.heard][-1] == 1.0
    assert [order.executed.size for _, order in other.heard
            if order.status == ORDER.Completed] == [2.0, -3.0]
    assert run.size == 0.0
    assert [fill.size_after for fill in run.journal.fills] == [1.0, 3.0, 0.0]


def test_tradeids_keep_trades_apart() -> None:
    """Two trades overlap in one position."""
    plan = {1: buy(size=1, tradeid=7), 2: buy(size=2, tradeid=8),
            3: sell(size=1, tradeid=7), 4: sell(size=2, tradeid=8)}
    run = play(plan, market(*UP))
    assert [(t.status, t.tradeid) for t in run.strategy.trades] == [
        ("open", 7), ("open", 8), ("closed", 7), ("closed", 8)]
    assert [t.pnl for t in run.strategy.trades][2:] == [pytest.approx(10.0), pytest.approx(20.0)]


def test_a_resampled_clone_beside_the_feed() -> None:
    """The clone shows larger bars and the same position; orders go to the feed."""
    seen: list[tuple[float, float, float]] = []

    class Slow(Scripted):
        def next(self) -> None:
            super().next()
            seen.append((self.data1.close[0], self.getposition(self.data1).size,
                         self.broker.getvalue([self.data1])))

    rows = [(100 + n, 101 + n, 100 + n, 101 + n) for n in range(20)]
    run = play(Slow, market(*rows), params={"plan": {6: buy(size=1)}},
               prepare=lambda cerebro: cerebro.resampledata(
                   cerebro.datas[0], timeframe=bt.TimeFrame.Minutes, compression=5))
    assert run.fills() == [(7, 1.0, 107.0)]
    assert seen[0] == (105.0, 0.0, 0.0)
    assert seen[-1] == (120.0, 1.0, 120.0)


def test_replayed_bars_beside_the_feed() -> None:
    """replaydata turns preloading off; the account trades on the feed all the same."""
    run = play({6: buy(size=1)}, market(*still(20)), prepare=lambda cerebro: cerebro.replaydata(
        cerebro.datas[0], timeframe=bt.TimeFrame.Minutes, compression=5))
    assert run.fills() == [(7, 1.0, 100.0)]


def test_positions_are_stock_s_live_objects() -> None:
    """Kept from ``__init__`` on, by feed and by name."""
    class Holder(Scripted):
        def __init__(self) -> None:
            super().__init__()
            self.mine = self.position

        def stop(self) -> None:
            self.held = (self.mine.size, self.mine.price, self.positions[self.data].size,
                         self.positionsbyname["ETHUSDT"].size,
                         self.getpositionbyname("ETHUSDT").size)

    run = play(Holder, market(*UP), params={"plan": {1: buy(size=2)}})
    assert run.strategy.held == (2.0, 100.0, 2.0, 2.0, 2.0)


def test_cash_can_be_added_and_withdrawn() -> None:
    """add_cash books a deposit at once; a withdrawal is limited to what is available."""
    def move(strategy: Any) -> None:
        strategy.broker.add_cash(500)
        strategy.broker.add_cash(-200)
        with pytest.raises(ValueError, match=r"10,300\.00 is available"):
            strategy.broker.add_cash(-20_000)

    run = play({2: move}, market(*still(5)))
    assert [entry.amount for entry in run.journal.entries] == [10_000.0, 500.0, -200.0]
    assert run.broker.getvalue() == 10_300.0


def test_cash_added_before_the_first_bar_is_stamped_with_it() -> None:
    """Not with a bar that has not been seen yet."""
    class Early(Scripted):
        def __init__(self) -> None:
            super().__init__()
            self.broker.add_cash(500)

    entries = play(Early, market(*still(4))).journal.entries
    assert [(entry.bar, entry.amount) for entry in entries] == [(-1, 10_000.0), (-1, 500.0)]
    assert entries[0].ts == entries[1].ts
