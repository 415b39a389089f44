"""Tardis CSV: ``{exchange}/{data_type}/{YYYY}/{MM}/{DD}/{SYMBOL}.csv.gz``, or the client's names
``{exchange}_{data_type}_{YYYY-MM-DD}_{SYMBOL}.csv.gz``.

Times are microseconds; a file is one UTC day by arrival (``local_timestamp``), which is when its
rows became available. Sides are order sides for every venue. Liquidations and trades share their
header: the path tells them apart. Quantities are the venue's own, prices too (Binance: the order's
limit). Quotes (ask first) and trades are no input.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from deleverage.errors import DataError, UsageError
from deleverage.feeds.archives import head
from deleverage.feeds.readers.parsing import bounds
from deleverage.feeds.readers.parsing.streams import csv_batches
from deleverage.feeds.readers.parsing.units import SymbolRows, Symbols
from deleverage.feeds.readers.parsing.values import epoch_ns, floats, liquidation_rows, sides
from deleverage.feeds.readers.protocol import Log, Piece, Request, existing, not_an_input
from deleverage.feeds.readers.tardis.ticker import ticker_pieces
from deleverage.market import Coverage
from deleverage.timestamps import DAY, parse

VENUES = {
    "binance-futures": "binance", "binance-delivery": "binance_cm", "okex-swap": "okx",
    "okex-futures": "okx", "gate-io-futures": "gate", "dydx-v4": "dydx",
    "cryptofacilities": "krakenfutures", "bitget-futures": "bitget", "kucoin-futures": "kucoin",
    "huobi-dm": "htx", "huobi-dm-swap": "htx", "huobi-dm-linear-swap": "htx",
}
BYBIT_COMPLETE = parse("2025-02-26")  # when the vendor's source became allLiquidation
_COMPLETE = {"binance": "sampled_1s", "binance_cm": "sampled_1s", "okx": "sampled"}
_BASIS = {"binance": "limit", "binance_cm": "limit", "bybit": "bankruptcy", "okx": "bankruptcy"}
_START = b"exchange,symbol,timestamp,local_timestamp,"
_EVENTS = _START + b"id,side,price,amount"
_TICKER = _START + (b"funding_timestamp,funding_rate,predicted_funding_rate,open_interest,"
                    b"last_price,index_price,mark_price")
_QUOTES = _START + b"ask_amount,ask_price,bid_price,bid_amount"
_TYPES = ("liquidations", "trades", "derivative_ticker", "quotes", "book_ticker",
          "book_snapshot_5", "book_snapshot_25", "incremental_book_L2", "options_chain")
_WORD = re.compile(r"(?:^|_)(" + "|".join(_TYPES) + r")(?=[_.]|$)")
# the vendor's URL, and the names its client gives
_PLACES = tuple(re.compile(
    r"(?:^|/)(?P<exchange>[a-z0-9-]+)" + rf"{mark}(?:{'|'.join(_TYPES)}){mark}" +
    rf"(?P<day>[0-9]{{4}}{dash}[0-9]{{2}}{dash}[0-9]{{2}}){mark}(?P<symbol>[^/]+)\.csv(?:\.gz)?$")
    for mark, dash in (("/", "/"), ("_", "-")))
_GROUPS = ("PERPETUALS", "FUTURES")  # many symbols in one file
_TEXT = pa.dictionary(pa.int32(), pa.string())
EVENT_KINDS = {"exchange": _TEXT, "symbol": _TEXT, "timestamp": pa.int64(),
               "local_timestamp": pa.int64(), "side": _TEXT, "price": pa.float64(),
               "amount": pa.float64()}


class Tardis:
    """Reader of Tardis CSV files (see the module's text)."""

    name = "tardis"
    about = "Tardis CSV: liquidations, derivative_ticker (funding, open interest)"
    provider = "Tardis"
    gives: tuple[str, ...] = ("liquidations", "funding", "open_interest")
    version = 1

    def kind(self, path: Path, head: bytes) -> str | None:
        """By header and path; an empty day (an empty gzip) by its path alone."""
        header = head.split(b"\n", 1)[0].rstrip(b"\r")
        named = _named(path)
        if header == _EVENTS:
            return {"liquidations": "Tardis liquidations", "trades": "Tardis trades"}.get(
                named or "", "Tardis liquidations or trades")
        if header == _TICKER:
            return "Tardis derivative_ticker"
        if header == _QUOTES:
            return "Tardis quotes"
        if header.startswith(_START) and named is not None:
            return f"Tardis {named}"
        if not head and named is not None and _day(path) is not None:
            return f"Tardis {named}"
        return None

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        """Rows of liquidations, funding or open interest (see the FileReader protocol)."""
        kind = self.kind(path, head(existing(path)))
        if kind == "Tardis liquidations":
            yield from _liquidations(path, request, log)
            _covered(path, request, log)
        elif kind == "Tardis derivative_ticker":
            yield from ticker_pieces(path, request, log, VENUES, _day(path))
        elif kind == "Tardis liquidations or trades":
            raise UsageError(f"{path}: trades and liquidations have one header, and the path does "
                             "not say which these are: name the file or its folder")
        elif kind is not None:
            raise not_an_input(path, kind)
        else:
            raise DataError(f"{path}: no header of a Tardis CSV")


READER = Tardis()


def _named(path: Path) -> str | None:
    """The data type in the file's name, else the nearest folder that is called one."""
    found = _WORD.search(path.name)
    if found is not None:
        return found[1]
    return next((part for part in reversed(path.parts[-6:-1]) if part in _TYPES), None)


def _place(path: Path) -> re.Match[str] | None:
    """Exchange, day and symbol of a path as the vendor has it."""
    text = "/".join(path.parts[-6:])
    return next((found for place in _PLACES if (found := place.search(text))), None)


def _day(path: Path) -> int | None:
    """The day of arrival that the path names."""
    found = _place(path)
    try:
        return None if found is None else parse(found["day"].replace("/", "-"))
    except UsageError:
        return None


def _covered(path: Path, request: Request, log: Log) -> None:
    """The day of a file that is about the coin asked for: quiet hours in it are no gap."""
    place, day = _place(path), _day(path)
    if place is None or day is None or request.symbol is None:
        return
    venue = VENUES.get(place["exchange"], place["exchange"])
    known = Symbols(venue, request, Log()).of(place["symbol"])
    if place["symbol"] in _GROUPS or (known.wanted and not known.contract.delivery):
        complete = _completeness(venue, np.array([day]))
        said = complete if isinstance(complete, str) else complete[0].as_py()
        log.coverage.append(Coverage("liquidations", venue, Tardis.provider, day, day + DAY, said))
        log.note("Tardis does not mark disconnections: the day of each file counts as covered")


def _liquidations(path: Path, request: Request, log: Log) -> Iterator[Piece]:
    venues: dict[str, Symbols] = {}
    day = _day(path)
    for batch, rows in csv_batches(path, EVENT_KINDS, log):
        exchanges = bounds.names(batch.column("exchange"), path, "exchange", rows)
        codes = exchanges.indices.to_numpy(zero_copy_only=False)
        for code, exchange in enumerate(exchanges.dictionary.to_pylist()):
            mine = codes == code
            part, numbers = (batch, rows) if mine.all() else (batch.filter(pa.array(mine)),
                                                              rows[mine])
            venue = VENUES.get(exchange, exchange)
            symbols = venues.setdefault(venue, Symbols(venue, request, log))
            known = symbols.table(bounds.names(part.column("symbol"), path, "symbol", numbers))
            log.drop("a delivery contract", int(known.delivery[known.codes].sum()))
            kept = known.kept[known.codes]
            if not kept.all():
                part, numbers = part.filter(pa.array(kept)), numbers[kept]
            if len(numbers):
                yield _events(path, part, numbers, known, known.codes[kept], venue,
                              request.side == "position", log, day)


def _events(path: Path, batch: Any, rows: Any, known: SymbolRows, codes: Any, venue: str,
            position_side: bool, log: Log, day: int | None) -> Piece:
    ts = epoch_ns(bounds.integers(batch.column("timestamp"), path, "timestamp", rows), path,
                  "timestamp", rows)
    arrived = epoch_ns(bounds.integers(batch.column("local_timestamp"), path, "local_timestamp",
                                       rows), path, "local_timestamp", rows)
    if day is not None:
        bounds.on_day(arrived, day, path, "local_timestamp", rows)
    longs, shorts = ("buy", "sell") if position_side else ("sell", "buy")
    is_long = sides(batch.column("side"), [longs], [shorts], path, "side", rows)
    price = bounds.positive(floats(batch.column("price"), path, "price", rows), path, "price", rows)
    amount = bounds.not_negative(floats(batch.column("amount"), path, "amount", rows), path,
                                 "amount", rows)
    symbol, base = known.texts(codes)
    coins, usd = known.measured(codes, amount, price)
    if venue not in _BASIS:
        log.note(f"{venue}: what kind of price the vendor passes on is not known: price_basis "
                 "unknown")
    table = liquidation_rows({
        "ts": ts, "available_at": arrived, "venue": venue, "symbol": symbol, "base": base,
        "qty_base": coins, "price": price, "price_basis": _BASIS.get(venue, "unknown"),
        "notional_usd": usd, "completeness": _completeness(venue, ts), "source_row": rows,
        "is_long": is_long,
    }, len(ts))
    far = bounds.far_apart(ts, arrived)
    log.drop("stamped more than a day from their arrival", int(far.sum()))
    return Piece("liquidations", table.filter(pa.array(~far)) if far.any() else table)


def _completeness(venue: str, ts: Any) -> Any:
    if venue != "bybit":
        return _COMPLETE.get(venue, "unknown")
    return pa.DictionaryArray.from_arrays((ts >= BYBIT_COMPLETE).astype(np.int32),
                                          ["sampled_1s", "all"])
