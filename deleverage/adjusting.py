"""Changing terms during a run: leverage, and the margin posted to an isolated position."""

from __future__ import annotations

from typing import Any

from deleverage import account as accounts
from deleverage import book as books
from deleverage import changes, venues
from deleverage.changes import Change
from deleverage.errors import UsageError
from deleverage.feedview import FeedView
from deleverage.journal import Rejection
from deleverage.policies import one_of
from deleverage.reception import Reception


class Adjusting(Reception):
    """What a trader may change of open positions without an order.

    Both calls return True, or False where the venue refuses; the reason is then in
    ``journal.rejections`` (order reference −1).
    """

    def set_leverage(self, leverage: float, data: Any = None) -> bool:
        """Trade an instrument at another leverage from now on, its open positions included.

        Isolated: a lower leverage posts more margin, a higher one gives some back. Refused above
        what the venue grants for the notional held, where the free balance cannot pay, where a
        position would stand at or beyond its liquidation price, where the venue does not lower the
        leverage of an open isolated position, and during an outage. Raises LeverageError for a
        leverage the venue never grants.
        """
        view = self._view(self.cerebro.datas[0] if data is None else data)
        rules, symbol = self.desk.rules(view.symbol), view.symbol
        venues.check_leverage(rules, leverage)
        state, terms = self.account.state, self.desk.terms
        slots = [slot for slot, held in state.positions.items() if held.symbol == symbol]
        for slot in slots:
            limit = rules.position_limit(abs(state.positions[slot].size), view.mark)
            if leverage > limit:
                return self._refused(view, f"leverage {leverage:g} is above the venue's {limit:g}x "
                                           "for the position held")
        if slots and terms.isolated and leverage < terms.leverage[symbol] \
                and not rules.leverage_may_fall:
            return self._refused(view, f"{rules.name} does not lower the leverage of an open "
                                       "isolated position")
        steps: list[Change] = []
        for slot in slots:
            steps.append(changes.relever(state, terms, slot, leverage))
            state = steps[-1].state
        before, terms.leverage[symbol] = terms.leverage[symbol], float(leverage)
        reason = self._objection(state, view)
        if reason is not None:
            terms.leverage[symbol] = before
            return self._refused(view, f"leverage {leverage:g}: {reason}")
        self.comminfos[symbol].set_leverage = float(leverage)
        for slot, change in zip(slots, steps, strict=True):
            self._enter(change, view, slot)
        return True

    def add_margin(self, amount: float, data: Any = None, side: str | None = None) -> bool:
        """Post ``amount`` (quote) more to an isolated position; negative takes margin back.

        What is taken back must leave the initial margin at mark and any loss covered. ``side``
        (long | short) chooses between two positions in hedge mode. Raises UsageError in a cross
        account and where nothing is held.
        """
        view = self._view(self.cerebro.datas[0] if data is None else data)
        if not self.desk.terms.isolated:
            raise UsageError("margin is posted to isolated positions; a cross account stands "
                             "behind all of them")
        one_of("position side", side or "long", ("long", "short"))
        slot = accounts.slot_of(view.symbol, -1 if side == "short" else 1, self.desk.terms.hedge)
        position = self.account.state.positions.get(slot)
        if position is None:
            raise UsageError(f"no position in {slot} to post margin to")
        if not amount or amount != amount:
            raise UsageError(f"the margin to move must not be {amount}")
        change = changes.move_margin(self.account.state, slot, float(amount))
        left = position.margin + amount + min(0.0, position.unrealised(view.mark))
        needed = abs(position.size) * view.mark / position.leverage
        if amount < 0 and left < needed:
            return self._refused(view, f"margin: {-amount:,.2f} taken back would leave {left:,.2f} "
                                       f"of the {needed:,.2f} the position needs")
        reason = self._objection(change.state, view)
        if reason is not None:
            return self._refused(view, reason)
        self._enter(change, view, slot)
        return True

    def _objection(self, state: accounts.State, view: FeedView) -> str | None:
        """Why the venue would not have the account in this state."""
        out = self._outage()
        if out is not None:
            return "outage: the venue changes nothing now"
        marks = self._marks()
        free = books.free_margin(state, self.book.values(), marks, self.desk)
        if free < -1e-9:
            return f"margin: lacks {-free:,.2f}"
        for slot, position in state.positions.items():
            if position.symbol != view.symbol:
                continue
            level = accounts.liquidation_price(state, slot, marks, self.desk.terms)
            if level is not None and (view.mark - level) * position.side <= 0:
                return f"the liquidation price would be {level:,.2f}, the mark is {view.mark:,.2f}"
        return None

    def _enter(self, change: Change, view: FeedView, slot: str) -> None:
        self.account.commit(change, view.bar, view.ts)
        self.account.snapshot(view.bar, view.ts, slot, self._marks())

    def _refused(self, view: FeedView, reason: str) -> bool:
        self.journal.rejections.append(
            Rejection(view.bar, view.ts, view.symbol, -1, 0.0, view.mark, reason))
        return False
