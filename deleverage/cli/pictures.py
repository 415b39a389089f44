"""``--plots DIR``: the folder is looked at before the work, the pictures are drawn after it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from deleverage.cli.output import note
from deleverage.compare import Comparison
from deleverage.errors import UsageError
from deleverage.results import RunResult


def add_plots(group: argparse._ArgumentGroup | argparse.ArgumentParser) -> None:
    """The option itself."""
    group.add_argument("--plots", metavar="DIR",
                       help="draw the result as PNG and SVG (needs the extra plots)")


def place(folder: str | None, out: str | None = None, below: Sequence[str] = ()) -> Path | None:
    """Where pictures go, or into its sub-folders ``below``; None where none are asked for.

    UsageError where matplotlib is missing, or the folder is not one for pictures or is ``out``, the
    result's own.
    """
    if folder is None:
        return None
    if out is not None and Path(folder).resolve() == Path(out).resolve():
        raise UsageError(f"--plots {folder}: is the folder of --out; pictures need their own")
    from deleverage import plots

    plots.needed()
    return plots.check(folder, below)


def draw(shown: RunResult | Comparison, folder: Path | None) -> None:
    """Write the pictures; what is left out is said, a line each."""
    if folder is None:
        return
    from deleverage import plots

    drawn = plots.of_run(shown) if isinstance(shown, RunResult) else plots.of_comparison(shown)
    plots.write(drawn, folder)
    for line in drawn.left_out:
        note(f"pictures: {line}")
    note(f"pictures: {len(drawn.pictures)} as PNG and SVG in {folder}")
