"""One trade near enough to see why it ended as it did: price, mark and the liquidation price."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from deleverage.charts.deeds import deeds
from deleverage.plots import described, marks, scales, style
from deleverage.plots.paper import Paper
from deleverage.plots.price import band, draw_liquidation_price, limits, points, stretched
from deleverage.results import RunResult
from deleverage.statistics.closeups import CloseUp


def closeup(result: RunResult, item: CloseUp) -> Paper:
    """The picture of one close-up of ``result``."""
    done = [deed for deed in deeds(result.trades, result.journal.liquidations)
            if deed.number == item.number]
    quote = result.provenance.quote
    drawn = (f"{described.many(len(item), 'point')} of {described.many(item.bars, 'bar')}, of the "
             f"run's {described.bars_of(result)}")
    paper = Paper(described.title(f"Trade #{item.number}: {item.why}", result.synthetic),
                  described.subtitle(result), [4.2], described.small_print(result, drawn))
    axes = paper.panels[0]
    paper.head(0, f"Price and mark, {quote}")
    axes.set_ylabel(f"price, {quote}")
    band(axes, item)
    _mark(axes, item)
    known = np.isfinite(item.liquidation_price)
    forced = (scales.when(item.close_ns), item.liquidation_price) if known.any() else ()
    scales.amounts(axes, *stretched(*limits(item, done), [
        item.mark_low, item.mark_high, *forced[1:]]))
    paper.notes += draw_liquidation_price(axes, forced)
    points(axes, done)
    axes.set_xlabel(scales.time_axis(axes, int(item.close_ns[0]), int(item.close_ns[-1])))
    return paper


def _mark(axes: Axes, item: CloseUp) -> None:
    """Both edges of the mark's range: the lower one is what a long dies by, the upper a short."""
    at = scales.when(item.close_ns)
    for name, values, label in (("mark-low", item.mark_low, "mark, lowest and highest"),
                                ("mark-high", item.mark_high, "")):
        if np.isfinite(values).any():
            marks.curve(axes, at, values, name, color=style.BLUE, linewidth=0.5, label=label,
                        zorder=2.7)
