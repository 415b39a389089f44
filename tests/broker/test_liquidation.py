"""Liquidation of an isolated position, on bars small enough to compute by hand.

Binance, first bracket: maintenance 0.4 %, no fees. A 10x long at 100 is liquidated at
90 / 0.996 = 90.361…, a 10x short at 110 / 1.004 = 109.561…, bankrupt at 90 and at 110.
"""

from __future__ import annotations

from typing import Any

import pytest

from deleverage import Fees
from tests.broker.runs import ORDER, Scripted, buy, close, market, play, sell, still

LONG_LEVEL, SHORT_LEVEL = 90 / 0.996, 110 / 1.004
FALL = [*still(4), (100, 100, 85, 88), *still(3, 88)]
RISE = [*still(4), (100, 115, 100, 112), *still(3, 112)]


@pytest.mark.parametrize(("send", "rows", "level", "price"), [
    (buy, FALL, LONG_LEVEL, 90.0), (sell, RISE, SHORT_LEVEL, 110.0),
])
def test_the_loss_is_the_margin_exactly(
    send: Any, rows: Any, level: float, price: float
) -> None:
    """Ten coins at 10x: the margin of 100 is gone, and nothing else."""
    run = play({1: send(size=10)}, market(*rows), liquidation="takeover")
    event, = run.journal.liquidations
    assert (event.bar, event.loss, event.price, event.gap, event.cause) == (4, 100.0, price, False,
                                                                          "mark")
    assert event.liquidation_price == pytest.approx(level, rel=1e-12)
    assert event.trigger_mark == pytest.approx(level, rel=1e-12)
    assert (event.leverage, event.margin_mode, event.mark_state) == (10.0, "isolated", "exact")
    assert event.deficit == 0.0
    assert run.broker.getvalue() == 9_900.0
    assert run.size == 0.0


@pytest.mark.parametrize(("send", "opened", "deficit"), [(buy, 70, 200.0), (sell, 140, 300.0)])
def test_a_gap_beyond_bankruptcy_loses_no_more(send: Any, opened: float, deficit: float) -> None:
    """The bar opens far beyond: loss = margin; what lies beyond is the insurance fund's."""
    run = play({1: send(size=10)}, market(*still(4), *still(3, opened)))
    event, = run.journal.liquidations
    assert (event.gap, event.loss, event.trigger_mark) == (True, 100.0, opened)
    assert event.deficit == pytest.approx(deficit)
    assert run.broker.getvalue() == 9_900.0


def test_the_bar_of_entry_counts() -> None:
    """A limit filled on the way down is liquidated further down in the same bar."""
    run = play({1: buy(size=10, exectype=ORDER.Limit, price=95)},
               market(*still(3), (100, 100, 85, 99), *still(2, 99)), liquidation="takeover")
    assert [(fill.bar, fill.reason, fill.price) for fill in run.journal.fills] == [
        (3, "limit", 95.0), (3, "liquidation", 85.5)]
    at_open = play({1: buy(size=10)}, market(*still(2), (100, 100, 85, 99), *still(2, 99)))
    assert at_open.journal.liquidations[0].bar == 2


def test_open_orders_are_cancelled_before_the_position_is_closed() -> None:
    """None of them fills later in the bar, neither exits nor further entries."""
    def ladder(strategy: Any) -> None:
        strategy.sell(size=10, exectype=ORDER.Stop, price=89)
        strategy.buy(size=10, exectype=ORDER.Limit, price=87)
        strategy.buy(size=10, exectype=ORDER.Stop, price=120)

    run = play({1: buy(size=10), 3: ladder}, market(*FALL))
    assert [(each.bar, each.status) for each in run.ends()] == [
        (2, "Completed"), (4, "Canceled"), (4, "Canceled"), (4, "Canceled"), (4, "Completed")]
    assert run.broker.get_orders_open() == []


def test_a_liquidated_bracket_leaves_no_position_behind() -> None:
    """20x with stop and target: liquidated by a gap, then price goes through both."""
    rows = [*still(4), (93, 93, 93, 93), (93, 93, 80, 80), (80, 130, 80, 130), *still(3, 130)]
    run = play({1: lambda strategy: strategy.buy_bracket(
        size=10, exectype=ORDER.Market, stopprice=94, limitprice=120)}, market(*rows), leverage=20)
    assert [(fill.bar, fill.reason) for fill in run.journal.fills] == [(2, "market"),
                                                                      (4, "liquidation")]
    assert run.size == 0.0
    assert run.journal.liquidations[0].loss == 50.0
    assert [t.status for t in run.strategy.trades] == ["open", "closed"]


def test_a_queued_close_dies_with_the_position() -> None:
    """close() sent before the gap: the liquidation comes first and takes the order along."""
    run = play({1: buy(size=10), 3: close}, market(*still(4), *still(3, 85)))
    assert [each.status for each in run.ends()] == ["Completed", "Canceled", "Completed"]
    assert run.size == 0.0


def test_the_forced_close_is_a_real_order_and_closes_the_opener_s_trade() -> None:
    """Owner and tradeid of whoever opened the position; the other strategy hears nothing."""
    idle, busy = Scripted, {1: buy(size=10, tradeid=7)}
    run = play(idle, market(*FALL), liquidation="takeover",
               prepare=lambda cerebro: cerebro.addstrategy(Scripted, plan=busy))
    first, second = run.strategies
    assert first.heard == []
    assert first.trades == []
    assert [(t.status, t.tradeid, t.pnl) for t in second.trades] == [("open", 7, 0.0),
                                                                    ("closed", 7, -100.0)]
    forced = second.heard[-1][1]
    assert forced.info.liquidation is True
    assert (forced.getstatusname(), forced.tradeid, forced.executed.price) == ("Completed", 7, 90.0)
    assert [order.getstatusname() for _, order in second.heard[-2:]] == ["Accepted", "Completed"]


def test_every_holder_of_the_position_has_its_trade_closed() -> None:
    """Two strategies and two tradeids built it: each hears of its own part, at the one price."""
    def second(cerebro: Any) -> None:
        cerebro.addstrategy(Scripted, plan={1: buy(size=4, tradeid=8), 2: buy(size=2, tradeid=9)})

    run = play({1: buy(size=10)}, market(*FALL), prepare=second, liquidation="takeover")
    first, other = run.strategies
    assert [(t.status, t.tradeid, t.pnl) for t in first.trades] == [("open", 0, 0.0),
                                                                   ("closed", 0, -100.0)]
    assert [(t.status, t.tradeid, t.pnl) for t in other.trades] == [
        ("open", 8, 0.0), ("open", 9, 0.0), ("closed", 8, -40.0), ("closed", 9, -20.0)]
    event, = run.journal.liquidations
    assert (event.size, event.loss) == (16.0, pytest.approx(160.0))
    assert run.fills()[-1] == (4, -16.0, pytest.approx(90.0))


def test_trading_goes_on_with_what_is_left() -> None:
    """The free balance opens the next position."""
    run = play({1: buy(size=500), 5: buy(size=500)}, market(*FALL))
    assert run.broker.getvalue() == pytest.approx(5_000)
    assert run.size == 500.0
    assert [fill.position for fill in run.journal.fills] == [1, 1, 2]


def test_or_stops_when_told_to() -> None:
    """on_liquidation="stop": the strategy hears of it, then the run ends."""
    run = play({1: buy(size=10), 4: buy(size=1)}, market(*FALL), on_liquidation="stop")
    assert run.strategy.calls[-2:] == ["order Completed", "trade closed"]
    assert len(run.strategy) == 5
    assert run.size == 0.0


def test_mark_decides_not_last() -> None:
    """Last crosses the level and nothing happens; mark crosses it and last never did."""
    calm = [*still(4), (100, 100, 91, 99), *still(3, 99)]
    wick = [*still(4), (100, 100, 80, 99), *still(3, 99)]
    alive = play({1: buy(size=10)}, market(*wick, mark=calm))
    assert alive.journal.liquidations == []
    assert alive.size == 10.0
    dead = play({1: buy(size=10)}, market(*calm, mark=wick), liquidation="takeover")
    assert dead.journal.liquidations[0].loss == 100.0
    assert dead.journal.liquidations[0].last_at_trigger > LONG_LEVEL
    asked = play({1: buy(size=10)}, market(*wick, mark=calm), mark="last")
    assert asked.journal.liquidations[0].mark_state == "last"


@pytest.mark.parametrize(("stop", "reason"), [(91.0, "stop"), (90.2, "liquidation")])
def test_a_stop_saves_the_trade_only_if_it_is_nearer(stop: float, reason: str) -> None:
    """On one series the nearer level is met first: 91 before 90.36, 90.2 after it."""
    plan = {1: buy(size=10), 2: sell(size=10, exectype=ORDER.Stop, price=stop)}
    run = play(plan, market(*FALL))
    assert run.journal.fills[-1].reason == reason
    assert run.broker.getvalue() == (9_910.0 if reason == "stop" else 9_900.0)


def test_a_gap_beyond_both_liquidates_even_with_the_nearer_stop() -> None:
    """At the open liquidation is checked first."""
    plan = {1: buy(size=10), 2: sell(size=10, exectype=ORDER.Stop, price=95)}
    run = play(plan, market(*still(4), *still(3, 89)))
    assert run.journal.fills[-1].reason == "liquidation"


@pytest.mark.parametrize(("path", "last", "reason"), [
    ("adverse", 101, "liquidation"), ("favourable", 101, "limit"),
    ("ohlc", 101, "liquidation"), ("ohlc", 99, "limit"),
])
def test_the_path_policy_decides_between_target_and_liquidation(
    path: str, last: float, reason: str
) -> None:
    """Target 115 and level 90.36 in one 85–120 bar; ohlc: the low first in a rising bar only."""
    plan = {1: buy(size=10), 2: sell(size=10, exectype=ORDER.Limit, price=115)}
    rows = [*still(4), (100, 120, 85, last), *still(2, last)]
    run = play(plan, market(*rows), path=path)
    assert run.journal.fills[-1].reason == reason
    assert run.broker.getvalue() == (10_150.0 if reason == "limit" else 9_900.0)


def test_a_close_is_never_worse_than_bankruptcy() -> None:
    """Last falls through it while mark lives: a market close loses the margin, not more."""
    rows, mark = [*still(4), *still(3, 80)], [*still(4), *still(3, 95)]
    run = play({1: buy(size=10), 3: close}, market(*rows, mark=mark))
    assert run.fills()[-1] == (4, -10.0, 90.0)
    assert run.broker.getvalue() == 9_900.0


def test_a_reversal_does_not_open_at_the_bankruptcy_price() -> None:
    """The long closes there; nothing trades at it, so no short is opened at it."""
    rows, mark = [*still(4), *still(3, 80)], [*still(4), *still(3, 95)]
    run = play({1: buy(size=10), 3: sell(size=20)}, market(*rows, mark=mark))
    assert run.fills()[-1] == (4, -10.0, 90.0)
    assert run.size == 0.0
    assert run.reasons == ["the position closes at its bankruptcy price 90.00, where nothing "
                           "trades to open another"]


def test_a_fee_that_outlives_its_position_is_lifted_with_the_last_one() -> None:
    """Half is closed at a loss whose fee the free balance cannot pay; then the rest dies."""
    rows = [*still(3), (100, 100, 99.02, 99.02), *still(2, 99.02), (99.02, 99.02, 90, 90),
            *still(2, 90)]
    mark = [*still(3), (100, 100, 99.9, 99.9), *still(2, 99.9), (99.9, 99.9, 90, 90), *still(2, 90)]
    run = play({1: buy(size=380), 3: sell(size=190)}, market(*rows, mark=mark), leverage=100,
               cash=400, fees=Fees.flat(0.0005))
    assert [fill.reason for fill in run.journal.fills] == ["market", "market", "liquidation"]
    assert run.broker.getvalue() == 0.0
    assert run.journal.entries[-1].cause == "insurance_fund"
