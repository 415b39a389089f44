"""The mark an account was judged on, as arrays: what every figure at mark is computed from."""

from __future__ import annotations

import dataclasses

import numpy as np

from deleverage.columns import MARK_LAST, MARK_MISSING, ExecutionMark, Floats, MarketColumns
from deleverage.errors import DataError


def judged_on(columns: MarketColumns, mark: str | None = None) -> MarketColumns:
    """The columns with the mark an account was judged on: last price where ``mark="last"`` was
    asked for or where there is no mark (both with state ``last``). Worked out once a market."""
    judged: MarketColumns | None = columns.memo.get(("judged on", mark == "last"),
                                                    lambda: _judged(columns, mark))
    return columns if judged is None else judged


def _judged(columns: MarketColumns, mark: str | None) -> MarketColumns | None:
    """None: the columns themselves."""
    own = columns.execution_mark
    absent = np.isnan(own.close) | (own.state == MARK_MISSING)
    if mark == "last":
        absent = np.ones(len(columns), dtype=bool)
    if not absent.any():
        return None
    lines = columns.lines

    def chosen(name: str, series: Floats) -> Floats:
        return np.where(absent, lines[name], series)

    judged = ExecutionMark(chosen("open", own.open), chosen("high", own.high),
                           chosen("low", own.low), chosen("close", own.close),
                           np.where(absent, np.uint8(MARK_LAST), own.state))
    return dataclasses.replace(columns, execution_mark=judged)


def marks(columns: MarketColumns) -> tuple[Floats, Floats, Floats]:
    """Low, high and close of the mark the account is judged on; DataError where one is NaN."""
    mark = columns.execution_mark
    columns.memo.get("every mark is a number", lambda: _refuse_no_number(columns))
    return mark.low, mark.high, mark.close


def _refuse_no_number(columns: MarketColumns) -> None:
    mark = columns.execution_mark
    for name, series in (("low", mark.low), ("high", mark.high), ("close", mark.close)):
        if np.isnan(series).any():
            bar = int(np.flatnonzero(np.isnan(series))[0])
            raise DataError(f"{columns.market.instrument.symbol}: mark {name} of bar {bar} is not "
                            "a number")
