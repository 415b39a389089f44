"""SYNTHETIC files in the shape of Binance's archive, stream and recorders, made by code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deleverage.feeds.readers.binance.funding import COLUMNS as FUNDING_COLUMNS
from deleverage.feeds.readers.binance.klines import COLUMNS as KLINE_COLUMNS
from deleverage.feeds.readers.binance.metrics import COLUMNS as METRIC_COLUMNS
from deleverage.feeds.readers.binance.snapshots import COLUMNS as SNAPSHOT_COLUMNS
from deleverage.timestamps import HOUR, parse, parse_step, show
from tests.feeds.readers.fuzz import zipped

MS = 1_000_000
DAY = "2026-01-31"


def _text(header: Sequence[str], rows: Sequence[Sequence[Any]], headed: bool = True) -> bytes:
    lines = [",".join(header)] if headed else []
    lines += [",".join(str(cell) for cell in row) for row in rows]
    return ("\n".join(lines) + "\n").encode()


def klines(day: str = DAY, step: str = "1m", count: int = 10, *, price: float = 2_400.0,
           traded: bool = True, headed: bool = True, micro: bool = False, cm_usd: float = 0.0,
           fraction: bool = False) -> bytes:
    """Candles that climb a little; with ``cm_usd`` volumes are contracts of so many USD."""
    unit, length = (1_000 if micro else MS), parse_step(step)
    rows = []
    for at in range(count):
        opened = parse(day) + at * length
        low, high = price + at, price + at + 3
        start, end = low + 1, low + 2
        if fraction:
            low, start, end, high = -0.0004, -0.0003, 0.0001 * at, 0.0002 * (at + 1)
        coins = 10.0 + at if traded else 0
        turnover: float = coins * (low + 1.5)
        volume = coins
        if cm_usd:
            volume, turnover = int(coins * (low + 1.5) / cm_usd), 0.0
            turnover = volume * cm_usd / (low + 1.5)
        rows.append((opened // unit, start, high, low, end, volume, (opened + length) // unit - 1,
                     turnover, 60, 0, 0, 0))
    return _text(KLINE_COLUMNS, rows, headed)


def funding(start: str = "2026-01-01", hours: int = 8, count: int = 6, jitter: int = 7) -> bytes:
    """Settlements with some ms of jitter."""
    rows = [(parse(start) // MS + at * hours * HOUR // MS + jitter, hours, f"{0.0001 + at * 1e-6}")
            for at in range(count)]
    return _text(FUNDING_COLUMNS, rows)


def metrics(first: str, count: int = 4, symbol: str = "ETHUSDT", late: int = 0,
            interest: float = 2_000_000.0, value: float = 5e9, empty: bool = False) -> bytes:
    """Snapshots every 5 minutes from the label ``first`` on."""
    ratios = ['""', '""', '""', "0.5"] if empty else ["1.5", "1.6", "1.7", "0.5"]
    rows = []
    for at in range(count):
        label = np.datetime64((parse(first) + at * parse_step("5m")) // MS // 1000 + late, "s")
        rows.append((str(label).replace("T", " "), symbol, interest + at, value + 7 * at, *ratios))
    return _text(METRIC_COLUMNS, rows)


def snapshot(orders: Sequence[tuple[Any, ...]], copies: int = 2) -> bytes:
    """Orders (time text, side, quantity, limit, average, last, accumulated), each written twice."""
    rows = [(parse(time) // MS, side, "LIMIT", "IOC", quantity, limit, average, "FILLED", last,
             filled) for time, side, quantity, limit, average, last, filled in orders]
    return _text(SNAPSHOT_COLUMNS, [row for row in rows for _ in range(copies)])


def message(time: str = f"{DAY}T17:10:00.100", side: str = "SELL", symbol: str = "ETHUSDT",
            **changes: Any) -> dict[str, Any]:
    """One forceOrder of the stream, sent 5 ms after its trade."""
    stamp = parse(time) // MS
    order = {"s": symbol, "S": side, "o": "LIMIT", "f": "IOC", "q": "2.5",
             "p": "2300.00" if side == "SELL" else "2500.00", "ap": "2400.00", "X": "FILLED",
             "l": "1.5", "z": "2.0", "T": stamp}
    return {"e": "forceOrder", "E": stamp + 5, "o": {**order, **changes}}


def json_lines(messages: Sequence[Any]) -> bytes:
    """Each message as a line."""
    return "".join(json.dumps(each, separators=(",", ":")) + "\n" for each in messages).encode()


def recorded(count: int = 5, banner: str = "", average: str = "None") -> bytes:
    """A recorder's CSV: bare symbols, alternating sides, ``usd`` in millions that nobody reads."""
    names = ("ADA", "ETH", "ETHUSDC", "1000PEPE", "NEIROETH")
    start = parse(f"{DAY}T17:10") // MS
    rows = [(names[at % 5], ("SELL", "BUY")[at % 2], "LIMIT", "IOC", 10 + at, 2_000.5 + at,
             average, "FILLED", 1, 10 + at, start + 1_500 * at, 0.02) for at in range(count)]
    text = _text((), rows, headed=False)
    return banner.encode() + text


def put(folder: Path, name: str, data: bytes, *, packed: bool = False,
        checksum: bool = False) -> Path:
    """``data`` at ``folder/name``, in a zip with the archive's CHECKSUM where asked for."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if packed:
        data = zipped(data, path.with_suffix(".csv").name)
    path.write_bytes(data)
    if checksum:
        digest = hashlib.sha256(data).hexdigest()
        path.with_name(path.name + ".CHECKSUM").write_text(f"{digest}  {path.name}\n")
    return path


def shown(stamps: Sequence[int]) -> list[str]:
    """Stamps as text, for comparison."""
    return [show(stamp) for stamp in stamps]
