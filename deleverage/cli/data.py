"""``data import``, ``fetch``, ``show``, ``check``: vendors' files in, what a dataset holds out."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from deleverage import timestamps
from deleverage.cli import fetch
from deleverage.cli.account import add_debug
from deleverage.cli.arguments import Parser, read_toml
from deleverage.cli.output import note, progress, say, say_json
from deleverage.errors import DataError, UsageError, unknown_name
from deleverage.feeds.totals import WINDOWS
from deleverage.tearsheet.dataset import sheet, totals_sheet
from deleverage.tearsheet.text import WIDTH, table

if TYPE_CHECKING:
    from deleverage.feeds.dataset import Dataset

ACTIONS = ("import", "fetch", "show", "check")


def main(arguments: Sequence[str], prog: str) -> int:
    """Hand over to import, fetch, show or check."""
    if not arguments or arguments[0] in ("-h", "--help"):
        made = Parser(prog=prog, description=__doc__, usage=f"{prog} {{{','.join(ACTIONS)}}} …",
                      epilog=f"`{prog} ACTION --help` lists the options of one of them")
        if arguments:
            made.print_help()
            return 0
        raise UsageError(f"{prog} needs one of {', '.join(ACTIONS)}")
    action, rest = arguments[0], arguments[1:]
    if action not in ACTIONS:
        raise unknown_name("data command", action, ACTIONS)
    run = {"import": import_, "fetch": fetch.main, "show": show, "check": check}[action]
    return run(rest, f"{prog} {action}")


def import_(arguments: Sequence[str], prog: str) -> int:
    """Read a vendor's files into a dataset, new or there already; nothing is written unless all of
    it can be. One that was stopped goes on when it is run again."""
    made = Parser(prog=prog, description=import_.__doc__)
    made.add_argument("source", metavar="SOURCE",
                      help="a reader: see `list sources`; auto tells them file by file")
    made.add_argument("paths", nargs="+", metavar="PATH", help="files or folders of that source")
    made.add_argument("--out", required=True, metavar="DATASET", help="folder of the dataset")
    made.add_argument("--symbol", metavar="NAME", help="which instrument, where there are several")
    made.add_argument("--venue", metavar="NAME", help="whose data it is")
    made.add_argument("--timeframe", metavar="STEP", help="which bars, where there are several")
    made.add_argument("--open-interest", metavar="CSV", help="a file of open interest to add")
    made.add_argument("--open-interest-venue", metavar="NAME", help="whose open interest that is")
    made.add_argument("--contract-size", type=float, metavar="COINS",
                      help="coins in one contract, where neither file nor venue tells")
    made.add_argument("--side-convention", choices=("order", "position"), metavar="order|position",
                      help="what a side means: order (sell closes a long) or position (buy is one)")
    made.add_argument("--columns", metavar="TOML", help="which column is what (source generic)")
    made.add_argument("--allow-bad-checksum", action="store_true",
                      help="read files whose published checksum does not fit")
    made.add_argument("--replace", action="store_true",
                      help="start anew instead of joining DATASET")
    made.add_argument("--name", metavar="TEXT", help="what sheets call the dataset")
    _add_json(made)
    options = made.parse_args(arguments)
    from deleverage.feeds.importing import import_dataset

    columns = read_toml(Path(options.columns), "--columns") if options.columns else None
    with progress("reading", options.json) as step:
        dataset, notes = import_dataset(
            options.source, options.paths, options.out, options.symbol, options.venue,
            timeframe=options.timeframe, open_interest=options.open_interest,
            open_interest_venue=options.open_interest_venue, name=options.name,
            contract_size=options.contract_size, side=options.side_convention,
            allow_bad_checksum=options.allow_bad_checksum, columns=columns, fresh=options.replace,
            progress=lambda what, done, total: step(done, total, what))
    for text in notes:
        note(f"note: {text}")
    from deleverage.feeds.summary import summary

    facts = summary(dataset)
    say_json(facts) if options.json else say(sheet(facts))
    return 0


def show(arguments: Sequence[str], prog: str) -> int:
    """What datasets hold: instrument, range, tables, provenance, coverage, liquidations and their
    ranks; of several datasets also the totals over all of them."""
    made = Parser(prog=prog, description=show.__doc__)
    made.add_argument("data", nargs="+", metavar="DATASET", help="a folder or a scenario's name")
    made.add_argument("--window", default="utc", choices=WINDOWS, metavar="|".join(WINDOWS),
                      help="what a total adds up: a calendar day or any 24 hours (default: utc)")
    made.add_argument("--since", metavar="DATE", help="rank what was liquidated after it")
    made.add_argument("--largest", type=int, default=5, metavar="N", help="how many (default: 5)")
    _add_json(made)
    options = made.parse_args(arguments)
    from deleverage.feeds.summary import summary, totals_by_day

    since = None if options.since is None else timestamps.parse(options.since)
    datasets = [_open(each) for each in options.data]
    found = [summary(each, options.largest, options.window, since) for each in datasets]
    over_all = totals_by_day(datasets, options.window) if len(datasets) > 1 else ()
    if options.json:
        say_json(found[0] if len(found) == 1 else {"datasets": found, "totals": over_all})
        return 0
    blocks = [sheet(facts) for facts in found]
    say("\n\n".join([*blocks, totals_sheet(over_all, WINDOWS[options.window])]
                    if over_all else blocks))
    return 0


def check(arguments: Sequence[str], prog: str) -> int:
    """Findings for every table: ok, warn or bad; one bad finding makes the exit code 3."""
    options = _reading(prog, check.__doc__).parse_args(arguments)
    from deleverage.feeds import checks

    findings = checks.check(_open(options.data))
    if options.json:
        say_json({"dataset": options.data, "verdicts": checks.verdicts(findings),
                  "findings": findings})
    else:
        say(table(("table", "verdict", "finding"),
                  ([row.table, row.verdict, textwrap.fill(row.text, WIDTH - 28)]
                   for row in findings), left=3))
        say("\n" + "; ".join(f"{name}: {verdict}"
                             for name, verdict in checks.verdicts(findings).items()))
    bad = sum(row.verdict == checks.BAD for row in findings)
    if bad:
        raise DataError(f"{options.data}: {bad} bad finding{'s' if bad > 1 else ''}")
    return 0


def _reading(prog: str, text: str | None) -> Parser:
    made = Parser(prog=prog, description=text)
    made.add_argument("data", metavar="DATASET", help="a folder or the name of a scenario")
    _add_json(made)
    return made


def _add_json(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help="JSON on stdout instead of tables")
    add_debug(parser)


def _open(data: str) -> Dataset:
    from deleverage import scenarios
    from deleverage.feeds.dataset import Dataset

    if data in scenarios.names() and not Path(data).exists():
        return scenarios.dataset(data)
    return Dataset.open(data)
