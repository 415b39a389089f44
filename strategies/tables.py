"""The tables a strategy can ask for: how to see that one is there, and who has it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deleverage.columns import MarketColumns
from deleverage.errors import MissingTable, unknown_name

# table → the line that is all NaN where the table is absent, and where the table can be had
_LINES = {
    "mark": "mark_close",
    "funding": "funding_rate",
    "liquidations": "long_liquidations",
    "open_interest": "openinterest",
}
SOURCES = {
    "mark": "Binance, Bybit and OKX mark-price candles; a freqtrade data directory",
    "funding": "Binance, Bybit and Hyperliquid funding history; a freqtrade data directory",
    "liquidations": "recordings of Binance forceOrder or Bybit allLiquidation, Tardis, "
                    "CryptoHFTData, Hyperliquid fills, Coinalyze or CoinGlass bars; the built-in "
                    "SYNTHETIC scenarios",
    "open_interest": "Binance metrics archive, Bybit open-interest history, Coinalyze, CoinGlass; "
                     "any CSV of time and coins",
}


def has_table(columns: MarketColumns, table: str) -> bool:
    """Whether ``table`` has at least one value in these bars. Raises UnknownName."""
    if table == "bars":
        return True
    line = _LINES.get(table)
    if line is None:
        raise unknown_name("table", table, ["bars", *_LINES])
    values = columns.lines.get(line)
    return values is not None and columns.memo.get(
        ("has table", table), lambda: bool(np.isfinite(values).any()))


def require_tables(strategy: str, columns: MarketColumns, tables: Sequence[str]) -> None:
    """Raise MissingTable, in one line, naming what is missing and which sources have it."""
    missing = [table for table in tables if not has_table(columns, table)]
    if missing:
        names = " and ".join(repr(table) for table in missing)
        where = "; ".join(f"{table}: {SOURCES[table]}" for table in missing)
        raise MissingTable(
            f"{strategy} needs the table {names}, and {columns.market.name or 'this data'} has no "
            f"value of it in these bars (sources that have it: {where})")
