"""Taking orders: onto the book with the venue's checks, off it by cancel, expiry and kinship."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

import backtrader as bt

from deleverage import book as books
from deleverage import timestamps
from deleverage.account import slot_of
from deleverage.band import Band
from deleverage.book import WorkingOrder
from deleverage.errors import UsageError
from deleverage.feedview import FeedView
from deleverage.orders import check_tradable, cut_size, put_on_tick
from deleverage.policies import Outage, one_of
from deleverage.stockapi import StockApi


class Reception(StockApi):
    """Where orders come in and leave; the broker itself walks the bars."""

    book: dict[int, WorkingOrder]  # by ref, in the order of submission
    transit: deque[tuple[int, str, bt.Order]]  # until which bar of its feed, submit | cancel
    outages: tuple[Outage, ...]
    _band: Band | None  # forgotten where an order comes or goes

    def submit(self, order: bt.Order) -> bt.Order:
        """Take an order; a bracket is judged when its last part arrives."""
        self.setup()
        batch = self._orders.take(order)
        if batch is None:
            order.submit(self)
            self._clerk.refuse(order, self._view(order.data), order.created.price or 0.0,
                               "its parent order is not open")
            return order
        for each in batch:
            view = self._view(each.data)
            each.submit(self)
            self._orders.notify(each)
            if self.p.latency:
                self.transit.append((view.bar + self.p.latency, "submit", each))
            else:
                self._receive(each, view)
        return order

    def _receive(self, order: bt.Order, view: FeedView) -> None:
        """An order has arrived at the venue, which takes it onto its book or refuses it."""
        if not view.cursor.lencount:
            self._clerk.refuse(order, view, 0.0, f"feed {view.symbol} has not started")
            return
        if order.parent is not None and order.parent.ref not in self._orders.by_ref:
            self._clerk.refuse(order, view, order.created.price or 0.0,
                               "its parent order was refused")
            return
        out = self._outage()
        if out is not None:
            self._clerk.refuse(order, view, order.created.price or 0.0,
                               f"outage: the venue takes no orders until "
                               f"{timestamps.show(out.end)}")
            return
        cut_size(order, view)
        reason = put_on_tick(order, view, self.p.off_tick)
        if reason is not None:
            self._clerk.refuse(order, view, order.created.price, reason)
            return
        working = self._orders.working(order, view, self.p.stop_trigger or
                                       self.desk.rules(view.symbol).stop_trigger,
                                       self._slot(order, view))
        now = self._now(view)
        if now > view.clock or view.seen != view.cursor.lencount:
            # sent inside the feed's next bar (at a faster feed's), or by a cheating timer at the
            # end of one not walked yet: it waits for a bar that opens later
            working = replace(working, ready=False)
            self._orders.waiting[order.ref] = now
        if self._coming.get(view.symbol):
            self._change_ladder(view)  # while nothing is open no bar has done so
        reason = books.refusal(working, self.account.state, self.book, self._marks(), self.desk)
        if reason is not None:
            self._clerk.refuse(order, view, working.reference, reason)
            for ref in _bound(self.book, working):
                self._kill(ref, why="a part of its bracket was refused")
            return
        order.accept(self)
        self._orders.by_ref[order.ref] = order
        self.book[order.ref], self._band = working, None
        self._orders.notify(order)

    def _now(self, view: FeedView) -> int:
        """The latest time at which a feed stands, not after ``view``'s but for a reason: float day
        numbers of other feeds are true to a few microseconds only."""
        if len(self.views) == 1:
            return view.clock
        return max(each.clock for each in self.views if len(each.data)) - timestamps.SECOND // 1_000

    def cancel(self, order: bt.Order) -> bool:
        """Take an order off the book, with its group and bracket; False if it is not there.

        In transit (``latency``) the venue hears of it later; in an outage it does not hear of it.
        """
        if self.p.latency and order.alive():
            view = self._view(order.data)
            self.transit.append((view.bar + self.p.latency, "cancel", order))
            return True
        return self._cancelled(order)

    def _cancelled(self, order: bt.Order) -> bool:
        if order.ref not in self.book:
            return False
        out = self._outage()
        if out is not None:
            self._clerk.note_refusal(order, self._view(order.data), order.created.price or 0.0,
                                     f"outage: no cancel is taken until "
                                     f"{timestamps.show(out.end)}")
            return False
        self._kill(order.ref)
        return True

    def _arrivals(self) -> None:
        """What was sent ``latency`` bars ago reaches the venue, at the end of a bar."""
        for _ in range(len(self.transit)):
            due, what, order = self.transit.popleft()
            view = self._view(order.data)
            if view.bar < due:
                self.transit.append((due, what, order))
            elif what == "submit":
                self._receive(order, view)
            else:
                self._cancelled(order)

    def _recall(self, slots: set[str] | None) -> None:
        """Orders on their way die with the position they were meant for, as those on the book;
        None: all of them."""
        for due, what, order in list(self.transit):
            if what == "submit" and (
                    slots is None or self._slot(order, self._view(order.data)) in slots):
                self.transit.remove((due, what, order))
                order.addinfo(cancelled="on its way when the venue acted on the position")
                order.cancel()
                self._orders.notify(order)

    def _outage(self) -> Outage | None:
        """The outage that lasts now, if one does."""
        if not self.outages:
            return None
        now = max(each.clock for each in self.views if len(each.data))
        return next((each for each in self.outages if each.covers(now)), None)

    def _slot(self, order: bt.Order, view: FeedView) -> str:
        """Where the position stands that an order acts on; in hedge mode one of two.

        There an order opens on its own side and, if it only reduces, closes on the other, unless
        its ``position_side`` (long | short) says otherwise; on the other side it only reduces.
        """
        if not self.desk.terms.hedge:
            return view.symbol
        side = 1 if order.isbuy() else -1
        reduces = bool(order.info.get("reduce_only", order.parent is not None))
        chosen = order.info.get("position_side")
        if chosen is None:
            chosen = "long" if (side > 0) != reduces else "short"
        one_of("position side", str(chosen), ("long", "short"))
        if (chosen == "long") != (side > 0):
            order.addinfo(reduce_only=True)
        elif reduces:
            raise UsageError(f"a {'buy' if side > 0 else 'sell'} cannot reduce a {chosen} position")
        if not order.tradeid:  # backtrader's trades are netted by id: one for each side
            order.tradeid = 0 if chosen == "long" else 1
        return slot_of(view.symbol, 1 if chosen == "long" else -1, hedge=True)

    def _kill(self, ref: int, expired: bool = False, why: str = "") -> None:
        working = self.book.pop(ref, None)
        if working is None:
            return
        self._band = None
        if expired:
            order = self._orders.by_ref.pop(ref)
            self._orders.notify(order)
        else:
            self._clerk.cancel(ref, why)
        why = "its order expired" if expired else why or "its order was cancelled"
        for other in _bound(self.book, working):
            self._kill(other, why=why)

    # ---------------------------------------------------------------- at a bar's beginning

    def _expire(self, view: FeedView) -> None:
        for ref in list(self.book):
            order = self._orders.by_ref.get(ref)
            if order is None or not order.valid or order.exectype == bt.Order.Market:
                continue
            if self.book[ref].symbol == view.symbol and view.moment > order.valid:
                order.status, order.executed.dt = bt.Order.Expired, view.moment
                self._kill(ref, expired=True)

    def _activate_children(self) -> None:
        for ref, working in list(self.book.items()):
            if not working.active and working.parent not in self.book:
                self.book = books.changed(self.book, ref, active=True)
                self._orders.by_ref[ref].activate()

    def _arm(self, view: FeedView) -> None:
        for ref, working in list(self.book.items()):
            if working.ready or working.symbol != view.symbol:
                continue
            waits = working.kind is books.Kind.AT_CLOSE \
                and view.moment < self._orders.by_ref[ref].dteos
            if not waits and view.opened >= self._orders.waiting.get(ref, 0):
                self.book = books.changed(self.book, ref, ready=True)

    def _view(self, data: Any) -> FeedView:
        known: FeedView | None = self._by_data.get(id(data))
        if known is not None and self._clerk.views.get(known.symbol) is known:
            return known  # the feed itself, traded before
        check_tradable(data)
        view: FeedView = self.view_of(data)
        self._enrol(view)
        return view


def _bound(book: books.Book, working: WorkingOrder) -> list[int]:
    """What dies with an order: its group, its bracket; an entry not filled yet with its exit."""
    parent = [ref for ref in book if ref == working.parent]
    # children that are live guard what the order has filled so far
    waiting = [ref for ref in books.children(book, working.ref) if not book[ref].active]
    return parent + books.partners(book, working) + waiting
