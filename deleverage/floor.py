"""An account among prices: where it stands on the path of a bar, and what a fill does there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Self

from deleverage import account, changes
from deleverage import book as books
from deleverage.account import Position, State
from deleverage.book import Book, Desk, Kind, WorkingOrder
from deleverage.changes import Executed
from deleverage.policies import InsideBar
from deleverage.slippage import Liquidity
from deleverage.steps import Activated, Bar, Cancelled, Filled, Refused, Step
from deleverage.timestamps import MINUTE


class Floor:
    """The account and its book at one instant of a bar: mutable while the bar is walked.

    ``bars`` are those that end at the same instant, by symbol; ``still`` the marks of the symbols
    that do not move meanwhile. States and books are never changed in place, so that a fork can go
    another way.
    """

    def __init__(self, desk: Desk, policy: InsideBar, bars: Mapping[str, Bar], state: State,
                 book: Book, still: Mapping[str, float]) -> None:
        self.desk = desk
        self.policy = policy
        self.bars = bars
        self.state = state
        self.book: Book = book
        self.steps: list[Step] = []
        self.last: dict[str, float] = {}
        self.marks = dict(still)
        for symbol, bar in bars.items():
            self.last[symbol], self.marks[symbol] = bar.last.open, bar.mark.open
        self.traded = dict.fromkeys(bars, 0.0)  # one's own coins so far, for the volume limit
        self.passed = 0.0  # share of the bar's time
        self.worst = account.equity(state, self.marks)

    def fork(self) -> Self:
        """A copy that can go another way."""
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.steps, other.last = list(self.steps), dict(self.last)
        other.marks, other.traded = dict(self.marks), dict(self.traded)
        return other

    # -------------------------------------------------------------- values where it stands

    def equity(self) -> float:
        """Equity at the marks where the walk stands."""
        return account.equity(self.state, self.marks)

    def note(self) -> None:
        """Remember the lowest equity met."""
        worth = account.equity(self.state, self.marks)
        if worth < self.worst:
            self.worst = worth

    def now(self, symbol: str) -> int:
        """UTC nanoseconds where the walk stands."""
        bar = self.bars[symbol]
        return bar.close_ns - round(bar.step_ns * (1 - self.passed))

    def slipped(self, symbol: str, side: int, size: float, price: float,
                stop: bool = False) -> float:
        """``price`` made worse by the slippage, not beyond the bar's extreme.

        A stop loses besides what the policy says of the way to that extreme.
        """
        policy = self.desk.slippage
        if symbol not in self.bars:  # the venue acts on what has no bar here: at its last mark
            return price * (1 + side * policy.share(side, size, price, Liquidity(
                price, price, price, math.nan, math.nan, MINUTE)))
        bar = self.bars[symbol]
        extreme = bar.last.high if side > 0 else bar.last.low
        share = policy.share(side, size, price, Liquidity(
            price, bar.last.high, bar.last.low, bar.volume, bar.liquidations, bar.step_ns))
        moved = price * (1 + side * share)
        if stop and policy.stop_wick:
            moved += side * max(0.0, side * (extreme - price)) * policy.stop_wick
        return max(price, min(moved, extreme)) if side > 0 else min(price, max(moved, extreme))

    def full(self, symbol: str) -> bool:
        """Whether the volume limit of the bar is used up."""
        return not self._room(symbol, math.inf) > 0 if self.desk.volume_limit else False

    def _room(self, symbol: str, size: float) -> float:
        """How much of ``size`` the volume limit still lets through, cut to the lot."""
        limit = self.desk.volume_limit
        if limit is None:
            return size
        left = limit * self.bars[symbol].volume - self.traded[symbol]
        return self.desk.instruments[symbol].round_size(max(0.0, left)) if size > left else size

    # -------------------------------------------------------------- fills

    def fill(self, order: WorkingOrder, price: float, role: str, *, slip: bool = True,
             stop: bool = False) -> None:
        """Execute an order at ``price`` as far as position, margin and volume let it."""
        position = self.state.positions.get(order.slot)
        size = order.size
        if order.reduce_only:
            size = self._reducible(order, position)
            if not size:
                for ref in [order.ref, *books.partners(self.book, order)]:
                    self.drop(ref, "nothing left to reduce")
                return
        through = self._room(order.symbol, size)
        if not through:
            if order.kind in (Kind.STOP, Kind.AT_CLOSE):
                self.book = books.changed(self.book, order.ref, kind=Kind.MARKET)
                if order.parent is not None:  # else the entry would buy on before it
                    self.drop(order.parent, "its exit was triggered")
            return
        asked = price
        if slip:
            price = self.slipped(order.symbol, order.side, through, price, stop)
        rest = order.size - through if through < size else 0.0
        self._execute(order, position, order.side * through, price, role, rest, asked)

    @staticmethod
    def _reducible(order: WorkingOrder, position: Position | None) -> float:
        held = 0.0 if position is None else position.size
        return min(order.size, abs(held)) if held * order.side < 0 else 0.0

    def _execute(self, order: WorkingOrder, position: Position | None, size: float, price: float,
                 role: str, rest: float, asked: float) -> None:
        traded, price = price, self._within_margin(position, size, price)
        executed = self._traded(order, size, price, role)
        reason = None
        if executed.opened:
            reason = self._unaffordable(order, executed, price) if price == traded else (
                f"the position closes at its bankruptcy price {price:,.2f}, where nothing trades "
                "to open another")
        if reason is not None:
            if not executed.closed:
                self.refuse(order, reason)
                return
            executed, rest = self._traded(order, executed.closed, price, role), 0.0
        if rest:
            rest = self.desk.instruments[order.symbol].round_size(rest)
        coins = abs(executed.closed) + abs(executed.opened)
        slipped = max(0.0, order.side * (price - asked)) * coins
        self.steps.append(Filled(order, executed, price, role, rest, slipped))
        self.state = executed.change.state
        self.traded[order.symbol] += coins
        self._after(order, reason, rest)

    def _after(self, order: WorkingOrder, reason: str | None, rest: float) -> None:
        """What a fill does to the book: the order itself, its partners, its children."""
        partners: list[int] = []
        children: list[int] = []
        if len(self.book) > 1:
            partners = books.partners(self.book, order)
            children = books.children(self.book, order.ref)
        if rest:
            waits = order.kind if order.limit is not None else Kind.MARKET
            self.book = books.changed(self.book, order.ref, size=rest, kind=waits)
            partners = [ref for ref in partners if self.book[ref].parent is None]
        else:
            self.book = books.without(self.book, [order.ref])
        if reason is not None:
            self.steps.append(Refused(order, reason))
            partners, children = [*partners, *children], []
        for ref in partners:
            self.drop(ref, "partner filled")
        if order.parent is not None and order.parent in self.book:  # the rest of its entry
            self.drop(order.parent, "its exit filled")
        if self.policy.entry_bar == "live":
            for ref in children:
                if not self.book[ref].active:
                    self.book = books.changed(self.book, ref, active=True)
                    self.steps.append(Activated(ref))

    def _traded(self, order: WorkingOrder, size: float, price: float, role: str) -> Executed:
        fees = self.desk.fees[order.symbol]
        rate = fees.maker if role == "maker" else fees.taker
        return changes.fill(self.state, self.desk.terms, order.symbol, size, price, rate,
                            self.desk.instruments[order.symbol].round_size, order.slot)

    def _within_margin(self, position: Position | None, size: float, price: float) -> float:
        """An isolated close never costs more than the posted margin: not beyond bankruptcy."""
        terms = self.desk.terms
        if position is None or position.size * size >= 0 or not (terms.isolated and terms.forces):
            return price
        limit: float = self.desk.rules(position.symbol).bankruptcy_price(
            position.side, abs(position.size), position.entry_price, position.margin)
        return max(price, limit) if position.side > 0 else min(price, limit)

    def _unaffordable(self, order: WorkingOrder, executed: Executed, price: float) -> str | None:
        left = books.without(self.book, [order.ref])
        room = books.free_margin(executed.change.state, left.values(), self.marks, self.desk)
        if room < -1e-9 * max(1.0, abs(executed.opened) * price):
            return f"margin: the fill at {price:,.2f} lacks {-room:,.2f}"
        return books.beyond_limit(self.book[order.ref], self.state, self.desk, price)

    # -------------------------------------------------------------- orders that end otherwise

    def refuse(self, order: WorkingOrder, reason: str) -> None:
        """The account cannot carry an order: it dies, and what hangs on it."""
        doomed = books.partners(self.book, order) + books.children(self.book, order.ref)
        self.book = books.without(self.book, [order.ref])
        self.steps.append(Refused(order, reason))
        for ref in doomed:
            self.drop(ref, "its order was refused")

    def drop(self, ref: int, why: str) -> None:
        """Cancel an order and the children that wait for it."""
        if ref not in self.book:
            return
        # a child that is live already guards what its parent has filled so far
        doomed = [child for child in books.children(self.book, ref)
                  if not self.book[child].active]
        self.book = books.without(self.book, [ref])
        self.steps.append(Cancelled(ref, why))
        for child in doomed:
            self.drop(child, why)
