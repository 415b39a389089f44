"""From a plan to a dataset: what is missing is downloaded, all of it handed to the importer.

The importer alone writes datasets, from files as the vendors gave them: a fetch that was stopped
goes on where it was, and the same files give the same dataset.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from deleverage.errors import DataError, UsageError
from deleverage.feeds import fetching
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.fetching import store as stores
from deleverage.feeds.fetching.answers import Unexpected
from deleverage.feeds.fetching.http import Client
from deleverage.feeds.fetching.plan import Gap, Item, Plan, joined_gaps
from deleverage.feeds.fetching.source import Wanted
from deleverage.feeds.fetching.store import Store
from deleverage.feeds.importing import AUTO, import_dataset
from deleverage.feeds.readers.protocol import Progress, silent
from deleverage.feeds.writing import refuse_other
from deleverage.timestamps import DAY, show

Derive = Callable[[Store, Sequence[Item]], list[Path]]  # files to import, of what was fetched


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch did: the dataset, the importer's notes, what could not be had, and how many
    files were fetched and how many were there from before."""

    dataset: Dataset
    notes: tuple[str, ...]
    items: tuple[Item, ...]
    gaps: tuple[Gap, ...]
    fetched: int
    reused: int
    requests: int


def wanted(symbol: str, start_ns: int, end_ns: int, allow_bad_checksum: bool = False,
           now_ns: int | None = None) -> Wanted:
    """What is asked for, in whole days (UTC): the first day of ``start``, up to that of ``end``.

    Raises UsageError for a range that ends before it begins or begins in the future.
    """
    now = time.time_ns() if now_ns is None else now_ns
    start, end = start_ns - start_ns % DAY, end_ns + -end_ns % DAY
    if end <= start:
        raise UsageError(f"from {show(start_ns)} to {show(end_ns)} is no time (TO is not included)")
    if start >= now:
        raise UsageError(f"{show(start)} has not come yet")
    if not symbol.replace("-", "").replace("_", "").replace(":", "").isalnum():
        raise UsageError(f"not a symbol: {symbol!r}")
    return Wanted(symbol, start, end, now, allow_bad_checksum)


def client_for(names: Sequence[str]) -> Client:
    """A client that keeps the paces of these sources and says none of their keys."""
    sources = [fetching.get(name) for name in names]
    paces = {host: pace for source in sources for host, pace in source.paces.items()}
    keys = (os.environ.get(source.key, "").strip() for source in sources if source.key)
    return Client(paces, secrets=tuple(own for own in keys if own))


def end_of(path: Path, source: str) -> int:
    """Where an update of the dataset at ``path`` from ``source`` begins: the end of its bars, for a
    source without bars the end of what the dataset has of its provider."""
    market = Dataset.open(path).market
    provider = fetching.PROVIDERS.get(source)
    if provider is None:
        return market.end_ns
    ends = [cover.end_ns for cover in market.coverage if provider in cover.provider]
    if not ends:
        raise UsageError(f"{path}: holds nothing of {provider} yet; say FROM instead of --update")
    return max(ends)


def fetch_dataset(make: Callable[[Client], Plan], out: str | Path, client: Client, asked: Wanted, *,
                  name: str | None = None, derive: Derive | None = None,
                  progress: Progress = silent) -> Fetched:
    """Carry out the plan that ``make`` makes and import what it brings into ``out``.

    ``derive`` chooses and makes the files to import, all by default. Raises DataError while another
    fetch is at work, and what sources, client and importer raise; what is whole by then stays for
    the next try.
    """
    target = Path(out)
    refuse_other(target)
    with closing(client), stores.opened(target) as store:
        plan = _planned(make, store, client)
        there, gaps, fetched = _carried_out(plan, store, client, asked, progress)
        if not there:
            first = f": {gaps[0]}" if gaps else ""
            raise DataError(f"{plan.symbol}: nothing of it was to be had{first}")
        dataset, notes = _imported(plan, there, store, client, asked, target, name, derive,
                                   progress)
    return Fetched(dataset, notes, tuple(there), tuple(joined_gaps([*plan.gaps, *gaps])), fetched,
                   len(there) - fetched, client.requests)


def _planned(make: Callable[[Client], Plan], store: Store, client: Client) -> Plan:
    try:
        return make(client)
    except Unexpected as error:
        kept = store.aside("listing", error.body)
        raise DataError(f"{error} (what came is kept as {kept})") from None


def _carried_out(plan: Plan, store: Store, client: Client, asked: Wanted,
                 progress: Progress) -> tuple[list[Item], list[Gap], int]:
    """The items that are there now, what the servers have not got, and how many are new."""
    there: list[Item] = []
    gaps: list[Gap] = []
    fetched = 0
    for done, item in enumerate(plan.items):
        progress(item.path.rpartition("/")[2], done, len(plan.items))
        if store.has(item.path):
            there.append(item)
        elif fetching.get(item.source).fetch(item, store, client, asked):
            there.append(item)
            fetched += 1
        else:
            gaps.append(Gap(f"{item.source} {item.what}", item.start_ns, item.end_ns,
                            "the server has nothing"))
    progress("fetched", len(plan.items), len(plan.items))
    return there, gaps, fetched


def _imported(plan: Plan, there: list[Item], store: Store, client: Client, asked: Wanted,
              target: Path, name: str | None, derive: Derive | None,
              progress: Progress) -> tuple[Dataset, tuple[str, ...]]:
    """The dataset; a file that its reader refuses is fetched once more, then kept and named."""
    for attempt in (1, 2):
        try:
            files = derive(store, there) if derive else [store.path(item.path) for item in there]
            return import_dataset(AUTO, files, target, plan.symbol, name=name, progress=progress,
                                  allow_bad_checksum=asked.allow_bad_checksum)
        except DataError as error:
            bad = next((item for item in there if str(store.path(item.path)) in str(error)), None)
            if bad is None:
                raise
            path = str(store.path(bad.path))
            kept = store.set_aside(bad.path)
            if attempt == 2 or not fetching.get(bad.source).fetch(bad, store, client, asked):
                raise DataError(str(error).replace(path, str(kept))) from None
    raise AssertionError
