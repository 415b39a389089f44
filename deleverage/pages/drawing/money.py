"""From gross to net as a staircase."""

from __future__ import annotations

from collections.abc import Sequence

from deleverage.charts.steps import Step
from deleverage.pages.drawing.colours import paint
from deleverage.pages.drawing.frame import Absent, Chart, Key, hover, numbers, plain, source
from deleverage.tearsheet.text import money


def waterfall(steps: Sequence[Step], quote: str) -> Chart | Absent:
    """What each step adds or takes, the net result at the end."""
    title = "What each step adds or takes"
    if len(steps) < 2:
        return Absent("waterfall", title, "nothing was earned or paid")
    names = [step.name for step in steps]
    made = plain("waterfall", 290, x_range=names)
    roles = ["total" if step.total else "gain" if step.amount > 0 else "loss" for step in steps]
    for role in dict.fromkeys(roles):
        found = [step for step, own in zip(steps, roles, strict=True) if own == role]
        data = source(x=[step.name for step in found], top=[step.end for step in found],
                      bottom=[step.start for step in found], t=[step.name for step in found],
                      amount=[money(step.amount) for step in found],
                      high=[max(step.end, step.start) for step in found])
        bars = made.vbar("x", 0.62, "top", "bottom", source=data, line_width=0)
        paint(bars.glyph, fill_color=role)
        words = made.text("x", "high", "amount", source=data, text_align="center", y_offset=-4,
                          text_font_size="12px", text_baseline="bottom")
        paint(words.glyph, text_color="ink")
        hover(made, [bars], [("step", "@x"), (quote, "@amount")], mode="mouse")
    made.y_range.range_padding = 0.2
    made.xgrid.visible = False
    made.yaxis.formatter = numbers("0,0")
    made.yaxis.axis_label = quote
    keys = [Key(role, words, "square") for role, words in (
        ("gain", "adds"), ("loss", "takes"), ("total", "the net result")) if role in roles]
    return Chart("waterfall", title, made, "", f"{len(steps)} steps", tuple(keys))
