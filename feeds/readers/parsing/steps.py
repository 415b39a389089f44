"""The step of candles that are stamped with their open."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from deleverage.columns import Ints
from deleverage.errors import DataError, UsageError
from deleverage.timestamps import MINUTE, parse_step, show, show_step

_NAMED = re.compile(r"(?<![a-z0-9])(\d+[mhd])(?![a-z0-9])")


def step_of(opened: Ints, path: Path, rows: Ints, timeframe: str | None) -> int:
    """Nanoseconds from one open to the next: asked for, named by the file, or the least distance.

    Every distance must be a multiple of it. Raises DataError naming the first row whose is not,
    UsageError where one row alone leaves it open.
    """
    named = _NAMED.findall(path.name.lower())
    order = np.argsort(opened, kind="stable")
    distances = np.diff(opened[order])
    apart = distances[distances > 0]
    if timeframe is not None:
        step = parse_step(timeframe)
    elif len(set(named)) == 1:
        step = parse_step(named[0])
    elif len(apart):
        step = int(apart.min())
    else:
        raise UsageError(f"{path}: one row only, no step can be told; say it with --timeframe")
    odd = distances % step != 0
    if odd.any() or step % MINUTE:
        at = int(np.argmax(odd))
        row = int(rows[order[at + 1]]) if odd.any() else int(rows[order[0]])
        apart_by = show_step(int(distances[at])) if odd.any() else show_step(step)
        raise DataError(f"{path}: row {row} ({show(int(opened[order[min(at + 1, len(rows) - 1)]]))}"
                        f"), start is {apart_by} from another row's, expected bars of "
                        f"{show_step(step)}")
    if (opened % MINUTE).any():
        at = int(np.argmax(opened % MINUTE != 0))
        raise DataError(f"{path}: row {int(rows[at])}, start is no whole minute, found "
                        f"{show(int(opened[at]))}")
    return step
