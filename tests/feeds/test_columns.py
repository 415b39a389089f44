"""Columns cut by bars: settlements and finer bars stay aligned."""

from __future__ import annotations

import numpy as np
import pytest

from deleverage.columns import FUNDING_STATES, FundingSchedule
from deleverage.timestamps import HOUR, parse
from tests.markets import make_columns, make_dataset

FLAT = [100.0] * 24
PAID = [("2026-01-28T08:00", 1e-4), ("2026-01-28T16:00", 2e-4), ("2026-01-29T00:00", 3e-4)]


def test_the_states_of_a_settlement_keep_their_codes():
    """Recorded codes go on meaning what they meant; stale is new."""
    assert FUNDING_STATES == ("settled", "missing", "imputed", "stale")


def test_the_index_price_of_a_settlement_is_that_of_the_bar_closing_at_it():
    """08:00 takes the index of the bar that closes at 08:00 and not the one after it."""
    index = 200.0 + np.arange(24)
    columns = make_columns(FLAT, step="1h", funding=PAID, index=index)
    assert columns.funding.index.tolist() == [207.0, 215.0, 223.0]
    assert columns.lines["index_close"].tolist() == index.tolist()


def test_an_index_price_inside_a_bar_or_never_told_is_unknown():
    """No bar closes at the stamp, or no index is there: NaN, never the next bar's close."""
    inside = make_columns([100.0, 101.0], step="12h", funding=PAID, index=[200.0, 201.0])
    np.testing.assert_array_equal(inside.funding.index, [np.nan, np.nan, 201.0])
    assert np.isnan(make_columns(FLAT, step="1h", funding=PAID).funding.index).all()


def test_a_missing_settlement_has_its_index_price_too():
    """Which rate is missing does not hide the price it would have been paid on."""
    columns = make_columns(FLAT, step="1h", funding=PAID[:2], index=200.0 + np.arange(24))
    assert columns.funding.index.tolist() == [207.0, 215.0, 223.0]
    assert np.isnan(columns.funding.rate[2])


def test_cut_columns_keep_their_settlements_with_index_prices():
    """Bars are counted from the cut; each settlement keeps stamp, rate, price and index."""
    columns = make_columns(FLAT, step="1h", funding=PAID, index=200.0 + np.arange(24))
    cut = columns.sliced(8, 20)
    assert cut.funding.bar.tolist() == [7]
    assert cut.funding.settle_ns.tolist() == [parse("2026-01-28T16:00")]
    assert (cut.funding.rate.tolist(), cut.funding.index.tolist()) == ([2e-4], [215.0])
    assert len(cut) == 12


@pytest.mark.parametrize(("first", "stop", "bars"), [
    (0, 24, 24), (0, 10**9, 24), (20, 30, 4), (24, 24, 0), (30, 40, 0), (5, 3, 0)])
def test_a_cut_beyond_the_ends_is_what_is_there(first, stop, bars):
    """As with any sequence; an empty market has no settlements."""
    columns = make_columns(FLAT, step="1h", funding=PAID)
    cut = columns.sliced(first, stop)
    assert len(cut) == len(cut.lines["close"]) == bars
    assert (cut.funding.bar < max(bars, 1)).all()


def test_picked_settlements_are_counted_from_a_bar():
    """A mask keeps rows of every array of the schedule."""
    schedule = make_columns(FLAT, step="1h", funding=PAID).funding
    found = schedule.picked(schedule.rate > 1e-4, first=10)
    assert isinstance(found, FundingSchedule)
    assert found.bar.tolist() == [5, 13]
    assert {len(getattr(found, name)) for name in FundingSchedule.__slots__} == {2}


def test_index_prices_come_out_of_the_cache(tmp_path):
    """A dataset's second opening has the same index prices as its first."""
    dataset = make_dataset(tmp_path / "set", FLAT, step="1h", funding=PAID,
                           index=200.0 + np.arange(24))
    first, second = dataset.columns(), dataset.columns()
    assert first.funding.index.tolist() == second.funding.index.tolist() == [207.0, 215.0, 223.0]
    assert second.funding.settle_ns.tolist() == [parse("2026-01-28") + k * 8 * HOUR
                                                 for k in (1, 2, 3)]
