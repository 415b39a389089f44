"""Order types of an unmodified backtrader strategy under stock bt.Cerebro: one test a feature."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from deleverage import Fees
from tests.broker.runs import ORDER, buy, close, market, play, sell, still

UP = [*still(3), (100, 110, 100, 110), *still(3, 110)]
DOWN = [*still(3), (100, 100, 90, 90), *still(3, 90)]


def test_market() -> None:
    """Fills at the next open; slippage makes it worse, within the bar's range."""
    rows = [*still(2), (100, 101, 99, 100), (102, 103, 101, 103), *still(2, 103)]
    run = play({2: buy(size=1)}, market(*rows))
    assert run.fills() == [(3, 1.0, 102.0)]
    assert run.journal.fills[0].role == "taker"
    assert play({2: buy(size=1)}, market(*rows), slippage_bp=10).fills() == [
        (3, 1.0, pytest.approx(102.102))]
    assert play({2: sell(size=1)}, market(*rows), slippage_bp=500).fills() == [(3, -1.0, 101.0)]


def test_a_market_order_of_the_last_bar_never_fills() -> None:
    """It stays on the book when the data ends."""
    run = play({3: buy(size=1)}, market(*still(4)))
    assert run.fills() == []
    assert [order.status for order in run.broker.get_orders_open()] == [ORDER.Accepted]


def test_close() -> None:
    """An order at the close fills at the close of the session's last bar."""
    rows = [(100 + n, 101 + n, 100 + n, 101 + n) for n in range(4)]
    run = play({0: buy(size=1, exectype=ORDER.Close)},
               market(*rows, start="2026-01-28T22:30", step="30m"))
    assert run.fills() == [(2, 1.0, 103.0)]
    assert run.journal.fills[0].reason == "close"


@pytest.mark.parametrize(("send", "rows", "price", "role"), [
    (buy, DOWN, 95.0, "maker"), (sell, UP, 105.0, "maker"),
    (buy, [*still(3), *still(3, 94)], 94.0, "taker"),
    (sell, [*still(3), *still(3, 106)], 106.0, "taker"),
])
def test_limit(send: Any, rows: Any, price: float, role: str) -> None:
    """On the path at its own price as maker; gapped through at the open as taker."""
    limit = 95 if send is buy else 105
    fees = Fees(maker=0.001, taker=0.002)
    run = play({1: send(size=1, exectype=ORDER.Limit, price=limit)}, market(*rows), fees=fees)
    fill, = run.journal.fills
    assert (fill.bar, fill.price, fill.role) == (3, price, role)
    assert fill.fee == pytest.approx(price * (0.001 if role == "maker" else 0.002))


@pytest.mark.parametrize(("send", "rows", "price"), [
    (buy, UP, 105.0), (sell, DOWN, 95.0),
    (buy, [*still(3), *still(3, 106)], 106.0), (sell, [*still(3), *still(3, 94)], 94.0),
])
def test_stop(send: Any, rows: Any, price: float) -> None:
    """At its trigger on the path, at the open where the open lies beyond it."""
    trigger = 105 if send is buy else 95
    run = play({1: send(size=1, exectype=ORDER.Stop, price=trigger)}, market(*rows))
    assert [fill[::2] for fill in run.fills()] == [(3, price)]
    assert run.journal.fills[0].role == "taker"


def test_a_stop_on_mark_triggers_there_and_fills_on_last_never_better_than_its_trigger() -> None:
    """``trigger="mark"`` of one order, or ``stop_trigger="mark"`` of the account."""
    rows = [*still(3), (100, 100, 97, 97), *still(2, 97)]
    columns = market(*rows, mark=[*still(3), (100, 100, 94, 94), *still(2, 94)])
    plan = {1: sell(size=1, exectype=ORDER.Stop, price=95, trigger="mark")}
    assert play(plan, columns).fills() == [(3, -1.0, 95.0)]
    plain = {1: sell(size=1, exectype=ORDER.Stop, price=95)}
    assert play(plain, columns).fills() == []
    assert play(plain, columns, stop_trigger="mark").fills() == [(3, -1.0, 95.0)]


def test_stop_limit() -> None:
    """From its trigger on a limit: filled at once where marketable, else when price comes back."""
    at_once = {1: buy(size=1, exectype=ORDER.StopLimit, price=105, plimit=107)}
    assert play(at_once, market(*UP)).fills() == [(3, 1.0, 105.0)]
    back = [*still(3), (100, 110, 100, 110), (110, 110, 103, 103), *still(2, 103)]
    later = {1: buy(size=1, exectype=ORDER.StopLimit, price=105, plimit=104)}
    run = play(later, market(*back))
    assert run.fills() == [(4, 1.0, 104.0)]
    assert run.journal.fills[0].role == "maker"


@pytest.mark.parametrize("trail", [{"trailamount": 5}, {"trailpercent": 0.05}])
def test_trailing_stop(trail: dict[str, float]) -> None:
    """The trigger follows favourable closes at bar ends, never back; by amount or per cent."""
    rows = [*still(3), (100, 110, 100, 110), (110, 110, 106, 106), (106, 106, 100, 100), *still(2)]
    run = play({1: buy(size=1), 2: sell(size=1, exectype=ORDER.StopTrail, **trail)}, market(*rows))
    expected = 105.0 if "trailamount" in trail else 110 * 0.95
    assert run.fills()[1] == (5, -1.0, expected)
    assert run.journal.fills[1].reason == "trail"


def test_a_trailing_buy_stop_follows_falling_closes() -> None:
    """The mirror image, closing a short."""
    rows = [*still(3), (100, 100, 90, 90), (90, 96, 90, 96), *still(2, 96)]
    plan = {1: sell(size=1), 2: buy(size=1, exectype=ORDER.StopTrail, trailamount=5)}
    assert play(plan, market(*rows)).fills()[1] == (4, 1.0, 95.0)


def test_trailing_stop_limit() -> None:
    """The limit moves with the trigger, at the distance it was sent with."""
    rows = [*still(3), (100, 110, 100, 110), (110, 110, 104, 104), *still(2, 104)]
    order = sell(size=1, exectype=ORDER.StopTrailLimit, price=100, plimit=98, trailamount=5)
    run = play({1: buy(size=1), 2: order}, market(*rows))
    assert run.fills()[1] == (4, -1.0, 105.0)
    above = sell(size=1, exectype=ORDER.StopTrailLimit, price=100, plimit=102, trailamount=5)
    again = [*rows[:5], (104, 108, 104, 108), *still(2, 108)]
    assert play({1: buy(size=1), 2: above}, market(*again)).fills()[1] == (5, -1.0, 107.0)


@pytest.mark.parametrize(("rows", "exit_price", "reason"), [
    (UP, 106.0, "limit"), (DOWN, 95.0, "stop"),
])
def test_buy_bracket(rows: Any, exit_price: float, reason: str) -> None:
    """Entry, then stop or target; the other one dies with it."""
    run = play({1: lambda strategy: strategy.buy_bracket(
        size=2, exectype=ORDER.Market, stopprice=95, limitprice=106)}, market(*rows))
    assert run.fills() == [(2, 2.0, 100.0), (3, -2.0, exit_price)]
    assert run.journal.fills[1].reason == reason
    assert [each.status for each in run.ends()] == ["Completed", "Completed", "Canceled"]
    assert run.broker.get_orders_open() == []


def test_sell_bracket() -> None:
    """A limit entry above, its stop higher, its target lower."""
    rows = [*still(3), (100, 103, 100, 103), (103, 103, 96, 96), *still(2, 96)]
    run = play({1: lambda strategy: strategy.sell_bracket(
        size=2, price=102, stopprice=106, limitprice=97)}, market(*rows))
    assert run.fills() == [(3, -2.0, 102.0), (4, 2.0, 97.0)]
    assert run.strategy.trades[-1].pnl == pytest.approx(10.0)


def test_brackets_without_one_side() -> None:
    """``limitexec=None`` and ``stopexec=None`` leave an entry with one exit."""
    only_stop = {1: lambda strategy: strategy.buy_bracket(
        size=1, exectype=ORDER.Market, stopprice=95, limitexec=None)}
    assert play(only_stop, market(*DOWN)).fills() == [(2, 1.0, 100.0), (3, -1.0, 95.0)]
    only_target = {1: lambda strategy: strategy.buy_bracket(
        size=1, exectype=ORDER.Market, limitprice=105, stopexec=None)}
    assert play(only_target, market(*UP)).fills() == [(2, 1.0, 100.0), (3, -1.0, 105.0)]


def test_a_bracket_s_own_exit_types() -> None:
    """stopexec and limitexec with their own arguments: a trailing stop as the low side."""
    rows = [*still(3), (100, 110, 100, 110), (110, 110, 104, 104), *still(2, 104)]
    run = play({1: lambda strategy: strategy.buy_bracket(
        size=1, exectype=ORDER.Market, stopexec=ORDER.StopTrail, stopargs={"trailamount": 5},
        limitprice=130)}, market(*rows))
    assert run.fills()[1] == (4, -1.0, 105.0)


def test_one_cancels_other() -> None:
    """The fill of one cancels the rest of its group at that instant."""
    def group(strategy: Any) -> None:
        first = strategy.buy(size=1, exectype=ORDER.Limit, price=95)
        second = strategy.buy(size=2, exectype=ORDER.Limit, price=94, oco=first)
        strategy.sell(size=3, exectype=ORDER.Limit, price=120, oco=second)

    run = play({1: group}, market(*DOWN))
    assert run.fills() == [(3, 1.0, 95.0)]
    assert [(each.number, each.status) for each in run.ends()] == [
        (0, "Completed"), (1, "Canceled"), (2, "Canceled")]


@pytest.mark.parametrize(("valid", "expires"), [
    (dt.timedelta(minutes=1), 3), (dt.datetime(2026, 1, 28, 0, 3), 3), (dt.date(2026, 1, 28), 2),
])
def test_valid(valid: Any, expires: int) -> None:
    """The first bar after the last valid moment ends the order, before it could fill."""
    order = buy(size=1, exectype=ORDER.Limit, price=95, valid=valid)
    run = play({1: order}, market(*DOWN))
    assert run.fills() == []
    assert [(each.bar, each.status) for each in run.ends()] == [(expires, "Expired")]
    longer = buy(size=1, exectype=ORDER.Limit, price=95, valid=dt.timedelta(minutes=2))
    assert play({1: longer}, market(*DOWN)).fills() == [(3, 1.0, 95.0)]


def test_cancel() -> None:
    """A cancelled order never fills, and releases what it reserved."""
    plan = {1: buy(size=100, exectype=ORDER.Limit, price=95),
            2: lambda strategy: strategy.cancel(strategy.sent[0])}
    run = play(plan, market(*DOWN))
    assert run.fills() == []
    assert [each.status for each in run.heard] == ["Submitted", "Accepted", "Canceled"]
    assert run.broker.getcash() == 10_000


def test_an_order_may_be_cancelled_by_the_clone_a_notification_brought() -> None:
    """Strategies keep what notify_order gave them."""
    plan = {1: buy(size=1, exectype=ORDER.Limit, price=95),
            2: lambda strategy: strategy.cancel(strategy.heard[-1][1])}
    assert play(plan, market(*DOWN)).ends()[0].status == "Canceled"


def test_a_position_reversed_by_one_order() -> None:
    """One order closes the long and opens the short: two trades, two positions of the journal."""
    run = play({1: buy(size=2), 3: sell(size=5), 5: close}, market(*still(8)))
    assert run.fills() == [(2, 2.0, 100.0), (4, -5.0, 100.0), (6, 3.0, 100.0)]
    assert [(t.bar, t.status, t.size) for t in run.strategy.trades] == [
        (2, "open", 2.0), (4, "closed", 0.0), (4, "open", -3.0), (6, "closed", 0.0)]
    assert [fill.position for fill in run.journal.fills] == [1, 1, 2]
