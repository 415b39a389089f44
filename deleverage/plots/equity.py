"""Equity with the worst inside the bar, and how deep under water the account was."""

from __future__ import annotations

from deleverage.charts.account import account_chart
from deleverage.plots import described, marks, scales, style
from deleverage.plots.paper import Paper
from deleverage.results import RunResult


def equity(result: RunResult) -> Paper | None:
    """The picture of a run; None where no curves were recorded."""
    if result.recorded is None or not len(result.recorded):
        return None
    start, quote = result.daily.start, result.provenance.quote
    chart = account_chart(result.recorded, start)
    paper = Paper(described.title("Equity and under water", result.synthetic),
                  described.subtitle(result), [3.2, 1.7],
                  described.small_print(result, described.points_of(result, len(chart),
                                                                    chart.bars)))
    at = scales.when(chart.close_ns)
    upper, lower = paper.panels
    paper.head(0, f"Equity at mark, {quote}")
    upper.axhline(start, color=style.GREY, linewidth=0.8, linestyle=(0, (4, 3)),
                  label=f"opening wallet {start:,.2f}", gid="start")
    upper.fill_between(at, chart.worst, chart.equity, color=style.ORANGE, linewidth=0.8,
                       label="down to the worst inside the bar", gid="worst", zorder=2.0)
    marks.curve(upper, at, chart.equity, "equity", color=style.BLUE, label="at the bar's close",
                zorder=3.0)
    known = [value for values in (chart.worst, chart.equity) for value in values.tolist()
             if value == value]
    scales.amounts(upper, min([start, *known]), max([start, *known]))
    upper.set_ylabel(quote)
    paper.head(1, "Under water: below the highest equity so far, worst inside the bar, %")
    depth = -100.0 * chart.under_water
    lower.fill_between(at, depth, 0.0, color=style.VERMILLION, alpha=0.25, linewidth=0.0,
                       gid="under-water-area")
    marks.curve(lower, at, depth, "under-water", color=style.VERMILLION, linewidth=0.9)
    deepest = min([0.0, *(value for value in depth.tolist() if value == value)])
    scales.amounts(lower, deepest or -1.0, 0.0, air=0.04)
    lower.set_ylabel("%")
    first, last = int(chart.close_ns[0]), int(chart.close_ns[-1])
    lower.set_xlabel(scales.time_axis(upper, first, last))
    return paper
