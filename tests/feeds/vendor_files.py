"""Small SYNTHETIC files in the shape that vendors give them, written where a test wants them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import feather

from deleverage.timestamps import parse, parse_step

MS = 1_000_000


def candles(start: str, step: str, count: int, price: float = 3_000.0) -> dict[str, NDArray[Any]]:
    """OPEN-stamped candles of a price that climbs and falls by turns; ``date`` in nanoseconds."""
    opened = parse(start) + parse_step(step) * np.arange(count, dtype=np.int64)
    close = price + 10 * np.sin(np.arange(count))
    begin = np.append(price, close[:-1])
    return {"date": opened, "open": begin, "high": np.maximum(begin, close) + 1,
            "low": np.minimum(begin, close) - 1, "close": close,
            "volume": np.arange(1.0, count + 1)}


def funding(start: str, hours: float, count: int, jitter_ms: int = 0) -> dict[str, NDArray[Any]]:
    """freqtrade's funding rows: the rate in ``open``, the other columns 0."""
    stamps = parse(start) + int(hours * 3_600_000) * MS * np.arange(count, dtype=np.int64)
    nothing = np.zeros(count)
    return {"date": stamps + jitter_ms * MS, "open": np.linspace(1e-4, 2e-4, count),
            "high": nothing, "low": nothing, "close": nothing, "volume": nothing}


def write_feather(path: Path, columns: dict[str, Any], unit: str = "ms") -> Path:
    """A feather file as freqtrade writes it: ``date`` with a zone, lz4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = pa.timestamp(unit, tz="UTC")
    dates = pa.array(columns["date"]).cast(pa.timestamp("ns", tz="UTC")).cast(kind)
    rest = {name: values for name, values in columns.items() if name != "date"}
    feather.write_feather(pa.table({"date": dates, **rest}), str(path), compression="lz4")
    return path


def write_json_gz(path: Path, columns: dict[str, Any]) -> Path:
    """The older form of the same rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [[int(at) // MS, *(float(value) for value in values)]
            for at, *values in zip(*columns.values(), strict=True)]
    path.write_bytes(gzip.compress(json.dumps(rows).encode(), mtime=0))
    return path


def freqtrade_folder(root: Path, venue: str = "bybit", days: int = 2) -> Path:
    """``root/<venue>/futures`` with ETH: 5 m candles, 1 h mark, 8 h funding in a file named 1h."""
    folder = root / venue
    day = 288 * days
    name = folder / "futures" / "ETH_USDT_USDT"
    write_feather(Path(f"{name}-5m-futures.feather"), candles("2026-01-28", "5m", day))
    mark = candles("2026-01-28", "1h", 24 * days)
    mark["volume"] = np.full(24 * days, np.nan)
    write_feather(Path(f"{name}-1h-mark.feather"), mark)
    write_feather(Path(f"{name}-1h-funding_rate.feather"),
                  funding("2026-01-28T08:00", 8, 3 * days))
    return folder


def write_csv(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def open_interest_csv(path: Path, count: int = 200, price: float = 3_000.0,
                      late_row: int | None = None) -> Path:
    """5-minute snapshots from 2026-01-28 00:05 on; ``late_row`` comes 2 s after its time."""
    start = parse("2026-01-28T00:05") // MS
    rows = []
    for row in range(count):
        at = start + row * 300_000 + (2_000 if row == late_row else 0)
        coins = 1_000_000 - 10 * row
        rows.append(f"{at},{coins},{coins * price}")
    return write_csv(path, "t,oi,oi_usd", rows)
