"""Auto-deleveraging as a recorded or supposed event: when, whom, how much, at which price.

Ten coins from 100 at 10x, no fees, one-minute bars; bar n ends at 00:0(n + 1). A bar's three legs
take 20 s each. All bars are SYNTHETIC.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import backtrader as bt
import pytest

from deleverage.errors import UsageError
from deleverage.journal import FREE, Cause
from deleverage.policies import AdlEvent
from tests.account.table import ladder_of
from tests.broker.runs import ORDER, Run, Scripted, buy, close, market, play, sell, still
from tests.markets import make_columns

PLAIN = ladder_of([(0, None, 0.005, 100)])
AT = "2026-01-28T00:03:10"  # ten seconds into bar 3


def _run(plan: Any, *rows: Any, adl: Any = ((AT, "long", 0.3, 97),), **options: Any) -> Run:
    lot = options.pop("lot_size", 1)
    return play(plan, market(*(rows or still(6)), lot_size=lot), ladder=PLAIN, adl=adl, **options)


def _taken(run: Run) -> list[tuple[int, float, float]]:
    return [(fill.bar, fill.size, fill.price) for fill in run.journal.fills if fill.reason == "adl"]


@pytest.mark.parametrize(("word", "side", "realised"), [(buy, "long", -9), (sell, "short", 9)])
def test_a_share_of_the_position_goes_at_the_event_s_price(
    word: Any, side: str, realised: float
) -> None:
    """Three of ten coins at 97: 9 lost or won, 30 of the margin free again, no fee."""
    run = _run({0: word(size=10)}, adl=[(AT, side, 0.3, 97)], fees=None)
    sign = 1 if word is buy else -1
    fill = run.journal.fills[-1]
    assert (fill.bar, fill.size, fill.price, fill.reason, fill.fee) == (3, -3 * sign, 97, "adl", 0)
    assert (fill.size_after, fill.entry_after, fill.margin_after) == (7 * sign, 100, 70)
    assert [(each.cause, each.balance, each.amount) for each in run.journal.entries[-3:]] == [
        (Cause.TRANSFER, "ETHUSDT", -30), (Cause.TRANSFER, FREE, 30), (Cause.FILL, FREE, realised)]
    assert run.journal.liquidations == []


@pytest.mark.parametrize(("word", "side"), [(buy, "short"), (sell, "long")])
def test_the_other_side_is_left_alone(word: Any, side: str) -> None:
    """A long is not taken against a bankrupt long."""
    run = _run({0: word(size=10)}, adl=[(AT, side, 1, 97)])
    assert abs(run.size) == 10
    assert len(run.journal.fills) == 1


@pytest.mark.parametrize(("share", "left"), [(0.33, 7), (0.09, 10), (0.999, 1), (1, 0)])
def test_what_is_taken_is_cut_to_the_lot(share: float, left: float) -> None:
    """Of ten coins in lots of one: 3.3 are three, 0.9 are none, 9.99 are nine."""
    assert _run({0: buy(size=10)}, adl=[(AT, "long", share, 97)]).size == left


def test_an_event_names_its_instrument_or_any() -> None:
    """With a symbol only that one's position is touched."""
    plan = {0: lambda s: [s.buy(size=10), s.buy(data=s.data1, size=10)]}
    for symbol, left in (("BTCUSDT", [10, 5]), ("ETHUSDT", [5, 10]), (None, [5, 5])):
        run = play(plan, [market(*still(5)), make_columns(still(5), symbol="BTCUSDT")],
                   ladder=PLAIN, adl=[AdlEvent(1_769_558_590 * 10**9, "long", 0.5, 97, symbol)])
        assert [run.broker.getposition(data).size for data in run.cerebro.datas] == left


@pytest.mark.parametrize("at", [
    "2026-01-28T00:03:10", dt.datetime(2026, 1, 28, 0, 3, 10), 1_769_558_590 * 10**9])
def test_a_time_is_text_a_datetime_or_nanoseconds(at: Any) -> None:
    """All three mean ten seconds into bar 3."""
    assert _taken(_run({0: buy(size=10)}, adl=[(at, "long", 0.3, 97)])) == [(3, -3, 97)]


@pytest.mark.parametrize(("second", "taken"), [(10, -5), (16, -5), (17, -10), (59, -10), (60, -10)])
def test_inside_a_bar_it_meets_what_is_held_at_its_instant(second: int, taken: float) -> None:
    """From 100 to 94 in 20 s a limit of 95 fills after 16.7 s: before it ten are held, then 20."""
    at = dt.datetime(2026, 1, 28, 0, 3) + dt.timedelta(seconds=second)
    run = _run({0: buy(size=10), 2: buy(size=10, exectype=ORDER.Limit, price=95)},
               *still(3), (100, 101, 94, 100.5), *still(1, 100.5), path="ohlc",
               adl=[(at, "long", 0.5, 97)])
    assert _taken(run) == [(3, taken, 97)]
    # the event before the limit cancels it
    order = [fill.reason for fill in run.journal.fills]
    assert order == (["market", "adl"] if taken == -5 else ["market", "limit", "adl"])


def test_at_a_close_it_comes_after_the_settlement_of_the_same_instant() -> None:
    """Ten coins pay; five are left after it."""
    columns = market(*still(6), lot_size=1, funding=[("2026-01-28T00:04", 0.001)])
    run = play({0: buy(size=10)}, columns, ladder=PLAIN,
               adl=[("2026-01-28T00:04", "long", 0.5, 97)])
    assert [payment.size for payment in run.journal.funding] == [10]
    assert _taken(run) == [(3, -5, 97)]


def test_before_the_entry_and_outside_the_data_nothing_happens() -> None:
    """Events while flat, before the first bar and after the last one."""
    times = ["2026-01-27T23:00", "2026-01-28T00:00:30", "2026-01-28T01:00"]
    run = _run({0: buy(size=10)}, adl=[(at, "long", 1, 97) for at in times])
    assert run.size == 10


def test_what_is_left_lives_on_its_own_margin() -> None:
    """Seven with 70: the level stays at 90 / 0.995, and so the fall kills them."""
    run = _run({0: buy(size=10)}, *still(4), (100, 100, 85, 88), *still(1, 88),
               liquidation="takeover")
    event, = run.journal.liquidations
    assert (event.size, event.loss) == (7, 70)
    assert event.liquidation_price == pytest.approx(90 / 0.995)


def test_the_strategy_hears_of_a_real_order_and_of_the_trade_s_end_when_flat() -> None:
    """Completed, with info.adl; no liquidation is told; the trade ends with the second event."""
    class Listener(Scripted):
        def notify_liquidation(self, event: Any) -> None:
            self.calls.append("liquidation")

        def notify_order(self, order: bt.Order) -> None:
            super().notify_order(order)
            if order.info.get("adl"):
                self.calls[-1] += f" adl {order.executed.size:g} at {order.executed.price:g}"

    run = play(Listener, market(*still(7)), ladder=PLAIN, params={"plan": {0: buy(size=10)}},
               adl=[(AT, "long", 0.3, 97), ("2026-01-28T00:05:10", "long", 1, 98)])
    assert run.strategy.calls[4:] == [
        "order Accepted adl 0 at 0", "order Completed adl -3 at 97",
        "order Accepted adl 0 at 0", "order Completed adl -7 at 98", "trade closed"]
    # 3 × −3 and 7 × −2
    assert run.strategy.trades[-1].pnl == pytest.approx(-23)
    forced = run.strategy.heard[-1][1]
    assert (forced.info.reason, forced.executed.comm) == ("adl", 0)


def test_no_order_left_over_opens_the_reverse() -> None:
    """Like a liquidation it cancels the position's orders first, as the venues that say anything of
    it do: a plain stop for ten would sell a short of three, or of ten."""
    for share, left in ((0.3, 7), (1, 0)):
        run = _run({0: buy(size=10), 1: sell(size=10, exectype=ORDER.Stop, price=95)},
                   *still(4), (100, 100, 92, 93), *still(2, 93), adl=[(AT, "long", share, 97)])
        assert run.size == left
        assert [each.status for each in run.ends()] == ["Completed", "Canceled", "Completed"]


def test_an_order_on_its_way_dies_too() -> None:
    """close() of bar 2 would arrive in bar 3, when the position is gone, and sell ten."""
    run = _run({0: buy(size=10), 2: close}, adl=[(AT, "long", 1, 97)], latency=1)
    assert run.size == 0
    assert [fill.reason for fill in run.journal.fills] == ["market", "adl"]


def test_the_orders_of_other_instruments_stay() -> None:
    """Only what is on the position taken."""
    plan = {0: lambda s: [s.buy(size=10), s.buy(data=s.data1, size=10)],
            1: lambda s: s.sell(data=s.data1, size=10, exectype=ORDER.Stop, price=90)}
    run = play(plan, [market(*still(5)), make_columns(still(5), symbol="BTCUSDT")], ladder=PLAIN,
               adl=[(AT, "long", 1, 97, "ETHUSDT")])
    assert len(run.broker.get_orders_open()) == 1


def test_no_event_costs_an_isolated_position_more_than_its_margin() -> None:
    """A supposed price of 80 lies beyond the bankruptcy price of 90."""
    run = _run({0: buy(size=10)}, adl=[(AT, "long", 1, 80)])
    assert _taken(run) == [(3, -10, 90)]
    assert run.broker.getvalue() == 9_900


@pytest.mark.parametrize("given", [5, "2026-01-28", AdlEvent(1, "long", 0.5, 97)])
def test_events_come_in_a_list(given: Any) -> None:
    """One of them alone is answered in a line, not with an error of Python."""
    with pytest.raises(UsageError, match="adl must be a list of AdlEvents or rows, found"):
        _run({}, adl=given)


@pytest.mark.parametrize(("row", "message"), [
    ((AT, "lng", 0.3, 97), "did you mean 'long'"),
    ((AT, "long", 0, 97), "share of an auto-deleveraging must be above 0 and at most 1, found 0"),
    ((AT, "long", 1.5, 97), "at most 1, found 1.5"),
    ((AT, "long", 0.3, 0), "price of an auto-deleveraging must be > 0, found 0"),
    ((AT, "long", 0.3), r"is a row \(time, side, share, price\), found"),
    (("soon", "long", 0.3, 97), "'soon'"),
    ((AT, "long", "half", 97), "share and price of an auto-deleveraging are numbers"),
])
def test_a_row_that_cannot_be_is_answered_in_one_line(row: Any, message: str) -> None:
    """At the broker's construction."""
    with pytest.raises(UsageError, match=message) as caught:
        _run({}, adl=[row])
    assert "\n" not in str(caught.value)
