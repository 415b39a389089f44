"""Levels and liquidations by venue, on a market of a few bars."""

from __future__ import annotations

import numpy as np
import pandas as pd

from deleverage import timestamps
from deleverage.market import Coverage, Market
from deleverage.tearsheet import market as market_sheet
from tests.markets import make_columns, make_market

DAY = "2026-01-31"


def _market(*covers: Coverage) -> Market:
    market, _ = make_market([2_500.0, 2_501.0], start=DAY)
    return Market(market.instrument, market.step_ns, market.start_ns, market.end_ns,
                  synthetic=True, name="test market", coverage=covers)


def _events() -> pd.DataFrame:
    start = timestamps.parse(DAY)
    rows = [("binance", "long", 40e6, start), ("bybit", "long", 360e6, start + 5),
            ("bybit", "short", 10e6, start + timestamps.DAY - 1),
            ("bybit", "long", 999e6, start + timestamps.DAY)]  # the next day's
    return pd.DataFrame(rows, columns=["venue", "liq_side", "notional_usd", "ts"])


def test_a_level_that_was_never_reached_says_never() -> None:
    """Each level shows the first time of what happened there, and never where nothing did."""
    fall = np.concatenate([np.full(40, 2_900.0), np.full(60, 2_600.0)])
    page = market_sheet.levels(make_columns(fall))
    assert "LEVELS on SYNTHETIC test market" in page
    rows = {line.split()[0]: line for line in page.splitlines() if line[:1] == "2" or "3,000" in
            line[:6]}
    assert rows["2,350"].split()[1:] == ["never"] * 5
    assert rows["2,750–2,800"].split()[1] == "failed"
    assert rows["3,000"].split()[1:] == ["never"] * 5


def test_totals_name_window_provider_side_and_coverage() -> None:
    """A day's total counts that day alone, and a sampled feed is a reported share."""
    start = timestamps.parse(DAY)
    market = _market(
        Coverage("liquidations", "binance", "recorder", start, start + timestamps.DAY,
                 "sampled_1s"),
        Coverage("liquidations", "bybit", "recorder", start, start + 7, "all"))
    page = market_sheet.liquidation_day(market, _events(), DAY)
    assert "SYNTHETIC LIQUIDATIONS of ETH, calendar day 2026-01-31 UTC" in page
    binance, total = (next(line for line in page.splitlines() if line.startswith(name))
                      for name in ("binance", "all venues"))
    assert binance.split() == ["binance", "recorder", "sampled_1s", "all", "day", "$40.0M", "$0",
                               "1", "10.0", "%"]
    assert "$400.0M" in total
    assert "$10.0M" in total
    assert "in part" in page
    assert "a reported share of 10.0 %. Its feed publishes at most one order a second" in page


def test_a_day_without_events_is_not_a_zero() -> None:
    """Where nothing was reported, the page says so instead of printing totals of zero."""
    page = market_sheet.liquidation_day(_market(), _events(), "2026-03-01")
    assert "none reported in this window" in page
