"""What was liquidated: totals per window, their ranks, venues' shares, the largest single order.

A total says nothing without its window (``utc``: calendar day UTC; ``utc+8``: calendar day as some
vendors' pages have it; ``24h``: any 24 hours), its providers and what they cover. Where a vendor's
own total over venues (venue ``all``) is there it counts, and the single venues do not. Dollars.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from deleverage.columns import Floats, Ints
from deleverage.errors import unknown_name
from deleverage.feeds.liquidations import venues_of
from deleverage.feeds.readers.names import TOTAL
from deleverage.feeds.tables import numbers
from deleverage.market import Coverage
from deleverage.timestamps import DAY, HOUR, MINUTE, show

WINDOWS = {"utc": "calendar day UTC", "utc+8": "calendar day UTC+8", "24h": "rolling 24 h"}
_OFFSET = {"utc": 0, "utc+8": 8 * HOUR}


@dataclass(frozen=True, slots=True)
class WindowTotal:
    """What was liquidated in (start, end]. ``rank`` 1 is the largest of the windows covered since
    ``since``; ``whole`` is False where a feed that counts covers only a part of the window."""

    label: str
    start_ns: int
    end_ns: int
    long_usd: float
    short_usd: float
    events: int
    rank: int
    since: str
    whole: bool

    @property
    def usd(self) -> float:
        """Both sides."""
        return self.long_usd + self.short_usd


@dataclass(frozen=True, slots=True)
class VenueShare:
    """One venue's part of a total. Of a sampled feed it is a *reported* share."""

    venue: str
    usd: float
    share: float
    completeness: str


@dataclass(frozen=True, slots=True)
class SingleEvent:
    """The largest order that a feed of single orders holds. ``single_source``: no second provider
    covers that venue at that time, so nothing confirms it."""

    moment: str
    venue: str
    symbol: str
    side: str
    usd: float
    price: float
    provider: str
    row: str
    completeness: str
    single_source: bool


def counted(table: pa.Table) -> tuple[pa.Table, tuple[str, ...]]:
    """The rows that count in a total, and the venues they are of."""
    names = venues_of(table)
    if TOTAL in names:
        table, names = table.filter(pa.array(names == TOTAL)), names[names == TOTAL]
    return table, tuple(sorted(set(names.tolist())))


def largest(table: pa.Table, coverage: Sequence[Coverage], window: str = "utc", count: int = 5,
            since_ns: int | None = None) -> list[WindowTotal]:
    """The ``count`` windows with most liquidated notional, the largest first.

    ``since_ns`` leaves out what was before. Raises UnknownName for another window.
    """
    if window not in WINDOWS:
        raise unknown_name("window", window, WINDOWS)
    rows, _ = counted(table)
    covers = [cover for cover in coverage if cover.table == "liquidations"]
    if since_ns is not None:
        rows = rows.filter(pa.array(numbers(rows, "ts") > since_ns))
    if not rows.num_rows:
        return []
    stamps, usd = numbers(rows, "ts"), numbers(rows, "notional_usd")
    is_long = pc.equal(rows.column("liq_side"), "long").to_numpy(zero_copy_only=False)
    spans = (_rolling(stamps, usd, count) if window == "24h"
             else _days(stamps, usd, _OFFSET[window], count))
    first = max(since_ns or 0, min((cover.start_ns for cover in covers), default=int(stamps[0])))
    found = []
    for rank, (start, end) in enumerate(spans, start=1):
        within = slice(*np.searchsorted(stamps, [start, end], side="right").tolist())
        label = (show(-(-end // MINUTE) * MINUTE) if window == "24h"
                 else show(start + _OFFSET[window])[:10])
        long = is_long[within]
        found.append(WindowTotal(
            label, start, end, float(usd[within][long].sum()), float(usd[within][~long].sum()),
            len(long), rank, show(first)[:10], _whole(covers, start, end)))
    return found


def _days(stamps: Ints, usd: Floats, offset: int, count: int) -> list[tuple[int, int]]:
    """The largest calendar days as (start, end]; an event at midnight ends the day before."""
    day = (stamps - 1 + offset) // DAY
    found, at = np.unique(day, return_inverse=True)
    total = np.bincount(at, weights=usd)
    best = np.argsort(-total, kind="stable")[:count]
    return [(int(found[k]) * DAY - offset, (int(found[k]) + 1) * DAY - offset) for k in best]


def _rolling(stamps: Ints, usd: Floats, count: int) -> list[tuple[int, int]]:
    """The largest windows of 24 hours that end with an event, none overlapping a larger one."""
    summed = np.concatenate([[0.0], np.cumsum(usd)])
    begin = np.searchsorted(stamps, stamps - DAY, side="right")
    stop = np.searchsorted(stamps, stamps, side="right")
    total = summed[stop] - summed[begin]
    spans: list[tuple[int, int]] = []
    free = np.ones(len(stamps), np.bool_)
    while len(spans) < count and free.any():
        at = int(np.argmax(np.where(free, total, -np.inf)))
        end = int(stamps[at])
        spans.append((end - DAY, end))
        free &= (stamps <= end - DAY) | (stamps >= end + DAY)
    return spans


def _whole(covers: Iterable[Coverage], start: int, end: int) -> bool:
    """Whether every venue that is covered in the window at all is covered throughout."""
    within = [cover for cover in covers if cover.start_ns < end and cover.end_ns > start]
    for venue in {cover.venue for cover in within}:
        own = sorted((each for each in within if each.venue == venue),
                     key=lambda each: each.start_ns)
        # single orders cover from the first to the last of them, more or less; bars exactly
        slack = 0 if all(each.completeness == "aggregate" for each in own) else HOUR
        reached = start
        for cover in own:
            if cover.start_ns > reached + slack:
                return False
            reached = max(reached, cover.end_ns)
        if reached < end - slack:
            return False
    return bool(within)


def shares(table: pa.Table, start: int, end: int) -> list[VenueShare]:
    """Each venue's part of what single venues reported in (start, end], the largest first."""
    stamps = numbers(table, "ts")
    rows = table.filter(pa.array((stamps > start) & (stamps <= end)))
    names: NDArray[np.object_] = venues_of(rows)
    usd = numbers(rows, "notional_usd")
    total = float(usd[names != TOTAL].sum())
    kinds = rows.column("completeness").cast(pa.string()).to_numpy(zero_copy_only=False)
    found = []
    for venue in sorted(set(names.tolist()) - {TOTAL}):
        own = names == venue
        kind = sorted(set(kinds[own].tolist()))
        amount = float(usd[own].sum())
        found.append(VenueShare(venue, amount, amount / total if total else 0.0,
                                kind[0] if len(kind) == 1 else "unknown"))
    return sorted(found, key=lambda each: -each.usd)


def largest_event(table: pa.Table, coverage: Sequence[Coverage]) -> SingleEvent | None:
    """The largest single order, with where it stands in which file; None without single orders."""
    rows = table.filter(pc.not_equal(table.column("completeness"), "aggregate"))
    if not rows.num_rows:
        return None
    at = int(np.argmax(numbers(rows, "notional_usd")))
    row = rows.slice(at, 1).to_pylist()[0]
    providers = {cover.provider for cover in coverage
                 if cover.table == "liquidations" and cover.venue == row["venue"]
                 and cover.start_ns <= row["ts"] <= cover.end_ns}
    place = f"{row['source_file']} row" if "source_file" in row else "row"
    return SingleEvent(show(row["ts"]), row["venue"], row["symbol"], row["liq_side"],
                       row["notional_usd"], row["price"], row["provider"],
                       f"{place} {row['source_row']}", row["completeness"],
                       len(providers | {row["provider"]}) < 2)
