"""Which settlements are due, known and missing, and at which price."""

from __future__ import annotations

import numpy as np
import pytest

from deleverage.columns import FUNDING_MISSING, FUNDING_SETTLED, FUNDING_STATES
from deleverage.feeds.intervals import intervals
from deleverage.feeds.join import market_columns
from deleverage.feeds.settlements import snapped
from deleverage.timestamps import HOUR, MINUTE, SECOND, parse, show
from tests.markets import make_columns, make_market

DAY_OF_HOURS = [100.0] * 24


def due(columns) -> list[tuple[str, str]]:
    schedule = columns.funding
    return [(show(int(at))[5:], FUNDING_STATES[state])
            for at, state in zip(schedule.settle_ns, schedule.state, strict=True)]


def test_stamps_near_a_minute_are_snapped_and_others_left():
    """Milliseconds of jitter on either side vanish; eleven seconds do not."""
    minute = parse("2026-01-28T08:00")
    raw = minute + np.array([17_000_000, -3_000_000, 10 * SECOND, 11 * SECOND])
    assert (snapped(raw) - minute).tolist() == [0, 0, 0, 11 * SECOND]


def gaps(*hours: float) -> list[float]:
    return intervals(np.cumsum([0, *[int(h * HOUR) for h in hours]])).tolist()


def test_intervals_come_from_the_rows():
    """Each row's interval is its distance from the row before, the first row's that of the next."""
    assert gaps(8, 8, 8) == [8, 8, 8, 8]
    eight, four = [8.0] * 5, [4.0] * 5
    assert gaps(*eight, *four) == [8, *eight, *four], "a venue that changes to 4 h"
    assert gaps(*four, *eight) == [4, *four, *eight], "and one that changes back"
    assert gaps(*eight, 4, 4, *eight) == [8, *eight, 4, 4, *eight], "for a day only"


def test_a_hole_is_not_an_interval():
    """A distance that stands out from its neighbours keeps the usual interval."""
    assert gaps(8, 8, 16, 8, 8) == [8] * 6
    assert gaps(8, 8, 24, 16, 8, 8, 8) == [8] * 8
    assert gaps(16, 8, 8, 8) == [8] * 5
    assert gaps(8, 8, 8, 16) == [8] * 5


def test_a_settlement_at_the_close_belongs_to_that_bar_at_its_mark_close():
    """08:00 belongs to the bar that closes at 08:00; rate on the line there, NaN elsewhere."""
    prices = np.arange(100.0, 124.0)
    columns = make_columns(prices, step="1h", funding=[("2026-01-28T08:00", 1e-4),
                                                       ("2026-01-28T16:00", -2e-4)])
    schedule = columns.funding
    assert due(columns) == [("01-28 08:00", "settled"), ("01-28 16:00", "settled"),
                            ("01-29 00:00", "missing")]
    assert schedule.bar[:2].tolist() == [7, 15]
    assert schedule.price[:2].tolist() == [107.0, 115.0]
    line = columns.lines["funding_rate"]
    assert line[7] == 1e-4
    assert line[15] == -2e-4
    assert np.isnan(np.delete(line, [7, 15])).all()


def test_a_settlement_inside_a_bar_takes_its_share_of_the_bar():
    """At a quarter of a bar that runs from 100 to 108 the price is 102."""
    bars = [(100, 100, 100, 100), (100, 108, 100, 108)]
    columns = make_columns(bars, step="4h", start="2026-01-28T03:00",
                           funding=[("2026-01-28T08:00", 1e-4)])
    assert columns.funding.bar.tolist() == [1]
    assert columns.funding.price.tolist() == [102.0]


def test_a_finer_mark_row_closing_at_the_stamp_gives_the_price():
    """An interior stamp is settled at the close of the one-minute mark row that ends there."""
    fine = [(100.0, 100.0, 100.0, 100.0)] * 10
    fine[6] = (100.0, 104.0, 100.0, 103.0)
    columns = make_columns([100.0, 100.0], step="5m", start="2026-01-28T07:53", mark=fine,
                           mark_step="1m", funding=[("2026-01-28T08:00", 1e-4)])
    assert columns.funding.price.tolist() == [103.0]


def test_a_coarse_mark_row_closing_at_the_stamp_gives_the_price():
    """The hour's mark close settles, not the clipped last price of the bar."""
    columns = make_columns([(100, 100, 100, 100)] * 4, step="15m", start="2026-01-28T07:00",
                           mark=[(100, 101, 99, 99.5)], mark_step="1h",
                           funding=[("2026-01-28T08:00", 1e-4)])
    assert columns.execution_mark.close[-1] == 100
    assert columns.funding.price.tolist() == [99.5]


def test_missing_settlements_are_found_before_between_and_after_the_rows():
    """Stamps due by the rows' own interval but told by none are missing, never absent."""
    columns = make_columns([100.0] * 72, step="1h", funding=[
        ("2026-01-28T16:00", 1e-4), ("2026-01-29T00:00", 1e-4), ("2026-01-29T16:00", 1e-4)])
    assert due(columns) == [
        ("01-28 08:00", "missing"), ("01-28 16:00", "settled"), ("01-29 00:00", "settled"),
        ("01-29 08:00", "missing"), ("01-29 16:00", "settled"), ("01-30 00:00", "missing"),
        ("01-30 08:00", "missing"), ("01-30 16:00", "missing"), ("01-31 00:00", "missing")]
    missing = columns.funding.state == FUNDING_MISSING
    assert np.isnan(columns.funding.rate[missing]).all()
    assert columns.funding.price[missing].tolist() == [100.0] * 6, "a price to impute with"


def test_a_changed_interval_is_not_a_hole():
    """Rows of 8 h then of 4 h, each with its own interval, leave nothing missing."""
    market, tables = make_market([100.0] * 32, step="1h", funding=[
        ("2026-01-28T08:00", 1e-4), ("2026-01-28T16:00", 1e-4), ("2026-01-28T20:00", 1e-4),
        ("2026-01-29T00:00", 1e-4), ("2026-01-29T08:00", 1e-4)])
    hours = [8.0, 8.0, 4.0, 4.0, 8.0]
    funding = tables["funding"]
    at = funding.column_names.index("interval_h")
    tables["funding"] = funding.set_column(at, "interval_h", [hours])
    columns = market_columns(market, tables)
    assert set(columns.funding.state) == {FUNDING_SETTLED}


def test_no_funding_table_makes_every_settlement_missing_and_an_empty_one_none_due():
    """Unknown funding is never silently zero; a table without rows states that none is due."""
    unknown = make_columns(DAY_OF_HOURS, step="1h", funding=None)
    assert due(unknown) == [("01-28 08:00", "missing"), ("01-28 16:00", "missing"),
                            ("01-29 00:00", "missing")]
    assert due(make_columns(DAY_OF_HOURS, step="1h", funding=[])) == []


def test_a_settlement_in_a_gap_of_the_bars_is_due_in_the_next_bar():
    """A position held through missing bars still pays."""
    market, tables = make_market(DAY_OF_HOURS, step="1h", funding=[("2026-01-28T08:00", 1e-4)],
                                 interval_h=24.0)
    keep = np.array([hour not in (7, 8) for hour in range(24)])
    tables["bars"] = tables["bars"].filter(keep)
    schedule = market_columns(market, tables).funding
    assert [show(int(at))[-5:] for at in schedule.settle_ns] == ["08:00"]
    assert schedule.bar.tolist() == [7]


def test_two_settlements_in_one_bar_are_summed_on_the_line_and_kept_apart_in_the_schedule():
    """A daily bar pays its three rates one by one, at their own prices."""
    columns = make_columns([(100, 124, 100, 124)], step="1d", funding=[
        ("2026-01-28T08:00", 1e-4), ("2026-01-28T16:00", 2e-4), ("2026-01-29T00:00", 3e-4)])
    assert columns.lines["funding_rate"].tolist() == [pytest.approx(6e-4)]
    assert columns.funding.price.tolist() == [108.0, 116.0, 124.0]


def test_a_rate_published_late_is_shown_late_and_paid_in_time():
    """The line waits for available_at; the account pays in the bar of the settlement."""
    market, tables = make_market(DAY_OF_HOURS, step="1h", funding=[("2026-01-28T08:00", 1e-4)],
                                 interval_h=24.0)
    funding = tables["funding"]
    at = funding.column_names.index("available_at")
    late = [parse("2026-01-28T08:00") + MINUTE]
    tables["funding"] = funding.set_column(at, "available_at", [late])
    columns = market_columns(market, tables)
    assert columns.funding.bar.tolist() == [7]
    assert np.flatnonzero(~np.isnan(columns.lines["funding_rate"])).tolist() == [8]
