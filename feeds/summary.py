"""The facts of a dataset for ``data show``: what it is, what it holds, where that came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from deleverage.columns import Floats, Ints
from deleverage.errors import UsageError
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.tables import SCHEMAS, numbers
from deleverage.feeds.totals import (
    WINDOWS,
    SingleEvent,
    VenueShare,
    WindowTotal,
    counted,
    largest,
    largest_event,
    shares,
)
from deleverage.instrument import Instrument
from deleverage.market import Coverage, Market
from deleverage.timestamps import show, show_step

POINTS = 60  # of a line in the terminal


@dataclass(frozen=True, slots=True)
class TableFacts:
    """One table: rows, times of the first and the last, where it came from."""

    name: str
    rows: int
    first: str
    last: str
    provenance: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything ``data show`` prints; times as UTC text, money in USD."""

    name: str
    path: str
    instrument: Instrument
    step: str | None  # None without bars
    mark_step: str | None
    start: str
    end: str
    bars: int
    synthetic: bool
    sha256: str
    tables: tuple[TableFacts, ...]
    coverage: tuple[Coverage, ...]
    notes: dict[str, Any]
    window: str  # of the totals
    largest: tuple[WindowTotal, ...]
    venues: tuple[str, ...]  # those that count in them
    providers: tuple[str, ...]  # and who told it
    shares: tuple[VenueShare, ...]  # of the largest window
    largest_event: SingleEvent | None
    price: tuple[float, ...]  # last close of each sixtieth of the range, NaN where there is none
    liquidated: tuple[float, ...]  # USD in each sixtieth of the range


def summary(dataset: Dataset, count: int = 5, window: str = "utc",
            since_ns: int | None = None) -> Summary:
    """The facts of ``dataset``, with its ``count`` largest liquidation windows if it has any.

    ``window`` is one of :data:`deleverage.feeds.totals.WINDOWS`; ``since_ns`` leaves out what was
    before. Reads every table, so raises what :meth:`Dataset.table` raises.
    """
    market = dataset.market
    tables = {name: dataset.table(name) for name in dataset.tables}
    facts = []
    for name, table in tables.items():
        stamps = numbers(table, SCHEMAS[name].clock)
        first, last = (show(int(stamps[0])), show(int(stamps[-1]))) if len(stamps) else ("", "")
        facts.append(TableFacts(name, table.num_rows, first, last,
                                str(market.provenance.get(name, ""))))
    events = tables.get("liquidations")
    found = largest(events, market.coverage, window, count, since_ns) if events is not None else []
    return Summary(
        name=market.name, path=str(dataset.path), instrument=market.instrument,
        step=show_step(market.step_ns) if market.step_ns else None,
        mark_step=show_step(market.mark_step_ns) if market.mark_step_ns else None,
        start=show(market.start_ns), end=show(market.end_ns),
        bars=tables["bars"].num_rows if "bars" in tables else 0, synthetic=market.synthetic,
        sha256=dataset.sha256,
        tables=tuple(facts), coverage=market.coverage, notes=dict(market.notes),
        window=WINDOWS[window], largest=tuple(found),
        venues=counted(events)[1] if events is not None else (),
        providers=_providers(events) if events is not None else (),
        shares=tuple(shares(events, found[0].start_ns, found[0].end_ns))
        if events is not None and found else (),
        largest_event=largest_event(events, market.coverage) if events is not None else None,
        price=_closes(market, tables.get("bars")), liquidated=_sums(market, events),
    )


@dataclass(frozen=True, slots=True)
class DayTotal:
    """What several datasets report for one window, in USD, and each coin's part."""

    label: str
    long_usd: float
    short_usd: float
    by_coin: tuple[tuple[str, float], ...]


def totals_by_day(datasets: Sequence[Dataset], window: str = "utc",
                  count: int = 10) -> tuple[DayTotal, ...]:
    """The days with most liquidated notional over several datasets, the largest first.

    Raises UsageError for two datasets of one coin (it would count twice) and for a rolling window,
    which is another one for each coin.
    """
    if window == "24h":
        raise UsageError("totals over several datasets need a calendar day: --window utc or utc+8")
    coins = [dataset.market.instrument.base for dataset in datasets]
    if len(set(coins)) < len(coins):
        raise UsageError(f"two of the datasets are of one coin ({', '.join(sorted(coins))}): it "
                         "would count twice")
    days: dict[str, dict[str, WindowTotal]] = {}
    for dataset, coin in zip(datasets, coins, strict=True):
        if "liquidations" in dataset.tables:
            for row in largest(dataset.table("liquidations"), dataset.market.coverage, window,
                               1_000_000):
                days.setdefault(row.label, {})[coin] = row
    totals = [DayTotal(label, sum(row.long_usd for row in of.values()),
                       sum(row.short_usd for row in of.values()),
                       tuple((coin, row.usd) for coin, row in of.items()))
              for label, of in days.items()]
    totals.sort(key=lambda row: (-(row.long_usd + row.short_usd), row.label))
    return tuple(totals[:count])


def _closes(market: Market, bars: pa.Table | None) -> tuple[float, ...]:
    if bars is None:
        return ()
    line = np.full(POINTS, np.nan)
    line[_point(market, numbers(bars, "close_ns"))] = numbers(bars, "close")  # the last one stands
    return tuple(line.tolist())


def _providers(events: pa.Table) -> tuple[str, ...]:
    return tuple(sorted(set(counted(events)[0].column("provider").unique().to_pylist())))


def _sums(market: Market, events: pa.Table | None) -> tuple[float, ...]:
    if events is None:
        return ()
    rows, _ = counted(events)
    stamps = numbers(rows, "ts")
    within = (stamps > market.start_ns) & (stamps <= market.end_ns)
    usd: Floats = numbers(rows, "notional_usd")[within]
    return tuple(np.bincount(_point(market, stamps[within]), weights=usd,
                             minlength=POINTS).tolist())


def _point(market: Market, stamps: Ints) -> Ints:
    """Which sixtieth of the market's range each time lies in."""
    span = max(market.end_ns - market.start_ns, 1)
    return np.clip((stamps - market.start_ns - 1) * POINTS // span, 0, POINTS - 1)
