"""Answers of vendors' interfaces as people save them: one JSON value, or one on each line.

Rows of an answer are numbered from 1 through the file, rows of JSON lines by their line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deleverage.columns import Floats, Ints
from deleverage.errors import DataError
from deleverage.feeds.readers.parsing.documents import documents
from deleverage.feeds.readers.parsing.stamps import times
from deleverage.feeds.readers.parsing.values import PERIOD, floats, refuse
from deleverage.feeds.readers.protocol import Log

SEEN = "rows that an earlier page of the file has"


def gathered(path: Path, rows_of: Callable[[Any], Sequence[Any]], log: Log) -> Rows:
    """All rows of a file's answers, where ``rows_of`` takes those out of one.

    Where pages overlap, a row that an earlier page has is left out and counted.
    """
    rows: list[Any] = []
    numbers: list[int] = []
    done, seen = 0, set[str]()
    for line, document in documents(path):
        for page in _pages(document):
            found = rows_of(page)
            keys = [json.dumps(row, sort_keys=True) for row in found]
            fresh = [at for at, key in enumerate(keys) if key not in seen]
            log.drop(SEEN, len(found) - len(fresh))
            rows += [found[at] for at in fresh]
            numbers += [line or done + at + 1 for at in fresh]
            seen.update(keys)
            done += len(found)
    if not rows:
        raise DataError(f"{path}: no rows")
    return Rows(path, rows, np.asarray(numbers, np.int64))


def _pages(document: Any) -> list[Any]:
    """A list of answers as its answers, anything else as one."""
    pages = isinstance(document, list) and document and all(
        isinstance(each, dict) and "code" in each for each in document)
    return document if pages else [document]


def enveloped(path: Path, vendor: str, document: Any) -> list[Any]:
    """The ``data`` of an answer ``{"code": "0", "data": […]}``, or of a list of such.

    DataError where the vendor answered with an error (which arrives like any answer), or where
    there is no list.
    """
    if isinstance(document, list):
        return [row for each in document for row in enveloped(path, vendor, each)]
    if not isinstance(document, dict) or "code" not in document:
        raise DataError(f"{path}: expected {vendor}'s answer with code and data, found "
                        f"{type(document).__name__}")
    if str(document["code"]) != "0":
        said = " ".join(str(document.get("msg", "")).split())[:200]
        raise DataError(f"{path}: {vendor} answered with an error: code {document['code']!s:.20}, "
                        f"{said!r}")
    data = document.get("data")
    if not isinstance(data, list):
        raise DataError(f"{path}: data must be a list, found {type(data).__name__}")
    return data


def first_row(value: Any, *keys: str) -> Any:
    """The first element of the list at ``value[key]…``, None where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value[0] if isinstance(value, list) and value else None


class Rows:
    """Rows of answers (objects or lists) with their numbers; their fields as columns."""

    def __init__(self, path: Path, rows: Sequence[Any], numbers: Ints | None = None) -> None:
        self.path, self.rows = path, rows
        self.numbers = np.arange(1, len(rows) + 1) if numbers is None else numbers

    def __len__(self) -> int:
        return len(self.rows)

    def kept(self, mask: Any) -> Rows:
        """Only the rows of ``mask``."""
        return Rows(self.path, [self.rows[at] for at in np.flatnonzero(mask).tolist()],
                    self.numbers[np.asarray(mask, np.bool_)])

    def raw(self, field: str | int, absent: Any = None) -> list[Any]:
        """A field of each row as it is; a row that has none is refused, or gives ``absent``."""
        kind: Any = dict if isinstance(field, str) else list
        found = []
        for at, row in enumerate(self.rows):
            if not isinstance(row, kind):
                self._refuse(at, "row", f"must be {_SAID[kind]}", type(row).__name__)
            try:
                found.append(row[field])
            except (KeyError, IndexError):
                if absent is None:
                    self._refuse(at, str(field), "is missing", None)
                found.append(absent)
        return found

    def text(self, field: str | int) -> list[str]:
        """A field of text."""
        found = self.raw(field)
        for at, value in enumerate(found):
            if not isinstance(value, str) or not value:
                self._refuse(at, str(field), "must be text", str(value))
        return found

    def floats(self, field: str | int, name: str | None = None, *, empty: bool = False) -> Floats:
        """A field of numbers or decimal text; ``empty`` lets absent ones be NaN."""
        found = self.raw(field, "" if empty else None)
        for at, value in enumerate(found):
            if isinstance(value, bool) or not isinstance(value, (int, float, str, type(None))):
                self._refuse(at, name or str(field), "is not a number", str(value))
            if isinstance(value, int) and abs(value) > 2 ** 62:
                self._refuse(at, name or str(field), "is not a number", str(value))
        if len({type(value) for value in found} - {int, float, type(None)}) and len(
                {type(value) for value in found}) > 1:
            found = ["" if value is None else str(value) for value in found]
        elif any(isinstance(value, float) for value in found):
            found = [None if value is None else float(value) for value in found]
        return floats(found, self.path, name or str(field), self.numbers, empty=empty)

    def stamps(self, field: str | int, unit: str | None = None, name: str | None = None) -> Ints:
        """A field of times (:func:`deleverage.feeds.readers.parsing.stamps.times`)."""
        found = self.raw(field)
        for at, value in enumerate(found):
            if isinstance(value, bool) or not isinstance(value, (int, float, str)) or (
                    not isinstance(value, str) and not abs(value) < 2 ** 62):
                self._refuse(at, name or str(field), f"is no time from {PERIOD}",
                             str(value))
        if len({type(value) for value in found}) > 1:
            found = [str(value) for value in found]
        return times(found, self.path, name or str(field), self.numbers, unit)

    def _refuse(self, at: int, field: str, said: str, found: str | None) -> None:
        bad = np.zeros(len(self.rows), np.bool_)
        bad[at] = True
        refuse(self.path, bad, field, said, found, self.numbers)


_SAID: dict[Any, str] = {dict: "an object", list: "a list"}
