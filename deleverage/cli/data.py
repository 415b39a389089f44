"""``data import``, ``data show``, ``data check``: vendors' files in, what a dataset holds out."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deleverage import timestamps
from deleverage.cli.account import add_debug
from deleverage.cli.arguments import Parser
from deleverage.cli.output import note, progress, say, say_json
from deleverage.errors import DataError, UsageError, unknown_name
from deleverage.tearsheet_text import WIDTH, dollars, lines, rule, section, table

if TYPE_CHECKING:
    from deleverage.feeds.dataset import Dataset

ACTIONS = ("import", "show", "check")


def main(arguments: Sequence[str], prog: str) -> int:
    """Hand over to import, show or check."""
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
    run = {"import": import_, "show": show, "check": check}[action]
    return run(rest, f"{prog} {action}")


def import_(arguments: Sequence[str], prog: str) -> int:
    """Read a vendor's files and write a dataset; nothing is written unless all of it can be."""
    made = Parser(prog=prog, description=import_.__doc__)
    made.add_argument("source", metavar="SOURCE", help="a reader: see `list sources`")
    made.add_argument("paths", nargs="+", metavar="PATH", help="files or folders of that source")
    made.add_argument("--out", required=True, metavar="DATASET", help="folder of the dataset")
    made.add_argument("--symbol", metavar="NAME", help="which instrument, where there are several")
    made.add_argument("--venue", metavar="NAME", help="whose data it is")
    made.add_argument("--timeframe", metavar="STEP", help="which bars, where there are several")
    made.add_argument("--open-interest", metavar="CSV", help="a file of open interest to add")
    made.add_argument("--open-interest-venue", metavar="NAME", help="whose open interest that is")
    made.add_argument("--name", metavar="TEXT", help="what sheets call the dataset")
    _add_json(made)
    options = made.parse_args(arguments)
    from deleverage.feeds.importing import import_dataset

    with progress("reading", options.json) as step:
        dataset, notes = import_dataset(
            options.source, options.paths, options.out, options.symbol, options.venue,
            timeframe=options.timeframe, open_interest=options.open_interest,
            open_interest_venue=options.open_interest_venue, name=options.name,
            progress=lambda what, done, total: step(done, total, what))
    for text in notes:
        note(f"note: {text}")
    _describe(dataset, options)
    return 0


def show(arguments: Sequence[str], prog: str) -> int:
    """What a dataset holds: instrument, range, tables, provenance, coverage, totals."""
    options = _reading(prog, show.__doc__).parse_args(arguments)
    _describe(_open(options.data), options)
    return 0


def check(arguments: Sequence[str], prog: str) -> int:
    """Findings for every table: ok, warn or bad; one bad finding makes the exit code 3."""
    options = _reading(prog, check.__doc__).parse_args(arguments)
    from deleverage.feeds import checks

    findings = checks.check(_open(options.data))
    if options.json:
        say_json({"dataset": options.data, "findings": findings})
    else:
        say(table(("table", "verdict", "finding"),
                  ([row.table, row.verdict, textwrap.fill(row.text, WIDTH - 28)]
                   for row in findings), left=3))
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


def _describe(dataset: Dataset, options: argparse.Namespace) -> None:
    from deleverage.feeds.summary import summary

    facts = summary(dataset)
    if options.json:
        say_json(facts)
        return
    made, coin = ("SYNTHETIC " if facts.synthetic else ""), facts.instrument
    blocks = [
        section(rule(f"{facts.name}{' · SYNTHETIC' if facts.synthetic else ''}"), "\n".join((
            f"folder      {facts.path}",
            f"instrument  {coin.symbol} at {coin.venue}, {coin.product}, {coin.base}/{coin.quote}, "
            f"tick {coin.tick_size or 'unknown'}, lot {coin.lot_size or 'unknown'}",
            f"bars        {facts.bars:,} {made}bars of {facts.step}, {facts.start} … {facts.end} "
            f"UTC; mark {facts.mark_step or 'none'}",
            f"sha256      {facts.sha256}"))),
        section("TABLES", table(("table", "from", "rows", "first (UTC)", "last (UTC)"), (
            [row.name, textwrap.fill(row.provenance, 52), f"{row.rows:,}", row.first, row.last]
            for row in facts.tables), left=2)),
        section("COVERAGE", table(("table", "venue", "provider", "completeness", "from", "to"), (
            [row.table, row.venue, row.provider[:40], row.completeness,
             timestamps.show(row.start_ns), timestamps.show(row.end_ns)]
            for row in facts.coverage), left=4)),
    ]
    if facts.largest_days:
        blocks.append(section(
            f"LARGEST {made}LIQUIDATION DAYS (calendar day UTC, as reported by "
            f"{', '.join(facts.largest_days[0].venues)})",
            table(("day", "long", "short", "orders"), (
                [row.day, dollars(row.long_usd), dollars(row.short_usd), f"{row.events:,}"]
                for row in facts.largest_days))))
    if facts.notes:
        blocks.append(section("NOTES", lines(_notes(facts.notes))))
    say("\n\n".join(blocks))


def _notes(notes: Any, name: str = "") -> Iterator[str]:
    """Every note of market.toml as one line: ``key.key: value``."""
    if isinstance(notes, dict):
        for key, value in notes.items():
            yield from _notes(value, f"{name}.{key}" if name else str(key))
    elif isinstance(notes, list | tuple):
        yield from (f"{name}: {item}" for item in notes)
    else:
        yield f"{name}: {notes}"
