"""A heat map as a table of numbers; on a terminal the cells are coloured as well."""

from __future__ import annotations

from deleverage.sweeps.grid import show
from deleverage.sweeps.heat import Heat
from deleverage.sweeps.outcome import Figure
from deleverage.tearsheet.sweep import FORMS
from deleverage.tearsheet.text import lines, section, table

# backgrounds of the 256-colour palette, from a little to a lot
BETTER, WORSE = (22, 28, 34), (52, 88, 124)
STEPS = (0.15, 0.4, 0.7)  # share of the largest distance at which each begins
NOTHING = "–"


def render(heat: Heat, colour: bool = False) -> str:
    """The map with its title and what its cells are."""
    rows = [[show(value), *(_cell(heat, cell, colour) for cell in line)]
            for value, line in zip(heat.rows.values, heat.cells, strict=True)]
    title = f"HEAT MAP ({heat.figure.name}: {heat.rows.name} down, {heat.columns.name} across)"
    corner = f"{heat.rows.name} \\ {heat.columns.name}"
    drawn = table((corner, *map(show, heat.columns.values)), rows)
    return section(title, drawn, lines([_foot(heat, colour)], ""))


def _foot(heat: Heat, colour: bool) -> str:
    if heat.others:
        names = ", ".join(f"{axis.name} ({len(axis.values)})" for axis in heat.others)
        text = f"Each cell is the median over {names}."
    else:
        text = "Each cell is one combination."
    if any(cell is None for line in heat.cells for cell in line):
        text += f" {NOTHING}: no run with this figure."
    return text + (" Green is better, red worse." if colour else "")


def _cell(heat: Heat, value: float | None, colour: bool) -> str:
    if value is None:
        return NOTHING
    text = FORMS[heat.figure.unit](heat.figure, value)
    if not colour:
        return text
    values = [cell for line in heat.cells for cell in line if cell is not None]
    shade = _shade(warmth(heat.figure, value, values))
    return text if shade is None else f"\x1b[97;48;5;{shade}m {text} \x1b[0m"


def warmth(figure: Figure, value: float, values: list[float]) -> float:
    """Where a value stands between the worst (−1) and the best (+1).

    Counted from the figure's neutral value where it has one, else from the middle of the range.
    """
    middle = figure.neutral if figure.neutral is not None else (min(values) + max(values)) / 2
    reach = max(abs(each - middle) for each in values)
    return figure.better * (value - middle) / reach if reach else 0.0


def _shade(warm: float) -> int | None:
    shades = BETTER if warm > 0 else WORSE
    met = [shade for step, shade in zip(STEPS, shades, strict=True) if abs(warm) >= step]
    return met[-1] if met else None
