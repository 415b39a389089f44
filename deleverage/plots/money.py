"""From gross to net as a staircase."""

from __future__ import annotations

from matplotlib.axes import Axes

from deleverage.charts.steps import Step, staircase
from deleverage.plots import described, scales, style
from deleverage.plots.paper import Paper
from deleverage.results import RunResult


def money(result: RunResult) -> Paper | None:
    """The picture of a run; None where nothing was traded."""
    steps = staircase(result.statistics["costs"])
    if not result.trades:
        return None
    quote = result.provenance.quote
    paper = Paper(described.title("From gross to net", result.synthetic),
                  described.subtitle(result), [3.4], described.small_print(
                      result,
                      f"{described.many(len(steps), 'step')} of {described.bars_of(result)}"))
    axes = paper.panels[0]
    paper.head(0, f"What each step added or took, {quote}")
    ends = [value for step in steps for value in (step.start, step.end)]
    low, high = min(0.0, *ends), max(0.0, *ends)
    air = 0.02 * (high - low)
    for place, step in enumerate(steps):
        colour = style.BLACK if step.total else \
            style.BLUE if step.amount >= 0 else style.VERMILLION
        axes.bar(place, step.amount, bottom=step.start, width=0.62, color=colour,
                 gid=f"step-{place}", zorder=3.0)
        _say(axes, place, step, air)
        if place + 1 < len(steps):
            axes.plot([place + 0.31, place + 0.69], [step.end, step.end], color=style.GREY,
                      linewidth=0.8, zorder=2.0)
    axes.axhline(0.0, color=style.GREY, linewidth=0.8, zorder=2.0)
    scales.amounts(axes, low, high, air=0.1)
    axes.set_xlim(-0.6, len(steps) - 0.4)
    axes.set_xticks(range(len(steps)), [step.name for step in steps])
    axes.grid(visible=False, axis="x")
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel(quote)
    paper.notes.append("black: the result; price is before slippage, open positions at mark")
    return paper


def _say(axes: Axes, place: int, step: Step, air: float) -> None:
    """The amount beyond the end the step goes to."""
    up = step.amount >= 0
    axes.text(place, step.end + (air if up else -air), f"{step.amount:+,.2f}", ha="center",
              va="bottom" if up else "top", size=style.PLAIN,
              weight="bold" if step.total else "normal")
