"""New tables joined to those of a dataset. What is there stays; what differs is told, not averaged.

Rows of the same time: the dataset's stand. Events of a venue's feed from another provider than the
dataset's: those in times that the dataset does not cover yet are taken, the others only compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deleverage.errors import UsageError
from deleverage.feeds.assembling import Assembled
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.event_union import SAME as SAME_EVENT
from deleverage.feeds.event_union import joined
from deleverage.feeds.tables import SCHEMAS, canonical, numbers
from deleverage.feeds.writing import Rows
from deleverage.market import Coverage, Market
from deleverage.timestamps import show, show_step


@dataclass(frozen=True, slots=True)
class Merged:
    """The dataset's tables with the new rows in them. ``changed`` is False where all was there."""

    market: Market
    tables: Mapping[str, pa.Table]
    notes: tuple[str, ...]
    changed: bool


def merged(dataset: Dataset, new: Assembled) -> Merged:
    """``new`` joined to ``dataset``. Raises UsageError for bars of another step."""
    old = dataset.market
    tables = {name: dataset.table(name) for name in dataset.tables}
    if new.step_ns and old.step_ns and new.step_ns != old.step_ns:
        raise UsageError(f"{dataset.path}: has bars of {show_step(old.step_ns)}, these are of "
                         f"{show_step(new.step_ns)} (--timeframe chooses, --replace starts anew)")
    if "mark" in tables and new.mark_step_ns and new.mark_step_ns != old.mark_step_ns:
        raise UsageError(f"{dataset.path}: has a mark of "
                         f"{show_step(old.mark_step_ns or old.step_ns)}, this one is of "
                         f"{show_step(new.mark_step_ns)} (--replace starts anew)")
    notes: list[str] = []
    changed = False
    covers = [cover for cover in old.coverage if cover.table in ("liquidations", "open_interest")]
    for name, found in new.tables.items():
        table = pa.concat_tables(list(found.parts)) if isinstance(found, Rows) else found
        table = canonical(name, table)
        if name not in tables:
            tables[name], changed = table, True
            continue
        if name == "liquidations":
            joint = _events(tables[name], table, covers, new.coverage, notes)
        elif name == "context":
            joint = _context(tables[name], table)
        else:
            joint = _clocked(name, tables[name], table, notes)
        changed |= joint is not tables[name]
        tables[name] = joint
    own = [cover for cover in new.coverage if cover.table in ("liquidations", "open_interest")]
    coverage = tuple(joined([*covers, *own]))
    changed |= set(coverage) != set(joined(covers))
    provenance = dict(old.provenance)
    for name, text in new.provenance.items():
        before = provenance.get(name)
        if before is None:
            provenance[name] = text
        elif text not in before.split("; "):
            provenance[name] = f"{before}; {text}"
    market = replace(
        old, instrument=new.instrument if new.step_ns and not old.step_ns else old.instrument,
        step_ns=old.step_ns or new.step_ns, mark_step_ns=old.mark_step_ns or new.mark_step_ns,
        coverage=coverage, provenance=MappingProxyType(provenance))
    return Merged(market, tables, tuple(notes), changed)


def _clocked(name: str, old: pa.Table, new: pa.Table, notes: list[str]) -> pa.Table:
    """Rows by time, the dataset's before the new; ``old`` itself where nothing is new."""
    clock = SCHEMAS[name].clock
    there, come = numbers(old, clock), numbers(new, clock)
    at = np.minimum(np.searchsorted(there, come), len(there) - 1)
    known = there[at] == come
    differ = np.zeros(len(come), np.bool_)
    for column in SCHEMAS[name].columns:
        if pa.types.is_floating(old.schema.field(column).type):
            mine, other = numbers(old, column)[at], numbers(new, column)
            differ |= known & (mine != other) & ~(np.isnan(mine) & np.isnan(other))
    if known.any():
        text = f"{name}: {int(known.sum()):,} of {len(come):,} rows were there already"
        if differ.any():
            text += (f"; {int(differ.sum()):,} say something else (the first at "
                     f"{show(int(come[np.argmax(differ)]))}): the dataset's stand")
        notes.append(text)
    if known.all():
        return old
    table = pa.concat_tables([old, new.filter(pa.array(~known))], promote_options="default")
    return table.take(pa.array(np.argsort(numbers(table, clock), kind="stable")))


def _context(old: pa.Table, new: pa.Table) -> pa.Table:
    rows = {tuple(row.values()) for row in old.to_pylist()}
    fresh = np.array([tuple(row.values()) not in rows for row in new.to_pylist()], np.bool_)
    if not fresh.any():
        return old
    table = pa.concat_tables([old, new.filter(pa.array(fresh))], promote_options="default")
    return table.take(pa.array(np.argsort(numbers(table, "available_at"), kind="stable")))


def _events(old: pa.Table, new: pa.Table, covers: Sequence[Coverage],
            own: Sequence[Coverage], notes: list[str]) -> pa.Table:
    """The dataset's events, and of the new ones those that it does not know."""
    known, revised = _known(old, new)
    keep = ~known
    again = int(known.sum())
    if again:
        notes.append(f"liquidations: {again:,} events were there already")
    if revised:
        notes.append(f"liquidations: {revised:,} sums of the dataset say something else: they "
                     "stand")
    stamps = numbers(new, "ts")
    for venue, theirs, ours in _rivals(covers, own):
        of_venue = pc.equal(new.column("venue"), venue).to_numpy(zero_copy_only=False)
        inside = np.zeros(len(stamps), np.bool_)
        for cover in theirs:
            inside |= (stamps >= cover.start_ns) & (stamps <= cover.end_ns)
        inside &= of_venue
        notes += _compared(old, new.filter(pa.array(inside)), venue, theirs, ours)
        keep &= ~inside
    if not keep.any():
        return old
    table = pa.concat_tables([old, new.filter(pa.array(keep))], promote_options="default")
    return table.take(pa.array(np.argsort(numbers(table, "ts"), kind="stable")))


def _known(old: pa.Table, new: pa.Table) -> tuple[np.ndarray, int]:
    """Events of ``new`` that ``old`` has from the same provider, each as often as it has it.

    Of a sum there is one to a bar, whatever it says: how many say something else comes second.
    """
    names = [*SAME_EVENT, "provider"]
    mine, come = (table.select([*names, "completeness"]).to_pandas() for table in (old, new))
    for frame in (mine, come):
        for name in ("venue", "symbol", "liq_side", "provider", "completeness"):
            frame[name] = frame[name].astype(str)
        frame["nth"] = frame.groupby(names, sort=False, dropna=False).cumcount()
    found = come.merge(mine[[*names, "nth"]].assign(known=True), how="left", on=[*names, "nth"])
    same = found["known"].notna().to_numpy()
    bar = [*SAME_EVENT[:4], "provider"]
    told = mine.loc[mine["completeness"] == "aggregate", bar].drop_duplicates()
    summed = come[bar].merge(told.assign(told=True), how="left", on=bar)["told"].notna().to_numpy()
    summed = summed & (come["completeness"] == "aggregate").to_numpy()
    return same | summed, int((summed & ~same).sum())


def _rivals(covers: Sequence[Coverage], own: Sequence[Coverage]
            ) -> Iterator[tuple[str, list[Coverage], list[Coverage]]]:
    """Venues told by another provider than the dataset's, with both providers' intervals."""
    for venue in sorted({cover.venue for cover in own if cover.table == "liquidations"}):
        ours = [cover for cover in own if (cover.table, cover.venue) == ("liquidations", venue)]
        providers = {cover.provider for cover in ours}
        theirs = [cover for cover in covers
                  if (cover.table, cover.venue) == ("liquidations", venue)
                  and cover.provider not in providers]
        if theirs:
            yield venue, theirs, ours


def _compared(old: pa.Table, new: pa.Table, venue: str, theirs: Sequence[Coverage],
              ours: Sequence[Coverage]) -> Iterator[str]:
    """Both providers' totals where both cover the venue: told, never averaged."""
    spans = [(max(a.start_ns, b.start_ns), min(a.end_ns, b.end_ns))
             for a in theirs for b in ours if max(a.start_ns, b.start_ns) < min(a.end_ns, b.end_ns)]
    if not spans:
        return
    stamps = numbers(old, "ts")
    within = np.zeros(len(stamps), np.bool_)
    for start, end in spans:
        within |= (stamps >= start) & (stamps <= end)
    within &= pc.equal(old.column("venue"), venue).to_numpy(zero_copy_only=False)
    there = old.filter(pa.array(within))
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    yield (f"liquidations of {venue}, {show(first)} to {show(last)}: "
           f"{theirs[0].provider} has {there.num_rows:,} rows of "
           f"{float(numbers(there, 'notional_usd').sum()):,.0f} USD, {ours[0].provider} "
           f"{new.num_rows:,} of {float(numbers(new, 'notional_usd').sum()):,.0f} USD; the "
           "dataset's stand")
