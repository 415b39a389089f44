"""ccxt's unified structures saved as JSON: candles, funding, open interest, liquidations.

ccxt passes the venue's side and amounts through as they are: Bybit's and Gate's ``buy`` is a long
position, Binance's and OKX's ``sell`` closes one; Bybit's open interest counts both sides, OKX's
amounts are contracts. So the venue must be known: from the file's or its folder's name, or by
--venue. Candles (plain lists) are known by ``ohlcv`` in the name, with ``mark``, ``index`` or
``premium`` beside it for those; the newest was open when it was read and is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from deleverage.errors import DataError
from deleverage.feeds.readers.ccxt import structures
from deleverage.feeds.readers.parsing.answers import gathered
from deleverage.feeds.readers.parsing.documents import sketch
from deleverage.feeds.readers.protocol import Log, Piece, Request

_KEYS: Mapping[str, frozenset[str]] = {
    "liquidations": frozenset({"symbol", "timestamp", "price", "contracts", "side"}),
    "funding rate history": frozenset({"symbol", "timestamp", "fundingRate", "datetime"}),
    "open interest history": frozenset({"symbol", "timestamp", "openInterestAmount"}),
}


class Ccxt:
    """Reader of ccxt's structures (see the module's text)."""

    name = "ccxt"
    about = "ccxt unified structures saved as JSON"
    provider = "ccxt"
    gives: tuple[str, ...] = ("bars", "mark", "index", "premium", "funding", "open_interest",
                              "liquidations")
    version = 2

    def kind(self, path: Path, head: bytes) -> str | None:
        """By the keys of the first structure; of candles by length and name."""
        answer = sketch(head) if head.lstrip()[:1] in (b"{", b"[") else None
        row = answer[0] if isinstance(answer, list) and answer else answer
        if isinstance(row, Mapping):
            return next((f"ccxt {matter}" for matter, keys in _KEYS.items() if keys <= set(row)),
                        None)
        numbers = isinstance(row, list) and len(row) == 6 and isinstance(row[0], int) and all(
            isinstance(each, (int, float, type(None))) for each in row)
        words = f"{path.parent.name} {path.name}".lower()
        if not numbers or not re.search(r"ohlcv|ccxt", words):
            return None
        found = [each for each in ("mark", "index", "premium") if each in words]
        if "premium" in found:
            found = ["premium"]
        return f"ccxt {found[0] if found else 'last'} candles"

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        """The rows of a file (see the FileReader protocol)."""
        from deleverage.feeds.archives import head

        matter = (self.kind(path, head(path)) or "").removeprefix("ccxt ")
        rows = gathered(path, _rows_of, log)
        if matter.endswith("candles"):
            table = matter.split()[0].replace("last", "bars")
            yield structures.candles_of(rows, table, request, log)
        elif matter in _KEYS:
            build = {"liquidations": structures.liquidations,
                     "funding rate history": structures.funding,
                     "open interest history": structures.open_interest}[matter]
            yield from build(rows, request, log)
        else:
            raise DataError(f"{path}: not a structure of ccxt")


READER = Ccxt()


def _rows_of(document: Any) -> list[Any]:
    return document if isinstance(document, list) else [document]
