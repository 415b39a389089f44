"""Records of JSON values, each checked to be of the type its field has.

A field is a float, int, str or bool, another record, a tuple of records, or one of these or None.
JSON has no NaN and no infinity: null in a field that must be a float is NaN.
"""

from __future__ import annotations

import dataclasses
import math
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Record = TypeVar("Record")
_hints: dict[type[Any], dict[str, Any]] = {}  # types of a record's fields, looked up once


def maybe(kind: type[Record], row: Any) -> Record | None:
    """A record, or None where there is null."""
    return None if row is None else record(kind, row)


def record(kind: type[Record], row: Any) -> Record:
    """A record of an object of JSON. Raises KeyError for a field that is absent and ValueError for
    one that nobody knows or that holds something else, with its name."""
    if not isinstance(row, dict):
        raise ValueError(f"{kind.__name__} is {row!r}")
    if kind not in _hints:
        _hints[kind] = get_type_hints(kind)
    hints = _hints[kind]
    for name in row:
        if name not in hints:
            raise ValueError(f"{kind.__name__} has no {name!r}")
    return kind(**{name: _value(hint, row[name], f"{kind.__name__}.{name}")
                   for name, hint in hints.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    if isinstance(hint, UnionType):
        if value is None:
            return None
        hint = get_args(hint)[0]
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return record(hint, value)
    if get_origin(hint) is tuple:
        return tuple(record(get_args(hint)[0], row) for row in value)
    if hint is float and value is None:
        return math.nan
    kinds = (int, float) if hint is float else hint
    if isinstance(value, bool) != (hint is bool) or not isinstance(value, kinds):
        raise ValueError(f"{where} is {value!r}")
    return float(value) if hint is float else value
