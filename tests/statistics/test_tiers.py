"""Bands of leverage: edges belong to the band above, rounding does not move a position down."""

from __future__ import annotations

import numpy as np
import pytest

from deleverage.statistics.tiers import EDGES, TIERS, tier, tiers


@pytest.mark.parametrize(("leverage", "name"), [
    (0.0, "<1x"), (0.999, "<1x"), (1.0, "1–2x"), (1.999, "1–2x"), (2.0, "2–3x"), (3.0, "3–5x"),
    (5.0, "5–10x"), (9.99, "5–10x"), (10.0, "10–20x"), (20.0, "20–50x"), (50.0, "50–100x"),
    (99.9, "50–100x"), (100.0, "≥100x"), (125.0, "≥100x"), (float("inf"), "≥100x"),
])
def test_edges(leverage: float, name: str) -> None:
    """An edge is the first leverage of the band above it."""
    assert TIERS[tier(leverage)] == name


def test_rounding_keeps_the_band() -> None:
    """10x computed back from its margin as 9.999999999999998 stays in 10–20x."""
    assert TIERS[tier(9.999999999999998)] == "10–20x"


def test_arrays_agree_and_flat_is_no_band() -> None:
    """The array form gives the same bands, and −1 for NaN (no position)."""
    values = np.array([0.5, *EDGES, 7.0, 250.0])
    assert tiers(values).tolist() == [tier(value) for value in values]
    assert tiers(np.array([np.nan])).tolist() == [-1]
