"""Liquidation orders of Binance, from the archive's snapshots, its stream, or a recorder.

The side is the order's (SELL closed a long), and it is always a limit order: it cannot fill beyond
its limit, so limit and average fill tell the side a second time. The notional is the accumulated
quantity at the average fill; where the average is not known, at the limit, with its basis kept.
Coin-margined quantities are contracts of 100 (BTC) or 10 USD. The venue pushes the latest order of
a second per symbol: what comes is a sample, and the same order twice is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from deleverage.columns import Floats, Ints
from deleverage.errors import DataError
from deleverage.feeds.readers.binance.archive_names import coin_margined
from deleverage.feeds.readers.names import Contract, binance_cm_usd, contract, same_coin
from deleverage.feeds.readers.parsing.values import liquidation_rows, refuse, sides
from deleverage.feeds.readers.protocol import Log, Request
from deleverage.timestamps import SECOND

Bools = NDArray[np.bool_]
COMPLETENESS = "sampled_1s"
UNFILLED = ("NEW", "PARTIALLY_FILLED", "REJECTED", "PENDING_NEW")
ENDED = ("FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "NEW_INSURANCE", "NEW_ADL")
_ROUNDED = 1e-9
_BEYOND = 1e-6  # by which a rounded average may lie beyond the limit


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders as they were read: one array each, times in ns, ``available`` where it is known.

    ``average`` is NaN or 0 where it is not known. ``symbol`` has the venue's own symbols.
    """

    symbol: pa.DictionaryArray
    side: pa.Array
    quantity: Floats
    filled: Floats
    limit: Floats
    average: Floats
    time: Ints
    available: Ints
    rows: Ints

    def where(self, mask: Bools) -> Orders:
        """Only the orders for which ``mask`` is True."""
        chosen = pa.array(mask)
        return Orders(self.symbol.filter(chosen), self.side.filter(chosen), self.quantity[mask],
                      self.filled[mask], self.limit[mask], self.average[mask], self.time[mask],
                      self.available[mask], self.rows[mask])

    def __len__(self) -> int:
        return len(self.rows)


def contract_of(symbol: str) -> Contract:
    """The contract behind a symbol of the stream."""
    return _contract(symbol)


@cache
def _contract(symbol: str) -> Contract:
    return contract("binance_cm" if coin_margined(symbol) else "binance", symbol)


def first_of(time: Ints, keys: Sequence[pa.Array],
             before: pa.Table | None = None) -> tuple[Bools, pa.Table]:
    """True where a row of ``time`` and ``keys`` was not there yet, neither above nor in ``before``.

    The second value is to be handed in as ``before`` with the rows that follow.
    """
    names = ["time", *(str(number) for number in range(len(keys)))]
    own = pa.table(dict(zip(names, [pa.array(time), *keys], strict=True)))
    skipped = before.num_rows if before is not None else 0
    both = pa.concat_tables([before, own]) if before is not None else own
    new = np.ones(both.num_rows, np.bool_)
    at = _sharing(both.column("time").to_numpy())
    if len(at):
        numbered = both.take(pa.array(at)).append_column("row", pa.array(at))
        firsts = numbered.group_by(names).aggregate([("row", "min")])["row_min"].to_numpy()
        new[at] = False
        new[firsts] = True
    return new[skipped:], own


def _sharing(time: Ints) -> Ints:
    """Where the rows stand whose time another row has too."""
    order = np.argsort(time, kind="stable")
    same = np.diff(time[order]) == 0
    return order[np.append(False, same) | np.append(same, False)] if len(time) else order


def wanted(orders: Orders, path: Path, request: Request, log: Log) -> Orders:
    """Orders of perpetuals of the coin asked for; prices and quantities that can be."""
    contracts = [contract_of(each) for each in orders.symbol.dictionary.to_pylist()]
    which = orders.symbol.indices.to_numpy()
    ended = np.array([each.delivery for each in contracts], np.bool_)[which]
    log.drop("of a delivery contract, no perpetual", int(ended.sum()))
    if request.symbol is not None:
        own = np.array([same_coin(request.symbol, each.base) for each in contracts],
                       np.bool_)[which]
        log.drop(f"of another coin than {request.symbol}", int((~own & ~ended).sum()))
        ended |= ~own
    orders = orders.where(~ended)
    orders = replace(orders, average=np.where(orders.average == 0, np.nan, orders.average))
    for field, value, bad, text in (
            ("price", orders.limit, ~(orders.limit > 0), "must be > 0"),
            ("average price", orders.average, orders.average < 0, "must be > 0"),
            ("filled quantity", orders.filled, ~(orders.filled >= 0), "must be ≥ 0"),
            ("filled quantity", orders.filled,
             ~(orders.filled <= orders.quantity * (1 + _ROUNDED)), "is more than the order's")):
        if bad.any():
            refuse(path, bad, field, text, value, orders.rows)
    log.drop("an order without a fill", int((orders.filled == 0).sum()))
    return orders.where(orders.filled > 0)


def canonical_rows(orders: Orders, path: Path, request: Request, log: Log) -> pa.Table:
    """The orders as rows of liquidations; refused where most fills contradict their sides."""
    contracts = [contract_of(each) for each in orders.symbol.dictionary.to_pylist()]
    which = orders.symbol.indices.to_numpy()
    usd = np.array([binance_cm_usd(each.base) if each.venue == "binance_cm" else np.nan
                    for each in contracts] or [np.nan])[which]
    longs, shorts = (("BUY",), ("SELL",)) if request.side == "position" else (("SELL",), ("BUY",))
    is_long = sides(orders.side, longs, shorts, path, "side", orders.rows)
    _held_to_limits(orders, is_long, path, log)
    price = np.where(np.isnan(orders.average), orders.limit, orders.average)
    inverse = ~np.isnan(usd)
    notional = orders.filled * np.where(inverse, usd, price)
    told = {name: _told(which, [getattr(each, name) for each in contracts])
            for name in ("venue", "symbol", "base")}
    return liquidation_rows({
        "ts": orders.time, "available_at": orders.available,
        **told, "is_long": is_long, "qty_base": np.where(inverse, notional / price, orders.filled),
        "price": price, "price_basis": _told(np.isnan(orders.average), ["fill", "limit"]),
        "notional_usd": notional, "completeness": COMPLETENESS, "source_row": orders.rows,
    }, len(orders))


def _told(which: NDArray[Any], words: Sequence[str]) -> pa.DictionaryArray:
    """Words by their places in ``words``, each kept once."""
    known = list(dict.fromkeys(words))
    place = np.array([known.index(word) for word in words] or [0], np.int32)
    return pa.DictionaryArray.from_arrays(place[which.astype(np.int32)], known)


def _held_to_limits(orders: Orders, is_long: Bools, path: Path, log: Log) -> None:
    """A closing sell fills at its limit or above, a closing buy at its limit or below."""
    sign = np.where(is_long, 1.0, -1.0)
    beyond = sign * (orders.average / orders.limit - 1) < -_BEYOND
    told = np.abs(orders.average / orders.limit - 1) > _BEYOND
    if 2 * int(beyond.sum()) > int(told.sum()):
        at = int(np.argmax(beyond))
        word = "below" if is_long[at] else "above"
        raise DataError(f"{path}: row {orders.rows[at]}, average_price {orders.average[at]} is "
                        f"{word} the limit {orders.limit[at]} of an order that closed a "
                        f"{'long' if is_long[at] else 'short'}, as in most rows: sides look "
                        "inverted (--side-convention overrules them)")
    if beyond.any():
        log.note(f"{path.name}: {int(beyond.sum())} orders filled beyond their limits (first: row "
                 f"{orders.rows[int(np.argmax(beyond))]})")


def after_a_second(time: Ints) -> Ints:
    """When orders without a time of arrival can have been known: the venue waits for a second."""
    return time + SECOND


def without_unfilled(status: pa.Array, path: Path, field: str, rows: Ints, log: Log) -> Bools:
    """True where an order has ended; those still open are counted, unknown words refused."""
    text = pc.utf8_upper(pc.utf8_trim_whitespace(status))
    ended = pc.fill_null(pc.is_in(text, pa.array(ENDED)), False).to_numpy(zero_copy_only=False)
    still = pc.fill_null(pc.is_in(text, pa.array(UNFILLED)), False).to_numpy(zero_copy_only=False)
    if not (ended | still).all():
        refuse(path, ~(ended | still), field, f"must be one of {', '.join(ENDED)}",
               np.asarray(status.to_pylist(), object), rows)
    log.drop("an order that was not done yet", int(still.sum()))
    return np.asarray(ended, np.bool_)
