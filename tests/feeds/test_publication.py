"""What others publish reaches a strategy late; what it trades on does not change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deleverage.coarser import coarser
from deleverage.columns import MarketColumns
from deleverage.errors import UsageError
from deleverage.publication import delayed, latency, published
from deleverage.timestamps import HOUR
from tests.markets import make_columns, random_market

PUBLISHED = {"openinterest", "long_liquidations", "short_liquidations", "largest_liquidation",
             "liquidation_count", "long_liquidations_binance", "short_liquidations_binance",
             "long_liquidations_bybit", "short_liquidations_bybit"}
NAN = float("nan")


@pytest.fixture(scope="module")
def market() -> MarketColumns:
    return random_market(11, 1_000, step="5m", open_interest=[("2026-01-28T00:07", 500.0),
                                                             ("2026-01-29", 600.0)])


def test_an_event_is_seen_so_many_bars_later():
    """10 USD in the second bar are shown in the fourth; before its first value a line is NaN."""
    columns = make_columns([100.0] * 6, liquidations=[
        {"ts": "2026-01-28T00:01:30", "liq_side": "long", "notional_usd": 10}],
        open_interest=[("2026-01-28T00:01", 500.0), ("2026-01-28T00:03", 400.0)])
    lines = delayed(columns, 2).lines
    np.testing.assert_array_equal(lines["long_liquidations"], [NAN, NAN, 0, 10, 0, 0])
    np.testing.assert_array_equal(lines["liquidation_count"], [NAN, NAN, 0, 1, 0, 0])
    np.testing.assert_array_equal(lines["openinterest"], [NAN, NAN, 500, 500, 400, 400])


@pytest.mark.parametrize("bars", [1, 7, 999, 1_000, 5_000])
def test_published_lines_are_moved_and_all_others_left(market, bars):
    """Open interest and every liquidation line shift; prices, mark, index and funding do not."""
    found = delayed(market, bars)
    assert {name for name in market.lines if published(name)} == PUBLISHED
    for name, line in market.lines.items():
        if name in PUBLISHED:
            assert len(found.lines[name]) == len(market)
            np.testing.assert_array_equal(found.lines[name][bars:], line[:max(1_000 - bars, 0)])
            assert np.isnan(found.lines[name][:bars]).all()
        else:
            assert found.lines[name] is line, name


def test_what_the_account_trades_on_is_untouched(market):
    """Execution mark and settlements are the same objects, and so are the finer bars."""
    found = delayed(market, 3)
    assert found.execution_mark is market.execution_mark
    assert found.funding is market.funding
    hours = coarser(market, HOUR)
    late = delayed(hours, 1)
    assert late.inner is hours.inner
    np.testing.assert_array_equal(late.lines["long_liquidations"][1:],
                                  hours.lines["long_liquidations"][:-1])


def test_no_latency_changes_nothing(market):
    """Zero bars: the same market, not a copy; any integer type counts bars."""
    assert delayed(market, 0) is market
    assert latency(np.int64(2)) == 2


@settings(max_examples=40, deadline=None)
@given(bars=st.integers(0, 50), cut=st.integers(1, 999))
def test_a_delayed_market_does_not_know_the_future(market, bars, cut):
    """Cutting the tail before or after the delay is the same."""
    before, after = delayed(market.sliced(0, cut), bars), delayed(market, bars).sliced(0, cut)
    for name, line in before.lines.items():
        np.testing.assert_array_equal(line, after.lines[name], err_msg=name)


@pytest.mark.parametrize("value", [-1, 1.0, 1.5, "2", None, True, float("nan")])
def test_a_latency_that_is_no_number_of_bars_is_refused(market, value):
    """Negative, broken and textual latencies get one line with what was found."""
    with pytest.raises(UsageError, match=r"^publication_latency is a whole number of bars ≥ 0, "
                                         r"found "):
        delayed(market, value)
