"""The built-in strategies go through the embedded SYNTHETIC cascade, on an account that can die.

Without a command: both scenarios, the sheets of all strategies side by side, and what happened at
each level. With ``--data`` the same pages of a dataset, such as one that ``data fetch event`` made.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deleverage.beside import Compared
from deleverage.cli import html
from deleverage.cli.account import add_account, add_debug, add_market, specification
from deleverage.cli.arguments import Parser
from deleverage.cli.main import COMMANDS
from deleverage.cli.output import note, say, say_json
from deleverage.cli.run import as_json, carry_out
from deleverage.columns import MarketColumns
from deleverage.compare import Comparison
from deleverage.tearsheet.text import rule

if TYPE_CHECKING:
    import pandas as pd

STRATEGIES = ("level_reclaim", "cascade_exhaustion", "scenario_tree", "breakdown", "buy_and_hold")
DAY = "2026-01-31"  # of the cascade, calendar day UTC


def main(arguments: Sequence[str], prog: str) -> int:
    """Run every built-in strategy on both scenarios and print them side by side."""
    options = parser(prog).parse_args(arguments)
    from deleverage import scenarios

    started = time.monotonic()
    names = scenarios.names() if options.dataset is None else (options.dataset,)
    specification(options, data=names[0], strategy=STRATEGIES[0])  # before any output
    folder = html.folder(options.html)
    pages = []
    for name in names:
        shown = _scenario(name) if options.dataset is None else _dataset(name)
        if not options.json:
            _market(shown)
        compared = Comparison.of(_runs(shown, options))
        if options.json:
            pages.append({"scenario" if options.dataset is None else "dataset": name,
                          **_market_json(shown),
                          "results": [as_json(row) for row in compared.rows]})
        else:
            _sheets(shown, compared, options.full)
        if folder is not None:
            html.write_comparison(compared, folder / f"{Path(name).name}.html",
                                  f"strategies on {shown.heading}")
    if options.json:
        say_json(pages)
    what = f"{len(names)} scenarios" if options.dataset is None else options.dataset
    note(f"{len(STRATEGIES) + 1} strategies on {what} in {time.monotonic() - started:.0f} s")
    return 0


def parser(prog: str) -> Parser:
    """The options of the demo, and in the help every command."""
    width = max(map(len, COMMANDS))
    known = "\n".join(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())
    made = Parser(prog=prog, usage=f"{prog} [options] | {prog} COMMAND …", description=__doc__,
                  epilog=f"commands:\n{known}\n\n`{prog} COMMAND --help` lists their options")
    add_account(made)
    add_market(made)
    made.add_argument("--data", dest="dataset", metavar="DATASET",
                      help="the same pages of a dataset instead of the SYNTHETIC scenarios")
    group = made.add_argument_group("output")
    group.add_argument("--full", action="store_true", help="every strategy's whole sheet as well")
    group.add_argument("--json", action="store_true", help="JSON on stdout instead of tables")
    group.add_argument("--html", metavar="DIR", help="a page with charts of each scenario in this "
                       "folder (pip install 'deleverage[html]')")
    group.add_argument("--no-scan", action="store_true", help="leave out the leverage scans")
    group.add_argument("--version", action="store_true", help="the version, and nothing else")
    add_debug(made)
    return made


@dataclass(frozen=True)
class _Shown:
    """One market of the demo: what runs call its data, its title, the day whose liquidations are
    shown, and its events (None: it has none)."""

    data: str
    title: str
    heading: str
    columns: MarketColumns
    day: str
    events: pd.DataFrame | None


def _scenario(name: str) -> _Shown:
    from deleverage import scenarios
    from deleverage.scenarios.presets import PRESETS

    return _Shown(name, f"SYNTHETIC scenario {name}: {PRESETS[name].story}", f"scenario {name}",
                  scenarios.columns(name), DAY, scenarios.build(name)[1]["liquidations"])


def _dataset(path: str) -> _Shown:
    """A dataset's market, with the day on which most was liquidated."""
    from deleverage.feeds.dataset import Dataset
    from deleverage.feeds.totals import largest

    opened = Dataset.open(path)
    market, events, day = opened.market, None, DAY
    if "liquidations" in opened.tables:
        table = opened.table("liquidations")
        events = table.to_pandas()
        found = largest(table, market.coverage, "utc", 1)
        day = found[0].label if found else DAY
    made = "SYNTHETIC " if market.synthetic else ""
    return _Shown(path, f"{made}{market.name}: {opened.sha256[:16]}", market.name,
                  opened.columns(), day, events)


def _runs(shown: _Shown, options: argparse.Namespace) -> list[Compared]:
    """Every strategy, then entries at random like those of the first cascade strategy."""
    from deleverage import runner

    scanned, whole = not options.no_scan, options.full or options.json
    found = []
    for name in STRATEGIES:
        spec = specification(options, data=shown.data, strategy=name)
        found.append(carry_out(spec, shown.columns, scanned, options.json, whole))
    like = next(row.result for row in found if row.result.spec.strategy == "cascade_exhaustion")
    found.append(carry_out(runner.baseline_spec(like), shown.columns, scanned, options.json, whole))
    return found


def _market(shown: _Shown) -> None:
    """What the market did: the levels, and the cascade's liquidations by venue."""
    from deleverage.tearsheet import market as market_sheet

    say(rule(shown.title))
    say(market_sheet.levels(shown.columns) + "\n")
    if shown.events is not None:
        say(market_sheet.liquidation_day(shown.columns.market, shown.events, shown.day) + "\n")
    sys.stdout.flush()


def _sheets(shown: _Shown, compared: Comparison, full: bool) -> None:
    """What the strategies did: side by side and, where asked for, each sheet whole."""
    from deleverage import tearsheet

    say(tearsheet.side_by_side(compared, f"strategies on {shown.heading}") + "\n")
    for row in compared.rows if full else ():
        say(tearsheet.render(row.result, row.baseline, row.reruns, row.capacity, row.shadow) + "\n")
    sys.stdout.flush()


def _market_json(shown: _Shown) -> dict[str, object]:
    from deleverage.tearsheet import market as market_sheet

    columns, market = shown.columns, shown.columns.market
    venues = () if shown.events is None else market_sheet.day_totals(market, shown.events,
                                                                         shown.day)
    return {
        "levels": [{"level": str(item.level), "last_word": item.outcome, **{
            what: [int(columns.close_ns[bar]) for bar in getattr(item, what)]
            for what in ("touched", "accepted", "held", "failed")}}
            for item in market_sheet.level_histories(columns)],
        "liquidations": {"day": shown.day, "synthetic": market.synthetic, "venues": venues},
    }
