"""Funding of OKX: what was paid.

An answer holds the prediction (``fundingRate``) beside the rate that was paid (``realizedRate``).
Months of the archive are those of UTC+8: the file of March begins on the last of February, 16:00
UTC. Its times are epoch milliseconds all the same, a few seconds late in some years.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deleverage.columns import Floats, Ints
from deleverage.errors import DataError
from deleverage.feeds.readers.names import Contract, contract, same_coin
from deleverage.feeds.readers.parsing.answers import enveloped, gathered
from deleverage.feeds.readers.parsing.frames import frames
from deleverage.feeds.readers.parsing.stamps import times
from deleverage.feeds.readers.parsing.values import floats
from deleverage.feeds.readers.protocol import Log, Piece, Request
from deleverage.feeds.settlements import snapped

COLUMNS = ("instrument_name", "funding_rate", "funding_time")


def archive(path: Path, request: Request, log: Log) -> Iterator[Piece]:
    """The rows of a monthly or daily file, a piece per instrument."""
    for frame in frames(path, COLUMNS):
        names = pc.utf8_trim_whitespace(frame.table.column(COLUMNS[0]).combine_chunks())
        for one, own in chosen(names, path, request, log, frame.rows):
            part = frame.kept(own)
            rate = floats(part.table.column(COLUMNS[1]), path, COLUMNS[1], part.rows)
            stamps = times(part.table.column(COLUMNS[2]), path, COLUMNS[2], part.rows)
            yield settlements(stamps, rate, part.rows, one)


def answers(path: Path, request: Request, log: Log) -> Iterator[Piece]:
    """The rows of funding-rate-history, a piece per instrument."""
    rows = gathered(path, lambda document: enveloped(path, "OKX", document), log)
    names = pa.array(rows.text("instId"))
    rate, stamps = rows.floats("realizedRate"), rows.stamps("fundingTime")
    for one, own in chosen(names, path, request, log, rows.numbers):
        yield settlements(stamps[own], rate[own], rows.numbers[own], one)


def settlements(stamps: Ints, rate: Floats, numbers: Ints, one: Contract) -> Piece:
    """Paid rates as canonical rows; the hours between are left to the rows' distances."""
    ts = snapped(stamps)
    return Piece("funding", pa.table({
        "ts": ts, "raw_ts": stamps, "available_at": np.maximum(ts, stamps), "rate": rate,
        "interval_h": np.full(len(ts), np.nan), "source_row": numbers}), one)


def chosen(names: Any, path: Path, request: Request, log: Log,
           rows: Ints) -> Iterator[tuple[Contract, Any]]:
    """Each perpetual wanted among ``names`` with the mask of its rows; the rest is counted."""
    coded = names.dictionary_encode()
    indices = coded.indices.to_numpy()
    values: Sequence[str] = coded.dictionary.to_pylist()
    for at, name in enumerate(values):
        own = indices == at
        if not name:
            raise DataError(f"{path}: row {rows[int(np.argmax(own))]}, the instrument is empty")
        one = contract("okx", name)
        if one.delivery:
            log.drop("delivery contracts", int(own.sum()))
        elif request.symbol is not None and not same_coin(request.symbol, one.base):
            log.drop("other coins", int(own.sum()))
        else:
            yield one, own
