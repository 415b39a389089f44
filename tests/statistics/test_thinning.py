"""Thinned arrays keep what their curve is read for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deleverage.statistics import thinning

VALUES = st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=200)


@given(VALUES, st.integers(1, 60))
def test_nothing_that_counts_is_lost(values: list[float], budget: int) -> None:
    """Within the budget, extremes of the whole are extremes of the buckets, and sums add up."""
    array = np.array(values)
    starts = thinning.buckets(len(array), budget)
    assert 1 <= len(starts) <= budget
    ends = thinning.last_of(starts, len(array))
    assert ends[-1] == len(array) - 1
    assert starts[0] == 0
    known = array[np.isfinite(array)]
    low, high = thinning.lowest(array, starts), thinning.highest(array, starts)
    total = thinning.added(array, starts)
    if len(known):
        assert np.nanmin(low) == known.min()
        assert np.nanmax(high) == known.max()
        assert np.nansum(total) == pytest.approx(known.sum(), abs=1e-6)
    else:
        assert np.isnan(low).all()
        assert np.isnan(total).all()
    for start, end, last in zip(starts, ends, thinning.latest(array, starts), strict=True):
        part = array[start:end + 1]
        finite = part[np.isfinite(part)]
        assert last == finite[-1] if len(finite) else np.isnan(last)


def test_nothing_stays_nothing() -> None:
    """No bars give no buckets."""
    none = np.empty(0)
    starts = thinning.buckets(0)
    for keep in (thinning.lowest, thinning.highest, thinning.added, thinning.latest):
        assert len(keep(none, starts)) == 0


def test_an_hour_without_coverage_is_not_zero() -> None:
    """A bucket of gaps stays a gap; one that is covered in part has the sum of that part."""
    values = np.array([np.nan, np.nan, 1.0, np.nan, 0.0, 0.0])
    found = thinning.added(values, thinning.buckets(6, 3))
    np.testing.assert_array_equal(found, [np.nan, 1.0, 0.0])
