"""Candles of Binance's archive: last price, mark, index and premium, all in the same 12 columns.

``open_time`` and ``close_time`` are ms at the futures and us at spot since 2025; ``close_time`` is
one unit before the close. um: ``volume`` is the base coin, ``quote_volume`` USDT; cm: contracts and
the base coin. Of mark, index and premium only the four prices mean anything; premium is a fraction.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from deleverage.columns import Floats, Ints
from deleverage.errors import UsageError
from deleverage.feeds.readers.binance.archive_names import CANDLES, ArchiveName, contract_of
from deleverage.feeds.readers.binance.layout import Layout, digits, streamed
from deleverage.feeds.readers.names import Contract, binance_cm_usd, same_coin
from deleverage.feeds.readers.parsing.prices import candles
from deleverage.feeds.readers.parsing.values import epoch_ns, floats, refuse
from deleverage.feeds.readers.protocol import Log, Piece, Request, not_an_input
from deleverage.feeds.tables import OHLC
from deleverage.timestamps import DAY, show_step

COLUMNS = ("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume",
           "count", "taker_buy_volume", "taker_buy_quote_volume", "ignore")
_TIMES = {"open_time": pa.int64(), "close_time": pa.int64()}
_VOLUMES = {"volume": pa.float64(), "quote_volume": pa.float64()}
_PRICES = Layout(COLUMNS, _TIMES | dict.fromkeys(OHLC, pa.float64()))
_TRADED = Layout(COLUMNS, {**_PRICES.kinds, **_VOLUMES}, frozenset(_VOLUMES))
_MICRO = 10**14  # a larger stamp is in microseconds
_MICRO_SINCE = 1_735_689_600_000_000_000  # spot's stamps are microseconds since 2025-01-01
_ROUNDED = 1e-3  # by which turnover per unit may leave the row's range
_KEEP = ("keep the archive's folders, as in data/futures/um/daily/markPriceKlines/ETHUSDT/1m/"
         "ETHUSDT-1m-2026-01-31.zip")


def is_candle(cells: list[str]) -> bool:
    """Whether the cells of a line without header are a candle: 12 numbers, two fitting times."""
    if len(cells) != len(COLUMNS) or not (digits(cells[0]) and digits(cells[6])):
        return False
    length, unit = int(cells[6]) - int(cells[0]) + 1, 1_000
    if int(cells[0]) > _MICRO:
        unit = 1_000_000
    try:
        return length > 0 and length % unit == 0 and all(float(cell) == float(cell)
                                                         for cell in cells[1:])
    except ValueError:
        return False


def is_spot(name: ArchiveName | None, cells: list[str]) -> bool:
    """Whether a file is spot's by its folder, or by microseconds in its first row."""
    told = name is not None and name.market is not None
    return name.market == "spot" if told and name else (
        digits(cells[0]) and int(cells[0]) > _MICRO)


def pieces(path: Path, name: ArchiveName | None, bare: bool, request: Request,
           log: Log) -> Iterator[Piece]:
    """The candles of one file; ``bare`` says that it has no header.

    Raises UsageError where neither folder nor rows tell what the candles are of.
    """
    if name is None:
        raise UsageError(f"{path}: the name does not tell contract and interval; {_KEEP}")
    contract, step = contract_of(path, name), name.step_ns
    if step is None:
        raise not_an_input(path, f"Binance candles of {name.what}, which have no fixed step")
    if request.symbol is not None and not same_coin(request.symbol, contract.base):
        log.note(f"{path.name}: {contract.symbol} is not {request.symbol}: left out")
        return
    kind = name.candles
    for table, rows in streamed(path, _TRADED if kind in (None, "klines") else _PRICES):
        opened = _opened(path, table, rows, name, step)
        if kind is None:
            kind = _kind(path, table, contract, bare and name.market is None)
        if contract.delivery:
            log.drop("of a delivery contract, no perpetual", len(rows))
            continue
        lines = {key: floats(table.column(key), path, key, rows) for key in OHLC}
        if kind == "klines":
            lines["volume"] = _volume(path, table, rows, contract, log)
        yield candles(CANDLES[kind], opened, step, lines, rows, path, contract)


def _opened(path: Path, table: pa.Table, rows: Ints, name: ArchiveName, step: int) -> Ints:
    """Open times: on the grid of the interval, within the file's period, closing when they must."""
    raw = table.column("open_time").to_numpy()
    opened = epoch_ns(raw, path, "open_time", rows)
    closed = epoch_ns(table.column("close_time").to_numpy(), path, "close_time", rows)
    unit = np.where(raw > _MICRO, 1_000, 1_000_000)
    shown = show_step(step)
    odd = closed - opened + unit != step
    if odd.any():
        refuse(path, odd, "close_time", f"does not end {shown} after the open, the step in the "
               "file's name", (closed - opened + unit) / 1e9, rows)
    if step <= DAY:
        if (opened % step).any():
            refuse(path, opened % step != 0, "open_time", f"is not on the grid of {shown}", raw,
                   rows)
        outside = (opened < name.start_ns) | (opened >= name.end_ns)
        if outside.any():
            refuse(path, outside, "open_time", f"lies outside {name.date}, the period in the "
                   "file's name", raw, rows)
    return opened


def _traded(table: pa.Table, contract: Contract) -> tuple[Floats, Floats]:
    """Volume in the base coin, and the price at which the row's turnover was made (NaN of 0)."""
    volume = np.asarray(table.column("volume").to_numpy(), np.float64)
    quote = np.asarray(table.column("quote_volume").to_numpy(), np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        if contract.venue == "binance_cm":
            return quote, volume * binance_cm_usd(contract.base) / quote
        return volume, quote / volume


def _fitting(table: pa.Table, price: Floats) -> Any:
    """Rows whose turnover was made within their own range (True also where nothing traded)."""
    low, high = (np.asarray(table.column(key).to_numpy()) for key in ("low", "high"))
    return np.isnan(price) | ((price >= low * (1 - _ROUNDED)) & (price <= high * (1 + _ROUNDED)))


def _volume(path: Path, table: pa.Table, rows: Ints, contract: Contract, log: Log) -> Floats:
    """Volume in the base coin; refused where most turnovers belong to another unit or contract."""
    for key in _VOLUMES:
        value = floats(table.column(key), path, key, rows)
        if (value < 0).any():
            refuse(path, value < 0, key, "must be ≥ 0", value, rows)
    volume, price = _traded(table, contract)
    odd = ~_fitting(table, price)
    if 2 * int(odd.sum()) > int((~np.isnan(price)).sum()):
        refuse(path, odd, "quote_volume", "per volume is no price between low and high (another "
               "unit, or another market's file?)", price, rows)
    if odd.any():
        log.note(f"{path.name}: {int(odd.sum())} rows whose quote_volume / volume lies outside "
                 f"low … high (first: row {int(rows[int(np.argmax(odd))])})")
    return volume


def _kind(path: Path, table: pa.Table, contract: Contract, bare: bool) -> str:
    """The type of candles that lie in no folder of the archive, where their rows tell it.

    Only candles of trades have a turnover within their range. A file without header and folder,
    in ms before 2025, may be spot's as well.
    """
    _, price = _traded(table, contract)
    there = ~np.isnan(price)
    if not there.any() or 2 * int((_fitting(table, price) & there).sum()) < int(there.sum()):
        raise UsageError(f"{path}: candles of the last price, of mark, index and premium share "
                         f"their names; {_KEEP}")
    first = int(table.column("open_time")[0].as_py()) * 1_000_000
    if bare and contract.venue == "binance" and first < _MICRO_SINCE:
        raise UsageError(f"{path}: may be spot's or a future's; {_KEEP}, or write um_ before the "
                         "name")
    return "klines"

