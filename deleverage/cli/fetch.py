"""``data fetch``: what vendors give for nothing, downloaded into a dataset in one command."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deleverage import timestamps
from deleverage.cli.account import add_debug
from deleverage.cli.arguments import Parser
from deleverage.cli.output import note, progress, say, say_json
from deleverage.errors import DataError, UsageError
from deleverage.tearsheet.dataset import sheet
from deleverage.tearsheet.text import table

if TYPE_CHECKING:
    from deleverage.feeds.fetching.fetch import Fetched
    from deleverage.feeds.fetching.plan import Gap, Item

EVENT = "event"
_MORE = "and {} more gaps (--json lists all)"


def main(arguments: Sequence[str], prog: str) -> int:
    """Hand over to the fetch of an event or of one source."""
    if arguments and arguments[0] == EVENT:
        return event(arguments[1:], f"{prog} {EVENT}")
    return source(arguments, prog)


def source(arguments: Sequence[str], prog: str) -> int:
    """Download one instrument's days from a vendor's server into a dataset, new or there already.
    One that was stopped goes on when it is run again. Files as the vendor gave them lie beside the
    dataset in .DATASET.fetch, which may be deleted. Or: fetch event 2026-01-31 --out DATASET."""
    from deleverage.feeds import fetching
    from deleverage.feeds.fetching import fetch

    made = Parser(prog=prog, description=source.__doc__,
                  epilog="\n".join(f"{name:15} {fetching.get(name).about}"
                                   for name in fetching.names()))
    made.add_argument("source", metavar="SOURCE", help="a server, see below; or event")
    made.add_argument("symbol", metavar="SYMBOL", help="the instrument as the venue writes it")
    made.add_argument("start", nargs="?", metavar="FROM", help="first day, UTC")
    made.add_argument("end", nargs="?", metavar="TO",
                      help="the day after the last (default: today)")
    made.add_argument("--update", action="store_true",
                      help="go on from where DATASET ends (FROM is left out, TO may be given)")
    _add_common(made)
    options = made.parse_args(arguments)
    known = fetching.get(options.source)
    out = Path(options.out)
    if options.update:
        if options.end is not None:
            raise UsageError("--update takes no FROM: it goes on from where the dataset ends")
        options.start, options.end = None, options.start
    elif options.start is None:
        raise UsageError(f"FROM is missing (see `{prog} --help`)")
    now = time.time_ns()
    end = timestamps.parse(options.end) if options.end else now - now % timestamps.DAY
    start = fetch.end_of(out, known.name) if options.update else timestamps.parse(options.start)
    if options.update and start >= end:
        note(f"{out}: nothing to update, it goes up to {timestamps.show(start)}")
        return 0
    asked = fetch.wanted(options.symbol, start, end, options.allow_bad_checksum)
    client = fetch.client_for([known.name])
    if options.plan:
        with closing(client):
            plan = known.plan(asked, client)
        return _planned(plan.items, plan.gaps, options.json)
    with progress("fetching", options.json) as step:
        done = fetch.fetch_dataset(lambda client: known.plan(asked, client), out, client, asked,
                                   name=options.name,
                                   progress=lambda what, at, total: step(at, total, what))
    _told(done)
    _shown(done, options.json)
    return 0


def event(arguments: Sequence[str], prog: str) -> int:
    """Download one of the large liquidation cascades: Binance's candles, mark, index, funding and
    open interest of its months, other venues' funding, and the liquidations of its days at Binance,
    Bybit and OKX. Then joined, checked, and said how much of it there is."""
    from deleverage.feeds.fetching import events, fetch

    made = Parser(prog=prog, description=event.__doc__)
    made.add_argument("date", metavar="DATE", help=f"one of {', '.join(events.EVENTS)}")
    made.add_argument("--symbol", default="ETHUSDT", metavar="NAME",
                      help="Binance's name of the instrument (default: ETHUSDT)")
    _add_common(made)
    options = made.parse_args(arguments)
    known = events.get(options.date)
    asked = fetch.wanted(options.symbol.upper(), known.start_ns, known.end_ns,
                         options.allow_bad_checksum)
    client = fetch.client_for(events.SOURCES)
    if options.plan:
        with closing(client):
            plan = events.plan(known, asked, client)
        return _planned(plan.items, plan.gaps, options.json)
    with progress("fetching", options.json) as step:
        done = events.fetch_event(known, asked, options.out, client, options.name,
                                  lambda what, at, total: step(at, total, what))
    _told(done)
    _shown(done, options.json)
    covered = events.coverage(known, done)
    findings = events.verdicts(done.dataset)
    if not options.json:
        say("\ncoverage of what was asked for")
        say(table(("what", "from", "to", "there", "of"), covered, left=3))
        say("checks: " + "; ".join(f"{name} {verdict}" for name, verdict in findings.items()))
    bad = [name for name, verdict in findings.items() if verdict == "bad"]
    if bad:
        raise DataError(f"{options.out}: bad findings about {', '.join(bad)} (data check names "
                        "them)")
    return 0


def _add_common(made: Parser) -> None:
    made.add_argument("--out", required=True, metavar="DATASET", help="folder of the dataset")
    made.add_argument("--plan", action="store_true",
                      help="say what would be fetched, and write nothing")
    made.add_argument("--name", metavar="TEXT", help="what sheets call the dataset")
    made.add_argument("--allow-bad-checksum", action="store_true",
                      help="take files whose published checksum does not fit")
    made.add_argument("--json", action="store_true", help="JSON on stdout instead of tables")
    add_debug(made)


def _planned(items: Sequence[Item], gaps: Sequence[Gap], as_json: bool) -> int:
    from deleverage.feeds import fetching
    from deleverage.feeds.fetching.plan import joined_gaps, lines

    found, missing = lines(items), joined_gaps(gaps)
    if as_json:
        say_json({"files": found, "gaps": missing})
        return 0
    rows: list[Sequence[Any]] = [
        (line.source, line.what, line.count, "not known" if line.size is None else f"{line.size:,}",
         timestamps.show(line.start_ns), timestamps.show(line.end_ns)) for line in found]
    say(table(("source", "what", "files", "bytes", "from", "to"), rows, left=2))
    known = sum(line.size or 0 for line in found)
    more = " and more" if any(line.size is None for line in found) else ""
    least = sum(max(fetching.get(item.source).paces.values(), default=0.0) for item in items)
    say(f"\n{len(items):,} files, {known:,} bytes{more}; {least / 60:.0f} minutes or more, at the "
        "paces that vendors ask for")
    for gap in missing:
        say(f"gap: {gap}")
    return 0


def _told(done: Fetched) -> None:
    note(f"{done.fetched:,} files fetched with {done.requests:,} requests, {done.reused:,} were "
         "there")
    for gap in done.gaps[:8]:
        note(f"gap: {gap}")
    if len(done.gaps) > 8:
        note(_MORE.format(len(done.gaps) - 8))
    for text in done.notes:
        note(f"note: {text}")


def _shown(done: Fetched, as_json: bool) -> None:
    from deleverage.feeds.summary import summary

    facts = summary(done.dataset)
    if as_json:
        say_json({"dataset": facts, "gaps": done.gaps, "fetched": done.fetched,
                  "reused": done.reused, "requests": done.requests})
        return
    say(sheet(facts))
