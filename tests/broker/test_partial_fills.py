"""Orders filled in parts: what each part is told, what the rest reserves, and how it ends.

Ten coins a bar: a tenth of a volume of a hundred. Ten coins from 100 at 10x post 100 and die at
90 / 0.995, lot of one, no fees. All bars are SYNTHETIC.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.account.table import ladder_of
from tests.broker.runs import ORDER, Row, Run, Scripted, buy, close, market, play, sell, still

PLAIN = ladder_of([(0, None, 0.005, 100)])
S = still(1)[0]
DIP: Row = (100, 101, 94, 98)
AGAIN: Row = (98, 99, 94, 98)


def _run(plan: Any, *rows: Row, wide: int = 0, **options: Any) -> Run:
    """The first ``wide`` bars trade 10,000 coins, the others a hundred."""
    volume = options.pop("volume", [10_000.0 if n < wide else 100.0 for n in range(len(rows))])
    columns = market(*rows, volume=volume, lot_size=1)
    return play(plan, columns, ladder=PLAIN, volume_limit=0.1, **options)


def _told(run: Run, number: int = 0) -> list[tuple[int, str, float, float]]:
    """Bar, status, coins filled so far and coins left, of one order from its first fill on."""
    found = []
    refs = sorted({order.ref for _, order in run.strategy.heard})
    for bar, order in run.strategy.heard:
        if order.ref == refs[number] and order.getstatusname() not in ("Submitted", "Accepted"):
            found.append((bar, order.getstatusname(), order.executed.size, order.executed.remsize))
    return found


def test_a_market_order_tells_each_part_and_its_mean_price() -> None:
    """Ten at 100, ten at 101, five at 102: 2,520 ÷ 25."""
    run = _run({0: buy(size=25)}, S, S, *still(1, 101), *still(2, 102))
    assert _told(run) == [(1, "Partial", 10, 15), (2, "Partial", 20, 5), (3, "Completed", 25, 0)]
    assert [order.executed.price for _, order in run.strategy.heard[-3:]] == pytest.approx(
        [100, 100.5, 100.8])
    assert [fill.margin_after for fill in run.journal.fills] == pytest.approx([100, 201, 252])
    # backtrader tells of a trade's beginning once
    assert [(trade.bar, trade.status) for trade in run.strategy.trades] == [(1, "open")]


def test_a_sale_counts_down() -> None:
    """Signed as backtrader has it: −10 of −25, −15 left."""
    run = _run({0: sell(size=25)}, S, S, S, S)
    assert _told(run) == [(1, "Partial", -10, -15), (2, "Partial", -20, -5),
                          (3, "Completed", -25, 0)]


def test_a_share_cut_to_the_lot_leaves_the_whole_rest_open() -> None:
    """A tenth of 33 coins is three lots: three, three, three and one are ten."""
    run = _run({0: buy(size=10)}, *still(6), volume=[33.0] * 6)
    assert _told(run) == [(1, "Partial", 3, 7), (2, "Partial", 6, 4), (3, "Partial", 9, 1),
                          (4, "Completed", 10, 0)]


def test_the_rest_of_a_limit_reserves_its_own_margin_only() -> None:
    """95 posted for ten coins, 142.5 held back for fifteen; in the end 237.5 posted."""
    seen: list[float] = []

    class Cash(Scripted):
        def next(self) -> None:
            super().next()
            seen.append(self.broker.getcash())

    columns = market(S, DIP, AGAIN, AGAIN, volume=[100] * 4, lot_size=1)
    run = play(Cash, columns, ladder=PLAIN, volume_limit=0.1, params={
        "plan": {0: buy(size=25, exectype=ORDER.Limit, price=95)}})
    assert seen == pytest.approx([10_000 - 237.5] * 4)
    assert [fill.margin_after for fill in run.journal.fills] == [95, 190, 237.5]


def test_a_close_takes_its_time_and_ends_one_trade() -> None:
    """Twenty-five coins are sold at three opens; the trade ends with the last."""
    run = _run({0: buy(size=25), 1: close}, S, S, *still(1, 101), *still(1, 102), *still(1, 103),
               wide=2)
    assert run.fills()[1:] == [(2, -10, 101), (3, -10, 102), (4, -5, 103)]
    assert [(t.bar, t.status, t.pnl) for t in run.strategy.trades] == [
        (1, "open", 0), (4, "closed", 10 + 20 + 15)]
    assert run.broker.getvalue() == 10_045


def test_a_reversal_in_parts_passes_through_flat() -> None:
    """Fifteen long, forty sold: ten, then five that close and five that open, then ten and ten."""
    run = _run({0: buy(size=15), 1: sell(size=40)}, *still(6), wide=2)
    assert [(fill.closed, fill.opened, fill.size_after) for fill in run.journal.fills[1:]] == [
        (-10, 0, 5), (-5, -5, -5), (0, -10, -15), (0, -10, -25)]
    assert [(t.bar, t.status) for t in run.strategy.trades] == [
        (1, "open"), (3, "closed"), (3, "open")]
    assert _told(run, 1)[-1] == (5, "Completed", -40, 0)


@pytest.mark.parametrize(("second", "price"), [((94, 94, 93, 93), 94), ((97, 98, 96, 97), 97)])
def test_the_rest_of_a_stop_is_a_market_order(second: Row, price: float) -> None:
    """It meets the next open, wherever that is: beyond its trigger or back above it."""
    plan = {0: buy(size=15), 1: sell(size=15, exectype=ORDER.Stop, price=95)}
    run = _run(plan, S, S, (100, 100, 94, 94), second, S, wide=2)
    assert [(f.bar, f.size, f.price, f.reason) for f in run.journal.fills[1:]] == [
        (2, -10, 95, "stop"), (3, -5, price, "stop")]
    assert _told(run, 1) == [(2, "Partial", -10, -5), (3, "Completed", -15, 0)]


def test_the_rest_of_a_stop_can_be_cancelled() -> None:
    """Between two bars it is still the strategy's order."""
    sent: list[Any] = []
    plan = {0: buy(size=15), 2: lambda s: s.cancel(sent[0]),
            1: lambda s: sent.append(s.sell(size=15, exectype=ORDER.Stop, price=95))}
    run = _run(plan, S, S, (100, 100, 94, 94), *still(2, 94), wide=2)
    assert run.size == 5
    assert _told(run, 1) == [(2, "Partial", -10, -5), (3, "Canceled", -10, -5)]


def test_the_rest_of_a_limit_expires() -> None:
    """Ten were bought; fifteen are not, and what they reserved is free again."""
    run = _run({0: buy(size=25, exectype=ORDER.Limit, price=95, valid=dt.timedelta(minutes=1))},
               S, DIP, AGAIN, AGAIN)
    assert _told(run) == [(1, "Partial", 10, 15), (2, "Expired", 10, 15)]
    assert run.size == 10
    assert run.broker.getcash() == 10_000 - 95


def test_a_rest_that_cannot_be_paid_ends_for_want_of_margin() -> None:
    """Of 150 twelve at 100 need 120; the last two at 300 need 60 of the 50 that are left."""
    run = _run({0: buy(size=12)}, S, S, *still(2, 300), cash=150)
    assert _told(run) == [(1, "Partial", 10, 2), (2, "Margin", 10, 2)]
    assert run.reasons == ["margin: the fill at 300.00 lacks 10.00"]
    assert run.size == 10


def test_orders_share_the_bar_in_the_order_of_submission() -> None:
    """Six and eight at one open: six, four, and the other four at the next."""
    run = _run({0: lambda s: [s.buy(size=6), s.buy(size=8)]}, *still(4))
    assert run.fills() == [(1, 6, 100), (1, 4, 100), (2, 4, 100)]


def test_in_a_bar_without_volume_nothing_fills() -> None:
    """Neither a market order nor a limit; a triggered stop waits as a market order."""
    plan = {0: lambda s: [s.buy(size=5), s.sell(size=5, exectype=ORDER.Stop, price=95)]}
    run = _run(plan, S, (100, 100, 94, 96), *still(2, 97), volume=[100, 0, 100, 100])
    assert run.fills() == [(2, 5, 97), (2, -5, 97)]


def test_a_liquidation_is_not_limited() -> None:
    """The venue takes the whole in a bar that trades ten coins' tenth."""
    run = _run({0: buy(size=25)}, S, S, (100, 100, 85, 88), S, wide=2)
    assert run.journal.liquidations[0].size == 25
    assert run.size == 0


def test_a_liquidation_takes_the_rest_of_the_entry_along() -> None:
    """Ten of twenty-five are bought and die in the next bar; the other fifteen are never bought."""
    run = _run({0: buy(size=25)}, S, S, *still(3, 85))
    assert run.fills() == [(1, 10, 100), (2, -10, 90)]
    assert _told(run) == [(1, "Partial", 10, 15), (2, "Canceled", 10, 15)]
