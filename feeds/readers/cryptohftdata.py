"""CryptoHFTData: hourly Parquet objects ``{exchange}/{YYYY-MM-DD}/{HH}/{SYMBOL}_{type}.parquet``.

Before 2026-08-19 they were stored wrapped in zstd: the magic tells, not the name. Read are
liquidations (order side; decimals as text; Bybit's and OKX's price is the bankruptcy price) and
open interest. The exchange is in the path alone. ``mark_price`` is not an input: its prices are
ticks and no candles, its funding rate is the running estimate and no settlement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from deleverage.errors import DataError, UsageError
from deleverage.feeds.readers.names import contract
from deleverage.feeds.readers.parsing import bounds
from deleverage.feeds.readers.parsing.streams import parquet_batches, parquet_names
from deleverage.feeds.readers.parsing.units import SymbolRows, Symbols, measured, unit_of
from deleverage.feeds.readers.parsing.values import epoch_ns, floats, liquidation_rows, sides
from deleverage.feeds.readers.protocol import Log, Piece, Request, not_an_input
from deleverage.market import Coverage
from deleverage.timestamps import HOUR, parse

EXCHANGES = {
    "binance_futures": "binance", "bybit": "bybit", "okx_futures": "okx",
    "bitget_futures": "bitget", "hyperliquid_futures": "hyperliquid",
    "kraken_derivatives": "krakenfutures", "bitmex": "bitmex", "aster_futures": "aster",
    "lighter": "lighter",
}
# the vendor's own words, and the venues'; Bybit's stream has been complete since 2025-02-20, before
# the vendor's first day (2025-06-28)
_COMPLETE = {"binance": "sampled_1s", "aster": "sampled_1s", "okx": "sampled", "bybit": "all"}
_BANKRUPTCY = ("bybit", "okx")
# whose open interest is one side, in a unit that is known; Bybit's own field sums both sides, and
# what the vendor makes of it is not documented
_ONE_SIDED = ("binance", "okx")
_LIQUIDATIONS = {"received_time", "event_time", "trade_time", "symbol", "side", "quantity", "price",
                 "average_price", "filled_quantity", "order_status", "last_filled_quantity"}
_MARKS = {"received_time", "event_time", "mark_price", "index_price", "funding_rate",
          "next_funding_time"}
_INTEREST = {"received_time", "timestamp", "sum_open_interest", "sum_open_interest_value"}
_OBJECT = re.compile(r"(?:^|/)(?P<exchange>[a-z_]+)/(?P<day>\d{4}-\d\d-\d\d)/(?P<hour>\d\d)/"
                     r"(?P<symbol>[^/]+)_(?P<type>trades|orderbook|ticker|mark_price|open_interest|"
                     r"liquidations)\.parquet(\.zst)?$")


class CryptoHftData:
    """Reader of CryptoHFTData's objects (see the module's text)."""

    name = "cryptohftdata"
    about = "CryptoHFTData Parquet, plain or zstd: {exchange}/{date}/{HH}/{SYMBOL}_{type}"
    provider = "CryptoHFTData"
    gives: tuple[str, ...] = ("liquidations", "open_interest")
    version = 1

    def kind(self, path: Path, head: bytes) -> str | None:
        """By the columns, or by the whole path for the types that are not read."""
        if not head.startswith(b"PAR1"):
            return None
        named = _OBJECT.search(path.as_posix())
        if named is not None and named["exchange"] in EXCHANGES and named["type"] in (
                "trades", "orderbook", "ticker"):
            return f"CryptoHFTData {named['type']}"
        what = _by_columns(path)
        return None if what is None else f"CryptoHFTData {what}"

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        """Rows of liquidations or open interest (see the FileReader protocol)."""
        named = _OBJECT.search(path.as_posix())
        what = named["type"] if named is not None else _by_columns(path)
        if what not in ("liquidations", "open_interest"):
            raise not_an_input(path, f"CryptoHFTData {what or 'Parquet'}")
        venue = _venue(path, named, request)
        day = _hour(path, named)[0] if named is not None else None
        if what == "liquidations":
            yield from _liquidations(path, Symbols(venue, request, log), request, log, day)
            if named is not None:
                _covered(path, named, venue, request, log)
        else:
            yield from _interest(path, venue, named["symbol"] if named is not None else None,
                                 request, log)


READER = CryptoHftData()


def _by_columns(path: Path) -> str | None:
    """The type of an object, from the columns it holds."""
    found = set(parquet_names(path))
    types = {"liquidations": _LIQUIDATIONS, "mark_price": _MARKS, "open_interest": _INTEREST}
    return next((what for what, columns in types.items() if columns <= found), None)


def _venue(path: Path, named: re.Match[str] | None, request: Request) -> str:
    """The venue, from the path; the rows do not tell."""
    if named is not None:
        if named["exchange"] not in EXCHANGES:
            raise DataError(f"{path}: unknown exchange {named['exchange']!r} in the path (known: "
                            f"{', '.join(sorted(EXCHANGES))})")
        return EXCHANGES[named["exchange"]]
    if request.venue is None:
        raise UsageError(f"{path}: the venue is in the folders {{exchange}}/{{date}}/{{HH}} alone, "
                         "which are not there; say it with --venue")
    return EXCHANGES.get(request.venue, request.venue)


def _hour(path: Path, named: re.Match[str]) -> tuple[int, int]:
    """The day and the hour of a path."""
    try:
        return parse(named["day"]), parse(f"{named['day']}T{named['hour']}:00")
    except UsageError:
        raise DataError(f"{path}: no date and hour in the path {named['day']}/{named['hour']}"
                        ) from None


def _covered(path: Path, named: re.Match[str], venue: str, request: Request, log: Log) -> None:
    """The hour of an object about the coin asked for: empty hours are normal and no gap."""
    known = Symbols(venue, request, Log()).of(named["symbol"])
    if request.symbol is not None and known.wanted and not known.contract.delivery:
        start = _hour(path, named)[1]
        log.coverage.append(Coverage("liquidations", venue, CryptoHftData.provider, start,
                                     start + HOUR, _COMPLETE.get(venue, "unknown")))


def _liquidations(path: Path, symbols: Symbols, request: Request, log: Log,
                  day: int | None) -> Iterator[Piece]:
    names = ("received_time", "event_time", "trade_time", "symbol", "side", "quantity", "price",
             "average_price", "filled_quantity")
    texts = ("symbol", "side", "quantity", "price", "average_price", "filled_quantity")
    for batch, rows in parquet_batches(path, names, texts):
        known = symbols.table(bounds.names(batch.column("symbol"), path, "symbol", rows))
        log.drop("a delivery contract", int(known.delivery[known.codes].sum()))
        kept = known.kept[known.codes]
        if not kept.all():
            batch, rows = batch.filter(pa.array(kept)), rows[kept]
        if len(rows):
            yield from _events(path, batch, rows, known, known.codes[kept], symbols.venue, request,
                               log, day)
    if symbols.venue not in ("binance", *_COMPLETE):
        log.note(f"{symbols.venue}: how complete the vendor's feed is, is not documented: unknown")


def _events(path: Path, batch: Any, rows: Any, known: SymbolRows, codes: Any, venue: str,
            request: Request, log: Log, day: int | None) -> Iterator[Piece]:
    happened = batch.column("trade_time")
    if happened.null_count:
        happened = pa.compute.coalesce(happened, batch.column("event_time"))
    ts = epoch_ns(bounds.integers(happened, path, "trade_time", rows), path, "trade_time", rows)
    arrived = epoch_ns(bounds.integers(batch.column("received_time"), path, "received_time", rows),
                       path, "received_time", rows)
    if day is not None:
        bounds.within_day(ts, day, path, "trade_time", rows)
    longs, shorts = ("sell", "buy") if request.side != "position" else ("buy", "sell")
    is_long = sides(batch.column("side"), [longs], [shorts], path, "side", rows)
    price, quantity, basis = _filled(path, batch, rows, venue)
    far = bounds.far_apart(ts, arrived)
    log.drop("stamped more than a day from their arrival", int(far.sum()))
    symbol, base = known.texts(codes)
    coins, usd = known.measured(codes, quantity, price)
    table = liquidation_rows({
        "ts": ts, "available_at": arrived, "venue": venue, "symbol": symbol, "base": base,
        "qty_base": coins, "price": price, "price_basis": basis, "notional_usd": usd,
        "completeness": _COMPLETE.get(venue, "unknown"), "source_row": rows, "is_long": is_long,
    }, len(ts))
    yield Piece("liquidations", table.filter(pa.array(~far)) if far.any() else table)


def _filled(path: Path, batch: Any, rows: Any, venue: str) -> tuple[Any, Any, Any]:
    """Price, quantity and price basis: the fill where the row has one, else the order."""
    price = floats(batch.column("price"), path, "price", rows, empty=True)
    ordered = floats(batch.column("quantity"), path, "quantity", rows, empty=True)
    if venue in _BANKRUPTCY:
        basis: Any = "bankruptcy"
    else:
        average = floats(batch.column("average_price"), path, "average_price", rows, empty=True)
        done = floats(batch.column("filled_quantity"), path, "filled_quantity", rows, empty=True)
        filled = (average > 0) & (done > 0)
        price, ordered = np.where(filled, average, price), np.where(filled, done, ordered)
        other = "limit" if venue in ("binance", "aster") else "unknown"
        basis = pa.DictionaryArray.from_arrays((~filled).astype(np.int32), ["fill", other])
    bounds.known(price, path, "price", rows)
    bounds.known(ordered, path, "quantity", rows)
    return (bounds.positive(price, path, "price", rows),
            bounds.not_negative(ordered, path, "quantity", rows), basis)


def _interest(path: Path, venue: str, symbol: str | None, request: Request,
              log: Log) -> Iterator[Piece]:
    symbol = symbol or request.symbol
    if symbol is None:
        raise UsageError(f"{path}: the symbol is in the name {{SYMBOL}}_open_interest alone, which "
                         "it has not; say it with --symbol")
    about = contract(venue, symbol)
    if not Symbols(venue, request, Log()).of(symbol).wanted:
        return
    unit = unit_of(about, request.contract_size)
    if venue not in _ONE_SIDED:
        unit = unit_of(contract("", symbol), request.contract_size)
    names = ("received_time", "timestamp", "sum_open_interest", "sum_open_interest_value")
    for batch, rows in parquet_batches(path, names, names[2:]):
        if about.delivery:
            log.drop("a delivery contract", len(rows))
            continue
        if np.isnan(unit.coins):
            log.drop(f"{venue} {symbol}: unit or sides of its open interest are not documented "
                     "(--contract-size says the coins in one)", len(rows))
            continue
        ts = epoch_ns(bounds.integers(batch.column("timestamp"), path, "timestamp", rows), path,
                      "timestamp", rows)
        arrived = epoch_ns(bounds.integers(batch.column("received_time"), path, "received_time",
                                           rows), path, "received_time", rows)
        counted = bounds.not_negative(floats(batch.column(names[2]), path, names[2], rows), path,
                                      names[2], rows)
        usd = floats(batch.column(names[3]), path, names[3], rows, empty=True)
        bounds.not_negative(usd, path, names[3], rows)
        coins, _ = measured(counted, usd, unit.coins, np.nan)
        if venue != "binance":  # the value's currency is documented for Binance alone
            usd = np.full(len(ts), np.nan)
        yield Piece("open_interest", pa.table({
            "ts": ts, "available_at": np.maximum(arrived, ts), "oi_base": coins, "oi_usd": usd,
            "source_row": rows}), about)
