"""Two axes of a sweep against one figure; every other axis is taken by its median."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any, Self

from deleverage.errors import UsageError, unknown_name
from deleverage.sweeps.grid import Axis, Grid
from deleverage.sweeps.outcome import Figure, figure
from deleverage.sweeps.result import SweepResult


@dataclass(frozen=True)
class Heat:
    """``cells[i][j]`` is the median of the figure over the runs with the i-th value of ``rows`` and
    the j-th of ``columns``: over all values of ``others``. None where no such run has the figure.
    """

    figure: Figure
    rows: Axis
    columns: Axis
    others: tuple[Axis, ...]
    cells: tuple[tuple[float | None, ...], ...]

    @classmethod
    def of(cls, result: SweepResult, rows: str, columns: str, value: str = "net") -> Self:
        """The map of ``value`` over two axes; UnknownName for an axis or figure that is none."""
        wanted = figure(value)
        down, across = axes(result.grid, rows, columns)
        found: dict[tuple[Any, Any], list[float]] = {}
        for row in result.done:
            cell = row.figures[value]
            if cell is not None:
                found.setdefault((row.point[rows], row.point[columns]), []).append(cell)
        cells = tuple(tuple(_median(found.get((one, other), [])) for other in across.values)
                      for one in down.values)
        others = tuple(axis for axis in result.grid.axes if axis.name not in (rows, columns))
        return cls(wanted, down, across, others, cells)

    def as_dict(self) -> dict[str, Any]:
        """The map as JSON values."""
        return {"value": self.figure.name, "rows": self.rows.name, "columns": self.columns.name,
                "row_values": list(self.rows.values), "column_values": list(self.columns.values),
                "median_over": [axis.name for axis in self.others],
                "cells": [list(line) for line in self.cells]}


def axes(grid: Grid, *names: str) -> tuple[Axis, ...]:
    """Two different axes of a grid by their names."""
    if len(names) != 2 or names[0] == names[1]:
        raise UsageError(f"a heat map takes two different axes, found {', '.join(names)}")
    known = {axis.name: axis for axis in grid.axes}
    for name in names:
        if name not in known:
            raise unknown_name("axis of the grid", name, known)
    return tuple(known[name] for name in names)


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None
