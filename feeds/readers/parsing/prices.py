"""Prices of candles as files give them, refused by row where they cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from deleverage.columns import Floats, Ints
from deleverage.feeds.readers.names import Contract
from deleverage.feeds.readers.parsing.values import refuse
from deleverage.feeds.readers.protocol import Piece
from deleverage.feeds.tables import OHLC


def candles(table: str, opens: Ints, step: int, lines: Mapping[str, Floats], rows: Ints,
            path: Path, contract: Contract | None) -> Piece:
    """Candles that open at ``opens`` as a piece of ``table``, stamped with their close.

    ``lines``: open, high, low, close and, of ``bars``, volume (base coin). The table ``premium``
    holds fractions, which may be of either sign; prices must be above 0.
    """
    check(lines, path, rows, signed=table == "premium")
    names = (*OHLC, "volume") if table == "bars" else OHLC
    columns = {"close_ns": opens + step, **{name: lines[name] for name in names},
               "source_row": rows}
    return Piece(table, pa.table(columns), contract, step)


def check(lines: Mapping[str, Floats], path: Path, rows: Ints, *, signed: bool = False) -> None:
    """Refuse a price that is not above 0, a high below or a low above another price of its row, a
    volume below 0."""
    for name in OHLC:
        value = lines[name]
        bad = ~np.isfinite(value) if signed else ~(np.isfinite(value) & (value > 0))
        if bad.any():
            refuse(path, bad, name, "must be a number" if signed else "must be > 0", value, rows)
    start, high, low, end = (lines[name] for name in OHLC)
    above = np.maximum(np.maximum(start, end), low)
    if (high < above).any():
        refuse(path, high < above, "high", "is below another price of its row", high, rows)
    below = np.minimum(start, end)
    if (low > below).any():
        refuse(path, low > below, "low", "is above another price of its row", low, rows)
    if "volume" in lines and not (lines["volume"] >= 0).all():
        refuse(path, ~(lines["volume"] >= 0), "volume", "must be ≥ 0", lines["volume"], rows)
