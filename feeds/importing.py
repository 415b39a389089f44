"""Vendors' files to a dataset: read everything, check it together, write it whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow as pa

from deleverage.errors import DataError, UsageError
from deleverage.feeds import readers
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.readers.protocol import Progress, Reading, Request, silent
from deleverage.feeds.tables import numbers
from deleverage.feeds.writing import write_dataset
from deleverage.market import Market
from deleverage.timestamps import show_step

_SAME_COIN = 0.05  # open interest in USD per coin may differ from the last price by this share


def import_dataset(
    source: str,
    paths: Sequence[str | Path],
    out: str | Path,
    symbol: str | None = None,
    venue: str | None = None,
    *,
    timeframe: str | None = None,
    open_interest: str | Path | None = None,
    open_interest_venue: str | None = None,
    name: str | None = None,
    progress: Progress | None = None,
) -> tuple[Dataset, tuple[str, ...]]:
    """Read ``paths`` with the reader called ``source`` and write a dataset at ``out``.

    ``open_interest`` is a CSV added as a table, ``open_interest_venue`` whose it is. Returns the
    dataset and the notes: what was chosen, snapped, left out. Nothing is written unless all of it
    can be. Raises what the readers raise, UnknownName for a source nobody knows.
    """
    request = Request(symbol, venue, timeframe, progress or silent)
    reader = readers.get(source)
    reading = reader.read([Path(path) for path in paths], request)
    instrument, step = reading.instrument, reading.step_ns
    if instrument is None or step is None:
        raise UsageError(f"{source} gives {', '.join(reader.gives)} only: bars are needed for a "
                         "dataset")
    if open_interest is not None:
        whose = replace(request, venue=open_interest_venue)
        added = readers.get("open-interest-csv").read([Path(open_interest)], whose)
        _same_coin(reading.tables["bars"], added.tables["open_interest"], str(open_interest))
        reading = _merged(reading, added)
    close = numbers(reading.tables["bars"], "close_ns")
    market = Market(
        instrument, step, int(close[0]) - step, int(close[-1]),
        name=name or f"{instrument.symbol} {instrument.venue} {show_step(step)}",
        mark_step_ns=reading.mark_step_ns, provenance=MappingProxyType(dict(reading.provenance)),
        coverage=reading.coverage, notes=MappingProxyType({"import": list(reading.notes)}),
    )
    return write_dataset(out, market, reading.tables), reading.notes


def _merged(first: Reading, second: Reading) -> Reading:
    tables: Mapping[str, pa.Table] = {**first.tables, **second.tables}
    return replace(first, tables=tables, provenance={**first.provenance, **second.provenance},
                   notes=first.notes + second.notes, coverage=first.coverage + second.coverage)


def _same_coin(bars: pa.Table, interest: pa.Table, file: str) -> None:
    """Refuse open interest whose price per coin is not this instrument's (another coin's file)."""
    coins, usd = numbers(interest, "oi_base"), numbers(interest, "oi_usd")
    close_ns, close = numbers(bars, "close_ns"), numbers(bars, "close")
    stamps = numbers(interest, "ts")
    at = np.searchsorted(close_ns, stamps, side="right") - 1
    known = (at >= 0) & (stamps <= close_ns[-1]) & (coins > 0) & np.isfinite(usd)
    if not known.any():
        return
    price = float(np.median(usd[known] / coins[known]))
    last = float(np.median(close[at[known]]))
    if abs(price / last - 1) > _SAME_COIN:
        raise DataError(f"{file}: oi_usd / oi is {price:,.2f} where the bars trade at {last:,.2f}: "
                        "another instrument's open interest?")
