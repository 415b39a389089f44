"""The account over time: equity, how deep under water, the liquidation price as it moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deleverage.columns import Floats, Ints
from deleverage.statistics import thinning
from deleverage.statistics.curves import Curves
from deleverage.statistics.drawdown import inside


@dataclass(frozen=True, eq=False)
class AccountChart:
    """One point a bucket of bars; ``bars`` says of how many.

    ``equity`` at mark at the bucket's last close, ``worst`` the lowest inside it; ``under_water``
    the deepest drawdown inside it (fraction of the peak, ≥ 0). ``mark`` at the last close,
    ``liquidation_price`` the last one in force (NaN while flat, or where no mark can liquidate).
    """

    bars: int
    close_ns: Ints
    equity: Floats
    worst: Floats
    under_water: Floats
    mark: Floats
    liquidation_price: Floats

    def __len__(self) -> int:
        return len(self.close_ns)


def account_chart(curves: Curves, start: float, budget: int = thinning.BUDGET) -> AccountChart:
    """The account of ``curves`` in at most ``budget`` points; ``start``: its opening wallet."""
    starts = thinning.buckets(len(curves), budget)
    ends = thinning.last_of(starts, len(curves))
    depth = inside(curves.equity, curves.worst_equity, start) if len(curves) else np.empty(0)
    return AccountChart(
        len(curves), curves.close_ns[ends], curves.equity[ends],
        np.minimum(thinning.lowest(curves.worst_equity, starts),
                   thinning.lowest(curves.equity, starts)),
        thinning.highest(depth, starts), curves.mark[ends],
        thinning.latest(curves.liquidation_price, starts))
