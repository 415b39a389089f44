"""Open interest of Binance's archive: the daily ``metrics`` files, a row every 5 minutes.

um: coins and USDT; cm: contracts and coins. ``create_time`` is text in UTC and, by the files of
um up to 2026-06-24, the instant of the snapshot; from 2026-06-25 on, and always at cm, the start of
the 5 minutes that end in it. (A file of the first kind ends with 00:00 of the next day.)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from deleverage.columns import Floats, Ints
from deleverage.errors import DataError
from deleverage.feeds.readers.binance.archive_names import ArchiveName, coin_margined, contract_of
from deleverage.feeds.readers.binance.layout import TIME, Layout, whole
from deleverage.feeds.readers.names import Contract, binance_cm_usd, contract, same_coin
from deleverage.feeds.readers.parsing.values import dated, floats, last_of, refuse
from deleverage.feeds.readers.protocol import Log, Piece, Request
from deleverage.feeds.settlements import JITTER
from deleverage.timestamps import MINUTE, SECOND, parse

COLUMNS = ("create_time", "symbol", "sum_open_interest", "sum_open_interest_value",
           "count_toptrader_long_short_ratio", "sum_toptrader_long_short_ratio",
           "count_long_short_ratio", "sum_taker_long_short_vol_ratio")
_OI, _VALUE = COLUMNS[2:4]
_LAYOUT = Layout(COLUMNS, {"create_time": TIME, "symbol": pa.string(), _OI: pa.float64(),
                           _VALUE: pa.float64()})
PERIOD = 5 * MINUTE
STARTS_SINCE = parse("2026-06-25")  # um labels the start of the period from this file on
_LEAP = 3.0  # value per coin may not be this many times that of the row above: another unit


def pieces(path: Path, name: ArchiveName | None, request: Request, log: Log) -> Iterator[Piece]:
    """The snapshots of one file, contract by contract (an archive's file has one)."""
    table, rows = whole(path, _LAYOUT)
    if not len(rows):
        raise DataError(f"{path}: no rows")
    symbols = table.column("symbol").combine_chunks().dictionary_encode()
    which = symbols.indices.to_numpy()
    for number, symbol in enumerate(symbols.dictionary.to_pylist()):
        own = which == number
        about = _contract(path, name, symbol, rows[own])
        if request.symbol is not None and not same_coin(request.symbol, about.base):
            log.drop(f"of another coin than {request.symbol}", int(own.sum()))
        elif about.delivery:
            log.drop("of a delivery contract, no perpetual", int(own.sum()))
        else:
            yield from _piece(path, name, about, table.filter(pa.array(own)), rows[own], log)


def _contract(path: Path, name: ArchiveName | None, symbol: str, rows: Ints) -> Contract:
    """The contract of the rows, which is that of the file's name where there is one."""
    if name is None:
        return contract("binance_cm" if coin_margined(symbol) else "binance", symbol)
    if symbol != name.symbol:
        raise DataError(f"{path}: row {rows[0]}, symbol is {symbol!r}, the file's name says "
                        f"{name.symbol!r}")
    return contract_of(path, name)


def _piece(path: Path, name: ArchiveName | None, about: Contract, table: pa.Table, rows: Ints,
           log: Log) -> Iterator[Piece]:
    label = table.column("create_time").cast(pa.int64()).to_numpy() * SECOND
    said = table.column("create_time").cast(pa.string()).to_numpy()
    dated(label, path, "create_time", rows, said)
    if name is not None:
        outside = (label < name.start_ns) | (label > name.end_ns + JITTER)
        if outside.any():
            refuse(path, outside, "create_time",
                   f"lies outside {name.date}, the period in the file's name", said, rows)
    label = _floored(path, label, log)
    stamps = label + np.where(_starts(about, name, label), PERIOD, 0)
    coins, usd = _amounts(path, about, table, rows)
    kept = last_of(stamps)
    log.drop("a snapshot that comes again, the last kept", len(rows) - len(kept))
    log.drop("open interest of 0, which no living contract has", int((coins[kept] == 0).sum()))
    kept = kept[coins[kept] > 0]
    yield Piece("open_interest", pa.table({
        "ts": stamps[kept], "available_at": stamps[kept], "oi_base": coins[kept],
        "oi_usd": usd[kept], "source_row": rows[kept],
    }), about)


def _starts(about: Contract, name: ArchiveName | None, label: Ints) -> NDArray[np.bool_]:
    """Where a label is the start of its period: by the day of the file, else by the label."""
    if about.venue == "binance_cm":
        return np.ones(len(label), np.bool_)
    return (label if name is None else np.full(len(label), name.start_ns)) >= STARTS_SINCE


def _floored(path: Path, label: Ints, log: Log) -> Ints:
    """Labels a second or two late are moved back; others off the grid stay, and are said."""
    late = label % PERIOD
    moved, off = (late > 0) & (late <= JITTER), late > JITTER
    if moved.any():
        log.note(f"{path.name}: {int(moved.sum())} stamps floored to 5m (latest by "
                 f"{int(late[moved].max()) / SECOND:g} s)")
    if off.any():
        log.note(f"{path.name}: {int(off.sum())} stamps lie off the 5m grid and are left where "
                 "they are")
    return np.where(moved, label - late, label)


def _amounts(path: Path, about: Contract, table: pa.Table, rows: Ints) -> tuple[Floats, Floats]:
    """Open interest in coins and in USD; a leap of the price between them is another unit."""
    interest, value = (floats(table.column(key), path, key, rows) for key in (_OI, _VALUE))
    for key, amount in ((_OI, interest), (_VALUE, value)):
        if (amount < 0).any():
            refuse(path, amount < 0, key, "must be ≥ 0", amount, rows)
    coins, usd = (value, interest * binance_cm_usd(about.base)) \
        if about.venue == "binance_cm" else (interest, value)
    if ((coins == 0) != (usd == 0)).any():
        refuse(path, (coins == 0) != (usd == 0), _VALUE, f"and {_OI} must both be 0 or neither",
               value, rows)
    there = np.flatnonzero(coins > 0)
    price = usd[there] / coins[there]
    leaps = np.append(False, np.abs(np.diff(np.log(price))) > np.log(_LEAP))
    if leaps.any():
        odd = np.zeros(len(rows), np.bool_)
        odd[there[leaps]] = True
        refuse(path, odd, _VALUE, f"per coin is more than {_LEAP:g} times off the row above",
               value, rows)
    return coins, usd
