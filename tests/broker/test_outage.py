"""A venue that is out: what rests on its book goes on, nothing new comes to it.

Bar n ends at 00:0(n + 1); the outage lasts from 00:02:30 to 00:05:30 unless a test says so, so that
what is sent in bars 2, 3 and 4 is not taken. Ten coins from 100 at 10x post 100; no fees. All bars
are SYNTHETIC.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from deleverage.errors import UsageError
from tests.account.table import ladder_of
from tests.broker.runs import ORDER, Row, Run, buy, market, play, sell, still
from tests.markets import make_columns

PLAIN = ladder_of([(0, None, 0.005, 100)])
OUT = (("2026-01-28T00:02:30", "2026-01-28T00:05:30"),)
S = still(1)[0]
SAID = "outage: the venue takes no orders until 2026-01-28 00:05:30"


def _run(plan: Any, *rows: Row, outage: Any = OUT, **options: Any) -> Run:
    return play(plan, market(*(rows or still(9)), lot_size=1), ladder=PLAIN, outage=outage,
                **options)


def _fills(run: Run) -> list[tuple[int, float, float, str]]:
    return [(fill.bar, fill.size, fill.price, fill.reason) for fill in run.journal.fills]


def _bracket(**options: Any) -> Any:
    values = {"size": 10, "price": 97, "stopprice": 95, "limitprice": 105} | options
    return lambda strategy: strategy.buy_bracket(**values)


@pytest.mark.parametrize(("bar", "filled"), [(1, True), (2, False), (4, False), (5, True)])
def test_it_lasts_from_its_first_instant_to_before_its_last(bar: int, filled: bool) -> None:
    """From 00:03 to 00:06: sent at 00:02 and 00:06 taken, at 00:03 and 00:05 not."""
    out = [("2026-01-28T00:03", "2026-01-28T00:06")]
    run = _run({bar: buy(size=1)}, outage=out)
    assert bool(run.journal.fills) is filled


def test_a_bracket_on_the_book_lives_through_it() -> None:
    """The entry fills in it, its stop sells in it."""
    run = _run({0: _bracket()}, S, S, S, (100, 100, 96, 96), (96, 96, 94, 95), *still(3, 95))
    assert _fills(run) == [(3, 10, 97, "limit"), (4, -10, 95, "stop")]
    assert [each.status for each in run.ends()] == ["Completed", "Completed", "Canceled"]


def test_a_target_of_it_cancels_the_stop_in_it() -> None:
    """The venue cancels by itself what hangs together."""
    run = _run({0: _bracket()}, S, S, (100, 100, 96, 98), (98, 106, 98, 104), (104, 104, 90, 92),
               S)
    assert _fills(run) == [(2, 10, 97, "limit"), (3, -10, 105, "limit")]
    assert run.size == 0


def test_a_bracket_sent_in_it_is_refused_whole() -> None:
    """Three orders, each with its reason; none waits for the end of the outage."""
    run = _run({2: _bracket()}, *still(6), (100, 100, 90, 90), S)
    assert run.reasons == [SAID, "its parent order was refused", "its parent order was refused"]
    assert _fills(run) == []
    assert [each.status for each in run.ends()] == ["Rejected"] * 3


def test_a_part_of_a_group_is_not_cancelled_by_hand_in_it() -> None:
    """The strategy's cancel is refused with its reason; the order fills two bars later."""
    sent: list[Any] = []
    plan = {0: lambda s: sent.append(s.buy(size=10, exectype=ORDER.Limit, price=97)),
            2: lambda s: s.cancel(sent[0])}
    run = _run(plan, *still(4), (100, 100, 96, 96), *still(2, 96))
    assert run.reasons == ["outage: no cancel is taken until 2026-01-28 00:05:30"]
    assert _fills(run) == [(4, 10, 97, "limit")]


def test_an_order_on_the_book_expires_in_it() -> None:
    """Its time is the venue's to keep."""
    run = _run({0: buy(size=10, exectype=ORDER.Limit, price=97, valid=dt.timedelta(minutes=2))},
               *still(4), (100, 100, 96, 96), *still(2, 96))
    assert _fills(run) == []
    assert run.ends()[-1].status == "Expired"


@pytest.mark.parametrize(("sent", "taken"), [(0, True), (1, False), (3, False), (4, True)])
def test_with_latency_the_moment_of_arrival_counts(sent: int, taken: bool) -> None:
    """An order sent before it that arrives in it is refused; one sent in it may arrive after."""
    run = _run({sent: buy(size=1)}, latency=1)
    assert bool(run.journal.fills) is taken


@pytest.mark.parametrize(("bar", "filled"), [(1, True), (3, True), (4, False)])
def test_a_cancel_that_arrives_in_it_is_not_taken(bar: int, filled: bool) -> None:
    """Sent in bar 4 it arrives after the outage, before the dip of bar 7."""
    sent: list[Any] = []
    plan = {0: lambda s: sent.append(s.buy(size=10, exectype=ORDER.Limit, price=97)),
            bar: lambda s: s.cancel(sent[0])}
    run = _run(plan, *still(7), (100, 100, 96, 96), *still(1, 96), latency=1)
    assert bool(run.journal.fills) is filled


def test_it_is_the_venue_s_not_the_instrument_s() -> None:
    """Orders of both feeds are refused."""
    plan = {2: lambda s: [s.buy(size=1), s.sell(data=s.data1, size=1)]}
    run = play(plan, [market(*still(6)), make_columns(still(6), symbol="BTCUSDT")], ladder=PLAIN,
               outage=OUT)
    assert run.reasons == [SAID, SAID]
    assert [each.symbol for each in run.journal.rejections] == ["ETHUSDT", "BTCUSDT"]


def test_it_is_told_by_the_clock_of_the_feed_that_is_furthest() -> None:
    """At 00:07 the last bar of bitcoin's 5 m feed ended at 00:05, before the outage began."""
    run = play({6: buy(size=1)},
               [market(*still(10)), make_columns(still(2), symbol="BTCUSDT", step="5m")],
               ladder=PLAIN, outage=[("2026-01-28T00:06:30", "2026-01-28T00:08:30")])
    assert run.reasons == ["outage: the venue takes no orders until 2026-01-28 00:08:30"]


def test_several_outages() -> None:
    """Given in any order, in any form of time, one inside another too."""
    second = dt.datetime(2026, 1, 28, 0, 7, 30), dt.datetime(2026, 1, 28, 0, 8, 30)
    third = ("2026-01-28T00:03:30", "2026-01-28T00:04:30")
    plan = {bar: buy(size=1) for bar in range(1, 9)}
    run = _run(plan, *still(10), outage=[second, third, OUT[0]])
    # 00:03, 00:04, 00:05 and 00:08
    assert [each.bar for each in run.journal.rejections] == [2, 3, 4, 7]
    assert run.size == 4


def test_a_stop_before_it_is_the_only_help_in_it() -> None:
    """A fall to 85 in it: with a stop at 96 it costs 40, without one the margin of 100."""
    rows = [S, S, S, S, (100, 100, 85, 85), *still(2, 85)]
    with_stop = {0: buy(size=10), 1: sell(size=10, exectype=ORDER.Stop, price=96)}
    assert _run(with_stop, *rows).broker.getvalue() == 9_960
    late = {0: buy(size=10), 2: sell(size=10, exectype=ORDER.Stop, price=96)}
    assert _run(late, *rows, liquidation="takeover").broker.getvalue() == 9_900


@pytest.mark.parametrize(("outage", "message"), [
    ([("2026-01-28T00:05", "2026-01-28T00:02")],
     "an outage must begin before it ends, found 2026-01-28 00:05 to 2026-01-28 00:02"),
    ([("2026-01-28T00:05", "2026-01-28T00:05")], "an outage must begin before it ends"),
    ([("2026-01-28T00:05",)], r"an outage is a pair \(from, to\), found"),
    (["2026-01-28T00:05"], r"an outage is a pair \(from, to\), found '2026-01-28T00:05'"),
    ([("soon", "later")], "not an ISO date or time: 'soon'"),
    ([(None, "2026-01-28")], "a time must be ISO text, a datetime or UTC nanoseconds, found None"),
    (("2026-01-28T00:05", "2026-01-28T00:06"), r"an outage is a pair \(from, to\)"),
    (5, r"outage must be a list of \(from, to\) pairs, found 5"),
    ("2026-01-28T00:05", r"outage must be a list of \(from, to\) pairs, found '2026"),
])
def test_an_outage_that_cannot_be_is_answered_in_one_line(outage: Any, message: str) -> None:
    """Reversed, empty, half a pair, no time at all, a pair outside its list."""
    with pytest.raises(UsageError, match=message) as caught:
        _run({}, outage=outage)
    assert "\n" not in str(caught.value)
