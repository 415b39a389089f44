"""Which bar is the next at which anything can happen to the account (docs/clock.md).

The comparisons are those of the matching code, made on arrays: an order's level against the bar's
extremes, a liquidation price against the mark's. A bar too many is harmless, for a visit that does
nothing changes nothing; a bar too few would be a defect.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import backtrader as bt
import numpy as np
from numpy.typing import NDArray

from deleverage.account import Position, State
from deleverage.book import Kind, WorkingOrder
from deleverage.columns import Floats
from deleverage.feedview import FeedView
from deleverage.orders import TRAILING
from deleverage.unionclock import Beat

if TYPE_CHECKING:
    from deleverage.broker import PerpetualBroker

_FIRST_WINDOW, _LAST_WINDOW = 256, 65_536

Test = Callable[[slice], NDArray[np.bool_]]


class Scan:
    """One feed's bars as arrays of extremes, finer bars gathered into the strategy's, and its place
    on the clock of all feeds: ``beat``, None where they share one and a step is a bar.

    ``highest_close`` and ``lowest_close`` are those of the finer closes inside each bar;
    ``still`` is the mark at each bar's end, ``still_low`` and ``still_high`` its extremes in the
    bar: where the feeds do not walk ``abreast`` with the end before, where it stands while bars of
    another instrument that end earlier are walked.
    """

    def __init__(self, view: FeedView, beat: Beat | None = None, abreast: bool = True) -> None:
        self.view, self.beat = view, beat
        self.last_low, self.last_high = view.gathered("low"), view.gathered("high")
        self.mark_low, self.mark_high = view.gathered("mark_low"), view.gathered("mark_high")
        self.highest_close = view.gathered("close", np.maximum)
        self.lowest_close = view.gathered("close", np.minimum)
        self.still_low, self.still_high = self.mark_low, self.mark_high
        if not abreast:
            self.still = view.mark_at_close()
            before = np.append(self.still[:1], self.still[:-1])
            self.still_low = np.minimum(self.mark_low, before)
            self.still_high = np.maximum(self.mark_high, before)
        self.timed = view.timed_bars()
        if beat is not None:
            self.timed = [beat.step_of(bar) for bar in self.timed]
        self.unmarked = view.unmarked
        self.days = np.frombuffer(view.data.lines.datetime.array, dtype=np.float64)

    def step_of(self, bar: int, start: int) -> int:
        """The step of the feed's first bar that is not before ``bar`` nor before step ``start``."""
        if self.beat is None:
            return max(start, bar)
        return self.beat.step_of(max(self.beat.before(start), bar))

    def first(self, test: Test, start: int, until: int) -> int:
        """The first step from ``start`` on with a bar of the feed for which ``test`` holds, at most
        ``until``; ``test`` is asked of the feed's bars."""
        if self.beat is None:
            return first_true(test, start, until)
        stop = self.beat.before(until)
        bar = first_true(test, self.beat.before(start), stop)
        return until if bar >= stop else self.beat.step_of(bar)

    def standing(self, cut: slice) -> tuple[Floats, Floats]:
        """Lowest and highest mark in each step of ``cut``: of the bar that ends there, else the one
        at which the feed stands."""
        if self.beat is None:
            return self.still_low[cut], self.still_high[cut]
        at = self.beat.lengths[cut] - 1
        ends = self.beat.steps[at] == np.arange(cut.start, cut.stop)
        still = self.still[at]
        return (np.where(ends, self.still_low[at], still),
                np.where(ends, self.still_high[at], still))


class Horizon:
    """The account's next event, on bars that all its feeds share or, with each feed's ``beats`` by
    symbol, on the steps of the union of their times."""

    def __init__(self, broker: PerpetualBroker, beats: Mapping[str, Beat] | None = None) -> None:
        self.broker = broker
        abreast = beats is None and at_one_instant(broker.views)
        self.scans = {
            view.symbol: Scan(view, None if beats is None else beats[view.symbol], abreast)
            for view in broker.views}

    def next_event(self, bar: int, until: int) -> int:
        """The first bar after ``bar`` at which the account may change, at most ``until``."""
        broker = self.broker
        state = broker.account.state
        if broker._orders.queue or broker._stopping:
            return bar + 1
        start = bar + 1
        if broker.transit:
            until = min([until, *(self._scan_of(order).step_of(due, start)
                                  for due, _, order in broker.transit)])
        if not broker.book and not state.positions:
            return until
        for order in broker.book.values():
            if self._soon(order):
                until = min(until, self.scans[order.symbol].step_of(0, start))
        if until == start:
            return start
        held = {position.symbol for position in state.positions.values()}
        for symbol in held.union([order.symbol for order in broker.book.values()]):
            until = min(until, self._set_time(symbol, start, until, symbol in held))
        for order in broker.book.values():
            until = self._order(order, start, until)
        return self._liquidation(state, start, until)

    def _scan_of(self, order: bt.Order) -> Scan:
        return self.scans[self.broker.view_of(order.data).symbol]

    # -------------------------------------------------------------- one kind of event each

    def _soon(self, order: WorkingOrder) -> bool:
        """Orders whose next step does not wait for a price."""
        if order.kind in (Kind.MARKET, Kind.AT_CLOSE) or not order.ready:
            return True
        return not order.active and order.parent not in self.broker.book

    def _set_time(self, symbol: str, start: int, until: int, held: bool) -> int:
        """Settlements and deleveragings of what is held, a change of the ladder, a missing mark."""
        scan, broker = self.scans[symbol], self.broker
        if held:
            at = bisect_right(scan.timed, start - 1)
            if at < len(scan.timed):
                until = min(until, scan.timed[at])
        coming = broker._coming.get(symbol)
        if coming:
            until = min(until, scan.step_of(scan.view.first_opened(coming[0][0]), start))
        if scan.unmarked:
            until = scan.first(lambda cut: np.isnan(scan.mark_low[cut]), start, until)
        return until

    def _order(self, order: WorkingOrder, start: int, until: int) -> int:
        """When an order's level may be met, or its time is over."""
        own, scan = self.broker._orders.by_ref[order.ref], self.scans[order.symbol]
        if own.valid and own.exectype != bt.Order.Market:
            over = int(np.searchsorted(scan.days, own.valid, "right"))
            until = min(until, scan.step_of(over, start))
        if not order.active:
            return until
        waits = order.kind in (Kind.STOP, Kind.STOP_LIMIT) and not order.triggered
        marked = waits and order.source == "mark"
        upward = (order.side > 0) == waits
        series = (scan.mark_high if marked else scan.last_high) if upward else (
            scan.mark_low if marked else scan.last_low)
        if waits and own.exectype in TRAILING:
            return self._trailing(own, order, scan, series, start, until)
        level = (order.trigger if waits else order.limit) or 0.0
        if upward:
            return scan.first(lambda cut: ~(series[cut] < level), start, until)
        return scan.first(lambda cut: ~(series[cut] > level), start, until)

    @staticmethod
    def _trailing(own: bt.Order, order: WorkingOrder, scan: Scan, series: Floats, start: int,
                  until: int) -> int:
        """A trailing stop's trigger follows the closes meanwhile; that of the bar itself counts
        too, as where it has finer bars inside."""
        amount, share = own.trailamount or 0.0, own.trailpercent or 0.0
        level = order.trigger or 0.0

        def crossed(cut: slice) -> NDArray[np.bool_]:
            nonlocal level
            if order.side < 0:
                best = np.maximum.accumulate(scan.highest_close[cut])
                levels = np.maximum(level, best - (amount or best * share))
                found = ~(series[cut] > levels)
            else:
                best = np.minimum.accumulate(scan.lowest_close[cut])
                levels = np.minimum(level, best + (amount or best * share))
                found = ~(series[cut] < levels)
            level = float(levels[-1])
            return np.asarray(found)

        return scan.first(crossed, start, until)

    def _liquidation(self, state: State, start: int, until: int) -> int:
        broker = self.broker
        if not state.positions:
            return until
        if not broker.desk.terms.isolated and len(state.positions) > 1:
            return first_true(lambda cut: self._exhausted(state, cut), start, until)
        for slot, position in state.positions.items():
            level = broker.account.level(slot, {})
            if level is None:
                continue
            scan = self.scans[position.symbol]
            until = self._mark_at(position, scan, level, start, until)
        return until

    @staticmethod
    def _mark_at(position: Position, scan: Scan, level: float, start: int, until: int) -> int:
        if position.size > 0:
            return scan.first(lambda cut: ~(scan.mark_low[cut] > level), start, until)
        return scan.first(lambda cut: ~(scan.mark_high[cut] < level), start, until)

    def _exhausted(self, state: State, cut: slice) -> NDArray[np.bool_]:
        """Equity with every mark at its worst within maintenance with every mark at its highest."""
        worth: Floats | float = state.wallet
        held: Floats | float = 0.0
        for position in state.positions.values():
            low, high = self.scans[position.symbol].standing(cut)
            worst = low if position.size > 0 else high
            worth = worth + position.size * (worst - position.entry_price)
            rules = self.broker.desk.terms.rules[position.symbol]
            held = held + rules.maintenance_at(abs(position.size), position.entry_price, high,
                                               cross=True)
        slack = 1e-9 * (1.0 + np.abs(held))  # numpy may sum in another order: a bar too many
        return np.asarray(~(worth > held + slack))


def first_true(test: Test, start: int, until: int, window: int = _FIRST_WINDOW) -> int:
    """The first index in [start, until) for which ``test`` holds, else ``until``; it is asked for
    one stretch after the other, each longer than the one before, the first of ``window``."""
    while start < until:
        stop = min(start + window, until)
        found = test(slice(start, stop))
        at = int(found.argmax())
        if found[at]:
            return start + at
        start, window = stop, min(window * 4, _LAST_WINDOW)
    return until


def at_one_instant(views: Sequence[FeedView]) -> bool:
    """Whether the bars of a step all end at one instant, none of them with finer ones inside: not
    so where closes differ by less than backtrader's day numbers show."""
    closes = [view.columns.close_ns for view in views if view.columns is not None]
    return not any(view.gathers for view in views) and all(
        np.array_equal(each, closes[0]) for each in closes[1:])
