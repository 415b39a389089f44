"""Liquidations of many files as one table in order of time, and what each venue's feed covered.

An overlap of two files adds nothing, and equal orders of one moment are not lost: an event counts
as often as the file with most of it has it. Of a bar's sum told twice the later file's stands.
Files whose times do not overlap are never in memory together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deleverage.feeds.readers.parsing.values import coded
from deleverage.feeds.staging import Part, Staged
from deleverage.feeds.tables import SCHEMAS, numbers, texts
from deleverage.feeds.valuing import Closes, Valued, in_usd
from deleverage.feeds.writing import Rows
from deleverage.market import Coverage
from deleverage.timestamps import HOUR

IN_MEMORY = 500_000  # rows; a longer table is handed on in parts kept on disk
_APART = HOUR  # files of one feed this far apart leave a hole in what it covers
SAME = ["ts", "venue", "symbol", "liq_side", "qty_base", "price", "notional_usd"]


def united(staged: Sequence[Staged], parts: Sequence[Part], coin: str, notes: list[str],
           scratch: Path, closes: Closes) -> tuple[pa.Table | Rows | None, list[Coverage]]:
    """All events of ``coin``, and the intervals in which each venue's feed was alive.

    ``closes`` values sums that a vendor tells in coins. Raises UsageError for events whose size in
    USD nothing tells.
    """
    provider = {part.file: each.provider for each in staged for part in each.parts}
    said = {part.file: {cover.venue for cover in each.log.coverage
                        if cover.table == "liquidations"}
            for each in staged for part in each.parts}
    common = set.intersection(*(set(part.rows().column_names) for part in parts))
    done = _Table(scratch)
    covers: list[Coverage] = []
    again = others = 0
    valued = Valued()
    for group in _overlapping(parts):
        tables = []
        for number, part in enumerate(group):
            table, left = _of_coin(part.rows().select(sorted(common)), coin)
            others += left
            if table.num_rows:
                table = in_usd(table, part.source, closes, valued)
            if table.num_rows:
                covers += [cover for cover in _shown(part, table, provider[part.file])
                           if cover.venue not in said[part.file]]
                tables.append(_signed(table, part, provider[part.file], number))
        if len(tables) == 1:
            for piece in _ordered(tables[0]):
                done.add(piece)
        elif tables:
            table, repeated = _union(tables)
            again += repeated
            done.add(table)
    if others:
        notes.append(f"liquidations: {others:,} rows of other coins left out")
    if again:
        notes.append(f"liquidations: {again:,} events that came again in another file left out")
    valued.told(notes)
    covers += [cover for each in staged for cover in each.log.coverage
               if cover.table == "liquidations"]
    return done.table(), joined(covers)


def _overlapping(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Parts in groups that share no moment with each other, in order of time."""
    ordered = sorted(parts, key=lambda part: (part.first, part.last, part.source))
    group: list[Part] = []
    until = 0
    for part in ordered:
        if group and part.first > until:
            yield group
            group = []
        until = max(until, part.last) if group else part.last
        group.append(part)
    if group:
        yield group


def _of_coin(table: pa.Table, coin: str) -> tuple[pa.Table, int]:
    """The rows of one coin, and how many were of another."""
    names = texts(table, "base")
    fits = np.array([each == coin for each in names.dictionary.to_pylist()], np.bool_)
    own = fits[names.indices.to_numpy()] if len(fits) else np.zeros(0, np.bool_)
    count = int(own.sum())
    if count == table.num_rows:
        return table, 0
    return table.filter(pa.array(own)), table.num_rows - count


def _shown(part: Part, table: pa.Table, provider: str) -> Iterator[Coverage]:
    """What the rows themselves show to be covered, per venue and completeness."""
    groups = table.group_by(["venue", "completeness"], use_threads=False).aggregate(
        [("ts", "min"), ("ts", "max")])
    for row in groups.to_pylist():
        venue, completeness = row["venue"], row["completeness"]
        if completeness != "aggregate":
            yield Coverage("liquidations", venue, provider, row["ts_min"], row["ts_max"],
                           completeness)
            continue
        own = pc.and_(pc.equal(table.column("venue"), venue),
                      pc.equal(table.column("completeness"), completeness))
        ends = np.unique(numbers(table.filter(own), "available_at"))
        step = part.step_ns or (int(np.diff(ends).min()) if len(ends) > 1 else HOUR)
        starts = ends - step
        new = np.append(True, starts[1:] > ends[:-1])
        last = np.append(new[1:], True)
        for first, end in zip(starts[new], ends[last], strict=True):
            yield Coverage("liquidations", venue, provider, int(first), int(end), "aggregate")


def joined(covers: Iterable[Coverage]) -> list[Coverage]:
    """Intervals of one feed that touch (of events: less than an hour apart) as one, in order."""
    found: list[Coverage] = []
    ordered = sorted(covers, key=lambda each: (each.venue, each.provider, each.completeness,
                                               each.start_ns, each.end_ns))
    for cover in ordered:
        before = found[-1] if found else None
        same = before is not None and (before.table, before.venue, before.provider,
                                       before.completeness) == (
            cover.table, cover.venue, cover.provider, cover.completeness)
        apart = 1 if cover.completeness == "aggregate" else _APART
        if before is not None and same and cover.start_ns < before.end_ns + apart:
            found[-1] = Coverage(before.table, before.venue, before.provider, before.start_ns,
                                 max(before.end_ns, cover.end_ns), before.completeness)
        else:
            found.append(cover)
    return found


def _signed(table: pa.Table, part: Part, provider: str, number: int) -> pa.Table:
    """Rows with their provider and file."""
    count = table.num_rows
    return (table.append_column("provider", coded(provider, count))
            .append_column("source_file", coded(part.source, count))
            .append_column("_part", pa.array(np.full(count, number, np.int32))))


def _union(tables: Sequence[pa.Table]) -> tuple[pa.Table, int]:
    """Rows of files that overlap, by time; what another file of them already said is left out."""
    table = pa.concat_tables(tables, promote_options="default").unify_dictionaries()
    again = 0
    if len(tables) > 1:
        import pandas as pd  # only here: most imports do without

        frame = pd.DataFrame({name: _codes(table, name) for name in [*SAME, "_part"]})
        nth = frame.groupby([*SAME, "_part"], sort=False, dropna=False).cumcount()
        repeated = frame.assign(nth=nth).duplicated([*SAME, "nth"]).to_numpy(copy=True)
        summed = pc.equal(table.column("completeness"), "aggregate").to_numpy(zero_copy_only=False)
        if summed.any():  # a bar is told again with another sum: vendors revise, the last stands
            repeated[summed] = frame[summed].duplicated(SAME[:4], keep="last").to_numpy()
        again = int(repeated.sum())
        if again:
            table = table.filter(pa.array(~repeated))
    return next(_ordered(table, table.num_rows)), again


def _ordered(table: pa.Table, rows: int = 0) -> Iterator[pa.Table]:
    """The rows by time, so many at a time (``IN_MEMORY`` by default): a file of many millions is
    mapped from disk and never whole in memory."""
    first = [name for name in SCHEMAS["liquidations"].columns if name in table.column_names]
    rest = sorted(set(table.column_names) - {*first, "_part"})
    stamps, table = numbers(table, "ts"), table.select([*first, *rest])
    order = np.argsort(stamps, kind="stable") if (np.diff(stamps) < 0).any() else None
    step = rows or IN_MEMORY
    for start in range(0, table.num_rows, step):
        yield (table.slice(start, step) if order is None
               else table.take(pa.array(order[start:start + step])))


def _codes(table: pa.Table, name: str) -> np.ndarray:
    if pa.types.is_dictionary(table.schema.field(name).type):
        return np.asarray(texts(table, name).indices)
    return numbers(table, name)


class _Table:
    """A growing table: in memory while it is short, on disk beyond."""

    def __init__(self, scratch: Path) -> None:
        self.scratch, self.short = scratch, list[pa.Table]()
        self.files: list[Path] = []
        self.count = self.held = 0

    def add(self, table: pa.Table) -> None:
        self.short.append(table)
        self.count += table.num_rows
        self.held += table.num_rows
        if self.held > IN_MEMORY:
            self._spill()

    def _spill(self) -> None:
        self.scratch.mkdir(parents=True, exist_ok=True)
        file = self.scratch / f"events-{len(self.files)}.arrow"
        table = self._joined()
        with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        self.files.append(file)
        self.short, self.held = [], 0

    def _joined(self) -> pa.Table:
        return pa.concat_tables(self.short, promote_options="default").unify_dictionaries()

    def table(self) -> pa.Table | Rows | None:
        """All rows; a long table in parts that are mapped from disk one after the other."""
        if not self.files:
            return self._joined() if self.short else None
        if self.short:
            self._spill()
        return Rows(_Mapped(self.files), self.count)


class _Mapped:
    """Tables in files, each mapped from disk when its turn comes, as often as they are gone
    through."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files

    def __iter__(self) -> Iterator[pa.Table]:
        for file in self.files:
            with pa.memory_map(str(file)) as source, pa.ipc.open_file(source) as reader:
                yield reader.read_all()
