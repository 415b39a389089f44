"""CryptoQuant: liquidations by day, hour or minute as CSV or JSON, coins and USD of both sides.

A row is stamped with its start; the newest was open when it was read and is left out. Neither coin
nor exchange stand in it: the coin is asked for with --symbol, the exchange is CryptoQuant's sum
(without Hyperliquid) unless --venue says otherwise. The units of its open interest and funding are
not documented: those are recognised, and read by the generic reader, which asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from deleverage.errors import DataError, UsageError
from deleverage.feeds.readers.names import TOTAL, contract
from deleverage.feeds.readers.parsing.aggregates import Bars, bar_rows, settled, step_of
from deleverage.feeds.readers.parsing.answers import Rows, gathered
from deleverage.feeds.readers.parsing.documents import sketch
from deleverage.feeds.readers.parsing.frames import Frame, cells, frames, header
from deleverage.feeds.readers.parsing.stamps import times
from deleverage.feeds.readers.parsing.values import floats
from deleverage.feeds.readers.protocol import Log, Piece, Request

_SUMS = ("long_liquidations_usd", "short_liquidations_usd", "long_liquidations",
         "short_liquidations")
_TIMES = ("datetime", "date")
_WINDOWS = {"day": "1d", "hour": "1h", "min": "1m"}


class CryptoQuant:
    """Reader of CryptoQuant's liquidations (see the module's text)."""

    name = "cryptoquant"
    about = "CryptoQuant liquidations (CSV or JSON)"
    provider = "CryptoQuant"
    gives: tuple[str, ...] = ("liquidations",)
    version = 2

    def kind(self, path: Path, head: bytes) -> str | None:
        """By the columns, or the keys of the first row."""
        keys = set(cells(head))
        if head.lstrip()[:1] in (b"{", b"["):
            keys = _keys(sketch(head))
        if not keys & set(_TIMES):
            return None
        if set(_SUMS) <= keys:
            return "CryptoQuant liquidations"
        named = "cryptoquant" in f"{path.parent.name} {path.name}".lower()
        other = [name for key, name in (("open_interest", "open interest"),
                                        ("funding_rates", "funding"), ("funding_rate", "funding"))
                 if key in keys]
        return f"CryptoQuant {other[0]}" if named and other else None

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        """The rows of a file (see the FileReader protocol)."""
        from deleverage.feeds.archives import head

        start = head(path)
        kind = self.kind(path, start)
        if kind in ("CryptoQuant open interest", "CryptoQuant funding"):
            raise DataError(f"{path}: recognised as {kind}, whose unit is not documented; read it "
                            "with generic, which asks")
        if request.symbol is None:
            raise UsageError(f"{path}: CryptoQuant's rows do not say which coin they are about; "
                             "say it with --symbol")
        bars, step = (_answer if start.lstrip()[:1] in (b"{", b"[") else _table)(path, request, log)
        one = contract(request.venue or TOTAL, request.symbol)
        log.note(f"{path.name}: the rows do not say whose liquidations these are: "
                 + ("taken as a sum over venues (--venue says whose)" if request.venue is None else
                    f"taken as {one.venue}'s, as asked for"))
        names = {"venue": one.venue, "symbol": one.symbol, "base": one.base}
        yield Piece("liquidations", bar_rows(settled(bars, log), step, path, names), step_ns=step)


READER = CryptoQuant()


def _keys(answer: Any) -> set[str]:
    if isinstance(answer, list) and answer and isinstance(answer[0], Mapping) and (
            "result" in answer[0]):
        answer = answer[0]
    data: Any = answer
    if isinstance(answer, Mapping):
        result = answer.get("result")
        data = result.get("data") if isinstance(result, Mapping) else None
    row = data[0] if isinstance(data, list) and data else None
    return set(row) if isinstance(row, Mapping) else set()


def _table(path: Path, request: Request, log: Log) -> tuple[Bars, int]:
    columns = header(path)
    time = next((name for name in _TIMES if name in columns), "date")
    parts = list(frames(path, [time, *_SUMS]))
    whole = Frame(pa.concat_tables([part.table for part in parts]),
                  np.concatenate([part.rows for part in parts]))
    starts = times(whole.table.column(time), path, time, whole.rows)
    sums = [floats(whole.table.column(name), path, name, whole.rows) for name in _SUMS]
    return Bars(starts, whole.rows, *sums), step_of(starts, path, whole.rows, request.timeframe)


def _answer(path: Path, request: Request, log: Log) -> tuple[Bars, int]:
    windows: set[str] = set()

    def rows_of(document: Any) -> list[Any]:
        if isinstance(document, list):
            return [row for each in document for row in (
                rows_of(each) if isinstance(each, dict) and "result" in each else [each])]
        result = document.get("result") if isinstance(document, dict) else None
        data = result.get("data") if isinstance(result, dict) else None
        if not isinstance(data, list):
            status = document.get("status") if isinstance(document, dict) else document
            raise DataError(f"{path}: no result with data in the answer (status: {status!s:.200})")
        windows.add(str(result.get("window")) if isinstance(result, dict) else "")
        return data

    rows: Rows = gathered(path, rows_of, log)
    first = rows.rows[0] if isinstance(rows.rows[0], dict) else {}
    starts = rows.stamps(next((name for name in _TIMES if name in first), "date"))
    told = _WINDOWS.get(next(iter(windows))) if len(windows) == 1 else None
    step = step_of(starts, path, rows.numbers, request.timeframe or told)
    return Bars(starts, rows.numbers, *(rows.floats(name) for name in _SUMS)), step
