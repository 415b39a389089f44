"""The mark beside the last price, worked out by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from deleverage.columns import MARK_CLIPPED, MARK_EXACT, MARK_MISSING
from tests.markets import make_columns

FLAT = (100.0, 100.0, 100.0, 100.0)


def test_a_mark_on_the_bars_own_clock_is_exact():
    """Same step: the execution mark and the visible lines are the mark rows themselves."""
    columns = make_columns([FLAT, (100, 110, 90, 105)], mark=[FLAT, (100, 108, 92, 104)])
    mark = columns.execution_mark
    assert mark.state.tolist() == [MARK_EXACT, MARK_EXACT]
    assert (mark.high[1], mark.low[1], mark.close[1]) == (108, 92, 104)
    assert columns.lines["mark_low"][1] == 92


def test_no_mark_is_missing_not_last():
    """Without a mark table nothing is made up: state missing, prices NaN."""
    columns = make_columns([FLAT, FLAT], mark="missing")
    assert set(columns.execution_mark.state) == {MARK_MISSING}
    assert np.isnan(columns.execution_mark.close).all()
    assert np.isnan(columns.lines["mark_close"]).all()


def test_a_finer_mark_is_gathered_to_the_bar():
    """Five one-minute mark rows make the mark of one five-minute bar, extremes included."""
    fine = [(100, 101, 99, 100), (100, 107, 100, 106), (106, 106, 95, 96), (96, 99, 96, 98),
            (98, 103, 97, 102), *[FLAT] * 4]
    columns = make_columns([FLAT, FLAT], step="5m", mark=fine, mark_step="1m")
    mark = columns.execution_mark
    assert (mark.open[0], mark.high[0], mark.low[0], mark.close[0]) == (100, 107, 95, 102)
    assert columns.lines["mark_close"][0] == 102
    assert mark.state.tolist() == [MARK_EXACT, MARK_MISSING], "four of five rows are not a bar"


def bars_of_an_hour() -> list[tuple[float, float, float, float]]:
    """Four quarters of an hour: last falls to 80 in the second and climbs to 108 in the fourth."""
    return [(100, 102, 99, 100), (100, 100, 80, 90), (90, 96, 88, 95), (95, 108, 95, 107)]


def test_a_coarse_mark_clips_the_last_price():
    """The bar that ran below the mark row's low is clipped to it, the others keep their own."""
    columns = make_columns(bars_of_an_hour(), step="15m", mark=[(100, 108, 86, 106)],
                           mark_step="1h")
    mark = columns.execution_mark
    assert mark.low.tolist() == [99, 86, 88, 95]
    assert mark.high.tolist() == [102, 100, 96, 108]
    assert mark.close.tolist() == [100, 90, 95, 107]
    assert set(mark.state) == {MARK_CLIPPED}


def test_an_extreme_no_bar_reached_goes_to_the_most_extreme_bar_alone():
    """The mark fell to 78 and rose to 111 where last did not: one bar each gets it."""
    columns = make_columns(bars_of_an_hour(), step="15m", mark=[(100, 111, 78, 106)],
                           mark_step="1h")
    mark = columns.execution_mark
    assert mark.low.tolist() == [99, 78, 88, 95]
    assert mark.high.tolist() == [102, 100, 96, 111]


def test_of_equally_extreme_bars_the_first_gets_the_extreme():
    """A tie in last gives the row's extreme to the earlier bar only."""
    bars = [(100, 101, 90, 95), (95, 101, 90, 95), FLAT, FLAT]
    columns = make_columns(bars, step="15m", mark=[(100, 103, 85, 100)], mark_step="1h")
    assert columns.execution_mark.low.tolist() == [85, 90, 100, 100]
    assert columns.execution_mark.high.tolist() == [103, 101, 100, 100]


def test_a_strategy_sees_a_coarse_row_only_when_it_has_closed():
    """mark_* hold the last completed row: nothing in the first hour but its last bar."""
    bars = bars_of_an_hour() * 2
    columns = make_columns(bars, step="15m", mark=[(100, 111, 78, 106), (106, 120, 100, 110)],
                           mark_step="1h")
    low = columns.lines["mark_low"]
    assert np.isnan(low[:3]).all()
    assert low[3:].tolist() == [78, 78, 78, 78, 100]


def test_a_stale_mark_row_is_not_shown_as_the_present_one():
    """An hour without its mark row is NaN to the strategy and missing to the account."""
    bars = [FLAT] * 12
    columns = make_columns(bars, step="15m", mark=[FLAT], mark_step="1h")
    assert columns.execution_mark.state.tolist() == [MARK_CLIPPED] * 4 + [MARK_MISSING] * 8
    assert np.isnan(columns.lines["mark_close"]).tolist() == [True] * 3 + [False] * 4 + [True] * 5


prices = st.floats(50, 150).map(lambda price: round(price, 1))


@settings(max_examples=60, deadline=None)
@given(bars=st.lists(st.tuples(prices, prices, prices, prices), min_size=4, max_size=24),
       rows=st.lists(st.tuples(prices, prices, prices, prices), min_size=6, max_size=6))
def test_the_clipped_mark_stays_inside_its_row_and_reaches_both_extremes(bars, rows):
    """Per row: bounds held, extremes touched by some bar, open and close inside low and high."""
    shaped = [(o, max(o, h, w, c), min(o, h, w, c), c) for o, h, w, c in bars]
    marks = [(o, max(o, h, w, c), min(o, h, w, c), c) for o, h, w, c in rows]
    columns = make_columns(shaped, step="15m", mark=marks, mark_step="1h")
    mark = columns.execution_mark
    for row, (_, high, low, _) in enumerate(marks):
        part = slice(4 * row, 4 * row + 4)
        if not len(mark.low[part]):
            continue
        assert mark.low[part].min() == low
        assert mark.high[part].max() == high
    for price in (mark.open, mark.close):
        assert (mark.low <= price).all()
        assert (price <= mark.high).all()
