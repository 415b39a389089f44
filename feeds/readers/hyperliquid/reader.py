"""Hyperliquid: answers of its info API, the archive's asset_ctxs, and fills of its nodes.

Liquidations are in the fills alone: complete, at the price of the fill. Candles are of trades, the
mark price has none; funding is settled each hour, on the oracle price. ``asset_ctxs`` holds open
interest per minute; its funding is the running value and no settlement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from deleverage.errors import DataError
from deleverage.feeds.archives import head as head_of
from deleverage.feeds.readers.hyperliquid.answers import candle_pieces, funding_pieces
from deleverage.feeds.readers.hyperliquid.contexts import COLUMNS, context_pieces
from deleverage.feeds.readers.hyperliquid.fills import fill_pieces
from deleverage.feeds.readers.protocol import Log, Piece, Request, existing, not_an_input

_HEADERS = {
    COLUMNS: "Hyperliquid asset_ctxs",
    "snapshot_utc,coin,side,mark_price,bucket_price,value_usd,lev_1_10x,lev_11_25x,lev_26_50x,"
    "lev_51_100x": "a map of Hyperliquid's liquidation levels",
    "snapshot_utc,commit,coin,mark_price,total_long_usd,total_short_usd,positions,traders":
        "totals of maps of Hyperliquid's liquidation levels",
    "ticker,liq_notional,adl_notional,total_notional,liq_events,adl_events,total_events,liq_pnl,"
    "adl_pnl,total_pnl": "a table of Hyperliquid liquidations by coin, without times",
}
_BLOCK = re.compile(rb'^\{[^{}\[\]]*"events"\s*:\s*\[')
_BY_LINE = re.compile(rb'^\[\s*"0x[0-9a-fA-F]+"\s*,\s*\{')
_ACCOUNT = re.compile(rb'^\{\s*"channel"\s*:\s*"(user|userFills|userEvents)"')
_FILL = re.compile(rb'^(\[\s*)?\{[^{}\[\]]*"coin"\s*:[^{}\[\]]*"px"\s*:[^{}\[\]]*"dir"\s*:')


class Hyperliquid:
    """Reader of Hyperliquid's files (see the module's text)."""

    name = "hyperliquid"
    about = "Hyperliquid candles, funding, asset_ctxs (open interest), node fills (liquidations)"
    provider = "Hyperliquid"
    gives: tuple[str, ...] = ("bars", "funding", "open_interest", "liquidations")
    version = 1

    def kind(self, path: Path, head: bytes) -> str | None:
        """By the header of a CSV or the keys of the JSON."""
        line = head.split(b"\n", 1)[0].rstrip(b"\r").decode("utf-8", "replace")
        if line in _HEADERS:
            return _HEADERS[line]
        start = head.lstrip()
        if _BLOCK.match(start) and b'"block_number"' in start[:400]:
            return "Hyperliquid node fills by block"
        if _BY_LINE.match(start):
            return "Hyperliquid node fills"
        if _ACCOUNT.match(start) and b'"fills"' in start:
            return "Hyperliquid fills of an account"
        if _FILL.match(start) and b'"sz"' in start:
            return "Hyperliquid fills"
        if start[:1] == b"[":
            return _answer(start)
        if start[:1] == b"{" and b'"trade_dir_override"' in start and b'"side_info"' in start:
            return "Hyperliquid node trades"
        return None

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        """Rows of the one table that a file holds (see the FileReader protocol)."""
        kind = self.kind(path, head_of(existing(path)))
        if kind is None:
            raise DataError(f"{path}: no file of Hyperliquid's that is known here")
        if "fills" in kind:
            yield from fill_pieces(path, request, log)
        elif kind == "Hyperliquid asset_ctxs":
            yield from context_pieces(path, request, log)
        elif kind == "Hyperliquid candleSnapshot":
            yield from candle_pieces(path, request, log)
        elif kind == "Hyperliquid fundingHistory":
            yield from funding_pieces(path, request, log)
        else:
            raise not_an_input(path, kind)


READER = Hyperliquid()


def _answer(start: bytes) -> str | None:
    """The info API's lists, by the keys of their first row."""
    if start.startswith(b"[") and b'"universe"' in start[:40]:
        return "Hyperliquid metaAndAssetCtxs"
    first = start.split(b"}", 1)[0]
    if b'"info"' in first:  # a row of ccxt, which carries the venue's own
        return None
    if b'"fundingRate"' in first and b'"coin"' in first and b'"time"' in first:
        return "Hyperliquid fundingHistory"
    keys = (b'"t"', b'"T"', b'"s"', b'"i"', b'"o"', b'"c"', b'"h"', b'"l"', b'"v"', b'"n"')
    return "Hyperliquid candleSnapshot" if all(key in first for key in keys) else None
