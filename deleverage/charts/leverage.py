"""What each leverage would have met: the scan's curves and the survival frontier's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deleverage.columns import Floats
from deleverage.statistics.leverage_scan import (
    SAME_FRACTION,
    SAME_NOTIONAL,
    LeverageScan,
    ScanRow,
)


@dataclass(frozen=True, eq=False)
class ScanCurve:
    """One scan: a point a leverage that was feasible and traded.

    ``total_return`` and ``max_drawdown`` (inside the bar) are fractions.
    """

    name: str
    leverage: Floats
    total_return: Floats
    max_drawdown: Floats
    liquidations: Floats

    def __len__(self) -> int:
        return len(self.leverage)


@dataclass(frozen=True, eq=False)
class FrontierCurve:
    """Share of the trades that survive and their net result, by leverage; one point a row."""

    trades: int
    leverage: Floats
    share: Floats
    net: Floats
    granted: Floats


def scan_curves(scan: LeverageScan | None) -> tuple[ScanCurve, ...]:
    """Both scans; those without a point are left out."""
    if scan is None:
        return ()
    made = (_curve(SAME_FRACTION, scan.same_fraction), _curve(SAME_NOTIONAL, scan.same_notional))
    return tuple(curve for curve in made if len(curve))


def _curve(name: str, rows: Sequence[ScanRow]) -> ScanCurve:
    kept = [row for row in rows if row.feasible and row.trades and row.total_return is not None]
    return ScanCurve(name, *(np.array([getattr(row, field) for row in kept], dtype=np.float64)
                             for field in ("leverage", "total_return", "max_drawdown",
                                           "liquidations")))


def frontier_curve(frontier: Mapping[str, Any]) -> FrontierCurve | None:
    """``statistics["frontier"]`` as a curve; None where nothing was replayed."""
    rows = [row for row in frontier["rows"] if row["granted"]]
    if not rows:
        return None
    columns = {name: np.array([row[name] for row in rows], dtype=np.float64)
               for name in ("leverage", "share", "net", "granted")}
    return FrontierCurve(frontier["trades"], **columns)
