"""Bybit's interface v5 through ccxt: candles of 1m (last, mark, index), funding, open interest.

Documented: 600 requests in 5 s per address; 1000 candles, 200 rows of funding or open interest a
page. Liquidations have no history there.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from deleverage.feeds.fetching.rest import Rest, Series, as_list
from deleverage.timestamps import MINUTE


def _candles(symbol: str, first: int, last: int) -> Mapping[str, Any]:
    return {"category": "linear", "symbol": symbol, "interval": "1", "start": first, "end": last,
            "limit": 1000}


def _funding(symbol: str, first: int, last: int) -> Mapping[str, Any]:
    return {"category": "linear", "symbol": symbol, "startTime": first, "endTime": last,
            "limit": 200}


def _interest(symbol: str, first: int, last: int) -> Mapping[str, Any]:
    return {**_funding(symbol, first, last), "intervalTime": "5min"}


def _rows(answer: Any) -> list[Any]:
    return list(answer["result"]["list"])


def _first(row: Any) -> int:
    return int(row[0])


FUNDING = Series("funding-history", "publicGetV5MarketFundingHistory", 200, None, _funding, _rows,
                 lambda row: int(row["fundingRateTimestamp"]), monthly=True)
SOURCE = Rest(
    "bybit", "Bybit v5: 1m candles, mark and index candles, funding, open interest", "bybit",
    "bybit", (
        Series("kline", "publicGetV5MarketKline", 1000, MINUTE, _candles, _rows, _first,
               name="{symbol}_1m"),
        Series("mark-price-kline", "publicGetV5MarketMarkPriceKline", 1000, MINUTE, _candles, _rows,
               _first, name="{symbol}_1m"),
        Series("index-price-kline", "publicGetV5MarketIndexPriceKline", 1000, MINUTE, _candles,
               _rows, _first, name="{symbol}_1m"),
        FUNDING,
        Series("open-interest", "publicGetV5MarketOpenInterest", 200, 5 * MINUTE, _interest, _rows,
               lambda row: int(row["timestamp"])),
    ), as_list, MappingProxyType({"api.bybit.com": 0.05}))
