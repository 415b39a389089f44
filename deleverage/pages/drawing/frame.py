"""What every chart of a page has in common: its frame, its axes, its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from bokeh.models import (
    BoxZoomTool,
    ColumnDataSource,
    CrosshairTool,
    DataRange1d,
    DatetimeTickFormatter,
    GlyphRenderer,
    HoverTool,
    NumeralTickFormatter,
    Range1d,
    Span,
)
from bokeh.plotting import figure
from numpy.typing import NDArray

from deleverage.columns import Ints
from deleverage.pages.drawing.colours import paint

MILLISECOND = 1_000_000  # nanoseconds; Bokeh's times are milliseconds
LEFT, RIGHT = 78, 14  # pixels beside every frame, so that charts below one another share their axis
WHEN = ("UTC", "@t{%F %H:%M}")


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a legend: a colour's role, what it means, and the shape of its sign."""

    role: str
    text: str
    shape: str = "line"  # line, dash, dot, area, up, down, cross, square


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure with its words; ``note`` tells how many points stand for how many bars."""

    name: str
    title: str
    plot: figure
    says: str
    note: str
    keys: tuple[Key, ...] = ()
    timed: bool = False


@dataclass(frozen=True, slots=True)
class Absent:
    """A chart that cannot be drawn, and why."""

    name: str
    title: str
    why: str


@dataclass(frozen=True, slots=True)
class Clock:
    """The time axis that charts of one run share, with the line that follows the pointer."""

    span: Range1d
    pointer: Span

    @classmethod
    def over(cls, first_ns: int, last_ns: int) -> Clock:
        """From the first to the last bar, and not beyond."""
        start, end = first_ns / MILLISECOND, max(last_ns, first_ns + 1_000_000_000) / MILLISECOND
        pointer = paint(Span(dimension="height", line_width=1, line_dash="dotted"),
                        line_color="muted")
        return cls(Range1d(start, end, bounds=(start, end), name="clock"), pointer)


def timed(name: str, clock: Clock, height: int) -> figure:
    """An empty chart over time; its other axis fits what :func:`fit` is told."""
    made = figure(name=name, height=height, sizing_mode="stretch_width", x_range=clock.span,
                  y_range=DataRange1d(range_padding=0.06), x_axis_type="datetime", tools="",
                  toolbar_location=None, lod_threshold=None)
    made.add_tools(BoxZoomTool(dimensions="width"),
                   CrosshairTool(dimensions="height", overlay=clock.pointer))
    made.xaxis.formatter = DatetimeTickFormatter(
        minutes="%H:%M", hourmin="%H:%M", hours="%H:%M", days="%d %b", months="%b %Y",
        context=None)
    made.toolbar.active_drag = None  # the page's script lets a mouse drag, never a finger
    return dressed(made)


def plain(name: str, height: int, **options: Any) -> figure:
    """An empty chart with axes of its own."""
    made = figure(name=name, height=height, sizing_mode="stretch_width", tools="",
                  toolbar_location=None, lod_threshold=None, **options)
    return dressed(made)


def dressed(made: figure) -> figure:
    """Quiet axes, light grid, no ground of its own: the page's shows through."""
    made.min_border_left, made.min_border_right = LEFT, RIGHT
    made.min_border_top = 8
    made.background_fill_alpha = made.border_fill_alpha = 0.0
    paint(made, outline_line_color="axis")
    for axis in made.axis:
        paint(axis, axis_line_color="axis", major_tick_line_color="axis",
              major_label_text_color="muted", axis_label_text_color="muted")
        axis.minor_tick_line_color = None
        axis.major_label_text_font_size = "12px"
        axis.axis_label_text_font_size = "12px"
        axis.axis_label_text_font_style = "normal"
        axis.major_tick_in = 0
    for grid in made.grid:
        paint(grid, grid_line_color="grid")
    return made


def milliseconds(stamps: Ints) -> NDArray[np.float64]:
    """Nanoseconds as Bokeh's times."""
    return np.asarray(stamps, dtype=np.float64) / MILLISECOND


def source(**columns: Any) -> ColumnDataSource:
    """Columns of one length."""
    return ColumnDataSource(dict(columns))


def fit(made: figure, data: ColumnDataSource, *columns: str) -> None:
    """Let the value axis hold exactly these columns of ``data``, by lines that nobody sees.

    The page's script does the same for the span in view: Bokeh stops fitting an axis once a mouse
    has dragged out a span, also one of the other axis alone.
    """
    made.y_range.renderers = [made.line("t", name, source=data, line_alpha=0.0)
                              for name in columns]


def hover(made: figure, renderers: Sequence[GlyphRenderer], tips: Sequence[tuple[str, str]],
          mode: str = "vline", **formatters: str) -> None:
    """Values under the pointer; times as UTC."""
    known: Mapping[str, str] = {"@t": "datetime", **formatters}
    made.add_tools(HoverTool(renderers=list(renderers), tooltips=list(tips), mode=mode,
                             formatters=dict(known), point_policy="follow_mouse",
                             line_policy="nearest"))


def numbers(form: str) -> NumeralTickFormatter:
    """An axis whose figures are written like ``0,0`` or ``0 %``."""
    return NumeralTickFormatter(format=form)


def counted(count: int, what: str) -> str:
    """``1 trade``, ``2 trades``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def thinned(points: int, of: int, kept: str = "extremes") -> str:
    """``2,000 points for 525,600 bars, extremes kept``."""
    if points >= of:
        return f"{counted(of, 'bar')}, all of them"
    return f"{points:,} points for {of:,} bars, {kept} kept"
