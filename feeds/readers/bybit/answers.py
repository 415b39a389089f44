"""Answers of Bybit's REST API v5: funding history, open interest, candles.

All list newest rows first, numbers as text, times in ms. Open interest sums BOTH sides: it is
halved, or taken from ``singleOpenInterest`` where the answer has it. An answer with candles names
neither its step nor, of mark, index and premium prices, which they are: the distances of the rows
and the name of the file or folder tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from deleverage.columns import Ints
from deleverage.errors import DataError, UsageError
from deleverage.feeds.readers.names import Contract
from deleverage.feeds.readers.parsing import bounds
from deleverage.feeds.readers.parsing.documents import whole_json
from deleverage.feeds.readers.parsing.prices import candles
from deleverage.feeds.readers.parsing.steps import step_of
from deleverage.feeds.readers.parsing.units import Symbols
from deleverage.feeds.readers.protocol import Log, Piece, Request, not_an_input
from deleverage.feeds.settlements import snapped
from deleverage.timestamps import show_step

_SYMBOL = re.compile(r"[A-Z0-9]+(USDT|USDC|USD|PERP)")  # of a perpetual
_WORDS = re.compile(r"[a-z]+")


def answer_pieces(path: Path, request: Request, log: Log) -> Iterator[Piece]:
    """The rows of one answer, or of several in one JSON list."""
    read = whole_json(path)
    answers = read if isinstance(read, list) else [read]
    done = 0
    for answer in answers:
        result, rows = _opened(path, answer)
        numbers = np.arange(done + 1, done + len(rows) + 1)
        done += len(rows)
        if not rows:
            log.note(f"{path.name}: an answer without rows")
        elif isinstance(rows[0], dict) and "fundingRateTimestamp" in rows[0]:
            yield from _funding(path, rows, numbers, request, log)
        elif isinstance(rows[0], dict) and "openInterest" in rows[0] and "timestamp" in rows[0]:
            yield from _interest(path, result, rows, numbers, request, log)
        elif isinstance(rows[0], list):
            yield from _candles(path, answer, rows, numbers, request, log)
        else:
            raise not_an_input(path, "another answer of Bybit's API v5")


def _opened(path: Path, answer: Any) -> tuple[Mapping[str, Any], list[Any]]:
    """An answer's ``result`` and its list; an answer that reports an error is refused."""
    if not isinstance(answer, dict) or "retCode" not in answer:
        raise DataError(f"{path}: expected an answer of Bybit's API v5 with retCode and result")
    if answer["retCode"] != 0:
        raise DataError(f"{path}: the answer is an error: retCode {bounds.shown(answer['retCode'])}"
                        f", {bounds.shown(answer.get('retMsg'))}")
    result = answer.get("result")
    if not isinstance(result, dict) or not isinstance(result.get("list"), list):
        raise DataError(f"{path}: expected result.list with the rows")
    if result.get("category") in ("spot", "option"):
        raise not_an_input(path, f"Bybit {result['category']}")
    return result, result["list"]


def _fields(path: Path, rows: Sequence[Any], name: str, numbers: Ints) -> list[Any]:
    for row, number in zip(rows, numbers, strict=True):
        if not isinstance(row, dict) or name not in row:
            raise DataError(f"{path}: row {number}, {name} is missing, found {bounds.shown(row)}")
    return [row[name] for row in rows]


def _known(path: Path, symbol: Any, count: int, request: Request, log: Log) -> Contract | None:
    """The contract, or None where it is not asked for or is a delivery contract (counted)."""
    if not isinstance(symbol, str) or not symbol:
        raise DataError(f"{path}: the answer names no symbol, found {bounds.shown(symbol)}")
    known = Symbols("bybit", request, Log()).of(symbol)
    if known.wanted and known.contract.delivery:
        log.drop("a delivery contract", count)
    elif known.wanted and not _SYMBOL.fullmatch(symbol):
        raise DataError(f"{path}: symbol {bounds.shown(symbol)} is that of no perpetual of Bybit")
    return known.contract if known.wanted and not known.contract.delivery else None


def _funding(path: Path, rows: list[Any], numbers: Ints, request: Request,
             log: Log) -> Iterator[Piece]:
    symbols = bounds.texts(_fields(path, rows, "symbol", numbers), path, "symbol", numbers)
    raw = bounds.stamps(_fields(path, rows, "fundingRateTimestamp", numbers), path,
                        "fundingRateTimestamp", numbers)
    rate = bounds.decimals(_fields(path, rows, "fundingRate", numbers), path, "fundingRate",
                           numbers)
    bounds.rates(rate, path, "fundingRate", numbers)
    ts = snapped(raw)
    table = pa.table({"ts": ts, "raw_ts": raw, "available_at": np.maximum(raw, ts), "rate": rate,
                      "interval_h": np.full(len(ts), np.nan), "source_row": numbers})
    for symbol in dict.fromkeys(symbols):
        mine = np.array([each == symbol for each in symbols])
        about = _known(path, symbol, int(mine.sum()), request, log)
        if about is not None:
            yield Piece("funding", table.filter(pa.array(mine)), about)


def _interest(path: Path, result: Mapping[str, Any], rows: list[Any], numbers: Ints,
              request: Request, log: Log) -> Iterator[Piece]:
    ts = bounds.stamps(_fields(path, rows, "timestamp", numbers), path, "timestamp", numbers)
    both = bounds.decimals(_fields(path, rows, "openInterest", numbers), path, "openInterest",
                           numbers)
    one = bounds.decimals([row.get("singleOpenInterest") for row in rows], path,
                          "singleOpenInterest", numbers, empty=True)
    side = bounds.not_negative(np.where(np.isnan(one), both / 2, one), path, "openInterest",
                               numbers)
    about = _known(path, result.get("symbol"), len(rows), request, log)
    if about is None:
        return
    if np.isnan(one).any():
        log.note(f"{about.symbol}: Bybit's openInterest sums both sides: halved")
    unknown = np.full(len(ts), np.nan)
    inverse = about.quote == "USD"
    if inverse:
        log.note(f"{about.symbol}: open interest in USD; its coins need a price")
    yield Piece("open_interest", pa.table({
        "ts": ts, "available_at": ts, "oi_base": unknown if inverse else side,
        "oi_usd": side if inverse else unknown, "source_row": numbers}), about)


def _candles(path: Path, answer: Mapping[str, Any], rows: list[Any], numbers: Ints,
             request: Request, log: Log) -> Iterator[Piece]:
    width = len(rows[0])
    for row, number in zip(rows, numbers, strict=True):
        if not isinstance(row, list) or len(row) != width or width not in (5, 7):
            raise DataError(f"{path}: row {number} has another shape, expected "
                            f"{width if width in (5, 7) else '5 or 7'} values, found "
                            f"{bounds.shown(row)}")
    result = answer["result"]
    about = _known(path, result.get("symbol"), len(rows), request, log)
    if about is None:
        return
    table = "bars" if width == 7 else _prices_of(path)
    opened = bounds.stamps([row[0] for row in rows], path, "start", numbers)
    step = step_of(opened, path, numbers, request.timeframe)
    values = {name: bounds.decimals([row[at] for row in rows], path, name, numbers)
              for at, name in enumerate(("open", "high", "low", "close"), start=1)}
    if width == 7:  # an inverse contract's volume is in USD, its turnover in coins
        at = 6 if about.quote == "USD" else 5
        values["volume"] = bounds.decimals([row[at] for row in rows], path, "volume", numbers)
    piece = candles(table, opened, step, values, numbers, path, about)
    asked = answer.get("time")
    if asked is None:
        over = opened < opened.max()
    else:
        over = opened + step <= bounds.stamps([asked], path, "time", numbers[:1])[0]
    log.drop("a bar that was not over when the answer was given", int((~over).sum()))
    log.note(f"{path.name}: bars of {show_step(step)}, by the distances of the rows"
             if request.timeframe is None else f"{path.name}: bars of {show_step(step)}")
    yield replace(piece, rows=piece.rows.filter(pa.array(over)))


def _prices_of(path: Path) -> str:
    """Which prices candles of five values are: the path says, the answer does not."""
    for part in reversed(path.parts[-4:]):
        words = set(_WORDS.findall(part.lower()))
        for table in ("premium", "index", "mark"):
            if table in words:
                return table
    raise UsageError(f"{path}: candles of mark, index or premium prices? The answer does not say: "
                     "name the file or its folder mark-price-kline, index-price-kline or "
                     "premium-index-price-kline")
