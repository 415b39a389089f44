"""The prices between which nothing can happen to an account on one instrument.

Bar after bar the same orders and the same position meet other prices. Once a bar has passed by all
of them, their levels are one band for last and one for the mark; as long as a bar stays inside and
nothing else changes, no order has to be touched. Always in the market with a stop and a target, a
visit took 12 µs before and takes 2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import backtrader as bt

from deleverage import account
from deleverage.account import State, Terms
from deleverage.book import Book, Kind, WorkingOrder
from deleverage.feedview import FeedView
from deleverage.orders import TRAILING
from deleverage.records import unlocked


@unlocked
@dataclass(frozen=True, slots=True)
class Band:
    """Open ends between which last and mark may move, for one state of the account."""

    state: State
    last_above: float
    last_below: float
    mark_above: float
    mark_below: float

    def holds(self, view: FeedView, state: State) -> bool:
        """Whether the bar at which the view stands lies inside; a NaN does not, nor does a bar in
        which something falls due."""
        if state is not self.state or view.timed():
            return False
        low, high = view.last_range()
        if not (low > self.last_above and high < self.last_below):
            return False
        low, high = view.mark_range()
        return low > self.mark_above and high < self.mark_below


def around(book: Book, orders: Mapping[int, bt.Order], state: State, terms: Terms) -> Band | None:
    """The band of orders and positions; None where something waits for more than a price, or for
    one that follows the closes. ``orders`` are backtrader's by ref."""
    if len(state.positions) > 1:
        return None
    last, mark = [-math.inf, math.inf], [-math.inf, math.inf]
    for order in book.values():
        own = orders[order.ref]
        if own.valid or own.exectype in TRAILING:
            return None
        if not order.ready or order.kind in (Kind.MARKET, Kind.AT_CLOSE):
            return None
        if order.active:
            level, upward, marked = awaited(order)
            _narrow(mark if marked else last, level, upward)
        elif order.parent not in book:
            return None
    for slot, position in state.positions.items():
        level_of = account.level(state, slot, {}, terms)
        if level_of is not None:
            _narrow(mark, level_of, position.size < 0)
    return Band(state, last[0], last[1], mark[0], mark[1])


def awaited(order: WorkingOrder) -> tuple[float, bool, bool]:
    """The level an order waits for, whether it is met from below, and whether by the mark."""
    waits = order.kind in (Kind.STOP, Kind.STOP_LIMIT) and not order.triggered
    level = (order.trigger if waits else order.limit) or 0.0
    return level, (order.side > 0) == waits, waits and order.source == "mark"


def _narrow(ends: list[float], level: float, upward: bool) -> None:
    if upward:
        ends[1] = min(ends[1], level)
    else:
        ends[0] = max(ends[0], level)
