"""LeverageScan: the same strategy run again at every leverage, as rows of one table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

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
    be liquidated. ``reductions`` counts the steps by which the venue took a part of a position.
    ``note`` says why a row is infeasible, how many reductions there were or orders were refused.
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
    reductions: int | None = None


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

    @classmethod
    def of(cls, base_leverage: float, limit: float, same_fraction: Sequence[ScanRow],
           same_notional: Sequence[ScanRow]) -> Self:
        """The scan of these rows, with what survives."""
        return cls(base_leverage, limit, tuple(same_fraction), tuple(same_notional),
                   survives(same_fraction), survives(same_notional))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The scan of a JSON object with the fields of this class."""
        rows = {name: tuple(ScanRow(**row) for row in values[name])
                for name in ("same_fraction", "same_notional")}
        return cls(**{**values, **rows})


def leverages(limit: float, wanted: Sequence[float] = LEVERAGES) -> tuple[float, ...]:
    """The leverages of a scan: those wanted up to the venue's limit, and the limit if it cuts."""
    kept = sorted({float(value) for value in wanted if value <= limit})
    return (*kept, limit) if kept and max(wanted) > limit > kept[-1] else tuple(kept)


def scan_row(leverage: float, statistics: Mapping[str, Any], note: str = "") -> ScanRow:
    """The row of one run from its statistics (layout: deleverage.results)."""
    trades, near = statistics["trades"], statistics["near_misses"]
    refused = statistics["orders"]["rejections"]
    notes = [note] if note else []
    if not trades["count"] + trades["open"]:
        notes.append("nothing was traded")
    reductions = statistics["liquidations"]["reductions"]
    if reductions:
        notes.append(f"{reductions} reduction{'s' if reductions > 1 else ''} by the venue")
    if refused:
        notes.append(f"{refused} order{'s' if refused > 1 else ''} refused")
    return ScanRow(
        leverage=leverage, feasible=True, note="; ".join(notes),
        total_return=statistics["performance"]["total_return"],
        end_equity=statistics["performance"]["end_equity"],
        max_drawdown=statistics["drawdown"]["max_inside"],
        trades=trades["count"] + trades["open"],
        liquidations=statistics["liquidations"]["count"],
        margin_lost=statistics["liquidations"]["margin_lost"],
        right=trades["right"], p_liquidated_right=trades["p_liquidated_right"],
        fees=statistics["costs"]["fees"], funding=statistics["funding"]["net"],
        near_misses=near["at_80"], closest_bp=near["closest_bp"], rejections=refused,
        reductions=reductions)


def infeasible(leverage: float, share: float) -> ScanRow:
    """A row that cannot be: ``share`` of equity would have to be posted as margin, plus the fee."""
    return ScanRow(leverage, False, f"needs {share:.0%} of equity as margin, and the fee")


def margin_share(fraction: float, notional_leverage: float, leverage: float) -> float:
    """Share of equity posted as margin when the notional is fraction × notional_leverage × equity
    and the account is set to ``leverage``."""
    return fraction * notional_leverage / leverage


def feasible(share: float) -> bool:
    """Whether such a margin can be posted and the opening fee still be paid."""
    return share < 1.0 and not math.isclose(share, 1.0)


def survives(rows: Sequence[ScanRow]) -> float | None:
    """Largest leverage without a liquidation, counting up from the lowest feasible row.

    A higher row that happens to survive above a liquidated one does not count: it survived by
    trading less. None where the lowest row was liquidated or nothing was traded.
    """
    best = None
    for row in sorted((row for row in rows if row.feasible), key=lambda row: row.leverage):
        if row.liquidations:
            break
        if row.trades:
            best = row.leverage
    return best
