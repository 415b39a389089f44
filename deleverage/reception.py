"""Taking orders: onto the book with the venue's checks, off it by cancel, expiry and kinship."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import backtrader as bt

from deleverage import book as books
from deleverage import timestamps
from deleverage.book import WorkingOrder
from deleverage.feedview import FeedView
from deleverage.orders import check_tradable, cut_size
from deleverage.stockapi import StockApi


class Reception(StockApi):
    """Where orders come in and leave; the broker itself walks the bars."""

    book: dict[int, WorkingOrder]  # by ref, in the order of submission

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
            self._submit_one(each)
        return order

    def _submit_one(self, order: bt.Order) -> None:
        view = self._view(order.data)
        order.submit(self)
        self._orders.notify(order)
        if not len(view.data):
            self._clerk.refuse(order, view, 0.0, f"feed {view.symbol} has not started")
            return
        if order.parent is not None and order.parent.ref not in self._orders.by_ref:
            self._clerk.refuse(order, view, order.created.price or 0.0,
                               "its parent order was refused")
            return
        cut_size(order, view)
        working = self._orders.working(order, view, self.p.stop_trigger or
                                       self.desk.rules(view.symbol).stop_trigger)
        # float day numbers of other feeds are true to a few microseconds only
        now = max(each.clock for each in self.views if len(each.data)) - timestamps.SECOND // 1_000
        if now > view.clock or view.seen != len(view.data):
            # sent inside the feed's next bar (at a faster feed's), or by a cheating timer at the
            # end of one not walked yet: it waits for a bar that opens later
            working = replace(working, ready=False)
            self._orders.waiting[order.ref] = now
        reason = books.refusal(working, self.account.state, self.book, self._marks(), self.desk)
        if reason is not None:
            self._clerk.refuse(order, view, working.reference, reason)
            for ref in _bound(self.book, working):
                self._kill(ref)
            return
        order.accept(self)
        self._orders.by_ref[order.ref] = order
        self.book[order.ref] = working
        self._orders.notify(order)

    def cancel(self, order: bt.Order) -> bool:
        """Take an order off the book, with its group and bracket; False if it is not there."""
        if order.ref not in self.book:
            return False
        self._kill(order.ref)
        return True

    def _kill(self, ref: int, expired: bool = False) -> None:
        working = self.book.pop(ref, None)
        if working is None:
            return
        if expired:
            order = self._orders.by_ref.pop(ref)
            self._orders.notify(order)
        else:
            self._clerk.cancel(ref)
        for other in _bound(self.book, working):
            self._kill(other)

    # ---------------------------------------------------------------- at a bar's beginning

    def _expire(self) -> None:
        for ref in list(self.book):
            order = self._orders.by_ref.get(ref)
            if order is not None and order.valid and order.expire():
                self._kill(ref, expired=True)

    def _activate_children(self) -> None:
        for ref, working in list(self.book.items()):
            if not working.active and working.parent not in self.book:
                self.book = books.changed(self.book, ref, active=True)
                self._orders.by_ref[ref].activate()

    def _arm(self, view: FeedView) -> None:
        now = view.data.datetime[0]
        for ref, working in list(self.book.items()):
            if working.ready or working.symbol != view.symbol:
                continue
            waits = working.kind is books.Kind.AT_CLOSE and now < self._orders.by_ref[ref].dteos
            if not waits and view.opened >= self._orders.waiting.get(ref, 0):
                self.book = books.changed(self.book, ref, ready=True)

    def _view(self, data: Any) -> FeedView:
        check_tradable(data)
        view: FeedView = self.view_of(data)
        self._enrol(view)
        return view


def _bound(book: books.Book, working: WorkingOrder) -> list[int]:
    """What dies with an order: its group, its bracket; an entry not filled yet with its exit."""
    parent = [ref for ref in book if ref == working.parent]
    return parent + books.partners(book, working) + books.children(book, working.ref)
