"""OKX's interface v5 through ccxt: candles of 1m (last, mark, index), funding of three months.

Documented: 20 requests in 2 s (10 for mark and index candles); 100 rows a page. Of open interest
and of older funding the interface has no documented history; liquidations have none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from deleverage.feeds.fetching.rest import Rest, Series, as_list
from deleverage.timestamps import DAY, MINUTE


def _candles(index: bool) -> Callable[[str, int, int], Mapping[str, Any]]:
    def asks(symbol: str, first: int, last: int) -> Mapping[str, Any]:
        name = symbol.removesuffix("-SWAP") if index else symbol
        # after and before leave their own time out: rows older than the one, newer than the other
        return {"instId": name, "bar": "1m", "after": last + 1, "before": first - 1, "limit": 100}
    return asks


def _funding(symbol: str, first: int, last: int) -> Mapping[str, Any]:
    return {"instId": symbol, "after": last + 1, "before": first - 1, "limit": 100}


def _rows(answer: Any) -> list[Any]:
    return list(answer["data"])


def _first(row: Any) -> int:
    return int(row[0])


SOURCE = Rest(
    "okx", "OKX v5: 1m candles, mark and index candles, funding of the last three months", "okx",
    "okx", (
        Series("candles", "publicGetMarketHistoryCandles", 100, MINUTE, _candles(False), _rows,
               _first),
        Series("mark-candles", "publicGetMarketHistoryMarkPriceCandles", 100, MINUTE,
               _candles(False), _rows, _first),
        Series("index-candles", "publicGetMarketHistoryIndexCandles", 100, MINUTE, _candles(True),
               _rows, _first),
        Series("funding-rate-history", "publicGetPublicFundingRateHistory", 100, None, _funding,
               _rows, lambda row: int(row["fundingTime"]), monthly=True, reach_ns=90 * DAY),
    ), as_list, MappingProxyType({"www.okx.com": 0.2}))
