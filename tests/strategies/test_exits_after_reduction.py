"""Regression: what a step-down left of a position was held without stop and target.

The venue cancels a position's orders before it acts; the strategies' exits were then gone, and the
rest of the position waited for its time exit, or for ever. All bars are SYNTHETIC.
"""

from __future__ import annotations

from typing import Any

import backtrader as bt
import pytest

from deleverage.strategies.exits import LONG, SHORT, Signal, SignalStrategy
from tests.account.table import ladder_of
from tests.broker.runs import Run, market, play, still

# a hundred coins from 100 at 10x die at 93.05: 47 go at 93; sold short they die at 106.29
THREE = ladder_of([(0, 1_000, 0.01, 50), (1_000, 5_000, 0.02, 20), (5_000, None, 0.05, 10)])
GO_LONG = {0: Signal(LONG, 91.0, 120.0)}
AFTER = [*still(3), *still(2, 93)]


class Given(SignalStrategy):
    """Trades the signals it is given, a hundred coins each."""

    params: Any = (("given", None), ("hold", "none"))

    def signals(self) -> dict[int, Signal]:
        return dict(self.p.given)

    def getsizing(self, data: Any = None, isbuy: bool = True) -> float:
        return 100.0


def _run(rows: Any, given: Any = None, **options: Any) -> Run:
    hold = options.pop("hold", "none")
    return play(Given, market(*rows, lot_size=1), ladder=THREE,
                params={"given": given or GO_LONG, "hold": hold}, **options)


def _fills(run: Run) -> list[tuple[int, float, float, str]]:
    return [(fill.bar, fill.size, fill.price, fill.reason) for fill in run.journal.fills]


@pytest.mark.parametrize(("row", "price", "reason"), [
    ((93, 93, 90.5, 90.5), 91.0, "stop"), ((93, 121, 93, 121), 120.0, "limit")])
def test_the_rest_has_its_stop_and_its_target(row: Any, price: float, reason: str) -> None:
    """Fifty-three coins end where the hundred would have, and nothing is left working."""
    run = _run([*AFTER, row, *still(2, row[3])])
    assert _fills(run) == [(1, 100, 100, "market"), (3, -47, 93, "liquidation"),
                           (5, -53, price, reason)]
    assert run.broker.get_orders_open() == []
    sent = run.strategy.exit_reasons
    assert list(sent.values())[-2:] == ["stop", "target"]


def test_a_short_s_rest_too() -> None:
    """54 of a hundred are bought back at 107; the stop of the rest waits at 109."""
    run = _run([*still(3), *still(2, 107), (107, 110, 107, 110), *still(2, 110)],
               {0: Signal(SHORT, 109.0, 80.0)})
    assert _fills(run)[1:] == [(3, 54, 107, "liquidation"), (5, 46, 109, "stop")]


def test_a_second_step_is_guarded_too() -> None:
    """At 89.9 eleven are left, with a stop at 88."""
    run = _run([*AFTER, *still(2, 89.9), (89.9, 90, 87.9, 88), *still(1, 88)],
               {0: Signal(LONG, 88.0, None)})
    assert _fills(run)[2:] == [(5, -42, 89.9, "liquidation"), (7, -11, 88, "stop")]


def test_what_an_auto_deleveraging_leaves_is_guarded() -> None:
    """Half is taken at 99; the other half's stop acts two bars later."""
    run = _run([*still(5), (100, 100, 95.5, 96), *still(1, 96)], {0: Signal(LONG, 96.0, 120.0)},
               adl=[("2026-01-28T00:03:10", "long", 0.5, 99)])
    assert _fills(run)[1:] == [(3, -50, 99, "adl"), (5, -50, 96, "stop")]


def test_a_step_in_the_bar_of_the_entry_is_guarded() -> None:
    """Bought at 100 and reduced at 93.05 in one bar; the stop at 91 sells the rest in the next."""
    run = _run([*still(1), (100, 100, 92, 93), (93, 93, 90.5, 90.5), *still(1, 90.5)])
    assert [each[3] for each in _fills(run)] == ["market", "liquidation", "stop"]
    assert run.size == 0


def test_in_an_outage_it_tries_until_the_venue_is_back() -> None:
    """The step falls into it: three attempts are refused, the fourth is taken."""
    run = _run([*AFTER, *still(3, 93), (93, 93, 90.5, 90.5), *still(1, 90.5)],
               outage=[("2026-01-28T00:03:30", "2026-01-28T00:06:30")])
    assert [each.bar for each in run.journal.rejections] == [3, 3, 4, 4, 5, 5]
    assert _fills(run)[-1] == (8, -53, 91, "stop")


def test_the_time_exit_closes_the_rest_and_its_exits() -> None:
    """Six minutes after the fill: 53 sold at the market, the exits sent again are cancelled."""
    run = _run([*AFTER, *still(5, 93)], hold="6m")
    assert _fills(run)[-1] == (7, -53, 93, "market")
    assert run.broker.get_orders_open() == []


def test_without_exits_nothing_is_sent_again() -> None:
    """A signal that had neither stop nor target."""
    run = _run([*AFTER, *still(3, 93)], {0: Signal(LONG)})
    assert run.size == 53
    assert run.broker.get_orders_open() == []


def test_the_stock_broker_knows_no_such_reduction() -> None:
    """On backtrader's own broker the bracket works as ever."""
    stock = bt.brokers.BackBroker(cash=1_000_000)
    run = play(Given, market(*AFTER, (93, 93, 90.5, 90.5), *still(2, 90.5)), broker=stock,
               params={"given": GO_LONG, "hold": "none"})
    assert run.size == 0
