"""What the broker reads of one feed: the bar it trades on, the mark it is judged on, the clock."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import backtrader as bt
import numpy as np

from deleverage import timestamps
from deleverage.columns import MARK_LAST, MARK_MISSING, MARK_STATES, MarketColumns
from deleverage.errors import DataError
from deleverage.instrument import Instrument
from deleverage.steps import Bar, Prices

_LAST_LINES = ("open", "high", "low", "close")


class FeedView:
    """One feed seen by the account.

    A PerpetualData brings its columns and its execution mark; any other backtrader feed has last
    prices only and is refused unless ``mark="last"`` was asked for.
    """

    def __init__(self, data: Any, mark: str | None, missing: str, slip: float) -> None:
        self.data = data
        self.columns: MarketColumns | None = getattr(data, "columns", None)
        self.missing = missing
        self.slip = slip
        self.mark_asked = mark
        self.seen = len(data)  # bars delivered, as of the account's last step
        self.instrument = self._instrument()
        self.symbol = self.instrument.symbol
        self.settlements: dict[int, list[int]] = defaultdict(list)
        if self.columns is not None:
            self._load(self.columns)

    def _instrument(self) -> Instrument:
        given = getattr(self.data, "instrument", None)
        if isinstance(given, Instrument):
            return given
        return Instrument(self.data._name, venue="")

    def check_tradable(self) -> None:
        """Raise DataError where the feed lacks what an account needs of it."""
        if self.columns is not None:
            return
        if not self.symbol:
            raise DataError("a feed without a name cannot be traded: name it after its instrument, "
                            "adddata(feed, name='ETHUSDT')")
        if self.mark_asked != "last":
            raise DataError(f"feed {self.symbol!r} has no mark price: use a PerpetualData, or "
                            "mark='last' to judge liquidation on the last price")
        if self.missing == "fail":
            raise DataError(f"feed {self.symbol!r} has no funding table: use a PerpetualData, or "
                            "missing='skip' to run without funding")

    @property
    def started(self) -> int | None:
        """UTC nanoseconds of the first bar's close, where known."""
        if self.columns is not None and len(self.columns):
            return int(self._close_ns[0])
        return self.ts if len(self.data) else None

    def _load(self, columns: MarketColumns) -> None:
        lines = [columns.lines[name] for name in _LAST_LINES]
        mark = columns.execution_mark
        series = [mark.open, mark.high, mark.low, mark.close]
        state = mark.state
        if self.mark_asked == "last":
            series, state = lines, np.full(len(columns), MARK_LAST, dtype=np.uint8)
        elif self.missing == "impute":
            gone = state == MARK_MISSING
            series = [np.where(gone, last, own) for last, own in zip(lines, series, strict=True)]
            state = np.where(gone, MARK_LAST, state).astype(np.uint8)
        # lists: one element of a list is read several times faster than one of an array
        self._last = [column.tolist() for column in lines]
        self._mark = [column.tolist() for column in series]
        self._state = state.tolist()
        self._close_ns = columns.close_ns.tolist()
        for number, bar in enumerate(columns.funding.bar.tolist()):
            self.settlements[bar].append(number)

    @property
    def bar(self) -> int:
        """Index of the feed's current bar; −1 before its first."""
        return self.seen - 1

    @property
    def last(self) -> float:
        """Last price at the close of the current bar."""
        if self.columns is None:
            return float(self.data.close[0])
        return float(self._last[3][self.bar])

    @property
    def mark(self) -> float:
        """Mark at the close of the current bar; the last price where a mark may be skipped."""
        if self.columns is None:
            return float(self.data.close[0])
        value = self._mark[3][self.bar]
        return float(value) if value == value else self.last

    @property
    def ts(self) -> int:
        """UTC nanoseconds of the current bar's close; before the first, of that one (else 0)."""
        if self.columns is not None:
            return int(self._close_ns[max(self.bar, 0)])
        if not len(self.data):
            return 0
        return timestamps.from_datetime(bt.num2date(self.data.datetime[0]))

    @property
    def clock(self) -> int:
        """UTC nanoseconds of the bar the feed itself stands at, walked by the account or not."""
        if self.columns is not None:
            return int(self._close_ns[len(self.data) - 1])
        return self.ts

    @property
    def opened(self) -> int:
        """UTC nanoseconds of the current bar's open; without columns, of the close before it."""
        if self.columns is not None:
            return self.ts - self.columns.market.step_ns
        if len(self.data) < 2:
            return 0
        return timestamps.from_datetime(bt.num2date(self.data.datetime[-1]))

    @property
    def mark_state(self) -> str:
        """How the current bar's mark is known: exact, clipped, last or missing."""
        if self.columns is None:
            return MARK_STATES[MARK_LAST]
        return MARK_STATES[self._state[self.bar]]

    def current(self) -> Bar:
        """The current bar for matching. Raises DataError where the mark is missing and must not be.
        """
        if self.columns is None:
            last = Prices(*(float(getattr(self.data, name)[0]) for name in _LAST_LINES))
            return Bar(self.symbol, last, last, self.slip)
        index = self.bar
        last = Prices(*(column[index] for column in self._last))
        mark = Prices(*(column[index] for column in self._mark))
        if math.isnan(mark.close):
            if self.missing == "fail":
                raise DataError(
                    f"{self.symbol}: no mark price for the bar closing {timestamps.show(self.ts)} "
                    "while a position or order is open (missing='impute' takes the last price, "
                    "mark='last' takes it everywhere)")
            mark = last
        return Bar(self.symbol, last, mark, self.slip)
