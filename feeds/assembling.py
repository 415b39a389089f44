"""What was read of many files, put together: one instrument's tables, sorted, each row once.

Of two rows of one time the later file's stands (vendors correct themselves), and how many said
something else is told. Liquidations are put together in :mod:`deleverage.feeds.event_union`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from deleverage.errors import DataError, UsageError
from deleverage.feeds.event_union import united
from deleverage.feeds.intervals import intervals
from deleverage.feeds.readers.protocol import Request
from deleverage.feeds.settlements import JITTER
from deleverage.feeds.staging import Part, Staged
from deleverage.feeds.subject import PRICES, belongs, contract_of, instrument_of
from deleverage.feeds.tables import SCHEMAS, numbers
from deleverage.feeds.valuing import closes_of, in_coins
from deleverage.feeds.writing import Rows
from deleverage.instrument import Instrument
from deleverage.market import Coverage
from deleverage.timestamps import parse_step, show, show_step


@dataclass(frozen=True, slots=True)
class Assembled:
    """One import, ready to be written or merged. ``step_ns`` is 0 without bars."""

    instrument: Instrument
    step_ns: int
    mark_step_ns: int | None
    tables: Mapping[str, pa.Table | Rows]
    provenance: Mapping[str, str]
    coverage: tuple[Coverage, ...]
    notes: tuple[str, ...]


def assembled(staged: Sequence[Staged], request: Request, into: Instrument | None,
              scratch: Path, bars: pa.Table | None = None) -> Assembled:
    """The tables in ``staged`` (in the order of their files) about one instrument.

    ``into`` is the instrument of the dataset they are to join, None for a new one. ``scratch``
    takes what is too long for memory; ``bars`` are those of the dataset, for the worth of a coin.
    Raises UsageError where the files leave a choice, DataError
    where they contradict each other.
    """
    parts = [part for each in staged for part in each.parts]
    notes = _told(staged)
    if not parts:
        raise DataError(_nothing(staged))
    own, coin = contract_of(parts, request, into)
    instrument = into or instrument_of(own, coin, request, parts)
    kept = [part for part in parts if part.table in ("liquidations", "context") or belongs(
        part, own, instrument)]
    tables: dict[str, pa.Table | Rows] = {}
    steps: dict[str, int] = {}
    for name in PRICES:
        found = _of_step([part for part in kept if part.table == name], request, notes, name)
        if found:
            tables[name] = _latest(name, found, notes)
            steps[name] = found[0].step_ns or 0
    for name in ("funding", "open_interest"):
        found = [part for part in kept if part.table == name]
        if found:
            tables[name] = _latest(name, found, notes)
    own_bars = tables.get("bars")
    closes = closes_of([each for each in (bars, own_bars) if isinstance(each, pa.Table)])
    if "open_interest" in tables:
        interest = in_coins(tables.pop("open_interest"), closes, notes)
        if interest.num_rows:
            tables["open_interest"] = interest
    if "funding" in tables:
        tables["funding"] = _settled(_with_intervals(tables["funding"]))
    coverage = [cover for each in staged for cover in each.log.coverage
                if cover.table not in ("liquidations", "context")]
    events = [part for part in kept if part.table == "liquidations"]
    if events:
        rows, covers = united(staged, events, coin, notes, scratch, closes)
        coverage += covers
        if rows is not None:
            tables["liquidations"] = rows
    context = [part for part in kept if part.table == "context"]
    if context:
        tables["context"] = _context(context, notes)
    if "open_interest" in tables:
        coverage += _interest_coverage(kept, tables["open_interest"], staged)
    if not tables:
        left = "; ".join(note for note in notes if "left out" in note)
        raise DataError(f"none of the {len(staged)} files holds a row of {instrument.symbol}"
                        + (f" ({left})" if left else ""))
    provenance = {name: _provenance(staged, name) for name in tables}
    return Assembled(instrument, steps.get("bars", 0), steps.get("mark"), tables, provenance,
                     tuple(coverage), tuple(notes))


def _told(staged: Sequence[Staged]) -> list[str]:
    """Notes of all files, each once; rows left out summed by their reason."""
    notes: dict[str, None] = {}
    dropped: Counter[str] = Counter()
    for each in staged:
        notes.update(dict.fromkeys(each.log.notes))
        dropped.update(each.log.dropped)
    return [*notes, *(f"{count:,} rows left out: {reason}" for reason, count in dropped.items())]


def _nothing(staged: Sequence[Staged]) -> str:
    reasons = "; ".join(_told(staged))
    names = staged[0].name if len(staged) == 1 else f"{len(staged)} files"
    return f"{names}: no rows" + (f" ({reasons})" if reasons else "")


# ------------------------------------------------------------------ tables on a clock


def _of_step(parts: list[Part], request: Request, notes: list[str], name: str) -> list[Part]:
    """The parts of the step asked for, else of the finest; the others are named."""
    steps = sorted({part.step_ns or 0 for part in parts})
    if len(steps) < 2 and not (name == "bars" and request.timeframe and steps):
        return parts
    wanted = steps[0]
    if name == "bars" and request.timeframe is not None:
        wanted = parse_step(request.timeframe)
        if wanted not in steps:
            raise UsageError(f"no bars of {request.timeframe} in these files (found: "
                             f"{', '.join(map(show_step, steps))})")
    others = ", ".join(show_step(step) for step in steps if step != wanted)
    if others:
        notes.append(f"{name}: took the rows of {show_step(wanted)}, left those of {others}")
    return [part for part in parts if part.step_ns == wanted]


def _latest(name: str, parts: Sequence[Part], notes: list[str]) -> pa.Table:
    """All rows by time; of several of one time the last read."""
    keep = [*SCHEMAS[name].columns, *SCHEMAS[name].optional]
    tables = [part.rows() for part in parts]
    tables = [table.select([column for column in keep if column in table.column_names])
              for table in tables]
    table = pa.concat_tables(tables, promote_options="default").combine_chunks()
    clock = numbers(table, SCHEMAS[name].clock)
    order = np.argsort(clock, kind="stable")
    last = np.append(np.diff(clock[order]) != 0, True)
    if not last.all():
        again = int((~last).sum())
        differ, first = _differing(table, order, last, SCHEMAS[name].clock)
        text = f"{name}: {again:,} rows that came again left out"
        if differ:
            text += (f"; {differ:,} of them said something else (the first at {show(first)}), the "
                     "last read stand")
        notes.append(text)
    return table.take(pa.array(order[last]))


def _differing(table: pa.Table, order: np.ndarray, last: np.ndarray,
               clock: str) -> tuple[int, int]:
    """How many of the rows left out are not the row that stands, and the time of the first."""
    stamps = numbers(table, clock)[order]
    stands = np.flatnonzero(last)[np.searchsorted(stamps[last], stamps)]
    odd = np.zeros(len(order), np.bool_)
    for name in table.column_names:
        if pa.types.is_floating(table.schema.field(name).type):
            values = numbers(table, name)[order]
            other = values[stands]
            odd |= (values != other) & ~(np.isnan(values) & np.isnan(other))
    odd &= ~last
    return int(odd.sum()), int(stamps[np.argmax(odd)]) if odd.any() else 0


def _with_intervals(table: pa.Table) -> pa.Table:
    """Funding with the hours of each row: the vendor's, else read from the distances."""
    hours = numbers(table, "interval_h")
    if not np.isnan(hours).any():
        return table
    own = np.where(np.isnan(hours), intervals(numbers(table, "ts")), hours)
    return table.set_column(table.column_names.index("interval_h"), "interval_h", pa.array(own))


def _settled(table: pa.Table) -> pa.Table:
    """Funding known at its settlement: the venue's seconds of jitter make nothing a bar later."""
    stamps, known = numbers(table, "ts"), numbers(table, "available_at")
    own = np.where(known - stamps <= JITTER, stamps, known)
    return table.set_column(table.column_names.index("available_at"), "available_at",
                            pa.array(own))


def _context(parts: Sequence[Part], notes: list[str]) -> pa.Table:
    """Context rows by the time they were known; the same row twice counts once."""
    keep = list(SCHEMAS["context"].columns)
    table = pa.concat_tables([part.rows().select(keep) for part in parts]).unify_dictionaries()
    frame = table.to_pandas().sort_values("available_at", kind="stable")
    alone = frame.drop_duplicates()
    if len(alone) < len(frame):
        notes.append(f"context: {len(frame) - len(alone):,} rows that came again left out")
    return pa.Table.from_pandas(alone, preserve_index=False)


def _interest_coverage(parts: Sequence[Part], table: pa.Table | Rows,
                       staged: Sequence[Staged]) -> list[Coverage]:
    """Open interest names its venue; a snapshot stands until the next one is due."""
    said = any(cover.table == "open_interest" for each in staged for cover in each.log.coverage)
    if said or isinstance(table, Rows) or not table.num_rows:
        return []
    stamps, known = numbers(table, "ts"), numbers(table, "available_at")
    venue = next(part.contract.venue for part in parts
                 if part.table == "open_interest" and part.contract is not None)
    usual = int(np.median(np.diff(stamps))) if len(stamps) > 1 else 0
    provider = next(each.provider for each in staged
                    if any(part.table == "open_interest" for part in each.parts))
    return [Coverage("open_interest", venue, provider, int(stamps[0]), int(known.max()) + usual)]


def _provenance(staged: Sequence[Staged], name: str) -> str:
    """Provider and files of one table: the file's hash, or the hash of all their hashes."""
    own = [each for each in staged if any(part.table == name for part in each.parts)]
    providers = ", ".join(dict.fromkeys(each.provider for each in own))
    if len(own) == 1:
        return f"{providers}: {own[0].name} (sha256 {own[0].sha256[:16]})"
    digest = hashlib.sha256("\n".join(sorted(each.sha256 for each in own)).encode()).hexdigest()
    return f"{providers}: {len(own)} files (sha256 of their sums {digest[:16]})"
