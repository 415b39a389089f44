"""Liquidations on the bars' clock: totals, venues, quiet and uncovered bars."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from deleverage.feeds.join import market_columns
from deleverage.market import Coverage
from deleverage.timestamps import MINUTE
from tests.markets import make_columns, make_market

FLAT = [100.0] * 6


def event(at: str, usd: float, side: str = "long", **rest: Any) -> dict[str, Any]:
    return {"ts": f"2026-01-28T00:{at}", "liq_side": side, "notional_usd": usd, **rest}


EVENTS = [event("01:00", 10, venue="binance"), event("01:30", 20, venue="OKX-swap"),
          event("01:40", 5, "short", venue="binance"), event("04:59.999", 40, venue="binance")]


def test_events_are_summed_in_the_bar_that_contains_them():
    """An event at the close belongs to that bar; sides, largest and number are kept apart."""
    lines = make_columns(FLAT, liquidations=EVENTS).lines
    assert lines["long_liquidations"].tolist() == [10, 20, 0, 0, 40, 0]
    assert lines["short_liquidations"].tolist() == [0, 5, 0, 0, 0, 0]
    assert lines["largest_liquidation"].tolist() == [10, 20, 0, 0, 40, 0]
    assert lines["liquidation_count"].tolist() == [1, 2, 0, 0, 1, 0]


def test_each_venue_has_lines_of_its_own():
    """Venue lines carry the venue's name as an identifier and sum to the total."""
    columns = make_columns(FLAT, liquidations=EVENTS)
    assert columns.venues == ("binance", "okx_swap")
    assert columns.lines["long_liquidations_okx_swap"].tolist() == [0, 20, 0, 0, 0, 0]
    assert columns.lines["long_liquidations_binance"].tolist() == [10, 0, 0, 0, 40, 0]


def test_an_event_known_late_is_shown_late():
    """available_at decides the bar, not the event's own time."""
    late = [event("00:30", 10, available_at="2026-01-28T00:02:30")]
    lines = make_columns(FLAT, liquidations=late).lines
    assert lines["long_liquidations"].tolist() == [0, 0, 10, 0, 0, 0]


def test_uncovered_bars_are_nan_and_quiet_covered_ones_zero():
    """Outside a venue's declared coverage nothing is known; inside, silence is zero."""
    market, tables = make_market(FLAT, liquidations=EVENTS)
    start = market.start_ns
    covered = (
        Coverage("liquidations", "binance", "test", start, start + 5 * MINUTE, "sampled_1s"),
        Coverage("liquidations", "okx-swap", "test", start + MINUTE, start + 3 * MINUTE, "sampled"),
    )
    lines = market_columns(replace(market, coverage=covered), tables).lines
    nan = np.nan
    np.testing.assert_array_equal(lines["long_liquidations_binance"], [10, 0, 0, 0, 40, nan])
    np.testing.assert_array_equal(lines["long_liquidations_okx_swap"],
                                  [nan, 20, 0, nan, nan, nan])
    np.testing.assert_array_equal(lines["long_liquidations"], [10, 20, 0, 0, 40, nan])
    np.testing.assert_array_equal(lines["liquidation_count"], [1, 2, 0, 0, 1, nan])


def test_no_table_is_nan_everywhere_and_no_venue_lines():
    """Without liquidation data every liquidation line is unknown."""
    columns = make_columns(FLAT)
    assert columns.venues == ()
    assert np.isnan(columns.lines["long_liquidations"]).all()
    assert np.isnan(columns.lines["liquidation_count"]).all()


def test_an_empty_table_is_a_covered_quiet_market():
    """A table without rows whose coverage is undeclared says that nothing happened."""
    columns = make_columns(FLAT, liquidations=[])
    assert columns.venues == ()
    assert columns.lines["long_liquidations"].tolist() == [0] * 6
    assert columns.lines["liquidation_count"].tolist() == [0] * 6


def test_a_vendors_own_total_stands_before_the_sum_of_venues():
    """Rows of venue 'all' are the total and no venue line; single sizes leave aggregates out."""
    rows = [event("01:00", 10, venue="binance"),
            event("01:00", 100, venue="All", completeness="aggregate")]
    columns = make_columns(FLAT, liquidations=rows)
    assert columns.venues == ("binance",)
    assert columns.lines["long_liquidations"].tolist() == [100, 0, 0, 0, 0, 0]
    assert columns.lines["largest_liquidation"].tolist() == [10, 0, 0, 0, 0, 0]
    assert columns.lines["liquidation_count"].tolist() == [1, 0, 0, 0, 0, 0]


def test_events_outside_the_bars_are_left_out():
    """What was known before the first bar opened or after the last closed touches no bar."""
    rows = [{"ts": "2026-01-28", "liq_side": "long", "notional_usd": 1.0},
            {"ts": "2026-01-29", "liq_side": "long", "notional_usd": 2.0}]
    assert make_columns(FLAT, liquidations=rows).lines["long_liquidations"].sum() == 0
