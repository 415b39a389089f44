"""Liquidations and funding as feeds of their own, for those who want them apart from the prices.

A second feed that has not started yet shows backtrader's strategies a FUTURE value (index −1 of a
preloaded buffer). Two guards close that: each feed starts with an empty bar at the first bar of its
market, and its lines answer NaN before their first bar and refuse positive indices.
"""

from __future__ import annotations

from typing import Any, ClassVar

import backtrader as bt
import numpy as np
from backtrader.linebuffer import LineBuffer

from deleverage.columns import Floats, Ints, MarketColumns
from deleverage.errors import UsageError, unknown_name
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.liquidations import LINES, venue_name
from deleverage.feeds.perpetual import timeframe
from deleverage.timestamps import day_numbers

_NAN = float("nan")


class GuardedLine(LineBuffer):  # type: ignore[misc]
    """A line that never shows what has not happened yet."""

    def __getitem__(self, ago: int) -> float:
        if ago > 0:
            raise IndexError(f"index [{ago}] of an event line lies in the future")
        if self.lencount + ago <= 0:
            return _NAN
        return float(super().__getitem__(ago))


class _EventData(bt.feed.DataBase):  # type: ignore[misc]
    """Rows of a market in which something happened, stamped with their bar's close."""

    params: ClassVar[Any] = (("dataset", None), ("columns", None))

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        for name in kwargs:  # backtrader's metaclass has taken the known ones out by now
            raise unknown_name(f"parameter of {type(self).__name__}", name, self.p._getkeys())
        source = self.p.dataset
        if (source is None) == (self.p.columns is None):
            raise UsageError(f"{type(self).__name__} needs one of dataset= and columns=")
        if source is not None:
            dataset = source if isinstance(source, Dataset) else Dataset.open(source)
            self.p.columns, self.p.dataset = dataset.columns(), str(dataset.path)
        market = self.p.columns.market
        if not self.p.name:
            self._name = f"{market.instrument.symbol} {type(self).__name__}"
        self.p.timeframe, self.p.compression = timeframe(market.step_ns)
        for line in self.lines.lines:
            if line is not self.lines.datetime:  # the engine itself peeks at the next time
                line.__class__ = GuardedLine

    def _columns(self, columns: MarketColumns) -> tuple[Ints, dict[str, Floats]]:
        """Bars in which something happened, and the values of the lines there."""
        raise NotImplementedError

    def _start(self) -> None:
        super()._start()
        columns = self.p.columns
        days = day_numbers(columns.close_ns)
        bars, values = self._columns(columns)
        within = (days[bars] >= self.fromdate) & (days[bars] <= self.todate)
        first = int(np.searchsorted(days, self.fromdate, side="left"))
        rows = [{"datetime": float(days[first])}] if first < len(days) else []
        for row in np.flatnonzero(within):
            shown = {name: float(column[row]) for name, column in values.items()}
            if rows and bars[row] == first:
                rows.clear()
            rows.append({"datetime": float(days[bars[row]]), **shown})
        self._events, self._at = rows, 0

    def _load(self) -> bool:
        if self._at >= len(self._events):
            return False
        row = self._events[self._at]
        for name, line in zip(self.getlinealiases(), self.lines.lines, strict=True):
            line[0] = row.get(name, _NAN)
        self._at += 1
        return True

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_events": [], "_at": 0}


class LiquidationData(_EventData):
    """Bars with liquidations only. ``close`` (and open, high, low) is their sum in USD.

    ``venue``: one venue's alone; ``largest_liquidation`` and ``liquidation_count``, which are known
    over all venues only, are then NaN.
    """

    lines: ClassVar[Any] = LINES
    params: ClassVar[Any] = (("venue", None),)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        known = self.p.columns.venues
        if self.p.venue is not None and venue_name(str(self.p.venue)) not in known:
            raise unknown_name("venue with liquidations here", str(self.p.venue), known)

    def _columns(self, columns: MarketColumns) -> tuple[Ints, dict[str, Floats]]:
        sides: tuple[str, ...] = LINES[:2]
        own = sides
        if self.p.venue is not None:
            own = tuple(f"{side}_{venue_name(str(self.p.venue))}" for side in sides)
        long, short = (columns.lines[name] for name in own)
        total = np.nan_to_num(long) + np.nan_to_num(short)
        bars = np.flatnonzero(total > 0)
        values = {name: columns.lines[line][bars] for name, line in zip(sides, own, strict=True)}
        for name in LINES[2:]:
            values[name] = (columns.lines[name][bars] if own == sides
                            else np.full(len(bars), np.nan))
        return bars, values | dict.fromkeys(("open", "high", "low", "close"), total[bars])


class FundingData(_EventData):
    """Bars with a funding settlement only. ``close`` (and open, high, low) is the rate."""

    lines: ClassVar[Any] = ("funding_rate",)

    def _columns(self, columns: MarketColumns) -> tuple[Ints, dict[str, Floats]]:
        rate = columns.lines["funding_rate"]
        bars = np.flatnonzero(~np.isnan(rate))
        names = ("open", "high", "low", "close", "funding_rate")
        return bars, dict.fromkeys(names, rate[bars])
