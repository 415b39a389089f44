"""Binance's public archive (data.binance.vision): candles, funding, metrics, liquidations.

A file is known by its header, or without one by its name and first row; a ``CHECKSUM`` beside it is
held against it. The contract is in the file's name, the market (um, cm) and the type of candles in
its folders (:mod:`deleverage.feeds.readers.binance.archive_names`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deleverage.errors import DataError
from deleverage.feeds.archives import head as head_of
from deleverage.feeds.archives import verify
from deleverage.feeds.readers.binance import funding, klines, metrics, snapshots
from deleverage.feeds.readers.binance.archive_names import ArchiveName, archive_name, coin_margined
from deleverage.feeds.readers.binance.layout import cells_of, is_row
from deleverage.feeds.readers.protocol import Log, Piece, Request, existing, not_an_input

_TRADES = ("id", "price", "qty")
_HEADERS = {
    klines.COLUMNS: "klines", funding.COLUMNS: "fundingRate",
    metrics.COLUMNS: "metrics", snapshots.COLUMNS: "liquidationSnapshot",
    ("agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "transact_time",
     "is_buyer_maker"): "aggTrades",
    (*_TRADES, "quote_qty", "time", "is_buyer_maker"): "trades",
    (*_TRADES, "base_qty", "time", "is_buyer_maker"): "trades",
    ("update_id", "best_bid_price", "best_bid_qty", "best_ask_price", "best_ask_qty",
     "transaction_time", "event_time"): "bookTicker",
    ("timestamp", "percentage", "depth", "notional"): "bookDepth",
}
_INPUTS = ("fundingRate", "metrics", "liquidationSnapshot")
_SUM = re.compile(rb"^[0-9a-fA-F]{64}\s+\S+\s*$")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a file is: its type, its name taken apart, its first row's cells if it has no header."""

    type: str
    name: ArchiveName | None
    cells: list[str]
    bare: bool

    @property
    def market(self) -> str | None:
        if self.type == "klines" and self.bare and klines.is_spot(self.name, self.cells):
            return "spot"
        if self.name is None:
            return None
        if self.name.market is None and self.type != "klines":
            return "cm" if coin_margined(self.name.symbol) else "um"
        return self.name.market

    def __str__(self) -> str:
        type_ = self.name.candles if self.type == "klines" and self.name else None
        market = self.market
        return f"Binance {type_ or self.type}{', ' + market if market else ''}"


class BinanceVision:
    """Reader of the archive's files (see the module's text)."""

    name = "binance-vision"
    about = ("Binance's public archive: klines, mark, index and premium klines, funding, metrics, "
             "cm liquidation snapshots (zip or csv)")
    provider = "Binance Vision"
    gives: tuple[str, ...] = ("bars", "mark", "index", "premium", "funding", "open_interest",
                              "liquidations")
    version = 1

    def kind(self, path: Path, head: bytes) -> str | None:
        """The type and market of a file, or None (see the FileReader protocol)."""
        if path.name.endswith(".CHECKSUM") and _SUM.match(head):
            return "Binance checksum"
        seen = _seen(path, head)
        return str(seen) if seen else None

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        """The rows of one file (see the FileReader protocol)."""
        start = head_of(existing(path))
        seen = _seen(path, start)
        if seen is None or seen.type not in ("klines", *_INPUTS) or seen.market == "spot":
            kind = self.kind(path, start)
            raise not_an_input(path, kind) if kind else DataError(
                f"{path}: not a file of Binance's archive")
        verify(path, log, request.allow_bad_checksum)
        if seen.name and seen.name.type in _INPUTS and seen.type == "klines":
            raise DataError(f"{path}: its rows are candles, its name says {seen.name.type}")
        if seen.type == "klines":
            yield from klines.pieces(path, seen.name, seen.bare, request, log)
        elif seen.type == "liquidationSnapshot":
            yield from snapshots.pieces(path, seen.name, request, log, self.provider)
        else:
            module = funding if seen.type == "fundingRate" else metrics
            yield from module.pieces(path, seen.name, request, log)


READER = BinanceVision()


def _seen(path: Path, head: bytes) -> _Seen | None:
    """By header, by the form of a row without one, by the name where neither can be read."""
    name = archive_name(path)
    cells = cells_of(head.split(b"\n", 1)[0])
    known = _HEADERS.get(tuple(cells))
    if known is not None:
        return _Seen(known, name, cells, False)
    if klines.is_candle(cells):
        return _Seen("klines", name, cells, True)
    if name is None:
        return None
    if name.type is not None:  # an unknown header, or an archive that cannot be opened
        named = "klines" if name.candles else name.type
        return _Seen(named, name, cells, is_row(cells))
    if not head and path.name.endswith(".zip"):
        return _Seen("klines", name, cells, False)
    return None
