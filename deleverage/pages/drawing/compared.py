"""Several runs over one another, and the same scan of each beside the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from bokeh.models import Range1d, Span
from numpy.typing import NDArray

from deleverage.charts.compared import Overlay
from deleverage.charts.leverage import ScanCurve
from deleverage.pages.drawing.colours import SERIES, paint, series
from deleverage.pages.drawing.frame import (
    Absent,
    Chart,
    Clock,
    Key,
    hover,
    milliseconds,
    numbers,
    source,
    thinned,
    timed,
)
from deleverage.pages.drawing.leverage import ROLES, over_leverage, scan_line

SHOWN = len(SERIES)  # lines drawn at first; the others by a press
DASHES = ("solid", "dashed", "dotted")  # after each round through the colours
HIGHEST = 3.0  # +300 %: returns above it would press all others into a line
NO_CURVES = "none of the results has curves recorded"


@dataclass(frozen=True, slots=True)
class Switch:
    """A button that shows or hides one run's lines."""

    run: str
    text: str
    role: str
    shape: str
    on: bool


def switches(runs: Sequence[Overlay]) -> list[Switch]:
    """One a run, in the order of the ranking."""
    return [Switch(f"run-{place}", run.name, series(place), _shape(place), place < SHOWN)
            for place, run in enumerate(runs)]


def _dash(place: int) -> str:
    return DASHES[place // len(SERIES) % len(DASHES)]


def _shape(place: int) -> str:
    return {"solid": "line", "dashed": "dash", "dotted": "dots"}[_dash(place)]


def growth(clock: Clock, runs: Sequence[Overlay]) -> Chart | Absent:
    """Equity of every run as a share of its opening wallet."""
    title = "Equity, opening wallet = 100 %"
    if not runs:
        return Absent("growth", title, NO_CURVES)
    return _over("growth", title, clock, runs, [run.growth for run in runs], 320)


def under_water(clock: Clock, runs: Sequence[Overlay]) -> Chart | Absent:
    """Drawdown of every run, at its worst inside the bars."""
    title = "Under water, worst inside the bars"
    if not runs:
        return Absent("underwater", title, NO_CURVES)
    return _over("underwater", title, clock, runs, [-run.chart.under_water for run in runs], 220)


def _over(name: str, title: str, clock: Clock, runs: Sequence[Overlay],
          values: Sequence[NDArray[np.float64]], height: int) -> Chart:
    made = timed(name, clock, height)
    lines = []
    for place, (run, line) in enumerate(zip(runs, values, strict=True)):
        data = source(t=milliseconds(run.chart.close_ns), value=line)
        drawn = made.line("t", "value", source=data, line_width=1.8, line_dash=_dash(place),
                          name=f"run-{place}", visible=place < SHOWN)
        paint(drawn.glyph, line_color=series(place))
        lines.append(drawn)
        hover(made, [drawn], [("", run.name), ("UTC", "@t{%F %H:%M}"), ("", "@value{0.00 %}")],
              mode="mouse")
    made.y_range.renderers, made.y_range.only_visible = lines, True
    made.yaxis.formatter = numbers("0 %")
    points, bars = (sum(each) for each in zip(*(
        (len(run.chart), run.chart.bars) for run in runs), strict=True))
    return Chart(name, title, made, "", f"{len(runs)} runs, {thinned(points, bars)}", timed=True)


def scans(curves: Sequence[tuple[str, Sequence[ScanCurve]]]) -> tuple[Chart | Absent, ...]:
    """The scans of every run, a small chart each, all in one frame of leverage and return."""
    known = [curve for _, found in curves for curve in found]
    if not known:
        return (Absent("scans", "Return by leverage", "no scan with a trade in any of the runs"),)
    low = min(float(curve.total_return.min()) for curve in known)
    high = max(float(curve.total_return.max()) for curve in known)
    room = 0.06 * (min(high, HIGHEST) - low or 1.0)
    frame = Range1d(min(low, 0.0) - room, max(min(high, HIGHEST), 0.0) + room)
    most = max(float(curve.leverage.max()) for curve in known)
    return tuple(_small(place, name, found, frame, most, beyond=high > HIGHEST)
                 for place, (name, found) in enumerate(curves, start=1))


def _small(place: int, name: str, curves: Sequence[ScanCurve], frame: Range1d, most: float,
           beyond: bool) -> Chart | Absent:
    label = f"scan-{place}"
    if not curves:
        return Absent(label, name, "no scan with a trade")
    made = over_leverage(label, 190, most)
    made.y_range, made.min_border_left = frame, 56
    made.add_layout(paint(Span(location=0, dimension="width", line_width=1), line_color="muted"))
    cut = ""
    for curve, role in zip(curves, ROLES, strict=False):
        scan_line(made, curve, role, size=5)
        if beyond and bool((curve.total_return > HIGHEST).any()):
            cut = f"Above {100 * HIGHEST:+.0f} % it leaves the frame. "
    made.yaxis.formatter = numbers("+0 %")
    made.yaxis.ticker.desired_num_ticks = 4
    return Chart(label, name, made, cut.strip(), f"{sum(map(len, curves))} runs")


def scan_keys() -> tuple[Key, ...]:
    """The legend that all small charts share."""
    return (Key(ROLES[0], "same margin fraction"), Key(ROLES[1], "same notional"),
            Key("liquidation", "liquidated at least once", "cross"))
