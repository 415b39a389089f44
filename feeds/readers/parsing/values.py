"""Vendors' values as the canonical tables want them; what cannot be is named by file and row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from deleverage.columns import Floats, Ints
from deleverage.errors import DataError, MissingTable
from deleverage.timestamps import DAY

# One rule for every time in a file. No perpetual is older than 2016, but series of the context are;
# and within it no number is a time in two units: seconds of 2000 to 2100 are none in milliseconds.
EARLIEST, LATEST = 10_957 * DAY, 47_482 * DAY
PERIOD = "2000 to 2100"
_UNITS = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3))


def epoch_ns(values: Any, path: Path, field: str, rows: Ints | None = None) -> Ints:
    """Epoch numbers in s, ms, us or ns as nanoseconds, the unit told by the size of each.

    Raises DataError naming the row of the first that is no time of ``PERIOD``. ``rows`` are the
    rows' numbers in the file (from 1 by default).
    """
    stamps = np.asarray(values, dtype=np.int64)
    size = np.abs(stamps)
    factor = np.ones(len(stamps), np.int64)
    for limit, each in reversed(_UNITS):
        factor[size < limit] = each
    within = (size * (factor.astype(np.float64)) < 9.2e18)
    found = np.where(within, stamps * np.where(within, factor, 0), 0)
    return dated(found, path, field, rows, stamps)


def dated(stamps: Ints, path: Path, field: str, rows: Ints | None = None,
          values: Any = None) -> Ints:
    """``stamps`` (ns), if each is of ``PERIOD``. ``values``: what the file has in their place, an
    array or a function of the row's place."""
    bad = (stamps < EARLIEST) | (stamps > LATEST)
    if bad.any():
        found = values(int(np.argmax(bad))) if callable(values) else values
        refuse(path, bad, field, f"is no time from {PERIOD}", found, rows)
    return stamps


def floats(column: Any, path: Path, field: str, rows: Ints | None = None, *,
           empty: bool = False) -> Floats:
    """A column of numbers or of decimal text as floats.

    An empty or absent value is NaN where ``empty`` allows it; what is no finite number is refused.
    """
    array = _arrow(column)
    if pa.types.is_dictionary(array.type):
        words = _plain(array.dictionary) if array.null_count == 0 else None
        if words is not None:
            return words[array.indices.to_numpy(zero_copy_only=False)]
        array = array.dictionary_decode()
    plain = _plain(array)
    if plain is not None:  # no text is absent, blank or odd: most files of decimals as text
        return plain
    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        values = np.asarray(array.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
        absent = array.is_null().to_numpy(zero_copy_only=False)
    else:
        text = pc.utf8_trim_whitespace(array)
        hollow = pc.or_(pc.is_in(text, pa.array(["", "null", "None", "NaN", "nan"])),
                        pc.is_null(text))
        absent = hollow.to_numpy(zero_copy_only=False)
        values = _numbers_of(pc.if_else(hollow, None, text), path, field, rows)
    bad = ~np.isfinite(values) & ~absent
    if not empty:
        bad |= absent
    if bad.any():
        refuse(path, bad, field, "is not a number", array.to_pylist()[int(np.argmax(bad))], rows)
    return np.where(absent, np.nan, values)


def _plain(array: Any) -> Floats | None:
    """Numbers of an array in which every value is one, else None."""
    if array.null_count:
        return None
    try:
        found = np.asarray(array.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    return found if bool(np.isfinite(found).all()) else None


def _numbers_of(text: Any, path: Path, field: str, rows: Ints | None) -> Floats:
    try:
        return np.asarray(text.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    except pa.ArrowInvalid:
        for at, value in enumerate(text.to_pylist()):
            if value is not None and not _is_number(value):
                bad = np.zeros(len(text), np.bool_)
                bad[at] = True
                refuse(path, bad, field, "is not a number", value, rows)
        return np.array([math.nan if value is None else float(value)
                         for value in text.to_pylist()])


def _is_number(text: str) -> bool:
    if not text.isascii() or "_" in text:  # Python's float reads 24_00 and other scripts' digits
        return False
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _arrow(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return column if isinstance(column, pa.Array) else pa.array(column)


def sides(column: Any, longs: Sequence[str], shorts: Sequence[str], path: Path, field: str,
          rows: Ints | None = None) -> NDArray[np.bool_]:
    """True where the value (in any case) says that a LONG was liquidated; others are refused."""
    array = _arrow(column)
    if pa.types.is_dictionary(array.type):  # each of few texts once; then again to name the row
        known = {*longs, *shorts}
        words = [str(each).strip().lower() for each in array.dictionary.to_pylist()]
        if array.null_count == 0 and all(each in {*map(str.lower, known)} for each in words):
            lower = {each.lower() for each in longs}
            table = np.array([each in lower for each in words], np.bool_)
            return table[array.indices.to_numpy(zero_copy_only=False)]
    text = pc.utf8_lower(pc.utf8_trim_whitespace(_arrow(column).cast(pa.string())))
    is_long = pc.is_in(text, pa.array([each.lower() for each in longs]))
    is_short = pc.is_in(text, pa.array([each.lower() for each in shorts]))
    known = pc.fill_null(pc.or_(is_long, is_short), False).to_numpy(zero_copy_only=False)
    if not known.all():
        at = int(np.argmin(known))
        refuse(path, ~known, field, f"must be one of {', '.join((*longs, *shorts))}",
               text[at].as_py(), rows)
    return np.asarray(is_long.to_numpy(zero_copy_only=False), np.bool_)


def refuse(path: Path, bad: NDArray[np.bool_], field: str, text: str, values: Any = None,
           rows: Ints | None = None) -> None:
    """Raise DataError about the first bad row. ``values``: the column, or that row's value."""
    at = int(np.argmax(bad))
    row = at + 1 if rows is None else int(rows[at])
    found = values[at] if isinstance(values, np.ndarray) else values
    shown = "" if values is None else f", found {found!r}" if isinstance(found, str) else (
        f", found {found}")
    raise DataError(f"{path}: row {row}, {field} {text}{shown}")


def column(table: pa.Table, name: str, path: Path) -> Any:
    """A column by name; MissingTable with what is there otherwise."""
    if name not in table.column_names:
        raise MissingTable(f"{path}: column {name!r} is missing (found: "
                           f"{', '.join(table.column_names) or 'none'})")
    return table.column(name)


def coded(value: Any, count: int) -> Any:
    """One text for all of ``count`` rows, or one per row, as Arrow's dictionary of few texts."""
    if isinstance(value, pa.DictionaryArray):
        return value
    if isinstance(value, str):
        return pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), [value])
    return pa.array(value, pa.string()).dictionary_encode()


def liquidation_rows(values: Mapping[str, Any], count: int) -> pa.Table:
    """Canonical rows of liquidations; texts may be one for all rows.

    ``values``: ts, available_at, venue, symbol, base, qty_base, price, price_basis, notional_usd,
    completeness, source_row, and ``is_long`` (bool per row) for the side of the position.
    """
    texts = {name: coded(values[name], count)
             for name in ("venue", "symbol", "base", "price_basis", "completeness")}
    side = pa.DictionaryArray.from_arrays(
        (~np.asarray(values["is_long"], np.bool_)).astype(np.int32), ["long", "short"])
    return pa.table({
        "ts": values["ts"], "available_at": np.maximum(values["available_at"], values["ts"]),
        "venue": texts["venue"], "symbol": texts["symbol"], "base": texts["base"],
        "liq_side": side, "qty_base": values["qty_base"], "price": values["price"],
        "price_basis": texts["price_basis"], "notional_usd": values["notional_usd"],
        "completeness": texts["completeness"], "source_row": values["source_row"],
    })


def last_of(stamps: Ints) -> Ints:
    """Where the last row of each time stands, in the rows' own order."""
    _, from_end = np.unique(stamps[::-1], return_index=True)
    return np.sort(len(stamps) - 1 - from_end)
