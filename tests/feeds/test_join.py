"""All tables on one clock, and nothing before its time."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deleverage.columns import BASE_LINES, MarketColumns
from deleverage.errors import DataError, MissingTable
from deleverage.feeds.join import market_columns
from deleverage.feeds.tables import numbers
from deleverage.market import Coverage, Market
from deleverage.timestamps import HOUR, MINUTE
from tests.markets import make_columns, make_market, random_tables, stamp

KNOWN_AT = {"bars": "close_ns", "mark": "close_ns", "funding": "ts",
            "liquidations": "available_at", "open_interest": "available_at"}


def test_every_base_line_is_there_and_as_long_as_the_bars():
    """The feed's lines exist whatever tables the dataset has."""
    columns = make_columns([100.0, 101.0])
    assert tuple(columns.lines) == BASE_LINES
    assert {len(column) for column in columns.lines.values()} == {2}
    assert {column.dtype for column in columns.lines.values()} == {np.dtype(float)}


def test_open_interest_is_the_newest_snapshot_known_by_the_close():
    """NaN before the first, then the last one available, never one that comes later."""
    columns = make_columns([100.0] * 5, open_interest=[
        ("2026-01-28T00:01:30", 500.0), ("2026-01-28T00:04:00", 400.0)])
    np.testing.assert_array_equal(columns.lines["openinterest"], [np.nan, 500, 500, 400, 400])


def test_open_interest_waits_for_available_at_and_a_late_old_row_hides_no_newer_one():
    """A row known two minutes late appears two minutes late, and not over a newer one."""
    market, tables = make_market([100.0] * 5, open_interest=[
        ("2026-01-28T00:01:00", 500.0), ("2026-01-28T00:02:00", 400.0)])
    interest = tables["open_interest"]
    known = numbers(interest, "ts") + np.array([3 * MINUTE, 0])
    tables["open_interest"] = interest.set_column(1, "available_at", pa.array(known))
    line = market_columns(market, tables).lines["openinterest"]
    np.testing.assert_array_equal(line, [np.nan, 400, 400, 400, 400])


def test_open_interest_that_stopped_is_unknown_after_its_coverage():
    """A stream that ended does not stand still."""
    market, tables = make_market([100.0] * 5, open_interest=[("2026-01-28T00:01:00", 500.0)])
    ends = Coverage("open_interest", "binance", "test", market.start_ns,
                    market.start_ns + 3 * MINUTE)
    line = market_columns(replace(market, coverage=(ends,)), tables).lines["openinterest"]
    np.testing.assert_array_equal(line, [500, 500, 500, np.nan, np.nan])


def test_mark_and_index_inside_the_bars_table_are_used():
    """A source with mark and index on the bars' clock needs no mark table."""
    market, tables = make_market([100.0, 101.0], mark="missing")
    marks = {f"mark_{name}": [99.5, 100.5] for name in ("open", "high", "low", "close")}
    bars = tables["bars"]
    tables["bars"] = pa.table({**{name: bars.column(name) for name in bars.column_names}, **marks,
                               "index_close": [100.1, 100.9]})
    columns = market_columns(market, tables)
    assert columns.execution_mark.close.tolist() == [99.5, 100.5]
    assert columns.lines["index_close"].tolist() == [100.1, 100.9]


def test_bars_are_needed_and_must_have_rows():
    """A market without bars is refused with what was found."""
    market, tables = make_market([100.0, 101.0])
    with pytest.raises(DataError, match="table bars: no rows"):
        market_columns(market, {**tables, "bars": tables["bars"].slice(0, 0)})
    del tables["bars"]
    with pytest.raises(MissingTable, match=r"'bars' is missing \(found: mark, funding\)"):
        market_columns(market, tables)


def test_a_step_the_rows_contradict_is_refused():
    """One-minute rows declared as five-minute bars would overlap."""
    market, tables = make_market([100.0, 101.0, 102.0])
    with pytest.raises(DataError, match=r"bars of 5m: rows 1 and 2 .* are 1m apart"):
        market_columns(replace(market, step_ns=5 * MINUTE), tables)


def test_a_mark_step_that_fits_no_bars_is_refused():
    """A seven-minute mark has no place under five-minute bars."""
    market, tables = make_market([100.0] * 14, step="5m", mark=[100.0] * 10, mark_step="7m")
    with pytest.raises(DataError, match="neither step divides the other"):
        market_columns(market, tables)


@cache
def whole(seed: int) -> tuple[Market, dict[str, pa.Table], MarketColumns]:
    """A random five-day market with every table: 5 m bars, 1 h mark, late liquidations."""
    bars = 288 * 5
    chance = np.random.default_rng(seed)
    market, tables = random_tables(seed, bars, step="5m", volatility=0.003)
    hourly = tables["bars"].take(pa.array(np.arange(11, bars, 12)))
    walk = numbers(hourly, "close")
    marks = {"open": walk, "high": walk * 1.004, "low": walk * 0.996, "close": walk}
    tables["mark"] = pa.table({"close_ns": numbers(hourly, "close_ns"), **marks})
    events = tables["liquidations"]
    late = numbers(events, "ts") + chance.integers(0, 2 * HOUR, events.num_rows)
    at = events.column_names.index("available_at")
    tables["liquidations"] = events.set_column(at, "available_at", pa.array(late))
    stamps = market.start_ns + np.sort(chance.choice(5 * 24 * 60, 300, replace=False)) * MINUTE
    tables["open_interest"] = pa.table({
        "ts": stamps, "available_at": stamps + chance.integers(0, HOUR, 300),
        "oi_base": chance.uniform(1e6, 2e6, 300), "oi_usd": np.full(300, np.nan)})
    market = replace(market, mark_step_ns=HOUR)
    return market, tables, market_columns(market, tables)


def arrays(columns: MarketColumns) -> dict[str, Any]:
    mark, funding = columns.execution_mark, columns.funding
    return {**columns.lines, "close_ns": columns.close_ns, "execution open": mark.open,
            "execution high": mark.high, "execution low": mark.low, "execution close": mark.close,
            "execution state": mark.state, "settle": funding.settle_ns, "bar": funding.bar,
            "rate": funding.rate, "price": funding.price, "funding state": funding.state}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 3), hour=st.integers(1, 5 * 24 - 1))
def test_cutting_the_tail_of_every_table_changes_nothing_before_the_cut(seed, hour):
    """At any time that is a row border of every table, the past does not know the future."""
    market, tables, full = whole(seed)
    cut = market.start_ns + hour * HOUR
    short = {name: table.filter(pa.array(numbers(table, KNOWN_AT[name]) <= cut))
             for name, table in tables.items()}
    columns = market_columns(replace(market, end_ns=cut), short)
    assert len(columns) == hour * 12
    expected = arrays(full.sliced(0, hour * 12))
    for name, found in arrays(columns).items():
        np.testing.assert_array_equal(found, expected[name], err_msg=f"{name} at {stamp(cut)}")


@pytest.mark.parametrize("table", ["mark", "funding", "liquidations", "open_interest"])
def test_changing_the_future_of_one_table_changes_nothing_before(table):
    """Whatever a table says after the middle, the bars before it are the same."""
    market, tables, full = whole(0)
    half = 60 * HOUR
    known = numbers(tables[table], KNOWN_AT[table]) <= market.start_ns + half
    columns = market_columns(market, {**tables, table: tables[table].filter(pa.array(known))})
    middle = half // (5 * MINUTE)
    before, expected = arrays(columns.sliced(0, middle)), arrays(full.sliced(0, middle))
    for name, found in before.items():
        np.testing.assert_array_equal(found, expected[name], err_msg=name)


def test_a_year_of_minutes_is_joined_in_well_under_a_second():
    """525,600 bars with mark, funding and liquidations: one numpy pass (CPU time, best of two)."""
    market, tables = random_tables(7, 525_600)
    spent = []
    for _ in range(2):
        before = time.process_time()
        market_columns(market, tables)
        spent.append(time.process_time() - before)
    assert min(spent) < 1.0
