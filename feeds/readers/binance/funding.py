"""Funding of Binance's archive: ``calc_time,funding_interval_hours,last_funding_rate``.

``calc_time`` is ms with some ms of jitter after the settlement, the rate a fraction of the notional
per interval, which a long pays where it is positive. There is no mark price. The interval differs
by coin and changes: each row says its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from deleverage.errors import DataError
from deleverage.feeds.readers.binance.archive_names import ArchiveName, named_contract
from deleverage.feeds.readers.binance.layout import Layout, whole
from deleverage.feeds.readers.parsing.values import epoch_ns, floats, last_of, refuse
from deleverage.feeds.readers.protocol import Log, Piece, Request
from deleverage.feeds.settlements import snapped
from deleverage.timestamps import MINUTE

COLUMNS = ("calc_time", "funding_interval_hours", "last_funding_rate")
_LAYOUT = Layout(COLUMNS, {"calc_time": pa.int64(), "funding_interval_hours": pa.float64(),
                           "last_funding_rate": pa.float64()})
_LARGEST = 0.1  # per interval: the venue's caps are a few percent, so this is another unit


def pieces(path: Path, name: ArchiveName | None, request: Request, log: Log) -> Iterator[Piece]:
    """The settlements of one file; UsageError where its name does not tell the contract."""
    found = named_contract(path, name, request, log, "ETHUSDT-fundingRate-2026-01.zip")
    if found is None:
        return
    name, contract = found
    table, rows = whole(path, _LAYOUT)
    if not len(rows):
        raise DataError(f"{path}: no rows")
    raw = epoch_ns(table.column("calc_time").to_numpy(), path, "calc_time", rows)
    stamps = snapped(raw)
    outside = (stamps < name.start_ns - MINUTE) | (stamps > name.end_ns + MINUTE)
    if outside.any():
        refuse(path, outside, "calc_time", f"lies outside {name.date}, the period in the file's "
               "name", table.column("calc_time").to_numpy(), rows)
    hours = floats(table.column("funding_interval_hours"), path, "funding_interval_hours", rows)
    odd = ~((hours >= 1) & (hours <= 24) & (hours % 1 == 0))
    if odd.any():
        refuse(path, odd, "funding_interval_hours", "must be whole hours from 1 to 24", hours, rows)
    rate = floats(table.column("last_funding_rate"), path, "last_funding_rate", rows)
    if (np.abs(rate) >= _LARGEST).any():
        refuse(path, np.abs(rate) >= _LARGEST, "last_funding_rate", "must be a fraction of the "
               f"notional per interval, below {_LARGEST:g}", rate, rows)
    if contract.delivery:
        log.drop("of a delivery contract, no perpetual", len(rows))
        return
    kept = last_of(stamps)
    log.drop("a settlement that comes again, the last kept", len(rows) - len(kept))
    yield Piece("funding", pa.table({
        "ts": stamps[kept], "raw_ts": raw[kept], "available_at": np.maximum(raw, stamps)[kept],
        "rate": rate[kept], "interval_h": hours[kept], "source_row": rows[kept],
    }), contract)
