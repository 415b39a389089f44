"""Answers of vendors' interfaces as people save them: one JSON value, or one on each line.

An answer is read whole, and so is bounded; JSON lines are read line by line. Rows of an answer are
numbered from 1 through the file, rows of JSON lines by their line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from deleverage.columns import Floats, Ints
from deleverage.errors import DataError
from deleverage.feeds.archives import opened
from deleverage.feeds.readers.parsing.stamps import times
from deleverage.feeds.readers.parsing.values import PERIOD, floats, refuse
from deleverage.feeds.readers.protocol import Log

ANSWER_LIMIT = 256 << 20  # bytes of one JSON value
_CLOSING = {"{": "}", "[": "]"}


def documents(path: Path) -> Iterator[tuple[int, Any]]:
    """Every JSON value of ``path`` with its line; line 0 where the file is one value.

    Raises DataError for what is no JSON, is cut off, or is larger than any answer.
    """
    with opened(path) as stream:
        lines = _lines(path, stream)
        first = next((each for each in lines if each[1].strip()), None)
        if first is None:
            raise DataError(f"{path}: no rows")
        second = next((each for each in lines if each[1].strip()), None)
        start = first[1].removeprefix(b"\xef\xbb\xbf").strip()
        if second is not None and _whole(start):
            for number, line in chain([(first[0], start), second], lines):
                if line.strip():
                    yield number, _parsed(path, line, f"line {number}")
            return
        rest = [start, *([second[1]] if second else []), *_bounded(path, lines)]
        yield 0, _parsed(path, b"\n".join(rest), "")


def _lines(path: Path, stream: Any) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := stream.readline(ANSWER_LIMIT + 1):
        number += 1
        if len(line) > ANSWER_LIMIT:
            raise DataError(f"{path}: line {number} is longer than {ANSWER_LIMIT >> 20} MiB")
        yield number, line


def _bounded(path: Path, lines: Iterator[tuple[int, bytes]]) -> Iterator[bytes]:
    size = 0
    for _, line in lines:
        size += len(line)
        if size > ANSWER_LIMIT:
            raise DataError(f"{path}: one JSON value of more than {ANSWER_LIMIT >> 20} MiB")
        yield line


def _whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return line[:1] in (b"{", b"[")


def _parsed(path: Path, text: bytes, where: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        place = f"{where}: " if where else ""
        raise DataError(f"{path}: {place}not whole JSON: {str(error).splitlines()[0]}") from None


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def sketch(head: bytes) -> Any:
    """What the first bytes of a file say of its JSON: the first value, closed where they end.

    None where they are no JSON. Elements that ``head`` cuts are left out.
    """
    try:
        text = head.decode("utf-8-sig", "ignore").lstrip()
        if text[:1] not in _CLOSING:
            return None
        return json.loads(_closed(text))
    except (ValueError, RecursionError):
        return None


def _closed(text: str) -> str:
    """``text`` up to its last whole element, with what is still open closed."""
    stack: list[str] = []
    cut, closing, quoted, escaped = 1, _CLOSING[text[0]], False, False
    for at, sign in enumerate(text):
        if quoted:
            quoted = escaped or sign != '"'
            escaped = sign == "\\" and not escaped
        elif sign == '"':
            quoted = True
        elif sign in _CLOSING:
            stack.append(_CLOSING[sign])
            cut, closing = (at + 1, "".join(reversed(stack)))
        elif sign == "," and stack:
            cut, closing = at, "".join(reversed(stack))
        elif stack and sign == stack[-1]:
            stack.pop()
            cut, closing = at + 1, "".join(reversed(stack))
            if not stack:
                break
    return text[:cut] + closing


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
