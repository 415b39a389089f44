"""The account of a broker on one feed, without backtrader's orders: the same rules, book, walk and
ledger, and the same journal."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, replace
from types import SimpleNamespace

from deleverage import account as accounts
from deleverage import book as books
from deleverage.account import Position
from deleverage.book import Book, Kind, WorkingOrder
from deleverage.broker import PerpetualBroker
from deleverage.changes import Executed
from deleverage.direct.asking import NotDirect, check_account
from deleverage.direct.feed import StandIn
from deleverage.direct.plain import Plain
from deleverage.direct.watch import Watch
from deleverage.journal import Rejection
from deleverage.matching import walk
from deleverage.recording import Recorder
from deleverage.records import unlocked
from deleverage.steps import Cancelled, Filled, Funded, Liquidated, Refused, Step

PARENT_REFUSED = "its parent order was refused"


SLACK = 0.005  # of a liquidation price, by which payments may move it until it is looked for anew


Exits = list[tuple[Kind, float, str]]  # what hangs on an entry: kind, price on the tick, reason


@unlocked
@dataclass(frozen=True, slots=True)
class Sent:
    """An entry under way that the venue has taken: its number, side, coins, the last price when it
    was sent, and the orders that wait for its fill."""

    ref: int
    side: int
    size: float
    reference: float
    children: list[WorkingOrder]


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


class DirectAccount:
    """One account on one market. ``broker`` must not have run; its parameters are the account's.

    Raises NotDirect for an account or a market on which a run needs the engine.
    """

    def __init__(self, broker: PerpetualBroker, feed: StandIn) -> None:
        check_account(broker)
        broker.cerebro = SimpleNamespace(datas=[feed])
        broker.start()
        broker.setup()
        self.broker, self.cursor, self.view = broker, feed.cursor, broker.views[0]
        if self.view.unmarked:
            raise NotDirect("bars without a mark")
        self.ledger, self.desk, self.symbol = broker.account, broker.desk, self.view.symbol
        self.instrument = lot = self.view.instrument
        self.largest = min(lot.max_size or math.inf, lot.max_market_size or math.inf)
        self.trigger = broker.p.stop_trigger or self.desk.rules(self.symbol).stop_trigger
        self.watch, self.recorder = Watch.of(self.view), Recorder(self.ledger)
        self.step_ns, self.refs = feed.columns.market.step_ns, itertools.count(1)
        self.plain = Plain(broker, self.view)
        self.coming = broker._coming.get(self.symbol, deque())  # ladders, and since when
        self._met: Met | None = None
        self.forced: list[int] = []  # orders by which the venue has closed something
        self.reduced = False  # by the venue, in the bar walked last

    @property
    def position(self) -> Position | None:
        """What is held."""
        return self.ledger.state.positions.get(self.symbol)

    def stand_at(self, bar: int) -> None:
        """Take over the bars up to ``bar``, in which nothing happens unless it is walked."""
        self.cursor.lencount = bar + 1
        self.view.advance(bar + 1)

    # ---------------------------------------------------------------- orders

    def order(self, side: int, size: float, kind: Kind, price: float | None = None,
              parent: int | None = None, reduce_only: bool = False, group: int | None = None,
              ref: int | None = None) -> WorkingOrder:
        """An order: ``size`` coins on the lot, its price on the tick already; ``group`` is the one
        that it dies with, ``ref`` its own number if it has one."""
        if price is not None and not (price > 0 and self.instrument.on_tick(price)):
            raise NotDirect(f"an order at {price}")
        ref = next(self.refs) if ref is None else ref
        return WorkingOrder(
            ref, self.symbol, side, size, kind,
            reference=self.view.last if price is None else price, label=kind.value,
            trigger=price if kind is Kind.STOP else None,
            limit=price if kind is Kind.LIMIT else None, source=self.trigger,
            reduce_only=reduce_only, active=parent is None, parent=parent,
            group=ref if group is None else group)

    def send(self, side: int, size: float, exits: Exits) -> Sent | None:
        """Send an entry at the market of ``size`` coins with the orders that hang on it; None where
        the venue refuses it."""
        cut, ref = abs(self.instrument.round_size(size)), next(self.refs)
        children = [self.order(-side, cut, kind, price, ref, reduce_only=True)
                    for kind, price, _ in exits]
        sent = Sent(ref, side, cut, self.view.last, children)
        evident = self._evident(side, cut)
        if not evident:
            reason = self._refusal(self._head(sent))
            if reason is not None:
                self._refused(self._head(sent), reason)
                for child in children:  # they are refused before their size is cut
                    self._refused(replace(child, size=size), PARENT_REFUSED)
                return None
        if any(self._refusal(child) is not None for child in children):
            raise NotDirect("a part of a bracket is refused")
        return sent

    def put(self, *orders: WorkingOrder) -> None:
        """Orders that the venue has taken, onto the book."""
        for order in orders:
            self.broker.book[order.ref] = order

    def guard(self, order: WorkingOrder) -> None:
        """Put an order that only reduces onto the book; NotDirect where the venue refuses it."""
        if self._refusal(order) is not None:
            raise NotDirect("an exit that is refused")
        self.put(order)

    def _head(self, sent: Sent) -> WorkingOrder:
        order = self.order(sent.side, sent.size, Kind.MARKET, ref=sent.ref)
        return order if order.reference == sent.reference else replace(
            order, reference=sent.reference)

    def _refusal(self, order: WorkingOrder) -> str | None:
        return books.refusal(order, self.ledger.state, self.broker.book,
                             {self.symbol: self.view.mark}, self.desk)

    def _evident(self, side: int, size: float) -> bool:
        """Whether an entry at the market is accepted at a glance: the questions of
        ``books.refusal``, the one of margin with something to spare. Where it is not they are asked
        one by one."""
        state, desk, lot, price = self.ledger.state, self.desk, self.instrument, self.view.last
        if state.positions or self.broker.book or not desk.terms.isolated or not self._fits(size):
            return False
        rules, leverage = desk.terms.rules[self.symbol], desk.terms.leverage[self.symbol]
        notional = size * price
        if notional < (lot.min_notional or 0.0) or leverage > rules.position_limit(size, price):
            return False
        if notional * (1 / leverage + desk.fees[self.symbol].taker) > state.free * (1 - 1e-9):
            return False
        if not desk.terms.forces:
            return True
        level = rules.liquidation_level(side, size, price, notional / leverage)
        return level is None or (level - price) * side < 0

    def _fits(self, size: float) -> bool:
        """Whether the venue takes an order of ``size`` coins at the market."""
        return 0 < size <= self.largest

    def cancel_all(self) -> None:
        """Take every order off the book."""
        self.broker.book = {}

    def _refused(self, order: WorkingOrder, reason: str) -> None:
        view = self.view
        self.ledger.journal.rejections.append(Rejection(
            view.bar, view.ts, self.symbol, order.ref,
            order.side * order.size or 0.0,  # nothing is sold as 0, not as −0
            order.reference, reason))

    # ---------------------------------------------------------------- bars

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
        elif not isinstance(step, Cancelled) and type(step).__name__ != "Activated":
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
