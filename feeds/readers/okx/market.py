"""Candles and open interest of OKX's answers.

Candles are ``[open time, open, high, low, close, contracts, coins, quote, confirm]``, of mark and
index ``[open time, open, high, low, close, confirm]``, newest first. Open interest is ``[time,
contracts, coins, USD]``; when a reader could have had a row is not documented, so it is taken to be
known one step after its time.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa

from deleverage.errors import UsageError
from deleverage.feeds.readers.names import Contract, contract
from deleverage.feeds.readers.parsing.aggregates import OPEN_BAR, step_of
from deleverage.feeds.readers.parsing.answers import Rows, enveloped, gathered
from deleverage.feeds.readers.parsing.prices import candles
from deleverage.feeds.readers.parsing.values import refuse
from deleverage.feeds.readers.protocol import Log, Piece, Request

_NAMED = re.compile(r"(?<![A-Za-z0-9])[A-Z0-9]{2,12}-(USDT|USDC|USD)(-SWAP)?(?![A-Za-z0-9])")


def bars(path: Path, table: str, request: Request, log: Log) -> Piece:
    """Candles as close-stamped rows without the ones that were not over."""
    rows = gathered(path, lambda document: enveloped(path, "OKX", document), log)
    width = len(rows.rows[0])
    step = step_of(rows.stamps(0, None, "ts"), path, rows.numbers, request.timeframe)
    rows = _finished(rows, width, log)
    names = {"open": 1, "high": 2, "low": 3, "close": 4}
    if table == "bars":
        names["volume"] = 6
    lines = {name: rows.floats(at, name) for name, at in names.items()}
    return candles(table, rows.stamps(0, None, "ts"), step, lines, rows.numbers, path,
                   about(path, request))


def _finished(rows: Rows, width: int, log: Log) -> Rows:
    """Rows confirmed as over; of old answers, which do not say, all but the newest."""
    if width == 7:
        starts = rows.stamps(0, None, "ts")
        over = starts < starts.max()
    else:
        found = rows.raw(width - 1)
        odd = np.array([each not in ("0", "1") for each in found])
        if odd.any():
            refuse(rows.path, odd, "confirm", "must be 0 or 1", str(found[int(np.argmax(odd))]),
                   rows.numbers)
        over = np.array([each == "1" for each in found])
    log.drop(OPEN_BAR, int((~over).sum()))
    return rows.kept(over)


def open_interest(path: Path, request: Request, log: Log) -> Piece:
    """Open interest, one side, in coins and USD."""
    rows = gathered(path, lambda document: enveloped(path, "OKX", document), log)
    stamps = rows.stamps(0, None, "ts")
    step = step_of(stamps, path, rows.numbers, request.timeframe)
    contracts, coins, usd = (rows.floats(at, name) for at, name in (
        (1, "oi"), (2, "oiCcy"), (3, "oiUsd")))
    for value, name in ((contracts, "oi"), (coins, "oiCcy"), (usd, "oiUsd")):
        if (value < 0).any():
            refuse(path, value < 0, name, "must be ≥ 0", value, rows.numbers)
    return Piece("open_interest", pa.table({
        "ts": stamps, "available_at": stamps + step, "oi_base": coins, "oi_usd": usd,
        "source_row": rows.numbers}), about(path, request))


def about(path: Path, request: Request) -> Contract:
    """The instrument in the file's name, else the one asked for."""
    named = _NAMED.search(path.name)
    symbol = named[0] if named else request.symbol
    if symbol is None:
        raise UsageError(f"{path}: this answer does not say which instrument it is about; name the "
                         "file ETH-USDT-SWAP… or say it with --symbol")
    return contract("okx", symbol)
