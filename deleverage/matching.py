"""What happens inside one bar (docs/inside-one-bar.md): open, path, in the order of time.

Pure: from a state, a book and a bar to the steps taken and the state and book they lead to. The
same comparisons decide fills here and, later, which bars need a visit at all.

Two candidate paths, O-L-H-C and O-H-L-C, are applied to last and mark alike. On a leg a level's
time is its share of the leg in its own series; at equal time liquidation comes first, then orders
by submission.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping

from deleverage import account
from deleverage import book as books
from deleverage.account import Executed, Position, State
from deleverage.book import Book, Desk, Kind, WorkingOrder
from deleverage.journal import Cause
from deleverage.policies import InsideBar
from deleverage.steps import (
    Activated,
    Bar,
    Cancelled,
    Filled,
    Liquidated,
    Refused,
    Seized,
    Step,
    Triggered,
)

LOW_FIRST = ("open", "low", "high", "close")
HIGH_FIRST = ("open", "high", "low", "close")


def reached(start: float, end: float, time: float, level: float, down: bool,
            strict: bool) -> float | None:
    """When a series moving from ``start`` to ``end`` meets a level, not before ``time``.

    Times are shares of the leg in [0, 1]. ``down``: the level is met from above, or already lies
    at or above the price. ``strict``: the price must go beyond the level, not only touch it; the
    time is still that of the touch. None if the leg does not meet it.
    """
    now = start if time == 0 else end if time == 1 else start + (end - start) * time
    sign = 1.0 if down else -1.0
    gap_now, gap_end = sign * (now - level), sign * (end - level)
    if gap_now < 0 or (gap_now == 0 and not strict):
        return time
    if gap_end > 0 or (gap_end == 0 and strict):
        return None
    return max(time, (start - level) / (start - end))


class Walk:
    """One walk through a bar: mutable while it runs, forked to try the other path."""

    def __init__(self, desk: Desk, policy: InsideBar, bar: Bar, state: State, book: Book,
                 others: Mapping[str, float]) -> None:
        self.desk = desk
        self.policy = policy
        self.bar = bar
        self.state = state
        self.book: Book = book
        self.others = others
        self.steps: list[Step] = []
        self.last = bar.last.open
        self.mark = bar.mark.open
        self.worst = self._equity()

    def fork(self) -> Walk:
        """A copy that can go another way; states and books are never changed in place."""
        other = Walk.__new__(Walk)
        other.__dict__.update(self.__dict__)
        other.steps = list(self.steps)
        return other

    # -------------------------------------------------------------- the parts of a bar

    def at_open(self) -> None:
        """Gap check of liquidation at mark open, then everything that fills at the open."""
        self.check_liquidation(gap=True)
        for ref in list(self.book):
            order = self.book.get(ref)
            if order is not None and order.symbol == self.bar.symbol and order.live:
                self._order_at_open(order)
        self._note()

    def along(self, corners: tuple[str, ...]) -> None:
        """Walk the legs between the bar's corners."""
        last, mark = self.bar.last, self.bar.mark
        points = [(getattr(last, name), getattr(mark, name)) for name in corners]
        for start, end in itertools.pairwise(points):
            self._leg(start, end)

    def at_close(self) -> None:
        """Orders at the close whose session ends with this bar."""
        for ref in list(self.book):
            order = self.book.get(ref)
            if order is not None and order.kind is Kind.AT_CLOSE and order.live \
                    and order.symbol == self.bar.symbol:
                self._fill(order, self._slipped(order, self.last), "taker")
                self.check_liquidation()  # the new position's level may lie beyond this mark
        self._note()

    def check_liquidation(self, gap: bool = False, cause: str = "mark") -> bool:
        """Liquidate if the mark where the walk now stands is at or beyond the level."""
        level = self._liquidation_level()
        if level is None:
            return False
        side = self.state.positions[self.bar.symbol].side
        if (self.mark - level) * side > 0:
            return False
        self._liquidate(level, gap=gap, cause=cause)
        return True

    def end_equity(self) -> float:
        """Equity at the mark where the walk stands."""
        return self._equity()

    # -------------------------------------------------------------- the open

    def _order_at_open(self, order: WorkingOrder) -> None:
        price = self.bar.last.open
        if order.kind is Kind.MARKET:
            self._fill(order, self._slipped(order, price), "taker")
        elif order.kind is Kind.STOP or (order.kind is Kind.STOP_LIMIT and not order.triggered):
            assert order.trigger is not None
            source = self.bar.mark.open if order.source == "mark" else price
            if (source - order.trigger) * order.side >= 0:
                self._trigger(order, price)
        if order.kind in (Kind.LIMIT, Kind.STOP_LIMIT) and order.ref in self.book:
            order = self.book[order.ref]
            if order.kind is Kind.LIMIT or order.triggered:
                self._limit_at_open(order, price)

    def _limit_at_open(self, order: WorkingOrder, price: float) -> None:
        assert order.limit is not None
        room = (order.limit - price) * order.side
        if room > 0 or (room == 0 and self.policy.fill == "touch"):
            self._fill(order, price, "taker")

    # -------------------------------------------------------------- the path

    def _leg(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        time = 0.0
        while True:
            event = min(self._events(start, end, time), default=None)
            if event is None:
                break
            time, _, _, ref = event
            self.last = start[0] + (end[0] - start[0]) * time if time < 1 else end[0]
            self.mark = start[1] + (end[1] - start[1]) * time if time < 1 else end[1]
            if ref is None:
                level = self._liquidation_level()
                assert level is not None
                self.mark = _snapped(self.mark, level)
                self._note()
                self._liquidate(level, gap=False, cause="mark")
            else:
                order = self.book[ref]
                self.last = _snapped(self.last, _level(order))
                self._note()
                self._meet(order)
            self._note()
        self.last, self.mark = end
        self._note()

    def _events(
        self, start: tuple[float, float], end: tuple[float, float], time: float
    ) -> Iterator[tuple[float, int, int, int | None]]:
        level = self._liquidation_level()
        if level is not None:
            down = self.state.positions[self.bar.symbol].side > 0
            at = reached(start[1], end[1], time, level, down, strict=False)
            if at is not None:
                yield at, 0, 0, None
        for number, order in enumerate(self.book.values()):
            if order.symbol != self.bar.symbol or not order.live:
                continue
            at = self._order_time(order, start, end, time)
            if at is not None:
                yield at, 1, number, order.ref

    def _order_time(
        self, order: WorkingOrder, start: tuple[float, float], end: tuple[float, float],
        time: float,
    ) -> float | None:
        if order.kind is Kind.MARKET:
            return time  # a market child whose parent has just filled
        if order.kind is Kind.AT_CLOSE:
            return None
        if order.kind is Kind.STOP or (order.kind is Kind.STOP_LIMIT and not order.triggered):
            assert order.trigger is not None
            series = 1 if order.source == "mark" else 0
            return reached(start[series], end[series], time, order.trigger, order.side < 0, False)
        assert order.limit is not None
        return reached(start[0], end[0], time, order.limit, order.side > 0,
                       self.policy.fill == "through")

    def _meet(self, order: WorkingOrder) -> None:
        """An order's level is met on the path."""
        if order.kind is Kind.MARKET:
            self._fill(order, self._slipped(order, self.last), "taker")
        elif order.kind is Kind.STOP or (order.kind is Kind.STOP_LIMIT and not order.triggered):
            self._trigger(order, self.last)
        else:
            assert order.limit is not None
            # already through it (a child just activated, a stop-limit just triggered): the market
            better = min if order.side > 0 else max
            price = better(order.limit, self.last)
            self._fill(order, price, "maker" if price == order.limit else "taker")

    def _trigger(self, order: WorkingOrder, price: float) -> None:
        if order.kind is Kind.STOP:
            assert order.trigger is not None
            worse = max if order.side > 0 else min
            self._fill(order, self._slipped(order, worse(price, order.trigger)), "taker")
            return
        self.book = books.changed(self.book, order.ref, triggered=True)
        self.steps.append(Triggered(order.ref))
        reason = books.refusal(self.book[order.ref], self.state, self.book, self._marks(),
                               self.desk)
        if reason is not None:
            self._refuse(order, reason)

    # -------------------------------------------------------------- consequences

    def _fill(self, order: WorkingOrder, price: float, role: str) -> None:
        position = self.state.positions.get(order.symbol)
        held = 0.0 if position is None else position.size
        size = order.side * order.size
        if order.reduce_only:
            if held * size >= 0:
                for ref in [order.ref, *books.partners(self.book, order)]:
                    self._drop(ref, "nothing left to reduce")
                return
            size = order.side * min(order.size, abs(held))
        traded, price = price, self._within_margin(position, size, price)
        executed = self._execute(order, size, price, role)
        reason = None
        if executed.opened:
            reason = self._unaffordable(order, executed, price) if price == traded else (
                f"the position closes at its bankruptcy price {price:,.2f}, where nothing trades "
                "to open another")
        if reason is not None:
            if not executed.closed:
                self._refuse(order, reason)
                return
            executed = self._execute(order, executed.closed, price, role)
        self.steps.append(Filled(order, executed, price, role))
        self.state = executed.change.state
        partners, children = books.partners(self.book, order), books.children(self.book, order.ref)
        self.book = books.without(self.book, [order.ref])
        if reason is not None:
            self.steps.append(Refused(order, reason))
            partners, children = [*partners, *children], []
        for ref in partners:
            self._drop(ref, "partner filled")
        if self.policy.entry_bar == "live":
            for ref in children:
                self.book = books.changed(self.book, ref, active=True)
                self.steps.append(Activated(ref))

    def _execute(self, order: WorkingOrder, size: float, price: float, role: str) -> Executed:
        fees = self.desk.fees[order.symbol]
        rate = fees.maker if role == "maker" else fees.taker
        return account.fill(self.state, self.desk.terms, order.symbol, size, price, rate,
                            self.desk.instruments[order.symbol].round_size)

    def _within_margin(self, position: Position | None, size: float, price: float) -> float:
        """An isolated close never costs more than the posted margin: not beyond bankruptcy."""
        if position is None or position.size * size >= 0 or not self.desk.terms.isolated:
            return price
        limit: float = self.desk.rules(position.symbol).bankruptcy_price(
            position.side, abs(position.size), position.entry_price, position.margin)
        return max(price, limit) if position.side > 0 else min(price, limit)

    def _unaffordable(self, order: WorkingOrder, executed: Executed, price: float) -> str | None:
        left = books.without(self.book, [order.ref])
        room = books.free_margin(executed.change.state, left.values(), self._marks(), self.desk)
        if room < -1e-9 * max(1.0, abs(executed.opened) * price):
            return f"margin: the fill at {price:,.2f} lacks {-room:,.2f}"
        at_price = books.changed(self.book, order.ref, reference=price)[order.ref]
        return books.beyond_limit(at_price, self.state, self.desk)

    def _refuse(self, order: WorkingOrder, reason: str) -> None:
        doomed = books.partners(self.book, order) + books.children(self.book, order.ref)
        self.book = books.without(self.book, [order.ref])
        self.steps.append(Refused(order, reason))
        for ref in doomed:
            self._drop(ref, "its order was refused")

    def _drop(self, ref: int, why: str) -> None:
        if ref not in self.book:
            return
        doomed = books.children(self.book, ref)
        self.book = books.without(self.book, [ref])
        self.steps.append(Cancelled(ref, why))
        for child in doomed:
            self._drop(child, why)

    def _liquidate(self, level: float, *, gap: bool, cause: str) -> None:
        symbol, isolated = self.bar.symbol, self.desk.terms.isolated
        for order in list(self.book.values()):
            if order.symbol == symbol or not isolated:
                self._drop(order.ref, "liquidation")
        marks = self._marks()
        if isolated:
            position = self.state.positions[symbol]
            change = account.seize(self.state, symbol)
            prices = {symbol: self.desk.rules(symbol).bankruptcy_price(
                position.side, abs(position.size), position.entry_price, position.margin)}
        else:
            change, prices = account.seize_all(self.state, marks)
        losses = {b.symbol: -b.amount for b in change.bookings if b.cause is Cause.LIQUIDATION}
        seized = tuple(
            Seized(position, level if name == symbol else float("nan"), marks[name], prices[name],
                   losses[name],
                   max(0.0, position.size * (prices[name] - marks[name])))
            for name, position in self.state.positions.items() if name in prices)
        self.steps.append(Liquidated(change, seized, gap, cause, self.last))
        self.state = change.state

    # -------------------------------------------------------------- values where the walk stands

    def _liquidation_level(self) -> float | None:
        if self.bar.symbol not in self.state.positions:
            return None
        return account.liquidation_price(self.state, self.bar.symbol, self.others, self.desk.terms)

    def _slipped(self, order: WorkingOrder, price: float) -> float:
        """``price`` made worse by the slippage, not beyond the bar's extreme."""
        moved = price * (1 + order.side * self.bar.slip)
        if order.side > 0:
            return max(price, min(moved, self.bar.last.high))
        return min(price, max(moved, self.bar.last.low))

    def _marks(self) -> dict[str, float]:
        return {**self.others, self.bar.symbol: self.mark}

    def _equity(self) -> float:
        return account.equity(self.state, self._marks())

    def _note(self) -> None:
        self.worst = min(self.worst, self._equity())


def _level(order: WorkingOrder) -> float:
    """The price an order now waits for (0 for a market order, which waits for none)."""
    waits = order.kind in (Kind.STOP, Kind.STOP_LIMIT) and not order.triggered
    return (order.trigger if waits else order.limit) or 0.0


def _snapped(price: float, level: float) -> float:
    """The level itself where interpolation has come back to it but for rounding."""
    return level if math.isclose(price, level, rel_tol=1e-12) else price


def may_act(order: WorkingOrder, bar: Bar) -> bool:
    """Whether the bar's range can touch the order at all: a superset of what fills or triggers."""
    if not order.live:
        return False
    if order.kind in (Kind.MARKET, Kind.AT_CLOSE):
        return True
    waits = order.kind in (Kind.STOP, Kind.STOP_LIMIT) and not order.triggered
    series = bar.mark if waits and order.source == "mark" else bar.last
    upward = (order.side > 0) == waits  # buy stops and sell limits are met from below
    return series.high >= _level(order) if upward else series.low <= _level(order)


def walk(desk: Desk, policy: InsideBar, bar: Bar, state: State, book: Book,
         others: Mapping[str, float]) -> Walk:
    """Walk one bar by the path policy and return the walk that was chosen.

    ``others`` are the marks at which the other instruments of a cross account count while this one
    moves (under ``adverse`` their own worst of the bar).
    """
    opened = Walk(desk, policy, bar, state, book, others)
    opened.at_open()
    first = _finish(opened, HIGH_FIRST if _high_first(policy, bar) else LOW_FIRST)
    if policy.path == "ohlc" or len(first.steps) == len(opened.steps):
        return first  # a path that meets nothing: the other one meets nothing either
    second = _finish(opened, HIGH_FIRST)
    better = second.end_equity() > first.end_equity()
    same = second.end_equity() == first.end_equity()
    if same:
        return first
    return second if better == (policy.path == "favourable") else first


def _high_first(policy: InsideBar, bar: Bar) -> bool:
    return policy.path == "ohlc" and bar.last.close < bar.last.open


def _finish(opened: Walk, corners: tuple[str, ...]) -> Walk:
    taken = opened.fork()
    taken.along(corners)
    taken.at_close()
    return taken
