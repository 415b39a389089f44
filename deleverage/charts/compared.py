"""Several accounts over one another: equity and depth under water as shares of the first wallet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deleverage.charts.account import AccountChart, account_chart
from deleverage.columns import Floats
from deleverage.results import RunResult
from deleverage.statistics import thinning


@dataclass(frozen=True, eq=False)
class Overlay:
    """One run's line. ``growth`` is equity ÷ opening wallet; ``under_water`` as in the chart."""

    name: str
    chart: AccountChart
    growth: Floats


def overlays(results: Sequence[RunResult],
             budget: int = 4 * thinning.BUDGET) -> tuple[Overlay, ...]:
    """One line a result that has curves; the budget of points is shared among them."""
    shown = [(place, result) for place, result in enumerate(results, start=1)
             if result.recorded is not None and len(result.recorded)]
    each = min(thinning.BUDGET, budget // max(1, len(shown)))
    made = []
    for place, result in shown:
        if result.recorded is None:
            continue
        chart = account_chart(result.recorded, result.daily.start, each)
        made.append(Overlay(f"{place} {result.name.rpartition('/')[2]}", chart,
                            chart.equity / result.daily.start))
    return tuple(made)
