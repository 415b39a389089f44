"""The tables a dataset may hold: their columns, and what makes a row impossible.

All times are int64 nanoseconds since 1970, UTC. Each defect is raised as one line that names the
file (or table), the row (counted from 1) with its time, and the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from deleverage.errors import DataError, MissingTable, unknown_name
from deleverage.timestamps import show

INT, FLOAT = pa.int64(), pa.float64()
TEXT = pa.dictionary(pa.int32(), pa.string())  # few texts in many rows
OHLC = ("open", "high", "low", "close")
MARK_LINES = ("mark_open", "mark_high", "mark_low", "mark_close")
COMPLETENESS = ("all", "sampled", "sampled_1s", "aggregate", "unknown")


@dataclass(frozen=True, slots=True)
class Schema:
    """Columns of one table. Rows ascend by ``clock``, strictly where ``unique``."""

    columns: Mapping[str, Any]
    optional: Mapping[str, Any]
    clock: str
    unique: bool = True
    extra: bool = False  # columns beyond these are kept


def _schema(clock: str, ints: str, floats: str = "", texts: str = "", *, optional: str = "",
            unique: bool = True, extra: bool = False) -> Schema:
    kinds = ((ints, INT), (floats, FLOAT), (texts, TEXT))
    columns = {name: kind for names, kind in kinds for name in names.split()}
    return Schema(MappingProxyType(columns), dict.fromkeys(optional.split(), FLOAT), clock, unique,
                  extra)


SCHEMAS: Mapping[str, Schema] = MappingProxyType({
    "bars": _schema("close_ns", "close_ns", "open high low close volume",
                    optional="mark_open mark_high mark_low mark_close index_close"),
    "mark": _schema("close_ns", "close_ns", "open high low close"),
    "index": _schema("close_ns", "close_ns", "open high low close"),
    "premium": _schema("close_ns", "close_ns", "open high low close"),
    "funding": _schema("ts", "ts raw_ts available_at", "rate interval_h"),
    "liquidations": _schema("ts", "ts available_at source_row", "qty_base price notional_usd",
                            "venue symbol liq_side price_basis completeness provider",
                            unique=False, extra=True),
    "open_interest": _schema("ts", "ts available_at", "oi_base oi_usd"),
    "context": _schema("available_at", "date available_at", "value", "metric unit source",
                       unique=False, extra=True),
})


def numbers(table: pa.Table, name: str) -> NDArray[Any]:
    """A numeric column as one contiguous array (read-only where it is a view)."""
    return np.ascontiguousarray(table.column(name).to_numpy())


def canonical(name: str, table: Any, file: str = "") -> pa.Table:
    """``table`` (pyarrow or pandas) with this table's columns in order and their types, validated.

    ``file`` stands in messages for the table's name. Raises UnknownName for a table nobody knows,
    MissingTable for a missing column, DataError for a row that cannot be.
    """
    if name not in SCHEMAS:
        raise unknown_name("table", name, SCHEMAS)
    schema, where = SCHEMAS[name], file or f"table {name}"
    if not isinstance(table, pa.Table):
        table = pa.Table.from_pandas(table, preserve_index=False)
    missing = [column for column in schema.columns if column not in table.column_names]
    if missing:
        raise MissingTable(f"{where}: column {missing[0]!r} is missing (found: "
                           f"{', '.join(table.column_names) or 'none'})")
    wanted = dict(schema.columns)
    wanted |= {key: kind for key, kind in schema.optional.items() if key in table.column_names}
    if schema.extra:
        wanted |= {key: None for key in table.column_names if key not in wanted}
    fields = {key: _cast(where, key, table.column(key), kind) for key, kind in wanted.items()}
    result = pa.table(fields)
    validate(name, result, where)
    return result


def _cast(where: str, name: str, column: Any, kind: Any) -> Any:
    """``column`` as ``kind``; datetimes become nanoseconds, nulls in numbers NaN."""
    if pa.types.is_timestamp(column.type) and kind is INT:
        column = column.cast(pa.timestamp("ns", tz=column.type.tz))
    try:
        column = column if kind is None else column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        text = str(error).splitlines()[0]
        raise DataError(f"{where}: column {name!r} cannot be read as {kind}: {text}") from None
    if kind is TEXT and column.null_count == 0:
        return _coded(column)
    if kind is FLOAT:
        return pc.fill_null(column, float("nan")).combine_chunks()
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise DataError(f"{where}: row {row + 1}, {name} is empty")
    return column.combine_chunks()


def _coded(column: Any) -> Any:
    """Texts as one array of numbers into a short list, in the order of first appearance."""
    column = column.unify_dictionaries() if isinstance(column, pa.ChunkedArray) else column
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def texts(table: pa.Table, name: str) -> pa.DictionaryArray:
    """A column of few texts as one array of numbers into a short list."""
    return _coded(table.column(name))


def validate(name: str, table: pa.Table, where: str) -> None:
    """Raise DataError for the first row of a canonical table that cannot be."""
    schema = SCHEMAS[name]
    clock = numbers(table, schema.clock)
    report = _Report(where, schema.clock, clock)
    steps = np.diff(clock)
    report.first(np.append(False, steps < 0), schema.clock, "is before the row above: not sorted")
    if schema.unique:
        report.first(np.append(False, steps == 0), schema.clock, "repeats the row above: duplicate")
    _values(report, name, table)


def check_rows(name: str, table: pa.Table, where: str) -> None:
    """Raise DataError for the first row of a file that cannot be, by its number in the file.

    Order and repetition are the assembler's; an amount in USD or in coins or an interval may still
    be NaN.
    """
    report = _Report(where, SCHEMAS[name].clock, numbers(table, SCHEMAS[name].clock),
                     numbers(table, "source_row"))
    _values(report, name, table, unknown=True)


def _values(report: _Report, name: str, table: pa.Table, unknown: bool = False) -> None:
    if name in ("bars", "mark", "index"):
        _prices(report, {key: numbers(table, key) for key in OHLC}, OHLC)
    if name == "bars":
        volume = numbers(table, "volume")
        report.first(~(np.isfinite(volume) & (volume >= 0)), "volume", "must be ≥ 0", volume)
        if all(key in table.column_names for key in MARK_LINES):
            marks = {key: numbers(table, key) for key in MARK_LINES}
            absent = np.isnan(np.stack(list(marks.values()))).all(axis=0)
            _prices(report, marks, MARK_LINES, absent)
    elif name == "funding":
        rate, hours = numbers(table, "rate"), numbers(table, "interval_h")
        report.first(~np.isfinite(rate), "rate", "must be a number", rate)
        fits = (np.isfinite(hours) & (hours > 0)) | (np.isnan(hours) & unknown)
        report.first(~fits, "interval_h", "must be > 0", hours)
    elif name == "open_interest":
        coins = numbers(table, "oi_base")
        fits = (np.isfinite(coins) & (coins >= 0)) | (np.isnan(coins) & unknown)
        report.first(~fits, "oi_base", "must be ≥ 0", coins)
    elif name == "liquidations":
        _liquidations(report, table, unknown)
    if name in ("funding", "open_interest", "liquidations"):
        late = numbers(table, "available_at") < report.stamps
        report.first(late, "available_at", "is before the row's own time")


class _Report:
    """Turns a mask of impossible rows into one DataError about the first of them."""

    def __init__(self, where: str, clock: str, stamps: NDArray[np.int64],
                 rows: NDArray[np.int64] | None = None) -> None:
        self.where, self.clock, self.stamps, self.rows = where, clock, stamps, rows

    def first(self, bad: NDArray[np.bool_], field: str, text: str,
              values: NDArray[Any] | None = None) -> None:
        if not bad.any():
            return
        row = int(np.argmax(bad))
        found = "" if values is None else f", found {values[row]}"
        number = row + 1 if self.rows is None else int(self.rows[row])
        raise DataError(f"{self.where}: row {number} ({show(int(self.stamps[row]))}), "
                        f"{field} {text}{found}")


def _prices(report: _Report, columns: Mapping[str, NDArray[np.float64]], names: tuple[str, ...],
            absent: NDArray[np.bool_] | None = None) -> None:
    """Finite positive prices; the high is the highest of the four, the low the lowest."""
    known = True if absent is None else ~absent
    for name in names:
        value = columns[name]
        report.first(~(np.isfinite(value) & (value > 0)) & known, name, "must be > 0", value)
    start, high, low, end = (columns[name] for name in names)
    report.first((high < np.maximum(np.maximum(start, end), low)) & known, names[1],
                 "is below another price of its row", high)
    report.first((low > np.minimum(start, end)) & known, names[2],
                 "is above another price of its row", low)


def _liquidations(report: _Report, table: pa.Table, unknown: bool) -> None:
    usd = numbers(table, "notional_usd")
    fits = (np.isfinite(usd) & (usd >= 0)) | (np.isnan(usd) & unknown)
    report.first(~fits, "notional_usd", "must be ≥ 0", usd)
    for field, allowed in (("liq_side", ("long", "short")), ("completeness", COMPLETENESS)):
        column = _coded(table.column(field))
        fits = pc.is_in(column.dictionary, pa.array(allowed)).to_numpy(zero_copy_only=False)
        odd = ~fits[column.indices.to_numpy()]
        if odd.any():
            report.first(odd, field, f"must be one of {', '.join(allowed)}",
                         column.to_numpy(zero_copy_only=False))
