"""Every other vendor's server as it is documented, telling of the SYNTHETIC market."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.fetching import market
from tests.fetching.archive import Archive, ms
from tests.fetching.loopback import NOW, Asked, Reply, Vendor
from tests.fetching.market import DAY, HOUR, MINUTE

KEY = "a-key-that-nobody-may-see"


def all_vendors(archive: Archive | None = None) -> Vendor:
    """All servers, by their hosts."""
    hosts: Mapping[str, Callable[[Asked], Reply]] = {
        "data.binance.vision": archive or Archive(),
        "s3-ap-northeast-1.amazonaws.com": archive or Archive(),
        "fapi.binance.com": binance, "api.bybit.com": bybit, "www.okx.com": okx,
        "api.hyperliquid.xyz": hyperliquid, "api.cryptohftdata.com": cryptohftdata,
        "datasets.tardis.dev": tardis, "api.coinalyze.net": coinalyze}
    return lambda asked: hosts[asked.host](asked) if asked.host in hosts else Reply(b"", 502)


def _within(first: int, last: int, step: int) -> range:
    """Times on a grid in [first, last]."""
    return range(first + -first % step, last + 1, step)


# ------------------------------------------------------------------ Bybit


def bybit(asked: Asked) -> Reply:
    """Interface v5: the newest rows of what is asked for first, at most ``limit``."""
    query = asked.query
    if query.get("symbol") != "ETHUSDT":
        return _bybit({"retCode": 10001, "retMsg": "params error: symbol invalid", "result": {}})
    what = asked.path.removeprefix("/v5/market/")
    limit = int(query["limit"])
    if what in ("kline", "mark-price-kline", "index-price-kline"):
        shift = {"kline": 0.0, "mark-price-kline": 0.3, "index-price-kline": -0.2}[what]
        stamps = _within(int(query["start"]), int(query["end"]), MINUTE)
        rows: list[Any] = [_candle(each, shift, what == "kline") for each in stamps]
    elif what == "funding/history":
        stamps = _within(int(query["startTime"]), int(query["endTime"]), 8 * HOUR)
        rows = [{"symbol": "ETHUSDT", "fundingRate": market.rate(each),
                 "fundingRateTimestamp": str(each)} for each in stamps]
    elif what == "open-interest":
        stamps = _within(int(query["startTime"]), int(query["endTime"]), 5 * MINUTE)
        rows = [{"openInterest": f"{1_200_000 + each // MINUTE % 500}", "timestamp": str(each)}
                for each in stamps]
    else:
        return Reply(b"", 404)
    return _bybit({"retCode": 0, "retMsg": "OK", "result": {
        "category": "linear", "symbol": "ETHUSDT", "list": rows[::-1][:limit]}})


def _bybit(answer: dict[str, Any]) -> Reply:
    return Reply.json({**answer, "retExtInfo": {}, "time": NOW * 1000})


def _candle(start: int, shift: float, volume: bool) -> list[str]:
    one = market.bar(start, shift)
    row = [str(start), *(f"{each:.2f}" for each in (one.open, one.high, one.low, one.close))]
    return [*row, "12.5", f"{12.5 * one.close:.3f}"] if volume else row


# ------------------------------------------------------------------ OKX


def okx(asked: Asked) -> Reply:
    """Interface v5: rows older than ``after`` and newer than ``before``, newest first."""
    query, what = asked.query, asked.path.removeprefix("/api/v5/")
    if query.get("instId") not in ("ETH-USDT-SWAP", "ETH-USDT"):
        return Reply.json({"code": "51001", "msg": "Instrument ID does not exist", "data": []})
    first, last = int(query["before"]) + 1, int(query["after"]) - 1
    if what == "public/funding-rate-history":
        rows: list[Any] = [
            {"fundingRate": "0.0009", "fundingTime": str(each), "instId": "ETH-USDT-SWAP",
             "instType": "SWAP", "method": "current_period", "realizedRate": market.rate(each)}
            for each in _within(first, last, 8 * HOUR)]
    else:
        shift = {"market/history-candles": 0.0, "market/history-mark-price-candles": 0.3,
                 "market/history-index-candles": -0.2}[what]
        rows = [[*_candle(each, shift, False),
                 *(["125", "12.5", "37500"] if shift == 0.0 else []), "1"]
                for each in _within(first, last, MINUTE)]
    return Reply.json({"code": "0", "msg": "", "data": rows[::-1][:int(query["limit"])]})


# ------------------------------------------------------------------ Hyperliquid


def hyperliquid(asked: Asked) -> Reply:
    """The info interface: rows ascending, at most so many."""
    body = json.loads(asked.body)
    about = body.get("req", body)
    if about.get("coin") != "ETH":
        return Reply(b"null", 500 if body["type"] == "nothing" else 200)
    first, last = int(about["startTime"]), int(about["endTime"])
    if body["type"] == "fundingHistory":
        return Reply.json([{"coin": "ETH", "fundingRate": market.rate(each), "premium": "0.0001",
                            "time": each + each // HOUR % 60}
                           for each in _within(first - 60, last, HOUR)
                           if first <= each + each // HOUR % 60 <= last][:500])
    rows = []
    for each in _within(first, last, MINUTE):
        one = market.bar(each)
        rows.append({"t": each, "T": each + MINUTE - 1, "s": "ETH", "i": "1m", "o": str(one.open),
                     "c": str(one.close), "h": str(one.high), "l": str(one.low), "v": "12.5",
                     "n": 31})
    return Reply.json(rows[:5000])


# ------------------------------------------------------------------ Binance's interface


def binance(asked: Asked) -> Reply:
    """The futures interface: rows ascending from ``startTime``."""
    query, what = asked.query, asked.path.rpartition("/")[2]
    if query.get("symbol", query.get("pair")) != "ETHUSDT":
        return Reply.json({"code": -1121, "msg": "Invalid symbol."}, 400)
    first, last, limit = (int(query[key]) for key in ("startTime", "endTime", "limit"))
    if what == "fundingRate":
        return Reply.json([{"symbol": "ETHUSDT", "fundingTime": each + 7, "markPrice": "3000.0",
                            "fundingRate": market.rate(each)}
                           for each in _within(first - 7, last - 7, 8 * HOUR)][:limit])
    if what == "openInterestHist":
        return Reply.json([{"symbol": "ETHUSDT", "timestamp": each,
                            "sumOpenInterest": "1900000.5", "sumOpenInterestValue": "5700000000"}
                           for each in _within(first, last, 5 * MINUTE)][:limit])
    shift = {"klines": 0.0, "markPriceKlines": 0.3, "indexPriceKlines": -0.2}[what]
    rows = []
    for each in _within(first, last, MINUTE):
        one = market.bar(each, shift)
        rows.append([each, *(str(value) for value in (one.open, one.high, one.low, one.close)),
                     "12.5", each + MINUTE - 1, "37500", 31, "6", "18000", "0"])
    return Reply.json(rows[:limit])


# ------------------------------------------------------------------ CryptoHFTData


def cryptohftdata(asked: Asked) -> Reply:
    """Hourly objects, wrapped in zstd as before 2026-08-19; OKX counts contracts of 0.1 ETH."""
    exchange, day, hour, name = asked.query["file"].split("/")
    symbols = {"binance_futures": "ETHUSDT", "bybit": "ETHUSDT", "okx_futures": "ETH-USDT-SWAP"}
    if name != f"{symbols.get(exchange)}_liquidations.parquet":
        return Reply(b"not found", 404)
    start = ms(day) + int(hour) * HOUR
    if exchange == "okx_futures" and start // HOUR % 31 == 0:
        return Reply(b"not found", 404)
    table = _events(exchange, symbols[exchange], market.events(start))
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="snappy")
    return Reply(bytes(pa.Codec("zstd").compress(sink.getvalue(), asbytes=True)), 200,
                 {"ETag": f'"{exchange}{start}"'})


def _events(exchange: str, symbol: str, events: list[market.Event]) -> pa.Table:
    late = {"binance_futures": 90, "bybit": 240, "okx_futures": 610}[exchange]
    size = 10.0 if exchange == "okx_futures" else 1.0
    sizes = [f"{each.coins * size:.4f}" for each in events]
    prices = [f"{each.price:.2f}" for each in events]
    filled = "binance" in exchange
    return pa.table({
        "received_time": pa.array([(each.time + late) * 1_000_000 for each in events], pa.int64()),
        "event_time": pa.array([each.time + 1 for each in events], pa.int64()),
        "trade_time": pa.array([each.time for each in events], pa.int64()),
        "symbol": pa.array([symbol] * len(events), pa.string()),
        "side": pa.array(["SELL" if each.sell else "BUY" for each in events], pa.string()),
        "order_type": pa.array(["LIMIT"] * len(events), pa.string()),
        "time_in_force": pa.array(["IOC"] * len(events), pa.string()),
        "quantity": pa.array(sizes, pa.string()), "price": pa.array(prices, pa.string()),
        "average_price": pa.array([f"{market.price(each.time):.2f}" if filled else price
                                   for each, price in zip(events, prices, strict=True)],
                                  pa.string()),
        "order_status": pa.array(["FILLED"] * len(events), pa.string()),
        "last_filled_quantity": pa.array(sizes, pa.string()),
        "filled_quantity": pa.array(sizes, pa.string())})


# ------------------------------------------------------------------ Tardis, Coinalyze


def tardis(asked: Asked) -> Reply:
    """Daily CSVs; without a key those of the first of a month alone."""
    _, _, exchange, what, *date, name = asked.path.split("/")
    if date[2] != "01" and asked.headers.get("Authorization") != f"Bearer {KEY}":
        return Reply.json({"code": 100, "message": "The API key is needed"}, 401)
    symbol = name.removesuffix(".csv.gz")
    if what != "liquidations" or symbol not in ("ETHUSDT", "ETH-USDT-SWAP"):
        return Reply(b"", 404)
    lines = ["exchange,symbol,timestamp,local_timestamp,id,side,price,amount"]
    size = 10.0 if exchange == "okex-swap" else 1.0
    day = ms("-".join(date))
    for hour in range(day, day + DAY, HOUR):
        lines += [f"{exchange},{symbol},{each.time * 1000},{each.time * 1000 + 91234},,"
                  f"{'sell' if each.sell else 'buy'},{each.price},{each.coins * size:.4f}"
                  for each in market.events(hour)]
    return Reply(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0), 200,
                 {"ETag": f'"{exchange}{day}"'})


def coinalyze(asked: Asked) -> Reply:
    """Lists of exchanges and contracts, daily histories; nothing without the key."""
    if asked.headers.get("api_key") != KEY:
        return Reply.json({"message": f"Invalid/Missing API key {asked.headers.get('api_key')}"},
                          401)
    what = asked.path.removeprefix("/v1/")
    if what == "exchanges":
        return Reply.json([{"name": "Binance", "code": "A"}, {"name": "Bybit", "code": "6"}])
    if what == "future-markets":
        return Reply.json([{"symbol": f"{name}_PERP.A", "exchange": "A", "symbol_on_exchange": name,
                            "is_perpetual": True} for name in ("BTCUSDT", "ETHUSDT")])
    first, last = (int(asked.query[key]) * 1000 for key in ("from", "to"))
    rows = []
    for day in _within(first, last, DAY):
        number = day // DAY
        rows.append({"t": day // 1000, "l": 900.0 + number % 7, "s": 700.0 + number % 5}
                    if what == "liquidation-history" else
                    {"t": day // 1000, "o": 1.9e6, "h": 1.95e6, "l": 1.85e6,
                     "c": 1.9e6 + number % 11})
    return Reply.json([{"symbol": asked.query["symbols"], "history": rows}])


def iso(stamp: int) -> str:
    """A time in ms as text."""
    return datetime.fromtimestamp(stamp / 1000, UTC).isoformat()
