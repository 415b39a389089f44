"""A SYNTHETIC year in the files of Binance's archive: zips with their CHECKSUM, made by code.

Monthly files of one-minute candles (last, mark, index) and of funding, daily ones of metrics, under
the archive's folders and headers.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from deleverage.feeds.readers.binance.funding import COLUMNS as FUNDING
from deleverage.feeds.readers.binance.klines import COLUMNS as CANDLES
from deleverage.feeds.readers.binance.metrics import COLUMNS as METRICS

SYMBOL = "ETHUSDT"
MINUTE_MS, DAY_MS = 60_000, 86_400_000
MONTHLY, DAILY = "data/futures/um/monthly", "data/futures/um/daily"


def write_year(root: Path, year: int = 2025, months: int = 12, seed: int = 7) -> list[Path]:
    """Write the year below ``root``; the zips in the order of their types."""
    rng = np.random.default_rng(seed)
    files: list[Path] = []
    price = 2_400.0
    for month in range(1, months + 1):
        start = pd.Timestamp(year, month, 1)
        stop = start + pd.offsets.MonthBegin()
        opened = np.arange(start.value // 10**6, stop.value // 10**6, MINUTE_MS)
        close = price * np.exp(np.cumsum(rng.normal(0, 4e-4, len(opened))))
        stem = f"{start:%Y-%m}"
        for kind, traded, shift in (("klines", True, 0.0), ("markPriceKlines", False, 0.3),
                                    ("indexPriceKlines", False, -0.4)):
            frame = _candles(opened, price, close + shift, traded, rng)
            files.append(_put(root, f"{MONTHLY}/{kind}/{SYMBOL}/1m/{SYMBOL}-1m-{stem}", frame))
        price = float(close[-1])
        files.append(_put(root, f"{MONTHLY}/fundingRate/{SYMBOL}/{SYMBOL}-fundingRate-{stem}",
                          _funding(opened, rng)))
        for day in range(0, len(opened), 1_440):
            frame = _metrics(int(opened[day]), close[day:day + 1_440:5], rng)
            label = f"{pd.Timestamp(int(opened[day]), unit='ms'):%Y-%m-%d}"
            files.append(_put(root, f"{DAILY}/metrics/{SYMBOL}/{SYMBOL}-metrics-{label}", frame))
    return files


def _candles(opened: np.ndarray, before: float, close: np.ndarray, traded: bool,
             rng: np.random.Generator) -> pd.DataFrame:
    """Rows of 12 columns; turnover lies within the range, and is 0 where nothing trades."""
    close = np.round(close, 2)
    start = np.append(round(before, 2), close[:-1])
    reach = np.round(np.abs(rng.normal(0, 1.0, (2, len(close)))), 2)
    high, low = np.maximum(start, close) + reach[0], np.minimum(start, close) - reach[1]
    volume = np.round(rng.exponential(80, len(close)), 3) if traded else np.zeros(len(close))
    turnover = np.round(volume * (high + low) / 2, 5)
    taker = np.round(volume / 2, 3)
    values = (opened, start, high.round(2), low.round(2), close, volume, opened + MINUTE_MS - 1,
              turnover, rng.integers(1, 9_000, len(close)), taker, np.round(turnover / 2, 5),
              np.zeros(len(close), np.int64))
    return pd.DataFrame(dict(zip(CANDLES, values, strict=True)))


def _funding(opened: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    due = opened[::480]
    values = (due + rng.integers(0, 20, len(due)), np.full(len(due), 8),
              np.round(rng.normal(1e-4, 3e-5, len(due)), 8))
    return pd.DataFrame(dict(zip(FUNDING, values, strict=True)))


def _metrics(day_ms: int, price: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """288 rows labelled with the end of their 5 minutes."""
    labels = pd.to_datetime(day_ms + 300_000 * np.arange(1, len(price) + 1), unit="ms")
    interest = np.round(2e6 + np.cumsum(rng.normal(0, 500, len(price))), 3)
    ratios = np.round(rng.uniform(0.5, 2, (4, len(price))), 8)
    values = (labels.strftime("%Y-%m-%d %H:%M:%S"), [SYMBOL] * len(price), interest,
              np.round(interest * price, 4), *ratios)
    return pd.DataFrame(dict(zip(METRICS, values, strict=True)))


def _put(root: Path, stem: str, frame: pd.DataFrame) -> Path:
    path = root / f"{stem}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    frame.to_csv(text, index=False, lineterminator="\n")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{path.stem}.csv", text.getvalue())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(path.name + ".CHECKSUM").write_text(f"{digest}  {path.name}\n")
    return path
