"""The account of a broker on one feed, without backtrader's orders: the same rules, book, walk and
ledger, and the same journal."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, replace

from deleverage import account as accounts
from deleverage.account import Position
from deleverage.book import Book, Kind
from deleverage.broker import PerpetualBroker
from deleverage.changes import Executed
from deleverage.direct.asking import NotDirect
from deleverage.direct.counter import Counter, Sent
from deleverage.direct.feed import StandIn
from deleverage.direct.plain import Plain
from deleverage.direct.watch import Watch
from deleverage.matching import walk
from deleverage.recording import Recorder
from deleverage.records import unlocked
from deleverage.steps import Activated, Cancelled, Filled, Funded, Liquidated, Refused, Step

SLACK = 0.005  # of a liquidation price, by which payments may move it until it is looked for anew


@unlocked
@dataclass(frozen=True, slots=True)
class Met:
    """The first bar in [start, until) whose prices meet an order or come to the liquidation price
    ``level`` (else ``until``): good for that book, and for every level farther from the market."""

    side: int
    level: float
    book: Book
    start: int
    until: int
    bar: int

    def serves(self, side: int, level: float, book: Book, start: int, until: int) -> bool:
        """Whether it answers this question, too."""
        return book is self.book and side == self.side and self.start <= start \
            and until <= self.until and (level - self.level) * side <= 0


class DirectAccount(Counter):
    """One account on one market, and the bars that it goes through."""

    def __init__(self, broker: PerpetualBroker, feed: StandIn) -> None:
        super().__init__(broker, feed)
        self.watch, self.recorder = Watch.of(self.view), Recorder(self.ledger)
        self.plain, self.step_ns = Plain(broker, self.view), feed.columns.market.step_ns
        self._met: Met | None = None
        self.forced: list[int] = []  # orders by which the venue has closed something
        self.reduced = False  # by the venue, in the bar walked last

    def hold(self, held: Position, bar: int, until: int) -> int:
        """Go through the bars after ``bar``, up to ``until``, in which a position is held and
        nothing happens but funding; and the one in which something else may, where there is one.
        The last bar gone through."""
        timed, book, settle = self.watch.timed, self.broker.book, self.plain.settle
        at, start = bisect_right(timed, bar), bar + 1
        while start <= until:
            met = self._next_met(held.side, start, until + 1)
            while at < len(timed) and timed[at] <= until and timed[at] < met \
                    and settle(timed[at], book.values()):
                at, start = at + 1, timed[at] + 1
                if not self._still():  # a payment has brought the liquidation price nearer
                    break
            else:
                event = min(met, timed[at] if at < len(timed) else met)
                if event > until:
                    break
                self.walk(event)
                return event
        return until

    def _next_met(self, side: int, start: int, until: int) -> int:
        """The first bar in [start, until), else ``until``, whose prices may do something to the
        position or an order, or that changes the ladder."""
        level, known = self._level(side), self._met
        if known is None or not known.serves(side, level, self.broker.book, start, until):
            known = self._met = self._look_for(side, level, start, until)
        if self.coming:
            return min(known.bar, max(start, self.view.first_opened(self.coming[0][0])))
        return known.bar

    def _still(self) -> bool:
        """Whether the bar found is good for the liquidation price as it is now."""
        known = self._met
        return known is None or (self._level(known.side) - known.level) * known.side <= 0

    def _level(self, side: int) -> float:
        """The liquidation price of what is held; where there is none, farther than any mark."""
        level = accounts.level(self.ledger.state, self.symbol, {}, self.desk.terms)
        return -side * math.inf if level is None else level

    def _look_for(self, side: int, level: float, start: int, until: int) -> Met:
        """With some slack for what a position may still pay, if that finds nothing; else exactly.
        """
        book = self.broker.book
        for slack in (SLACK, 0.0):
            near = level + side * slack * abs(level) if math.isfinite(level) else level
            met = Met(side, near, book, start, until,
                      self.watch.met(side, near, book, start, until))
            if met.bar == until:
                break
        return met

    def enter_at(self, bar: int, sent: Sent) -> None:
        """Go through the bar in which an entry is filled that was sent to a flat account."""
        live = [replace(child, active=True) for child in sent.children]
        if not self._ladder_changes(bar) and self.plain.enter(bar, sent.ref, sent.side, sent.size,
                                                              live):
            self.broker.book = {child.ref: child for child in live}
        else:
            self.put(self._head(sent), *sent.children)
            self.walk(bar)

    def leave_at(self, bar: int, held: Position, ref: int, then: Sent | None = None) -> None:
        """Go through the bar in which a position is closed by an order ``ref``, with nothing else
        on the book but the entry that may turn it."""
        size = abs(held.size)
        if not self._fits(size):
            raise NotDirect("a close that is refused")
        if then is None and not self._ladder_changes(bar) and self.plain.leave(bar, ref):
            return
        self.stand_at(bar - 1)
        self.put(self.order(-held.side, size, Kind.MARKET, reduce_only=True, ref=ref))
        if then is not None:
            self.put(self._head(then), *then.children)
        self.walk(bar)

    def _ladder_changes(self, bar: int) -> bool:
        return bool(self.coming) and \
            self.coming[0][0] <= self.view.close_of(bar) - self.step_ns

    def walk(self, bar: int) -> None:
        """Walk one bar and enter what happened in it."""
        broker, view = self.broker, self.view
        self.stand_at(bar)
        self.reduced = False
        if self.coming:
            broker._change_ladder(view)
        done = walk(self.desk, broker.inside_bar, {self.symbol: broker._bar(view)},
                    self.ledger.state, broker.book, {})
        broker.book = dict(done.book)
        if not done.steps:
            return
        marks = {self.symbol: view.mark}
        for step in done.steps:
            self._enter(step, marks)
        self.ledger.journal.worst_equity[view.ts] = done.worst

    def _enter(self, step: Step, marks: dict[str, float]) -> None:
        if isinstance(step, Filled):
            self.recorder.filled(step, self.view, step.order.ref, marks)
        elif isinstance(step, Funded):
            self.broker._treasurer.book(step, self.view, self.symbol, [], marks)
        elif isinstance(step, Refused):
            self._refused(step.order, step.reason)
        elif isinstance(step, Liquidated):
            self._liquidated(step, marks)
        elif not isinstance(step, (Cancelled, Activated)):
            raise NotDirect(f"a step of {type(step).__name__}")

    def _liquidated(self, step: Liquidated, marks: dict[str, float]) -> None:
        view, ledger = self.view, self.ledger
        ledger.commit(step.change, view.bar, view.ts)
        for seized in step.seized:
            held, ref = seized.position, next(self.refs)
            self.forced.append(ref)
            self.reduced = bool(seized.size_after)
            self.recorder.forced(seized, step, view)
            closed = Executed(step.change, -held.side * seized.closed, 0.0,
                              -(seized.loss - seized.fee), seized.fee, held.number)
            self.recorder.note(view, ref, closed, seized.price, "liquidation", "taker",
                               self.position, seized.slipped)
            ledger.snapshot(view.bar, view.ts, seized.slot, marks)
