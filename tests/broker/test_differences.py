"""Where this account differs from backtrader's stock broker on purpose, both shown side by side."""

from __future__ import annotations

import datetime as dt
from typing import Any

import backtrader as bt
import pytest

from tests.broker.runs import ORDER, Run, Scripted, buy, close, market, play, sell, still
from tests.markets import make_columns


def _stock(plan: Any, columns: Any, *, scheme: dict[str, Any] | None = None,
           cash: float = 10_000.0, **options: Any) -> Run:
    broker = bt.brokers.BackBroker(cash=cash)
    if scheme:
        broker.setcommission(**scheme)
    return play(plan, columns, broker=broker, **options)


def _exits(first: str) -> Any:
    """A step: stop 90 and target 110, one cancels the other, ``first`` submitted first."""
    def send(strategy: Any) -> None:
        kinds = {"stop": {"exectype": ORDER.Stop, "price": 90},
                 "target": {"exectype": ORDER.Limit, "price": 110}}
        leader = strategy.sell(size=1, **kinds.pop(first))
        strategy.sell(size=1, oco=leader, **kinds.popitem()[1])
    return send


@pytest.mark.parametrize("first", ["stop", "target"])
@pytest.mark.parametrize(("path", "price"), [("adverse", 90.0), ("favourable", 110.0),
                                             ("ohlc", 90.0)])
def test_the_path_decides_inside_a_bar_not_the_order_of_submission(
    first: str, path: str, price: float
) -> None:
    """Target 110 and stop 90 in one 85–115 bar: stock takes whichever was sent first."""
    columns = market(*still(5), (100, 115, 85, 100), *still(2))
    plan = {1: buy(size=1), 3: _exits(first)}
    ours = play(plan, columns, path=path, liquidation="takeover")
    assert ours.fills() == [(2, 1.0, 100.0), (5, -1.0, price)]
    stock = _stock(plan, columns)
    assert stock.ends()[-2].price == (90.0 if first == "stop" else 110.0)


def test_the_entry_bar_counts() -> None:
    """A stop reached in the bar of its parent's fill fills there; stock wakes it a bar later."""
    columns = market(*still(3), (100, 100, 93, 94), (94, 94, 94, 94), *still(2, 94))
    plan = {1: lambda strategy: strategy.buy_bracket(size=1, price=98, stopprice=95,
                                                     limitprice=120)}
    assert [fill[::2] for fill in play(plan, columns).fills()] == [(3, 98.0), (3, 95.0)]
    later = [(3, 98.0), (4, 94.0)]
    assert [fill[::2] for fill in play(plan, columns, entry_bar="backtrader").fills()] == later
    stock = _stock(plan, columns)
    assert [(each.bar, each.price) for each in stock.ends() if each.status == "Completed"] == later


def test_a_limit_fills_when_the_price_trades_through_it() -> None:
    """A touch is not enough by default; ``fill="touch"`` is backtrader's rule."""
    columns = market(*still(3), (100, 100, 95, 96), *still(2, 96))
    plan = {1: buy(size=1, exectype=ORDER.Limit, price=95)}
    assert play(plan, columns).fills() == []
    assert play(plan, columns, fill="touch").fills() == [(3, 1.0, 95.0)]
    assert _stock(plan, columns).ends()[0].price == 95.0
    deeper = market(*still(3), (100, 100, 94.99, 96), *still(2, 96))
    assert play(plan, deeper).fills() == [(3, 1.0, 95.0)]


def test_an_order_at_the_close_fills_at_the_close_of_the_midnight_bar() -> None:
    """The day's last bar is stamped 00:00; stock falls back to the close one bar before it."""
    rows = [(100 + n, 101 + n, 100 + n, 101 + n) for n in range(5)]
    columns = market(*rows, start="2026-01-28T20:00", step="1h")  # closes 21:00 … 00:00, 01:00
    plan = {0: buy(size=1, exectype=ORDER.Close)}
    assert play(plan, columns).fills() == [(3, 1.0, 104.0)]
    assert _stock(plan, columns).ends()[0].price == 103.0


def test_an_order_is_accepted_when_it_is_sent() -> None:
    """Margin is judged and reserved at once; stock tells and judges only at the next bar."""
    seen: list[tuple[str, float]] = []

    def send(strategy: Any) -> None:
        for size in (60, 60):
            order = strategy.buy(size=size, exectype=ORDER.Limit, price=90)
            seen.append((order.getstatusname(), strategy.broker.getcash()))

    columns = market(*still(5))
    play({1: send}, columns, leverage=1, cash=10_000.0)
    assert seen == [("Accepted", 4_600.0), ("Margin", 4_600.0)]
    seen.clear()
    _stock({1: send}, columns)
    assert seen == [("Submitted", 10_000.0), ("Submitted", 10_000.0)]


def test_an_order_can_be_cancelled_in_the_step_that_sent_it() -> None:
    """It is on the book at once; stock cannot find it yet and fills it."""
    plan = {1: lambda strategy: strategy.cancel(strategy.buy(size=1))}
    ours, stock = (run(plan, market(*still(4))) for run in (play, _stock))
    assert [each.status for each in ours.heard] == ["Submitted", "Accepted", "Canceled"]
    assert [each.status for each in stock.heard] == ["Submitted", "Accepted", "Completed"]


def test_a_stop_limit_lives_on_inside_the_bar_that_triggers_it() -> None:
    """Up through 105, back to 102: the limit of 103 is met on the way; stock waits a bar."""
    columns = market(*still(3), (100, 110, 100, 102), (104, 104, 104, 104), (102, 102, 102, 102))
    plan = {1: buy(size=1, exectype=ORDER.StopLimit, price=105, plimit=103)}
    assert play(plan, columns).fills() == [(3, 1.0, 103.0)]
    stock = _stock(plan, columns)
    assert [(each.bar, each.price) for each in stock.ends()] == [(5, 102.0)]


def test_value_is_at_mark_and_value_of_a_feed_is_notional_at_last() -> None:
    """Equity follows the mark; getvalue([data]) is what order_target_value compares with."""
    columns = market(*still(4), (100, 104, 100, 104), mark=[*still(4), (100, 101, 100, 101)])
    run = play({1: sell(size=3)}, columns)
    assert run.broker.getvalue() == 10_000 - 3
    assert run.broker.getvalue([run.cerebro.datas[0]]) == -3 * 104
    assert run.broker.getcash() == 10_000 - 3 * 100 / 10


def test_shorts_post_margin_like_longs() -> None:
    """A short of a hundred times the cash is refused; stock credits the proceeds."""
    columns = market(*still(5))
    plan = {1: sell(size=10_000)}
    assert play(plan, columns).reasons == ["margin: needs 100,000.00, available 10,000.00"]
    stock = _stock(plan, columns)
    assert stock.broker.getcash() == 1_010_000
    assert play({1: sell(size=100)}, columns).broker.getcash() == 9_000


def test_an_account_does_not_come_back_from_below_zero() -> None:
    """10 coins at 10x through −22 % and back: stock ends with a profit, we are liquidated."""
    columns = market(*still(3, 3_000), (3_000, 3_000, 2_350, 2_350), (2_350, 3_050, 2_350, 3_050),
                     *still(2, 3_050))
    plan = {1: buy(size=10)}
    stock = _stock(plan, columns, cash=3_000, scheme={"leverage": 10.0, "stocklike": True})
    assert stock.broker.getvalue() == pytest.approx(3_500)
    ours = play(plan, columns, cash=3_000)
    assert ours.broker.getvalue() == 0.0
    assert ours.journal.liquidations[0].loss == 3_000


def test_an_expiry_comes_before_the_fills_of_its_bar() -> None:
    """The first bar beyond ``valid`` cancels the group, whatever was submitted first."""
    def send(strategy: Any) -> None:
        stop = strategy.sell(size=1, exectype=ORDER.Stop, price=90)
        strategy.sell(size=1, exectype=ORDER.Limit, price=110, oco=stop,
                      valid=dt.timedelta(minutes=1))

    columns = market(*still(5), (100, 100, 85, 85), *still(2, 85))
    plan = {1: buy(size=1), 3: send}
    assert [(each.bar, each.status) for each in play(plan, columns, leverage=2).ends()] == [
        (2, "Completed"), (5, "Expired"), (5, "Canceled")]
    assert [(each.bar, each.status) for each in _stock(plan, columns).ends()] == [
        (2, "Completed"), (5, "Completed"), (5, "Canceled")]


class Cheat(Scripted):
    """Sends a limit order from a timer that rings before the broker has seen the bar."""

    def __init__(self) -> None:
        super().__init__()
        self.add_timer(bt.timer.SESSION_START, cheat=True)

    def notify_timer(self, timer: Any, when: Any, *args: Any, **kwargs: Any) -> None:
        if len(self.data) == 2:
            self.buy(size=1, exectype=ORDER.Limit, price=self.data.low[0] + 1)


def test_no_order_meets_the_bar_in_which_it_was_sent() -> None:
    """A cheating timer sees the whole bar: stock fills a limit order inside that same bar."""
    columns = market(*still(1), (100, 110, 90, 100), (100, 100, 89, 100), step="1d")
    assert play(Cheat, columns).fills() == [(2, 1.0, 91.0)]
    assert [(each.bar, each.price) for each in _stock(Cheat, columns).ends()] == [(1, 91.0)]


def test_a_market_order_of_a_cheating_timer_fills_at_the_next_open_in_both() -> None:
    """There the stock broker looks at the time, and so do we."""
    class Early(Cheat):
        def notify_timer(self, timer: Any, when: Any, *args: Any, **kwargs: Any) -> None:
            self.buy(size=1)

    columns = market((100, 101, 99, 101), (101, 102, 100, 102), (102, 104, 101, 103), step="1d")
    ours, stock = play(Early, columns), _stock(Early, columns)
    assert ours.ends() == stock.ends()
    assert [each.price for each in ours.ends()] == [101.0, 102.0]


def test_no_order_meets_a_bar_that_had_begun_when_it_was_sent() -> None:
    """Sent to an hourly feed at a faster one's bar: the hour's low, already seen, fills nothing."""
    minutes = still(4 * 60)
    hours = [(100, 100, 100, 100), (100, 100, 90, 100), (100, 101, 99, 101), (101, 101, 101, 101)]
    feeds = [market(*minutes), make_columns(hours, symbol="BTCUSDT", step="1h")]
    limit = {100: lambda strategy: strategy.buy(data=strategy.data1, size=1, price=95,
                                                exectype=ORDER.Limit)}
    at_market = {100: lambda strategy: strategy.buy(data=strategy.data1, size=1)}
    assert play(limit, feeds).fills() == []
    assert [(each.bar, each.price) for each in _stock(limit, feeds).ends()] == [(119, 95.0)]
    assert play(at_market, feeds).fills() == [(2, 1.0, 100.0)]


def test_a_left_over_bracket_opens_nothing() -> None:
    """After a close by hand the stop is still open; in stock it sells short, here it dies."""
    columns = market(*still(6), (100, 100, 85, 85), *still(2, 85))
    plan = {1: lambda strategy: strategy.buy_bracket(size=1, exectype=ORDER.Market, stopprice=90,
                                                     limitprice=120), 3: close}
    ours, stock = play(plan, columns), _stock(plan, columns)
    assert (ours.size, stock.size) == (0.0, -1.0)
    assert [each.status for each in ours.ends()] == ["Completed", "Completed", "Canceled",
                                                    "Canceled"]


def test_sizes_leave_no_dust() -> None:
    """0.1 + 0.2 − 0.3 is nothing, and the trade closes; in stock it stays open for ever."""
    plan = {1: buy(size=0.1), 2: buy(size=0.2), 4: sell(size=0.3)}
    ours, stock = (run(plan, market(*still(7))) for run in (play, _stock))
    assert (ours.size, [t.status for t in ours.strategy.trades]) == (0.0, ["open", "closed"])
    assert stock.size != 0.0
    assert [t.status for t in stock.strategy.trades] == ["open"]


def test_target_values_are_met_to_the_lot_not_to_whole_coins() -> None:
    """order_target_value of half a coin does nothing in stock."""
    plan = {1: lambda strategy: strategy.order_target_value(target=55.0)}
    ours, stock = (run(plan, market(*still(5))) for run in (play, _stock))
    assert (ours.size, stock.size) == (0.55, 0.0)
