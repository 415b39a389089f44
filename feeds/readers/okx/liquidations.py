"""Liquidation orders of OKX's stream and interface.

A message holds instruments, and each of those several orders, in no order of time. ``side`` is the
order's: sell closes a long; ``posSide`` says the same where it is not ``net``. Sizes are contracts,
prices the bankruptcy price. The feed does not hold all liquidations, by OKX's own words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deleverage.errors import DataError
from deleverage.feeds.readers.names import contract, okx_coins, okx_usd, same_coin
from deleverage.feeds.readers.parsing.answers import SEEN, Rows, enveloped
from deleverage.feeds.readers.parsing.documents import documents
from deleverage.feeds.readers.parsing.values import liquidation_rows, refuse, sides
from deleverage.feeds.readers.protocol import Log, Piece, Request

_FIELDS = ("ts", "side", "posSide", "sz", "bkPx")
BATCH = 50_000  # orders handed over at a time


def pieces(path: Path, request: Request, log: Log) -> Iterator[Piece]:
    """All orders of all messages, with the line (or number) of each."""
    rows: list[Any] = []
    numbers: list[int] = []
    any_rows = False
    for number, order in _orders(path, request, log):
        rows.append(order)
        numbers.append(number)
        if len(rows) >= BATCH:
            yield _piece(Rows(path, rows, np.asarray(numbers, np.int64)), request, log)
            rows, numbers, any_rows = [], [], True
    if rows:
        yield _piece(Rows(path, rows, np.asarray(numbers, np.int64)), request, log)
    elif not any_rows:
        whose = f" of {request.symbol}" if request.symbol else ""
        raise DataError(f"{path}: no liquidation orders{whose}")


def _orders(path: Path, request: Request, log: Log) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each order with its instrument; other coins and contracts with an end are left out."""
    count, seen = 0, set[int]()
    for line, document in documents(path):
        for message in document if isinstance(document, list) else [document]:
            fresh: set[int] = set()
            for instrument in _instruments(path, message, log, line):
                name, details = instrument.get("instId"), instrument.get("details")
                if not isinstance(name, str) or not name or not isinstance(details, list):
                    raise DataError(f"{path}: row {line or count + 1}, an instrument needs instId "
                                    "and details")
                one = contract("okx", name)
                other = request.symbol is not None and not same_coin(request.symbol, one.base)
                if one.delivery or other:
                    log.drop("delivery contracts" if one.delivery else "other coins", len(details))
                    count += len(details)
                    continue
                for each in details:
                    count += 1
                    if not isinstance(each, dict):
                        raise DataError(f"{path}: row {line or count}, an order must be an object")
                    key = hash((name, *(str(each.get(field)) for field in _FIELDS)))
                    if key in seen:
                        log.drop(SEEN)
                        continue
                    fresh.add(key)
                    yield line or count, {**each, "instId": name}
            seen |= fresh


def _instruments(path: Path, message: Any, log: Log, line: int) -> list[dict[str, Any]]:
    if isinstance(message, Mapping) and "event" in message:
        log.drop("messages about the subscription")
        return []
    if isinstance(message, Mapping) and "arg" in message:
        data = message.get("data")
        found = data if isinstance(data, list) else None
    else:
        found = enveloped(path, "OKX", message)
    if found is None or not all(isinstance(each, dict) for each in found):
        raise DataError(f"{path}: row {line or 1}, data must be a list of instruments")
    return found


def _piece(rows: Rows, request: Request, log: Log) -> Piece:
    path, numbers = rows.path, rows.numbers
    is_long = sides(rows.text("side"), ["sell"], ["buy"], path, "side", numbers)
    position = rows.raw("posSide", "net")
    against = np.array([side in ("long", "short") and (side == "long") != long
                        for side, long in zip(position, is_long, strict=True)])
    if against.any():
        refuse(path, against, "posSide", "contradicts side (sell closes a long)",
               str(position[int(np.argmax(against))]), numbers)
    price, size = rows.floats("bkPx"), rows.floats("sz")
    for value, name in ((price, "bkPx"), (size, "sz")):
        if not (value > 0).all():
            refuse(path, ~(value > 0), name, "must be > 0", value, numbers)
    names = rows.text("instId")
    known = {name: _worth(name, request, log, path) for name in dict.fromkeys(names)}
    coin = np.array([known[name][0] for name in names])
    usd = np.array([known[name][1] for name in names])
    worth = np.where(np.isnan(usd), size * coin * price, size * usd)
    stamps = rows.stamps("ts")
    log.note(f"{path.name}: when a message arrived is not in it: orders are taken as known at "
             "their time")
    return Piece("liquidations", liquidation_rows({
        "ts": stamps, "available_at": stamps, "venue": "okx", "symbol": names,
        "base": [contract("okx", name).base for name in names],
        "qty_base": np.where(np.isnan(usd), size * coin, worth / price), "price": price,
        "price_basis": "bankruptcy", "notional_usd": worth, "completeness": "sampled",
        "source_row": numbers, "is_long": is_long}, len(rows)))


def _worth(name: str, request: Request, log: Log, path: Path) -> tuple[float, float]:
    """Coins and USD in one contract: one of them, or neither where it is not known."""
    coins, usd = okx_coins(name), okx_usd(name)
    if coins is None and usd is None and request.contract_size is not None:
        return request.contract_size, np.nan
    if coins is None and usd is None:
        log.note(f"{path.name}: the contract value of {name} is not known here: neither coins nor "
                 "USD are (--contract-size)")
    return coins or np.nan, usd or np.nan
