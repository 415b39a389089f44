"""Answers of Hyperliquid's info API: candles of trades, and the funding that was settled.

Funding is hourly, with tens of ms of jitter. The newest candle is the one that was still open when
the answer was given, and the answer does not say when that was: it is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from deleverage.columns import Ints
from deleverage.errors import DataError
from deleverage.feeds.readers.names import Contract, same_coin
from deleverage.feeds.readers.parsing import bounds
from deleverage.feeds.readers.parsing.documents import whole_json
from deleverage.feeds.readers.parsing.prices import candles
from deleverage.feeds.readers.protocol import Log, Piece, Request
from deleverage.feeds.settlements import snapped
from deleverage.timestamps import HOUR, show_step

_STEPS = {"1m": 60, "3m": 180, "5m": 300, "15m": 900, "30m": 1_800, "1h": 3_600, "2h": 7_200,
          "4h": 14_400, "8h": 28_800, "12h": 43_200, "1d": 86_400, "3d": 259_200, "1w": 604_800}
_MS = 1_000_000


def contract_of(coin: str) -> Contract:
    """A coin of Hyperliquid as a contract: its exact name (``xyz:SILVER``, ``kPEPE``), in USDC."""
    return Contract("hyperliquid", coin, coin, "USDC")


def is_spot(coin: str) -> bool:
    """Whether a coin's name is a spot market's (``@107``, ``PURR/USDC``)."""
    return coin.startswith("@") or "/" in coin


def wanted(coin: str, request: Request) -> bool:
    """Whether rows of ``coin`` are asked for."""
    return request.symbol is None or request.symbol == coin or same_coin(request.symbol, coin)


def candle_pieces(path: Path, request: Request, log: Log) -> Iterator[Piece]:
    """Bars of an answer to candleSnapshot, one piece per coin and step."""
    rows, numbers = _rows(path, ("t", "T", "s", "i", "o", "h", "l", "c", "v"))
    coins = bounds.texts([row["s"] for row in rows], path, "s", numbers)
    steps = bounds.texts([row["i"] for row in rows], path, "i", numbers)
    for coin, step in dict.fromkeys(zip(coins, steps, strict=True)):
        mine = [at for at in range(len(rows)) if (coins[at], steps[at]) == (coin, step)]
        if is_spot(coin):
            log.drop("a spot market", len(mine))
        elif wanted(coin, request):
            yield _bars(path, [rows[at] for at in mine], numbers[mine], coin, step, log)


def _bars(path: Path, rows: list[Any], numbers: Ints, coin: str, name: str, log: Log) -> Piece:
    if name not in _STEPS:
        raise DataError(f"{path}: row {numbers[0]}, i must be one of {', '.join(_STEPS)}, found "
                        f"{bounds.shown(name)}")
    step = _STEPS[name] * 1_000 * _MS
    opened = bounds.stamps([row["t"] for row in rows], path, "t", numbers)
    ended = bounds.stamps([row["T"] for row in rows], path, "T", numbers)
    odd = np.flatnonzero((ended != opened + step - _MS) | (opened % 60_000_000_000 != 0))
    if len(odd):
        raise DataError(f"{path}: row {numbers[odd[0]]}, t and T are not the first and last ms "
                        f"of a bar of {show_step(step)}")
    values = {field: bounds.decimals([row[key] for row in rows], path, key, numbers)
              for field, key in (("open", "o"), ("high", "h"), ("low", "l"), ("close", "c"),
                                 ("volume", "v"))}
    piece = candles("bars", opened, step, values, numbers, path, contract_of(coin))
    over = opened < opened.max()
    log.drop("the newest bar, which may not have been over", int((~over).sum()))
    return replace(piece, rows=piece.rows.filter(pa.array(over)))


def funding_pieces(path: Path, request: Request, log: Log) -> Iterator[Piece]:
    """Hourly settlements of an answer to fundingHistory, one piece per coin."""
    rows, numbers = _rows(path, ("coin", "fundingRate", "time"))
    coins = bounds.texts([row["coin"] for row in rows], path, "coin", numbers)
    raw = bounds.stamps([row["time"] for row in rows], path, "time", numbers)
    rate = bounds.decimals([row["fundingRate"] for row in rows], path, "fundingRate", numbers)
    bounds.rates(rate, path, "fundingRate", numbers)
    ts = snapped(raw)
    table = pa.table({"ts": ts, "raw_ts": raw, "available_at": np.maximum(raw, ts), "rate": rate,
                      "interval_h": np.ones(len(ts)), "source_row": numbers})
    off = int((ts % HOUR != 0).sum())
    if off:
        log.note(f"{path.name}: {off} settlements are not on the hour")
    for coin in dict.fromkeys(coins):
        if wanted(coin, request):
            mine = np.array([each == coin for each in coins])
            yield Piece("funding", table.filter(pa.array(mine)), contract_of(coin))


def _rows(path: Path, keys: tuple[str, ...]) -> tuple[list[dict[str, Any]], Ints]:
    rows = whole_json(path)
    if not isinstance(rows, list):
        raise DataError(f"{path}: expected a list of rows")
    for number, row in enumerate(rows, start=1):
        for key in keys:
            if not isinstance(row, dict) or key not in row:
                raise DataError(f"{path}: row {number}, {key} is missing, found "
                                f"{bounds.shown(row)}")
    return rows, np.arange(1, len(rows) + 1)
