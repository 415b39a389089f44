"""CoinGlass: answers of its interface (v3, v4) and tables people made of them.

Bars of liquidations (aggregated over venues, or one pair), single orders, open interest and funding
as OHLC. Bars are stamped with their start; the newest was open when it was read and is left out.
Neither coin nor venues stand in an answer: the coin is asked for with --symbol, and what is summed
over venues is called ``coinglass``. Exchange lists and maps carry no time and are no input.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from deleverage.errors import DataError
from deleverage.feeds.readers.coinglass import answers, tables
from deleverage.feeds.readers.parsing.answers import first_row
from deleverage.feeds.readers.parsing.documents import sketch
from deleverage.feeds.readers.parsing.frames import cells
from deleverage.feeds.readers.protocol import Log, Piece, Request, not_an_input

_BY_KEYS: Mapping[str, tuple[frozenset[str], ...]] = {
    "aggregated liquidation history": (
        frozenset({"time", "aggregated_long_liquidation_usd", "aggregated_short_liquidation_usd"}),
        frozenset({"t", "longLiquidationUsd", "shortLiquidationUsd"})),
    "pair liquidation history": (
        frozenset({"time", "long_liquidation_usd", "short_liquidation_usd"}),),
    "liquidation orders": (frozenset({"exchange_name", "price", "usd_value", "side", "time"}),),
    "exchange list": (
        frozenset({"exchange", "liquidation_usd", "long_liquidation_usd"}),
        frozenset({"exchange", "liquidationUsd", "longLiquidationUsd"})),
}
_OHLC = frozenset({"open", "high", "low", "close"})
_NO_INPUT = ("exchange list", "liquidation map")


class CoinGlass:
    """Reader of CoinGlass's answers and tables (see the module's text)."""

    name = "coinglass"
    about = "CoinGlass v3 and v4 answers (JSON) and CSV tables of them"
    provider = "CoinGlass"
    gives: tuple[str, ...] = ("liquidations", "funding", "open_interest")
    version = 2

    def kind(self, path: Path, head: bytes) -> str | None:
        """By the keys of the first row, of OHLC by the words of its path as well."""
        if head.lstrip()[:1] in (b"{", b"["):
            matter = _matter(path, sketch(head))
        else:
            matter = tables.matter(path, cells(head))
        return f"CoinGlass {matter}" if matter else None

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        """The rows of an answer or table (see the FileReader protocol)."""
        from deleverage.feeds.archives import head

        kind = self.kind(path, head(path))
        matter = (kind or "").removeprefix("CoinGlass ")
        if matter in _NO_INPUT:
            raise not_an_input(path, str(kind))
        if matter.endswith("table"):
            yield from tables.pieces(path, request, log)
        elif matter.endswith("liquidation history"):
            yield answers.bars(path, request, log)
        elif matter == "liquidation orders":
            yield answers.orders(path, request, log)
        elif matter in ("funding history", "open interest history"):
            yield answers.ohlc(path, matter.split()[0], request, log)
        elif matter == "answer without rows":
            answers.rows_of(path, log)
            raise DataError(f"{path}: no rows")
        elif matter == "OHLC history":
            raise DataError(f"{path}: OHLC of what? A CoinGlass answer does not say; name the file "
                            "or its folder funding-rate or open-interest")
        else:
            raise DataError(f"{path}: not a CoinGlass answer or table")


READER = CoinGlass()


def _matter(path: Path, answer: Any) -> str | None:
    """What an answer is about."""
    answer = answer[0] if isinstance(answer, list) and answer else answer
    if not isinstance(answer, Mapping) or "code" not in answer:
        return None
    data = answer.get("data")
    if isinstance(data, Mapping) and ("liquidation_leverage_data" in data or "price" in data):
        return "liquidation map"
    row = first_row(answer, "data")
    if not isinstance(row, Mapping):
        return "answer without rows" if row is None and _named(path) else None
    keys = set(row)
    for matter, sets in _BY_KEYS.items():
        if any(each <= keys for each in sets):
            return matter
    if keys >= _OHLC and keys & {"time", "t"} and _named(path):
        words = re.sub(r"[^a-z]+", " ", f"{path.parent.name} {path.name}".lower())
        about = [matter for word, matter in (("funding", "funding"), ("interest", "open interest"))
                 if word in words]
        return f"{about[0]} history" if len(about) == 1 else "OHLC history"
    return None


def _named(path: Path) -> bool:
    """Whether a file or its folder is named after the vendor."""
    return "coinglass" in f"{path.parent.name} {path.name}".lower()
