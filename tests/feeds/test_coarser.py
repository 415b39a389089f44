"""Bars gathered from finer ones: by hand, against a market joined at that step, and causally."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deleverage import tails
from deleverage.coarser import coarser
from deleverage.columns import (
    MARK_CLIPPED,
    MARK_EXACT,
    MARK_MISSING,
    FundingSchedule,
    MarketColumns,
)
from deleverage.errors import DataError, UsageError
from deleverage.feeds.join import market_columns
from deleverage.feeds.tables import OHLC, numbers
from deleverage.market import Coverage, Market
from deleverage.timestamps import HOUR, MINUTE, parse, show, show_step
from tests.markets import make_columns, make_market, random_tables

NAN = float("nan")
QUARTERS = [(100, 104, 99, 101), (101, 102, 95, 96), (96, 97, 90, 97), (97, 110, 97, 108)]


def arrays(columns: MarketColumns) -> dict[str, Any]:
    """Everything of a market without its finer bars, by name."""
    mark, funding = columns.execution_mark, columns.funding
    found = {**columns.lines, "close_ns": columns.close_ns}
    found |= {f"execution {name}": getattr(mark, name) for name in (*OHLC, "state")}
    found |= {f"funding {name}": getattr(funding, name) for name in FundingSchedule.__slots__}
    if columns.inner is not None:
        found["first"] = columns.inner.first
    return found


def assert_same(found: MarketColumns, expected: MarketColumns) -> None:
    wanted = arrays(expected)
    for name, values in arrays(found).items():
        np.testing.assert_array_equal(values, wanted[name], err_msg=name)


def without_bars(market: tuple[Market, dict[str, pa.Table]], gone: set[int]) -> MarketColumns:
    about, tables = market
    kept = np.array([bar not in gone for bar in range(tables["bars"].num_rows)])
    return market_columns(about, {**tables, "bars": tables["bars"].filter(pa.array(kept))})


# ------------------------------------------------------------------------ prices and bars


def test_an_hour_opens_with_its_first_bar_and_closes_with_its_last():
    """Four quarters: open of the first, extremes of all, close of the last, volumes added."""
    columns = make_columns(QUARTERS * 2, step="15m", volume=[1, 2, 3, 4, 10, 20, 30, 40])
    hours = coarser(columns, HOUR)
    assert [show(int(at))[-5:] for at in hours.close_ns] == ["01:00", "02:00"]
    assert [hours.lines[name][0] for name in (*OHLC, "volume")] == [100, 110, 90, 108, 10]
    assert hours.lines["volume"].tolist() == [10, 100]
    assert hours.market.step_ns == HOUR
    assert (hours.market.start_ns, hours.market.end_ns) == (
        parse("2026-01-28"), parse("2026-01-28T02:00"))


def test_the_finer_bars_are_kept_under_the_coarse_ones():
    """Bar i covers fine bars first[i] to first[i + 1]: the account walks these."""
    columns = make_columns(QUARTERS * 2, step="15m")
    inner = coarser(columns, HOUR).inner
    assert inner is not None
    assert inner.first.tolist() == [0, 4, 8]
    assert inner.first.dtype == np.int64
    assert_same(inner.fine, columns)
    assert inner.fine.inner is None


def test_bars_lie_on_utc_multiples_of_the_step():
    """Bars from 00:30 on make the hour 00:00 to 01:00 first, from what there is of it."""
    columns = make_columns(QUARTERS + QUARTERS[:2], step="15m", start="2026-01-28T00:30")
    hours = coarser(columns, HOUR)
    assert [show(int(at))[-5:] for at in hours.close_ns] == ["01:00", "02:00"]
    assert [hours.lines[name].tolist() for name in OHLC] == [
        [100, 96], [104, 110], [95, 90], [96, 96]]
    assert hours.inner is not None
    assert hours.inner.first.tolist() == [0, 2, 6]


def test_an_incomplete_last_bar_does_not_exist():
    """Seven quarters are one hour; the three that are left are not shown, nor walked."""
    columns = make_columns(QUARTERS + QUARTERS[:3], step="15m",
                           funding=[("2026-01-28T01:30", 1e-4)], interval_h=24)
    hours = coarser(columns, HOUR)
    assert len(hours) == 1
    assert hours.inner is not None
    assert len(hours.inner.fine) == 4
    assert len(hours.funding.bar) == len(hours.inner.fine.funding.bar) == 0


def test_bars_in_a_gap_do_not_exist_and_partly_filled_ones_do():
    """No quarter of the second hour: no such hour. One of the third: an hour of that one."""
    columns = without_bars(make_market(QUARTERS * 4, step="15m"), {4, 5, 6, 7, 8, 9, 11})
    hours = coarser(columns, HOUR)
    assert [show(int(at))[-5:] for at in hours.close_ns] == ["01:00", "03:00", "04:00"]
    assert [hours.lines[name][1] for name in OHLC] == list(QUARTERS[2])
    assert hours.inner is not None
    assert hours.inner.first.tolist() == [0, 4, 5, 9]


def test_a_gap_at_the_end_of_the_data_ends_it_before():
    """The last hour's last quarter is not there: nobody knows that hour's close."""
    columns = without_bars(make_market(QUARTERS * 2, step="15m"), {7})
    assert len(coarser(columns, HOUR)) == 1


# --------------------------------------------------------------------------- every line


def test_open_interest_and_index_are_the_last_known_of_the_hour():
    """The newest of the hour's last bar, NaN where that bar knows none."""
    columns = make_columns(QUARTERS * 2, step="15m", index=200.0 + np.arange(8), open_interest=[
        ("2026-01-28T01:10", 500.0), ("2026-01-28T01:20", 400.0)])
    hours = coarser(columns, HOUR)
    assert hours.lines["index_close"].tolist() == [203, 207]
    np.testing.assert_array_equal(hours.lines["openinterest"], [NAN, 400])


def test_settlements_of_one_bar_are_summed_on_its_line_and_kept_apart_in_the_schedule():
    """A day of three settlements shows their sum; each keeps stamp, rate and its own prices."""
    paid = [("2026-01-28T08:00", 1e-4), ("2026-01-28T16:00", 2e-4), ("2026-01-29T00:00", 3e-4)]
    columns = make_columns(np.arange(100.0, 196.0), step="15m", funding=paid,
                           index=300.0 + np.arange(96))
    day = coarser(columns, 24 * HOUR)
    assert day.lines["funding_rate"].tolist() == [pytest.approx(6e-4)]
    assert day.funding.bar.tolist() == [0, 0, 0]
    assert day.funding.rate.tolist() == [1e-4, 2e-4, 3e-4]
    assert day.funding.price.tolist() == [131, 163, 195], "marks at the stamps, not by share"
    assert day.funding.index.tolist() == [331, 363, 395]
    hours = coarser(columns, HOUR)
    assert np.flatnonzero(~np.isnan(hours.lines["funding_rate"])).tolist() == [7, 15, 23]
    assert hours.funding.bar.tolist() == [7, 15, 23]


def test_liquidations_are_added_and_the_largest_is_the_largest():
    """Sums of both sides and of the number, the maximum of the single sizes, venue by venue."""
    events = [{"ts": "2026-01-28T00:10", "liq_side": "long", "notional_usd": 10},
              {"ts": "2026-01-28T00:50", "liq_side": "long", "notional_usd": 30, "venue": "okx"},
              {"ts": "2026-01-28T00:55", "liq_side": "short", "notional_usd": 5}]
    hours = coarser(make_columns(QUARTERS * 2, step="15m", liquidations=events), HOUR)
    lines = hours.lines
    assert hours.venues == ("binance", "okx")
    assert lines["long_liquidations"].tolist() == [40, 0]
    assert lines["short_liquidations"].tolist() == [5, 0]
    assert lines["largest_liquidation"].tolist() == [30, 0]
    assert lines["liquidation_count"].tolist() == [3, 0]
    assert lines["long_liquidations_okx"].tolist() == [30, 0]
    assert lines["short_liquidations_binance"].tolist() == [5, 0]


def test_an_hour_of_which_a_part_is_uncovered_is_unknown():
    """A sum with an unknown summand is unknown, and so is the largest of it."""
    market, tables = make_market(QUARTERS * 3, step="15m", liquidations=[
        {"ts": "2026-01-28T01:10", "liq_side": "long", "notional_usd": 10}])
    covered = Coverage("liquidations", "binance", "test", market.start_ns + HOUR,
                       market.start_ns + 2 * HOUR + 15 * MINUTE)
    hours = coarser(market_columns(replace(market, coverage=(covered,)), tables), HOUR)
    for name in ("long_liquidations", "largest_liquidation", "long_liquidations_binance"):
        np.testing.assert_array_equal(hours.lines[name], [NAN, 10, NAN], err_msg=name)


def test_a_first_bar_that_lacks_its_beginning_knows_no_liquidation_total():
    """What happened in the part of the hour before the data is not zero."""
    columns = make_columns(QUARTERS * 2, step="15m", start="2026-01-28T00:30", liquidations=[])
    assert np.isnan(coarser(columns, HOUR).lines["long_liquidations"]).tolist() == [True, False]


# --------------------------------------------------------------------------------- mark


def test_the_strategys_mark_of_the_hour_is_the_mark_over_its_rows():
    """Rows on the fine clock are gathered: first open, extremes, last close."""
    marks = [(100, 103, 98, 101), (101, 101, 94, 95), (95, 96, 92, 96), (96, 109, 96, 107)]
    hours = coarser(make_columns(QUARTERS * 2, step="15m", mark=marks * 2), HOUR)
    assert [hours.lines[f"mark_{name}"][1] for name in OHLC] == [100, 109, 92, 107]


def test_a_mark_that_lacks_a_row_of_the_hour_is_unknown_to_the_strategy():
    """The first hour lacks its last mark row, the second is whole."""
    market, tables = make_market(QUARTERS * 2, step="15m")
    kept = np.arange(8) != 3
    columns = market_columns(market, {**tables, "mark": tables["mark"].filter(pa.array(kept))})
    hours = coarser(columns, HOUR)
    for name, known in (("open", 100), ("high", 110), ("low", 90), ("close", 108)):
        np.testing.assert_array_equal(hours.lines[f"mark_{name}"], [NAN, known])
    assert hours.execution_mark.state.tolist() == [MARK_MISSING, MARK_EXACT]
    assert np.isnan(hours.execution_mark.open[0])
    assert hours.execution_mark.low[1] == 90


def test_a_mark_row_of_the_coarse_step_is_that_row():
    """A one-hour mark under quarters is the strategy's mark of the hour, row by row."""
    rows = [(100, 111, 88, 106), (106, 120, 100, 110)]
    hours = coarser(make_columns(QUARTERS * 2, step="15m", mark=rows, mark_step="1h"), HOUR)
    assert hours.lines["mark_low"].tolist() == [88, 100]
    assert hours.lines["mark_open"].tolist() == [100, 106]


def test_mark_rows_between_the_two_steps_are_gathered_and_coarser_ones_wait():
    """One-hour rows make the mark of two hours; a two-hour row is seen when it has closed."""
    rows = [(100, 111, 88, 106), (106, 120, 100, 110)] * 2
    between = coarser(make_columns(QUARTERS * 4, step="15m", mark=rows, mark_step="1h"), 2 * HOUR)
    assert [between.lines[f"mark_{name}"][0] for name in OHLC] == [100, 120, 88, 110]
    waits = coarser(make_columns(QUARTERS * 4, step="15m", mark=rows[:2], mark_step="2h"), HOUR)
    np.testing.assert_array_equal(waits.lines["mark_low"], [NAN, 88, 88, 100])


def test_a_mark_inside_the_bars_table_is_gathered_whatever_step_is_declared():
    """Bars that carry their mark have rows of their own step, though a mark of 1 h is declared."""
    market, tables = make_market(QUARTERS * 2, step="15m", mark="missing")
    bars = tables["bars"]
    for name in OHLC:
        bars = bars.append_column(f"mark_{name}", bars.column(name))
    market = replace(market, mark_step_ns=HOUR)
    hours = coarser(market_columns(market, {**tables, "bars": bars}), HOUR)
    assert [hours.lines[f"mark_{name}"][1] for name in OHLC] == [100, 110, 90, 108]


def test_the_accounts_mark_spans_its_finer_bars_and_is_as_sure_as_the_least_sure_of_them():
    """Clipped under a coarse mark, with the extremes that fine bars were given."""
    columns = make_columns(QUARTERS, step="15m", mark=[(100, 112, 85, 106)], mark_step="1h")
    mark = coarser(columns, HOUR).execution_mark
    assert (mark.open[0], mark.high[0], mark.low[0], mark.close[0]) == (100, 112, 85, 108)
    assert mark.state.tolist() == [MARK_CLIPPED]


# ----------------------------------------------------------- against a market joined there


@cache
def everything(seed: int, mark_step: str) -> tuple[Market, dict[str, pa.Table]]:
    """Four random days of 5-minute bars with every table, liquidations known late."""
    bars, chance = 288 * 4, np.random.default_rng(seed)
    rows = bars * 5 * MINUTE // {"1m": MINUTE, "5m": 5 * MINUTE, "1h": HOUR, "4h": 4 * HOUR}[
        mark_step]
    walk = np.round(3_000 + np.cumsum(chance.standard_normal(rows)), 2)
    marks = {"open": walk, "high": walk + 2, "low": walk - 2, "close": walk + 1}
    market, tables = random_tables(seed, bars, step="5m", mark=marks, mark_step=mark_step,
                                   index=3_000 + np.arange(bars))
    events = tables["liquidations"]
    late = numbers(events, "ts") + chance.integers(0, HOUR, events.num_rows)
    at = events.column_names.index("available_at")
    tables["liquidations"] = events.set_column(at, "available_at", pa.array(late))
    stamps = market.start_ns + np.sort(chance.choice(4 * 24 * 60, 300, replace=False)) * MINUTE
    tables["open_interest"] = pa.table({
        "ts": stamps, "available_at": stamps + chance.integers(0, HOUR, 300),
        "oi_base": chance.uniform(1e6, 2e6, 300), "oi_usd": np.full(300, np.nan)})
    return market, tables


def gathered_bars(table: pa.Table, step_ns: int) -> pa.Table:
    """The bars a vendor would give on that step, worked out row by row."""
    rows: dict[int, dict[str, float]] = {}
    for row in table.to_pylist():
        end = -(-row["close_ns"] // step_ns) * step_ns
        bar = rows.setdefault(end, {**row, "volume": 0.0, "close_ns": end})
        bar |= {"high": max(bar["high"], row["high"]), "low": min(bar["low"], row["low"]),
                "close": row["close"], "volume": bar["volume"] + row["volume"],
                "index_close": row["index_close"]}
    return pa.Table.from_pylist(list(rows.values()))


@pytest.mark.parametrize("mark_step", ["1m", "5m", "1h", "4h"])
@pytest.mark.parametrize("step", [15 * MINUTE, HOUR, 4 * HOUR, 24 * HOUR], ids=show_step)
def test_gathering_bars_is_joining_the_same_tables_to_bars_of_that_step(mark_step, step):
    """Every line, and every settlement with its bar and rate, as if the bars had been coarse."""
    market, tables = everything(5, mark_step)
    found = coarser(market_columns(market, tables), step)
    coarse = {**tables, "bars": gathered_bars(tables["bars"], step)}
    expected = market_columns(replace(market, step_ns=step), coarse)
    assert tuple(found.lines) == tuple(expected.lines)
    for name, line in found.lines.items():
        np.testing.assert_allclose(line, expected.lines[name], rtol=1e-12, err_msg=name)
    for name in ("settle_ns", "bar", "rate", "state"):
        np.testing.assert_array_equal(getattr(found.funding, name),
                                      getattr(expected.funding, name), err_msg=name)
    same = ~np.isnan(expected.funding.index)
    np.testing.assert_array_equal(found.funding.index[same], expected.funding.index[same])
    assert not np.isnan(found.funding.index).any(), "finer bars know the index at each stamp"
    if mark_step in ("1m", "5m"):
        for name in (*OHLC, "state"):
            np.testing.assert_array_equal(getattr(found.execution_mark, name),
                                          getattr(expected.execution_mark, name), err_msg=name)


def test_gathering_twice_is_gathering_once():
    """Quarters of 5 minutes and hours of quarters are hours of 5 minutes, over the same bars."""
    columns = market_columns(*everything(6, "1h"))
    twice = coarser(coarser(columns, 15 * MINUTE), HOUR)
    once = coarser(columns, HOUR)
    wanted = arrays(once)
    for name, values in arrays(twice).items():
        np.testing.assert_allclose(values, wanted[name], rtol=1e-12, err_msg=name)
    assert once.inner is not None
    assert twice.inner is not None
    assert twice.inner.fine.market.step_ns == 5 * MINUTE


# ---------------------------------------------------------------------- cuts and causality


@cache
def holed(seed: int, mark_step: str) -> MarketColumns:
    """Four random days with every table, from which some bars are missing."""
    gone = np.random.default_rng(seed).choice(288 * 4, 150, replace=False)
    return without_bars(everything(seed, mark_step), {*gone.tolist(), *range(500, 530)})


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2), mark_step=st.sampled_from(["1m", "1h", "4h"]),
       step=st.sampled_from([10 * MINUTE, HOUR, 4 * HOUR]), share=st.floats(0.2, 1.0))
def test_cutting_the_fine_tail_changes_no_earlier_coarse_bar(seed, mark_step, step, share):
    """Wherever the fine bars end, the coarse ones that are left are the same to the last bit."""
    columns = holed(seed, mark_step)
    full = coarser(columns, step)
    short = coarser(columns.sliced(0, int(len(columns) * share)), step)
    assert 0 < len(short) <= len(full)
    assert_same(short, full.sliced(0, len(short)))
    assert short.inner is not None
    assert_same(short.inner.fine, columns.sliced(0, len(short.inner.fine)))


@settings(max_examples=40, deadline=None)
@given(first=st.integers(0, 90), length=st.integers(0, 90))
def test_a_slice_keeps_the_finer_bars_under_it(first, length):
    """Coarse bars cut out bring their own fine bars, counted from the cut."""
    columns = holed(1, "1h")
    hours = coarser(columns, HOUR)
    cut = hours.sliced(first, first + length)
    assert cut.inner is not None
    assert len(cut.inner.first) == len(cut) + 1
    assert cut.inner.first[0] == 0
    assert cut.inner.first[-1] == len(cut.inner.fine)
    for bar in range(len(cut)):
        within = cut.inner.fine.close_ns[cut.inner.first[bar]:cut.inner.first[bar + 1]]
        assert len(within)
        assert (within > cut.close_ns[bar] - HOUR).all()
        assert (within <= cut.close_ns[bar]).all()
        np.testing.assert_array_equal(
            cut.lines["high"][bar],
            cut.inner.fine.lines["high"][cut.inner.first[bar]:cut.inner.first[bar + 1]].max())
    bars = np.searchsorted(cut.inner.first, cut.inner.fine.funding.bar, side="right") - 1
    np.testing.assert_array_equal(cut.funding.bar, bars)
    np.testing.assert_array_equal(cut.funding.settle_ns, cut.inner.fine.funding.settle_ns)


@pytest.mark.parametrize("table", ["mark", "funding", "liquidations", "bars"])
def test_a_market_without_a_tail_has_none_in_its_finer_bars(table):
    """The truncation test on gathered bars takes the same tail from what the account walks."""
    hours = coarser(market_columns(*everything(5, "1h")), HOUR)
    short = tails.without(hours, hours, table, 40)
    assert short.inner is not None
    fine, last = short.inner.fine, int(hours.close_ns[39])
    if table == "bars":
        assert int(fine.close_ns[-1]) == last
    if table == "funding":
        assert (fine.funding.settle_ns <= last).all()
        assert len(fine.funding.rate) > 0
    if table == "liquidations":
        known = ~np.isnan(fine.lines["long_liquidations"])
        np.testing.assert_array_equal(known, fine.close_ns <= last)
    if table == "mark":
        gone = fine.close_ns > last
        np.testing.assert_array_equal(fine.execution_mark.low[gone], fine.lines["low"][gone])
        assert np.isnan(fine.lines["mark_low"][gone]).all()


# ------------------------------------------------------------------------------- refusals


def test_the_bars_own_step_changes_nothing():
    """Asking for 15-minute bars of 15-minute bars gives them as they are."""
    columns = make_columns(QUARTERS, step="15m")
    assert coarser(columns, 15 * MINUTE) is columns


@pytest.mark.parametrize("step", [5 * MINUTE, 20 * MINUTE, 0, -HOUR], ids=str)
def test_a_step_that_is_no_multiple_is_refused_in_one_line(step):
    """Finer bars are not made up, and a quarter does not fit twenty minutes."""
    with pytest.raises(UsageError, match=r"^bars of 15m cannot be gathered to bars of .*: the "
                                         r"step must be a multiple of 15m$"):
        coarser(make_columns(QUARTERS, step="15m"), step)


def test_a_mark_that_fits_no_coarse_bar_is_refused():
    """A one-hour mark cannot be told for 90 minutes; where there is no mark it does not matter."""
    columns = make_columns(QUARTERS * 6, step="15m", mark=[QUARTERS[0]] * 6, mark_step="1h")
    with pytest.raises(UsageError, match="a mark of 1h does not fit bars of 90m"):
        coarser(columns, 90 * MINUTE)
    bare = make_columns(QUARTERS * 6, step="15m", mark="missing")
    assert len(coarser(bare, 90 * MINUTE)) == 4


def test_bars_that_cross_the_borders_of_the_coarse_ones_are_refused():
    """Quarters from 00:05 on lie across the full hour."""
    columns = make_columns(QUARTERS * 2, step="15m", start="2026-01-28T00:05")
    with pytest.raises(UsageError, match=r"the bar of 15m closing 2026-01-28 00:20 does not lie on "
                                         r"a multiple of 15m UTC"):
        coarser(columns, HOUR)


def test_data_shorter_than_one_bar_is_refused():
    """Three quarters are no hour."""
    with pytest.raises(DataError, match=r"no whole bar of 1h between 2026-01-28 00:00 and "
                                        r"2026-01-28 00:45"):
        coarser(make_columns(QUARTERS[:3], step="15m"), HOUR)
    with pytest.raises(DataError, match="no bars to gather"):
        coarser(make_columns(QUARTERS, step="15m").sliced(0, 0), HOUR)


def test_a_line_nobody_knows_how_to_gather_is_refused():
    """A line of one's own has no rule: it is named, not guessed."""
    columns = make_columns(QUARTERS, step="15m")
    own = replace(columns, lines={**columns.lines, "whales": columns.lines["close"]})
    with pytest.raises(UsageError, match="no rule to gather the line 'whales'"):
        coarser(own, HOUR)
