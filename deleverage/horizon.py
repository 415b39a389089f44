"""Which bar is the next at which anything can happen to the account (docs/clock.md).

The comparisons are those of the matching code, made on arrays: an order's level against the bar's
extremes, a liquidation price against the mark's. A bar too many is harmless, for a visit that does
nothing changes nothing; a bar too few would be a defect.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import backtrader as bt
import numpy as np
from numpy.typing import NDArray

from deleverage.account import Position, State
from deleverage.book import Kind, WorkingOrder
from deleverage.columns import Floats
from deleverage.feedview import FeedView
from deleverage.orders import TRAILING

if TYPE_CHECKING:
    from deleverage.broker import PerpetualBroker

_FIRST_WINDOW, _LAST_WINDOW = 256, 65_536

Test = Callable[[slice], NDArray[np.bool_]]


class Scan:
    """One feed's bars as arrays of extremes, finer bars gathered into the strategy's.

    ``highest_close`` and ``lowest_close`` are those of the finer closes inside each bar;
    ``still_low`` and ``still_high`` the extremes of the mark with its close before the bar, where
    it stands while another instrument's first finer bars are walked.
    """

    def __init__(self, view: FeedView) -> None:
        self.view = view
        self.last_low, self.last_high = view.gathered("low"), view.gathered("high")
        self.mark_low, self.mark_high = view.gathered("mark_low"), view.gathered("mark_high")
        self.highest_close = view.gathered("close", np.maximum)
        self.lowest_close = view.gathered("close", np.minimum)
        before = view.mark_before()
        self.still_low = np.minimum(self.mark_low, before)
        self.still_high = np.maximum(self.mark_high, before)
        self.timed = view.timed_bars()
        self.unmarked = bool(np.isnan(self.mark_low).any())


class Horizon:
    """The account's next event, on bars that all its feeds share."""

    def __init__(self, broker: PerpetualBroker) -> None:
        self.broker = broker
        self.scans = {view.symbol: Scan(view) for view in broker.views}
        self.days = np.frombuffer(broker.views[0].data.lines.datetime.array, dtype=np.float64)

    def next_event(self, bar: int, until: int) -> int:
        """The first bar after ``bar`` at which the account may change, at most ``until``."""
        broker = self.broker
        state = broker.account.state
        if broker._orders.queue or broker._stopping:
            return bar + 1
        if broker.transit:
            until = min([until, *(max(due, bar + 1) for due, _, _ in broker.transit)])
        if not broker.book and not state.positions:
            return until
        if any(self._soon(order) for order in broker.book.values()):
            return bar + 1
        start = bar + 1
        symbols = {held.symbol for held in state.positions.values()}
        symbols.update(order.symbol for order in broker.book.values())
        for symbol in symbols:
            until = min(until, self._set_time(symbol, start, until, symbol in {
                held.symbol for held in state.positions.values()}))
        for order in broker.book.values():
            until = self._order(order, start, until)
        return self._liquidation(state, start, until)

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
            until = min(until, max(start, scan.view.first_opened(coming[0][0])))
        if scan.unmarked:
            until = first_true(lambda cut: np.isnan(scan.mark_low[cut]), start, until)
        return until

    def _order(self, order: WorkingOrder, start: int, until: int) -> int:
        """When an order's level may be met, or its time is over."""
        own = self.broker._orders.by_ref[order.ref]
        if own.valid and own.exectype != bt.Order.Market:
            until = min(until, max(start, int(np.searchsorted(self.days, own.valid, "right"))))
        if not order.active:
            return until
        scan = self.scans[order.symbol]
        waits = order.kind in (Kind.STOP, Kind.STOP_LIMIT) and not order.triggered
        marked = waits and order.source == "mark"
        upward = (order.side > 0) == waits
        series = (scan.mark_high if marked else scan.last_high) if upward else (
            scan.mark_low if marked else scan.last_low)
        if waits and own.exectype in TRAILING:
            return self._trailing(own, order, scan, series, start, until)
        level = (order.trigger if waits else order.limit) or 0.0
        if upward:
            return first_true(lambda cut: ~(series[cut] < level), start, until)
        return first_true(lambda cut: ~(series[cut] > level), start, until)

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

        return first_true(crossed, start, until)

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
            return first_true(lambda cut: ~(scan.mark_low[cut] > level), start, until)
        return first_true(lambda cut: ~(scan.mark_high[cut] < level), start, until)

    def _exhausted(self, state: State, cut: slice) -> NDArray[np.bool_]:
        """Equity with every mark at its worst within maintenance with every mark at its highest."""
        worth: Floats | float = state.wallet
        held: Floats | float = 0.0
        for position in state.positions.values():
            scan = self.scans[position.symbol]
            worst = scan.still_low[cut] if position.size > 0 else scan.still_high[cut]
            worth = worth + position.size * (worst - position.entry_price)
            rules = self.broker.desk.terms.rules[position.symbol]
            held = held + rules.maintenance_at(abs(position.size), position.entry_price,
                                               scan.still_high[cut], cross=True)
        slack = 1e-9 * (1.0 + np.abs(held))  # numpy may sum in another order: a bar too many
        return np.asarray(~(worth > held + slack))


def first_true(test: Test, start: int, until: int) -> int:
    """The first index in [start, until) for which ``test`` holds, else ``until``; it is asked for
    one stretch after the other, each longer than the one before."""
    window = _FIRST_WINDOW
    while start < until:
        stop = min(start + window, until)
        found = test(slice(start, stop))
        at = int(found.argmax())
        if found[at]:
            return start + at
        start, window = stop, min(window * 4, _LAST_WINDOW)
    return until


def common_clock(views: Iterable[FeedView]) -> bool:
    """Whether all feeds have the same bars at the same times."""
    first, *others = list(views)
    if first.columns is None:
        return False
    return all(view.columns is not None
               and np.array_equal(view.columns.close_ns, first.columns.close_ns)
               for view in others)
