"""Runs over one another: equity, under water, the leverage scans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from deleverage import timestamps
from deleverage._version import __version__
from deleverage.charts.compared import Overlay, overlays
from deleverage.charts.leverage import ScanCurve, scan_curves
from deleverage.compare import Comparison
from deleverage.plots import described, marks, scales, style
from deleverage.plots.paper import Paper
from deleverage.results import RunResult
from deleverage.statistics.leverage_scan import SAME_FRACTION, SAME_NOTIONAL

MOST = len(style.SERIES) * len(style.DASHES)  # lines that can be told apart


def compared_equity(comparison: Comparison) -> Paper | None:
    """Equity of every run as a share of its opening wallet; None where none has curves."""
    lines = _overlays(comparison)
    if not lines:
        return None
    paper = _paper("Equity, compared", comparison, lines)
    axes = paper.panels[0]
    paper.head(0, "Equity at mark, % of the opening wallet")
    axes.axhline(100.0, color=style.GREY, linewidth=0.8, zorder=1.5)
    ends = [100.0]
    for place, line in lines:
        shares = 100.0 * line.growth
        marks.curve(axes, scales.when(line.chart.close_ns), shares, f"equity-{place}",
                    label=described.cut(line.name, 48), **look(place))
        ends += [value for value in shares.tolist() if value == value]
    scales.amounts(axes, min(ends), max(ends))
    return _timed(paper, lines, "%")


def compared_under_water(comparison: Comparison) -> Paper | None:
    """Depth under water of every run; None where none has curves."""
    lines = _overlays(comparison)
    if not lines:
        return None
    paper = _paper("Under water, compared", comparison, lines)
    axes = paper.panels[0]
    paper.head(0, "Below the highest equity so far, worst inside the bar, %")
    ends = [0.0]
    for place, line in lines:
        depth = -100.0 * line.chart.under_water
        marks.curve(axes, scales.when(line.chart.close_ns), depth, f"under-water-{place}",
                    label=described.cut(line.name, 48), **look(place))
        ends += [value for value in depth.tolist() if value == value]
    scales.amounts(axes, min(ends) or -1.0, 0.0, air=0.04)
    return _timed(paper, lines, "%")


def compared_scan(comparison: Comparison) -> Paper | None:
    """Return and liquidations by leverage, a line a run; None where no run has a scan."""
    found = [(place, row.result, scan_curves(row.result.scan))
             for place, row in enumerate(comparison.rows[:MOST], start=1)]
    shown = [name for name in (SAME_FRACTION, SAME_NOTIONAL)
             if any(curve.name == name for _, _, curves in found for curve in curves)]
    if not shown:
        return None
    paper = Paper(described.title("Leverage scans, compared", comparison.synthetic),
                  _subtitle(comparison), [2.3, 1.3] * len(shown), _terms(comparison))
    values = [row.provenance.leverage for _, row, _ in found]
    for number, name in enumerate(shown):
        upper, lower = paper.panels[2 * number:2 * number + 2]
        chosen = [(place, row, curve) for place, row, curves in found for curve in curves
                  if curve.name == name]
        paper.head(2 * number, f"Return, {name}, %")
        paper.head(2 * number + 1, f"Liquidations, {name}")
        _scans(upper, lower, chosen, first=number == 0)
        values += [value for _, _, curve in chosen for value in curve.leverage.tolist()]
    scales.leverage_axis(paper.panels[-1], values, paper.across)
    paper.panels[-1].set_xlabel("leverage")
    paper.notes.append(f"{sum(len(curve) for _, _, curves in found for curve in curves):,} points")
    return paper


def _scans(upper: Axes, lower: Axes, chosen: Sequence[tuple[int, RunResult, ScanCurve]],
           first: bool) -> None:
    returns, most = [0.0], 0.0
    for place, row, curve in chosen:
        gid = f"{curve.name.replace(' ', '-')}-{place}"
        dotted = {**look(place), "marker": "o", "markersize": 3.5}
        marks.curve(upper, curve.leverage, 100.0 * curve.total_return, f"return-{gid}",
                    label=f"{place} {described.cut(described.name_of(row), 46)}" if first else "",
                    **dotted)
        marks.curve(lower, curve.leverage, curve.liquidations, f"liquidations-{gid}", **dotted)
        returns += (100.0 * curve.total_return).tolist()
        most = max(most, float(curve.liquidations.max()))
    upper.axhline(0.0, color=style.GREY, linewidth=0.8, zorder=1.5)
    scales.amounts(upper, min(returns), max(returns), air=0.08)
    scales.counts(lower, most)
    upper.set_ylabel("return, %")
    lower.set_ylabel("count")


def look(place: int) -> dict[str, Any]:
    """Colour and dashes of the run at ``place`` (from 1), the same in every picture."""
    turn, colour = divmod(place - 1, len(style.SERIES))
    return {"color": style.SERIES[colour], "linestyle": style.DASHES[turn % len(style.DASHES)]}


def _overlays(comparison: Comparison) -> list[tuple[int, Overlay]]:
    """(rank, line) of the runs that have curves."""
    lines = overlays([row.result for row in comparison.rows[:MOST]])
    return [(int(line.name.partition(" ")[0]), line) for line in lines]


def _paper(words: str, comparison: Comparison, lines: Sequence[tuple[int, Overlay]]) -> Paper:
    drawn, bars = (sum(values) for values in zip(*((len(line.chart), line.chart.bars)
                                                   for _, line in lines), strict=True))
    paper = Paper(described.title(words, comparison.synthetic), _subtitle(comparison), [4.2],
                  _terms(comparison))
    paper.notes.append(f"{drawn:,} points of {bars:,} bars")
    without = min(len(comparison.rows), MOST) - len(lines)
    if without:
        paper.notes.append(f"{without} without curves")
    return paper


def _timed(paper: Paper, lines: Sequence[tuple[int, Overlay]], unit: str) -> Paper:
    first = min(int(line.chart.close_ns[0]) for _, line in lines)
    last = max(int(line.chart.close_ns[-1]) for _, line in lines)
    paper.panels[0].set_xlabel(scales.time_axis(paper.panels[0], first, last))
    paper.panels[0].set_ylabel(unit)
    return paper


def _subtitle(comparison: Comparison) -> str:
    said = f"{len(comparison.rows):,} runs, numbered by return"
    if len(comparison.rows) > MOST:
        said += f"; the best {MOST} of them are drawn"
    markets = dict.fromkeys(f"{described.cut(row.result.provenance.symbol, 24)} · "
                            f"{row.result.provenance.venue}" for row in comparison.rows)
    return f"{said} · {', '.join(markets)}"


def _terms(comparison: Comparison) -> list[str]:
    """What all share, and in what they differ: DIFFERENT DATA first."""
    accounts = dict.fromkeys(f"{row.result.provenance.leverage:g}x {row.result.provenance.margin}"
                             for row in comparison.rows)
    data = dict.fromkeys(("SYNTHETIC data: " if row.result.synthetic else "data: ")
                         + described.cut(row.result.provenance.dataset, 48)
                         for row in comparison.rows)
    span = (min(row.result.provenance.first_ns for row in comparison.rows),
            max(row.result.provenance.last_ns for row in comparison.rows))
    return [*comparison.differences, f"accounts: {', '.join(accounts)} margin", *data,
            f"{timestamps.show(span[0])} … {timestamps.show(span[1])} UTC",
            f"Deleverage {__version__}"]
