"""``liquidationSnapshot`` of Binance's archive: liquidation orders of one day and contract.

Every row is written twice. Several rows may share an order, by time, side, original quantity and
limit: each says how much was filled until then, so the largest is the order. No row names its
contract. The coin-margined files are all that is left; old copies of the others are read alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from deleverage.columns import Ints
from deleverage.feeds.readers.binance.archive_names import ArchiveName, named_contract
from deleverage.feeds.readers.binance.layout import Layout, whole
from deleverage.feeds.readers.binance.orders import (
    COMPLETENESS,
    Orders,
    after_a_second,
    canonical_rows,
    first_of,
    wanted,
)
from deleverage.feeds.readers.names import Contract
from deleverage.feeds.readers.parsing.values import coded, epoch_ns, floats, refuse
from deleverage.feeds.readers.protocol import Log, Piece, Request
from deleverage.market import Coverage
from deleverage.timestamps import MINUTE

COLUMNS = ("time", "side", "order_type", "time_in_force", "original_quantity", "price",
           "average_price", "order_status", "last_fill_quantity", "accumulated_fill_quantity")
_FLOATS = ("original_quantity", "price", "average_price", "last_fill_quantity",
           "accumulated_fill_quantity")
_LAYOUT = Layout(COLUMNS, {"time": pa.int64(), "side": pa.string(), "order_type": pa.string(),
                           "time_in_force": pa.string(), "order_status": pa.string(),
                           **dict.fromkeys(_FLOATS, pa.float64())},
                 frozenset({"average_price", "last_fill_quantity", "order_type", "time_in_force",
                            "order_status"}))


def pieces(path: Path, name: ArchiveName | None, request: Request, log: Log,
           provider: str) -> Iterator[Piece]:
    """The orders of one file, which covers its whole day, quiet or not.

    Raises UsageError where its name does not tell the contract.
    """
    found = named_contract(path, name, request, log,
                           "ETHUSD_PERP-liquidationSnapshot-2024-01-31.zip")
    if found is None:
        return
    name, contract = found
    table, rows = whole(path, _LAYOUT)
    if not len(rows):
        log.note(f"{path.name}: no liquidation in it")
        log.coverage.append(_day(name, contract, provider))
        return
    time = epoch_ns(table.column("time").to_numpy(), path, "time", rows)
    outside = (time < name.start_ns - MINUTE) | (time >= name.end_ns + MINUTE)
    if outside.any():
        refuse(path, outside, "time", f"lies outside {name.date}, the period in the file's name",
               table.column("time").to_numpy(), rows)
    number = {key: floats(table.column(key), path, key, rows, empty=key in _LAYOUT.empty)
              for key in _FLOATS}
    orders = Orders(coded(contract.symbol, len(rows)), table.column("side").combine_chunks(),
                    number["original_quantity"], number["accumulated_fill_quantity"],
                    number["price"], number["average_price"], time, after_a_second(time), rows)
    if not contract.delivery:
        log.coverage.append(_day(name, contract, provider))
    orders = wanted(orders.where(_orders(table, log)), path, request, log)
    if len(orders):
        yield Piece("liquidations", canonical_rows(orders, path, request, log), contract)


def _day(name: ArchiveName, contract: Contract, provider: str) -> Coverage:
    return Coverage("liquidations", contract.venue, provider, name.start_ns, name.end_ns,
                    COMPLETENESS)


def _orders(table: pa.Table, log: Log) -> NDArray[np.bool_]:
    """True at the one row of each order: no exact copies, and of its fills the last."""
    single, _ = first_of(table.column("time").to_numpy(),
                         [column.combine_chunks() for column in table.columns])
    log.drop("an exact copy of a row above (the archive writes each twice)",
             int((~single).sum()))
    number: Ints = np.flatnonzero(single)
    rest = table.take(pa.array(number)).append_column("row", pa.array(number))
    keys = ["side", "original_quantity", "price"]
    ordered = rest.take(pc.sort_indices(rest, [("accumulated_fill_quantity", "descending"),
                                               ("row", "ascending")]))
    firsts, _ = first_of(ordered.column("time").to_numpy(),
                         [ordered.column(key).combine_chunks() for key in keys])
    chosen = np.zeros(len(single), np.bool_)
    chosen[ordered.column("row").to_numpy()[firsts]] = True
    log.drop("an earlier fill of an order whose later row holds it", int(single.sum()
                                                                         - chosen.sum()))
    return chosen
