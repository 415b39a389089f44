"""Lines and points as all pictures draw them: a number alone between gaps is still seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from deleverage.columns import Floats


def curve(axes: Axes, x: Floats, y: Floats, gid: str, **look: Any) -> None:
    """A line through the finite points; those without a neighbour become dots of its colour."""
    (line,) = axes.plot(x, y, gid=gid, **look)
    known = np.isfinite(y)
    alone = known & ~np.append(False, known[:-1]) & ~np.append(known[1:], False)
    if alone.any():
        axes.plot(x[alone], y[alone], linestyle="none", marker="o", markersize=1.8,
                  color=line.get_color(), zorder=line.get_zorder(), gid=f"{gid}-alone")


def points(axes: Axes, x: Floats, y: Floats, gid: str, **look: Any) -> None:
    """Markers, one a point, with an edge that sets them off from what lies below."""
    axes.plot(x, y, linestyle="none", gid=gid, **{"zorder": 5.0, **look})
