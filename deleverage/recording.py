"""Entering what a walk did into the account and its journal: the part of carrying out a step that
backtrader's orders have no share in."""

from __future__ import annotations

import math

from deleverage.account import Position
from deleverage.changes import Executed
from deleverage.feedview import FeedView
from deleverage.journal import Fill, LiquidationEvent
from deleverage.ledger import Account
from deleverage.records import swift
from deleverage.steps import Filled, Liquidated, Seized

_fill = swift(Fill)


class Recorder:
    """Writes fills and forced closes of one account, each as the change, its record, a snapshot."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def filled(self, step: Filled, view: FeedView, ref: int,
               marks: dict[str, float]) -> tuple[Position | None, Position | None]:
        """Book a fill of the order ``ref``; the position in its slot before and after it."""
        account, slot = self.account, step.order.slot
        bar, ts = view.bar, view.ts
        before = account.state.positions.get(slot)
        account.commit(step.executed.change, bar, ts)
        after = account.state.positions.get(slot)
        self.note(view, ref, step.executed, step.price, step.order.label, step.role, after,
                  step.slipped)
        account.snapshot(bar, ts, slot, marks)
        return before, after

    def note(
        self, view: FeedView, ref: int, executed: Executed, price: float, reason: str, role: str,
        after: Position | None, slipped: float = 0.0,
    ) -> None:
        """Append the record of a fill; ``after`` is the position that it left."""
        fills = self.account.journal.fills
        fills.append(_fill(
            len(fills), view.bar, view.ts, view.symbol, ref, executed.closed + executed.opened,
            price, reason, role, executed.fee, executed.closed, executed.opened,
            executed.realised, executed.number,
            0.0 if after is None else after.size,
            math.nan if after is None else after.entry_price,
            0.0 if after is None else after.margin, slipped))

    def forced(self, seized: Seized, step: Liquidated, view: FeedView) -> LiquidationEvent:
        """Append the event of one action of a liquidation."""
        held = seized.position
        event = LiquidationEvent(
            view.bar, view.ts, view.symbol, held.side * seized.closed, held.entry_price,
            held.leverage, self.account.terms.mode, seized.liquidation_price, seized.trigger_mark,
            seized.price, seized.loss, max(0.0, -seized.insurance), step.gap, view.mark_state,
            seized.last, held.number, step.cause, fee=seized.fee, returned=seized.returned,
            insurance=seized.insurance, stage=seized.stage, size_after=seized.size_after)
        self.account.journal.liquidations.append(event)
        return event
