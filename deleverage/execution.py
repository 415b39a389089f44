"""Carrying out what a walk decided: the account's bookings, the journal, backtrader's orders."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import backtrader as bt

from deleverage import notices
from deleverage.account import Position
from deleverage.changes import Executed
from deleverage.comminfo import PerpetualCommInfo
from deleverage.feedview import FeedView
from deleverage.funding import Treasurer
from deleverage.holders import Holders, Part
from deleverage.journal import Journal, LiquidationEvent, Rejection
from deleverage.lean_orders import LeanBuy, LeanSell
from deleverage.ledger import Account
from deleverage.orders import Lots, Orders, source_of
from deleverage.recording import Recorder
from deleverage.steps import (
    Activated,
    Cancelled,
    Deleveraged,
    Filled,
    Funded,
    Liquidated,
    Refused,
    Step,
    Triggered,
)


class Held(bt.Position):  # type: ignore[misc]
    """backtrader's position; when it was last filled becomes a ``datetime`` when that is asked for
    (8 µs a fill, which hardly anybody reads)."""

    _filled: tuple[Any, float] | None = None

    def filled(self, data: Any, moment: float) -> None:
        """Note that the position changed at a day number of the feed's."""
        self._filled = data, moment

    @property
    def datetime(self) -> Any:
        """When the position was last filled; AttributeError before that, as backtrader's."""
        if self._filled is None:
            raise AttributeError("datetime")
        data, moment = self._filled
        return data.num2date(moment)


class Positions(dict[Any, Held]):
    """backtrader's positions by feed, made when first asked for; a clone shows its source's."""

    def __missing__(self, data: Any) -> Held:
        source = source_of(data)
        if source is not data:
            return self[source]
        position = self[data] = Held()
        return position


class Clerk:
    """Applies the steps of a walk, in order; knows who holds each position."""

    def __init__(self, account: Account, orders: Orders, views: dict[str, FeedView],
                 comminfo: dict[str, PerpetualCommInfo], positions: Positions,
                 treasurer: Treasurer) -> None:
        self.account = account
        self.recorder = Recorder(account)
        self.orders = orders
        self.views = views
        self.comminfo = comminfo
        self.positions = positions
        self.treasurer = treasurer
        self.holders = Holders()

    @property
    def journal(self) -> Journal:
        """The account's journal."""
        return self.account.journal

    def enrol(self, view: FeedView) -> None:
        """Begin to trade a feed's instrument."""
        self.views[view.symbol] = view

    def apply(self, step: Step, marks: dict[str, float]) -> None:
        """Carry out one step."""
        if isinstance(step, Filled):
            self._filled(step, marks)
        elif isinstance(step, Cancelled):
            self.cancel(step.ref, step.why)
        elif isinstance(step, Refused):
            order, working = self.orders.by_ref[step.order.ref], step.order
            self.refuse(order, self.views[working.symbol], working.reference, step.reason)
        elif isinstance(step, Triggered):
            self.orders.by_ref[step.ref].triggered = True
        elif isinstance(step, Activated):
            self.orders.by_ref[step.ref].activate()
        elif isinstance(step, Funded):
            slot = self._slot_of(step.position)
            self.treasurer.book(step, self.views[step.position.symbol], slot,
                                self.holders.owners(slot), marks)
        elif isinstance(step, Deleveraged):
            self._deleveraged(step, marks)
        else:
            self._liquidated(step, marks)

    def cancel(self, ref: int, why: str = "") -> None:
        """An order dies: cancelled; what it died of travels in ``info.cancelled``."""
        order = self.orders.by_ref.pop(ref)
        if why:
            order.addinfo(cancelled=why)
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
        self.note_refusal(order, view, price, reason)
        self.orders.by_ref.pop(order.ref, None)
        self.orders.notify(order)

    def note_refusal(self, order: bt.Order, view: FeedView, price: float, reason: str) -> None:
        """Put into the journal what was refused."""
        self.journal.rejections.append(Rejection(
            view.bar, view.ts, view.symbol, order.ref, order.created.size, price, reason))

    def _slot_of(self, position: Position) -> str:
        for slot, held in self.account.state.positions.items():
            if held.number == position.number:
                return slot
        return position.symbol

    # ---------------------------------------------------------------- fills

    def _filled(self, step: Filled, marks: dict[str, float]) -> None:
        executed, order, slot = step.executed, self.orders.by_ref[step.order.ref], step.order.slot
        view = self.views[step.order.symbol]
        before, after = self.recorder.filled(step, view, order.ref, marks)
        self.holders.filled(slot, order.owner, order.tradeid, executed.closed, executed.opened,
                            0.0 if after is None else after.size)
        fees = self.comminfo[view.symbol].fees
        rate = fees.maker if step.role == "maker" else fees.taker
        self._execute(order, view, executed, step.price, rate, before, after)
        if not step.rest and (step.order.reduce_only or math.isclose(
                abs(executed.closed + executed.opened), step.order.size, rel_tol=1e-9)):
            # backtrader's own sum leaves dust of parts; or what was left to reduce is gone
            order.executed.remsize = 0.0
            order.completed()
        if order.status == bt.Order.Completed:
            del self.orders.by_ref[order.ref]
        self.orders.notify(order)

    def _execute(
        self, order: bt.Order, view: FeedView, executed: Executed, price: float, rate: float,
        before: Position | None, after: Position | None,
    ) -> None:
        closed, opened = Lots(executed.closed), Lots(executed.opened)
        entry = price if before is None else before.entry_price
        size, average = (0.0, 0.0) if after is None else (after.size, after.entry_price)
        comminfo, moment = self.comminfo[view.symbol], view.data.lines.lines[view.data.DateTime][0]
        order.addcomminfo(comminfo)
        order.execute(
            moment, Lots(closed + opened), price,
            closed, abs(closed) * entry, abs(closed) * price * rate,
            opened, abs(opened) * price, abs(opened) * price * rate,
            comminfo.get_margin(price), executed.realised, size, average)
        self._show(view, moment)

    def _show(self, view: FeedView, moment: float) -> None:
        """Let backtrader's own position follow; in hedge mode it shows the net of both sides."""
        held = [p for p in self.account.state.positions.values() if p.symbol == view.symbol]
        size = average = 0.0
        if len(held) == 1:
            size, average = held[0].size, held[0].entry_price
        elif held:
            size = round(sum(p.size for p in held), 12)
            average = max(held, key=lambda p: abs(p.size)).entry_price
        position = self.positions[view.data]
        position.set(size, average)
        position.filled(view.data, moment)

    # ---------------------------------------------------------------- forced closes

    def _liquidated(self, step: Liquidated, marks: dict[str, float]) -> None:
        view = self.views[step.seized[0].position.symbol]
        self.account.commit(step.change, view.bar, view.ts)
        for seized in step.seized:
            mine = self.views[seized.position.symbol]
            event = self.recorder.forced(seized, step, mine)
            realised = -(seized.loss - seized.fee)
            self._take(seized.position, seized.slot, seized.closed, seized.price, realised,
                       seized.fee, Executed(step.change, 0.0, 0.0, 0.0, seized.fee,
                                            seized.position.number), "liquidation", event,
                       seized.slipped)
            self.account.snapshot(mine.bar, mine.ts, seized.slot, marks)

    def _deleveraged(self, step: Deleveraged, marks: dict[str, float]) -> None:
        view = self.views[step.position.symbol]
        self.account.commit(step.executed.change, view.bar, view.ts)
        self._take(step.position, step.slot, abs(step.executed.closed), step.price,
                   step.executed.realised, 0.0, step.executed, "adl", None)
        self.account.snapshot(view.bar, view.ts, step.slot, marks)

    def _take(self, held: Position, slot: str, closed: float, price: float, realised: float,
              fee: float, booked: Executed, reason: str, event: LiquidationEvent | None,
              slipped: float = 0.0) -> None:
        """Close ``closed`` coins of a position for each of its holders, by orders of the venue."""
        view, signed = self.views[held.symbol], held.side * closed
        after = self.account.state.positions.get(slot)
        if after is not None and after.number != held.number:
            after = None
        parts = self.holders.taken(slot, signed, whole=after is None)
        orders = [self._forced(part, view, reason) for part in parts]
        whole = replace(booked, closed=-signed, opened=0.0, realised=realised)
        self.recorder.note(view, orders[0].ref, whole, price, reason, "taker", after, slipped)
        rate = fee / (closed * price) if fee else 0.0
        for order, part in zip(orders, parts, strict=True):
            share = replace(whole, closed=-part.size, realised=realised * part.size / signed)
            self._execute(order, view, share, price, rate, held, after)
            self.orders.notify(order)
        if event is None:
            return
        for number, part in enumerate(parts):
            if all(part.owner is not earlier.owner for earlier in parts[:number]):
                notices.liquidation(part.owner, event)

    def _forced(self, part: Part, view: FeedView, reason: str) -> bt.Order:
        """The order that closes one holder's part: accepted, and executed by the caller."""
        build = LeanBuy if part.size < 0 else LeanSell
        order = build.make(owner=part.owner, data=view.data, size=abs(part.size),
                      exectype=bt.Order.Market, tradeid=part.tradeid, transmit=True)
        order.addinfo(**{reason: True}, reason=reason)
        order.submit()
        order.accept()
        self.orders.notify(order)
        return order
