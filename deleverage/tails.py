"""Markets without a tail: of all bars, or of one table while the others go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from deleverage.columns import ExecutionMark, MarketColumns
from deleverage.errors import UsageError, unknown_name
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.join import market_columns

TABLES = ("bars", "mark", "funding", "liquidations", "open_interest")


def tables_of(columns: MarketColumns, tables: Sequence[str] | None = None) -> tuple[str, ...]:
    """``tables`` if they exist (UnknownName if not), or every one that has a value here."""
    for table in tables or ():
        if table not in TABLES:
            raise unknown_name("table", table, TABLES)
    if tables is not None:
        return tuple(tables)
    return tuple(table for table in TABLES if any(
        np.isfinite(columns.lines[name]).any() for name in lines_of(columns, table)))


def lines_of(columns: MarketColumns, table: str) -> Iterator[str]:
    """Names of the lines that come from ``table``."""
    for name in columns.lines:
        home = ("mark" if name.startswith("mark_") else
                "funding" if name == "funding_rate" else
                "open_interest" if name == "openinterest" else
                "liquidations" if "liquidation" in name else "bars")
        if home == table:
            yield name


def without(source: MarketColumns | Dataset, whole: MarketColumns, table: str,
            cut: int) -> MarketColumns:
    """The market whose ``table`` ends before bar ``cut``; ``bars`` takes everything with it.

    Columns lose the values of the table's lines; a dataset loses the rows and is joined again. A
    mark that is gone is the last price to the account. Raises UsageError for a cut of a dataset
    off its row borders.
    """
    if isinstance(source, Dataset):
        return _joined_without(source, whole, table, cut)
    if table == "bars":
        return whole.sliced(0, cut)
    lines = dict(whole.lines)
    for name in lines_of(whole, table):
        lines[name] = lines[name].copy()
        lines[name][cut:] = np.nan
    mark, funding = whole.execution_mark, whole.funding
    if table == "mark":
        prices = [np.concatenate((own[:cut], whole.lines[name][cut:])) for name, own in zip(
            ("open", "high", "low", "close"), (mark.open, mark.high, mark.low, mark.close),
            strict=True)]
        mark = ExecutionMark(prices[0], prices[1], prices[2], prices[3], mark.state)
    if table == "funding":
        funding = funding.picked(funding.bar < cut)
    inner = whole.inner
    if inner is not None:  # what the account walks ends at the same time
        fine = without(inner.fine, inner.fine, table, int(inner.first[cut]))
        inner = replace(inner, fine=fine)
    return replace(whole, lines=MappingProxyType(lines), execution_mark=mark, funding=funding,
                   inner=inner)


def _joined_without(source: Dataset, whole: MarketColumns, table: str, cut: int) -> MarketColumns:
    """The dataset's tables joined again without the rows after the close of bar ``cut`` − 1."""
    if cut not in borders(whole):
        raise UsageError(f"bar {cut} begins inside a row of the mark table: a dataset is cut at "
                         "row borders of every table")
    end = int(whole.close_ns[cut - 1])
    tables = {name: source.table(name) for name in source.tables if name != "context"}
    cutting = tables if table == "bars" else [name for name in tables if name == table]
    for name in cutting:
        tables[name] = _rows_until(tables[name], end)
    market = replace(source.market, end_ns=end) if table == "bars" else source.market
    return market_columns(market, tables)


def _rows_until(table: pa.Table, end: int) -> pa.Table:
    stamps = np.asarray(table["close_ns" if "close_ns" in table.column_names else "ts"])
    return table.filter(pa.array(stamps <= end))


def borders(columns: MarketColumns) -> NDArray[np.intp]:
    """Bars that begin where a row of the bars and of the mark begins."""
    step = max(columns.market.step_ns, columns.market.mark_step_ns or 0)
    return np.flatnonzero((columns.close_ns - columns.market.step_ns) % step == 0)
