"""Liquidations by a column map: single orders, and bars with both sides in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deleverage.columns import Floats
from deleverage.feeds.readers.generic.column_map import ColumnMap
from deleverage.feeds.readers.generic.frames import Chosen
from deleverage.feeds.readers.generic.values import available, number
from deleverage.feeds.readers.generic.values import coins as coins_of
from deleverage.feeds.readers.parsing.aggregates import Bars, bar_rows
from deleverage.feeds.readers.parsing.values import liquidation_rows, refuse, sides
from deleverage.feeds.readers.protocol import Log, Piece

_AGREE = 0.1  # a notional further from quantity × price is in another unit


def piece(rows: Chosen, mapped: ColumnMap, path: Path, log: Log) -> Piece:
    """Rows of single liquidations, or two rows per bar."""
    return _bars(rows, mapped, path, log) if mapped.aggregated else _events(rows, mapped, path, log)


def _events(rows: Chosen, mapped: ColumnMap, path: Path, log: Log) -> Piece:
    numbers, frame = rows.frame.rows, rows.frame
    amount = number(rows, mapped, "quantity", path)
    price = number(rows, mapped, "price", path)
    usd = number(rows, mapped, "notional", path)
    for value, key in ((amount, "quantity"), (price, "price"), (usd, "notional")):
        low = value <= 0 if key == "price" else value < 0
        if low.any():
            said = "must be > 0" if key == "price" else "must be ≥ 0"
            refuse(path, low, mapped.columns[key], said, value, numbers)
    coins = coins_of(rows, mapped, amount, price, path, log)
    worth = _worth(rows, mapped, amount, coins * price)
    _agree(path, mapped, usd, worth, rows)
    usd = np.where(np.isnan(usd), worth, usd)
    coins = np.where(np.isnan(coins) & ~np.isnan(price) & ("quantity" not in mapped.columns),
                     usd / price, coins)
    if np.isnan(usd).any():
        log.note(f"{path.name}: USD of liquidations are unknown without price or contract_size")
    basis = {one: mapped.price_basis(one.venue) or "none" for one in rows.contracts}
    complete = {one: mapped.completeness(one.venue) for one in rows.contracts}
    is_long = sides(frame.table.column(mapped.columns["side"]), mapped.longs, mapped.shorts, path,
                    mapped.columns["side"], numbers)
    return Piece("liquidations", liquidation_rows({
        "ts": rows.stamps,
        "available_at": available(rows, mapped, path, rows.stamps, log),
        **{name: rows.texts(name) for name in ("venue", "symbol", "base")},
        "qty_base": coins, "price": price, "notional_usd": usd,
        "price_basis": np.array([basis[one] for one in rows.contracts], object)[rows.which],
        "completeness": np.array([complete[one] for one in rows.contracts], object)[rows.which],
        "source_row": numbers, "is_long": is_long}, len(frame)))


def _worth(rows: Chosen, mapped: ColumnMap, amount: Floats, worth: Floats) -> Floats:
    """What the amounts are worth: USD where they are in USD, else coins × price."""
    in_usd = np.array([mapped.unit(one.venue) == "usd" for one in rows.contracts],
                      np.bool_)[rows.which]
    return np.where(in_usd, amount, worth)


def _agree(path: Path, mapped: ColumnMap, usd: Floats, worth: Floats, rows: Chosen) -> None:
    """Refuse a notional that is not quantity × price: one of them is in another unit."""
    far: NDArray[np.bool_] = np.abs(usd - worth) > _AGREE * np.maximum(usd, worth)
    if far.any():
        at = int(np.argmax(far))
        refuse(path, far, mapped.columns["notional"],
               f"is not quantity × price ({worth[at]:g}): units?", usd, rows.frame.rows)


def _bars(rows: Chosen, mapped: ColumnMap, path: Path, log: Log) -> Piece:
    time, numbers = mapped.time, rows.frame.rows
    assert time.step_ns is not None
    values = {key: number(rows, mapped, key, path) for key in (
        "long_usd", "short_usd", "long_quantity", "short_quantity", "total_usd")}
    both = values["long_usd"] + values["short_usd"]
    apart = np.abs(values["total_usd"] - both) > 1e-6 * np.maximum(both, 1.0)
    if apart.any():
        log.note(f"{path.name}: {mapped.columns['total_usd']} differs from long + short "
                 f"in {int(apart.sum())} of these rows (first: row "
                 f"{int(numbers[int(np.argmax(apart))])})")
    nothing = np.full(len(numbers), np.nan)
    coins = {key: coins_of(rows, mapped, values[key], nothing, path, log)
             for key in ("long_quantity", "short_quantity")}
    bars = Bars(time.start(rows.stamps), numbers, values["long_usd"], values["short_usd"],
                coins["long_quantity"], coins["short_quantity"])
    delay = time.delay_ns
    table = bar_rows(bars, time.step_ns, path,
                     {name: rows.texts(name) for name in ("venue", "symbol", "base")}, delay)
    return Piece("liquidations", table, step_ns=time.step_ns)
