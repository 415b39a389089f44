"""Orders and cancels on their way to the venue: what they meet there, and what meets them.

``latency=n``: what is sent in ``next()`` of bar b arrives at the end of bar b + n and is live from
the bar after. Ten coins from 100 at 10x post 100; no fees. All bars are SYNTHETIC.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.account.table import ladder_of
from tests.broker.runs import ORDER, Row, Run, Scripted, buy, close, market, play, sell, still
from tests.markets import make_columns

PLAIN = ladder_of([(0, None, 0.005, 100)])
S = still(1)[0]
DIP: Row = (100, 101, 94, 98)


def _run(plan: Any, *rows: Row, latency: int = 1, **options: Any) -> Run:
    return play(plan, market(*rows, lot_size=1), ladder=PLAIN, latency=latency, **options)


def _told(run: Run) -> list[tuple[int, int, str]]:
    """Bar, number of the order and status; a bar's notifications are heard at its end."""
    return [(each.bar, each.number, each.status) for each in run.heard]


def _fills(run: Run) -> list[tuple[int, float, float, str]]:
    return [(fill.bar, fill.size, fill.price, fill.reason) for fill in run.journal.fills]


def test_an_order_is_submitted_at_once_and_accepted_where_it_arrives() -> None:
    """Submitted is heard of in the next bar as ever, Accepted with the bar of the arrival."""
    run = _run({0: buy(size=10)}, *still(5), latency=2)
    assert _told(run) == [(1, 0, "Submitted"), (2, 0, "Accepted"), (3, 0, "Completed")]


def test_a_bracket_travels_as_one() -> None:
    """Entry and children arrive together; the children act in the bar of the fill."""
    plan = {0: lambda s: s.buy_bracket(size=10, price=97, stopprice=95, limitprice=110)}
    run = _run(plan, S, DIP, DIP, S)
    assert _fills(run) == [(2, 10, 97, "limit"), (2, -10, 95, "stop")]


def test_a_bracket_refused_at_the_door_is_refused_whole() -> None:
    """When it arrives there is not enough margin for its entry: three orders, three reasons."""
    plan = {0: lambda s: s.buy_bracket(size=10, price=97, stopprice=95, limitprice=110)}
    run = _run({**plan, 1: lambda s: s.broker.add_cash(-920)}, *still(5), latency=2, cash=1_000)
    assert run.reasons == ["margin: needs 97.00, available 80.00", "its parent order was refused",
                           "its parent order was refused"]
    assert [each.status for each in run.ends()] == ["Margin", "Rejected", "Rejected"]


def test_margin_is_judged_on_arrival_and_not_reserved_before() -> None:
    """Of 150 two orders of ten coins may be sent, one is taken."""
    seen: list[float] = []

    class Cash(Scripted):
        def next(self) -> None:
            super().next()
            seen.append(self.broker.getcash())

    run = play(Cash, market(*still(4)), ladder=PLAIN, latency=1, cash=150, params={"plan": {
        0: lambda s: [s.buy(size=10, exectype=ORDER.Limit, price=90) for _ in range(2)]}})
    assert seen == [150, 60, 60, 60]
    assert run.reasons == ["margin: needs 90.00, available 60.00"]


def test_a_cancel_never_overtakes_its_order() -> None:
    """Both sent in one bar: the order is taken, then cancelled, and meets no price."""
    plan = {0: lambda s: s.cancel(s.buy(size=10, exectype=ORDER.Limit, price=95))}
    run = _run(plan, S, DIP, DIP, DIP)
    assert [each[2] for each in _told(run)] == ["Submitted", "Accepted", "Canceled"]
    assert _fills(run) == []


@pytest.mark.parametrize(("dip", "filled"), [(5, True), (6, False)])
def test_a_cancel_is_as_long_on_its_way_as_an_order(dip: int, filled: bool) -> None:
    """Two bars: sent in bar 3 it arrives at the end of bar 5, after a dip in that bar."""
    sent: list[Any] = []
    plan = {0: lambda s: sent.append(s.buy(size=10, exectype=ORDER.Limit, price=95)),
            3: lambda s: s.cancel(sent[0])}
    run = _run(plan, *still(dip), DIP, *still(3), latency=2)
    assert bool(_fills(run)) is filled
    assert run.ends()[-1].status == ("Completed" if filled else "Canceled")


def test_a_cancel_that_comes_after_the_fill_changes_nothing() -> None:
    """The order was filled while it travelled; a second one for it neither."""
    sent: list[Any] = []
    plan = {0: lambda s: sent.append(s.buy(size=10)), 1: lambda s: s.cancel(sent[0]),
            2: lambda s: s.cancel(sent[0])}
    run = _run(plan, *still(6))
    assert [each[2] for each in _told(run)] == ["Submitted", "Accepted", "Completed"]
    assert run.size == 10
    assert run.reasons == []


def test_an_order_that_expires_on_its_way_meets_no_price() -> None:
    """Good for one minute, two on the way: the dip it would have met comes after its time."""
    run = _run({0: buy(size=10, exectype=ORDER.Limit, price=95, valid=dt.timedelta(minutes=1))},
               S, DIP, S, DIP, DIP, latency=2)
    assert _fills(run) == []
    assert _told(run)[-1][2] == "Expired"
    assert run.broker.get_orders_open() == []
    assert run.broker.getcash() == 10_000


def test_a_stop_that_arrives_beyond_its_trigger_fills_at_the_next_open() -> None:
    """The fall to 94 comes while it travels: it sells at 93, not at 95."""
    run = _run({0: buy(size=10), 1: sell(size=10, exectype=ORDER.Stop, price=95)},
               S, S, (100, 100, 94, 94), *still(2, 93))
    # the entry itself arrives in bar 1 and fills in bar 2
    assert _fills(run) == [(2, 10, 100, "market"), (3, -10, 93, "stop")]


def test_orders_arrive_in_the_order_in_which_they_were_sent() -> None:
    """A sale sent before the buy of the same bar fills before it."""
    run = _run({0: lambda s: [s.sell(size=4), s.buy(size=10)]}, *still(4))
    assert [fill[1] for fill in _fills(run)] == [-4, 10]


def test_a_liquidation_recalls_the_bracket_on_its_way() -> None:
    """It was meant for what is gone: entry, stop and target are cancelled, none arrives."""
    plan = {0: buy(size=10), 3: lambda s: s.buy_bracket(size=10, price=80, stopprice=70,
                                                        limitprice=110)}
    run = _run(plan, *still(4), *still(1, 85), *still(3, 75))
    assert [fill[3] for fill in _fills(run)] == ["market", "liquidation"]
    assert [each.status for each in run.ends()].count("Canceled") == 3
    assert run.broker.get_orders_open() == []


def test_a_cancel_on_its_way_finds_what_the_liquidation_has_left() -> None:
    """The target dies with the position in bar 4; its cancel arrives after that and says nothing.
    """
    sent: list[Any] = []
    plan = {0: buy(size=10), 1: lambda s: sent.append(
        s.sell(size=10, exectype=ORDER.Limit, price=120)), 3: lambda s: s.cancel(sent[0])}
    run = _run(plan, *still(4), *still(3, 85))
    assert [each.status for each in run.heard if each.number == 1] == [
        "Submitted", "Accepted", "Canceled"]


@pytest.mark.parametrize(("margin", "filled"), [("isolated", True), ("cross", False)])
def test_what_a_liquidation_recalls_of_other_instruments(margin: str, filled: bool) -> None:
    """Isolated: nothing; in cross every order of the account, on its way or not."""
    plan = {0: buy(size=10), 3: lambda s: s.buy(data=s.data1, size=1)}
    run = play(plan, [market(*still(4), *still(4, 85)),
                      make_columns(still(8), symbol="BTCUSDT")],
               ladder=PLAIN, latency=1, margin=margin, cash=150)
    assert len(run.journal.liquidations) == 1
    assert (run.broker.getposition(run.cerebro.datas[1]).size == 1) is filled


def test_two_feeds_of_other_lengths_count_their_own_bars() -> None:
    """One bar is a minute for ETH and five for bitcoin: sent together at 00:05."""
    plan = {4: lambda s: [s.buy(size=1), s.buy(data=s.data1, size=1)]}

    class Late(Scripted):
        @property
        def bar(self) -> int:
            return len(self.data0) - 1

        def next(self) -> None:
            if self.bar not in self.done:
                self.done.add(self.bar)
                super().next()

        def prenext(self) -> None:
            self.next()

        def __init__(self) -> None:
            super().__init__()
            self.done: set[int] = set()

    run = play(Late, [market(*still(30)),
                      make_columns(still(6), symbol="BTCUSDT", step="5m")],
               ladder=PLAIN, latency=1, params={"plan": plan})
    filled = {fill.symbol: fill.bar for fill in run.journal.fills}
    # minute 6 is waited for, minute 7 fills; the bar to 00:10 is waited for, that to 00:15 fills
    assert filled == {"ETHUSDT": 6, "BTCUSDT": 2}


def test_a_close_on_its_way_is_no_reason_for_another_position() -> None:
    """close() of bar 2 fills in bar 4; the strategy is flat from then on."""
    run = _run({0: buy(size=10), 2: close}, *still(7))
    assert _fills(run) == [(2, 10, 100, "market"), (4, -10, 100, "market")]
    assert run.size == 0


def test_what_is_still_on_its_way_at_the_end_of_the_data_is_nothing() -> None:
    """No fill, no reservation, no error."""
    run = _run({3: buy(size=10)}, *still(5), latency=5)
    assert _fills(run) == []
    assert run.broker.getcash() == 10_000
