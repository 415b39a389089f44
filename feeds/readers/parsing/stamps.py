"""Times as files write them, as nanoseconds since 1970 in UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deleverage.columns import Ints
from deleverage.errors import UsageError, unknown_name
from deleverage.feeds.readers.parsing.values import PERIOD, dated, refuse
from deleverage.timestamps import DAY, HOUR, MINUTE, SECOND, from_datetime

UNITS: Mapping[str, int] = {"s": SECOND, "ms": 1_000_000, "us": 1_000, "ns": 1}
_NUMBER = re.compile(r"^-?\d{1,18}(\.\d*)?$")
_LIMITS = ((1e11, SECOND), (1e14, 1_000_000), (1e17, 1_000))


def times(column: Any, path: Path, field: str, rows: Ints, unit: str | None = None,
          format: str | None = None, zone_ns: int = 0) -> Ints:
    """A column of epoch numbers, text or Arrow times as UTC nanoseconds.

    Numbers without ``unit`` (s, ms, us, ns) are told by their size. ``format`` is that of
    ``datetime.strptime``; without it text is ISO 8601. ``zone_ns`` is the distance from UTC of text
    that names no zone. Raises DataError naming the row of what is no time of ``PERIOD``.
    """
    array = _array(column)
    empty = array.is_null().to_numpy(zero_copy_only=False)
    if empty.any():
        refuse(path, empty, field, "is empty", None, rows)
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        zoned = pa.types.is_timestamp(array.type) and array.type.tz is not None
        stamps = _arrow_times(array, path, field, rows) - (0 if zoned else zone_ns)
    elif pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
        stamps = _epochs(array.to_numpy(zero_copy_only=False), path, field, rows, unit)
    else:
        stamps = _texts(pc.utf8_trim_whitespace(array.cast(pa.string())), path, field, rows, unit,
                        format, zone_ns)
    return dated(stamps, path, field, rows, lambda at: str(array[at].as_py()))


def zone_of(text: str) -> int:
    """Nanoseconds by which a zone written ``UTC`` or ``+08:00`` is ahead of UTC."""
    if text.upper() in ("UTC", "Z"):
        return 0
    try:
        moment = datetime.strptime(text, "%z")
    except ValueError:
        raise UsageError(f"not a zone: {text!r} (expected UTC or +08:00)") from None
    ahead = moment.utcoffset() or timedelta(0)
    return int(ahead.total_seconds()) * SECOND


def span_of(text: str) -> int:
    """Nanoseconds of ``250ms``, ``1s``, ``5m``, ``1h``, ``1d`` or ``0``."""
    units = {"ms": 1_000_000, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
    plain = text.strip()
    if plain == "0":
        return 0
    digits = plain.rstrip("mshd")
    unit = plain[len(digits):]
    if not digits.isdigit():
        raise UsageError(f"not a length of time: {text!r} (expected 250ms, 1s, 5m, 1h, 1d)")
    if unit not in units:
        raise unknown_name("unit of time", unit, units)
    return int(digits) * units[unit]


def _array(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    array = column if isinstance(column, pa.Array) else pa.array(column)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _arrow_times(array: Any, path: Path, field: str, rows: Ints) -> Ints:
    zone = array.type.tz if pa.types.is_timestamp(array.type) else None
    try:
        return np.asarray(array.cast(pa.timestamp("ns", zone)).cast(pa.int64()).to_numpy())
    except pa.ArrowInvalid:
        refuse(path, np.ones(len(array), np.bool_), field, f"is no time from {PERIOD}", None,
               rows)
        raise AssertionError("refused above") from None


def _epochs(values: Any, path: Path, field: str, rows: Ints, unit: str | None) -> Ints:
    """Whole numbers exactly, fractions of a unit to the microsecond they can hold."""
    size = np.abs(values.astype(np.float64))
    if unit is None:
        factor = np.ones(len(values), np.int64)
        for limit, each in reversed(_LIMITS):
            factor[size < limit] = each
    else:
        factor = np.full(len(values), UNITS[unit], np.int64)
    bad = ~(size * factor < 9e18)  # NaN, too
    if bad.any():
        refuse(path, bad, field, f"is no time from {PERIOD}", values, rows)
    if np.issubdtype(values.dtype, np.integer):
        return np.asarray(values.astype(np.int64) * factor)
    whole = np.floor(values)
    rest = np.rint((values - whole) * factor / 1_000).astype(np.int64) * 1_000
    return np.asarray(whole.astype(np.int64) * factor + rest)


def _texts(text: Any, path: Path, field: str, rows: Ints, unit: str | None, format: str | None,
           zone_ns: int) -> Ints:
    if format is not None:
        return _formatted(text, path, field, rows, format, zone_ns)
    for kind in (pa.int64(), pa.float64()):
        try:
            return _epochs(text.cast(kind).to_numpy(zero_copy_only=False), path, field, rows, unit)
        except pa.ArrowInvalid:
            continue
    if unit is not None or _NUMBER.match(text[0].as_py()):
        mixed = ~pc.match_substring_regex(text, _NUMBER.pattern).to_numpy(zero_copy_only=False)
        at = int(np.argmax(mixed))
        refuse(path, mixed | (np.arange(len(mixed)) == at), field,
               f"is no number of {unit or 'time'}", text[at].as_py(), rows)
    plain = pc.replace_substring_regex(text, r"( UTC|Z|\+00:00)$", "")
    try:
        stamps = plain.cast(pa.timestamp("ns")).cast(pa.int64()).to_numpy()
        named = pc.not_equal(plain, text).to_numpy(zero_copy_only=False)
        return np.asarray(stamps - np.where(named, 0, zone_ns))
    except pa.ArrowInvalid:
        return _one_by_one(text, path, field, rows, lambda each: _iso(each, zone_ns),
                           "is no ISO time")


def _formatted(text: Any, path: Path, field: str, rows: Ints, format: str, zone_ns: int) -> Ints:
    def parsed(each: str) -> int:
        return _moment(datetime.strptime(each, format), zone_ns)

    return _one_by_one(text, path, field, rows, parsed, f"is no time as {format!r}")


def _one_by_one(text: Any, path: Path, field: str, rows: Ints, parse: Any, said: str) -> Ints:
    """Each different text once: formats Arrow does not know are rare, and so are their values."""
    coded = text.dictionary_encode()
    known = []
    for at, each in enumerate(coded.dictionary.to_pylist()):
        try:
            stamp = parse(each)
        except (ValueError, OverflowError):
            stamp = None
        if stamp is None or abs(stamp) > 2 ** 62:
            refuse(path, coded.indices.to_numpy() == at, field, said, each, rows)
        known.append(stamp)
    return np.asarray(known, np.int64)[coded.indices.to_numpy()]


def _iso(text: str, zone_ns: int) -> int:
    return _moment(datetime.fromisoformat(text.removesuffix(" UTC")), zone_ns)


def _moment(moment: datetime, zone_ns: int) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone(timedelta(microseconds=zone_ns // 1_000)))
    return from_datetime(moment.astimezone(UTC))
