"""The charts of a page as one Bokeh document, with what the page's script must know of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from bokeh.document import Document
from bokeh.models import BoxZoomTool, Range1d
from bokeh.plotting import figure

from deleverage.pages.drawing.colours import DARK, LIGHT
from deleverage.pages.drawing.frame import Absent, Chart


def as_json(charts: Iterable[Chart | Absent]) -> dict[str, Any]:
    """Every chart that can be drawn, each as a root of one document, so that axes can be shared.

    ``roots``: model id → id of its element; ``roles``: model id → {property: role}; ``zoom``: the
    tools that a mouse may drag; ``clocks``: every time axis with its whole span; ``fits``: which
    lines a value axis must hold on which time axis; ``runs``: model ids by the name of the run they
    belong to.
    """
    made = Document(title="charts")
    drawn = [chart for chart in charts if isinstance(chart, Chart)]
    with made.models.freeze():  # the document looks through its models once, not at every root
        for chart in drawn:
            made.add_root(chart.plot)
    roots = {chart.plot.id: f"chart-{chart.name}" for chart in drawn}
    spans = [model for model in made.models
             if isinstance(model, Range1d) and model.name == "clock"]
    runs: dict[str, list[str]] = {}
    for model in made.models:
        if model.name and model.name.startswith("run-"):
            runs.setdefault(model.name, []).append(model.id)
    return {
        "document": made.to_json(deferred=False), "roots": roots,
        "roles": {model.id: _roles(model.tags) for model in made.models if _roles(model.tags)},
        "palette": {"light": LIGHT, "dark": DARK},
        "zoom": [model.id for model in made.models if isinstance(model, BoxZoomTool)],
        "clocks": [{"id": span.id, "start": span.start, "end": span.end} for span in spans],
        "fits": [_fit(chart.plot) for chart in drawn if chart.timed
                 and isinstance(chart.plot.y_range.renderers, list)],
        "runs": runs,
    }


def _fit(plot: figure) -> dict[str, Any]:
    """``lines``: the renderer (it may be hidden), its source, the column on the value axis."""
    return {"clock": plot.x_range.id, "range": plot.y_range.id,
            "padding": plot.y_range.range_padding,
            "end": plot.y_range.end if math.isfinite(plot.y_range.end) else None,
            "lines": [[line.id, line.data_source.id, line.glyph.y]
                      for line in plot.y_range.renderers]}


def _roles(tags: Iterable[Any]) -> Mapping[str, str]:
    words = (tag.partition("=") for tag in tags if isinstance(tag, str))
    return {name: role for name, _, role in words if role in LIGHT}
