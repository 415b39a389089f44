"""Vendors' files to a dataset: read everything, check it together, write it whole.

An import into a dataset that is there joins it (:mod:`deleverage.feeds.merging`); the same files
again change nothing. One that was stopped goes on where it was: what it had read lies beside the
dataset until it is written.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa

from deleverage.errors import DataError, DeleverageError, MissingTable, UsageError
from deleverage.feeds import market_file, readers, sides
from deleverage.feeds.assembling import Assembled, assembled
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.merging import merged
from deleverage.feeds.readers.protocol import (
    FileReader,
    NotAnInput,
    Progress,
    Reader,
    Reading,
    Request,
    existing,
    silent,
)
from deleverage.feeds.staging import Staged, stage
from deleverage.feeds.tables import numbers
from deleverage.feeds.writing import Rows, alone, refuse_other, write_dataset
from deleverage.market import Market
from deleverage.timestamps import show_step

AUTO = "auto"  # the source that is told file by file
CONVENTIONS = ("order", "position")
_SAME_COIN = 0.05  # open interest in USD per coin may differ from the last price by this share


def import_dataset(
    source: str,
    paths: Sequence[str | Path],
    out: str | Path,
    symbol: str | None = None,
    venue: str | None = None,
    *,
    timeframe: str | None = None,
    open_interest: str | Path | None = None,
    open_interest_venue: str | None = None,
    name: str | None = None,
    progress: Progress | None = None,
    contract_size: float | None = None,
    side: str | None = None,
    allow_bad_checksum: bool = False,
    columns: Mapping[str, Any] | None = None,
    fresh: bool = False,
) -> tuple[Dataset, tuple[str, ...]]:
    """Read ``paths`` with the reader called ``source`` (``auto``: told file by file) into ``out``.

    A dataset at ``out`` is joined, with ``fresh`` replaced. ``open_interest`` is a CSV added as a
    table, ``open_interest_venue`` whose it is. ``contract_size`` (coins) and ``side`` (order |
    position) are what a file does not tell, ``columns`` the map of the generic reader. Returns the
    dataset and the notes: what was chosen, snapped, left out. Nothing is written unless all of it
    can be. Raises what the readers raise, UnknownName for a source nobody knows.
    """
    if side is not None and side not in CONVENTIONS:
        raise UsageError(f"the side convention is one of {', '.join(CONVENTIONS)}, found {side!r}")
    request = Request(symbol, venue, timeframe, progress or silent, contract_size, side,
                      allow_bad_checksum, columns)
    target = Path(out)
    files = [Path(path) for path in paths]
    reader = _sniffed(files) if source == AUTO else readers.get(source)
    with alone(target), _disk(target):
        refuse_other(target)
        into = Dataset.open(target) if (target / market_file.FILE).is_file() and not fresh else None
        if reader is None or isinstance(reader, FileReader):
            return _from_files(reader, files, request, target, into, name)
        new = _whole(reader, files, request, open_interest, open_interest_venue, into)
        return _written(target, into, new, request, name)


@contextlib.contextmanager
def _disk(target: Path) -> Iterator[None]:
    """A full disk, told by libraries without the file's name, is a DataError with the dataset's."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise DataError(f"{target}: cannot be written: {os.strerror(error.errno)}") from None


def _sniffed(paths: Sequence[Path]) -> Reader | None:
    """The reader that takes a single path whole, or None: files are told one by one."""
    if len(paths) != 1 or not paths[0].exists():
        return None
    found = readers.sniff(paths[0])
    return None if found is None or isinstance(found, FileReader) else found


def _from_files(reader: FileReader | None, paths: Sequence[Path], request: Request, target: Path,
                into: Dataset | None, name: str | None) -> tuple[Dataset, tuple[str, ...]]:
    """Files read one by one, what is read kept beside the dataset until it is written."""
    place = target.with_name(f".{target.name}.import")
    joins = None if into is None else into.market.instrument
    if joins is not None and into is not None:
        request = replace(request, symbol=request.symbol or joins.base)
        if not into.market.step_ns:
            joins = None  # events alone: what comes decides whose bars they lie under
    try:
        staged, skipped = _staged(reader, paths, request, place)
        bars = into.table("bars") if into is not None and "bars" in into.tables else None
        new = assembled(staged, request, joins, place / "scratch", bars)
        new = replace(new, notes=(*skipped, *new.notes))
        done = _written(target, into, new, request, name)
    except (DeleverageError, OSError):
        shutil.rmtree(place, ignore_errors=True)
        raise
    shutil.rmtree(place, ignore_errors=True)
    return done


def _staged(reader: FileReader | None, paths: Sequence[Path], request: Request,
            place: Path) -> tuple[list[Staged], list[str]]:
    """Every file read; those of a folder that no dataset holds are named in notes."""
    found: list[Staged] = []
    skipped: list[str] = []
    listed = _files(paths)
    for done, (path, named) in enumerate(listed):
        request.progress(path.name, done, len(listed))
        try:
            chosen, kind = _recognised(reader, path)
            found.append(stage(place, chosen, path, kind, request))
        except NotAnInput:
            if named:
                raise
            skipped.append(f"{path.name}: not an input of a dataset, left out")
    request.progress("read", len(listed), len(listed))
    if not found:
        raise MissingTable(f"{paths[0]}: no file of a known source in it")
    return found, _few(skipped)


def _few(notes: list[str]) -> list[str]:
    if len(notes) <= 5:
        return notes
    return [*notes[:4], f"… and {len(notes) - 4} more files that are no input of a dataset"]


def _files(paths: Sequence[Path]) -> list[tuple[Path, bool]]:
    """All files, and whether each was named itself; folders are gone through in order of names."""
    found: dict[Path, bool] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*")
                            if file.is_file() and not file.name.startswith("."))
            found.update({file: found.get(file, False) for file in inside
                          if not file.name.endswith((".CHECKSUM", ".md", ".txt", ".toml"))})
        else:
            found[existing(path)] = True
    if not found:
        raise MissingTable(f"{paths[0]}: no files in it")
    return list(found.items())


def _recognised(reader: FileReader | None, path: Path) -> tuple[FileReader, str]:
    """Who reads ``path`` and what it is; another vendor's file is refused by name."""
    existing(path)
    kinds = readers.kinds(path)
    if reader is None:
        own = {name: kind for name, kind in kinds.items()
               if isinstance(readers.get(name), FileReader)}
        if len(own) != 1:
            what = " or ".join(f"{kind} ({name})" for name, kind in own.items())
            raise DataError(f"{path}: " + (f"could be {what}: name the source" if own else
                                           _unknown(path)))
        chosen = readers.get(next(iter(own)))
        assert isinstance(chosen, FileReader)
        return chosen, own[chosen.name]
    if reader.name in kinds:
        return reader, kinds[reader.name]
    if reader.name == "generic":  # a map may be wanted for a file that a vendor's reader knows, too
        return reader, reader.about
    if kinds:
        other, kind = next(iter(kinds.items()))
        raise DataError(f"{path}: not a file of {reader.name}; it looks like {kind} "
                        f"(source {other})")
    raise DataError(f"{path}: {_unknown(path)}")


def _unknown(path: Path) -> str:
    """What stands at the start of a file that no reader knows."""
    from deleverage.feeds import archives

    packed = archives.packing(path)
    text = archives.head(path)[:60].split(b"\n")[0].decode("utf-8", "replace")
    inside = f"{packed} with " if packed else ""
    return (f"no reader knows this file (it starts with {inside}{text!r}; known sources: "
            f"{', '.join(readers.names())}; generic takes a map of columns)")


def _whole(reader: Reader, paths: Sequence[Path], request: Request,
           open_interest: str | Path | None, whose: str | None,
           into: Dataset | None) -> Assembled:
    """A folder or file read at once, its open interest beside it."""
    reading = reader.read(paths, request)
    instrument, step = reading.instrument, reading.step_ns
    if (instrument is None or step is None) and into is None:
        raise UsageError(f"{reader.name} gives {', '.join(reader.gives)} only: bars are needed "
                         "for a dataset")
    if open_interest is not None:
        interest = readers.get("open-interest-csv")
        assert not isinstance(interest, FileReader)
        added = interest.read([Path(open_interest)], replace(request, venue=whose))
        if "bars" in reading.tables:
            _same_coin(reading.tables["bars"], added.tables["open_interest"], str(open_interest))
        reading = _together(reading, added)
    known = instrument or (into.market.instrument if into else None)
    assert known is not None
    return Assembled(known, step or 0, reading.mark_step_ns, reading.tables, reading.provenance,
                     reading.coverage, reading.notes)


def _together(first: Reading, second: Reading) -> Reading:
    tables: Mapping[str, pa.Table] = {**first.tables, **second.tables}
    return replace(first, tables=tables, provenance={**first.provenance, **second.provenance},
                   notes=first.notes + second.notes, coverage=first.coverage + second.coverage)


def _same_coin(bars: pa.Table, interest: pa.Table, file: str) -> None:
    """Refuse open interest whose price per coin is not this instrument's (another coin's file)."""
    coins, usd = numbers(interest, "oi_base"), numbers(interest, "oi_usd")
    close_ns, close = numbers(bars, "close_ns"), numbers(bars, "close")
    stamps = numbers(interest, "ts")
    at = np.searchsorted(close_ns, stamps, side="right") - 1
    known = (at >= 0) & (stamps <= close_ns[-1]) & (coins > 0) & np.isfinite(usd)
    if not known.any():
        return
    price = float(np.median(usd[known] / coins[known]))
    last = float(np.median(close[at[known]]))
    if abs(price / last - 1) > _SAME_COIN:
        raise DataError(f"{file}: oi_usd / oi is {price:,.2f} where the bars trade at {last:,.2f}: "
                        "another instrument's open interest?")


# ------------------------------------------------------------------ writing


def _written(target: Path, into: Dataset | None, new: Assembled, request: Request,
             name: str | None) -> tuple[Dataset, tuple[str, ...]]:
    """The new tables as a dataset of their own, or joined to the one that is there."""
    notes = new.notes
    if into is None:
        market = _market(new, name)
        tables = new.tables
    else:
        joint = merged(into, new)
        notes += joint.notes
        if not joint.changed and name in (None, into.market.name):
            return into, (*notes, "nothing new: the dataset is as it was")
        market, tables = joint.market, joint.tables
        if name is not None:
            market = replace(market, name=name)
    if "open_interest" in new.tables:
        _one_coin(tables)
    notes += _sides(tables, request)
    before = list(market.notes.get("import", ()))
    told = [*before, *(note for note in notes if note not in before)]
    market = replace(market, notes=MappingProxyType({**market.notes, "import": told}))
    return write_dataset(target, market, tables), notes


def _market(new: Assembled, name: str | None) -> Market:
    """A market for the tables; its range is that of the bars, without them that of all rows."""
    coin = new.instrument
    step = f" {show_step(new.step_ns)}" if new.step_ns else ""
    start, end = 0, 0
    if "bars" not in new.tables:
        start = min((cover.start_ns for cover in new.coverage), default=0)
        end = max((cover.end_ns for cover in new.coverage), default=0)
    return Market(coin, new.step_ns, start, end, name=name or f"{coin.symbol} {coin.venue}{step}",
                  mark_step_ns=new.mark_step_ns,
                  provenance=MappingProxyType(dict(new.provenance)), coverage=new.coverage)


def _one_coin(tables: Mapping[str, pa.Table | Rows]) -> None:
    """Hold open interest against the bars' price, where there are both."""
    bars, interest = tables.get("bars"), tables["open_interest"]
    if isinstance(bars, pa.Table) and isinstance(interest, pa.Table):
        _same_coin(bars, interest, "table open_interest")


def _sides(tables: Mapping[str, pa.Table | Rows], request: Request) -> tuple[str, ...]:
    """One line per venue on whether its sides fit the prices; DataError where they are inverted."""
    events, bars = tables.get("liquidations"), tables.get("bars")
    if events is None:
        return ()
    has = isinstance(bars, pa.Table) and bars.num_rows > 0
    close_ns = numbers(bars, "close_ns") if has else np.empty(0, np.int64)
    close = numbers(bars, "close") if has else np.empty(0)
    parts = events.parts if isinstance(events, Rows) else [events]
    found = []
    for venue, verdict in sides.by_venue(parts, close_ns, close).items():
        if verdict.state == sides.INVERTED and request.side is None:
            raise DataError(f"liquidations of {venue}: the side looks inverted: only {verdict.why} "
                            "(--side-convention order|position says what it means)")
        found.append(f"sides of {venue}: {verdict.state} ({verdict.why})")
    return tuple(found)
