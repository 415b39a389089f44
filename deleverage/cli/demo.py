"""The built-in strategies go through the embedded SYNTHETIC cascade, on an account that can die.

Without a command: both scenarios, the sheets of all strategies side by side, and what happened at
each level.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from deleverage.cli.account import add_account, add_debug, add_market, specification
from deleverage.cli.arguments import Parser
from deleverage.cli.main import COMMANDS
from deleverage.cli.output import note, say, say_json
from deleverage.cli.run import as_json, carry_out
from deleverage.compare import Compared, Comparison
from deleverage.tearsheet_text import rule

if TYPE_CHECKING:
    import pandas as pd

STRATEGIES = ("level_reclaim", "cascade_exhaustion", "scenario_tree", "breakdown", "buy_and_hold")
DAY = "2026-01-31"  # of the cascade, calendar day UTC


def main(arguments: Sequence[str], prog: str) -> int:
    """Run every built-in strategy on both scenarios and print them side by side."""
    options = parser(prog).parse_args(arguments)
    from deleverage import scenarios

    started = time.monotonic()
    specification(options, data=scenarios.names()[0], strategy=STRATEGIES[0])  # before any output
    pages = []
    for name in scenarios.names():
        if not options.json:
            _market(name)
        compared = Comparison.of(_runs(name, options))
        if options.json:
            pages.append({"scenario": name, **_market_json(name),
                          "results": [as_json(row) for row in compared.rows]})
        else:
            _sheets(name, compared, options.full)
    if options.json:
        say_json(pages)
    note(f"{len(STRATEGIES) + 1} strategies on {len(scenarios.names())} scenarios in "
         f"{time.monotonic() - started:.0f} s")
    return 0


def parser(prog: str) -> Parser:
    """The options of the demo, and in the help every command."""
    width = max(map(len, COMMANDS))
    known = "\n".join(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())
    made = Parser(prog=prog, usage=f"{prog} [options] | {prog} COMMAND …", description=__doc__,
                  epilog=f"commands:\n{known}\n\n`{prog} COMMAND --help` lists their options")
    add_account(made)
    add_market(made)
    group = made.add_argument_group("output")
    group.add_argument("--full", action="store_true", help="every strategy's whole sheet as well")
    group.add_argument("--json", action="store_true", help="JSON on stdout instead of tables")
    group.add_argument("--no-scan", action="store_true", help="leave out the leverage scans")
    group.add_argument("--version", action="store_true", help="the version, and nothing else")
    add_debug(made)
    return made


def _runs(scenario: str, options: argparse.Namespace) -> list[Compared]:
    """Every strategy, then entries at random like those of the first cascade strategy."""
    from deleverage import runner, scenarios

    columns = scenarios.columns(scenario)
    scanned = not options.no_scan
    found = []
    for name in STRATEGIES:
        spec = specification(options, data=scenario, strategy=name)
        found.append(carry_out(spec, columns, scanned=scanned, quiet=options.json))
    like = next(row.result for row in found if row.result.spec.strategy == "cascade_exhaustion")
    found.append(carry_out(runner.baseline_spec(like), columns, scanned=scanned,
                           quiet=options.json))
    return found


def _market(scenario: str) -> None:
    """What the market did: the levels, and the cascade's liquidations by venue."""
    from deleverage import scenarios, tearsheet_market
    from deleverage.scenarios.presets import PRESETS

    columns = scenarios.columns(scenario)
    say(rule(f"SYNTHETIC scenario {scenario}: {PRESETS[scenario].story}"))
    say(tearsheet_market.levels(columns) + "\n")
    say(tearsheet_market.liquidation_day(columns.market, _events(scenario), DAY) + "\n")
    sys.stdout.flush()


def _sheets(scenario: str, compared: Comparison, full: bool) -> None:
    """What the strategies did: side by side and, where asked for, each sheet whole."""
    from deleverage import tearsheet

    say(tearsheet.side_by_side(compared, f"strategies on scenario {scenario}") + "\n")
    for row in compared.rows if full else ():
        say(tearsheet.render(row.result, row.baseline) + "\n")
    sys.stdout.flush()


def _market_json(scenario: str) -> dict[str, object]:
    from deleverage import scenarios, tearsheet_market

    columns = scenarios.columns(scenario)
    return {
        "levels": [{"level": str(item.level), "last_word": item.outcome, **{
            what: [int(columns.close_ns[bar]) for bar in getattr(item, what)]
            for what in ("touched", "accepted", "held", "failed")}}
            for item in tearsheet_market.level_histories(columns)],
        "liquidations": {"day": DAY, "synthetic": columns.market.synthetic, "venues":
                         tearsheet_market.day_totals(columns.market, _events(scenario), DAY)},
    }


def _events(scenario: str) -> pd.DataFrame:
    from deleverage import scenarios

    return scenarios.build(scenario)[1]["liquidations"]
