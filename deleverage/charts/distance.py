"""Time against the distance to liquidation: when a position stood how close, as a map."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deleverage.columns import Floats, Ints
from deleverage.statistics.curves import Curves
from deleverage.timestamps import HOUR

EDGES = (0.0, 0.005, 0.01, 0.02, 0.05, 0.10, 0.20, 0.50)  # share of mark; above the last: farther
COLUMNS = 120


@dataclass(frozen=True, eq=False)
class DistanceMap:
    """Hours held, by span of time (columns) and by distance to the liquidation price (rows).

    ``edge_ns`` has one element more than there are columns; row ``i`` is from ``edges[i]`` up to
    the next edge, the last row everything beyond it. ``hours[row, column]``. ``no_price_h``: hours
    held where no mark could liquidate, which are in no row. A position is where it was at each
    bar's close until the next.
    """

    edge_ns: Ints
    edges: tuple[float, ...]
    hours: NDArray[np.float64]
    no_price_h: float

    @property
    def labels(self) -> tuple[str, ...]:
        """Rows in words, nearest first: ``< 0.5 %``, ``0.5–1 %``, …, ``> 50 %``."""
        shown = [f"{100 * edge:g}" for edge in self.edges]
        between = [f"{low}–{high} %" for low, high in itertools.pairwise(shown[1:])]
        return (f"< {shown[1]} %", *between, f"> {shown[-1]} %")


def distance_map(curves: Curves, columns: int = COLUMNS) -> DistanceMap | None:
    """The map of ``curves``; None where nothing was ever held to a close."""
    held = curves.position[:-1] >= 0
    if not held.any():
        return None
    hours = np.diff(curves.close_ns) / HOUR
    spans = np.linspace(curves.close_ns[0], curves.close_ns[-1],
                        min(columns, len(curves) - 1) + 1).astype(np.int64)
    distance: Floats = curves.distance[:-1]
    known = held & np.isfinite(distance)
    column = np.clip(np.searchsorted(spans, curves.close_ns[:-1], "right") - 1, 0, len(spans) - 2)
    row = np.clip(np.searchsorted(EDGES, distance, "right") - 1, 0, len(EDGES) - 1)
    cells = np.zeros((len(EDGES), len(spans) - 1))
    np.add.at(cells, (row[known], column[known]), hours[known])
    return DistanceMap(spans, EDGES, cells, float(hours[held & ~known].sum()))
