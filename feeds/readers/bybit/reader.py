"""Bybit: answers of the REST API v5 (JSON) and recorded liquidation streams (JSON lines).

Answers: funding history, open interest, candles (last, mark, index, premium). Streams: the complete
``allLiquidation`` (since 2025-02-20) and the older ``liquidation``, which pushed one a second.
There is no history of Bybit's liquidations, only what was recorded. The archive of trades is no
input.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from deleverage.errors import DataError
from deleverage.feeds.archives import head as head_of
from deleverage.feeds.readers.bybit.answers import answer_pieces
from deleverage.feeds.readers.bybit.stream import stream_pieces
from deleverage.feeds.readers.protocol import Log, Piece, Request, existing, not_an_input

_TRADES = (b"timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,"
           b"foreignNotional")
_TOPIC = re.compile(rb'"topic"\s*:\s*"(allLiquidation|liquidation)\.')
_CANDLES = re.compile(rb'"list"\s*:\s*\[\s*\[')
_FUNDING, _INTEREST = b'"fundingRateTimestamp"', b'"openInterest"'


class Bybit:
    """Reader of Bybit's answers and streams (see the module's text)."""

    name = "bybit"
    about = "Bybit v5 answers (funding, open interest, candles), recorded liquidation streams"
    provider = "Bybit"
    gives: tuple[str, ...] = ("bars", "mark", "index", "premium", "funding", "open_interest",
                              "liquidations")
    version = 1

    def kind(self, path: Path, head: bytes) -> str | None:
        """By the keys of the answer, the topic of the stream, or the archive's header."""
        line = head.split(b"\n", 1)[0].rstrip(b"\r")
        if line in (_TRADES, _TRADES + b",RPI"):
            return "Bybit trades"
        start = head.lstrip()[:1]
        if start not in (b"{", b"["):
            return None
        if b'"retCode"' in head and b'"result"' in head:
            return _answer(head)
        return "Bybit liquidation stream" if _TOPIC.search(head) else None

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        """Rows of the one table that a file holds (see the FileReader protocol)."""
        kind = self.kind(path, head_of(existing(path)))
        if kind is None:
            raise DataError(f"{path}: neither an answer of Bybit's API v5 nor a recorded stream of "
                            "its liquidations")
        if kind == "Bybit liquidation stream":
            yield from stream_pieces(path, request, log)
        elif kind.startswith("Bybit v5"):
            yield from answer_pieces(path, request, log)
        else:
            raise not_an_input(path, kind)


READER = Bybit()


def _answer(head: bytes) -> str:
    if _FUNDING in head:
        return "Bybit v5 funding history"
    if b'"lastPrice"' in head or b'"lotSizeFilter"' in head:
        return "Bybit tickers or instruments"
    if _INTEREST in head:
        return "Bybit v5 open interest"
    return "Bybit v5 candles" if _CANDLES.search(head) else "Bybit v5 answer"
