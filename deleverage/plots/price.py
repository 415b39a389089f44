"""Price with what was done on it, and what was liquidated in the market below."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from deleverage.charts.account import account_chart
from deleverage.charts.deeds import ENTRY, EXIT, LIQUIDATION, REDUCTION, Deed, deeds, levels
from deleverage.columns import Floats
from deleverage.detectors.levels import Level
from deleverage.plots import described, marks, scales, style
from deleverage.plots.paper import RIGHT, Paper
from deleverage.plots.venues import venues
from deleverage.plots.words import shortened
from deleverage.results import RunResult
from deleverage.statistics.closeups import CloseUp
from deleverage.statistics.overview import Overview

_REACH = 0.35  # of the price's span: how far a liquidation price or level may stretch the picture
_LEVEL_ROOM = 0.85  # inches beside the panel

# kind, side (0: both), words, marker, its size, filled, colour
_LOOKS = (
    (ENTRY, 1, "entry, long", "^", 6.5, True, style.BLUE),
    (ENTRY, -1, "entry, short", "v", 6.5, True, style.ORANGE),
    (EXIT, 0, "exit", "o", 5.5, False, style.BLACK),
    (LIQUIDATION, 0, "liquidated", "X", 7.5, True, style.VERMILLION),
    (REDUCTION, 0, "reduced by the venue", "D", 7.0, False, style.VERMILLION),
)


def price(result: RunResult) -> Paper | None:
    """The picture of a run; None where its result holds no market."""
    market = result.overview
    if market is None or not len(market):
        return None
    done = deeds(result.trades, result.journal.liquidations)
    low, high = limits(market, done)
    near, far = _levels(levels(result.provenance.params), low, high)
    below = [1.75] if market.long_usd else []
    quote = result.provenance.quote
    paper = Paper(described.title("Price and what was done", result.synthetic),
                  described.subtitle(result), [3.9, *below],
                  described.small_print(result, described.points_of(result, len(market),
                                                                    market.bars)),
                  right=_LEVEL_ROOM if near else RIGHT)
    axes = paper.panels[0]
    paper.head(0, f"Price, {quote}")
    axes.set_ylabel(f"price, {quote}")
    band(axes, market)
    forced = _liquidation_price(result)
    scales.amounts(axes, *stretched(low, high, [
        *forced[1:], *(np.array([level.low, level.high]) for level in near)]))
    paper.notes += draw_liquidation_price(axes, forced)
    points(axes, done)
    _draw_levels(axes, near)
    _level_names(axes, near, paper.heights[0], paper.across)
    paper.notes += [f"level {level} is outside the picture" for level in far]
    zone = scales.time_axis(axes, int(market.close_ns[0]), int(market.close_ns[-1]))
    if below:
        paper.head(1, venues(paper.panels[1], market, result.provenance.walked_step_ns))
    paper.panels[-1].set_xlabel(zone)
    return paper


def band(axes: Axes, market: Overview | CloseUp) -> None:
    """Lowest to highest of each point, and the close."""
    at = scales.when(market.close_ns)
    axes.fill_between(at, market.low, market.high, color=style.MIDDLE, linewidth=0.6,
                      label="low to high", gid="band", zorder=1.5)
    marks.curve(axes, at, market.close, "close", color=style.BLACK, linewidth=0.8, label="close",
                zorder=2.5)


def _liquidation_price(result: RunResult) -> tuple[Floats, ...]:
    """(when, price) as it moved; empty where no curves were recorded or nothing was ever held."""
    if result.recorded is None or not len(result.recorded):
        return ()
    chart = account_chart(result.recorded, result.daily.start)
    known = np.isfinite(chart.liquidation_price).any()
    return (scales.when(chart.close_ns), chart.liquidation_price) if known else ()


def draw_liquidation_price(axes: Axes, forced: Sequence[Floats]) -> list[str]:
    """Draw it; gives words for what of it lies beyond the ends of the axis."""
    if not forced:
        return []
    at, values = forced
    low, high = axes.get_ylim()
    known = values[np.isfinite(values)]
    beyond = known[(known < low) | (known > high)]
    nowhere = " (outside the picture)" if len(beyond) == len(known) else ""
    marks.curve(axes, at, values, "liquidation-price", color=style.VERMILLION, linewidth=1.3,
                drawstyle="steps-post", label=f"liquidation price{nowhere}", zorder=3.0)
    if not len(beyond):
        return []
    return [f"liquidation price outside the picture at {len(beyond):,} of {len(known):,} points "
            f"({scales.amount(round(float(beyond.min()), 2))} to "
            f"{scales.amount(round(float(beyond.max()), 2))})"]


def points(axes: Axes, done: Sequence[Deed]) -> None:
    """A marker each; the legend counts them by kind."""
    shrink = 1.0 if len(done) <= 60 else 0.75
    for kind, side, words, marker, size, filled, colour in _LOOKS:
        chosen = [deed for deed in done if deed.kind == kind and side in (0, deed.side)]
        if not chosen:
            continue
        marks.points(
            axes, scales.when(np.array([deed.ts for deed in chosen], dtype=np.int64)),
            np.array([deed.price for deed in chosen]), f"{kind}-{side}", marker=marker,
            markersize=size * shrink, markerfacecolor=colour if filled else "none",
            markeredgecolor="white" if filled else colour,
            markeredgewidth=0.6 if filled else 1.1, label=f"{words} ({len(chosen):,})",
            zorder={ENTRY: 6.5, LIQUIDATION: 7.0}.get(kind, 6.0), clip_on=False)


def limits(market: Overview | CloseUp, done: Sequence[Deed]) -> tuple[float, float]:
    """Lowest and highest price to be shown; NaN where none is known."""
    prices = np.concatenate((market.low, market.high, [deed.price for deed in done]))
    known = prices[np.isfinite(prices)]
    return (float(known.min()), float(known.max())) if len(known) else (np.nan, np.nan)


def stretched(low: float, high: float, wanted: Sequence[Floats]) -> tuple[float, float]:
    """Limits that take in what of ``wanted`` is not too far away."""
    reach = _reach(low, high)
    values = np.concatenate([*wanted, np.empty(0)])
    near = values[(values >= low - reach) & (values <= high + reach)]
    return min([low, *near.tolist()]), max([high, *near.tolist()])


def _levels(stood: Sequence[Level], low: float, high: float) -> tuple[list[Level], list[Level]]:
    """Those near enough to be drawn, and the others."""
    reach = _reach(low, high)
    near = [level for level in stood if level.high >= low - reach and level.low <= high + reach]
    return near, [level for level in stood if level not in near]


def _reach(low: float, high: float) -> float:
    return _REACH * ((high - low) or 0.02 * abs(high))


def _draw_levels(axes: Axes, near: Sequence[Level]) -> None:
    for number, level in enumerate(near):
        label = "level" if number == 0 else ""
        if level.low == level.high:
            axes.axhline(level.low, color=style.PURPLE, linewidth=1.1, linestyle=(0, (6, 3)),
                         label=label, gid=f"level-{number}", zorder=2.0)
        else:
            axes.axhspan(level.low, level.high, color=style.PURPLE, alpha=0.28, linewidth=0.0,
                         label=label, gid=f"level-{number}", zorder=1.2)


def _level_names(axes: Axes, stood: Sequence[Level], inches: float, across: float) -> None:
    """Names beside the panel, moved apart where levels are close; those without room are left."""
    low, high = axes.get_ylim()
    shown = [level for level in stood if low <= (level.low + level.high) / 2 <= high]
    places = [inches * ((level.low + level.high) / 2 - low) / (high - low) for level in shown]
    if len(shown) > inches / 0.15 - 1:
        kept = scales.roomy(places, 0.15)
        shown, places = [shown[i] for i in kept], [places[i] for i in kept]
    for level, place in zip(shown, scales.spread(places, 0.15, 0.06, inches - 0.06), strict=True):
        words = shortened(str(level), 72 * (_LEVEL_ROOM - 0.12), style.SMALL)
        axes.text(1 + 0.06 / across, place / inches, words, transform=axes.transAxes,
                  size=style.SMALL, color=style.BLACK, va="center", ha="left")
