"""Drawdown on equity at mark, at the close of each bar and at the worst point inside it.

``DD_t = 1 − V_t ÷ max_{u ≤ t} V_u``, the opening wallet included in the maximum. Never on closed
trades: a position under water is a drawdown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from deleverage.columns import Floats, Ints
from deleverage.statistics import exact
from deleverage.statistics.quantiles import quantiles
from deleverage.statistics.spans import Spans


@dataclass(frozen=True, slots=True)
class DrawdownFigures:
    """Depths are fractions in [0, 1] of the peak, money ≥ 0 in quote currency.

    ``max`` at mark close, from the close ``peak_ns`` (None: the opening wallet) to ``trough_ns``,
    made good at ``recovered_ns`` (None: never). ``max_inside`` is the worst point inside a bar
    against the highest close before it. ``average`` is the mean of DD over all bars, ``ulcer`` the
    root of its mean square, ``cdar_95`` the mean of DD at or above its 95 % quantile,
    ``under_water`` the share of bars with DD > 0, ``longest_ns`` the longest time from a peak to
    its recovery or the end, ``drawdowns`` how many there were.
    """

    max: float
    max_usd: float
    peak_ns: int | None
    trough_ns: int | None
    recovered_ns: int | None
    max_inside: float
    max_inside_usd: float
    inside_peak_ns: int | None
    inside_trough_ns: int | None
    average: float
    ulcer: float
    cdar_95: float
    under_water: float
    longest_ns: int
    drawdowns: int


def underwater(equity: Floats, start: float) -> Floats:
    """DD per bar, in [0, 1]: 1 where nothing or less than nothing is left."""
    return _below(equity, np.maximum.accumulate(np.maximum(equity, start)))


def inside(equity: Floats, worst: Floats, start: float) -> Floats:
    """DD per bar at the worst point inside it, against the highest close BEFORE the bar."""
    return _inside(equity, worst, start, underwater(equity, start))


def cdar(depth: Floats, share: float, times: Ints | None = None) -> float:
    """Conditional drawdown at risk: mean of DD at or above its ``share`` quantile. ``times``: how
    many bars each value stands for (None: one)."""
    deep = depth >= quantiles(depth, (share,), times)[0]
    own = None if times is None else times[deep]
    return exact.total(depth[deep], own) / int(deep.sum() if own is None else own.sum())


def ulcer(depth: Floats, times: Ints | None = None) -> float:
    """Ulcer index: root of the mean square of DD; ``times`` as in :func:`cdar`."""
    count = len(depth) if times is None else int(times.sum())
    return math.sqrt(exact.total(depth**2, times) / count)


def drawdown(close_ns: Ints, equity: Floats, worst: Floats, start: float, start_ns: int,
             spans: Spans | None = None) -> DrawdownFigures:
    """Figures of an equity curve; ``start`` is the wallet at ``start_ns``, before the first bar.

    ``equity`` and ``worst`` (lowest inside the bar) are told once for each span, in whose further
    bars the lowest is the equity; None: for each bar.
    """
    if not len(equity):
        return DrawdownFigures(0.0, 0.0, None, None, None, 0.0, 0.0, None, None, 0.0, 0.0, 0.0,
                               0.0, 0, 0)
    spans = Spans.each(len(equity)) if spans is None else spans
    depth = underwater(equity, start)
    deepest = _inside(equity, worst, start, depth)
    peak, trough = extent(equity, depth, start)
    in_peak, in_trough = extent(equity, deepest, start)
    longest, count = _runs(close_ns, depth, start_ns, spans)
    top = start if peak < 0 else float(equity[peak])
    in_top = start if in_peak < 0 else float(equity[in_peak])
    any_depth, any_inside = bool(depth[trough] > 0), bool(deepest[in_trough] > 0)
    lowest = min(float(worst[in_trough]), float(equity[in_trough]))
    first, times = spans.first, spans.times
    return DrawdownFigures(
        max=float(depth[trough]), max_usd=top - float(equity[trough]) if any_depth else 0.0,
        peak_ns=int(close_ns[spans.last(peak)]) if any_depth and peak >= 0 else None,
        trough_ns=int(close_ns[first[trough]]) if any_depth else None,
        recovered_ns=_recovery(close_ns, depth, trough, spans) if any_depth else None,
        max_inside=float(deepest[in_trough]),
        max_inside_usd=in_top - lowest if any_inside else 0.0,
        inside_peak_ns=int(close_ns[spans.last(in_peak)]) if any_inside and in_peak >= 0 else None,
        inside_trough_ns=int(close_ns[first[in_trough]]) if any_inside else None,
        average=exact.total(depth, times) / spans.bars, ulcer=ulcer(depth, times),
        cdar_95=cdar(depth, 0.95, times),
        under_water=int(times[depth > 0].sum()) / spans.bars, longest_ns=longest, drawdowns=count,
    )


def extent(equity: Floats, depth: Floats, start: float) -> tuple[int, int]:
    """(peak, trough) of the deepest drawdown, as places in ``equity``; peak −1 is the opening
    wallet.

    Where the peak was held for some of them, the last: the fall begins there.
    """
    trough = int(np.argmax(depth))
    before = np.concatenate(([start], equity[:trough]))
    return trough - 1 - int(np.argmax(before[::-1])), trough


def _inside(equity: Floats, worst: Floats, start: float, depth: Floats) -> Floats:
    before = np.concatenate(([start], np.maximum(equity[:-1], start)))
    return np.maximum(_below(worst, np.maximum.accumulate(before)), depth)


def _below(value: Floats, peak: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = 1.0 - np.maximum(value, 0.0) / peak
    return np.minimum(np.fmax(depth, 0.0), 1.0)  # what is no number is no fall


def _recovery(close_ns: Ints, depth: Floats, trough: int, spans: Spans) -> int | None:
    later = np.flatnonzero(depth[trough:] == 0)
    return int(close_ns[spans.first[trough + later[0]]]) if len(later) else None


def _runs(close_ns: Ints, depth: Floats, start_ns: int, spans: Spans) -> tuple[int, int]:
    """(longest time from peak to recovery or end, number of drawdowns)."""
    wet = np.concatenate(([False], depth > 0, [False]))
    first = np.flatnonzero(wet[1:-1] & ~wet[:-2])
    after = np.flatnonzero(wet[1:-1] & ~wet[2:]) + 1
    if not len(first):
        return 0, 0
    bars = np.append(spans.first, spans.bars)
    before, ends = bars[first] - 1, np.minimum(bars[after], spans.bars - 1)
    peaks = np.where(before >= 0, close_ns[before], start_ns)
    return int((close_ns[ends] - peaks).max()), len(first)
