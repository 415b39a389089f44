"""Quantiles of values that stand for several are those of all of them written out."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deleverage.statistics.quantiles import quantiles

SHARES = (0.0, 0.05, 0.25, 0.5, 0.95, 1.0)
ROWS = st.lists(st.tuples(st.floats(-10, 10) | st.sampled_from([0.0, 0.25]), st.integers(1, 50)),
                min_size=1, max_size=30)


@given(ROWS)
def test_numpy_has_the_same(rows: list[tuple[float, int]]) -> None:
    """Equal to the last bit, ties and single values included."""
    values, times = np.array([v for v, _ in rows]), np.array([n for _, n in rows], dtype=np.int64)
    written = np.repeat(values, times)
    assert quantiles(values, SHARES, times) == tuple(np.quantile(written, SHARES))
    assert quantiles(values, SHARES) == tuple(np.quantile(values, SHARES))
