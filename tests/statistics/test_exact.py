"""Sums that come out the same in any order and however equal values are gathered."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deleverage.statistics.exact import total

FLOATS = st.floats(-1e12, 1e12)


@given(st.lists(st.tuples(FLOATS, st.integers(0, 40)), max_size=40))
def test_the_sum_is_that_of_the_values_written_out(rows: list[tuple[float, int]]) -> None:
    """Values taken so many times have the exactly rounded sum of a list that repeats them."""
    values, times = np.array([v for v, _ in rows]), np.array([n for _, n in rows], dtype=np.int64)
    assert total(values, times) == math.fsum(np.repeat(values, times).tolist())
    assert total(values) == math.fsum(values.tolist())


def test_a_million_bars_do_not_depend_on_their_order() -> None:
    """A year of bars sums to one number forwards, backwards and gathered by value."""
    values = np.random.default_rng(3).random(1_000_000).round(3) / 7
    found, times = np.unique(values, return_counts=True)
    assert total(values) == total(values[::-1]) == total(found, times) == math.fsum(values.tolist())


@pytest.mark.parametrize("values", [[5e-324, 1e-310, 3e-308], [1e308, -1e308, 1e-308], [0.0], []])
def test_the_ends_of_the_number_range(values: list[float]) -> None:
    """The least and the largest floats lose nothing."""
    assert total(np.array(values)) == math.fsum(values)


def test_what_is_no_number_stays_none() -> None:
    """Infinity and NaN come through as in any sum."""
    assert total(np.array([1.0, math.inf]), np.array([2, 1])) == math.inf
    assert math.isnan(total(np.array([1.0, math.nan])))
