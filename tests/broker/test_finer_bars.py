"""Hours for the strategy, minutes for the account: what the finer bars decide.

``PerpetualData(step="1h")`` over SYNTHETIC minutes from 00:00; hour n holds the minutes 60·n to
60·n + 59. Ten coins from 100 at 10x, isolated, 0.5 % maintenance, no fees: dead at 90 / 0.995.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest

from deleverage.timestamps import parse
from tests.account.table import ladder_of
from tests.broker.runs import ORDER, Row, Run, buy, market, play, still
from tests.markets import make_columns

PLAIN = ladder_of([(0, None, 0.005, 100)])
IN = {0: buy(size=10)}


def _minutes(hours: int, changes: Mapping[int, Row]) -> list[Row]:
    """Minutes in which nothing moves but at the numbers given; price stays at their close."""
    rows, price = [], 100.0
    for number in range(60 * hours):
        row = changes.get(number, (price,) * 4)
        rows.append(row)
        price = row[3]
    return rows


def _run(plan: Any, changes: Mapping[int, Row], hours: int = 4,
         mark: Mapping[int, Row] | None = None, **options: Any) -> Run:
    market_options = {name: options.pop(name) for name in ("funding", "start", "volume")
                      if name in options}
    columns = market(*_minutes(hours, changes), **market_options,
                     mark=None if mark is None else _minutes(hours, mark))
    return play(plan, columns, ladder=PLAIN, feed_options={"step": "1h"}, **options)


def _fills(run: Run) -> list[tuple[str, str, float]]:
    """When (the close of the minute), why and at which price."""
    return [(str(dt.datetime.fromtimestamp(fill.ts // 10**9, dt.UTC).time())[:5], fill.reason,
             fill.price) for fill in run.journal.fills]


def test_an_order_meets_the_first_minute_after_the_hour() -> None:
    """Sent at 01:00 it fills at the open of the minute that ends at 01:01; its bar is the hour."""
    run = _run(IN, {60: (101, 102, 99, 100)})
    assert _fills(run) == [("01:01", "market", 101)]
    assert run.journal.fills[0].bar == 1
    assert len(run.strategy) == 4


TARGET = {0: lambda s: [s.buy(size=10), s.sell(size=10, exectype=ORDER.Limit, price=110)]}
TARGET_FIRST = {70: (100, 111, 100, 108), 100: (108, 108, 85, 90)}
LOW_FIRST = {70: (100, 100, 85, 88), 100: (88, 111, 88, 90)}


@pytest.mark.parametrize("path", ["adverse", "favourable", "ohlc"])
@pytest.mark.parametrize(("changes", "reason"), [
    (TARGET_FIRST, "limit"), (LOW_FIRST, "liquidation")])
def test_target_and_liquidation_of_one_hour_come_in_the_minutes_order(
    changes: Mapping[int, Row], reason: str, path: str
) -> None:
    """At ten past the one, at forty past the other: no policy is asked."""
    run = _run(TARGET, changes, path=path, liquidation="takeover")
    assert [each[1] for each in _fills(run)] == ["market", reason]
    assert run.broker.getvalue() == (10_100 if reason == "limit" else 9_900)


@pytest.mark.parametrize(("path", "value"), [("adverse", 9_900), ("favourable", 10_100)])
def test_the_hour_alone_would_have_left_it_to_the_policy(path: str, value: float) -> None:
    """The same two hours without what is inside: the policy decides."""
    for changes in (TARGET_FIRST, LOW_FIRST):
        rows = _minutes(2, changes)[60:]
        hour = (rows[0][0], max(row[1] for row in rows), min(row[2] for row in rows), rows[-1][3])
        run = play(TARGET, market(*still(1), hour, *still(1, 90), step="1h"), ladder=PLAIN,
                   path=path, liquidation="takeover")
        assert run.broker.getvalue() == value


def test_a_stop_on_last_and_a_liquidation_on_mark_come_in_the_minutes_order() -> None:
    """The mark wicks to 90 at ten past, last reaches the stop at half past: on the hour's own legs
    the stop would have been first, at 5/6 of its way against 0.95."""
    plan = {0: lambda s: [s.buy(size=10), s.sell(size=10, exectype=ORDER.Stop, price=95)]}
    last, mark = {90: (100, 100, 94, 96)}, {70: (100, 100, 90, 100), 90: (100, 100, 94, 96)}
    run = _run(plan, last, mark=mark, liquidation="takeover")
    assert [each[:2] for each in _fills(run)] == [("01:01", "market"), ("01:11", "liquidation")]
    hours = [*still(1), (100, 100, 94, 96), *still(1, 96)]
    coarse = play(plan, market(*hours, step="1h", mark=[*still(1), (100, 100, 90, 96),
                                                        *still(1, 96)]), ladder=PLAIN)
    assert [fill.reason for fill in coarse.journal.fills] == ["market", "stop"]


@pytest.mark.parametrize(("minute", "paid"), [(80, -0.95), (89, -0.95), (90, 0), (110, 0)])
def test_funding_inside_the_hour_is_paid_by_what_is_held_then(minute: int, paid: float) -> None:
    """Half past one: a limit filled in the minute before it ends pays 0.1 % of 950 at mark 95."""
    changes = {minute: (100, 100, 94, 95)}
    run = _run({0: buy(size=10, exectype=ORDER.Limit, price=94.5)}, changes,
               funding=[("2026-01-28T01:30", 0.001)])
    assert run.size == 10
    assert sum(payment.amount for payment in run.journal.funding) == pytest.approx(paid)
    assert [payment.ts for payment in run.journal.funding if paid] == (
        [parse("2026-01-28T01:30")] if paid else [])


def test_the_lowest_equity_is_kept_for_the_minute() -> None:
    """A wick to 93 in the minute in which a limit of 96 fills: 10 × −7 and 1 × −3."""
    run = _run({0: lambda s: [s.buy(size=10), s.buy(size=1, exectype=ORDER.Limit, price=96)]},
               {75: (100, 100, 93, 99)})
    assert run.journal.worst_equity[parse("2026-01-28T01:16")] == pytest.approx(10_000 - 73)
    assert run.journal.worst_equity[parse("2026-01-28T01:01")] == 10_000


def test_a_trailing_stop_follows_the_minutes() -> None:
    """After the close of 110 at six past it waits at 105, and sells there at twenty-one past."""
    plan = {0: lambda s: [s.buy(size=10),
                          s.sell(size=10, exectype=ORDER.StopTrail, trailamount=5)]}
    run = _run(plan, {65: (100, 110, 100, 110), 80: (110, 110, 104, 104)})
    assert _fills(run)[-1] == ("01:21", "trail", 105)


def test_a_bracket_s_children_live_from_the_minute_of_the_entry() -> None:
    """Entry at 96 on the way down, stop at 95 in the same minute; a target seen before is past."""
    plan = {0: lambda s: s.buy_bracket(size=10, price=96, stopprice=95, limitprice=104)}
    run = _run(plan, {70: (100, 105, 100, 100), 80: (100, 100, 94, 97), 90: (97, 105, 97, 100)})
    assert _fills(run) == [("01:21", "limit", 96), ("01:21", "stop", 95)]


@pytest.mark.parametrize(("minute", "filled"), [(89, True), (90, False), (110, False)])
def test_an_order_expires_at_its_time_not_with_the_hour(minute: int, filled: bool) -> None:
    """Good for thirty minutes: the dip of the minute that ends at half past is the last it meets.
    """
    run = _run({0: buy(size=10, exectype=ORDER.Limit, price=95, valid=dt.timedelta(minutes=30))},
               {minute: (100, 100, 94, 100)})
    assert run.size == (10 if filled else 0)
    assert run.ends()[-1].status == ("Completed" if filled else "Expired")


def test_an_order_at_the_close_waits_for_the_last_minute_of_the_session() -> None:
    """Sent at 23:00 it fills at midnight's close, not at that of the minute after 23:00."""
    run = _run({0: buy(size=10, exectype=ORDER.Close)},
               {60: (100, 103, 100, 103), 119: (103, 108, 103, 107)}, start="2026-01-27T22:00")
    assert _fills(run) == [("00:00", "close", 107)]


def test_deleveraging_falls_into_its_minute() -> None:
    """At ten seconds to half past one half of what is held then."""
    run = _run({0: lambda s: [s.buy(size=10), s.buy(size=10, exectype=ORDER.Limit, price=95)]},
               {80: (100, 100, 94, 100)}, adl=[("2026-01-28T01:29:50", "long", 0.5, 98)])
    assert _fills(run)[-1] == ("01:30", "adl", 98)
    assert run.size == 10


def test_a_volume_limit_counts_the_minute_s_volume() -> None:
    """A tenth of a hundred coins a minute: twenty-five take three minutes of one hour."""
    run = _run({0: buy(size=25)}, {61: (101,) * 4, 62: (102,) * 4}, volume=[100.0] * 240,
               volume_limit=0.1)
    assert run.fills() == [(1, 10, 100), (1, 10, 101), (1, 5, 102)]
    assert [each.bar for each in run.ends()] == [1, 1, 1]


def test_latency_counts_the_strategy_s_bars() -> None:
    """One bar later is an hour later: 02:00, and the first minute after it."""
    assert _fills(_run(IN, {}, latency=1)) == [("02:01", "market", 100)]


def test_two_instruments_fall_together_minute_by_minute() -> None:
    """Cross: ETH's low at ten past and bitcoin's at forty past never meet, within the hour they
    would have."""
    plan = {0: lambda s: [s.buy(size=50), s.buy(data=s.data1, size=50)]}
    columns = [make_columns(_minutes(3, {minute: (100, 100, 88, 100)}), symbol=symbol)
               for minute, symbol in ((70, "ETHUSDT"), (100, "BTCUSDT"))]
    run = play(plan, columns, ladder=PLAIN, feed_options={"step": "1h"}, margin="cross", cash=1_050)
    # 1,050 − 600 each for itself, less than nothing together
    assert run.journal.liquidations == []
    hours = [market(*still(1), (100, 100, 88, 100), *still(1), step="1h"),
             make_columns([*still(1), (100, 100, 88, 100), *still(1)], step="1h",
                          symbol="BTCUSDT")]
    coarse = play(plan, hours, ladder=PLAIN, margin="cross", cash=1_050)
    assert len(coarse.journal.liquidations) > 1


def test_the_first_hour_ends_where_its_last_minute_does() -> None:
    """95 coins at 110 need more than 1,000; the account looked at the first minute's price, 100."""
    run = _run({0: buy(size=95)}, {30: (100, 110, 100, 110)}, cash=1_000)
    assert run.reasons == ["margin: needs 1,045.00, available 1,000.00"]
