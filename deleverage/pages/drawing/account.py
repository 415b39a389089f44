"""The account over time: equity, how deep under water, how near to liquidation."""

from __future__ import annotations

import numpy as np
from bokeh.models import FixedTicker, Span

from deleverage.charts.account import AccountChart
from deleverage.charts.distance import DistanceMap
from deleverage.pages.drawing.colours import paint
from deleverage.pages.drawing.frame import (
    MILLISECOND,
    WHEN,
    Absent,
    Chart,
    Clock,
    Key,
    fit,
    hover,
    milliseconds,
    numbers,
    source,
    thinned,
    timed,
)


def equity(clock: Clock, account: AccountChart, start: float, quote: str) -> Chart:
    """Equity at mark, and how low it went inside the bars."""
    made = timed("equity", clock, 260)
    data = source(t=milliseconds(account.close_ns), equity=account.equity, worst=account.worst)
    band = made.varea("t", "worst", "equity", source=data, fill_alpha=0.5)
    paint(band.glyph, fill_color="worst")
    line = made.line("t", "equity", source=data, line_width=1.6)
    paint(line.glyph, line_color="equity")
    made.add_layout(paint(Span(location=start, dimension="width", line_dash="dashed",
                               line_width=1), line_color="muted"))
    fit(made, data, "equity", "worst")
    made.yaxis.formatter = numbers("0,0")
    made.yaxis.axis_label = quote
    hover(made, [line], [WHEN, (f"equity, {quote}", "@equity{0,0.00}"),
                         ("lowest inside", "@worst{0,0.00}")])
    return Chart("equity", "Equity at mark", made, "", thinned(len(account), account.bars),
                 (Key("equity", "at the close"), Key("worst", "lowest inside the bars", "area"),
                  Key("muted", "opening wallet", "dash")), timed=True)


def under_water(clock: Clock, account: AccountChart) -> Chart:
    """Drawdown from the highest equity so far, at its worst inside the bars."""
    made = timed("underwater", clock, 180)
    data = source(t=milliseconds(account.close_ns), depth=-account.under_water)
    area = made.varea("t", 0.0, "depth", source=data, fill_alpha=0.45)
    paint(area.glyph, fill_color="loss")
    line = made.line("t", "depth", source=data, line_width=1.2)
    paint(line.glyph, line_color="loss")
    fit(made, data, "depth")
    made.y_range.end = 0.0
    made.yaxis.formatter = numbers("0.[0] %")
    hover(made, [line], [WHEN, ("under water", "@depth{0.00 %}")])
    return Chart("underwater", "Under water, worst inside the bars", made, "",
                 thinned(len(account), account.bars),
                 (Key("loss", "below the highest equity so far", "area"),), timed=True)


def distance(clock: Clock, found: DistanceMap | None) -> Chart | Absent:
    """When a position stood how close to its liquidation price; the stronger the longer."""
    title = "Time and distance to liquidation"
    if found is None or not found.hours.any():
        why = ("nothing was held to a bar's close" if found is None else
               f"no mark could liquidate what was held ({found.no_price_h:,.1f} h)")
        return Absent("distance", title, why)
    made = timed("distance", clock, 230)
    made.y_range.range_padding = 0
    row, column = np.nonzero(found.hours)
    spent, edges = found.hours[row, column], found.edge_ns / MILLISECOND
    data = source(left=edges[column], right=edges[column + 1], t=edges[column],
                  bottom=row.astype(float), top=row + 1.0, hours=spent,
                  row=[found.labels[each] for each in row],
                  alpha=0.25 + 0.75 * spent / spent.max())
    cells = made.quad("left", "right", "top", "bottom", source=data, fill_alpha="alpha",
                      line_alpha="alpha", line_width=0.5)
    paint(cells.glyph, fill_color="heat", line_color="heat")
    places = np.arange(len(found.labels)) + 0.5
    made.yaxis.ticker = FixedTicker(ticks=places.tolist())
    made.yaxis.major_label_overrides = dict(zip(places.tolist(), found.labels, strict=True))
    made.y_range.start, made.y_range.end = 0, len(found.labels)
    made.ygrid.visible = False
    hover(made, [cells], [("from, UTC", "@t{%F %H:%M}"), ("distance", "@row"),
                          ("held", "@hours{0,0.0} h")], mode="mouse")
    beside = "" if not found.no_price_h else (
        f" Not shown: {found.no_price_h:,.1f} h held where no mark could liquidate.")
    return Chart("distance", title, made,
                 f"The lowest row is the nearest to liquidation, in % of the mark.{beside}",
                 f"{len(spent):,} cells, {found.hours.shape[1]:,} spans of time",
                 (Key("heat", "the stronger, the longer", "square"),), timed=True)
