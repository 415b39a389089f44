"""Rows of ccxt's unified structures, by what each venue means with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from deleverage.columns import Floats, Ints
from deleverage.errors import DataError, UsageError, unknown_name
from deleverage.feeds.readers.coinglass.answers import wanted
from deleverage.feeds.readers.names import Contract, contract, okx_coins
from deleverage.feeds.readers.parsing.aggregates import OPEN_BAR, step_of
from deleverage.feeds.readers.parsing.answers import Rows
from deleverage.feeds.readers.parsing.prices import candles
from deleverage.feeds.readers.parsing.values import liquidation_rows, refuse, sides
from deleverage.feeds.readers.protocol import Log, Piece, Request
from deleverage.feeds.readers.venue_names import KNOWN, venue_of
from deleverage.feeds.settlements import snapped
from deleverage.timestamps import SECOND, parse

_POSITION = ("bybit", "gate")  # side is the position's
_ORDER = ("binance", "okx")  # side is the order's
_BASIS = {"binance": "fill", "bybit": "bankruptcy", "okx": "bankruptcy", "gate": "fill"}
_BYBIT_ALL = parse("2025-02-20")  # before, its stream pushed one a second
_IN_COINS = ("binance", "bybit", "hyperliquid")


def venue_named(path: Path, request: Request) -> str:
    """The venue named by the file or its folder, else the one asked for."""
    for each in (path, path.parent):
        try:
            return venue_of(each, None)
        except UsageError:
            continue
    if request.venue is not None:
        return venue_of(path, request.venue)
    raise UsageError(f"{path}: neither the file's nor its folder's name tells the venue; say it "
                     f"with --venue (known: {', '.join(KNOWN)})")


def candles_of(rows: Rows, table: str, request: Request, log: Log) -> Piece:
    """Candles without the newest; their lists do not say which instrument they are of."""
    if request.symbol is None:
        raise UsageError(f"{rows.path}: candles do not say which instrument they are of; say it "
                         "with --symbol")
    one = contract(venue_named(rows.path, request), request.symbol)
    starts = rows.stamps(0, "ms", "time")
    step = step_of(starts, rows.path, rows.numbers, request.timeframe)
    closed = starts < starts.max()
    log.drop(OPEN_BAR, int((~closed).sum()))
    rows = rows.kept(closed)
    names = ["open", "high", "low", "close", *(["volume"] if table == "bars" else [])]
    lines = {name: rows.floats(at, name) for at, name in enumerate(names, start=1)}
    if table == "bars":
        lines["volume"] = lines["volume"] * (request.contract_size or 1.0)
        if request.contract_size is None and one.venue not in _IN_COINS:
            log.note(f"{rows.path.name}: volume is taken as coins; some venues give contracts "
                     "(--contract-size)")
    return candles(table, starts[closed], step, lines, rows.numbers, rows.path, one)


def funding(rows: Rows, request: Request, log: Log) -> Iterator[Piece]:
    """Paid rates; stamps keep the venue's jitter as raw_ts."""
    for part, one in _by_symbol(rows, request, log):
        stamps = part.stamps("timestamp", "ms")
        ts = snapped(stamps)
        yield Piece("funding", pa.table({
            "ts": ts, "raw_ts": stamps, "available_at": np.maximum(ts, stamps),
            "rate": part.floats("fundingRate"), "interval_h": np.full(len(ts), np.nan),
            "source_row": part.numbers}), one)


def open_interest(rows: Rows, request: Request, log: Log) -> Iterator[Piece]:
    """Open interest of one side in coins: Bybit's is halved, OKX's contracts are converted."""
    for part, one in _by_symbol(rows, request, log):
        amount = part.floats("openInterestAmount", empty=True)
        usd = part.floats("openInterestValue", empty=True)
        for value, name in ((amount, "openInterestAmount"), (usd, "openInterestValue")):
            if (value < 0).any():
                refuse(part.path, value < 0, name, "must be ≥ 0", value, part.numbers)
        if one.venue == "bybit":
            log.note(f"{part.path.name}: Bybit counts both sides: halved")
            amount, usd = amount / 2, usd / 2
        size = _coins_in_one(one, request)
        if np.isnan(size):
            log.note(f"{part.path.name}: the unit of {one.venue}'s open interest is not known: "
                     "coins are unknown (--contract-size)")
        stamps = part.stamps("timestamp", "ms")
        yield Piece("open_interest", pa.table({
            "ts": stamps, "available_at": stamps, "oi_base": amount * size, "oi_usd": usd,
            "source_row": part.numbers}), one)


def liquidations(rows: Rows, request: Request, log: Log) -> Iterator[Piece]:
    """Single orders, their side by what the venue means with it."""
    venue = venue_named(rows.path, request)
    rows, contracts = _wanted(rows, venue, request, log)
    longs, shorts = _side_words(rows.path, venue, request)
    is_long = sides(rows.text("side"), longs, shorts, rows.path, "side", rows.numbers)
    price, stamps = rows.floats("price"), rows.stamps("timestamp", "ms")
    if not (price > 0).all():
        refuse(rows.path, ~(price > 0), "price", "must be > 0", price, rows.numbers)
    coins, usd = _amounts(rows, contracts, price, log)
    yield Piece("liquidations", liquidation_rows({
        "ts": stamps, "available_at": stamps + (SECOND if venue == "binance" else 0),
        "venue": venue, "symbol": [one.symbol for one in contracts],
        "base": [one.base for one in contracts], "qty_base": coins, "price": price,
        "price_basis": _BASIS.get(venue, "unknown"), "notional_usd": usd,
        "completeness": _completeness(venue, stamps), "source_row": rows.numbers,
        "is_long": is_long}, len(rows)))


def _side_words(path: Path, venue: str, request: Request) -> tuple[list[str], list[str]]:
    convention = request.side or ("position" if venue in _POSITION else
                                  "order" if venue in _ORDER else None)
    if convention is None:
        raise UsageError(f"{path}: what {venue} means with side is not known here, and ccxt passes "
                         "it through; say it with --side-convention order or position")
    if convention not in ("order", "position"):
        raise unknown_name("side convention", convention, ("order", "position"))
    return (["sell"], ["buy"]) if convention == "order" else (["buy"], ["sell"])


def _amounts(rows: Rows, contracts: list[Contract], price: Floats,
             log: Log) -> tuple[Floats, Floats]:
    """Coins and USD. Of coin-margined contracts (settled in their base) the contracts are USD, and
    ccxt's quoteValue, contracts × size × price, is no USD."""
    count, size = rows.floats("contracts", empty=True), np.full(len(rows), np.nan)
    if any("contractSize" in row for row in rows.rows if isinstance(row, dict)):
        size = rows.floats("contractSize", empty=True)
    base = np.full(len(rows), np.nan)
    if any("baseValue" in row for row in rows.rows if isinstance(row, dict)):
        base = rows.floats("baseValue", empty=True)
    for value, name in ((count, "contracts"), (size, "contractSize"), (base, "baseValue")):
        if (value < 0).any():
            refuse(rows.path, value < 0, name, "must be ≥ 0", value, rows.numbers)
    inverse = np.array([one.symbol.endswith(f":{one.base}") for one in contracts])
    worth = count * size
    coins = np.where(inverse, worth / price, np.where(np.isnan(worth), base, worth))
    usd = np.where(inverse, worth, coins * price)
    if np.isnan(usd).any():
        log.note(f"{rows.path.name}: liquidations without contractSize: neither coins nor USD are "
                 "known")
    return coins, usd


def _completeness(venue: str, stamps: Ints) -> str | NDArray[np.object_]:
    if venue == "bybit":
        return np.where(stamps >= _BYBIT_ALL, "all", "sampled_1s").astype(object)
    return {"binance": "sampled_1s", "okx": "sampled"}.get(venue, "unknown")


def _coins_in_one(one: Contract, request: Request) -> float:
    """Coins in one unit of a venue's open interest, NaN where not known."""
    if one.venue in _IN_COINS and not one.symbol.endswith(f":{one.base}"):
        return 1.0
    known = okx_coins(f"{one.base}-{one.quote}-SWAP") if one.venue == "okx" else None
    return known or request.contract_size or np.nan


def _wanted(rows: Rows, venue: str, request: Request,
            log: Log) -> tuple[Rows, list[Contract]]:
    rows, contracts = wanted(rows, [contract(venue, name) for name in rows.text("symbol")], request,
                             log)
    if not len(rows):
        raise DataError(f"{rows.path}: no rows of {request.symbol or 'a perpetual'}")
    return rows, contracts


def _by_symbol(rows: Rows, request: Request, log: Log) -> Iterator[tuple[Rows, Contract]]:
    rows, contracts = _wanted(rows, venue_named(rows.path, request), request, log)
    for one in dict.fromkeys(contracts):
        yield rows.kept([each == one for each in contracts]), one
