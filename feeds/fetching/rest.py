"""Histories that venues give page by page: a file holds a day or a month, whole.

A page is at most so many rows, the newest first or the oldest first. It is held against what was
asked for: a row outside (another page, come again) is no answer. Where rows are missing at the far
end of a page the rest is asked for, until there is none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from deleverage.errors import UsageError
from deleverage.feeds.fetching.answers import Answer, Unexpected
from deleverage.feeds.fetching.binance_archive import months
from deleverage.feeds.fetching.ccxt_client import Venue
from deleverage.feeds.fetching.http import Client
from deleverage.feeds.fetching.plan import Gap, Item, Plan
from deleverage.feeds.fetching.source import Wanted, asked_again, document, insisted
from deleverage.feeds.fetching.store import Store
from deleverage.timestamps import DAY, HOUR, MINUTE, to_datetime

_MS = 1_000_000
_PAGES = 60  # of one file: a day of minutes at 100 rows a page has 15
_SETTLED = 2 * MINUTE  # an answer is final when its last time was over for so long


@dataclass(frozen=True, slots=True)
class Series:
    """One history of a venue. ``asks`` makes parameters from symbol, first and last ms; ``rows``
    takes the rows out of an answer, ``stamp`` a row's time (ms). ``step_ns`` is None where rows are
    irregular. With ``overlap`` the first row of the next file is asked for as well: the reader
    leaves out the newest of each file."""

    what: str
    method: str
    limit: int
    step_ns: int | None
    asks: Callable[[str, int, int], Mapping[str, Any]]
    rows: Callable[[Any], list[Any]]
    stamp: Callable[[Any], int]
    monthly: bool = False
    overlap: bool = False
    reach_ns: int | None = None  # how far back the venue goes
    name: str = "{symbol}"


@dataclass(frozen=True, slots=True)
class Rest:
    """A venue's interface as a source. ``joined`` makes one document of the answers of a file."""

    name: str
    about: str
    ccxt: str
    folder: str
    series: tuple[Series, ...]
    joined: Callable[[list[Answer]], bytes]
    paces: Mapping[str, float]
    key: str | None = None
    upper: bool = True

    def plan(self, wanted: Wanted, client: Client) -> Plan:
        """The files to be filled; how many bytes nobody tells before."""
        symbol = wanted.symbol.upper() if self.upper else wanted.symbol
        end = min(wanted.end_ns, wanted.now_ns)
        items: list[Item] = []
        gaps: list[Gap] = []
        for series in self.series:
            start = wanted.start_ns
            if series.reach_ns is not None and start < wanted.now_ns - series.reach_ns:
                start = min(wanted.now_ns - series.reach_ns, wanted.end_ns)
                start -= start % DAY
                if start > wanted.start_ns:
                    gaps.append(Gap(series.what, wanted.start_ns, start, f"{self.name} goes back "
                                    f"{series.reach_ns // HOUR:,} hours only"))
            # a settlement at the very end, some ms late, belongs to the last bar
            for first, last in _spans(start, end, MINUTE if series.monthly else 0):
                items.append(self._item(series, symbol, first, last))
        if end < wanted.end_ns:
            gaps.append(Gap("all", end, wanted.end_ns, "not there yet"))
        if not items:
            raise UsageError(f"{self.name} has nothing of {symbol} in these days: " + "; ".join(
                map(str, gaps[:3])))
        return Plan(symbol, tuple(items), tuple(gaps), self.name)

    def _item(self, series: Series, symbol: str, first: int, last: int) -> Item:
        days = f"{to_datetime(first):%Y-%m-%d}_{to_datetime(last):%Y-%m-%dT%H%M}"
        name = series.name.format(symbol=symbol)
        return Item(self.name, f"{self.folder}/{series.what}/{name}_{days}.json", series.what,
                    series.method, first, last, None,
                    MappingProxyType({"series": series.what, "symbol": symbol}))

    def fetch(self, item: Item, store: Store, client: Client, wanted: Wanted) -> bool:
        """All pages of one day or month as one file; False where there is no row."""
        series = next(each for each in self.series if each.what == item.what)
        venue = Venue(self.ccxt, client)
        answers = insisted(item, store, client, lambda: _pages(series, venue, item, client))
        if not answers:
            return False
        final = item.end_ns + _SETTLED <= min(each.asked_at for each in answers) * 1e9
        store.write(item.path, self.joined(answers), answers[0].url, final)
        return True


def _spans(start: int, end: int, more: int) -> Iterator[tuple[int, int]]:
    """Days of [start, end) cut to it; with ``more`` months, the last so much longer."""
    if more:
        for first, last in months(start, end):
            yield max(first, start), last if last < end else end + more
        return
    day = start
    while day < end:
        following = min(day - day % DAY + DAY, end)
        yield day, following
        day = following


def _pages(series: Series, venue: Venue, item: Item, client: Client) -> list[Answer]:
    """The answers that together hold all rows of ``item``."""
    low, high = item.start_ns // _MS, item.end_ns // _MS - (0 if series.overlap else 1)
    step = None if series.step_ns is None else series.step_ns // _MS
    found: list[Answer] = []
    for _ in range(_PAGES):
        answer, stamps = asked_again(client, partial(_page, series, venue, item, low, high))
        if not stamps:
            return found
        found.append(answer)
        full = len(stamps) >= series.limit
        if stamps[0] > stamps[-1]:  # the newest first: what is missing is older
            high = min(stamps) - 1
            rest = step is not None and high - step + 1 >= low
        else:
            low = max(stamps) + 1
            rest = step is not None and low + step - 1 <= high
        if not (full or rest) or low > high:
            return found
    raise Unexpected(f"{item.url}: the pages of {item.path} have no end", found[-1].body)


def _page(series: Series, venue: Venue, item: Item, low: int,
          high: int) -> tuple[Answer, list[int]]:
    answer = venue.ask(series.method, series.asks(str(item.asks["symbol"]), low, high))
    return answer, _stamps(series, answer, low, high)


def _stamps(series: Series, answer: Answer, low: int, high: int) -> list[int]:
    """Times of the rows of an answer; Unexpected where they are not those asked for."""
    parsed = document(answer)
    try:
        stamps = [series.stamp(row) for row in series.rows(parsed)]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        start = answer.body[:80].decode("utf-8", "replace")
        raise Unexpected(f"{answer.url}: not the documented answer, begins with {start!r}",
                         answer.body) from None
    outside = [stamp for stamp in stamps if not low <= stamp <= high]
    if outside:
        raise Unexpected(f"{answer.url}: {len(outside)} of {len(stamps)} rows are not of the time "
                         f"asked for (the first at {outside[0]})", answer.body)
    return stamps


def as_list(answers: list[Answer]) -> bytes:
    """One answer as it is, several as one JSON list of them."""
    if len(answers) == 1:
        return answers[0].body
    return b"[" + b",\n".join(each.body for each in answers) + b"]"


def rows_of_all(answers: list[Answer]) -> bytes:
    """Answers that are lists of rows as one list, in the order of the pages."""
    return json.dumps([row for each in answers for row in json.loads(each.body)]).encode()
