"""LeverageScan: the same strategy run again at every leverage, as rows of one table."""

from __future__ import annotations

from dataclasses import dataclass

LEVERAGES = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 25.0, 50.0, 100.0)
SAME_FRACTION = "same margin fraction"
SAME_NOTIONAL = "same notional"


@dataclass(frozen=True, slots=True)
class ScanRow:
    """One leverage of a scan; every figure but ``leverage`` is None where it is not feasible.

    ``total_return`` and ``max_drawdown`` (worst inside the bar) are fractions, ``margin_lost`` ≥ 0,
    ``fees`` and ``funding`` signed money. ``p_liquidated_right`` = liquidated and right ÷ right,
    with ``right`` its denominator (Trade.right); None without a right trade. ``near_misses`` counts
    positions that lived with ≥ 80 % of their buffer used; ``closest_bp`` is the least distance of
    the mark to the liquidation price of any position that lived (bp of mark), None where none could
    be liquidated. ``note`` says why a row is infeasible, or how many orders were refused.
    """

    leverage: float
    feasible: bool
    note: str = ""
    total_return: float | None = None
    end_equity: float | None = None
    max_drawdown: float | None = None
    trades: int | None = None
    liquidations: int | None = None
    margin_lost: float | None = None
    right: int | None = None
    p_liquidated_right: float | None = None
    fees: float | None = None
    funding: float | None = None
    near_misses: int | None = None
    closest_bp: float | None = None
    rejections: int | None = None


@dataclass(frozen=True, slots=True)
class LeverageScan:
    """Two scans of one specification.

    ``same_fraction``: the margin fraction is kept, the notional grows with leverage.
    ``same_notional``: the notional is kept, only the distance to liquidation changes.
    ``limit`` is the venue's largest leverage; rows above it are cut, with one row at it.
    ``survives_fraction`` and ``survives_notional``: the largest leverage without a liquidation,
    counting up from the lowest feasible row; None where already that one was liquidated or where
    nothing was traded. ``base_leverage`` is that of the specification.
    """

    base_leverage: float
    limit: float
    same_fraction: tuple[ScanRow, ...]
    same_notional: tuple[ScanRow, ...]
    survives_fraction: float | None
    survives_notional: float | None
