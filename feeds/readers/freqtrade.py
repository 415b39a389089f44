"""freqtrade's data directory: candles, mark and funding of futures pairs.

``DIR[/futures]/{BASE}_{QUOTE}_{SETTLE}-{timeframe}-{futures|mark|funding_rate}.feather`` or the
older ``.json.gz`` with rows ``[ms, open, high, low, close, volume]``. Candles and mark are stamped
with their OPEN; the funding rate sits in ``open`` and its stamp is the settlement, with the venue's
milliseconds of jitter. ``date`` is datetime64[ms] in new files and [ns] in old ones. A file's name
gives the step of candles and mark, never the funding interval: that is read from the rows.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import feather

from deleverage.errors import DataError, MissingTable, UsageError, unknown_name
from deleverage.feeds.intervals import intervals
from deleverage.feeds.readers.parsing.values import dated
from deleverage.feeds.readers.protocol import Reading, Request, existing, origin
from deleverage.feeds.readers.venue_names import venue_of
from deleverage.feeds.settlements import snapped
from deleverage.feeds.tables import canonical
from deleverage.instrument import Instrument
from deleverage.timestamps import parse_step, show, show_step

_NAME = re.compile(r"^(?P<base>[A-Za-z0-9]+)_(?P<quote>[A-Za-z0-9]+)_(?P<settle>[A-Za-z0-9]+)-"
                   r"(?P<step>\d+[smhd])-(?P<kind>futures|mark|funding_rate)"
                   r"\.(?P<format>feather|json\.gz)$")
_COLUMNS = ("date", "open", "high", "low", "close", "volume")
UNFOLDED_LIMIT = 1 << 30  # bytes a .json.gz may unfold to: ten years of minutes are a third of it


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    symbol: str
    base: str
    quote: str
    kind: str
    step_ns: int
    format: str


class Freqtrade:
    """Reader of a freqtrade data directory (see the module's text)."""

    name = "freqtrade"
    about = "a freqtrade data directory: candles, mark and funding rate of futures pairs"
    gives: tuple[str, ...] = ("bars", "mark", "funding")

    def sniff(self, path: Path) -> bool:
        """A folder (or its ``futures`` folder) with at least one futures file."""
        return path.is_dir() and any(
            _NAME.match(file.name) for file in _futures_folder(path).iterdir())

    def read(self, paths: Sequence[Path], request: Request) -> Reading:
        """One instrument of the directory (see the Reader protocol)."""
        if len(paths) != 1:
            raise UsageError(f"freqtrade: expected one data directory, found {len(paths)} paths")
        folder = paths[0]
        files = _listed(folder)
        symbol, notes = _chosen(folder, files, request.symbol)
        venue = venue_of(folder, request.venue)
        own = [file for file in files if file.symbol == symbol]
        picked = {kind: _finest(own, kind, request.timeframe, notes)
                  for kind in ("futures", "mark", "funding_rate")}
        bars, mark, funding = picked["futures"], picked["mark"], picked["funding_rate"]
        if bars is None:
            raise MissingTable(f"{folder}: {symbol} has no candles (…-futures file); it has "
                               f"{', '.join(sorted(file.path.name for file in own))}")
        wanted = [file for file in (bars, mark, funding) if file is not None]
        tables, provenance = {}, {}
        for done, file in enumerate(wanted):
            request.progress(file.path.name, done, len(wanted))
            name = {"futures": "bars", "funding_rate": "funding"}.get(file.kind, file.kind)
            tables[name] = _funding(file, notes) if name == "funding" else _candles(file, name)
            provenance[name] = f"freqtrade: {origin(file.path)}"
        request.progress("read", len(wanted), len(wanted))
        for name in ("mark", "funding"):
            if name not in tables:
                notes.append(f"{symbol} has no {name} here: a run needs missing= or mark= for it")
        instrument = Instrument(symbol, venue, base=bars.base, quote=bars.quote)
        return Reading(tables, provenance, tuple(notes), instrument, bars.step_ns,
                       mark.step_ns if mark else None)


READER = Freqtrade()


def _futures_folder(folder: Path) -> Path:
    return folder / "futures" if (folder / "futures").is_dir() else folder


def _listed(folder: Path) -> list[_File]:
    if not folder.is_dir():
        raise MissingTable(f"{folder}: no such folder")
    files = []
    for path in sorted(_futures_folder(folder).iterdir()):
        match = _NAME.match(path.name)
        if match and match["settle"] == match["quote"]:  # the others are coin-margined
            files.append(_File(path, match["base"] + match["quote"], match["base"], match["quote"],
                               match["kind"], parse_step(match["step"]), match["format"]))
    if not files:
        raise MissingTable(f"{folder}: no freqtrade futures files (expected names like "
                           "ETH_USDT_USDT-5m-futures.feather)")
    return files


def _chosen(folder: Path, files: Sequence[_File], asked: str | None) -> tuple[str, list[str]]:
    """The instrument asked for, or the only one with mark and funding, said in a note."""
    kinds: dict[str, set[str]] = {}
    for file in files:
        kinds.setdefault(file.symbol, set()).add(file.kind)
    if asked is not None:
        plain = re.sub(r"[:].*|[/_-]", "", asked.upper().replace("_USDT_USDT", "_USDT"))
        for symbol in kinds:
            if plain in (symbol.upper(), symbol.upper().removesuffix("USDT")):
                return symbol, []
        raise unknown_name(f"symbol in {folder}", asked, kinds)
    whole = [symbol for symbol, has in kinds.items()
             if {"futures", "mark", "funding_rate"} <= has]
    there = "; ".join(f"{symbol}: {', '.join(sorted(kinds[symbol]))}" for symbol in sorted(kinds))
    if len(whole) != 1:
        found = f"{len(whole)} instruments have" if whole else "no instrument has"
        raise UsageError(f"{folder}: {found} candles, mark and funding; choose with --symbol "
                         f"({there})")
    return whole[0], [f"took {whole[0]}, the only instrument with mark and funding ({there})"]


def _finest(files: Sequence[_File], kind: str, timeframe: str | None,
            notes: list[str]) -> _File | None:
    """Of several files of one kind the finest, feather before json; the others are named."""
    own = sorted((file for file in files if file.kind == kind),
                 key=lambda file: (file.step_ns, file.format))
    if kind == "futures" and timeframe is not None:
        steps = {show_step(file.step_ns) for file in own}
        own = [file for file in own if file.step_ns == parse_step(timeframe)]
        if not own:
            raise unknown_name("timeframe", timeframe, steps)
    if len(own) > 1:
        others = ", ".join(file.path.name for file in own[1:])
        notes.append(f"read {own[0].path.name}, left {others}")
    return own[0] if own else None


def _candles(file: _File, name: str) -> pa.Table:
    """Open-stamped candles as close-stamped rows; the step of the name is held against the rows."""
    raw = vendor_columns(file.path, _COLUMNS[:5] if name == "mark" else _COLUMNS)
    opened = raw.pop("date")
    table = canonical(name, pa.table({"close_ns": opened + file.step_ns, **raw}), str(file.path))
    gaps = np.diff(opened)
    if len(gaps) and gaps.min() != file.step_ns:
        raise DataError(f"{file.path}: the name says {show_step(file.step_ns)}, but its rows are "
                        f"{show_step(int(gaps.min()))} apart (row "
                        f"{int(gaps.argmin()) + 2}, {show(int(opened[gaps.argmin() + 1]))})")
    return table


def _funding(file: _File, notes: list[str]) -> pa.Table:
    raw = vendor_columns(file.path, ("date", "open"))
    stamps, rate = snapped(raw["date"]), raw["open"]
    last = np.append(np.diff(stamps) != 0, True) if len(stamps) else np.empty(0, np.bool_)
    if not last.all():
        notes.append(f"{file.path.name}: {int((~last).sum())} repeated settlements, the last kept")
    stamps, rate, kept = stamps[last], rate[last], raw["date"][last]
    jitter = int(np.abs(kept - stamps).max(initial=0))
    if jitter:
        notes.append(f"{file.path.name}: stamps snapped to the minute (largest shift "
                     f"{jitter / 1e6:g} ms)")
    hours = intervals(stamps)
    shown = ", ".join(f"{value:g} h" for value in np.unique(hours))
    if show_step(file.step_ns) != shown.replace(" ", ""):
        notes.append(f"{file.path.name}: funding interval from the rows: {shown}")
    # the stamp is the settlement itself: its jitter does not make it known a bar later
    return canonical("funding", pa.table({
        "ts": stamps, "raw_ts": kept, "available_at": stamps, "rate": rate, "interval_h": hours,
    }), str(file.path))


def vendor_columns(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """Columns of a feather or json.gz file as they are; ``date`` as UTC nanoseconds."""
    existing(path)
    table = _json(path) if path.suffix == ".gz" else _feather(path)
    for name in names:
        if name not in table.column_names:
            raise MissingTable(f"{path}: column {name!r} is missing (found: "
                               f"{', '.join(table.column_names) or 'none'})")
    if not table.num_rows:
        raise DataError(f"{path}: no rows")
    try:
        dates = table.column("date").cast(pa.timestamp("ns", tz="UTC")).cast(pa.int64())
        values = {name: table.column(name).cast(pa.float64()) for name in names if name != "date"}
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"{path}: {str(error).splitlines()[0]}") from None
    if dates.null_count:
        raise DataError(f"{path}: row {int(np.argmax(dates.is_null().to_numpy())) + 1}, date is "
                        "empty")
    stamps = dated(dates.to_numpy(), path, "date", None, lambda at: show(int(dates[at].as_py())))
    return {"date": stamps,
            **{name: column.to_numpy() for name, column in values.items()}}


def _feather(path: Path) -> pa.Table:
    try:
        table = feather.read_table(path, memory_map=False)
        table.validate(full=True)
        str(table.schema)  # a damaged name is no text
        return table
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a whole feather file: {str(error).splitlines()[0]}") from None


def _small(value: Any) -> bool:
    return type(value) is int and abs(value) < 2 ** 53  # beyond, a float is another number


def _json(path: Path) -> pa.Table:
    try:
        with gzip.open(path) as stream:
            content = stream.read(UNFOLDED_LIMIT + 1)
        if len(content) > UNFOLDED_LIMIT:
            raise DataError(f"{path}: unfolds to more than {UNFOLDED_LIMIT >> 20} MiB")
        rows = json.loads(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: not a whole gzip file: {error}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON: {error}") from None
    if not isinstance(rows, list):
        raise DataError(f"{path}: expected a list of rows, found {type(rows).__name__}")
    for number, row in enumerate(rows, start=1):
        if not (isinstance(row, list) and len(row) == len(_COLUMNS) and type(row[0]) is int
                and abs(row[0]) < 2 ** 53
                and all(isinstance(value, (float, type(None))) or _small(value)
                        for value in row[1:])):
            raise DataError(f"{path}: row {number} is not [ms, open, high, low, close, volume]")
    columns: Mapping[str, Any] = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True)) \
        if rows else dict.fromkeys(_COLUMNS, ())
    dates = pa.array(columns["date"], pa.int64()).cast(pa.timestamp("ms", tz="UTC"))
    return pa.table({"date": dates, **{name: pa.array(columns[name], pa.float64())
                                       for name in _COLUMNS[1:]}})
