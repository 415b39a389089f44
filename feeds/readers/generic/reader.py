"""Any CSV or Parquet file, read by a column map.

The map (a TOML file, ``--columns``) says which table the rows are, which column is what, in which
unit, and what instant a row's time is. What no column tells must be said in the map: nothing is
guessed, and a word it does not know is refused with the nearest one. ``docs/data-sources.md`` has
the words and examples.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from deleverage.errors import UsageError
from deleverage.feeds.readers.generic import context, liquidations
from deleverage.feeds.readers.generic.column_map import ColumnMap, column_map
from deleverage.feeds.readers.generic.frames import Chosen, chosen
from deleverage.feeds.readers.generic.values import available, coins, number
from deleverage.feeds.readers.names import Contract
from deleverage.feeds.readers.parsing.prices import candles
from deleverage.feeds.readers.parsing.values import refuse
from deleverage.feeds.readers.protocol import Log, Piece, Request
from deleverage.feeds.settlements import snapped


class Generic:
    """Reader of any CSV or Parquet file (see the module's text)."""

    name = "generic"
    about = "any CSV or Parquet file, by a column map in TOML (--columns)"
    provider = "generic"
    gives: tuple[str, ...] = ("bars", "mark", "index", "premium", "funding", "open_interest",
                              "liquidations", "context")
    version = 1

    def kind(self, path: Path, head: bytes) -> str | None:
        """None: no file says of itself that it is to be read by a map."""
        return None

    def provider_of(self, request: Request) -> str:
        """The provider named by the map, else ``generic``."""
        return column_map(request).provider or self.provider

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        """The rows of ``path`` as the map says (see the FileReader protocol)."""
        mapped = column_map(request)
        if mapped.table == "context":
            for rows in chosen(path, mapped, request, log):
                yield context.piece(rows, mapped, path, log)
            return
        if mapped.table == "liquidations":
            for rows in chosen(path, mapped, request, log):
                yield liquidations.piece(rows, mapped, path, log)
            return
        about: Contract | None = None
        build = {"funding": _funding, "open_interest": _open_interest}.get(mapped.table, _candles)
        for rows in chosen(path, mapped, request, log):
            about = _one(path, rows, about)
            yield build(rows, mapped, path, about, log)


READER = Generic()


def _one(path: Path, rows: Chosen, about: Contract | None) -> Contract:
    """The one contract that a file's bars, funding or open interest are about."""
    there = {rows.contracts[at] for at in np.unique(rows.which)} | ({about} if about else set())
    if len(there) > 1:
        names = ", ".join(sorted(f"{one.venue} {one.symbol}" for one in there)[:8])
        raise UsageError(f"{path}: rows of {len(there)} instruments ({names}): choose one with "
                         "where in the column map or --symbol")
    return next(iter(there))


def _candles(rows: Chosen, mapped: ColumnMap, path: Path, about: Contract, log: Log) -> Piece:
    time = mapped.time
    assert time.step_ns is not None
    lines = {key: number(rows, mapped, key, path) for key in mapped.columns}
    if mapped.table == "bars":
        if (mapped.unit(about.venue) or "coin") == "usd":
            raise UsageError("column map: volume in USD is not known in coins; unit must be coin "
                             "or contracts")
        lines["volume"] = coins(rows, mapped, lines["volume"], lines["close"], path, log)
    return candles(mapped.table, time.start(rows.stamps), time.step_ns, lines, rows.frame.rows,
                   path, about)


def _funding(rows: Chosen, mapped: ColumnMap, path: Path, about: Contract, log: Log) -> Piece:
    stamps = snapped(rows.stamps)
    hours = number(rows, mapped, "interval_h", path)
    hours = np.where(np.isnan(hours), mapped.interval_h, hours)
    known = available(rows, mapped, path, np.maximum(stamps, rows.stamps), log)
    return Piece("funding", pa.table({
        "ts": stamps, "raw_ts": rows.stamps, "available_at": known,
        "rate": number(rows, mapped, "rate", path) * mapped.rate_factor, "interval_h": hours,
        "source_row": rows.frame.rows}), about)


def _open_interest(rows: Chosen, mapped: ColumnMap, path: Path, about: Contract,
                   log: Log) -> Piece:
    one_side = 0.5 if mapped.both_sides else 1.0
    amount = number(rows, mapped, "quantity", path) * one_side
    usd = number(rows, mapped, "usd", path, empty=True) * one_side
    price = number(rows, mapped, "price", path)
    if (price <= 0).any():
        refuse(path, price <= 0, mapped.columns["price"], "must be > 0", price, rows.frame.rows)
    for value, key in ((amount, "quantity"), (usd, "usd")):
        if (value < 0).any():
            refuse(path, value < 0, mapped.columns[key], "must be ≥ 0", value, rows.frame.rows)
    if (mapped.unit(about.venue) or "coin") == "usd":
        usd = np.where(np.isnan(usd), amount, usd)
        amount = np.full(len(amount), np.nan)
    else:
        amount = coins(rows, mapped, amount, amount, path, log)
    amount = np.where(np.isnan(amount), usd / price, amount)
    if np.isnan(amount).any():
        log.note(f"{path.name}: open interest in USD only: coins need price in [columns]")
    return Piece("open_interest", pa.table({
        "ts": rows.stamps, "available_at": available(rows, mapped, path, rows.stamps, log),
        "oi_base": amount, "oi_usd": usd, "source_row": rows.frame.rows}), about)
