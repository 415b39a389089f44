"""Recorded messages of Binance's stream ``forceOrder``: lines of JSON, or one JSON document.

A line is a message ``{"e":"forceOrder","E":…,"o":{…}}``, one wrapped as ``{"stream":…,"data":…}``,
or a list of either; a recorder's clock in ns may stand before it. Messages of other streams in the
same recording are counted. ``E`` is when the venue sent it, ``T`` in ``o`` when it traded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from deleverage.columns import Ints
from deleverage.errors import DataError
from deleverage.feeds.archives import opened
from deleverage.feeds.readers.binance.orders import Orders, without_unfilled
from deleverage.feeds.readers.parsing.values import epoch_ns, floats
from deleverage.feeds.readers.protocol import Log

LINES = 50_000  # at a time
DOCUMENT_LIMIT = 256 << 20  # bytes of a document that is no list of lines, and of any one line
EVENTS = ("forceOrder", "markPriceUpdate", "aggTrade", "trade", "depthUpdate", "bookTicker",
          "kline", "24hrTicker", "24hrMiniTicker", "continuous_kline", "contractInfo",
          "compositeIndex", "assetIndexUpdate")
_RECEIVED = re.compile(rb"^(\d{16,19})\s+(?=[\[{])")
_START = re.compile(rb'^[\s\[]*\{\s*(?:"stream"\s*:\s*"[^"]*"\s*,\s*"data"\s*:[\s\[]*\{\s*)?'
                    rb'"e"\s*:\s*"(\w+)"')
_FIELDS = ("s", "S", "q", "p", "ap", "X", "z", "T")

Message = tuple[dict[str, Any], int, int]  # the message, its line, when it was received (0: none)


def event_of(head: bytes) -> str | None:
    """Which of the stream's events a file holds by its first bytes: forceOrder if any is one."""
    found = []
    for line in head.split(b"\n"):
        match = _START.match(_RECEIVED.sub(b"", line.removeprefix(b"\xef\xbb\xbf")))
        if match is not None and match[1].decode("ascii", "replace") in EVENTS:
            found.append(match[1].decode())
    if not found:
        match = _START.match(head)  # a document of several lines
        name = match[1].decode("ascii", "replace") if match else ""
        found = [name] if name in EVENTS else []
    return "forceOrder" if "forceOrder" in found else (found or [None])[0]


def orders(path: Path, log: Log) -> Iterator[Orders]:
    """The orders of a recording, some ten thousand at a time."""
    with opened(path) as stream:
        batch: list[Message] = []
        for message in _messages(path, stream, log):
            batch.append(message)
            if len(batch) >= LINES:
                yield _orders(path, batch, log)
                batch = []
        if batch:
            yield _orders(path, batch, log)


def _messages(path: Path, stream: IO[bytes], log: Log) -> Iterator[Message]:
    """forceOrder messages one by one, others counted."""
    for value, line, received in _values(path, stream, log):
        for each in _unwrapped(value):
            name = each.get("e") if isinstance(each, dict) else None
            if name == "forceOrder":
                yield each, line, received
            else:
                log.drop("a message of another stream" if isinstance(name, str) else
                         "a line that is no message of a stream")


def _unwrapped(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for each in value:
            yield from _unwrapped(each)
    elif isinstance(value, dict) and "e" not in value and isinstance(
            value.get("data"), (dict, list)):
        yield from _unwrapped(value["data"])
    else:
        yield value


def _values(path: Path, stream: IO[bytes], log: Log) -> Iterator[tuple[Any, int, int]]:
    """JSON values with the numbers of their lines; of a document of many lines its messages."""
    first = stream.readline(DOCUMENT_LIMIT).removeprefix(b"\xef\xbb\xbf")
    if first.strip() and _json(_RECEIVED.sub(b"", first)) is None:
        text = first + stream.read(DOCUMENT_LIMIT - len(first) + 1)
        if len(text) > DOCUMENT_LIMIT:
            raise DataError(f"{path}: a JSON document of more than {DOCUMENT_LIMIT >> 20} MiB")
        value = _json(text)
        if value is None:
            raise DataError(f"{path}: row 1 is not JSON, nor is the file as a whole")
        for number, each in enumerate(_unwrapped(value), start=1):
            yield each, number, 0
        return
    line, number = first, 0
    while line:
        number += 1
        text = line.strip()
        received = _RECEIVED.match(text) if text[:1].isdigit() else None
        value = _json(text[received.end():] if received else text)
        if value is not None:
            yield value, number, int(received[1]) if received else 0
        elif text and not line.endswith(b"\n") and len(line) < DOCUMENT_LIMIT:
            log.drop("the last line, cut off")
        elif text:
            raise DataError(f"{path}: row {number} is not JSON: {text[:60]!r}")
        line = stream.readline(DOCUMENT_LIMIT)


def _json(text: bytes) -> Any:
    """A list or an object, or None for text that is neither."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, (list, dict)) else None


def _orders(path: Path, batch: list[Message], log: Log) -> Orders:
    rows = np.array([line for _, line, _ in batch], np.int64)
    found: dict[str, list[Any]] = {name: [] for name in _FIELDS}
    for message, line, _ in batch:
        order = message.get("o")
        if not isinstance(order, dict):
            raise DataError(f"{path}: row {line}, o (the order) is missing")
        for name in _FIELDS:
            if name not in order:
                raise DataError(f"{path}: row {line}, {name} is missing in the order (found: "
                                f"{', '.join(order)})")
            found[name].append(order[name])
    number = {name: floats(pa.array([None if each is None else str(each) for each in found[name]],
                                    pa.string()), path, name, rows, empty=name == "ap")
              for name in ("q", "p", "ap", "z")}
    text = {name: pa.array([_text(path, each, name, line) for each, line in
                            zip(found[name], rows, strict=True)]) for name in ("s", "S", "X")}
    time = _stamps(path, found["T"], "T", rows)
    sent = _stamps(path, [message.get("E") for message, _, _ in batch], "E", rows)
    received = np.array([stamp for _, _, stamp in batch], np.int64)
    if received.any():
        received = np.where(received, epoch_ns(np.where(received, received, sent), path,
                                               "time of receipt", rows), 0)
    known = np.maximum(sent, received)
    early = known < time
    if early.any():
        log.note(f"{path.name}: messages sent before their trade, by the venue's or the recorder's "
                 "clock: taken as known at the trade")
    made = Orders(text["s"].dictionary_encode(), text["S"], number["q"], number["z"], number["p"],
                  number["ap"], time, np.maximum(known, time), rows)
    return made.where(without_unfilled(text["X"], path, "X", rows, log))


def _text(path: Path, value: Any, field: str, line: int) -> str:
    if not isinstance(value, str) or not value:
        raise DataError(f"{path}: row {line}, {field} is not a text, found {value!r}")
    return value


def _stamps(path: Path, values: list[Any], field: str, rows: Ints) -> Ints:
    for value, line in zip(values, rows, strict=True):
        if type(value) is not int or not 0 < value < 2**63:
            raise DataError(f"{path}: row {line}, {field} is no epoch time, found {value!r}")
    return epoch_ns(np.array(values, np.int64), path, field, rows)
