"""Recorded streams of Bybit's liquidations, one message a line.

``S`` (``side``) is the side of the POSITION: Buy means that a long was liquidated, the opposite of
Binance's word. ``p`` is the bankruptcy price; linear contracts count coins, inverse ones USD. A row
is known when its message was pushed (``ts``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from deleverage.errors import DataError
from deleverage.feeds.readers.parsing import bounds
from deleverage.feeds.readers.parsing.documents import json_lines, parsed_json, whole_json
from deleverage.feeds.readers.parsing.units import Symbols
from deleverage.feeds.readers.parsing.values import liquidation_rows, sides
from deleverage.feeds.readers.protocol import Log, Piece, Request

ROWS = 50_000  # events of one piece
_TOPIC = re.compile(r"^(allLiquidation|liquidation)\.")
_NEW = {"ts": "T", "symbol": "s", "side": "S", "quantity": "v", "price": "p"}
_OLD = {"ts": "updatedTime", "symbol": "symbol", "side": "side", "quantity": "size",
        "price": "price"}
Event = tuple[int, Any, dict[str, Any], bool]  # line, time of the push, the event, complete feed


def stream_pieces(path: Path, request: Request, log: Log) -> Iterator[Piece]:
    """The liquidations of a recording, some ten thousand at a time."""
    symbols = Symbols("bybit", request, log)
    events: list[Event] = []
    for line, message in _messages(path):
        events += _events(path, line, message, log)
        if len(events) >= ROWS:
            yield from _piece(path, events, symbols, request, log)
            events = []
    yield from _piece(path, events, symbols, request, log)


def _messages(path: Path) -> Iterator[tuple[int, Any]]:
    """Messages with their lines; a file that is one JSON list of messages counts them."""
    for line, text in json_lines(path):
        if line == 1 and (text[:1] == b"[" or text[-1:] != b"}"):
            read = whole_json(path)
            yield from enumerate(read if isinstance(read, list) else [read], start=1)
            return
        yield line, parsed_json(text, path, line)


def _events(path: Path, line: int, message: Any, log: Log) -> list[Event]:
    topic = message.get("topic") if isinstance(message, dict) else None
    found = _TOPIC.match(topic) if isinstance(topic, str) else None
    if found is None:
        log.drop("a message of another topic")
        return []
    data, complete = message.get("data"), found[1] == "allLiquidation"
    rows = data if isinstance(data, list) else [data]
    for row in rows:
        for key in (_NEW if complete else _OLD).values():
            if not isinstance(row, dict) or key not in row:
                raise DataError(f"{path}: line {line}, {key} is missing in {bounds.shown(row)}")
    return [(line, message.get("ts"), row, complete) for row in rows]


def _piece(path: Path, events: list[Event], symbols: Symbols, request: Request,
           log: Log) -> Iterator[Piece]:
    wanted = []
    for event in events:
        name = event[2][(_NEW if event[3] else _OLD)["symbol"]]
        known = symbols.of(bounds.texts([name], path, "symbol", np.array([event[0]]))[0])
        if known.wanted and known.contract.delivery:
            log.drop("a delivery contract")
        elif known.wanted:
            wanted.append(event)
    if not wanted:
        return
    lines = np.array([event[0] for event in wanted])

    def field(name: str) -> list[Any]:
        return [row[(_NEW if complete else _OLD)[name]] for _, _, row, complete in wanted]

    ts = bounds.stamps(field("ts"), path, "T", lines)
    pushed = bounds.stamps([event[1] for event in wanted], path, "ts", lines)
    price = bounds.positive(bounds.decimals(field("price"), path, "price", lines), path, "price",
                            lines)
    size = bounds.not_negative(bounds.decimals(field("quantity"), path, "size", lines), path,
                               "size", lines)
    longs, shorts = ("Sell", "Buy") if request.side == "order" else ("Buy", "Sell")
    is_long = sides(bounds.texts(field("side"), path, "side", lines), [longs], [shorts], path,
                    "side", lines)
    names = symbols.table(pa.array(field("symbol"), pa.string()).dictionary_encode())
    symbol, base = names.texts(names.codes)
    coins, usd = names.measured(names.codes, size, price)
    table = liquidation_rows({
        "ts": ts, "available_at": pushed, "venue": "bybit", "symbol": symbol, "base": base,
        "qty_base": coins, "price": price, "price_basis": "bankruptcy", "notional_usd": usd,
        "completeness": np.where([event[3] for event in wanted], "all", "sampled_1s"),
        "source_row": lines, "is_long": is_long}, len(wanted))
    far = bounds.far_apart(ts, pushed)
    log.drop("stamped more than a day from their push", int(far.sum()))
    yield Piece("liquidations", table.filter(pa.array(~far)) if far.any() else table)
