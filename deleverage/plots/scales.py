"""Axes: time in UTC, money and prices, leverage. Ticks that have no room are left out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal

import matplotlib.dates
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, MaxNLocator

from deleverage.columns import Floats, Ints
from deleverage.timestamps import DAY, HOUR, MINUTE, SECOND

_STEPS = (SECOND, 5 * SECOND, 15 * SECOND, 30 * SECOND,
          MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
          HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 3 * DAY, 7 * DAY, 14 * DAY)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
_TICKS = 8  # dates that fit beside one another


def when(stamps: Ints) -> Floats:
    """UTC nanoseconds as matplotlib's days."""
    days: Floats = np.asarray(matplotlib.dates.date2num(stamps.astype("datetime64[ns]")))
    return days


def time_axis(axes: Axes, first_ns: int, last_ns: int) -> str:
    """From ``first_ns`` to ``last_ns`` with a little air, ticks at equal and round distances.

    Gives what belongs below the axis: the zone, and the day where the ticks say hours only.
    """
    air = max(int(0.012 * (last_ns - first_ns)), MINUTE)
    low, high = first_ns - air, last_ns + air
    ends = when(np.array([low, high], dtype=np.int64))
    axes.set_xlim(float(ends[0]), float(ends[1]))
    stamps, unit = time_ticks(low, high)
    days = stamps // DAY
    said = [str(np.datetime_as_string(stamp, unit)) for stamp in stamps.astype("datetime64[ns]")]
    one_day = unit != "D" and len(set(days.tolist())) == 1
    if unit != "D":  # 2026-01-28T06:00: the year is in the small print
        said = [text.partition("T")[2] if one_day else text[5:].replace("T", " ") for text in said]
    axes.xaxis.set_major_locator(FixedLocator(when(stamps).tolist()))
    axes.xaxis.set_major_formatter(FixedFormatter(said))
    return f"UTC, {np.datetime64(int(stamps[0]), 'ns').astype('datetime64[D]')}" \
        if one_day else "UTC"


def time_ticks(low: int, high: int) -> tuple[Ints, Literal["D", "m", "s"]]:
    """Round instants between ``low`` and ``high``, at most eight, and the unit they are told in."""
    for step in _STEPS:
        first, last = -(-low // step), high // step
        if last - first < _TICKS:
            stamps = np.arange(first, last + 1, dtype=np.int64) * step
            return stamps, "D" if step >= DAY else "m" if step >= MINUTE else "s"
    begin, end = (int(np.datetime64(moment, "ns").astype("datetime64[M]").astype(np.int64))
                  for moment in (low, high))
    for months in _MONTHS:
        counted = np.arange(-(-begin // months), end // months + 1, dtype=np.int64) * months
        stamps = counted.astype("datetime64[M]").astype("datetime64[ns]").astype(np.int64)
        stamps = stamps[(stamps >= low) & (stamps <= high)]
        if len(stamps) <= _TICKS:
            break
    return stamps, "D"


def amount(value: float, _: object = None) -> str:
    """``1,250``, ``2.5M``, ``1.2e-05``: a tick of money or price, without noise in its digits."""
    if not math.isfinite(value):
        return ""
    for size, unit in ((1e9, "bn"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:,.6g}{unit}"
    return f"{value:.4g}" if 0 < abs(value) < 1e-3 else f"{value + 0.0:,.10g}"


def amounts(axes: Axes, low: float, high: float, air: float = 0.05) -> None:
    """The vertical axis from ``low`` to ``high`` with ``air`` as a share of the span."""
    span = high - low
    if not math.isfinite(span):
        low, high, span = 0.0, 1.0, 1.0
    if span <= 1e-9 * max(abs(low), abs(high)):
        span = 0.02 * abs(high) or 1.0
        low, high = low - span / 2, high + span / 2
    axes.set_ylim(low - air * span, high + air * span)
    axes.yaxis.set_major_locator(MaxNLocator(nbins="auto", steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(amount))


def counts(axes: Axes, most: float) -> None:
    """The vertical axis of a count from 0 on; its ticks are whole."""
    axes.set_ylim(-0.08 * max(most, 1.0), 1.15 * max(most, 1.0))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(amount))


def leverage_axis(axes: Axes, leverages: Iterable[float], inches: float) -> None:
    """A logarithmic axis with a tick at each of ``leverages`` that has room in ``inches``."""
    wanted = sorted({value for value in leverages if value > 0.0})
    axes.set_xscale("log")
    low, high = wanted[0] / 1.15, wanted[-1] * 1.15
    axes.set_xlim(low, high)
    kept = roomy([inches * math.log(value / low) / math.log(high / low) for value in wanted], 0.34)
    axes.xaxis.set_major_locator(FixedLocator([wanted[place] for place in kept]))
    axes.xaxis.set_major_formatter(FixedFormatter([f"{wanted[place]:g}x" for place in kept]))
    axes.xaxis.set_minor_locator(FixedLocator([]))


def roomy(places: Sequence[float], apart: float) -> list[int]:
    """Indices of ascending ``places`` that are at least ``apart``: first and last are kept."""
    kept: list[int] = []
    for index, place in enumerate(places):
        if not kept or place - places[kept[-1]] >= apart:
            kept.append(index)
    last = len(places) - 1
    if kept and kept[-1] != last:
        kept = [index for index in kept if places[last] - places[index] >= apart] + [last]
    return kept


def spread(places: Sequence[float], apart: float, low: float, high: float) -> list[float]:
    """Ascending ``places`` moved as little as keeps them ``apart`` and between the ends."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, low, moved[-1] + apart if moved else low))
    for index in range(len(moved) - 1, -1, -1):
        above = moved[index + 1] - apart if index + 1 < len(moved) else high
        moved[index] = min(moved[index], above)
    return moved


def span_words(span_ns: float) -> str:
    """``54 min``, ``4.4 h``, ``3.7 days``."""
    if span_ns < HOUR:
        return f"{span_ns / MINUTE:.3g} min"
    return f"{span_ns / HOUR:.3g} h" if span_ns < 2 * DAY else f"{span_ns / DAY:.3g} days"
