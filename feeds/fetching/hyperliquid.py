"""Hyperliquid's info interface through ccxt: hourly funding back to listing, the newest candles.

Documented: 1200 weights a minute per address, 20 of one request and more by its rows; 500 rows of
funding a page, only the newest 5000 candles of a length exist. Mark has no candles.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from deleverage.feeds.fetching.rest import Rest, Series, rows_of_all
from deleverage.timestamps import HOUR, MINUTE


def _candles(symbol: str, first: int, last: int) -> Mapping[str, Any]:
    return {"type": "candleSnapshot", "req": {"coin": symbol, "interval": "1m",
                                              "startTime": first, "endTime": last}}


def _funding(symbol: str, first: int, last: int) -> Mapping[str, Any]:
    return {"type": "fundingHistory", "coin": symbol, "startTime": first, "endTime": last}


def _rows(answer: Any) -> list[Any]:
    if not isinstance(answer, list):
        raise TypeError
    return answer


FUNDING = Series("fundingHistory", "publicPostInfo", 500, HOUR, _funding, _rows,
                 lambda row: int(row["time"]), monthly=True)
SOURCE = Rest(
    "hyperliquid", "Hyperliquid: hourly funding; candles of 1m as far as they exist (5000)",
    "hyperliquid", "hyperliquid", (
        Series("candleSnapshot", "publicPostInfo", 5000, MINUTE, _candles, _rows,
               lambda row: int(row["t"]), overlap=True, reach_ns=5000 * MINUTE),
        FUNDING,
    ), rows_of_all, MappingProxyType({"api.hyperliquid.xyz": 2.5}), upper=False)
