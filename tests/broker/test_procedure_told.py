"""What strategies, trades and positions of backtrader hear and show of a liquidation in steps.

Binance with three brackets, as in test_procedure_binance: of a hundred coins from 100 at 10x 47
are closed at 93, 42 at 89.9 and 11 at 87.5. All bars are SYNTHETIC.
"""

from __future__ import annotations

from typing import Any

import backtrader as bt
import pytest

from tests.broker.runs import ORDER, Run, Scripted, buy, market, play, still
from tests.broker.test_procedure_binance import FALL, THREE
from tests.markets import make_columns

ALL_AT_ONCE = [*still(3), (100, 100, 80, 85), *still(2, 85)]


class Listener(Scripted):
    """Keeps what it is told, in one list, with the position it then sees."""

    def notify_liquidation(self, event: Any) -> None:
        self.calls.append(f"liquidation {event.size:g} left {event.size_after:g}")

    def notify_order(self, order: bt.Order) -> None:
        super().notify_order(order)
        if order.info.get("liquidation"):
            self.calls[-1] = f"forced {order.getstatusname()} {order.executed.size:g}"

    def notify_trade(self, trade: bt.Trade) -> None:
        super().notify_trade(trade)
        self.calls[-1] += f" {trade.pnl:g}"


def _heard(rows: Any, **options: Any) -> Run:
    return play(Listener, market(*rows, lot_size=1), ladder=THREE,
                params={"plan": {0: buy(size=100)}}, **options)


def test_a_reduction_is_told_without_the_end_of_a_trade() -> None:
    """The event, then the venue's order; the trade stays open."""
    run = _heard(FALL[:4])
    assert run.strategy.calls[-3:] == ["liquidation 47 left 53", "forced Accepted 0",
                                       "forced Completed -47"]
    assert [trade.status for trade in run.strategy.trades] == ["open"]


def test_the_last_step_ends_the_trade() -> None:
    """One trade notification, when nothing is held, with the loss of all three steps."""
    run = _heard(FALL)
    assert run.strategy.calls[-4:] == ["liquidation 11 left 0", "forced Accepted 0",
                                       "forced Completed -11", "trade closed -890.7"]
    # 47 × 7 + 42 × 10.1 + 11 × 12.5
    assert [(t.bar, t.status, t.pnl) for t in run.strategy.trades] == [
        (1, "open", 0), (5, "closed", pytest.approx(-890.7))]


def test_three_steps_of_one_bar_are_told_in_their_order() -> None:
    """Every event first, then every order, then the trade."""
    calls = _heard(ALL_AT_ONCE).strategy.calls[-10:]
    assert calls[:3] == ["liquidation 47 left 53", "liquidation 42 left 11",
                         "liquidation 11 left 0"]
    assert calls[3:9] == [f"forced {what}" for size in (47, 42, 11)
                          for what in ("Accepted 0", f"Completed -{size}")]
    assert calls[9].startswith("trade closed")


def test_the_venue_s_order_says_what_it_closed_and_what_it_cost() -> None:
    """A market order of its own for each step: size, price, fee, and that it was a liquidation."""
    orders = [order for _, order in _heard(FALL).strategy.heard
              if order.info.get("liquidation") and order.status == ORDER.Completed]
    assert [(order.issell(), order.size, order.executed.price, order.executed.remsize)
            for order in orders] == [(True, -47, 93, 0), (True, -42, 89.9, 0), (True, -11, 87.5, 0)]
    assert [order.executed.comm for order in orders] == pytest.approx([54.6375, 47.1975, 7.465])
    assert [order.executed.pnl for order in orders] == pytest.approx([-329, -424.2, -137.5])
    assert [order.info.reason for order in orders] == ["liquidation"] * 3


def test_the_trade_s_profit_with_fees_is_what_the_account_lost() -> None:
    """pnlcomm counts the liquidation fees: −1,000."""
    seen: list[float] = []

    class Netted(Scripted):
        def notify_trade(self, trade: bt.Trade) -> None:
            seen.append(trade.pnlcomm)

    run = play(Netted, market(*FALL, lot_size=1), ladder=THREE,
               params={"plan": {0: buy(size=100)}})
    assert seen[-1] == pytest.approx(-1_000)
    assert run.broker.getvalue() == pytest.approx(9_000)


def test_the_position_a_strategy_sees_follows_each_step() -> None:
    """100, 53, 11, 0 coins, the entry price unchanged."""
    seen: list[tuple[float, float]] = []

    class Seen(Scripted):
        def next(self) -> None:
            super().next()
            seen.append((self.position.size, self.position.price))

    play(Seen, market(*FALL, lot_size=1), ladder=THREE, params={"plan": {0: buy(size=100)}})
    assert seen == [(0, 0), (100, 100), (100, 100), (53, 100), (11, 100), (0, 0), (0, 0)]


@pytest.mark.parametrize(("rows", "bars"), [(FALL[:5] + still(3, 89.9), 8), (FALL, 6)])
def test_stop_on_liquidation_waits_for_the_end_of_the_position(rows: Any, bars: int) -> None:
    """Reductions do not end the run; the step that leaves nothing does, and is heard of."""
    run = _heard(rows, on_liquidation="stop")
    assert len(run.strategy) == bars
    if bars == 6:
        assert run.strategy.calls[-1] == "trade closed -890.7"


def _two_holders() -> Run:
    """The first strategy opens 60 and, under another trade id, 15; the second one 25."""
    mine = {0: lambda s: [s.buy(size=60), s.buy(size=15, tradeid=3)]}
    return play(Listener, market(*FALL, lot_size=1), ladder=THREE, params={"plan": mine},
                prepare=lambda cerebro: cerebro.addstrategy(
                    Listener, plan={0: buy(size=25, tradeid=8)}))


def test_the_parts_of_several_holders_go_in_the_order_in_which_they_were_opened() -> None:
    """47 of the first 60; then its other 13, 15 and 14 of the second's 25; then 11."""
    run = _two_holders()
    forced = [[(bar, order.tradeid, order.executed.size) for bar, order in each.heard
               if order.info.get("liquidation") and order.status == ORDER.Completed]
              for each in run.strategies]
    assert forced == [[(3, 0, -47), (4, 0, -13), (4, 3, -15)], [(4, 8, -14), (5, 8, -11)]]


def test_each_holder_s_trade_ends_with_its_own_part() -> None:
    """Profits sum to the account's loss without the fees; nobody hears of another's end."""
    first, second = _two_holders().strategies
    assert [(t.bar, t.status, t.tradeid, pytest.approx(t.pnl)) for t in first.trades] == [
        (1, "open", 0, 0), (1, "open", 3, 0),
        (4, "closed", 0, -47 * 7 - 13 * 10.1), (4, "closed", 3, -15 * 10.1)]
    assert [(t.bar, t.status, t.tradeid, pytest.approx(t.pnl)) for t in second.trades] == [
        (1, "open", 8, 0), (5, "closed", 8, -14 * 10.1 - 11 * 12.5)]


def test_each_holder_is_told_of_the_steps_that_touched_it() -> None:
    """The event carries the whole step; who lost nothing by it hears nothing."""
    first, second = _two_holders().strategies
    told = [[call for call in each.calls if call.startswith("liquidation")]
            for each in (first, second)]
    assert told == [["liquidation 47 left 53", "liquidation 42 left 11"],
                    ["liquidation 42 left 11", "liquidation 11 left 0"]]


def test_a_takeover_in_cross_tells_each_position_s_end() -> None:
    """Both 500 / 12,000 better than the mark: 83.33 and 104.17, where the account is at zero."""
    plan = {0: lambda s: [s.buy(size=100), s.buy(data=s.data1, size=40)]}
    run = play(Listener, [market(*still(3), *still(2, 80), lot_size=1),
                          make_columns(still(5), symbol="BTCUSDT", lot_size=1)],
               params={"plan": plan}, ladder=THREE, margin="cross", cash=1_500)
    assert run.strategy.calls[-8:] == [
        "liquidation 100 left 0", "liquidation 40 left 0", "forced Accepted 0",
        "forced Completed -100", "forced Accepted 0", "forced Completed -40",
        "trade closed -1666.67", "trade closed 166.667"]
