"""Brackets and one-cancels-other groups whose orders fill in parts.

Ten coins a bar: a tenth of a volume of a hundred. At 10x ten coins from 95 die at 85.9; lot of one,
no fees. All bars are SYNTHETIC.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from tests.account.table import ladder_of
from tests.broker.runs import ORDER, Row, Run, buy, market, play, still

PLAIN = ladder_of([(0, None, 0.005, 100)])
S = still(1)[0]
DIP: Row = (100, 101, 94, 98)


def _run(plan: Any, *rows: Row, wide: int = 0, **options: Any) -> Run:
    volume = [10_000.0 if n < wide else 100.0 for n in range(len(rows))]
    return play(plan, market(*rows, volume=volume, lot_size=1), ladder=PLAIN, volume_limit=0.1,
                **options)


def _bracket(size: float = 25, **options: Any) -> Any:
    values = {"size": size, "price": 95, "stopprice": 92, "limitprice": 105} | options
    return {0: lambda strategy: strategy.buy_bracket(**values)}


def _fills(run: Run) -> list[tuple[int, float, float, str]]:
    return [(fill.bar, fill.size, fill.price, fill.reason) for fill in run.journal.fills]


def _ends(run: Run) -> dict[int, list[str]]:
    """Statuses of each order after it was accepted; 0 is the entry, 1 the stop, 2 the target."""
    found: dict[int, list[str]] = {}
    for each in run.ends():
        found.setdefault(each.number, []).append(each.status)
    return found


def test_children_guard_what_the_entry_has_filled() -> None:
    """Ten of twenty-five are bought, the target sells those ten and is done; stop and the rest of
    the entry die with it."""
    run = _run(_bracket(), S, DIP, (98, 106, 98, 104), (104, 104, 90, 90), *still(1, 90))
    assert _fills(run) == [(1, 10, 95, "limit"), (2, -10, 105, "limit")]
    assert _ends(run) == {0: ["Partial", "Canceled"], 1: ["Canceled"], 2: ["Completed"]}
    assert run.broker.get_orders_open() == []


def test_the_stop_of_a_part_ends_the_entry_too() -> None:
    """In the bar that bought ten price falls on through the stop, which finds the bar's ten used
    up: it meets the next open, and the entry, sent before it, does not buy there any more."""
    run = _run(_bracket(), S, (100, 100, 91, 91), *still(2, 91))
    assert _fills(run) == [(1, 10, 95, "limit"), (2, -10, 91, "stop")]
    assert _ends(run) == {0: ["Partial", "Canceled"], 1: ["Completed"], 2: ["Canceled"]}


def test_the_entry_goes_on_filling_while_no_child_has() -> None:
    """Ten, ten and five over three bars; then one target for all of them, in three bars."""
    again, rise = (98, 99, 94, 98), (98, 106, 98, 104)
    run = _run(_bracket(), S, DIP, again, again, rise, rise, rise, S)
    assert _fills(run) == [(1, 10, 95, "limit"), (2, 10, 95, "limit"), (3, 5, 95, "limit"),
                           (4, -10, 105, "limit"), (5, -10, 105, "limit"), (6, -5, 105, "limit")]
    assert _ends(run) == {0: ["Partial", "Partial", "Completed"], 1: ["Canceled"],
                          2: ["Partial", "Partial", "Completed"]}


def test_the_stop_guards_what_a_target_has_left() -> None:
    """Ten of twenty-five at the target, the other fifteen at the stop, ten and five."""
    run = _run(_bracket(), S, DIP, (98, 106, 98, 104), (104, 104, 91, 91), *still(2, 91), wide=2)
    assert _fills(run) == [(1, 25, 95, "limit"), (2, -10, 105, "limit"), (3, -10, 92, "stop"),
                           (4, -5, 91, "stop")]
    assert run.size == 0
    assert _ends(run) == {0: ["Completed"], 1: ["Partial", "Completed"],
                          2: ["Partial", "Canceled"]}
    assert run.broker.getvalue() == 10_000 + 100 - 30 - 20


def test_an_expired_rest_of_the_entry_leaves_the_children_to_guard_the_part() -> None:
    """Good for one minute: fifteen are not bought, the stop still sells the ten."""
    for_ever: Any = {"stopargs": {"valid": None}, "limitargs": {"valid": None}}
    run = _run(_bracket(valid=dt.timedelta(minutes=1), **for_ever), S, DIP, S, (100, 100, 91, 91),
               S)
    assert _ends(run)[0] == ["Partial", "Expired"]
    assert _fills(run)[1:] == [(3, -10, 92, "stop")]
    assert run.size == 0


def test_a_cancelled_rest_of_the_entry_does_too() -> None:
    """cancel() of the entry in the bar of its first part."""
    sent: list[Any] = []
    plan = {0: lambda s: sent.extend(s.buy_bracket(size=25, price=95, stopprice=92,
                                                   limitprice=105)),
            1: lambda s: s.cancel(sent[0])}
    run = _run(plan, S, DIP, (98, 106, 98, 104), S)
    assert _ends(run) == {0: ["Partial", "Canceled"], 1: ["Canceled"], 2: ["Completed"]}
    assert run.size == 0


def test_an_entry_without_a_part_dies_with_its_children() -> None:
    """The same cancel before any fill."""
    sent: list[Any] = []
    plan = {0: lambda s: sent.extend(s.buy_bracket(size=25, price=95, stopprice=92,
                                                   limitprice=105)),
            1: lambda s: s.cancel(sent[0])}
    run = _run(plan, S, S, DIP, S)
    assert _ends(run) == {0: ["Canceled"], 1: ["Canceled"], 2: ["Canceled"]}


def test_a_market_entry_in_parts_is_guarded_from_its_first() -> None:
    """Ten at 100; at the open of 91 the entry, sent first, has ten more, the triggered stop none:
    the last five are not bought, and two opens sell the twenty."""
    run = _run(_bracket(exectype=ORDER.Market, price=None), S, S, *still(3, 91))
    assert _fills(run) == [(1, 10, 100, "market"), (2, 10, 91, "market"), (3, -10, 91, "stop"),
                           (4, -10, 91, "stop")]
    assert _ends(run) == {0: ["Partial", "Partial", "Canceled"], 1: ["Partial", "Completed"],
                          2: ["Canceled"]}


def test_a_part_of_one_order_cancels_the_other_of_its_group() -> None:
    """One cancels other: with the first ten sold the stop is gone, and the rest waits alone."""
    def pair(strategy: Any) -> None:
        first = strategy.sell(size=25, exectype=ORDER.Limit, price=105)
        strategy.sell(size=25, exectype=ORDER.Stop, price=95, oco=first)

    run = _run({0: buy(size=25), 1: pair}, S, S, (100, 106, 100, 104), (104, 104, 93, 94),
               (94, 106, 94, 100), wide=2)
    assert _fills(run)[1:] == [(2, -10, 105, "limit"), (4, -10, 105, "limit")]
    assert _ends(run) == {0: ["Completed"], 1: ["Partial", "Partial"], 2: ["Canceled"]}
    assert run.size == 5


def test_what_closes_and_what_enters_share_a_bar() -> None:
    """The target's ten leave no room for the new entry's ten at the same bar's low."""
    plan = {0: lambda s: s.buy_bracket(size=10, exectype=ORDER.Market, stopprice=80,
                                       limitprice=105),
            1: buy(size=10, exectype=ORDER.Limit, price=95)}
    run = _run(plan, S, S, (100, 106, 94, 94), (94, 94, 93, 93), wide=2, path="ohlc")
    # a falling bar goes up first: 105, then 95 without room, then the next open below it
    assert _fills(run)[1:] == [(2, -10, 105, "limit"), (3, 10, 94, "limit")]
