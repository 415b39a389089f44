"""The large cascades in one dataset: Binance's market, three venues' liquidations, others' funding.

A dataset is one instrument of one venue, so its funding is Binance's. What Bybit and Hyperliquid
paid stands in its ``context`` table: known to a strategy, never charged to an account.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from deleverage.errors import unknown_name
from deleverage.feeds import checks, fetching
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.fetching import bybit, context, hyperliquid
from deleverage.feeds.fetching.binance_archive import months
from deleverage.feeds.fetching.fetch import Fetched, fetch_dataset
from deleverage.feeds.fetching.http import Client
from deleverage.feeds.fetching.plan import Item, Plan, together
from deleverage.feeds.fetching.source import Wanted
from deleverage.feeds.fetching.store import Store
from deleverage.feeds.readers.names import contract
from deleverage.feeds.readers.protocol import Progress, silent
from deleverage.feeds.tables import SCHEMAS, numbers
from deleverage.timestamps import HOUR, MINUTE, parse, show

SOURCES = ("binance-vision", "cryptohftdata", "bybit", "hyperliquid")


@dataclass(frozen=True, slots=True)
class Event:
    """A cascade: the market of whole months [start, end), liquidations of the days around it."""

    date: str
    start_ns: int
    end_ns: int
    first_ns: int
    last_ns: int


def _event(date: str, start: str, end: str, first: str, last: str) -> Event:
    return Event(date, parse(start), parse(end), parse(first), parse(last))


EVENTS = {each.date: each for each in (
    _event("2025-10-10", "2025-10-01", "2025-11-01", "2025-10-09", "2025-10-18"),
    _event("2026-01-31", "2026-01-01", "2026-03-01", "2026-01-30", "2026-02-08"),
)}


def get(date: str) -> Event:
    """The event of ``date``; UnknownName with the near miss otherwise."""
    if date not in EVENTS:
        raise unknown_name("event", date, EVENTS)
    return EVENTS[date]


def plan(event: Event, asked: Wanted, client: Client) -> Plan:
    """All files of an event, in the order in which they are fetched."""
    coin = contract("binance", asked.symbol).base
    days = replace(asked, start_ns=event.first_ns, end_ns=event.last_ns)
    return together([
        fetching.get("binance-vision").plan(asked, client),
        replace(bybit.SOURCE, series=(bybit.FUNDING,)).plan(asked, client),
        replace(hyperliquid.SOURCE, series=(hyperliquid.FUNDING,)).plan(
            replace(asked, symbol=coin), client),
        fetching.get("cryptohftdata").plan(days, client),
    ])


def fetch_event(event: Event, asked: Wanted, out: str | Path, client: Client,
                name: str | None = None, progress: Progress = silent) -> Fetched:
    """Fetch ``event`` into ``out`` (see :func:`deleverage.feeds.fetching.fetch.fetch_dataset`)."""
    return fetch_dataset(partial(plan, event, asked), out, client, asked,
                         name=name or f"{asked.symbol} binance, {event.date}", derive=_derived,
                         progress=progress)


def _derived(store: Store, items: Sequence[Item]) -> list[Path]:
    """The files to import: other venues' funding as rows of context."""
    others = [item for item in items if item.source in ("bybit", "hyperliquid")]
    files = [store.path(item.path) for item in items if item not in others]
    if others:
        files.append(context.written(store, others))
    return files


# ------------------------------------------------------------------ what came of it


def verdicts(dataset: Dataset) -> dict[str, str]:
    """Each table's verdict of ``data check``."""
    return dict(checks.verdicts(checks.check(dataset)))


def coverage(event: Event, done: Fetched) -> list[tuple[str, str, str, str, str]]:
    """What there is of what an event should have: (what, from, to, there, of)."""
    found: list[tuple[str, str, str, str, str]] = []
    market = (event.start_ns, event.end_ns)
    for name, step in (("bars", MINUTE), ("mark", MINUTE), ("index", MINUTE),
                       ("funding", 8 * HOUR), ("open_interest", 5 * MINUTE)):
        there = _rows(done.dataset, name, *market)
        due = (market[1] - market[0]) // step
        found.append((f"{name} (rows)", show(market[0]), show(market[1]), f"{there:,}",
                      f"{due:,}"))
    for source in ("bybit", "hyperliquid"):
        own = [item for item in done.items if item.source == source]
        found.append((f"funding {source} (months, in context)", show(market[0]), show(market[1]),
                      f"{len(own):,}", f"{_months(event):,}"))
    hours = (event.last_ns - event.first_ns) // HOUR
    venues = dict.fromkeys(item.what for item in done.items if item.source == "cryptohftdata")
    missing = dict.fromkeys(gap.what.removeprefix("cryptohftdata ") for gap in done.gaps
                            if gap.what.startswith("cryptohftdata "))
    for what in {**venues, **missing}:
        own = [item for item in done.items if item.what == what]
        found.append((f"{what} (hours)", show(event.first_ns), show(event.last_ns),
                      f"{len(own):,}", f"{hours:,}"))
    return found


def _months(event: Event) -> int:
    return len(list(months(event.start_ns, event.end_ns)))


def _rows(dataset: Dataset, name: str, start: int, end: int) -> int:
    if name not in dataset.tables:
        return 0
    stamps = numbers(dataset.table(name), SCHEMAS[name].clock)
    if name != "funding":  # stamped with what ends there
        return int(((stamps > start) & (stamps <= end)).sum())
    return int(((stamps >= start) & (stamps < end)).sum())
