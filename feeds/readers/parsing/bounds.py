"""What vendors' values must keep to; the first that does not is named by file, row and field."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from deleverage.columns import Floats, Ints
from deleverage.errors import DataError
from deleverage.feeds.readers.parsing.values import epoch_ns, refuse
from deleverage.timestamps import DAY, show

_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[0-9]{1,19}")


def integers(column: Any, path: Path, field: str, rows: Ints) -> Ints:
    """An Arrow column of integers; an empty cell is refused."""
    if column.null_count:
        refuse(path, column.is_null().to_numpy(zero_copy_only=False), field, "is empty", None, rows)
    return np.asarray(column.to_numpy(zero_copy_only=False), np.int64)


def names(column: Any, path: Path, field: str, rows: Ints) -> Any:
    """An Arrow column of names as one dictionary array; an empty cell is refused."""
    array = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    if array.null_count:
        refuse(path, array.is_null().to_numpy(zero_copy_only=False), field, "is empty", None, rows)
    return array


def positive(values: Floats, path: Path, field: str, rows: Ints) -> Floats:
    """Prices: every one known must be > 0."""
    bad = values <= 0
    if bad.any():
        refuse(path, bad, field, "must be > 0", values, rows)
    return values


def known(values: Floats, path: Path, field: str, rows: Ints) -> Floats:
    """Values of which none may be absent."""
    bad = np.isnan(values)
    if bad.any():
        refuse(path, bad, field, "is empty", None, rows)
    return values


def within_day(stamps: Ints, day: int, path: Path, field: str, rows: Ints) -> None:
    """Refuse a row more than a day from the day that its file's path names."""
    bad = (stamps < day - DAY) | (stamps >= day + 2 * DAY)
    if bad.any():
        at = int(np.argmax(bad))
        refuse(path, bad, field, f"is not of the day of its path ({show(day)[:10]})",
               show(int(stamps[at])), rows)


def on_day(stamps: Ints, day: int, path: Path, field: str, rows: Ints) -> None:
    """Refuse a row that is not of the day that its file's path names."""
    bad = (stamps < day) | (stamps >= day + DAY)
    if bad.any():
        at = int(np.argmax(bad))
        refuse(path, bad, field, f"is not of the day of its path ({show(day)[:10]})",
               show(int(stamps[at])), rows)


def not_negative(values: Floats, path: Path, field: str, rows: Ints) -> Floats:
    """Quantities: every one known must be ≥ 0."""
    bad = values < 0
    if bad.any():
        refuse(path, bad, field, "must be ≥ 0", values, rows)
    return values


def rates(values: Floats, path: Path, field: str, rows: Ints) -> Floats:
    """Funding rates, as fractions: none of a settlement has reached 100 %."""
    bad = np.abs(values) >= 1
    if bad.any():
        refuse(path, bad, field, "must be a fraction below 1 (a rate in percent?)", values, rows)
    return values


def far_apart(stamps: Ints, arrivals: Ints) -> Any:
    """True for rows stamped more than a day away from their arrival: another unit or year."""
    return np.abs(arrivals - stamps) > DAY


def decimals(values: Sequence[Any], path: Path, field: str, rows: Ints, *,
             empty: bool = False) -> Floats:
    """Numbers as JSON has them, or as decimal text; absent is NaN where ``empty`` allows it."""
    return np.array([_decimal(value, path, field, row, empty)
                     for value, row in zip(values, rows, strict=True)], np.float64)


def _decimal(value: Any, path: Path, field: str, row: int, empty: bool) -> float:
    if value is None or value == "":
        if empty:
            return math.nan
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if isinstance(value, float) or abs(value) < 10**300:
            return float(value)
    elif isinstance(value, str) and _DECIMAL.fullmatch(value):
        found = float(value)
        if math.isfinite(found):
            return found
    raise DataError(f"{path}: row {row}, {field} is not a number, found {shown(value)}")


def stamps(values: Sequence[Any], path: Path, field: str, rows: Ints) -> Ints:
    """Epoch numbers as JSON has them, or as text, in nanoseconds."""
    found = []
    for value, row in zip(values, rows, strict=True):
        number = int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value
        if not isinstance(number, int) or isinstance(number, bool) or abs(number) >= 2**63:
            raise DataError(f"{path}: row {row}, {field} is no epoch time, found {shown(value)}")
        found.append(number)
    return epoch_ns(np.array(found, np.int64), path, field, rows)


def texts(values: Sequence[Any], path: Path, field: str, rows: Ints) -> list[str]:
    """Names: each must be a text with something in it."""
    for value, row in zip(values, rows, strict=True):
        if not isinstance(value, str) or not value:
            raise DataError(f"{path}: row {row}, {field} is no text, found {shown(value)}")
    return list(values)


def shown(value: Any) -> str:
    """A value from a file, cut to what fits a line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
