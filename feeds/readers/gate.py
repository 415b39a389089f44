"""Gate: ``liq_orders`` of its futures interface.

``size`` is in contracts and signed with the position: above 0 a long was liquidated (unverified).
What one contract is worth is not in the answer, so coins and USD need --contract-size. Times are
whole seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deleverage.errors import DataError, unknown_name
from deleverage.feeds.readers.coinglass.answers import wanted
from deleverage.feeds.readers.names import contract
from deleverage.feeds.readers.parsing.answers import Rows, gathered
from deleverage.feeds.readers.parsing.documents import sketch
from deleverage.feeds.readers.parsing.values import liquidation_rows, refuse
from deleverage.feeds.readers.protocol import Log, Piece, Request, not_an_input

_ORDER = {"contract", "size", "order_price", "fill_price", "time"}


class Gate:
    """Reader of Gate's liquidated orders (see the module's text)."""

    name = "gate"
    about = "Gate liq_orders (JSON)"
    provider = "Gate"
    gives: tuple[str, ...] = ("liquidations",)
    version = 1

    def kind(self, path: Path, head: bytes) -> str | None:
        """By the keys of the first row."""
        answer = sketch(head) if head.lstrip()[:1] in (b"{", b"[") else None
        row = answer[0] if isinstance(answer, list) and answer else answer
        keys = set(row) if isinstance(row, Mapping) else set()
        if keys >= _ORDER:
            return "Gate liquidated orders"
        stats = {"long_liq_size", "short_liq_size", "time"} <= keys
        return "Gate contract stats" if stats else None

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        """The rows of an answer (see the FileReader protocol)."""
        from deleverage.feeds.archives import head

        kind = self.kind(path, head(path))
        if kind == "Gate contract stats":
            raise not_an_input(path, kind)
        if request.side not in (None, "order", "position"):
            raise unknown_name("side convention", str(request.side), ("order", "position"))

        def rows_of(document: Any) -> list[Any]:
            return document if isinstance(document, list) else [document]

        rows = gathered(path, rows_of, log)
        rows, contracts = wanted(rows, [contract("gate", name) for name in rows.text("contract")],
                                 request, log)
        if not len(rows):
            raise DataError(f"{path}: no rows of {request.symbol}")
        yield _piece(rows, [one.base for one in contracts], request, log)


READER = Gate()


def _piece(rows: Rows, bases: list[str], request: Request, log: Log) -> Piece:
    path, numbers = rows.path, rows.numbers
    size, price = rows.floats("size"), rows.floats("fill_price")
    for bad, name, value in ((size == 0, "size", size), (~(price > 0), "fill_price", price)):
        if bad.any():
            refuse(path, bad, name, "must not be 0" if name == "size" else "must be > 0", value,
                   numbers)
    coins = np.abs(size) * (request.contract_size or np.nan)
    if request.contract_size is None:
        log.note(f"{path.name}: contracts of unknown size: neither coins nor USD are known "
                 "(--contract-size)")
    log.note(f"{path.name}: a size above 0 is taken as a long position (unverified)")
    stamps = rows.stamps("time")
    return Piece("liquidations", liquidation_rows({
        "ts": stamps, "available_at": stamps, "venue": "gate", "symbol": rows.text("contract"),
        "base": bases, "qty_base": coins, "price": price, "price_basis": "fill",
        "notional_usd": coins * price, "completeness": "unknown", "source_row": numbers,
        "is_long": (size > 0) != (request.side == "order")}, len(rows)))
