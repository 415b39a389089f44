"""Liquidations among Hyperliquid's fills: of its nodes, by block or by line, or of one account.

Each trade comes twice, once for each party with the same ``tid``, and both rows carry
``liquidation``: kept is the row of the liquidated user, of the counterparty's only where the other
is not in the file. What closes a long sells: the user's own side, or the mirror of the
counterparty's. Auto-deleveraging is no liquidation and is left out. A backstop liquidation, which
the venue's vault took over without touching the book, is kept with ``method`` "backstop".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from deleverage.columns import Ints
from deleverage.errors import DataError
from deleverage.feeds.readers.hyperliquid.answers import is_spot, wanted
from deleverage.feeds.readers.hyperliquid.contexts import iso_ns
from deleverage.feeds.readers.parsing import bounds
from deleverage.feeds.readers.parsing.documents import json_lines, parsed_json, whole_json
from deleverage.feeds.readers.parsing.values import coded, liquidation_rows
from deleverage.feeds.readers.protocol import Log, Piece, Request
from deleverage.market import Coverage
from deleverage.timestamps import DAY

ROWS = 50_000  # events of one piece
_LONGER = 2_000  # lines for which a trade waits for its other party (in one block, or beside it)
_BLOCK_TIME = re.compile(rb'"block_time"\s*:\s*"([0-9T:. -]{19,29})"')
_ADL = "Auto-Deleveraging"
_Told = tuple[int, str | None, str | None, dict[str, Any]]  # line, local time, address, fill
_NEEDED = ("coin", "px", "sz", "side", "time", "dir")


@dataclass(slots=True)
class _Fill:
    """One row of a liquidation. ``own`` is True for the liquidated user's, None where unknown."""

    line: int
    known: str | None  # local_time of its block
    fill: dict[str, Any]
    own: bool | None

    @property
    def is_long(self) -> bool:
        """Whether a long was liquidated."""
        told = self.fill["dir"]
        if told.startswith("Liquidated"):  # "Liquidated Cross Long", whichever row it is
            return told.endswith("Long")
        sells = self.fill["side"] == "A"
        mine = self.fill.get("crossed") is True if self.own is None else self.own
        return sells if mine else not sells


def fill_pieces(path: Path, request: Request, log: Log) -> Iterator[Piece]:
    """The liquidations of a file, some ten thousand at a time."""
    waiting: dict[Any, list[_Fill]] = {}
    ready: list[_Fill] = []
    seen: list[bytes] = []
    for line, known, address, fill in _fills(path, seen):
        kept = _liquidation(path, line, known, address, fill, request, log)
        if kept is None:
            continue
        waiting.setdefault(_trade(kept), []).append(kept)
        if len(waiting) > ROWS:
            old = [key for key, rows in waiting.items() if rows[-1].line < line - _LONGER]
            ready += [row for key in old for row in _one(waiting.pop(key), log)]
            if len(ready) >= ROWS:
                yield _piece(path, ready, log)
                ready = []
    ready += [row for rows in waiting.values() for row in _one(rows, log)]
    for start in range(0, len(ready), ROWS):
        yield _piece(path, ready[start:start + ROWS], log)
    _covered(path, seen, log)


def _covered(path: Path, seen: list[bytes], log: Log) -> None:
    """From the first block of a node's file to its last: what has no liquidation was quiet."""
    times = [found[1].decode() for text in seen if (found := _BLOCK_TIME.search(text))]
    if len(times) == 2:
        first, last = iso_ns(pa.array(times), path, "block_time", np.array([1, 2])).tolist()
        if 0 < last - first <= DAY:
            log.coverage.append(Coverage("liquidations", "hyperliquid", "Hyperliquid", first, last,
                                         "all"))


def _fills(path: Path, seen: list[bytes]) -> Iterator[_Told]:
    """Line, local time, address (both None where the file has none) and fill, of each fill that is
    part of a liquidation. A line without that word is looked at only for its two ends. ``seen``
    gets the beginnings of the first line and of the last."""
    for line, text in json_lines(path):
        ends = (text[:1], text[-1:])
        if line == 1 and ends not in ((b"{", b"}"), (b"[", b"]")):
            yield from _whole(path)
            return
        if ends not in ((b"{", b"}"), (b"[", b"]")):
            raise DataError(f"{path}: line {line} is cut, expected one JSON value a line")
        seen[min(len(seen), 1):] = [text[:400]]  # the first stays, the last is replaced
        if b'"liquidation"' in text or b'"fills"' in text[:200]:
            yield from _of(path, line, parsed_json(text, path, line))


def _whole(path: Path) -> Iterator[_Told]:
    read = whole_json(path)
    for number, each in enumerate(read if isinstance(read, list) else [read], start=1):
        yield from _of(path, number, each)


def _of(path: Path, line: int, read: Any) -> Iterator[_Told]:
    """The fills in one JSON value, whichever of the shapes it has."""
    known, pairs = None, []
    if isinstance(read, dict) and isinstance(read.get("events"), list):
        known, pairs = read.get("local_time"), read["events"]
        if not isinstance(known, str):
            raise DataError(f"{path}: line {line}, local_time is missing")
    elif isinstance(read, dict) and isinstance(read.get("data"), dict):
        pairs = [[None, fill] for fill in read["data"].get("fills") or ()]
    elif isinstance(read, list) and len(read) == 2 and isinstance(read[0], str):
        pairs = [read]
    elif isinstance(read, list):
        pairs = [[None, fill] for fill in read]
    else:
        pairs = [[None, read]]
    for pair in pairs:
        if (not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[1], dict)
                or not isinstance(pair[0], str | None)):
            raise DataError(f"{path}: line {line}, expected [address, fill], found "
                            f"{bounds.shown(pair)}")
        if pair[1].get("liquidation") is not None:
            yield line, known, pair[0], pair[1]


def _liquidation(path: Path, line: int, known: str | None, address: str | None,
                 fill: dict[str, Any], request: Request, log: Log) -> _Fill | None:
    """One row of a liquidation that is asked for; None for another coin's and for spot."""
    about = fill["liquidation"]
    for name in _NEEDED:
        if name not in fill:
            raise DataError(f"{path}: line {line}, {name} is missing in {bounds.shown(fill)}")
    if not isinstance(about, dict) or not isinstance(about.get("liquidatedUser"), str):
        raise DataError(f"{path}: line {line}, liquidatedUser is missing in {bounds.shown(about)}")
    coin = bounds.texts([fill["coin"], fill["dir"]], path, "coin or dir", np.array([line, line]))[0]
    if fill["side"] not in ("A", "B"):
        raise DataError(f"{path}: line {line}, side must be one of A, B, found "
                        f"{bounds.shown(fill['side'])}")
    if not wanted(coin, request):
        return None
    if is_spot(coin):
        log.drop("a fill of a spot market")
        return None
    own = None if address is None else address.lower() == about["liquidatedUser"].lower()
    row = _Fill(line, known, fill, own)
    closes = {"Close Long": "A", "Close Short": "B"}.get(fill["dir"])
    if closes is not None and closes != fill["side"]:
        raise DataError(f"{path}: line {line}, side {fill['side']} cannot be {fill['dir']!r}")
    return row


def _one(rows: list[_Fill], log: Log) -> list[_Fill]:
    """The one row that stands for a trade: the user's own, else that of the order that crossed."""
    if any(row.fill["dir"] == _ADL for row in rows):
        log.drop("auto-deleveraging, no liquidation", len(rows))
        return []
    own = [row for row in rows if row.own]
    crossed = [row for row in rows if row.fill.get("crossed") is True]
    # without a number, rows alike may be several trades of one user
    kept = own if own and _tid(rows[0]) is None else (own or crossed or rows)[:1]
    log.drop("the other party's row of the same liquidation", len(rows) - len(kept))
    return kept


def _piece(path: Path, rows: list[_Fill], log: Log) -> Piece:
    rows = sorted(rows, key=lambda row: row.line)
    lines: Ints = np.array([row.line for row in rows], np.int64)

    def field(name: str) -> list[Any]:
        return [row.fill[name] for row in rows]

    ts = bounds.stamps(field("time"), path, "time", lines)
    price = bounds.positive(bounds.decimals(field("px"), path, "px", lines), path, "px", lines)
    size = bounds.not_negative(bounds.decimals(field("sz"), path, "sz", lines), path, "sz", lines)
    methods = [str(row.fill["liquidation"].get("method") or "unknown") for row in rows]
    backstop = sum(method == "backstop" for method in methods)
    if backstop:
        log.note(f"{path.name}: backstop liquidations are among the rows (method \"backstop\"): "
                 "taken over by the venue's vault, without effect on the book")
    counter = sum(row.own is False for row in rows)
    if counter:
        log.note(f"{path.name}: {counter} liquidations are told by the counterparty's row alone")
    known = ts
    if any(row.known is not None for row in rows):
        known = iso_ns(pa.array([row.known for row in rows], pa.string()), path, "local_time",
                       lines)
    far = bounds.far_apart(ts, known)
    log.drop("stamped more than a day from their arrival", int(far.sum()))
    table = liquidation_rows({
        "ts": ts, "available_at": known, "venue": "hyperliquid", "symbol": field("coin"),
        "base": field("coin"), "qty_base": size, "price": price, "price_basis": "fill",
        "notional_usd": size * price, "completeness": "all", "source_row": lines,
        "is_long": [row.is_long for row in rows]}, len(rows))
    table = table.append_column("method", coded(methods, len(rows)))
    table = table.append_column("tid", pa.array([_tid(row) for row in rows], pa.int64()))
    return Piece("liquidations", table.filter(pa.array(~far)) if far.any() else table)


def _trade(row: _Fill) -> tuple[Any, ...]:
    """What both parties' rows of one trade have in common."""
    tid, fill = _tid(row), row.fill
    if tid is not None:
        return (fill["coin"], tid)
    return (fill["coin"], *(bounds.shown(fill[name]) for name in ("time", "px", "sz")))


def _tid(row: _Fill) -> int | None:
    """The trade's number, which tells it from all others; None where the row has none."""
    tid = row.fill.get("tid")
    return tid if type(tid) is int and abs(tid) < 2**63 else None
