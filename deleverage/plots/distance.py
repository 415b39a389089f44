"""Time against the distance to liquidation: when a position stood how close."""

from __future__ import annotations

import itertools

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap

from deleverage.charts.deeds import LIQUIDATION, deeds
from deleverage.charts.distance import DistanceMap, distance_map
from deleverage.columns import Floats
from deleverage.plots import described, marks, scales, style
from deleverage.plots.paper import Paper
from deleverage.results import RunResult

_RAMP = LinearSegmentedColormap.from_list("held", ["#D3E4F0", style.BLUE, "#00263D"])
_BAR_ROOM = 1.05  # inches beside the map, for the scale of its colours


def distance(result: RunResult) -> Paper | None:
    """The picture of a run; None where nothing was held to a close or no curves were recorded."""
    if result.recorded is None:
        return None
    found = distance_map(result.recorded)
    if found is None:
        return None
    paper = Paper(described.title("Time and distance to liquidation", result.synthetic),
                  described.subtitle(result), [3.1],
                  [], right=_BAR_ROOM)
    axes, edges = paper.panels[0], scales.when(found.edge_ns)
    columns = found.hours.shape[1]
    paper.head(0, f"Distance of the mark to the liquidation price; a column is "
                  f"{scales.span_words(float(found.edge_ns[-1] - found.edge_ns[0]) / columns)}")
    paper.notes = described.small_print(
        result, f"{described.many(columns, 'column')} of "
        f"{described.bars_of(result, len(result.recorded))}")
    most = _cells(axes, found, edges)
    gone = [deed.ts for deed in deeds((), result.journal.liquidations) if deed.kind == LIQUIDATION]
    if gone:
        marks.points(axes, scales.when(np.array(gone, dtype=np.int64)), np.zeros(len(gone)),
                     "liquidations", marker="X", markersize=8.0, color=style.VERMILLION,
                     markeredgecolor="white", markeredgewidth=0.6, clip_on=False,
                     label=f"liquidated ({len(gone):,})")
    if found.no_price_h:
        paper.notes.append(f"{found.no_price_h:,.1f} h were held where no mark could liquidate: in "
                           "no row")
    axes.set_ylim(-0.5, len(found.edges) - 0.5)
    axes.set_yticks(range(len(found.edges)), found.labels)
    axes.grid(visible=False)
    axes.set_ylabel("share of the mark")
    first, last = int(found.edge_ns[0]), int(found.edge_ns[-1])
    axes.set_xlabel(scales.time_axis(axes, first, last))
    _scale(axes, most, paper.across)
    return paper


def _cells(axes: Axes, found: DistanceMap, edges: Floats) -> float:
    """One rectangle a cell in which anything was held; gives the most hours of a cell."""
    most = float(found.hours.max()) or 1.0
    rows, columns = np.nonzero(found.hours)
    corners = [[(edges[c], r - 0.46), (edges[c + 1], r - 0.46), (edges[c + 1], r + 0.46),
                (edges[c], r + 0.46)] for r, c in zip(rows, columns, strict=True)]
    colours = _RAMP(found.hours[rows, columns] / most)
    axes.add_collection(PolyCollection(corners, facecolors=colours, edgecolors=colours,
                                       linewidths=0.3, gid="cells", zorder=2.0), autolim=False)
    return most


def _scale(axes: Axes, most: float, across: float) -> None:
    """The colours in hours, beside the map."""
    bar = axes.inset_axes((1 + 0.2 / across, 0.0, 0.14 / across, 1.0))
    steps = np.linspace(0.0, most, 65)
    corners = [[(0.0, low), (1.0, low), (1.0, high), (0.0, high)]
               for low, high in itertools.pairwise(steps.tolist())]
    colours = _RAMP(steps[:-1] / most)
    bar.add_collection(PolyCollection(corners, facecolors=colours, edgecolors=colours,
                                      linewidths=0.3, gid="scale"), autolim=False)
    bar.set_xlim(0.0, 1.0)
    scales.amounts(bar, 0.0, most, air=0.0)
    bar.set_xticks([])
    bar.grid(visible=False)
    bar.yaxis.tick_right()
    bar.yaxis.set_label_position("right")
    bar.set_ylabel("hours held", size=style.PLAIN)
    bar.tick_params(labelsize=style.PLAIN)
