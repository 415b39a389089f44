"""Coinalyze: ``[{"symbol": …, "history": [{"t": seconds, …}]}]``, bars stamped with their start.

Liquidations are ``{t, l, s}`` (longs, shorts), open interest ``{t, o, h, l, c}`` in which ``l`` is
the low, candles ``{t, o, h, l, c, v, …}``. The newest bar was open when it was read and is left
out. Amounts are the venue's own units (coins of a linear contract) unless the answer was asked for
in USD, which it does not say: a file or folder name with the word ``usd`` does. Of the codes after
the dot of a symbol only A, Binance, is known. The unit of its funding is not documented.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from deleverage.columns import Floats, Ints
from deleverage.errors import DataError
from deleverage.feeds.readers.names import Contract, contract, same_coin
from deleverage.feeds.readers.parsing.aggregates import (
    OPEN_BAR,
    REPEATED,
    Bars,
    bar_rows,
    repeated,
    settled,
    step_of,
)
from deleverage.feeds.readers.parsing.answers import Rows
from deleverage.feeds.readers.parsing.documents import documents, sketch
from deleverage.feeds.readers.parsing.prices import candles
from deleverage.feeds.readers.parsing.values import refuse
from deleverage.feeds.readers.protocol import Log, Piece, Request, not_an_input

_VENUES = {"A": "binance"}
_USD = re.compile(r"(^|[^a-z])usd([^a-z]|$)|convert_to_usd=?true")
_OHLC = {"t", "o", "h", "l", "c"}
_FUNDING = "funding history"


class Coinalyze:
    """Reader of Coinalyze's answers (see the module's text)."""

    name = "coinalyze"
    about = "Coinalyze answers (JSON): liquidations, open interest, candles"
    provider = "Coinalyze"
    gives: tuple[str, ...] = ("bars", "open_interest", "liquidations")
    version = 2

    def kind(self, path: Path, head: bytes) -> str | None:
        """By the keys of the first row; open interest and funding by the file's name, too."""
        matter = _matter(path, sketch(head)) if head.lstrip()[:1] in (b"[", b"{") else None
        return f"Coinalyze {matter}" if matter else None

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        """One piece per symbol (see the FileReader protocol)."""
        from deleverage.feeds.archives import head

        kind = self.kind(path, head(path))
        matter = (kind or "").removeprefix("Coinalyze ")
        if matter == "long/short ratio":
            raise not_an_input(path, str(kind))
        if matter == _FUNDING:
            raise DataError(f"{path}: Coinalyze does not document whether its funding is a "
                            "fraction or percent; read it with generic, which asks")
        build = {"liquidations": _liquidations, "open interest": _open_interest,
                 "candles": _candles}.get(matter)
        if build is None:
            raise DataError(f"{path}: OHLC of what? Name the file or its folder open-interest or "
                            "funding-rate" if matter else f"{path}: not a Coinalyze answer")
        found = False
        for rows, one in _series(path, request, log):
            found = True
            yield build(rows, one, path, request, log)
        if not found:
            whose = f" of {request.symbol}" if request.symbol else ""
            raise DataError(f"{path}: no rows{whose}")


READER = Coinalyze()


def _matter(path: Path, answer: Any) -> str | None:
    first = answer[0] if isinstance(answer, list) and answer else answer
    if not isinstance(first, Mapping) or not {"symbol", "history"} <= set(first):
        return None
    history = first["history"]
    row = history[0] if isinstance(history, list) and history else None
    keys = set(row) if isinstance(row, Mapping) else set()
    if keys == {"t", "l", "s"}:
        return "liquidations"
    if keys == {"t", "l", "s", "r"}:
        return "long/short ratio"
    if keys >= _OHLC | {"v"}:
        return "candles"
    if keys != _OHLC:
        return None
    words = f"{path.parent.name} {path.name}".lower()
    if "funding" in words:
        return _FUNDING
    return "open interest" if re.search(r"open.?interest|(^|[^a-z])oi([^a-z]|$)", words) else "OHLC"


def _series(path: Path, request: Request, log: Log) -> Iterator[tuple[Rows, Contract]]:
    """The rows of each symbol wanted, over all answers of the file."""
    found: dict[str, tuple[list[Any], list[int]]] = {}
    done = 0
    for line, document in documents(path):
        for each in document if isinstance(document, list) else [document]:
            if not isinstance(each, dict) or not isinstance(each.get("symbol"), str) or not (
                    isinstance(each.get("history"), list)):
                raise DataError(f"{path}: expected objects of symbol and history (after row "
                                f"{done})")
            rows, numbers = found.setdefault(each["symbol"], ([], []))
            rows += each["history"]
            numbers += [line or done + at for at in range(1, len(each["history"]) + 1)]
            done += len(each["history"])
    for symbol, (rows, numbers) in found.items():
        plain, _, code = symbol.rpartition(".")
        venue = _VENUES.get(code) or request.venue or f"coinalyze_{code.lower()}"
        if venue.startswith("coinalyze_"):
            log.note(f"{path.name}: the venue of Coinalyze's code {code!r} is not known here; its "
                     f"rows are called {venue} (--venue names it)")
        one = replace(contract(venue, plain or symbol), symbol=symbol)
        if one.delivery:
            log.drop("delivery contracts", len(rows))
        elif request.symbol is not None and not same_coin(request.symbol, one.base):
            log.drop("other coins", len(rows))
        elif rows:
            yield Rows(path, rows, np.asarray(numbers, np.int64)), one


def _amounts(path: Path, one: Contract, request: Request, log: Log,
             *values: Floats) -> tuple[tuple[Floats, Floats], ...]:
    """Each of ``values`` as coins and as USD, NaN where it is not known."""
    def hollow(each: Floats) -> Floats:
        return np.full(len(each), np.nan)

    if _USD.search(f"{path.parent.name} {path.name}".lower()):
        return tuple((hollow(each), each) for each in values)
    if one.quote != "USD" or request.contract_size is not None:
        log.note(f"{path.name}: amounts are taken as coins; an answer asked for with "
                 "convert_to_usd needs usd in its name")
        size = request.contract_size or 1.0
        return tuple((each * size, hollow(each)) for each in values)
    log.note(f"{path.name}: contracts of {one.symbol} are of unknown size: neither coins nor USD "
             "are known (--contract-size)")
    return tuple((hollow(each), hollow(each)) for each in values)


def _liquidations(rows: Rows, one: Contract, path: Path, request: Request, log: Log) -> Piece:
    starts = rows.stamps("t")
    (long_qty, long_usd), (short_qty, short_usd) = _amounts(
        path, one, request, log, rows.floats("l"), rows.floats("s"))
    bars = Bars(starts, rows.numbers, long_usd, short_usd, long_qty, short_qty)
    step = step_of(starts, path, rows.numbers, request.timeframe)
    names = {"venue": one.venue, "symbol": one.symbol, "base": one.base}
    return Piece("liquidations", bar_rows(settled(bars, log), step, path, names), step_ns=step)


def closed_bars(starts: Ints, rows: Rows, log: Log) -> tuple[Rows, Ints]:
    """Rows without the newest bar and without those that stand again further down."""
    again = repeated(starts)
    newest = starts == starts.max()
    log.drop(REPEATED, int((again & ~newest).sum()))
    log.drop(OPEN_BAR, int(newest.sum()))
    keep = ~again & ~newest
    return rows.kept(keep), starts[keep]


def _open_interest(rows: Rows, one: Contract, path: Path, request: Request, log: Log) -> Piece:
    starts = rows.stamps("t")
    step = step_of(starts, path, rows.numbers, request.timeframe)
    rows, starts = closed_bars(starts, rows, log)
    close = rows.floats("c")
    if (close < 0).any():
        refuse(path, close < 0, "c", "must be ≥ 0", close, rows.numbers)
    ((coins, usd),) = _amounts(path, one, request, log, close)
    return Piece("open_interest", pa.table({
        "ts": starts + step, "available_at": starts + step, "oi_base": coins, "oi_usd": usd,
        "source_row": rows.numbers}), one)


def _candles(rows: Rows, one: Contract, path: Path, request: Request, log: Log) -> Piece:
    starts = rows.stamps("t")
    step = step_of(starts, path, rows.numbers, request.timeframe)
    rows, starts = closed_bars(starts, rows, log)
    names = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}
    lines = {key: rows.floats(name) for key, name in names.items()}
    ((lines["volume"], _),) = _amounts(path, one, request, log, lines["volume"])
    return candles("bars", starts, step, lines, rows.numbers, path, one)
