"""The broker's part of a step of the clock: walking the bars that have just ended.

Most bars meet nothing that is open; they are told from the others by the comparisons of the
matching code (docs/clock.md), before any of it is set to work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from deleverage import account as accounts
from deleverage import venues
from deleverage.account import State
from deleverage.adjusting import Adjusting
from deleverage.band import around
from deleverage.book import Kind
from deleverage.feedview import FeedView
from deleverage.funding import Treasurer
from deleverage.journal import Journal
from deleverage.matching import Walk, may_act, walk
from deleverage.policies import InsideBar
from deleverage.steps import Bar, Deleveraged, Liquidated
from deleverage.venues.ladder import LadderUse

Instant = list[tuple[FeedView, int]]  # feeds whose (finer) bars end together, and which ones


class BarWalk(Adjusting):
    """What the account does with the bars of a step, in the order of their (finer) ends."""

    inside_bar: InsideBar
    journal: Journal
    ladder_changes: list[tuple[int, str, LadderUse]]  # since when (UTC ns), symbol, the new one
    _coming: dict[str, deque[tuple[int, venues.VenueRules]]]
    _treasurer: Treasurer
    _ready: bool
    _stopping: bool

    def next(self) -> None:
        """Walk the bars that have just ended, then let arrive what was sent long enough ago."""
        if not self._ready:
            self.setup()
        if self._stopping:  # a bar later, so that the strategy has heard of the liquidation
            self.cerebro.runstop()
            return
        moved = []
        for view in self.views:
            length = view.cursor.lencount
            if length != view.seen:
                if self.book and length > view.seen + 1:
                    self._trail_over(view, view.seen, length - 1)
                moved.append((view, view.advance(length)))
        idle = not self.book and not self.account.state.positions
        if idle and not self.transit:
            return
        if self._band is not None and len(moved) == 1 and not self.transit:
            view, inside = moved[0]
            if len(inside) == 1 and self._band.holds(view, self.account.state):
                return
        if self.inside_bar.entry_bar == "backtrader":
            self._activate_children()
        if idle:
            moved = []
        elif len(self.views) > 1:
            involved = self._involved()
            moved = [each for each in moved if each[0].symbol in involved]
        for view, inside in moved:
            if self._coming.get(view.symbol):
                view.at = inside[0]
                self._change_ladder(view)
        if len(self.views) == 1:
            for view, inside in moved:
                for index in inside:
                    self._walk([(view, index)])
        else:
            for view, inside in moved:
                view.at = inside[0] - 1  # a finer bar that has not been walked is not known yet
            for instant in _instants(moved):
                self._walk(instant)
        if self.transit:
            self._arrivals()

    @property
    def busy(self) -> bool:
        """Whether the next bar has work whatever its prices: something under way or to be told."""
        return bool(not self._ready or self._stopping or self.transit or self._orders.queue)

    def stays(self, bar: int) -> bool:
        """Whether a bar of the only feed lies between the levels of all that is open."""
        band, view = self._band, self.views[0]
        if band is None or len(self.views) > 1 or len(view.within(bar)) > 1:
            return False
        view.at = bar
        return band.holds(view, self.account.state)

    def _change_ladder(self, view: FeedView) -> None:
        """A ladder observed by the bar's open replaces the one before it, open positions included.
        """
        coming, symbol = self._coming[view.symbol], view.symbol
        while coming and coming[0][0] <= view.opened:
            since, rules = coming.popleft()
            if rules.ladder.id == self.desk.terms.rules[symbol].ladder.id:
                continue
            self.desk.terms.rules[symbol] = rules.charging(self.p.fees) if self.p.fees else rules
            self.ladder_changes.append((since, symbol, rules.use))
            for slot, position in self.account.state.positions.items():
                if position.symbol == symbol:
                    self.account.snapshot(view.bar, view.ts, slot, self._marks())

    def _walk(self, instant: Instant) -> None:
        """The bars that end at one instant, all together."""
        for view, index in instant:
            view.at = index
            if self.book:
                self._expire(view)
                self._arm(view)
        if self._may_happen(instant):
            involved = self._involved()  # of a finer bar: less may be open than at the coarse one's
            bars, still, ts = {}, {}, 0
            for view, _ in instant:
                ts = max(ts, view.ts)
                if view.symbol in involved:
                    bars[view.symbol] = self._bar(view)
            if len(self.views) > 1:
                still = {name: mark for name, mark in self._marks().items() if name not in bars}
            done = walk(self.desk, self.inside_bar, bars, self.account.state, self.book, still)
            self._carry_out(done, ts)
        elif len(self.views) == 1:
            self._band = None if self._coming.get(instant[0][0].symbol) else around(
                self.book, self._orders.by_ref, self.account.state, self.desk.terms)
        if self.book:
            for view, _ in instant:
                self._trail(view)

    def _involved(self) -> set[str]:
        """The symbols of which a position or an order is open."""
        if len(self.views) == 1:
            return {self.views[0].symbol} if self.book or self.account.state.positions else set()
        found = {working.symbol for working in self.book.values()}
        found.update(held.symbol for held in self.account.state.positions.values())
        return found

    def _bar(self, view: FeedView) -> Bar:
        due = view.at in view.settlements
        return view.current(self._treasurer.dues(view, self.desk.rules(view.symbol)) if due else ())

    def _carry_out(self, done: Walk, ts: int) -> None:
        self.book, self._band = dict(done.book), None
        marks = self._marks()
        for step in done.steps:
            self._clerk.apply(step, marks)
            if isinstance(step, Liquidated):
                self._after_liquidation(step)
            elif isinstance(step, Deleveraged):
                self._recall({step.slot})
        if done.steps:
            worst = self.journal.worst_equity
            worst[ts] = min(worst.get(ts, done.worst), done.worst)

    def _after_liquidation(self, step: Liquidated) -> None:
        self._recall({seized.slot for seized in step.seized} if self.desk.terms.isolated else None)
        if self.p.on_liquidation == "stop" and any(not seized.size_after for seized in step.seized):
            self._stopping = True

    def _trail(self, view: FeedView) -> None:
        for ref, working in list(self.book.items()):
            if working.symbol == view.symbol:
                self.book[ref] = self._orders.trailed(working, view.last)

    def _trail_over(self, view: FeedView, first: int, stop: int) -> None:
        """Trailing stops after the bars ``first`` to ``stop`` (exclusive), which nobody visited:
        they have followed the best close among them."""
        closes = view.closes(first, stop)
        for ref, working in list(self.book.items()):
            if working.symbol == view.symbol and closes:
                best = max(closes) if working.side < 0 else min(closes)
                self.book[ref] = self._orders.trailed(working, best)

    # ---------------------------------------------------------------- can anything happen?

    def _may_happen(self, instant: Instant) -> bool:
        """A superset of the bars in which matching, liquidation or funding does anything."""
        state = self.account.state
        for view, _ in instant:
            if view.timed():
                return True
            for order in self.book.values():
                if order.kind is Kind.MARKET and order.live and order.symbol == view.symbol:
                    return True  # without a bar made to ask of
        if self.book:
            for view, _ in instant:
                bar = view.current()
                for order in self.book.values():
                    if order.symbol == bar.symbol and may_act(order, bar):
                        return True
        if not state.positions:
            return False
        if not self.desk.terms.isolated and len(state.positions) > 1:
            return self._may_exhaust(state, instant)
        moving = {view.symbol: view for view, _ in instant}
        for slot, position in state.positions.items():
            if position.symbol not in moving:
                continue
            level = self.account.level(slot, {})
            low, high = moving[position.symbol].mark_range()
            if low != low:
                return True  # no mark: whether that may be is decided where the bar is made
            if level is not None and (low <= level if position.size > 0 else high >= level):
                return True
        return False

    def _may_exhaust(self, state: State, instant: Instant) -> bool:
        """Whether equity at every position's worst mark is within maintenance at its highest."""
        ranges = {view.symbol: view.mark_range() for view, _ in instant}
        marks = self._marks()
        worth, held = state.wallet, 0.0
        for slot, position in state.positions.items():
            low, high = ranges.get(position.symbol, (marks[position.symbol],) * 2)
            worth += position.unrealised(low if position.size > 0 else high)
            held += accounts.maintenance(state, slot, high, self.desk.terms)
        return not worth > held

    def _marks(self) -> dict[str, float]:
        return {view.symbol: view.mark for view in self.views if view.seen}


def _instants(moved: Iterable[tuple[FeedView, range]]) -> Iterator[Instant]:
    """The finer bars of the bars that have just ended, those that end together side by side."""
    found: dict[int, Instant] = {}
    for view, inside in moved:
        for index in inside:
            found.setdefault(view.close_of(index), []).append((view, index))
    for _, instant in sorted(found.items()):
        yield instant
