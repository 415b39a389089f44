"""The facts of a dataset for ``data show``: what it is, what it holds, where that came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deleverage.feeds.dataset import Dataset
from deleverage.feeds.liquidations import TOTAL, venues_of
from deleverage.feeds.tables import SCHEMAS, numbers
from deleverage.instrument import Instrument
from deleverage.market import Coverage
from deleverage.timestamps import DAY, show, show_step


@dataclass(frozen=True, slots=True)
class TableFacts:
    """One table: rows, times of the first and the last, where it came from."""

    name: str
    rows: int
    first: str
    last: str
    provenance: str


@dataclass(frozen=True, slots=True)
class LiquidationDay:
    """Liquidated notional of one calendar day in UTC, in USD; ``venues`` are those that count."""

    day: str
    long_usd: float
    short_usd: float
    events: int
    venues: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything ``data show`` prints; times as UTC text, money in USD."""

    name: str
    path: str
    instrument: Instrument
    step: str
    mark_step: str | None
    start: str
    end: str
    bars: int
    synthetic: bool
    sha256: str
    tables: tuple[TableFacts, ...]
    coverage: tuple[Coverage, ...]
    notes: dict[str, Any]
    largest_days: tuple[LiquidationDay, ...]


def summary(dataset: Dataset, days: int = 5) -> Summary:
    """The facts of ``dataset``, with its ``days`` largest liquidation days if it has any.

    Reads every table, so raises what :meth:`Dataset.table` raises.
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
    return Summary(
        name=market.name, path=str(dataset.path), instrument=market.instrument,
        step=show_step(market.step_ns),
        mark_step=show_step(market.mark_step_ns) if market.mark_step_ns else None,
        start=show(market.start_ns), end=show(market.end_ns),
        bars=tables["bars"].num_rows, synthetic=market.synthetic, sha256=dataset.sha256,
        tables=tuple(facts), coverage=market.coverage, notes=dict(market.notes),
        largest_days=_largest_days(events, days) if events is not None else (),
    )


def _largest_days(table: pa.Table, count: int) -> tuple[LiquidationDay, ...]:
    """The days with most liquidated notional by the events' own time. Where a vendor's total (venue
    ``all``) is there, it counts and the single venues do not."""
    names = venues_of(table)
    if TOTAL in names:
        table, names = table.filter(pa.array(names == TOTAL)), names[names == TOTAL]
    if not table.num_rows:
        return ()
    day = numbers(table, "ts") // DAY
    usd = numbers(table, "notional_usd")
    is_long = pc.equal(table.column("liq_side"), "long").to_numpy()
    found, at = np.unique(day, return_inverse=True)
    long = np.bincount(at, weights=usd * is_long)
    short = np.bincount(at, weights=usd * ~is_long)
    events = np.bincount(at)
    largest = np.argsort(-(long + short), kind="stable")[:count]
    venues = tuple(sorted(set(names.tolist())))
    return tuple(LiquidationDay(show(int(found[k]) * DAY)[:10], float(long[k]), float(short[k]),
                                int(events[k]), venues) for k in largest)
