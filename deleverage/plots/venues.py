"""Liquidations of the market by venue: shorts upwards, longs downwards, gaps hatched."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from deleverage.columns import Floats, Ints
from deleverage.plots import scales, style
from deleverage.plots.described import cut
from deleverage.statistics import thinning
from deleverage.statistics.overview import Overview

COLUMNS = 300  # bars of the panel: thinner ones would be paler than what they stand for
_TOLD = 6  # venues with a colour of their own
_COLOURS = (*style.SERIES[:_TOLD], style.PALE)


def venues(axes: Axes, market: Overview, step_ns: int) -> str:
    """Draw the panel; gives its heading. ``market`` has at least one venue, ``step_ns`` is the
    length of one of its bars."""
    starts = thinning.buckets(len(market), COLUMNS)
    edges = _edges(market.close_ns, thinning.last_of(starts, len(market)),
                   step_ns * market.bars)
    reach = [0.0, 0.0]
    names = _ordered(market)
    for sign, side, by_venue in ((1, "short", market.short_usd), (-1, "long", market.long_usd)):
        level = np.zeros(len(starts))
        for place, (label, members) in enumerate(names):
            sums = _summed(by_venue, members, starts)
            _bars(axes, edges, level, level + sign * sums, f"{side}-{place}", _COLOURS[place],
                  label if sign > 0 else None)
            level = level + sign * sums
        reach[sign > 0] = float(level.min() if sign < 0 else level.max())
    _uncovered(axes, market, starts, edges)
    axes.axhline(0.0, color=style.GREY, linewidth=0.7)
    scales.amounts(axes, reach[0], reach[1], air=0.06)
    if not any(reach):
        axes.set_ylim(-1.0, 1.0)
    axes.set_ylabel("USD")
    span = scales.span_words((float(edges[-1]) - float(edges[0])) * 86_400e9 / len(starts))
    return f"Liquidated in the market, USD in {span}: shorts above zero, longs below"


def _edges(close_ns: Ints, ends: Ints, whole: int) -> Floats:
    """Where the bars begin and end, in days; ``whole``: nanoseconds of a market of one bucket."""
    last = close_ns[ends]
    step = int(close_ns[1] - close_ns[0]) if len(close_ns) > 1 else whole
    return scales.when(np.append(close_ns[0] - step, last))


def _ordered(market: Overview) -> list[tuple[str, list[str]]]:
    """(label, venues) by what was liquidated there; the smallest share one colour."""
    sums = {name: float(np.nansum(market.long_usd.get(name, 0.0))
                        + np.nansum(market.short_usd.get(name, 0.0)))
            for name in {**market.long_usd, **market.short_usd}}
    ranked = sorted(sums, key=lambda name: (-sums[name], name))
    rest = ranked[_TOLD:] if len(ranked) > _TOLD + 1 else []
    alone = ranked[:len(ranked) - len(rest)]
    labels = [("all venues" if name == "all" else cut(name, 24), [name]) for name in alone]
    return labels + ([(f"{len(rest)} others", rest)] if rest else [])


def _summed(by_venue: Mapping[str, Floats], members: list[str], starts: Ints) -> Floats:
    total = np.zeros(len(starts))
    for name in members:
        if name in by_venue:
            total += np.nan_to_num(thinning.added(by_venue[name], starts))
    return total


def _bars(axes: Axes, edges: Floats, low: Floats, high: Floats, gid: str, colour: str,
          label: str | None) -> None:
    """One rectangle a bucket in which anything was liquidated."""
    there = np.flatnonzero(high != low)
    corners = [[(edges[i], low[i]), (edges[i + 1], low[i]), (edges[i + 1], high[i]),
                (edges[i], high[i])] for i in there]
    made = PolyCollection(corners, facecolors=colour, edgecolors=colour, linewidths=0.25,
                          gid=f"venue-{gid}", zorder=2.0)
    if label is not None:
        made.set_label(label)
    axes.add_collection(made, autolim=False)


def _uncovered(axes: Axes, market: Overview, starts: Ints, edges: Floats) -> None:
    """Hatching where nothing is known of any venue: a gap is not a zero."""
    known = np.zeros(len(starts), dtype=bool)
    for values in (*market.long_usd.values(), *market.short_usd.values()):
        known |= np.isfinite(thinning.added(values, starts))
    if known.all():
        return
    change = np.flatnonzero(np.diff(np.concatenate(([False], ~known, [False]))))
    for place, (first, stop) in enumerate(zip(change[::2], change[1::2], strict=True)):
        axes.axvspan(edges[first], edges[stop], facecolor="none", edgecolor=style.PALE,
                     hatch="///", linewidth=0.0, zorder=1.0, gid=f"uncovered-{place}",
                     label="not covered" if place == 0 else "")
