"""JSON as people save it: one value, or one on each line.

A value is read whole, and so is bounded; lines are read one by one. NaN and Infinity are no JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from deleverage.errors import DataError
from deleverage.feeds.archives import opened

WHOLE = 256 << 20  # bytes of one JSON value
LINE = 64 << 20  # bytes of one line: a node's block of the busiest second has less
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
                    yield number, parsed_json(line, path, number)
            return
        rest = [start, *([second[1]] if second else []), *_bounded(path, lines)]
        yield 0, parsed_json(b"\n".join(rest), path)


def _lines(path: Path, stream: Any) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := stream.readline(WHOLE + 1):
        number += 1
        if len(line) > WHOLE:
            raise DataError(f"{path}: line {number} is longer than {WHOLE >> 20} MiB")
        yield number, line


def _bounded(path: Path, lines: Iterator[tuple[int, bytes]]) -> Iterator[bytes]:
    size = 0
    for _, line in lines:
        size += len(line)
        if size > WHOLE:
            raise DataError(f"{path}: one JSON value of more than {WHOLE >> 20} MiB")
        yield line


def _whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return line[:1] in (b"{", b"[")


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


def json_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a text with their numbers; empty ones are left out."""
    with opened(path) as stream:
        number = 0
        while line := stream.readline(LINE + 1):
            number += 1
            if len(line) > LINE:
                raise DataError(f"{path}: line {number} has more than {LINE >> 20} MB")
            line = line.strip()
            if line:
                yield number, line


def whole_json(path: Path) -> Any:
    """A file of JSON, read at once: up to 256 MB."""
    with opened(path) as stream:
        data = stream.read(WHOLE + 1)
    if len(data) > WHOLE:
        raise DataError(f"{path}: has more than {WHOLE >> 20} MB of JSON in one piece")
    return parsed_json(data, path)


def parsed_json(text: bytes, path: Path, line: int | None = None) -> Any:
    """``text`` as JSON; DataError naming the line otherwise. NaN and Infinity are no JSON."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        row = line or (error.lineno if isinstance(error, json.JSONDecodeError) else 1)
        said = error.msg if isinstance(error, json.JSONDecodeError) else str(error)[:100]
        raise DataError(f"{path}: line {row} is not JSON: {said}") from None


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number")
