"""What each leverage would have met: both scans, and how many trades survive."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from bokeh.models import FixedTicker, LinearAxis, Range1d, Span
from bokeh.plotting import figure

from deleverage.charts.leverage import FrontierCurve, ScanCurve
from deleverage.pages.drawing.colours import paint
from deleverage.pages.drawing.frame import (
    Absent,
    Chart,
    Key,
    counted,
    dressed,
    hover,
    numbers,
    plain,
    source,
)

TICKS = (1, 2, 3, 5, 10, 20, 50, 100)
ROLES = ("equity", "level")
NOT_RUN = "no scan: the run was made without it (--no-scan)"


def over_leverage(name: str, height: int, highest: float = 125.0) -> figure:
    """An empty chart over leverage, on a logarithmic axis."""
    made = plain(name, height, x_axis_type="log", x_range=Range1d(0.9, 1.15 * max(highest, 2.0)))
    made.xaxis.ticker = FixedTicker(ticks=list(TICKS))
    made.xaxis.major_label_overrides = {tick: f"{tick}x" for tick in TICKS}
    made.xgrid.ticker = made.xaxis.ticker
    return made


def scan(curves: Sequence[ScanCurve], base: float, ran: bool) -> Chart | Absent:
    """Return by set leverage under both scans; a cross where the run was liquidated."""
    title = "Return by leverage"
    if not curves:
        why = "nothing was traded at any leverage" if ran else NOT_RUN
        return Absent("scan", title, why)
    highest = max(float(curve.leverage.max()) for curve in curves)
    made = over_leverage("scan", 300, highest)
    keys = [scan_line(made, curve, role) for curve, role in zip(curves, ROLES, strict=False)]
    made.add_layout(paint(Span(location=0, dimension="width", line_width=1), line_color="muted"))
    made.add_layout(paint(Span(location=base, dimension="height", line_width=1,
                               line_dash="dashed"), line_color="muted"))
    made.yaxis.formatter = numbers("+0,0 %")
    keys += [Key("liquidation", "liquidated at least once", "cross"),
             Key("muted", f"the run itself, {base:g}x", "dash")]
    return Chart("scan", title, made, "",
                 f"{sum(map(len, curves))} runs, each made again from the first bar", tuple(keys))


def scan_line(made: figure, curve: ScanCurve, role: str, size: int = 8) -> Key:
    """One scan's line: a point where it lived, a cross where it was liquidated."""
    data = source(leverage=curve.leverage, result=curve.total_return, drop=curve.max_drawdown,
                  killed=curve.liquidations, alive=(curve.liquidations == 0).astype(float))
    line = made.line("leverage", "result", source=data, line_width=2)
    points = made.scatter("leverage", "result", source=data, size=size, fill_alpha="alive",
                          line_alpha="alive")
    paint(line.glyph, line_color=role)
    paint(points.glyph, line_color=role, fill_color=role)
    dead = curve.liquidations > 0
    if dead.any():
        crosses = made.scatter("leverage", "result", marker="x", size=size + 4, line_width=2.5,
                               source=source(leverage=curve.leverage[dead],
                                             result=curve.total_return[dead]))
        paint(crosses.glyph, line_color="liquidation")
    hover(made, [points], [("leverage", "@leverage{0.[0]}x"), ("scan", curve.name),
                           ("return", "@result{+0,0.00 %}"), ("drawdown", "@drop{0.00 %}"),
                           ("liquidations", "@killed{0,0}")], mode="mouse")
    return Key(role, curve.name)


def frontier(curve: FrontierCurve | None, quote: str) -> Chart | Absent:
    """The share of trades that survive at each leverage, and what all of them would make."""
    title = "Trades that survive, and what all of them make"
    if curve is None:
        return Absent("frontier", title, "no trade could be replayed")
    made = over_leverage("frontier", 300, float(curve.leverage.max()))
    made.y_range = Range1d(0, 1.04)
    data = source(leverage=curve.leverage, share=curve.share, net=curve.net,
                  granted=curve.granted)
    area = made.varea_step("leverage", 0.0, "share", source=data, fill_alpha=0.15)
    paint(area.glyph, fill_color="equity")
    line = made.step("leverage", "share", source=data, line_width=2)
    paint(line.glyph, line_color="equity")
    low, high = float(curve.net.min()), float(curve.net.max())
    room = 0.08 * max(high - low, abs(high), 1.0)
    made.extra_y_ranges = {"net": Range1d(min(low, 0.0) - room, max(high, 0.0) + room)}
    made.add_layout(LinearAxis(y_range_name="net", axis_label=f"net, {quote}",
                               formatter=numbers("+0,0")), "right")
    money = made.step("leverage", "net", source=data, y_range_name="net", line_width=1.6,
                      line_dash="dashed")
    paint(money.glyph, line_color="loss")
    dressed(made)
    made.yaxis[0].formatter = numbers("0 %")
    hover(made, [line], [("leverage", "@leverage{0}x"), ("survive", "@share{0.0 %}"),
                         ("of trades", "@granted{0,0}"), (f"net, {quote}", "@net{+0,0.00}")])
    return Chart("frontier", title, made, "",
                 f"{len(curve.leverage):,} leverages, {counted(curve.trades, 'trade')} replayed",
                 (Key("equity", "trades that survive, left", "line"),
                  Key("loss", f"net of all trades in {quote}, right", "dash")))


def liquidated_by_leverage(curves: Sequence[ScanCurve]) -> Chart | None:
    """How often each leverage was liquidated, under both scans; None where none ever was."""
    if not any(curve.liquidations.any() for curve in curves):
        return None
    levels = np.unique(np.concatenate([curve.leverage for curve in curves]))
    made = plain("scan-liquidations", 200, x_range=[f"{level:g}x" for level in levels])
    keys, width = [], 0.38
    for place, (curve, role) in enumerate(zip(curves, ROLES, strict=False)):
        at = np.searchsorted(levels, curve.leverage) + 0.5 + (place - 0.5) * (width + 0.04)
        data = source(x=at, count=curve.liquidations,
                      leverage=[f"{level:g}x" for level in curve.leverage])
        bars = made.vbar("x", width, "count", source=data, line_width=0)
        paint(bars.glyph, fill_color=role)
        hover(made, [bars], [("leverage", "@leverage"), ("scan", curve.name),
                             ("liquidations", "@count{0,0}")], mode="mouse")
        keys.append(Key(role, curve.name, "square"))
    made.y_range.start = 0
    made.xgrid.visible = False
    made.yaxis.formatter = numbers("0,0")
    made.yaxis.ticker.min_interval = 1
    return Chart("scan-liquidations", "Liquidations by leverage", made, "",
                 f"{sum(map(len, curves))} runs", tuple(keys))
