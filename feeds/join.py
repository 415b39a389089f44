"""All tables of a dataset on one clock: the only place where tables meet.

A value enters bar ``t`` when its ``available_at`` is at or before the bar's close, never earlier.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa

from deleverage import venues
from deleverage.columns import BASE_LINES, Floats, MarketColumns
from deleverage.errors import DataError, MissingTable, UnknownName
from deleverage.feeds.intervals import EIGHT_HOURS
from deleverage.feeds.liquidations import liquidation_lines
from deleverage.feeds.marks import PriceRows, close_at, completed, execution_mark
from deleverage.feeds.settlements import funding_line, funding_schedule
from deleverage.feeds.tables import MARK_LINES, OHLC, canonical, numbers
from deleverage.instrument import Instrument
from deleverage.market import Coverage, Market
from deleverage.timestamps import HOUR, show, show_step


def market_columns(market: Market, tables: Mapping[str, Any]) -> MarketColumns:
    """``tables`` (name → canonical pyarrow table or pandas frame) as one market on one clock.

    Needs ``bars``; every other table may be absent and is then NaN, its mark MISSING, its
    settlements MISSING. Raises MissingTable and DataError (see :mod:`deleverage.feeds.tables`).
    """
    checked = {name: canonical(name, table) for name, table in tables.items()}
    if "bars" not in checked:
        raise MissingTable(f"dataset {market.name or market.instrument.symbol}: table 'bars' is "
                           f"missing (found: {', '.join(checked) or 'none'}): nothing can be run "
                           "on it before bars are imported into it")
    if not checked["bars"].num_rows:
        raise DataError("table bars: no rows")
    table = checked["bars"]
    bars = price_rows(table, market.step_ns)
    mark = mark_rows(market, table, checked.get("mark"))
    funding = checked.get("funding")
    execution = execution_mark(bars, mark)
    lines = dict.fromkeys(BASE_LINES, np.empty(0))
    lines |= {name: numbers(table, name) for name in (*OHLC, "volume")}
    lines["openinterest"] = _open_interest(market, bars, checked.get("open_interest"))
    lines |= _mark_lines(bars, mark)
    lines["index_close"] = _index(market, table, bars, checked.get("index"))
    lines["funding_rate"] = funding_line(bars, funding)
    lines |= liquidation_lines(market, bars, checked.get("liquidations"))
    return MarketColumns(market, bars.close_ns, MappingProxyType(lines), execution,
                         funding_schedule(bars, funding, execution, mark, lines["index_close"],
                                          _funding_interval(market.instrument)))


def price_rows(table: pa.Table, step_ns: int, names: tuple[str, ...] = OHLC) -> PriceRows:
    """The four price columns of a table as arrays, with the step they are on."""
    start, high, low, end = (numbers(table, name) for name in names)
    close_ns = numbers(table, "close_ns")
    gaps = np.diff(close_ns)
    if len(gaps) and gaps.min() < step_ns:
        row = int(gaps.argmin())
        raise DataError(f"bars of {show_step(step_ns)}: rows {row + 1} and {row + 2} "
                        f"({show(int(close_ns[row]))}) are {show_step(int(gaps[row]))} apart")
    return PriceRows(step_ns, close_ns, start, high, low, end)


def mark_rows(market: Market, bars: pa.Table, mark: pa.Table | None) -> PriceRows | None:
    """The mark's rows: columns of the bars where they are there, else the mark table."""
    if all(name in bars.column_names for name in MARK_LINES):
        rows = price_rows(bars, market.step_ns, MARK_LINES)
        known = ~np.isnan(rows.close)
        return PriceRows(rows.step_ns, rows.close_ns[known],
                         *(column[known] for column in rows.ohlc))
    if mark is None or not mark.num_rows:
        return None
    step = market.mark_step_ns or market.step_ns
    if max(step, market.step_ns) % min(step, market.step_ns):
        raise DataError(f"table mark: a mark of {show_step(step)} cannot be joined to bars of "
                        f"{show_step(market.step_ns)}: neither step divides the other")
    return price_rows(mark, step)


def _index(market: Market, table: pa.Table, bars: PriceRows, index: pa.Table | None) -> Floats:
    """The index at each bar's close: a column of the bars, else the index row that closes there."""
    if "index_close" in table.column_names:
        return numbers(table, "index_close")
    if index is None or not index.num_rows:
        return np.full(len(bars), np.nan)
    return close_at(price_rows(index, market.step_ns), bars.close_ns)


def _funding_interval(instrument: Instrument) -> int:
    """Nanoseconds between settlements by the venue's rules; 8 h where the venue is not known."""
    try:
        hours = venues.rules_class(instrument.venue).funding_hours
    except UnknownName:
        return EIGHT_HOURS
    return round(hours * HOUR)


def _mark_lines(bars: PriceRows, mark: PriceRows | None) -> dict[str, Floats]:
    if mark is None:
        return {name: np.full(len(bars), np.nan) for name in MARK_LINES}
    return dict(zip(MARK_LINES, completed(bars, mark), strict=True))


def _open_interest(market: Market, bars: PriceRows, table: pa.Table | None) -> Floats:
    """Open interest in coins, the newest snapshot available by each close.

    NaN before the first and after the end of the declared coverage: a stream that stopped does not
    stand still.
    """
    line = np.full(len(bars), np.nan)
    if table is None or not table.num_rows:
        return line
    available = numbers(table, "available_at")
    order = np.argsort(available, kind="stable")
    newest = np.maximum.accumulate(order)  # rows ascend by ts: a late row never hides a newer one
    at = np.searchsorted(available[order], bars.close_ns, side="right") - 1
    known = (at >= 0) & (bars.close_ns <= _covered_until(market.coverage, "open_interest"))
    line[known] = numbers(table, "oi_base")[newest[at[known]]]
    return line


def _covered_until(coverage: tuple[Coverage, ...], table: str) -> float:
    return max((cover.end_ns for cover in coverage if cover.table == table), default=float("inf"))
