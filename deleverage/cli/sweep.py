"""``sweep``: one strategy over a grid; the best and the worst, and what the best is worth.

Each --grid is an axis: a parameter of the strategy, or leverage, margin, slippage_bp, latency and
other settings of the run. Combinations run in processes of their own; one that fails is listed with
its reason, the others go on, and the exit code is 4.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from deleverage.cli.account import (
    FIELDS,
    add_account,
    add_data,
    add_debug,
    add_market,
    specification,
)
from deleverage.cli.arguments import Parser, axis, count, pair, with_config
from deleverage.cli.output import note, progress, say, say_json
from deleverage.errors import UsageError

if TYPE_CHECKING:
    from deleverage.sweeps import Plan, SweepResult
    from deleverage.sweeps.heat import Heat

SOME_FAILED = 4


def main(arguments: Sequence[str], prog: str) -> int:
    """Check everything, run every combination, print, save."""
    made = parser(prog)
    options = made.parse_args(with_config(arguments, made))
    from deleverage.cli.run import writable
    from deleverage.sweeps import carry_out
    from deleverage.sweeps.result import FILE
    from deleverage.sweeps.sweeping import worker_count

    out = None if options.out is None else writable(options.out, FILE)
    plan = _plan(options)
    workers = worker_count(plan, options.workers)
    note(f"{len(plan.grid):,} combinations ({plan.grid}) in {workers} "
         f"process{'es' if workers > 1 else ''}")
    with progress("sweep", options.json) as step:
        result = carry_out(plan, workers, step, direct=not options.engine)
    if out is not None:
        result.save(out)
    _show(result, options)
    if out is not None:
        note(f"saved: {out}")
    return SOME_FAILED if result.failed else 0


def parser(prog: str) -> Parser:
    """The options of ``sweep``."""
    made = Parser(prog=prog, description=__doc__)
    group = made.add_argument_group("grid")
    group.add_argument("--grid", type=axis, action="append", default=[], metavar="NAME=V,V",
                       help="an axis and its values, between | where one holds a comma; repeated "
                       "for every axis")
    group.add_argument("--workers", type=count, metavar="N",
                       help="processes (default: one a core; 1: none but this one)")
    group.add_argument("--engine", action="store_true", help="run every combination through "
                       "backtrader's engine: slower, the same figures")
    add_data(made)
    add_account(made)
    add_market(made)
    group = made.add_argument_group("output")
    group.add_argument("--sort", default="net", metavar="FIGURE",
                       help="rank by net (default), total_return, drawdown, calmar, …")
    group.add_argument("--top", type=count, metavar="N", help="best and worst shown (default 10)")
    group.add_argument("--heat", type=pair, metavar="AXIS,AXIS",
                       help="a map of two axes, the others by their median")
    group.add_argument("--value", metavar="FIGURE", help="what the map shows (default net)")
    group.add_argument("--config", metavar="FILE", help="TOML with any of these options; [grid] "
                       "holds the axes")
    group.add_argument("--json", action="store_true", help="JSON on stdout, remarks on stderr")
    group.add_argument("--out", metavar="DIR", help="save every row as Parquet, with sweep.json")
    add_debug(made)
    return made


def _plan(options: argparse.Namespace) -> Plan:
    """The combinations; every word of the output is checked as well before anything runs."""
    from deleverage.sweeps import Grid, prepare
    from deleverage.sweeps.heat import axes
    from deleverage.sweeps.outcome import figure

    named: dict[str, str] = {}
    for name, values in options.grid:
        if name in named:
            raise UsageError(f"the axis {name} is given twice: put its values in one --grid")
        named[name] = values
    if not named:
        raise UsageError("--grid is missing: at least one axis, NAME=VALUE,VALUE")
    spec = specification(options)
    _fixed(options, named)
    figure(options.sort)
    grid = Grid.of(named)
    if options.top is not None and options.top < 1:
        raise UsageError(f"--top must be at least 1, found {options.top}")
    if options.value is not None:
        figure(options.value)
        if options.heat is None:
            raise UsageError("--value is what a heat map shows: --heat is missing")
    plan = prepare(spec, grid)
    if options.heat is not None:
        axes(plan.grid, *options.heat)
    return plan


def _fixed(options: argparse.Namespace, named: dict[str, str]) -> None:
    """Refuse a setting that is both given one value and an axis."""
    params = dict(options.parameters)
    for name in named:
        where, _, field = name.rpartition(".")
        if field in params and where != "run":
            raise UsageError(f"{field} is both --set to {params[field]} and an axis of the grid")
        given = getattr(options, field, None) if field in FIELDS and where != "params" else None
        if given is not None:
            raise UsageError(f"{field} is both given as {given} and an axis of the grid")


def _show(result: SweepResult, options: argparse.Namespace) -> None:
    from deleverage.sweeps.heat import Heat
    from deleverage.tearsheet import heat as heat_sheet
    from deleverage.tearsheet import sweep as sweep_sheet

    heat = None
    if options.heat is not None:
        down, across = options.heat
        heat = Heat.of(result, down, across, options.value or "net")
    if options.json:
        say_json(as_json(result, options.sort, heat))
        return
    maps = () if heat is None else (heat_sheet.render(heat, coloured()),)
    say(sweep_sheet.render(result, options.sort, options.top or sweep_sheet.TOP, *maps))


def as_json(result: SweepResult, by: str, heat: Heat | None = None) -> dict[str, object]:
    """The sweep as JSON values: what is common, all rows in the grid's order, the ranking."""
    from deleverage.tearsheet.sweep import caution, tried

    return {
        **result.as_dict(), "synthetic": result.synthetic, "combinations": len(result.rows),
        "failed": len(result.failed), "lost": result.lost, "median_net": result.median("net"),
        "summary": tried(result), "caution": caution(result), "sorted_by": by,
        "ranking": [row.number for row in result.ranked(by)], "rows": result.rows,
        "heat": None if heat is None else heat.as_dict(),
    }


def coloured() -> bool:
    """Whether stdout is a terminal that wants colours (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") \
        and os.environ.get("TERM") != "dumb"
