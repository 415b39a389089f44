"""Binance's futures interface through ccxt: what its archive has not got yet.

Documented: 2400 weights a minute per address, 10 of one request of 1500 candles; 1000 rows of
funding a page, 500 of open interest, which goes back 30 days. Not served everywhere (HTTP 451).
Candles are kept in ccxt's six columns, funding and open interest as ccxt's structures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from deleverage.feeds.fetching.answers import Answer
from deleverage.feeds.fetching.rest import Rest, Series
from deleverage.timestamps import DAY, MINUTE

_NAME = "binance-{symbol}"  # candles do not say whose they are


def _candles(symbol: str, first: int, last: int) -> Mapping[str, Any]:
    return {"symbol": symbol, "interval": "1m", "startTime": first, "endTime": last, "limit": 1500}


def _index(symbol: str, first: int, last: int) -> Mapping[str, Any]:
    asked = dict(_candles(symbol, first, last))
    return {"pair": asked.pop("symbol"), **asked}


def _funding(symbol: str, first: int, last: int) -> Mapping[str, Any]:
    return {"symbol": symbol, "startTime": first, "endTime": last, "limit": 1000}


def _interest(symbol: str, first: int, last: int) -> Mapping[str, Any]:
    return {"symbol": symbol, "period": "5m", "startTime": first, "endTime": last, "limit": 500}


def _rows(answer: Any) -> list[Any]:
    if not isinstance(answer, list):
        raise TypeError
    return answer


def _first(row: Any) -> int:
    return int(row[0])


def unified(answers: list[Answer]) -> bytes:
    """Rows of all answers in ccxt's form: the six columns of candles, structures of the others."""
    rows: list[Any] = []
    for answer in answers:
        for row in json.loads(answer.body):
            if isinstance(row, list):
                rows.append([int(row[0]), *map(float, row[1:6])])
            elif "fundingRate" in row:
                rows.append(_structure(row, row["fundingTime"], fundingRate=row["fundingRate"]))
            else:
                rows.append(_structure(row, row["timestamp"],
                                       openInterestAmount=row["sumOpenInterest"],
                                       openInterestValue=row["sumOpenInterestValue"]))
    return json.dumps(rows).encode()


def _structure(row: Mapping[str, Any], stamp: Any, **values: Any) -> dict[str, Any]:
    moment = datetime.fromtimestamp(int(stamp) / 1000, UTC)
    return {"symbol": row["symbol"], "timestamp": int(stamp), "datetime": moment.isoformat(),
            **{name: float(value) for name, value in values.items()}, "info": row}


SOURCE = Rest(
    "binance", "Binance's interface: 1m candles, mark, index, funding, open interest of 30 days",
    "binanceusdm", "binance", (
        Series("ohlcv-last", "fapiPublicGetKlines", 1500, MINUTE, _candles, _rows, _first,
               overlap=True, name=_NAME),
        Series("ohlcv-mark", "fapiPublicGetMarkPriceKlines", 1500, MINUTE, _candles, _rows, _first,
               overlap=True, name=_NAME),
        Series("ohlcv-index", "fapiPublicGetIndexPriceKlines", 1500, MINUTE, _index, _rows, _first,
               overlap=True, name=_NAME),
        Series("funding", "fapiPublicGetFundingRate", 1000, None, _funding, _rows,
               lambda row: int(row["fundingTime"]), monthly=True, name=_NAME),
        Series("open-interest", "fapiDataGetOpenInterestHist", 500, 5 * MINUTE, _interest, _rows,
               lambda row: int(row["timestamp"]), reach_ns=29 * DAY, name=_NAME),
    ), unified, MappingProxyType({"fapi.binance.com": 0.3}))
