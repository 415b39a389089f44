"""Drawdown on equity at mark, at the close of each bar and at the worst point inside it.

``DD_t = 1 − V_t ÷ max_{u ≤ t} V_u``, the opening wallet included in the maximum. Never on closed
trades: a position under water is a drawdown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deleverage.columns import Floats, Ints


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
    before = np.concatenate(([start], np.maximum(equity[:-1], start)))
    return np.maximum(_below(worst, np.maximum.accumulate(before)), underwater(equity, start))


def cdar(depth: Floats, share: float) -> float:
    """Conditional drawdown at risk: mean of DD at or above its ``share`` quantile."""
    return float(depth[depth >= np.quantile(depth, share)].mean())


def ulcer(depth: Floats) -> float:
    """Ulcer index: root of the mean square of DD."""
    return float(np.sqrt(np.mean(depth**2)))


def drawdown(close_ns: Ints, equity: Floats, worst: Floats, start: float,
             start_ns: int) -> DrawdownFigures:
    """Figures of an equity curve; ``start`` is the wallet at ``start_ns``, before the first bar."""
    if not len(equity):
        return DrawdownFigures(0.0, 0.0, None, None, None, 0.0, 0.0, None, None, 0.0, 0.0, 0.0,
                               0.0, 0, 0)
    depth, deepest = underwater(equity, start), inside(equity, worst, start)
    peak, trough = extent(equity, depth, start)
    in_peak, in_trough = extent(equity, deepest, start)
    longest, count = _runs(close_ns, depth, start_ns)
    top = start if peak < 0 else float(equity[peak])
    in_top = start if in_peak < 0 else float(equity[in_peak])
    any_depth, any_inside = bool(depth[trough] > 0), bool(deepest[in_trough] > 0)
    lowest = min(float(worst[in_trough]), float(equity[in_trough]))
    return DrawdownFigures(
        max=float(depth[trough]), max_usd=top - float(equity[trough]) if any_depth else 0.0,
        peak_ns=int(close_ns[peak]) if any_depth and peak >= 0 else None,
        trough_ns=int(close_ns[trough]) if any_depth else None,
        recovered_ns=_recovery(close_ns, depth, trough) if any_depth else None,
        max_inside=float(deepest[in_trough]),
        max_inside_usd=in_top - lowest if any_inside else 0.0,
        inside_peak_ns=int(close_ns[in_peak]) if any_inside and in_peak >= 0 else None,
        inside_trough_ns=int(close_ns[in_trough]) if any_inside else None,
        average=float(depth.mean()), ulcer=ulcer(depth), cdar_95=cdar(depth, 0.95),
        under_water=float(np.mean(depth > 0)), longest_ns=longest, drawdowns=count,
    )


def extent(equity: Floats, depth: Floats, start: float) -> tuple[int, int]:
    """(peak, trough) bars of the deepest drawdown; peak −1 is the opening wallet.

    Where the peak was held for some bars, the last of them: the fall begins there.
    """
    trough = int(np.argmax(depth))
    before = np.concatenate(([start], equity[:trough]))
    return trough - 1 - int(np.argmax(before[::-1])), trough


def _below(value: Floats, peak: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = 1.0 - np.maximum(value, 0.0) / peak
    return np.minimum(np.fmax(depth, 0.0), 1.0)  # what is no number is no fall


def _recovery(close_ns: Ints, depth: Floats, trough: int) -> int | None:
    later = np.flatnonzero(depth[trough:] == 0)
    return int(close_ns[trough + later[0]]) if len(later) else None


def _runs(close_ns: Ints, depth: Floats, start_ns: int) -> tuple[int, int]:
    """(longest time from peak to recovery or end, number of drawdowns)."""
    wet = np.concatenate(([False], depth > 0, [False]))
    first = np.flatnonzero(wet[1:-1] & ~wet[:-2])
    after = np.flatnonzero(wet[1:-1] & ~wet[2:]) + 1
    if not len(first):
        return 0, 0
    stamps = np.concatenate(([start_ns], close_ns))  # stamps[i] is the close before bar i
    ends = stamps[np.minimum(after + 1, len(close_ns))]
    return int((ends - stamps[first]).max()), len(first)
