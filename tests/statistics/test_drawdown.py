"""Drawdown against the reference vector and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deleverage.statistics.drawdown import cdar, drawdown, extent, inside, ulcer, underwater

VECTOR = np.array([100.0, 110.0, 99.0, 105.0, 121.0, 100.0])
CLOSES = np.arange(1, 7, dtype=np.int64) * 60


def test_reference_vector() -> None:
    """V = 100, 110, 99, 105, 121, 100 has the depths, ulcer and CDaR of the methods reference."""
    depth = underwater(VECTOR, 100.0)
    assert depth == pytest.approx([0, 0, 0.1, 0.045454545, 0, 0.173553719], abs=1e-9)
    assert depth.max() == pytest.approx(0.17355, abs=5e-6)
    assert ulcer(depth) == pytest.approx(0.083852, abs=5e-7)
    assert cdar(depth, 0.95) == pytest.approx(0.17355, abs=5e-6)
    assert cdar(depth, 0.80) == pytest.approx(0.136777, abs=5e-7)


def test_figures_by_hand() -> None:
    """The vector's deepest fall runs from 121 (bar 4) to 100 (bar 5), 21 dollars, not made good."""
    figures = drawdown(CLOSES, VECTOR, VECTOR, 100.0, 0)
    assert figures.max == pytest.approx(21 / 121)
    assert figures.max_usd == pytest.approx(21.0)
    assert (figures.peak_ns, figures.trough_ns, figures.recovered_ns) == (300, 360, None)
    assert figures.under_water == 0.5
    assert figures.drawdowns == 2
    assert figures.longest_ns == 300 - 120  # from the 110 at bar 1 to the 121 at bar 4


def test_worst_inside_the_bar_is_against_the_closes_before_it() -> None:
    """A wick to 60 in a bar that closes at 130 is measured from the highest close before: 110."""
    equity = np.array([110.0, 130.0, 129.0])
    worst = np.array([100.0, 60.0, 128.0])
    depth = inside(equity, worst, 100.0)
    assert depth == pytest.approx([0.0, 1 - 60 / 110, 1 - 128 / 130])
    figures = drawdown(CLOSES[:3], equity, worst, 100.0, 0)
    assert figures.max_inside == pytest.approx(1 - 60 / 110)
    assert figures.max_inside_usd == pytest.approx(50.0)
    assert (figures.inside_peak_ns, figures.inside_trough_ns) == (60, 120)
    assert figures.max == pytest.approx(1 / 130)


def test_the_opening_wallet_is_a_peak() -> None:
    """An account that only loses is under water from the first bar, with no bar as its peak."""
    figures = drawdown(CLOSES[:2], np.array([90.0, 80.0]), np.array([85.0, 70.0]), 100.0, 0)
    assert figures.max == pytest.approx(0.2)
    assert figures.max_inside == pytest.approx(0.3)
    assert figures.peak_ns is None
    assert figures.inside_peak_ns is None
    assert figures.under_water == 1.0
    assert figures.longest_ns == 120


def test_nothing_left_is_a_drawdown_of_one() -> None:
    """Equity of zero or below is a depth of exactly 1, never more."""
    assert underwater(np.array([50.0, 0.0, -20.0, 10.0]), 100.0).tolist() == [0.5, 1.0, 1.0, 0.9]


def test_no_drawdown_has_no_dates() -> None:
    """A curve that never falls has depth 0, no dates and no drawdowns."""
    figures = drawdown(CLOSES[:3], np.array([100.0, 101.0, 102.0]), np.array([100.0, 101, 102]),
                       100.0, 0)
    assert (figures.max, figures.max_inside, figures.drawdowns, figures.longest_ns) == (0, 0, 0, 0)
    assert figures.trough_ns is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-50, 1e6), min_size=1, max_size=40), st.floats(1, 1e5))
def test_depths_lie_between_zero_and_one(values: list[float], start: float) -> None:
    """Every depth is in [0, 1], inside the bar no less than at its close, zero at a new high."""
    equity = np.array(values)
    worst = equity - 5.0
    depth, deepest = underwater(equity, start), inside(equity, worst, start)
    assert ((depth >= 0) & (depth <= 1)).all()
    assert (deepest >= depth).all()
    assert (deepest <= 1).all()
    peak, trough = extent(equity, depth, start)
    assert peak < trough or depth[trough] == 0
