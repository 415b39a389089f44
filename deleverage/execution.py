"""Carrying out what a walk decided: the account's bookings, the journal, backtrader's orders."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import backtrader as bt

from deleverage import notices
from deleverage.account import Executed, Position
from deleverage.comminfo import PerpetualCommInfo
from deleverage.feedview import FeedView
from deleverage.holders import Holders, Part
from deleverage.journal import Fill, Journal, LiquidationEvent, Rejection
from deleverage.ledger import Account
from deleverage.orders import Lots, Orders, source_of
from deleverage.steps import (
    Activated,
    Cancelled,
    Filled,
    Liquidated,
    Refused,
    Seized,
    Step,
    Triggered,
)


class Positions(dict[Any, bt.Position]):
    """backtrader's positions by feed, made when first asked for; a clone shows its source's."""

    def __missing__(self, data: Any) -> bt.Position:
        source = source_of(data)
        if source is not data:
            return self[source]
        position = self[data] = bt.Position()
        return position


class Clerk:
    """Applies the steps of a walk, in order; knows who holds each position."""

    def __init__(self, account: Account, orders: Orders, views: dict[str, FeedView],
                 comminfo: dict[str, PerpetualCommInfo], positions: Positions) -> None:
        self.account = account
        self.orders = orders
        self.views = views
        self.comminfo = comminfo
        self.positions = positions
        self.holders = Holders()

    @property
    def journal(self) -> Journal:
        """The account's journal."""
        return self.account.journal

    def enrol(self, view: FeedView) -> None:
        """Begin to trade a feed's instrument."""
        self.views[view.symbol] = view

    def owner(self, symbol: str) -> Any:
        """The strategy that opened the position in a symbol."""
        return self.holders.opener(symbol)

    def apply(self, step: Step, view: FeedView, marks: dict[str, float]) -> None:
        """Carry out one step."""
        if isinstance(step, Filled):
            self._filled(step, view, marks)
        elif isinstance(step, Cancelled):
            self.cancel(step.ref)
        elif isinstance(step, Refused):
            self.refuse(self.orders.by_ref[step.order.ref], view, step.order.reference, step.reason)
        elif isinstance(step, Triggered):
            self.orders.by_ref[step.ref].triggered = True
        elif isinstance(step, Activated):
            self.orders.by_ref[step.ref].activate()
        else:
            self._liquidated(step, view, marks)

    def cancel(self, ref: int) -> None:
        """An order dies: cancelled."""
        order = self.orders.by_ref.pop(ref)
        order.cancel()
        self.orders.notify(order)

    def refuse(self, order: bt.Order, view: FeedView, price: float, reason: str) -> None:
        """The account or the venue refuses an order; the reason travels in ``order.info``."""
        order.addinfo(rejection=reason)
        order.addcomminfo(self.comminfo[view.symbol])
        if reason.startswith("margin"):
            order.margin()
        else:
            order.reject(order.broker)
        self.journal.rejections.append(Rejection(
            view.bar, view.ts, view.symbol, order.ref, order.created.size, price, reason))
        self.orders.by_ref.pop(order.ref, None)
        self.orders.notify(order)

    # ---------------------------------------------------------------- fills

    def _filled(self, step: Filled, view: FeedView, marks: dict[str, float]) -> None:
        executed, order = step.executed, self.orders.by_ref[step.order.ref]
        before = self.account.state.positions.get(view.symbol)
        self.account.commit(executed.change, view.bar, view.ts)
        after = self.account.state.positions.get(view.symbol)
        self._record(view, order.ref, executed, step.price, step.order.label, step.role, after)
        self.holders.filled(view.symbol, order.owner, order.tradeid, executed.closed,
                            executed.opened, 0.0 if after is None else after.size)
        self.account.snapshot(view.bar, view.ts, view.symbol, marks)
        fees = self.comminfo[view.symbol].fees
        rate = fees.maker if step.role == "maker" else fees.taker
        self._execute(order, view, executed, step.price, rate, before, after)
        size = executed.closed + executed.opened
        if step.order.reduce_only and abs(size) < step.order.size:
            order.executed.remsize = 0.0  # what was left to reduce is gone: the order is done
            order.completed()
        if order.status == bt.Order.Completed:
            del self.orders.by_ref[order.ref]
        self.orders.notify(order)

    def _record(
        self, view: FeedView, ref: int, executed: Executed, price: float, reason: str, role: str,
        after: Position | None,
    ) -> None:
        fills = self.journal.fills
        fills.append(Fill(
            len(fills), view.bar, view.ts, view.symbol, ref, executed.closed + executed.opened,
            price, reason, role, executed.fee, executed.closed, executed.opened,
            executed.realised, executed.number,
            0.0 if after is None else after.size,
            float("nan") if after is None else after.entry_price,
            0.0 if after is None else after.margin))

    def _execute(
        self, order: bt.Order, view: FeedView, executed: Executed, price: float, rate: float,
        before: Position | None, after: Position | None,
    ) -> None:
        closed, opened = Lots(executed.closed), Lots(executed.opened)
        entry = price if before is None else before.entry_price
        size, average = (0.0, 0.0) if after is None else (after.size, after.entry_price)
        order.addcomminfo(self.comminfo[view.symbol])
        order.execute(
            view.data.datetime[0], Lots(closed + opened), price,
            closed, abs(closed) * entry, abs(closed) * price * rate,
            opened, abs(opened) * price, abs(opened) * price * rate,
            self.comminfo[view.symbol].get_margin(price), executed.realised, size, average)
        position = self.positions[view.data]
        position.set(size, average)
        position.datetime = view.data.datetime.datetime(0)

    # ---------------------------------------------------------------- liquidation

    def _liquidated(self, step: Liquidated, view: FeedView, marks: dict[str, float]) -> None:
        self.account.commit(step.change, view.bar, view.ts)
        for seized in step.seized:
            mine = self.views[seized.position.symbol]
            self._take_over(seized, step, mine)
            self.account.snapshot(view.bar, view.ts, mine.symbol, marks)

    def _take_over(self, seized: Seized, step: Liquidated, view: FeedView) -> None:
        held = seized.position
        event = LiquidationEvent(
            view.bar, view.ts, view.symbol, held.size, held.entry_price, held.leverage,
            self.account.terms.mode, seized.liquidation_price, seized.trigger_mark, seized.price,
            seized.loss, seized.deficit, step.gap, view.mark_state, step.last, held.number,
            step.cause)
        self.journal.liquidations.append(event)
        parts = self.holders.taken(view.symbol, held.size)
        orders = [self._forced(part, view) for part in parts]
        whole = Executed(step.change, -held.size, 0.0, -seized.loss, 0.0, held.number)
        self._record(view, orders[0].ref, whole, seized.price, "liquidation", "taker", None)
        for order, part in zip(orders, parts, strict=True):
            share = replace(whole, closed=-part.size,
                            realised=whole.realised * part.size / held.size)
            self._execute(order, view, share, seized.price, 0.0, held, None)
            self.orders.notify(order)
        for number, part in enumerate(parts):
            if all(part.owner is not earlier.owner for earlier in parts[:number]):
                notices.liquidation(part.owner, event)

    def _forced(self, part: Part, view: FeedView) -> bt.Order:
        """The order that closes one holder's part: accepted, and executed by the caller."""
        build = bt.order.BuyOrder if part.size < 0 else bt.order.SellOrder
        order = build(owner=part.owner, data=view.data, size=abs(part.size),
                      exectype=bt.Order.Market, tradeid=part.tradeid, transmit=True)
        order.addinfo(liquidation=True, reason="liquidation")
        order.submit()
        order.accept()
        self.orders.notify(order)
        return order
