"""The table of one strategy through two real cascades: golden rows, and what must hold in each.

Real Bybit data; bars are named by their close. Which way a policy moves a run's end cannot be said
beforehand; asserted is what it must do at the orders.
"""

from __future__ import annotations

import math
from typing import Any

import backtrader as bt
import numpy as np
import pytest

from deleverage import timestamps
from deleverage.results import RunResult
from tests.scripts.rows import BOTH, JANUARY, OCTOBER, Made, at, filled, fills, plain, stress

pytestmark = pytest.mark.real


# ------------------------------------------------------------------ golden rows


def by_the_fills(result: RunResult) -> float:
    """What a million is after a run that ends flat: what was bought and sold, fees and funding."""
    journal = result.journal
    assert journal.fills[-1].size_after == 0
    return 1e6 + math.fsum([*(-fill.size * fill.price for fill in journal.fills),
                            *(-fill.fee for fill in journal.fills),
                            *(payment.amount for payment in journal.funding)])


def test_the_base_of_october_to_the_cent(made: Made) -> None:
    """50 fills, two positions liquidated in two steps each for their margins, a twenty-fifth of
    their notional at entry, and what was left of a million."""
    result = made.result(OCTOBER, "base")
    assert len(result.journal.fills) == 50
    events = result.journal.liquidations
    assert [(timestamps.show(event.ts)[5:], event.stage) for event in events] == [
        ("10-10 21:15", "market"), ("10-10 21:15", "takeover"),
        ("10-10 21:20", "market"), ("10-10 21:20", "takeover")]
    margins = [event.size * event.entry_price / 25 for event in events]
    lost = result.statistics["liquidations"]["margin_lost"]
    assert lost == pytest.approx(math.fsum(margins), rel=1e-9)
    assert round(lost, 2) == 108_335.75
    end = result.statistics["performance"]["end_equity"]
    assert end == pytest.approx(by_the_fills(result), rel=1e-12)
    assert round(end, 2) == 742_534.33


def test_the_base_of_january_to_the_cent(made: Made) -> None:
    """38 fills; the one liquidation by hand: two rungs bought, one stopped, the third bought, the
    second stopped, so that a third is left at the mean of the mean of the first two and the third.
    """
    result = made.result(JANUARY, "base")
    assert len(result.journal.fills) == 38
    close = 2_484.80  # at 16:55, 2 % under 2,549.26, the highest price of the hour before
    rungs = [close * (1 - rung) for rung in (0.005, 0.015, 0.03)]
    entry = ((rungs[0] + rungs[1]) / 2 + rungs[2]) / 2
    first, second = result.journal.liquidations
    held = first.size + first.size_after
    margin = held * entry / 25
    assert first.entry_price == pytest.approx(entry, rel=1e-12)
    # tier 2, counted at entry: 1 % less 5,000
    assert first.liquidation_price == pytest.approx(
        entry - (margin - held * entry * 0.01 + 5_000) / held, rel=1e-12)
    assert first.size_after == pytest.approx(1e6 / entry, rel=1e-9)  # down to the first tier
    assert first.price == pytest.approx(first.liquidation_price * (1 - 2e-4), rel=1e-9)
    left = margin - first.size * (entry - first.price)
    assert second.liquidation_price == pytest.approx(
        entry - (left - 5_000) / second.size, rel=1e-12)
    assert second.price == pytest.approx(entry - left / second.size, rel=1e-12)
    assert first.loss + second.loss == pytest.approx(margin, rel=1e-12)
    assert round(margin, 2) == 64_007.79
    end = result.statistics["performance"]["end_equity"]
    assert end == pytest.approx(by_the_fills(result), rel=1e-12)
    assert round(end, 2) == 1_032_618.42


# ------------------------------------------------------------------ what each policy must do


@pytest.mark.parametrize("window", BOTH)
def test_every_row_differs_but_one(made: Made, window: Any) -> None:
    """Each changes what is done; October holds no bar in which the way it went mattered."""
    same = [each.row.name for each in made.rows[window][1:] if each.difference is None]
    assert same == (["path as the bar went"] if window is OCTOBER else [])
    base = made.result(window, "base")
    assert {fill.reason for fill in base.journal.fills} >= {"limit", "stop", "liquidation"}
    assert base.journal.rejections == []


@pytest.mark.parametrize("window", BOTH)
def test_the_favourable_path_is_no_worse_in_the_first_bar_they_part(
    made: Made, window: Any
) -> None:
    """From one state, at that bar's end; of later bars nothing is said."""
    (told,) = [each for each in made.rows[window] if each.row.name == "path favourable"]
    ours, theirs = told.base.curves(), told.result.curves()
    bar = int(np.searchsorted(ours.close_ns, told.difference.ts))
    assert ours.equity[bar - 1] == theirs.equity[bar - 1]
    assert theirs.equity[bar] > ours.equity[bar]


@pytest.mark.parametrize("window", BOTH)
@pytest.mark.parametrize("policy", ["base", "slippage volume", "slippage cascade",
                                    "slippage cascade, ETH's depth"])
def test_slippage_costs(made: Made, window: Any, policy: str) -> None:
    """Beside none: the same orders fill in the same bars, no taker's fill is better, the account
    ends with less; limits pay nothing."""
    free, slipped = made.result(window, "slippage none"), made.result(window, policy)
    pairs = list(zip(free.journal.fills, slipped.journal.fills, strict=True))
    for one, other in pairs:
        assert (one.ts, one.reason, one.size > 0) == (other.ts, other.reason, other.size > 0)
        assert one.slippage == 0
        assert other.slippage >= 0
        if one.reason == "limit":
            assert (other.slippage, other.price) == (0, one.price)
        elif one.reason in ("stop", "market"):
            assert other.slippage > 0
            assert (other.price - one.price) * math.copysign(1, one.size) > 0
    assert slipped.statistics["performance"]["end_equity"] < \
        free.statistics["performance"]["end_equity"]


@pytest.mark.parametrize("window", BOTH)
def test_a_thinner_book_costs_more(made: Made, window: Any) -> None:
    """The default depth against ETH's, 75 times as deep: every stop is worse."""
    deep, thin = (fills(made.result(window, name), "stop", "market") for name in (
        "slippage cascade, ETH's depth", "slippage cascade"))
    assert all(one.price >= other.price for one, other in zip(deep, thin, strict=True))
    assert sum(one.price > other.price for one, other in zip(deep, thin, strict=True)) > 3


@pytest.mark.parametrize("window", BOTH)
@pytest.mark.parametrize(("name", "latency"), [("base", 0), ("latency 1 bar", 1),
                                               ("latency 5 bars", 5)])
def test_no_order_fills_before_it_has_arrived(made: Made, window: Any, name: str,
                                              latency: int) -> None:
    """From the close that sent it, at the earliest in the bar after its arrival; some do then."""
    waits = [round((order.executed.dt - order.created.dt) * 288)
             for order in filled(made, window, name)]
    assert min(waits) == latency + 1


@pytest.mark.parametrize("window", BOTH)
def test_an_outage_refuses_orders_and_nothing_else(made: Made, window: Any) -> None:
    """Every order refused was sent in it; stops and liquidations of its bars stand as in the base;
    before it both accounts are the same."""
    base, out = (made.result(window, name) for name in ("base", "outage at the low"))
    ((start, end),) = out.spec.outage
    assert at(end) - at(start) == 10 * timestamps.MINUTE
    refused = out.journal.rejections
    assert len(refused) == (18 if window is OCTOBER else 9)  # a ladder: three rungs, three each
    assert all(at(start) <= each.ts < at(end) for each in refused)
    assert any(each.reason.startswith("outage: the venue takes no orders") for each in refused)
    assert plain([fill for fill in base.journal.fills if fill.ts <= at(start)]) == \
        plain([fill for fill in out.journal.fills if fill.ts <= at(start)])
    inside = [fill for fill in out.journal.fills if at(start) < fill.ts <= at(end)]
    assert all(fill.reason != "limit" or fill.size < 0 for fill in inside)
    assert out.journal.liquidations == base.journal.liquidations


@pytest.mark.parametrize("window", BOTH)
def test_the_outage_lies_at_the_low(made: Made, window: Any) -> None:
    """2025-10-10 21:20, low 3,311.76, and 2026-01-31 18:40, low 2,237.52: the bars' opens."""
    start, _ = stress.at_the_low(made.columns, window.day)
    opened, low = {OCTOBER: ("2025-10-10T21:20:00", 3_311.76),
                   JANUARY: ("2026-01-31T18:40:00", 2_237.52)}[window]
    assert start == opened
    bar = int(np.searchsorted(made.columns.close_ns, at(start) + 5 * timestamps.MINUTE))
    assert made.columns.lines["low"][bar] == low


@pytest.mark.parametrize("window", BOTH)
def test_stops_on_mark_wait_for_mark(made: Made, window: Any) -> None:
    """Each fills in a bar whose mark came down to its trigger; on last not every one did, as last
    goes below mark in a wick."""
    low = made.columns.execution_mark.low

    def reached(name: str) -> list[bool]:
        stops = [order for order in filled(made, window, name) if order.exectype == order.Stop]
        bars = [int(np.searchsorted(made.columns.close_ns, timestamps.from_datetime(
            bt.num2date(order.executed.dt)) - timestamps.SECOND)) for order in stops]
        return [bool(low[bar] <= order.created.price)
                for bar, order in zip(bars, stops, strict=True)]

    assert len(reached("stops on mark")) >= 4
    assert all(reached("stops on mark"))
    assert not all(reached("base"))


@pytest.mark.parametrize("window", BOTH)
def test_a_takeover_has_no_steps_and_costs_the_same_margin(made: Made, window: Any) -> None:
    """What Bybit leaves of a reduced position went with the rest of it in both windows."""
    base, whole = (made.result(window, name).statistics["liquidations"]
                   for name in ("base", "takeover whole"))
    assert [row["stage"] for row in whole["by_stage"]] == ["takeover"]
    assert [row["stage"] for row in base["by_stage"]] == ["market", "takeover"]
    assert (whole["reductions"], whole["count"]) == (0, base["count"])
    assert whole["margin_lost"] == pytest.approx(base["margin_lost"], rel=1e-9)


@pytest.mark.parametrize("window", BOTH)
def test_no_bar_gives_more_than_its_share_of_volume(made: Made, window: Any) -> None:
    """One per cent, the venue's own orders apart; some order needs several bars."""
    result = made.result(window, "1 % of volume")
    taken: dict[int, float] = {}
    for fill in fills(result, "limit", "stop", "market"):
        taken[fill.ts] = taken.get(fill.ts, 0.0) + abs(fill.size)
    for ts, coins in taken.items():
        bar = int(np.searchsorted(made.columns.close_ns, ts))
        assert coins <= 0.01 * made.columns.lines["volume"][bar] * (1 + 1e-9)
    assert result.statistics["orders"]["in_parts"] > 3
