"""Rows of the leverage scan: the limit, what is infeasible, and what survives."""

from __future__ import annotations

import pytest

from deleverage.statistics.leverage_scan import (
    LEVERAGES,
    LeverageScan,
    ScanRow,
    feasible,
    infeasible,
    leverages,
    margin_share,
    survives,
)
from deleverage.statistics.summary import plain


def row(leverage: float, liquidations: int, trades: int = 3) -> ScanRow:
    return ScanRow(leverage, True, trades=trades, liquidations=liquidations)


@pytest.mark.parametrize(("limit", "expected"), [
    (125.0, LEVERAGES), (100.0, LEVERAGES), (25.0, LEVERAGES[:7]), (75.0, (*LEVERAGES[:8], 75.0)),
    (40.0, (*LEVERAGES[:7], 40.0)), (1.0, (1.0,)),
])
def test_leverages_end_at_the_venues_limit(limit: float, expected: tuple[float, ...]) -> None:
    """Leverages above the limit are cut, with one row at the limit where it cuts."""
    assert leverages(limit) == expected


def test_the_same_notional_needs_more_margin_at_less_leverage() -> None:
    """0.2 × 10x of notional: twice the equity at 1x, all at 2x (no fee left), a tenth at 20x."""
    shares = [margin_share(0.2, 10.0, leverage) for leverage in (1.0, 2.0, 20.0)]
    assert shares == pytest.approx([2.0, 1.0, 0.1])
    assert [feasible(share) for share in shares] == [False, False, True]
    refused = infeasible(1.0, 2.0)
    assert not refused.feasible
    assert refused.note == "needs 200% of equity as margin, and the fee"
    assert refused.total_return is None


def test_what_survives_counts_up_from_below() -> None:
    """A row that survives above a liquidated one survived by trading less, and does not count."""
    assert survives([row(1, 0), row(2, 0), row(5, 1), row(10, 0)]) == 2
    assert survives([row(1, 1), row(2, 0)]) is None
    assert survives([infeasible(1, 2.0), row(2, 0), row(5, 0)]) == 5
    assert survives([row(1, 0, trades=0)]) is None
    assert survives([]) is None


def test_a_scan_round_trips_as_json_values() -> None:
    """The table comes back from plain values with its rows as they were."""
    scan = LeverageScan.of(10.0, 125.0, [row(1, 0), row(2, 1)], [infeasible(1, 2.0), row(2, 0)])
    assert LeverageScan.from_dict(plain(scan)) == scan
    assert (scan.survives_fraction, scan.survives_notional) == (1, 2)
