"""Where orders are sent: judged as the venue judges them, onto the book of an account on one feed
or into its journal as refused."""

from __future__ import annotations

import itertools
import math
from collections import deque
from dataclasses import dataclass, replace
from types import SimpleNamespace

from deleverage import book as books
from deleverage.account import Position
from deleverage.book import Kind, WorkingOrder
from deleverage.broker import PerpetualBroker
from deleverage.direct.asking import NotDirect, check_account
from deleverage.direct.feed import StandIn
from deleverage.journal import Rejection
from deleverage.records import unlocked

PARENT_REFUSED = "its parent order was refused"

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


class Counter:
    """The account that ``broker``, which must not have run, would open on ``feed``; its orders.

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
        self.coming = broker._coming.get(self.symbol, deque())  # ladders, and since when
        self.refs = itertools.count(1)

    @property
    def position(self) -> Position | None:
        """What is held."""
        return self.ledger.state.positions.get(self.symbol)

    def stand_at(self, bar: int) -> None:
        """Take over the bars up to ``bar``, in which nothing happens unless it is walked."""
        self.cursor.lencount = bar + 1
        self.view.advance(bar + 1)

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
        if self.coming:
            self.broker._change_ladder(self.view)
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
        for child in children:
            if self._refusal(child) is not None:
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
