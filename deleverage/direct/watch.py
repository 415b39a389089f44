"""The next bar at which an account with one instrument can change, at a position and its orders.

The comparisons are those of ``horizon`` for the few kinds of orders there are here (docs/clock.md):
a bar too many is harmless, a bar too few would be a defect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deleverage.book import Book, Kind, WorkingOrder
from deleverage.columns import Floats
from deleverage.feedview import FeedView
from deleverage.horizon import first_true


@dataclass(frozen=True, slots=True)
class Watch:
    """One market's extremes by bar and the bars in which funding falls due, as the account's view
    has them."""

    low: Floats
    high: Floats
    mark_low: Floats
    mark_high: Floats
    timed: list[int]

    @classmethod
    def of(cls, view: FeedView) -> Watch:
        """The arrays of a view without finer bars."""
        timed: list[int] = view.columns.memo.get(  # type: ignore[union-attr]  # one with columns
            "bars with funding", view.timed_bars)
        return cls(view.gathered("low"), view.gathered("high"), view.gathered("mark_low"),
                   view.gathered("mark_high"), timed)

    def met(self, side: int, level: float, book: Book, start: int, until: int) -> int:
        """The first bar from ``start`` on, at most ``until``, whose prices may change a position of
        ``side`` (0: there is none) with its liquidation price ``level``, or an order."""
        for order in book.values():
            until = self._order(order, start, until)
        if not side or start >= until:
            return until
        if side > 0:
            if self.mark_low[start:until].min() > level:  # mostly so: one look is the quickest
                return until
            return first_true(lambda cut: ~(self.mark_low[cut] > level), start, until)
        if self.mark_high[start:until].max() < level:
            return until
        return first_true(lambda cut: ~(self.mark_high[cut] < level), start, until)

    def _order(self, order: WorkingOrder, start: int, until: int) -> int:
        """When a stop or a limit may be met; a market order is met in the next bar."""
        if order.kind is Kind.MARKET:
            return min(start, until)
        stop = order.kind is Kind.STOP
        level = order.trigger if stop else order.limit
        if level is None:
            return min(start, until)
        marked = stop and order.source == "mark"
        if (order.side > 0) == stop:  # buy stops and sell limits are met from below
            highs = self.mark_high if marked else self.high
            return first_true(lambda cut: ~np.less(highs[cut], level), start, until)
        lows = self.mark_low if marked else self.low
        return first_true(lambda cut: ~np.greater(lows[cut], level), start, until)
