"""Hyperliquid's asset_ctxs: open interest of every coin per minute, as CSV in an LZ4 frame.

Open interest is one side, in coins; its USD value is taken at the row's mark price. Times come as
``2025-11-13T00:01:00Z`` and as ``2026-04-30 00:00:00`` with and without milliseconds, some off the
minute: they are left where they are. ``funding`` is the running hourly rate, no settlement.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deleverage.columns import Ints
from deleverage.feeds.readers.hyperliquid.answers import contract_of, is_spot, wanted
from deleverage.feeds.readers.parsing import bounds
from deleverage.feeds.readers.parsing.streams import csv_batches
from deleverage.feeds.readers.parsing.values import dated, floats, refuse
from deleverage.feeds.readers.protocol import Log, Piece, Request

COLUMNS = ("time,coin,funding,open_interest,prev_day_px,day_ntl_vlm,premium,oracle_px,mark_px,"
           "mid_px,impact_bid_px,impact_ask_px")
_TEXT = pa.dictionary(pa.int32(), pa.string())
KINDS = {"time": _TEXT, "coin": _TEXT, "open_interest": pa.float64(), "mark_px": pa.float64()}
_ISO = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|\+00:00)?$"


def context_pieces(path: Path, request: Request, log: Log) -> Iterator[Piece]:
    """Open interest of the wanted coins, one piece per block of the file and coin."""
    log.note("funding of asset_ctxs is the running rate and no settlement: not taken")
    for batch, rows in csv_batches(path, KINDS, log):
        coins = bounds.names(batch.column("coin"), path, "coin", rows)
        codes = coins.indices.to_numpy(zero_copy_only=False)
        for code, coin in enumerate(coins.dictionary.to_pylist()):
            if not wanted(coin, request):
                continue
            mine = codes == code
            if is_spot(coin):
                log.drop("a spot market", int(mine.sum()))
            elif mine.any():
                yield Piece("open_interest", _rows(path, batch.filter(pa.array(mine)), rows[mine]),
                            contract_of(coin))


def _rows(path: Path, batch: Any, rows: Ints) -> pa.Table:
    ts = iso_ns(batch.column("time"), path, "time", rows)
    coins = bounds.not_negative(floats(batch.column("open_interest"), path, "open_interest", rows),
                                path, "open_interest", rows)
    mark = floats(batch.column("mark_px"), path, "mark_px", rows, empty=True)
    bounds.positive(mark, path, "mark_px", rows)
    return pa.table({"ts": ts, "available_at": ts, "oi_base": coins, "oi_usd": coins * mark,
                     "source_row": rows})


def iso_ns(column: Any, path: Path, field: str, rows: Ints) -> Ints:
    """ISO times in UTC, with or without a zone, a T and a fraction, as nanoseconds."""
    text = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    fits = pc.fill_null(pc.match_substring_regex(text, _ISO), False)
    good = fits.to_numpy(zero_copy_only=False)
    if not good.all():
        at = int(np.argmin(good))
        refuse(path, ~good, field, "is no UTC time", str(text[at].as_py())[:60], rows)
    bare = pc.replace_substring_regex(text, r"(Z|\+00:00)$", "")
    bare = pc.replace_substring(bare, "T", " ")
    try:
        found = bare.cast(pa.timestamp("ns")).cast(pa.int64())
    except pa.ArrowInvalid:  # a month 13, say: one at a time, to name the row
        for at, value in enumerate(bare):
            try:
                value.cast(pa.timestamp("ns"))
            except pa.ArrowInvalid:
                bad = np.zeros(len(rows), np.bool_)
                bad[at] = True
                refuse(path, bad, field, "is no UTC time", value.as_py(), rows)
        raise
    stamps = np.asarray(found.to_numpy(zero_copy_only=False), np.int64)
    return dated(stamps, path, field, rows, lambda at: text[at].as_py())
