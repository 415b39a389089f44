"""The bars an account walked, and a journal's records put into them, by their time."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from deleverage.columns import MarketColumns
from deleverage.journal import Journal, symbol_of
from deleverage.statistics.clock import bars_of

_PLACED = ("entries", "fills", "liquidations", "funding", "rejections", "snapshots")


def walked(columns: MarketColumns) -> MarketColumns:
    """The bars the account walked: the finer ones inside, where there are some."""
    return columns if columns.inner is None else columns.inner.fine


def placed(journal: Journal, columns: MarketColumns) -> Journal:
    """The journal with every record of the instrument of ``columns`` in the bar its time lies in.

    In an account of one instrument that is the bar the record names, and nothing is copied. A
    record names the strategy's bar where the account walked finer ones (``columns`` are these); and
    where instruments are on different clocks, one may change while a longer bar of its own has not
    ended yet (a liquidation of the whole cross account). What comes after the last bar is put into
    the last; what precedes the first bar (``bar`` −1) stays.
    """
    if not len(columns):
        return journal
    symbol = columns.market.instrument.symbol
    records: dict[str, Any] = {name: _placed(getattr(journal, name), columns, symbol)
                               for name in _PLACED}
    return dataclasses.replace(journal, **records)


def _placed(records: Sequence[Any], columns: MarketColumns, symbol: str) -> list[Any]:
    own = [index for index, record in enumerate(records)
           if record.bar >= 0 and symbol_of(record.symbol) == symbol]
    stamps = np.array([records[index].ts for index in own], dtype=np.int64)
    bars = np.minimum(bars_of(columns, stamps), len(columns) - 1).tolist()
    found = list(records)
    for index, bar in zip(own, bars, strict=True):
        if found[index].bar != bar:
            found[index] = dataclasses.replace(found[index], bar=bar)
    return found
