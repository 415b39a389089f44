"""OKX: answers of its v5 interface, its liquidation stream, its archive of funding.

Sizes are contracts and become coins by the contract's value. Candles, mark and index candles, open
interest, liquidation orders and paid funding are read; instruments and trades are no input. Answers
of candles and open interest do not say whose they are: the file's name (``ETH-USDT-SWAP…``) or
--symbol does, and ``mark`` or ``index`` in it tells those two apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from deleverage.errors import DataError
from deleverage.feeds.readers.okx import funding, liquidations, market
from deleverage.feeds.readers.parsing.answers import first_row
from deleverage.feeds.readers.parsing.documents import sketch
from deleverage.feeds.readers.parsing.frames import cells
from deleverage.feeds.readers.protocol import Log, Piece, Request, not_an_input

_TRADES = ["instrument_name", "trade_id", "side", "price", "size", "created_time"]
_LENGTHS = {9: "candles", 7: "candles", 4: "open interest"}


class Okx:
    """Reader of OKX's answers, stream and archive (see the module's text)."""

    name = "okx"
    about = "OKX v5 answers, liquidation-orders stream, archive of funding"
    provider = "OKX"
    gives: tuple[str, ...] = ("bars", "mark", "index", "funding", "open_interest", "liquidations")
    version = 1

    def kind(self, path: Path, head: bytes) -> str | None:
        """By keys and lengths of rows, by the header, of the oldest archive by its name."""
        if "allswaprate" in path.name:
            return "OKX allswaprate (the older archive of funding)"
        if head.lstrip()[:1] in (b"{", b"["):
            matter = _matter(path, sketch(head))
        else:
            columns = cells(head)
            matter = "funding archive" if columns == list(funding.COLUMNS) else (
                "trades" if columns == _TRADES else None)
        return f"OKX {matter}" if matter else None

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        """The rows of a file (see the FileReader protocol)."""
        from deleverage.feeds.archives import head

        kind = self.kind(path, head(path))
        matter = (kind or "").removeprefix("OKX ")
        if matter in ("trades", "instruments"):
            raise not_an_input(path, str(kind))
        if matter.startswith("allswaprate"):
            raise DataError(f"{path}: recognised as {kind}: the time in it is the NEXT settlement "
                            "and its columns are not documented; take the fundingrates files")
        if matter == "funding archive":
            yield from funding.archive(path, request, log)
        elif matter == "funding history":
            yield from funding.answers(path, request, log)
        elif matter == "liquidation orders":
            yield from liquidations.pieces(path, request, log)
        elif matter == "open interest":
            yield market.open_interest(path, request, log)
        elif matter in ("candles", "mark candles", "index candles"):
            table = {"candles": "bars", "mark candles": "mark", "index candles": "index"}[matter]
            yield market.bars(path, table, request, log)
        elif matter:
            raise DataError(f"{path}: candles of mark or index? Its name must have one of the "
                            "words")
        else:
            raise DataError(f"{path}: not a file of OKX")


READER = Okx()


def _matter(path: Path, answer: Any) -> str | None:
    answer = answer[0] if isinstance(answer, list) and answer else answer
    if not isinstance(answer, Mapping):
        return None
    channel = answer.get("arg", {})
    if isinstance(channel, Mapping) and channel.get("channel") == "liquidation-orders":
        return "liquidation orders"
    if "code" not in answer:
        return None
    row = first_row(answer, "data")
    if isinstance(row, Mapping):
        keys = set(row)
        if {"details", "instId"} <= keys:
            return "liquidation orders"
        if {"fundingRate", "realizedRate", "fundingTime", "instId"} <= keys:
            return "funding history"
        return "instruments" if {"ctVal", "instId"} <= keys else None
    if not isinstance(row, list) or not all(isinstance(each, str) for each in row):
        return None
    if len(row) == 6:
        words = re.split(r"[^a-z]+", f"{path.parent.name} {path.name}".lower())
        found = [each for each in ("mark", "index") if any(word.startswith(each) for word in words)]
        return f"{found[0]} candles" if len(found) == 1 else "candles of six values"
    return _LENGTHS.get(len(row))
