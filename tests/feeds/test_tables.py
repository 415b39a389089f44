"""What a row must be, and the one line each impossible row gets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from deleverage.errors import DataError, MissingTable, UnknownName
from deleverage.feeds.tables import canonical, numbers
from deleverage.timestamps import MINUTE, parse

START = parse("2026-01-28")


def bars(**changes: Any) -> dict[str, Any]:
    """Three good one-minute bars with some columns replaced."""
    return {"close_ns": START + MINUTE * np.arange(1, 4), "open": [10.0, 11.0, 12.0],
            "high": [12.0, 13.0, 14.0], "low": [9.0, 10.0, 11.0], "close": [11.0, 12.0, 13.0],
            "volume": [1.0, 1.0, 1.0], **changes}


@pytest.mark.parametrize(("changes", "words"), [
    ({"low": [9.0, float("nan"), 11.0]}, ("row 2 (2026-01-28 00:02)", "low must be > 0", "nan")),
    ({"open": [10.0, -1.0, 12.0]}, ("row 2", "open must be > 0", "-1")),
    ({"close": [11.0, 12.0, 0.0]}, ("row 3", "close must be > 0")),
    ({"high": [12.0, float("inf"), 14.0]}, ("row 2", "high must be > 0", "inf")),
    ({"high": [12.0, 13.0, 10.5]}, ("row 3", "high is below", "10.5")),
    ({"low": [9.0, 11.5, 11.0]}, ("row 2", "low is above", "11.5")),
    ({"volume": [1.0, -5.0, 1.0]}, ("row 2", "volume must be ≥ 0", "-5")),
    ({"close_ns": START + MINUTE * np.array([1, 3, 2])}, ("row 3", "close_ns", "not sorted")),
    ({"close_ns": START + MINUTE * np.array([1, 2, 2])}, ("row 3", "close_ns", "duplicate")),
    ({"close": ["a", "b", "c"]}, ("column 'close' cannot be read as double",)),
])
def test_an_impossible_bar_is_one_line_with_file_row_and_field(changes, words):
    """The first impossible row of a file is named with its number, time, field and value."""
    with pytest.raises(DataError) as caught:
        canonical("bars", pa.table(bars(**changes)), "prices.feather")
    message = str(caught.value)
    assert message.startswith("prices.feather: ")
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_missing_column_is_named_with_those_that_are_there():
    """A table without a needed column is refused with what was found instead."""
    columns = bars()
    del columns["volume"]
    with pytest.raises(MissingTable, match=r"column 'volume' is missing \(found: close_ns, open"):
        canonical("bars", pa.table(columns), "x.parquet")


def test_an_unknown_table_is_refused_with_the_near_miss():
    """A misspelt table name meets the one that was meant."""
    with pytest.raises(UnknownName, match="did you mean 'liquidations'"):
        canonical("liquidation", pa.table({}))


def test_pandas_and_pyarrow_give_the_same_table():
    """A frame with datetimes and integers becomes the same canonical columns as a table."""
    frame = pd.DataFrame(bars())
    frame["close_ns"] = pd.to_datetime(frame["close_ns"], utc=True).astype("datetime64[ms, UTC]")
    frame["volume"] = frame["volume"].astype(int)
    assert canonical("bars", frame).equals(canonical("bars", pa.table(bars())))


def test_columns_nobody_asked_for_are_left_out_of_prices_and_kept_with_liquidations():
    """Prices keep their schema; a liquidation keeps what its source knows beside it."""
    assert "trades" not in canonical("bars", pa.table(bars(trades=[1, 2, 3]))).column_names
    event = {"ts": START, "available_at": START, "venue": "bybit", "symbol": "ETHUSDT",
             "liq_side": "long", "qty_base": 1.0, "price": 2_500.0, "price_basis": "bankruptcy",
             "notional_usd": 2_500.0, "completeness": "all", "provider": "test",
             "source_row": "1", "leverage": 20.0}
    table = canonical("liquidations", pa.Table.from_pylist([event]))
    assert numbers(table, "leverage").tolist() == [20.0]


@pytest.mark.parametrize(("changes", "words"), [
    ({"liq_side": "sell"}, "liq_side must be one of long, short, found sell"),
    ({"completeness": "most"}, "completeness must be one of all, sampled"),
    ({"notional_usd": float("nan")}, "notional_usd must be ≥ 0"),
    ({"available_at": START - 1}, "available_at is before the row's own time"),
])
def test_an_impossible_liquidation_is_refused(changes, words):
    """Side, completeness, size and time of knowing are held to their words."""
    event = {"ts": START, "available_at": START, "venue": "bybit", "symbol": "ETHUSDT",
             "liq_side": "long", "qty_base": 1.0, "price": 2_500.0, "price_basis": "bankruptcy",
             "notional_usd": 2_500.0, "completeness": "all", "provider": "test",
             "source_row": "1", **changes}
    with pytest.raises(DataError, match=words):
        canonical("liquidations", pa.Table.from_pylist([event]))


def test_an_empty_time_is_named():
    """A null in a time column is a defect with a row, not a zero."""
    table = pa.table({**bars(), "close_ns": pa.array([START, None, START + 2], pa.int64())})
    with pytest.raises(DataError, match="row 2, close_ns is empty"):
        canonical("bars", table)
