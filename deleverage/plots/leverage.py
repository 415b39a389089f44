"""What each leverage would have met: the scan of whole runs, the frontier of replayed trades."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from deleverage.charts.leverage import ScanCurve, frontier_curve, scan_curves
from deleverage.plots import described, marks, scales, style
from deleverage.plots.paper import Paper
from deleverage.results import RunResult
from deleverage.statistics.leverage_scan import SAME_FRACTION, LeverageScan

# filled small circles over larger hollow squares: both are seen where the scans agree
_LOOKS = {SAME_FRACTION: {"color": style.BLUE, "marker": "o", "markersize": 4.5, "zorder": 4.0}}
_OTHER = {"color": style.ORANGE, "marker": "s", "markersize": 8.5, "markerfacecolor": "white",
          "markeredgewidth": 1.4, "zorder": 3.0, "linewidth": 1.6}


def scan(result: RunResult) -> Paper | None:
    """The picture of a run's scan; None where none was made or nothing was traded in it."""
    curves = scan_curves(result.scan)
    if result.scan is None or not curves:
        return None
    paper = Paper(described.title("Leverage scan", result.synthetic), described.subtitle(result),
                  [2.7, 1.5], described.small_print(
                      result, f"{described.many(sum(map(len, curves)), 'point')}, each a run of "
                      f"{described.bars_of(result)}"))
    upper, lower = paper.panels
    paper.head(0, "Return of the same strategy at each leverage, %")
    paper.head(1, "Liquidations")
    for curve in curves:
        look, gid = _LOOKS.get(curve.name, _OTHER), curve.name.replace(" ", "-")
        marks.curve(upper, curve.leverage, 100.0 * curve.total_return, f"return-{gid}",
                    label=_label(curve, result.scan), **look)
        marks.curve(lower, curve.leverage, curve.liquidations, f"liquidations-{gid}", **look)
    _frame(upper, lower, curves, result.provenance.leverage, paper.across)
    paper.notes += _absent(result.scan)
    return paper


def _frame(upper: Axes, lower: Axes, curves: Sequence[ScanCurve], chosen: float,
           inches: float) -> None:
    for axes in (upper, lower):
        axes.axvline(chosen, color=style.GREY, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1.0,
                     label=f"set: {chosen:g}x" if axes is upper else "", gid="set")
    upper.axhline(0.0, color=style.GREY, linewidth=0.8, zorder=1.5)
    returns = [0.0, *(100.0 * value for curve in curves for value in curve.total_return.tolist())]
    scales.amounts(upper, min(returns), max(returns), air=0.08)
    scales.counts(lower, max(float(curve.liquidations.max()) for curve in curves))
    upper.set_ylabel("return, %")
    lower.set_ylabel("count")
    scales.leverage_axis(lower, [chosen, *(value for curve in curves
                                           for value in curve.leverage.tolist())], inches)
    lower.set_xlabel("leverage")


def _label(curve: ScanCurve, made: LeverageScan) -> str:
    lives = made.survives_fraction if curve.name == SAME_FRACTION else made.survives_notional
    if lives is None:
        return f"{curve.name}: liquidated already at {curve.leverage[0]:g}x" \
            if curve.liquidations[0] else curve.name
    return f"{curve.name}: no liquidation up to {lives:g}x"


def _absent(made: LeverageScan) -> list[str]:
    """Leverages that have no point, and why."""
    said = []
    for name, rows in (("fraction", made.same_fraction), ("notional", made.same_notional)):
        infeasible = [f"{row.leverage:g}x" for row in rows if not row.feasible]
        idle = [f"{row.leverage:g}x" for row in rows if row.feasible and not row.trades]
        said += [f"same {name}: {words} at {', '.join(found)}"
                 for words, found in (("not feasible", infeasible), ("no trade", idle)) if found]
    return said


def frontier(result: RunResult) -> Paper | None:
    """The picture of a run's survival frontier; None where no trade was replayed."""
    found = frontier_curve(result.statistics["frontier"])
    if found is None:
        return None
    quote = result.provenance.quote
    paper = Paper(described.title("Survival frontier", result.synthetic),
                  described.subtitle(result), [2.3, 1.9], described.small_print(
                      result, f"{described.many(len(found.leverage), 'point')}, each the replay of "
                      f"{described.many(found.trades, 'trade')} in {described.bars_of(result)}"))
    upper, lower = paper.panels
    paper.head(0, "Share of the trades that survive to their planned exit, %")
    paper.head(1, f"Net of all of them, {quote}")
    marks.curve(upper, found.leverage, 100.0 * found.share, "share", color=style.BLUE,
                drawstyle="steps-mid", marker="." if len(found.leverage) < 3 else "")
    marks.curve(lower, found.leverage, found.net, "net", color=style.BLACK,
                drawstyle="steps-mid", marker="." if len(found.leverage) < 3 else "")
    for axes in paper.panels:
        axes.axvline(result.provenance.leverage, color=style.GREY, linewidth=0.9,
                     linestyle=(0, (2, 2)), zorder=1.0, gid="set",
                     label=f"set: {result.provenance.leverage:g}x" if axes is upper else "")
    all_live = result.statistics["frontier"]["all_survive"]
    if all_live is not None:
        upper.axvspan(found.leverage[0], all_live, color=style.GREEN, alpha=0.16, linewidth=0.0,
                      label=f"all survive up to {all_live:g}x", gid="all-survive")
    lower.axhline(0.0, color=style.GREY, linewidth=0.8, zorder=1.5)
    scales.amounts(upper, 0.0, 100.0)
    scales.amounts(lower, min(0.0, float(found.net.min())), max(0.0, float(found.net.max())),
                   air=0.08)
    upper.set_ylabel("%")
    lower.set_ylabel(quote)
    wanted = [value for value in (1, 2, 3, 5, 10, 20, 30, 50, 75, 100, 125)
              if found.leverage[0] <= value <= found.leverage[-1]]
    scales.leverage_axis(lower, [*wanted, float(found.leverage[0]), float(found.leverage[-1]),
                                 result.provenance.leverage], paper.across)
    lower.set_xlabel("leverage, the notional kept")
    if result.provenance.margin == "cross":
        paper.notes.append("positions of a cross account are replayed as if each stood alone, "
                           "isolated")
    if found.granted.min() < found.trades:
        paper.notes.append("shares are of the trades the venue grants the leverage to")
    return paper
