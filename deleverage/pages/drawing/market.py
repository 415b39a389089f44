"""Price with what was done on it, and what was liquidated below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from bokeh.models import ColumnDataSource, Span
from bokeh.plotting import figure
from numpy.typing import NDArray

from deleverage.charts.account import AccountChart
from deleverage.charts.deeds import ENTRY, EXIT, LIQUIDATION, REDUCTION, Deed
from deleverage.columns import Floats, Ints
from deleverage.detectors.levels import Level
from deleverage.pages.drawing.colours import paint, series
from deleverage.pages.drawing.frame import (
    MILLISECOND,
    WHEN,
    Absent,
    Chart,
    Clock,
    Key,
    counted,
    fit,
    hover,
    milliseconds,
    numbers,
    source,
    thinned,
    timed,
)
from deleverage.statistics.closeups import CloseUp
from deleverage.statistics.overview import Overview
from deleverage.tearsheet.text import dollars
from deleverage.tearsheet.text import price as priced

_Column = Floats | NDArray[np.float32] | list[str]
_Stacked = tuple[dict[str, _Column], NDArray[np.bool_]]

DEEDS = 500  # marks of a kind; the last of more are left out, the trade table has them
CROWD = 16  # marks from which on they are smaller
SIGNS = {ENTRY: ("triangle", "entry", "up", "entry"),
         EXIT: ("inverted_triangle", "exit", "down", "exit"),
         LIQUIDATION: ("x", "liquidation", "cross", "liquidation"),
         REDUCTION: ("diamond", "liquidation", "square", "reduction by the venue")}


def price(clock: Clock, market: Overview, account: AccountChart | None, deeds: Sequence[Deed],
          levels: Sequence[Level], quote: str) -> Chart:
    """Low to high of every bucket, its close, levels, deeds and the liquidation price."""
    made = timed("price", clock, 380)
    level = _level_at(market.close_ns, account)
    near = _near(market, level)
    floor, roof = (market.low, market.high) if not near else (
        np.fmin(market.low, level), np.fmax(market.high, level))
    data = source(t=milliseconds(market.close_ns), low=market.low, high=market.high,
                  close=market.close, mark_low=market.mark_low, mark_high=market.mark_high,
                  level=level, level_said=list(map(priced, level)), floor=floor, roof=roof)
    band = made.varea("t", "low", "high", source=data, fill_alpha=0.35)
    paint(band.glyph, fill_color="band")
    line = made.line("t", "close", source=data, line_width=1.2)
    paint(line.glyph, line_color="price")
    keys = [Key("price", "last price, close"), Key("band", "low to high", "area")]
    tips = [WHEN, ("close", "@close{0,0.00}"), ("low, high", "@low{0,0.00}, @high{0,0.00}"),
            ("mark", "@mark_low{0,0.00}, @mark_high{0,0.00}")]
    if np.isfinite(level).any():
        _moved(made, data)
        keys.append(Key("liquidation", "liquidation price"))
        tips.append(("liquidation at", "@level_said"))
    keys += [*_levels(made, levels), *_deeds(made, deeds)]
    fit(made, data, "floor", "roof")
    made.yaxis.formatter = numbers("0,0.[00]")
    made.yaxis.axis_label = quote
    hover(made, [line], tips)
    cut = "" if len(deeds) <= DEEDS else f"; {DEEDS:,} at most of each kind of mark"
    return Chart("price", "Price, entries, exits and the liquidation price", made,
                 "" if near or not np.isfinite(level).any() else _far(level),
                 thinned(len(market), market.bars) + cut, tuple(keys), timed=True)


def _level_at(stamps: Ints, account: AccountChart | None) -> Floats:
    """The liquidation price in force at each stamp, NaN where there was none."""
    if account is None or not len(account):
        return np.full(len(stamps), np.nan)
    at = np.clip(np.searchsorted(account.close_ns, stamps), 0, len(account) - 1)
    return account.liquidation_price[at]


def _levels(made: figure, levels: Sequence[Level]) -> list[Key]:
    for edge in sorted({edge for each in levels for edge in (each.low, each.high)}):
        made.add_layout(paint(Span(location=edge, dimension="width", line_dash="dashed",
                                   line_width=1), line_color="level"))
    return [Key("level", f"levels {', '.join(map(str, levels))}", "dash")] if levels else []


def _moved(made: figure, data: ColumnDataSource) -> None:
    """The liquidation price as it moved; a gap where there was none."""
    line = made.step("t", "level", source=data, mode="before", line_width=2)
    paint(line.glyph, line_color="liquidation")


def _near(market: Overview | CloseUp, level: Floats) -> bool:
    """Whether the liquidation price fits the frame without pressing the price into a line."""
    if not np.isfinite(level).any():
        return False
    low, high = float(np.nanmin(market.low)), float(np.nanmax(market.high))
    room = max(high - low, 1e-9)
    return bool(np.nanmin(level) > low - room and np.nanmax(level) < high + room)


def _far(level: Floats) -> str:
    low, high = priced(float(np.nanmin(level))), priced(float(np.nanmax(level)))
    between = low if low == high else f"between {low} and {high}"
    return f"The liquidation price was {between}, outside this frame at least in part."


def _deeds(made: figure, deeds: Sequence[Deed]) -> list[Key]:
    """Markers by kind, each with its words; filled above a long, hollow above a short."""
    keys, size = [], 13 if len(deeds) <= CROWD else 9
    for kind, (marker, role, shape, words) in SIGNS.items():
        found = [deed for deed in deeds if deed.kind == kind][:DEEDS]
        if not found:
            continue
        data = source(t=milliseconds(np.array([deed.ts for deed in found])),
                      price=[deed.price for deed in found], text=[deed.text for deed in found],
                      filled=[0.85 if deed.side > 0 else 0.0 for deed in found])
        points = made.scatter("t", "price", source=data, size=size, marker=marker, line_width=2,
                              fill_alpha="filled")
        paint(points.glyph, line_color=role, fill_color=role)
        hover(made, [points], [("", "@text"), ("at", "@price{0,0.00}"), WHEN], mode="mouse")
        keys.append(Key(role, words, shape))
    if any(deed.side < 0 for deed in deeds):
        keys.append(Key("entry", "hollow: a short", "hollow"))
    return keys


def close_up(item: CloseUp, deeds: Sequence[Deed], quote: str) -> Chart:
    """One trade and the market around it, on the mark that decides about its life."""
    made = timed(f"trade-{item.number}",
                 Clock.over(int(item.close_ns[0]), int(item.close_ns[-1])), 300)
    level = item.liquidation_price
    near = _near(item, level)
    floor, roof = np.fmin(item.low, item.mark_low), np.fmax(item.high, item.mark_high)
    if near:
        floor, roof = np.fmin(floor, level), np.fmax(roof, level)
    data = source(t=milliseconds(item.close_ns), close=item.close, mark_low=item.mark_low,
                  mark_high=item.mark_high, level=level, level_said=list(map(priced, level)),
                  floor=floor, roof=roof)
    band = made.varea("t", "mark_low", "mark_high", source=data, fill_alpha=0.5)
    paint(band.glyph, fill_color="band")
    line = made.line("t", "close", source=data, line_width=1.2)
    paint(line.glyph, line_color="price")
    keys = [Key("price", "last price, close"), Key("band", "mark, low to high", "area")]
    if np.isfinite(level).any():
        _moved(made, data)
        keys.append(Key("liquidation", "liquidation price"))
    keys += _deeds(made, [deed for deed in deeds if deed.number == item.number])
    fit(made, data, "floor", "roof")
    made.yaxis.formatter = numbers("0,0.[00]")
    made.yaxis.axis_label = quote
    hover(made, [line], [WHEN, ("close", "@close{0,0.00}"),
                         ("mark", "@mark_low{0,0.00}, @mark_high{0,0.00}"),
                         ("liquidation at", "@level_said")])
    return Chart(f"trade-{item.number}", f"#{item.number}: {item.why}", made,
                 "" if near or not np.isfinite(level).any() else _far(level),
                 thinned(len(item), item.bars), tuple(keys), timed=True)


def liquidations(clock: Clock, market: Overview) -> Chart | Absent:
    """Liquidated USD by venue, stacked: shorts above zero, longs below."""
    title = "Liquidations by venue"
    venues = sorted({*market.long_usd, *market.short_usd},
                    key=lambda venue: -_total(market, venue))
    if not venues:
        return Absent("liquidations", title, "no liquidations table: nothing is known of them")
    made = timed("liquidations", clock, 240)
    columns, known = _stacked(market, venues)
    data = source(t=milliseconds(market.close_ns), **columns)
    step = float(np.median(np.diff(market.close_ns))) / MILLISECOND if len(market) > 1 else 60_000.0
    for side in ("short", "long"):
        drawn = made.vbar_stack([f"{side}{place}" for place in range(len(venues))], x="t",
                                width=step, source=data, line_width=1)
        for place, bar in enumerate(drawn):
            paint(bar.glyph, fill_color=series(place), line_color=series(place))
    zero = made.line("t", "zero", source=data, line_width=1)
    paint(zero.glyph, line_color="axis")
    fit(made, data, "shorts", "longs")
    hover(made, [zero], [WHEN, *((venue, ", ".join(
        f"@{side}{place}_said{_form(columns[f'{side}{place}_said'])} {side}s"
        for side in ("long", "short"))) for place, venue in enumerate(venues))])
    made.yaxis.formatter = numbers("$0.[0]a")
    made.yaxis.axis_label = "longs ↓   shorts ↑"
    quiet = int((~known).sum())
    return Chart("liquidations", title, made,
                 "" if not quiet else f"{quiet:,} of {counted(len(market), 'span')} without "
                 "coverage by any venue: nothing is known of them, which is not zero.",
                 thinned(len(market), market.bars, kept="sums"),
                 tuple(Key(series(place), venue, "square") for place, venue in enumerate(venues)),
                 timed=True)


def _stacked(market: Overview, venues: Sequence[str]) -> _Stacked:
    """Columns for both stacks, as drawn (nothing known is drawn as nothing) and as said; and where
    any venue is covered."""
    columns: dict[str, _Column] = {"zero": np.zeros(len(market))}
    known = np.zeros(len(market), dtype=bool)
    for side, sums, sign in (("short", market.short_usd, 1.0), ("long", market.long_usd, -1.0)):
        whole = np.zeros(len(market))
        for place, venue in enumerate(venues):
            usd = sums.get(venue, np.full(len(market), np.nan))
            known |= np.isfinite(usd)
            drawn = sign * np.nan_to_num(usd)
            columns[f"{side}{place}"] = drawn.astype(np.float32)
            columns[f"{side}{place}_said"] = _said(usd)
            whole += drawn
        columns[f"{side}s"] = whole
    return columns, known


def _said(usd: Floats) -> NDArray[np.float32] | list[str]:
    """Sums as tooltips give them: numbers, or words where some are not known."""
    return usd.astype(np.float32) if np.isfinite(usd).all() else list(map(dollars, usd))


def _form(column: _Column) -> str:
    """How a tooltip writes the column: words as they are."""
    return "" if isinstance(column, list) else "{$0.0a}"


def _total(market: Overview, venue: str) -> float:
    both: Sequence[Mapping[str, Floats]] = (market.long_usd, market.short_usd)
    return sum(float(np.nansum(sums[venue])) for sums in both if venue in sums)
