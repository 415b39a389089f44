"""What the broker reads of one feed: the bar it trades on, the mark it is judged on, the clock."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import backtrader as bt
import numpy as np

from deleverage import timestamps
from deleverage.columns import MARK_LAST, MARK_MISSING, MARK_STATES, Floats, Ints, MarketColumns
from deleverage.errors import DataError
from deleverage.instrument import Instrument
from deleverage.policies import AdlEvent
from deleverage.steps import Bar, Deleveraging, Due, Prices

_LAST_LINES = ("open", "high", "low", "close")


class FeedView:
    """One feed seen by the account.

    A PerpetualData brings its columns and its execution mark; any other backtrader feed has last
    prices only and is refused unless ``mark="last"`` was asked for. Where the feed's bars have
    finer ones inside, the account stands at one of those (``at``), the strategy at the bar.
    """

    def __init__(self, data: Any, mark: str | None, missing: str,
                 adl: Sequence[AdlEvent] = ()) -> None:
        self.data = data
        self.columns: MarketColumns | None = getattr(data, "columns", None)
        # what a strategy is told late (publication_latency) the market knew in time
        whole: MarketColumns | None = getattr(data, "undelayed", self.columns)
        inner = None if whole is None else whole.inner
        self.fine = whole if inner is None else inner.fine
        self._first = None if inner is None else inner.first.tolist()
        self.missing = missing
        self.mark_asked = mark
        # its ``lencount`` is how many bars the feed has delivered: len(data) asks three objects
        self.cursor = data.lines.lines[0]
        self.seen: int = self.cursor.lencount  # bars delivered, as of the account's last step
        self.instrument = self._instrument()
        self.symbol = self.instrument.symbol
        self.settlements: Mapping[int, Sequence[int]] = {}
        self.deleveragings: dict[int, list[Deleveraging]] = defaultdict(list)
        self.at = -1  # the finer bar at whose close the account stands
        if self.columns is not None and self.fine is not None:
            self._load(self.columns, self.fine, [each for each in adl
                                                 if each.symbol in (None, self.symbol)])
        if self.seen:
            self.advance(self.seen)

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

    def check_volumes(self) -> None:
        """Raise DataError where a volume limit has no volumes to stand on."""
        if self.fine is not None and bool(np.isnan(self.fine.lines["volume"]).any()):
            raise DataError(f"{self.symbol}: volume_limit needs the volume of every bar, and some "
                            "are not known")

    @property
    def started(self) -> int | None:
        """UTC nanoseconds of the first bar's close, where known."""
        if self.columns is not None and len(self.columns):
            return int(self._bar_close[0])
        return self.ts if len(self.data) else None

    @property
    def span(self) -> tuple[int, int] | None:
        """UTC nanoseconds of the first and the last bar's close, where known beforehand."""
        if self.columns is None or not len(self.columns):
            return None
        return int(self._bar_close[0]), int(self._bar_close[-1])

    def _load(self, columns: MarketColumns, fine: MarketColumns,
              adl: Sequence[AdlEvent]) -> None:
        lines = [fine.lines[name] for name in _LAST_LINES]
        mark = fine.execution_mark
        series = [mark.open, mark.high, mark.low, mark.close]
        state = mark.state
        if self.mark_asked == "last":
            series, state = lines, np.full(len(fine), MARK_LAST, dtype=np.uint8)
        elif self.missing == "impute":
            gone = state == MARK_MISSING
            series = [np.where(gone, last, own) for last, own in zip(lines, series, strict=True)]
            state = np.where(gone, MARK_LAST, state).astype(np.uint8)
        self._last = [_readable(column) for column in lines]
        self._mark = [_readable(column) for column in series]
        self._state = _readable(state)
        self._volume = _readable(fine.lines["volume"])
        self._long = _readable(fine.lines["long_liquidations"])
        self._short = _readable(fine.lines["short_liquidations"])
        self._close_ns = _readable(fine.close_ns)
        self._bar_close = _readable(columns.close_ns)
        self.settlements = fine.memo.get("settlements by bar", lambda: _by_bar(fine.funding.bar))
        self._load_adl(fine, adl)

    def _load_adl(self, fine: MarketColumns, adl: Sequence[AdlEvent]) -> None:
        step = fine.market.step_ns
        for event in sorted(adl, key=lambda each: each.ts):
            bar = int(np.searchsorted(fine.close_ns, event.ts, side="left"))
            if bar == len(fine):
                continue
            share = 1 - (int(fine.close_ns[bar]) - event.ts) / step
            if share > 0:  # else it lies in a gap between two bars
                self.deleveragings[bar].append(Deleveraging(
                    event.ts, share, 1 if event.side == "long" else -1, event.share, event.price))

    # ---------------------------------------------------------------- the whole of it, as arrays

    def gathered(self, name: str, how: np.ufunc | None = None) -> Floats:
        """A series by the feed's bars: ``low``, ``high``, ``close`` of last, ``mark_low``,
        ``mark_high`` of the mark the account is judged on; of finer bars inside the extreme."""
        places = {"high": (self._last, 1), "low": (self._last, 2), "close": (self._last, 3),
                  "mark_high": (self._mark, 1), "mark_low": (self._mark, 2)}
        series, column = places[name]
        values = np.asarray(series[column], dtype=np.float64)
        if self._first is None:
            return values
        reduce = how or (np.maximum if name.endswith("high") else np.minimum)
        gathered: Floats = reduce.reduceat(values, self._first[:-1])
        return gathered

    @property
    def unmarked(self) -> bool:
        """Whether the mark of some bar is missing; looked for once for all runs on the market."""
        assert self.fine is not None
        return self.fine.memo.get(("unmarked", self.mark_asked, self.missing == "impute"),
                                  lambda: bool(np.isnan(np.asarray(self._mark[2])).any()))

    @property
    def gathers(self) -> bool:
        """Whether its bars have finer ones inside."""
        return self._first is not None

    def mark_at_close(self) -> Floats:
        """The mark at which the account stands after each bar."""
        mark, last = (np.asarray(series[3], dtype=np.float64) for series in (self._mark,
                                                                             self._last))
        closes: Floats = np.where(np.isnan(mark), last, mark)
        if self._first is None:
            return closes
        return closes[np.asarray(self._first[1:], dtype=np.int64) - 1]

    def closes(self, first: int, stop: int) -> list[float]:
        """Last prices at the closes of the (finer) bars of ``first`` to ``stop`` (exclusive)."""
        start, end = self.within(first).start, self.within(stop - 1).stop
        return [] if self.columns is None else [float(each) for each in self._last[3][start:end]]

    def timed_bars(self) -> list[int]:
        """The bars in which something falls due at a set time, in order."""
        fine = sorted({*self.settlements, *self.deleveragings})
        if self._first is None:
            return fine
        return sorted({bisect_right(self._first, index) - 1 for index in fine})

    def first_opened(self, since: int) -> int:
        """The first bar that opens at ``since`` (UTC nanoseconds) or later."""
        assert self.columns is not None
        return int(np.searchsorted(self.columns.close_ns, since + self.columns.market.step_ns))

    # ---------------------------------------------------------------- where it stands

    def advance(self, length: int) -> range:
        """Take over the feed's bars up to ``length``, and stand at the close of the last one;
        returns its finer bars by index (itself, where there are none)."""
        self.seen, self.at = length, length - 1
        if self._first is None:
            return range(length - 1, length)
        inside = self.within(length - 1)
        self.at = inside[-1]
        return inside

    def within(self, bar: int) -> range:
        """The indices of the finer bars of a bar."""
        if self._first is None:
            return range(bar, bar + 1)
        return range(self._first[bar], self._first[bar + 1])

    @property
    def bar(self) -> int:
        """Index of the feed's current bar; −1 before its first."""
        return self.seen - 1

    @property
    def last(self) -> float:
        """Last price at the close where the account stands."""
        if self.columns is None:
            return float(self.data.close[0])
        return self._last[3][self.at]

    @property
    def mark(self) -> float:
        """Mark at the close where the account stands; the last price where a mark may be skipped.
        """
        if self.columns is None:
            return float(self.data.close[0])
        value = self._mark[3][self.at]
        return value if value == value else self.last

    @property
    def ts(self) -> int:
        """UTC nanoseconds of the close where the account stands; before the first, of that one
        (else 0)."""
        if self.columns is not None:
            return self._close_ns[self.at if self.at > 0 else 0]
        if not len(self.data):
            return 0
        return timestamps.from_datetime(bt.num2date(self.data.datetime[0]))

    def close_of(self, index: int) -> int:
        """UTC nanoseconds of a finer bar's close, to the millisecond where the feed has none."""
        if self.columns is not None:
            return self._close_ns[index]
        return round(self.ts, -6)

    @property
    def bar_ts(self) -> int:
        """UTC nanoseconds of the close of the bar, whatever finer one the account stands at."""
        return self._bar_close[max(self.bar, 0)] if self.columns is not None else self.ts

    @property
    def clock(self) -> int:
        """UTC nanoseconds of the bar the feed itself stands at, walked by the account or not."""
        if self.columns is not None:
            return self._bar_close[self.cursor.lencount - 1]
        return self.ts

    @property
    def moment(self) -> float:
        """backtrader's day number of the close where the account stands."""
        if self._first is None:
            return float(self.data.datetime[0])
        return float(timestamps.day_numbers(np.array([self._close_ns[self.at]]))[0])

    @property
    def opened(self) -> int:
        """UTC nanoseconds of the current bar's open; without columns, of the close before it."""
        if self.columns is not None:
            return self.bar_ts - self.columns.market.step_ns
        if len(self.data) < 2:
            return 0
        return timestamps.from_datetime(bt.num2date(self.data.datetime[-1]))

    @property
    def mark_state(self) -> str:
        """How the mark is known where the account stands: exact, clipped, last or missing."""
        if self.columns is None:
            return MARK_STATES[MARK_LAST]
        return MARK_STATES[self._state[self.at]]

    def prices(self) -> tuple[list[memoryview], list[memoryview]]:
        """Open, high, low and close of last, and of the mark the account is judged on, by (finer)
        bar."""
        return self._last, self._mark

    def close_times(self) -> memoryview:
        """UTC nanoseconds of the closes of all (finer) bars."""
        return self._close_ns

    def traded(self, index: int) -> tuple[float, float, int]:
        """What a slippage policy asks of a (finer) bar: its volume in coin, the USD reported
        liquidated in it, its length (nanoseconds)."""
        assert self.fine is not None
        return (self._volume[index], self._long[index] + self._short[index],
                self.fine.market.step_ns)

    def mark_range(self) -> tuple[float, float]:
        """Low and high of the mark in the bar where the account stands (NaN: missing)."""
        if self.columns is None:
            return float(self.data.low[0]), float(self.data.high[0])
        return self._mark[2][self.at], self._mark[1][self.at]

    def last_range(self) -> tuple[float, float]:
        """Low and high of last in the bar where the account stands."""
        if self.columns is None:
            return float(self.data.low[0]), float(self.data.high[0])
        return self._last[2][self.at], self._last[1][self.at]

    def timed(self) -> bool:
        """Whether something falls due at a set time in the bar where the account stands."""
        return self.at in self.settlements or self.at in self.deleveragings

    def current(self, dues: tuple[Due, ...] = ()) -> Bar:
        """The bar where the account stands, for matching.

        Raises DataError where its mark is missing and must not be.
        """
        if self.columns is None or self.fine is None:
            last = Prices(*(float(getattr(self.data, name)[0]) for name in _LAST_LINES))
            return Bar(self.symbol, last, last, self.ts, max(self.ts - self.opened, 1),
                       float(self.data.volume[0]))
        index = self.at
        opens, highs, lows, closes = self._last
        last = Prices(opens[index], highs[index], lows[index], closes[index])
        opens, highs, lows, closes = self._mark
        mark = Prices(opens[index], highs[index], lows[index], closes[index])
        if math.isnan(mark.close):
            if self.missing == "fail":
                raise DataError(
                    f"{self.symbol}: no mark price for the bar closing {timestamps.show(self.ts)} "
                    "while a position or order is open (missing='impute' takes the last price, "
                    "mark='last' takes it everywhere)")
            mark = last
        volume, liquidations, step_ns = self.traded(index)
        return Bar(self.symbol, last, mark, self._close_ns[index], step_ns, volume, liquidations,
                   dues, tuple(self.deleveragings.get(index, ())))


def _by_bar(bars: Ints) -> Mapping[int, Sequence[int]]:
    """The numbers of the settlements in each bar; worked out once for all runs on the market."""
    found: dict[int, list[int]] = defaultdict(list)
    for number, bar in enumerate(bars.tolist()):
        found[bar].append(number)
    return dict(found)


def _readable(column: Any) -> memoryview:
    """An array whose elements are read one by one: as Python numbers, several times faster than
    from the array, and without a copy."""
    flat: Any = np.ascontiguousarray(column)
    return memoryview(flat)
