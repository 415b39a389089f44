"""Kraken Futures: ``executions`` of its market history, of which the liquidations are kept.

An execution is one when the taker's ``orderType`` speaks of it (``PartialLiquidation`` is not in
the documented list, so any that holds "liquidat" does). The taker's Sell closes a long. Sizes of
PF_ contracts are coins, of PI_ and FI_ contracts USD.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deleverage.errors import DataError, UsageError
from deleverage.feeds.readers.coinglass.answers import wanted
from deleverage.feeds.readers.names import contract
from deleverage.feeds.readers.parsing.answers import Rows, gathered
from deleverage.feeds.readers.parsing.documents import sketch
from deleverage.feeds.readers.parsing.values import liquidation_rows, refuse, sides
from deleverage.feeds.readers.protocol import Log, Piece, Request

_NAMED = re.compile(r"(?<![A-Z])(PF|PI|FI|FF)_[A-Z0-9]+(_\d{6,8})?")


class Kraken:
    """Reader of Kraken Futures executions (see the module's text)."""

    name = "kraken"
    about = "Kraken Futures executions (JSON), of which the liquidations"
    provider = "Kraken Futures"
    gives: tuple[str, ...] = ("liquidations",)
    version = 1

    def kind(self, path: Path, head: bytes) -> str | None:
        """By the shape of an element, or of one execution by itself."""
        answer = sketch(head) if head.lstrip()[:1] in (b"{", b"[") else None
        answer = answer[0] if isinstance(answer, list) and answer else answer
        if not isinstance(answer, Mapping):
            return None
        elements = answer.get("elements")
        if isinstance(elements, list) and (not elements or _execution(elements[0]) is not None):
            return "Kraken Futures executions"
        taker = answer.get("takerOrder")
        alone = isinstance(taker, Mapping) and "orderType" in taker and "direction" in taker
        return "Kraken Futures executions" if alone else None

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        """The liquidations among the executions (see the FileReader protocol)."""
        rows = gathered(path, lambda document: _executions(path, document), log)
        fell = ["liquidat" in str(row["takerOrder"].get("orderType", "")).lower()
                for row in rows.rows]
        log.drop("executions that are no liquidation", len(rows) - sum(fell))
        rows = rows.kept(fell)
        if not len(rows):
            return
        names = [_symbol(path, row, request) for row in rows.rows]
        rows, contracts = wanted(rows, [contract("kraken", name) for name in names], request, log)
        if len(rows):
            yield _piece(rows, [one.symbol for one in contracts], [one.base for one in contracts],
                         log)


READER = Kraken()


def _execution(element: Any) -> dict[str, Any] | None:
    """An element's execution with the element's time, None where it has none."""
    inner = element
    for key in ("event", "Execution", "execution"):
        inner = inner.get(key) if isinstance(inner, Mapping) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("takerOrder"), dict):
        return None
    return {"timestamp": element.get("timestamp"), **inner}


def _executions(path: Path, document: Any) -> list[Any]:
    if isinstance(document, list):
        return [row for each in document for row in _executions(path, each)]
    if isinstance(document, dict) and isinstance(document.get("takerOrder"), dict):
        return [document]
    elements = document.get("elements") if isinstance(document, dict) else None
    if not isinstance(elements, list):
        raise DataError(f"{path}: expected elements in the answer")
    found = [_execution(each) for each in elements]
    if None in found:
        raise DataError(f"{path}: row {found.index(None) + 1}, an element needs "
                        "event.Execution.execution.takerOrder")
    return found


def _symbol(path: Path, row: dict[str, Any], request: Request) -> str:
    name = row["takerOrder"].get("tradeable")
    named = _NAMED.search(path.name)
    found = name if isinstance(name, str) and name else named[0] if named else request.symbol
    if found is None:
        raise UsageError(f"{path}: the executions do not say which instrument they are of; name "
                         "the file PF_ETHUSD… or say it with --symbol")
    return found


def _piece(rows: Rows, symbols: list[str], bases: list[str], log: Log) -> Piece:
    path, numbers = rows.path, rows.numbers
    taker = Rows(path, [row["takerOrder"] for row in rows.rows], numbers)
    is_long = sides(taker.text("direction"), ["sell"], ["buy"], path, "direction", numbers)
    price, size = rows.floats("price"), rows.floats("quantity", empty=True)
    if np.isnan(size).any():
        log.note(f"{path.name}: executions without quantity: the order's is taken")
        size = np.where(np.isnan(size), taker.floats("quantity", empty=True), size)
    for value, name in ((price, "price"), (size, "quantity")):
        if not (value > 0).all():
            refuse(path, ~(value > 0), name, "must be > 0", value, numbers)
    in_usd = np.array([name.upper()[:3] in ("PI_", "FI_") for name in symbols])
    stamps = rows.stamps("timestamp")
    return Piece("liquidations", liquidation_rows({
        "ts": stamps, "available_at": stamps, "venue": "kraken", "symbol": symbols, "base": bases,
        "qty_base": np.where(in_usd, size / price, size), "price": price, "price_basis": "fill",
        "notional_usd": np.where(in_usd, size, size * price), "completeness": "all",
        "source_row": numbers, "is_long": is_long}, len(rows)))
