"""A result as files: ``result.json`` for figures, Parquet for journal, trades and arrays.

A folder is written whole or not at all, and read only by the schema that wrote it: every table of
it that ``result.json`` names must be there.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from deleverage import parquet
from deleverage._version import __version__
from deleverage.errors import DataError, MissingTable
from deleverage.journal import (
    Entry,
    Fill,
    FundingPayment,
    Journal,
    LiquidationEvent,
    Rejection,
    Snapshot,
)
from deleverage.provenance import Provenance
from deleverage.results import DailyEquity, RunResult
from deleverage.spec import RunSpec
from deleverage.statistics.closeups import CloseUp, from_arrays, to_arrays
from deleverage.statistics.curves import Curves
from deleverage.statistics.leverage_scan import LeverageScan
from deleverage.statistics.overview import Overview
from deleverage.statistics.summary import plain
from deleverage.statistics.trades import Trade

if TYPE_CHECKING:
    import pyarrow as pa

Made = TypeVar("Made")

SCHEMA = 4
BLOCKS = ("performance", "drawdown", "trades", "costs", "exposure", "near_misses", "liquidations",
          "funding", "orders", "paradox", "frontier", "cascades")  # of statistics
FILE = "result.json"
CURVES = "curves"
OVERVIEW = "overview"
CLOSEUPS = "closeups"

_JOURNAL = {"entries": Entry, "fills": Fill, "liquidations": LiquidationEvent,
            "funding": FundingPayment, "rejections": Rejection, "snapshots": Snapshot}


def to_json(result: RunResult) -> dict[str, Any]:
    """Everything but journal, trades and arrays, as JSON values (NaN and inf are None)."""
    values = {
        "schema": SCHEMA, "name": result.name, "spec": result.spec.as_dict(),
        "provenance": plain(result.provenance), "statistics": plain(result.statistics),
        "warnings": list(result.warnings), "scan": plain(result.scan),
        "start_equity": result.daily.start, "arrays": sorted(_arrays(result)),
        "overview_bars": None if result.overview is None else result.overview.bars,
        "closeups": [{"number": item.number, "why": item.why, "bars": item.bars}
                     for item in result.closeups],
    }
    return {key: finite(value) for key, value in values.items()}


def write(result: RunResult, folder: Path, more: Mapping[str, bytes]) -> Path:
    """See :meth:`RunResult.save`."""
    text = json.dumps(to_json(result), indent=1, allow_nan=False, ensure_ascii=False)
    files: dict[str, bytes | pa.Table] = {**more, FILE: text.encode()}
    for name, kind in _JOURNAL.items():
        files[f"{name}.parquet"] = parquet.to_table(kind, getattr(result.journal, name))
    files["trades.parquet"] = parquet.to_table(Trade, result.trades)
    files |= {f"{name}.parquet": parquet.from_arrays(columns)
              for name, columns in _arrays(result).items()}
    parquet.write_folder(folder, files, FILE)
    return folder


def read(folder: Path) -> dict[str, Any]:
    """The fields of the :class:`RunResult` saved in ``folder``; see :meth:`RunResult.load`."""
    raw = _read_json(folder)
    trades = parquet.from_table(Trade, parquet.read_table(folder / "trades.parquet"),
                                f"{folder}: trades")
    days, equity = parquet.read_arrays(folder / "daily.parquet", ("day_ns", "equity"),
                                       finite=("equity",))
    journal = _journal(folder)
    try:
        arrays = raw["arrays"]
        return {
            "spec": RunSpec.from_dict(raw["spec"]),
            "provenance": Provenance.from_dict(raw["provenance"]),
            "journal": journal, "trades": tuple(trades), "statistics": raw["statistics"],
            "warnings": tuple(raw["warnings"]),
            "daily": DailyEquity(days, equity, raw["start_equity"]),
            "scan": None if raw["scan"] is None else LeverageScan.from_dict(raw["scan"]),
            "recorded": _curves(folder) if CURVES in arrays else None,
            "overview": _overview(folder, raw["overview_bars"]) if OVERVIEW in arrays else None,
            "closeups": _closeups(folder, raw["closeups"]) if CLOSEUPS in arrays else ()}
    except (KeyError, TypeError) as error:
        raise DataError(f"{folder / FILE}: not a complete result: {error}") from None


def _arrays(result: RunResult) -> dict[str, dict[str, Any]]:
    worst = result.journal.worst_equity
    arrays: dict[str, dict[str, Any]] = {
        "worst_equity": {"ts": np.array(list(worst), dtype=np.int64),
                         "equity": np.array(list(worst.values()), dtype=np.float64)},
        "daily": {"day_ns": result.daily.day_ns, "equity": result.daily.equity}}
    if result.recorded is not None:
        arrays[CURVES] = dict(result.recorded.arrays())
    if result.overview is not None:
        arrays[OVERVIEW] = result.overview.arrays()
    if result.closeups:
        arrays[CLOSEUPS] = to_arrays(result.closeups)
    return arrays


def _journal(folder: Path) -> Journal:
    records: dict[str, Any] = {
        name: parquet.from_table(kind, parquet.read_table(folder / f"{name}.parquet"),
                                 f"{folder}: {name}") for name, kind in _JOURNAL.items()}
    journal = Journal(**records)
    stamps, worst = parquet.read_arrays(folder / "worst_equity.parquet", ("ts", "equity"),
                                        finite=("equity",))
    journal.worst_equity = dict(zip(stamps.tolist(), worst.tolist(), strict=True))
    return journal


def _curves(folder: Path) -> Curves:
    names = [item.name for item in dataclasses.fields(Curves)]
    return Curves(*parquet.read_arrays(folder / f"{CURVES}.parquet", names,
                                       finite=("equity", "worst_equity")))


def _overview(folder: Path, bars: int) -> Overview:
    return _from_table(folder / f"{OVERVIEW}.parquet",
                       lambda arrays: Overview.from_arrays(arrays, bars))


def _closeups(folder: Path, rows: Sequence[Mapping[str, Any]]) -> tuple[CloseUp, ...]:
    return _from_table(folder / f"{CLOSEUPS}.parquet", lambda arrays: from_arrays(rows, arrays))


def _from_table(path: Path, build: Callable[[Mapping[str, Any]], Made]) -> Made:
    table = parquet.read_table(path)
    arrays = {name: table.column(name).to_numpy() for name in table.column_names}
    try:
        return build(arrays)
    except KeyError as error:
        raise DataError(f"{path}: column {error} is missing "
                        f"(found {', '.join(arrays)})") from None


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise MissingTable(f"{path}: is a file, expected the folder of a result" if path.exists()
                           else f"{path}: no such result folder")
    if not (path / FILE).is_file():
        raise MissingTable(f"{path}: not a result: {FILE} is missing")
    try:
        raw = json.loads((path / FILE).read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path / FILE}: not JSON: {error}") from None
    found = raw.get("schema") if isinstance(raw, dict) else None
    if found != SCHEMA:
        raise DataError(f"{path}: a result of schema {found}, written by {_writer(raw)}; this "
                        f"version, {__version__}, reads schema {SCHEMA}: run it again")
    absent = [name for name in BLOCKS if name not in (raw.get("statistics") or ())]
    if absent:
        raise DataError(f"{path / FILE}: not a complete result: statistics has no {absent[0]!r}")
    return dict(raw)


def _writer(raw: Any) -> str:
    """Which version wrote a result, as far as it says so."""
    made = raw.get("provenance") if isinstance(raw, dict) else None
    code = made.get("code") if isinstance(made, dict) else None
    return f"version {code}" if code else "an unknown version"


def finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: both become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return value
