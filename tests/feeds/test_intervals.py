"""Intervals of 1, 4 and 8 h that change, with rows missing where it is hardest to tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deleverage.columns import FUNDING_MISSING, FUNDING_STATES, MarketColumns
from deleverage.feeds.intervals import intervals, missing_stamps
from deleverage.feeds.join import market_columns
from deleverage.timestamps import DAY, HOUR, MINUTE, SECOND, parse, show
from tests.markets import make_columns, make_market, stamp

START = parse("2026-01-28")
EIGHT, FOUR, ONE = [8.0] * 5, [4.0] * 5, [1.0] * 6


def at(*gaps: float, start: int = START) -> np.ndarray:
    """Stamps with these distances in hours."""
    return start + np.cumsum([0, *[round(gap * HOUR) for gap in gaps]])


def read(*gaps: float) -> list[float]:
    return intervals(at(*gaps)).tolist()


def holes(*gaps: float) -> list[float]:
    """Hours from the first row at which a settlement is missing, by the rows' own distances."""
    stamps = at(*gaps)
    missing = missing_stamps(stamps, intervals(stamps), int(stamps[0]), int(stamps[-1]))
    return ((missing - START) / HOUR).tolist()


# ------------------------------------------------------------------------------ intervals


@pytest.mark.parametrize("gaps", [
    [*EIGHT, *FOUR, *ONE], [*ONE, *FOUR, *EIGHT], [*EIGHT, *ONE, *EIGHT],
    [*EIGHT, *FOUR, *ONE, *FOUR, *EIGHT], [*EIGHT, 4, 4, *EIGHT], [*EIGHT, 4, *EIGHT],
    [8, 8, *FOUR], [*FOUR, 8, 8], [*FOUR, 8, 8, 8], [8, 8, 8, *FOUR], [8, 8, *ONE, 4, 4, 4, 8, 8],
], ids=str)
def test_every_change_of_interval_is_followed(gaps):
    """8 to 4 to 1 h and back, for long or for a day, at the ends of the data too: no hole."""
    assert read(*gaps) == [gaps[0], *gaps]
    assert holes(*gaps) == []


@pytest.mark.parametrize(("gaps", "missing"), [
    ([*EIGHT, 16, *EIGHT], [48]),
    ([*ONE, 8, *ONE], [7, 8, 9, 10, 11, 12, 13]),
    ([*FOUR, 8, *FOUR], [24]),
    ([*FOUR, 8, 8, *FOUR], [24, 32]),
    ([16, *EIGHT], [8]),
    ([*EIGHT, 16], [48]),
    ([*FOUR, 8], [24]),
    ([8, 8, 24, 16, 8, 8, 8], [24, 32, 48]),
    ([*EIGHT, 16, 16, 16, *EIGHT], [48, 64, 80]),
], ids=str)
def test_a_distance_that_stands_alone_is_a_hole(gaps, missing):
    """Rows told by none, also seven of an hourly clock, and where a lone change could end the data;
    16 h, which do not divide a day, are a hole however often they come."""
    assert holes(*gaps) == missing
    usual = min(gaps)
    assert read(*gaps) == [usual] * (len(gaps) + 1)


@pytest.mark.parametrize(("gaps", "missing", "after"), [
    ([*EIGHT, 12, *FOUR], [48], 4.0),
    ([*FOUR, 12, *EIGHT], [24], 8.0),
    ([*FOUR, 5, *ONE], [24], 1.0),
    ([*ONE, 5, *FOUR], [7], 4.0),
    ([*ONE, 9, *EIGHT], [7], 8.0),
    ([*EIGHT, 9, *ONE], [48], 1.0),
    ([*EIGHT, 20, *FOUR], [48, 56], 4.0),
    ([*EIGHT, 16, *FOUR], [48], 8.0),
], ids=str)
def test_a_row_missing_at_a_change_is_one_row(gaps, missing, after):
    """12 h between 8 h and 4 h are one of each: the last of the old interval is what is missing."""
    assert holes(*gaps) == missing
    lone = next(k for k, gap in enumerate(gaps) if gap not in (gaps[0], gaps[-1])) + 1
    assert read(*gaps)[lone] == after
    assert read(*gaps)[:lone] == [gaps[0]] * lone
    assert set(read(*gaps)[lone + 1:]) == {gaps[-1]}


def test_jitter_beyond_the_snapping_makes_neither_holes_nor_odd_intervals():
    """Stamps up to 25 s off, more than is snapped, are still every 8, then every 4 hours."""
    chance = np.random.default_rng(3)
    stamps = at(*EIGHT, *FOUR) + chance.integers(-25 * SECOND, 25 * SECOND, 11)
    assert intervals(stamps).tolist() == [8.0, *EIGHT, *FOUR]
    hours = intervals(stamps)
    assert not len(missing_stamps(stamps, hours, START - HOUR, int(stamps[-1])))


def test_a_settlement_missing_between_jittered_rows_is_due_on_the_minute():
    """Nobody recorded it, so it carries nobody's jitter."""
    stamps = at(8, 8, 16, 8) + np.array([0, 12, -14, 13, 11]) * SECOND
    missing = missing_stamps(stamps, intervals(stamps), START, int(stamps[-1]))
    assert [show(int(each)) for each in missing] == ["2026-01-29 00:00"]


def test_one_row_alone_and_none_have_the_assumed_interval():
    """A single row tells no distance: eight hours unless something else is known."""
    assert intervals(at()).tolist() == [8.0]
    assert intervals(at(), assumed=HOUR).tolist() == [1.0]
    assert intervals(np.empty(0, np.int64)).tolist() == []


def test_intervals_no_venue_has_are_taken_only_where_nothing_else_explains():
    """Five hours between rows of eight cannot hold a row of eight: they are five."""
    assert read(*EIGHT, 5, *EIGHT) == [8, *EIGHT, 5, *EIGHT]
    assert holes(*EIGHT, 5, *EIGHT) == []
    assert read(5, 5, 5) == [5, 5, 5, 5]
    assert read(24, 24) == [24, 24, 24]


@settings(max_examples=80, deadline=None)
@given(lengths=st.lists(st.tuples(st.sampled_from([1.0, 4.0, 8.0]), st.integers(5, 9)),
                        min_size=1, max_size=5),
       seed=st.integers(0, 10_000))
def test_one_row_lost_anywhere_inside_is_one_settlement_missing(lengths, seed):
    """Whatever the intervals, taking out one row leaves exactly its own stamp missing.

    Not a row of 4 h beside rows of 8 h: without it the 8 h have merely begun earlier.
    """
    gaps = [hours for hours, count in lengths for _ in range(count)]
    stamps = at(*gaps)
    chance = np.random.default_rng(seed)
    same = [k for k in range(2, len(gaps) - 1) if gaps[k - 1] == gaps[k]
            and 2 * gaps[k] not in (gaps[k - 2], gaps[k + 1])]
    lost = int(chance.choice(same))
    kept = np.delete(stamps, lost)
    missing = missing_stamps(kept, intervals(kept), int(stamps[0]), int(stamps[-1]))
    assert missing.tolist() == [stamps[lost]]


def test_an_hourly_year_is_read_in_a_moment():
    """Two years of hourly rows with a change in between: every interval right."""
    gaps = [1.0] * 8_760 + [8.0] * 1_095
    assert read(*gaps) == [1.0, *gaps]


# ----------------------------------------------------------------------- in the schedule


def due(columns: MarketColumns) -> list[tuple[str, str]]:
    schedule = columns.funding
    return [(show(int(when))[5:], FUNDING_STATES[state])
            for when, state in zip(schedule.settle_ns, schedule.state, strict=True)]


def test_a_market_that_goes_from_8_to_4_to_1_hour_and_back_has_no_missing_settlement():
    """Rows that carry their own interval: each stamp settled once, in its bar, at its price."""
    hours = [8.0, 8.0, 8.0, 4.0, 4.0, 1.0, 1.0, 1.0, 1.0, 4.0, 8.0, 8.0]
    stamps = START + np.cumsum([int(h * HOUR) for h in hours])
    columns = make_columns(100.0 + np.arange(60), step="1h", interval_h=hours,
                           funding=[(stamp(int(s)), 1e-4 * (k + 1)) for k, s in enumerate(stamps)])
    schedule = columns.funding
    assert set(schedule.state) == {0}
    assert schedule.settle_ns.tolist() == stamps.tolist()
    assert schedule.bar.tolist() == ((stamps - START) // HOUR - 1).tolist()
    assert schedule.price.tolist() == (100.0 + schedule.bar).tolist()
    assert schedule.rate.tolist() == [1e-4 * (k + 1) for k in range(12)]


def test_one_row_missing_at_a_change_is_one_missing_settlement():
    """8, 16, [24], 28, 32: the row of midnight is missing; 20:00 was never due."""
    funding = [("2026-01-28T08:00", 1e-4), ("2026-01-28T16:00", 1e-4), ("2026-01-29T04:00", 1e-4),
               ("2026-01-29T08:00", 1e-4)]
    columns = make_columns([100.0] * 32, step="1h", funding=funding, interval_h=[8, 8, 4, 4])
    assert due(columns) == [
        ("01-28 08:00", "settled"), ("01-28 16:00", "settled"), ("01-29 00:00", "missing"),
        ("01-29 04:00", "settled"), ("01-29 08:00", "settled")]


def test_one_row_missing_at_a_change_back_is_one_missing_settlement():
    """4, 8, [12 or 16], 24: an 8 h row at midnight leaves 16:00 due, and nothing before it."""
    funding = [("2026-01-28T04:00", 1e-4), ("2026-01-28T08:00", 1e-4), ("2026-01-29T00:00", 1e-4)]
    columns = make_columns([100.0] * 24, step="1h", funding=funding, interval_h=[4, 4, 8])
    assert due(columns) == [("01-28 04:00", "settled"), ("01-28 08:00", "settled"),
                            ("01-28 16:00", "missing"), ("01-29 00:00", "settled")]


@pytest.mark.parametrize(("first", "then", "hours", "missing"), [
    ("08:00", "23:00", [8, 8], "15:00"), ("08:00", "20:00", [8, 8], "12:00"),
    ("03:00", "15:00", [3, 8], "07:00")])
def test_rows_that_do_not_fit_their_own_intervals_are_counted_by_the_later_one(first, then, hours,
                                                                               missing):
    """15 h before an 8 h row are about two of them, so one is missing; no row is due twice."""
    funding = [(f"2026-01-28T{at}", 1e-4) for at in (first, then)]
    columns = make_columns([100.0] * (int(then[:2])), step="1h", funding=funding, interval_h=hours)
    assert due(columns)[-3:] == [(f"01-28 {first}", "settled"), (f"01-28 {missing}", "missing"),
                                 (f"01-28 {then}", "settled")]


# -------------------------------------------------------------------- Hyperliquid's hours


def hourly(days: int = 1) -> list[tuple[str, float]]:
    return [(stamp(START + k * HOUR), 1e-6 * k) for k in range(1, 24 * days + 1)]


def test_hyperliquid_settles_every_hour_over_five_minute_bars():
    """24 settlements a day, each in the bar that closes at it, at that bar's mark and index."""
    count = 24 * 12
    columns = make_columns(100.0 + np.arange(count), step="5m", venue="hyperliquid",
                           funding=hourly(), interval_h=1.0, index=500.0 + np.arange(count))
    schedule = columns.funding
    assert schedule.bar.tolist() == list(range(11, count, 12))
    assert schedule.price.tolist() == [100.0 + bar for bar in range(11, count, 12)]
    assert schedule.index.tolist() == [500.0 + bar for bar in range(11, count, 12)]
    assert np.flatnonzero(~np.isnan(columns.lines["funding_rate"])).tolist() == list(
        range(11, count, 12))
    assert not (schedule.state == FUNDING_MISSING).any()


def test_a_daily_bar_holds_24_hourly_settlements_each_at_its_own_price():
    """One bar, 24 stamps: by share of the day on a daily mark, exactly on an hourly one."""
    bars = [(100, 124, 100, 124)]
    columns = make_columns(bars, step="1d", venue="hyperliquid", funding=hourly(), interval_h=1.0,
                           index=[700.0])
    schedule = columns.funding
    assert schedule.bar.tolist() == [0] * 24
    assert schedule.price.tolist() == pytest.approx([100.0 + k for k in range(1, 25)])
    assert columns.lines["funding_rate"].tolist() == [pytest.approx(1e-6 * 300)]
    np.testing.assert_array_equal(schedule.index, [np.nan] * 23 + [700.0])
    exact = make_columns(bars, step="1d", funding=hourly(), interval_h=1.0, mark_step="1h",
                         mark=[110.0 + k for k in range(24)])
    assert exact.funding.price.tolist() == [110.0 + k for k in range(24)]


def test_an_hour_missing_from_a_daily_bar_is_missing_alone():
    """23 settled and one missing, priced like the others."""
    rows = hourly()
    del rows[9]
    columns = make_columns([(100, 124, 100, 124)], step="1d", funding=rows, interval_h=1.0)
    schedule = columns.funding
    assert np.flatnonzero(schedule.state == FUNDING_MISSING).tolist() == [9]
    assert schedule.price[9] == pytest.approx(110.0)
    assert len(schedule.rate) == 24


@pytest.mark.parametrize(("venue", "count"), [("hyperliquid", 24), ("binance", 3), ("bybit", 3),
                                              ("somewhere", 3)])
def test_unknown_funding_is_missing_on_the_venues_own_clock(venue, count):
    """Without any funding table Hyperliquid's day has 24 unknown settlements, others' three."""
    columns = make_columns([100.0] * 24, step="1h", venue=venue, funding=None)
    assert len(columns.funding.rate) == count
    assert (columns.funding.state == FUNDING_MISSING).all()
    assert (columns.funding.settle_ns % (DAY // count) == 0).all()


def test_jittered_rows_that_are_left_raw_stay_in_the_bar_that_contains_them():
    """Twelve seconds after the hour is in the next bar: not snapped, not missing."""
    market, tables = make_market([100.0] * 24 * 60, step="1m", interval_h=8.0, funding=[
        ("2026-01-28T08:00:12", 1e-4), ("2026-01-28T15:59:48", 1e-4)])
    columns = market_columns(market, tables)
    states = [state for _, state in due(columns)]
    assert states == ["settled", "settled", "missing"]
    assert columns.funding.bar.tolist() == [480, 959, 1439]
    assert columns.funding.settle_ns[2] == START + DAY
    assert columns.funding.settle_ns[0] == START + 8 * HOUR + 12 * SECOND
    assert MINUTE > 12 * SECOND
