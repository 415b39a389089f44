"""The commonest bars of a run, written out: an entry or a close at the open, or a settlement, where
nothing else in the bar can happen.

What ``matching.walk`` does with such a bar takes a dozen objects and several times as long. Each
method here first makes sure that the bar is of its kind, by the walk's own comparisons; if it is
not it leaves everything as it was and says so, and the bar is walked. What is booked is what
``changes`` books, in its order and to the last bit: ``tests/direct/test_plain.py`` holds every kind
of bar against the walk.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from types import MappingProxyType

from deleverage import account as accounts
from deleverage import margin
from deleverage.account import Position, State
from deleverage.book import WorkingOrder
from deleverage.broker import PerpetualBroker
from deleverage.feedview import FeedView
from deleverage.journal import FREE, Cause, Fill, FundingPayment
from deleverage.ledger import Rows
from deleverage.records import swift
from deleverage.slippage import BP, FixedBp, Liquidity
from deleverage.steps import Due
from deleverage.venues.rules import VenueRules

_fill, _payment = swift(Fill), swift(FundingPayment)
_TRANSFER, _FEE, _FILL, _FUNDING = Cause.TRANSFER, Cause.FEE, Cause.FILL, Cause.FUNDING
_NOTHING: MappingProxyType[str, Position] = MappingProxyType({})


class Plain:
    """An isolated account on one market, at bars in which one thing happens and nothing else can.

    Every method returns whether it has taken the bar.
    """

    def __init__(self, broker: PerpetualBroker, view: FeedView) -> None:
        self.broker, self.view = broker, view
        self.ledger, self.symbol = broker.account, view.symbol
        self.terms, self.slippage = broker.desk.terms, broker.desk.slippage
        self.last, self.marks = view.prices()
        self.closes, self.settlements = view.close_times(), view.settlements
        self.fee = broker.desk.fees[self.symbol].taker
        self.leverage = self.terms.leverage[self.symbol]
        self.usable, self.fills = self.terms.isolated, broker.journal.fills
        self.dues: dict[int, tuple[Due, ...]] = {}

    # ---------------------------------------------------------------- the three kinds of bars

    def enter(self, bar: int, ref: int, side: int, size: float,
              children: list[WorkingOrder]) -> bool:
        """Fill an entry of ``size`` coins at the open of a bar that touches none of its
        ``children`` (as they will be once it has filled)."""
        if not self.usable or bar in self.settlements or self._touched(children, bar):
            return False
        before, asked, rules = self.ledger.state, self.last[0][bar], self.terms.rules[self.symbol]
        price, signed = self._slipped(bar, side, size, asked), side * size
        posted, fee = size * price / self.leverage, size * price * self.fee
        free = before.free - posted - fee
        if not free >= 0 or self.leverage > rules.position_limit(size, price):
            return False
        number = before.opened + 1
        position = Position(self.symbol, signed, price, posted, self.leverage, number)
        level = self._level_of(position, rules)
        if not self._clear(side, level, bar):
            return False
        after = State(free, MappingProxyType({self.symbol: position}), number)
        rows: Rows = [(_TRANSFER, self.symbol, posted), (_TRANSFER, FREE, -posted)]
        if fee:
            rows.append((_FEE, FREE, -fee))
        worst = min(before.free, *self._worth(free, position, bar))
        self._book(bar, after, rows, worst, _fill(
            len(self.fills), bar, self.closes[bar], self.symbol, ref, signed, price, "market",
            "taker", fee, 0.0, signed, 0.0, number, signed, price, posted,
            max(0.0, side * (price - asked)) * size))
        self._shoot(bar, free, position, level)
        return True

    def leave(self, bar: int, ref: int) -> bool:
        """Close the position at the open of a bar, with nothing else on the book."""
        before = self.ledger.state
        position = before.positions[self.symbol]
        level = accounts.level(before, self.symbol, {}, self.terms)
        mark, asked, side = self.marks[0][bar], self.last[0][bar], position.side
        if not self.usable or bar in self.settlements or (
                level is not None and not (mark - level) * side > 0):
            return False
        size, posted, entry = abs(position.size), position.margin, position.entry_price
        price = self._slipped(bar, -side, size, asked)
        if self.terms.forces and (price - self.terms.rules[self.symbol].bankruptcy_price(
                side, size, entry, posted)) * side < 0:
            return False  # not beyond bankruptcy
        realised, fee = position.size * (price - entry), size * price * self.fee
        free = before.free + posted + realised - fee
        if not free >= 0:
            return False
        rows: Rows = [(_TRANSFER, self.symbol, -posted), (_TRANSFER, FREE, posted)] \
            if posted else []
        rows.append((_FILL, FREE, realised))
        if fee:
            rows.append((_FEE, FREE, -fee))
        after = State(free, _NOTHING, before.opened)
        worst = min(before.free + posted + position.size * (mark - entry), free)
        self._book(bar, after, rows, worst, _fill(
            len(self.fills), bar, self.closes[bar], self.symbol, ref, -position.size, price,
            "market", "taker", fee, -position.size, 0.0, realised, position.number, 0.0, math.nan,
            0.0, max(0.0, side * (asked - price)) * size))
        self.ledger.snapshot(bar, self.closes[bar], self.symbol, {})
        return True

    def settle(self, bar: int, book: Iterable[WorkingOrder]) -> bool:
        """Settle funding at the close of a bar that touches no order of the book."""
        if not self.usable or self._touched(book, bar):
            return False
        before, ledger = self.ledger.state, self.ledger
        position, due = before.positions[self.symbol], self._due(bar)
        rules, side = self.terms.rules[self.symbol], position.side
        level = accounts.level(before, self.symbol, {}, self.terms)
        if due is None or not self._clear(side, level, bar):
            return False
        worst = min(self._worth(before.free, position, bar))
        amount = margin.funding_amount(position.size, due.price, due.rate)
        free, part = self._paid(rules, before.free, amount)
        held = position
        if part:
            held = position.with_margin(position.margin + part)
            level = self._level_of(held, rules)
            if not self._clear(side, level, bar):
                return False
        after = State(before.free + free, MappingProxyType({self.symbol: held}), before.opened)
        rows = [(_FUNDING, balance, paid)
                for balance, paid in ((FREE, free), (self.symbol, part)) if paid]
        payer = "free and position" if free and part else "free" if free or not amount else \
            "position"
        ts, journal = self.closes[bar], ledger.journal
        ledger.post(after, bar, due.ts, self.symbol, rows)
        journal.funding.append(_payment(
            bar, due.ts, self.symbol, position.size, due.price, due.rate, amount, payer, due.state,
            position.number, due.basis, 0.0))
        self._shoot(bar, after.free, held, level)
        journal.worst_equity[ts] = min(worst, _equity(after.free, held, self.marks[3][bar]))
        return True

    def _due(self, bar: int) -> Due | None:
        """The settlement of a bar, if it is one alone, at its close, and known."""
        dues = self.dues.get(bar)
        if dues is None:
            self.view.advance(bar + 1)
            dues = self.dues[bar] = self.broker._treasurer.dues(
                self.view, self.terms.rules[self.symbol])
        if len(dues) != 1 or dues[0].share < 1 or dues[0].problem or dues[0].state != "settled" \
                or math.isnan(dues[0].rate):
            return None
        return dues[0]

    @staticmethod
    def _paid(rules: VenueRules, free: float, amount: float) -> tuple[float, float]:
        """What of a payment the free balance and the position's margin take: ``changes.fund``."""
        if rules.funding_payer == "position":
            return 0.0, amount
        from_free = -min(-amount, max(free, 0.0)) if amount < 0 else amount
        return from_free, amount - from_free

    # ---------------------------------------------------------------- what they share

    def _book(self, bar: int, after: State, rows: Rows, worst: float, fill: Fill) -> None:
        ledger, ts = self.ledger, self.closes[bar]
        ledger.post(after, bar, ts, self.symbol, rows)
        self.fills.append(fill)
        ledger.journal.worst_equity[ts] = worst

    def _shoot(self, bar: int, free: float, position: Position, level: float | None) -> None:
        self.ledger.held(bar, self.closes[bar], self.symbol, position, free + position.margin,
                         level)

    def _level_of(self, position: Position, rules: VenueRules) -> float | None:
        """``account.liquidation_price`` of an isolated position, kept for who asks next."""
        level = None
        if self.terms.forces:
            level = rules.liquidation_level(position.side, abs(position.size),
                                            position.entry_price, position.margin)
        self.terms.known[self.symbol] = position, rules, level
        return level

    def _slipped(self, bar: int, side: int, size: float, price: float) -> float:
        """``Floor.slipped`` for a fill at the open."""
        policy, high, low = self.slippage, self.last[1][bar], self.last[2][bar]
        if type(policy) is FixedBp:
            share = policy.bp * BP
        else:
            share = policy.share(side, size, price, Liquidity(price, high, low,
                                                              *self.view.traded(bar)))
        moved = price * (1 + side * share)
        return max(price, min(moved, high)) if side > 0 else min(price, max(moved, low))

    def _touched(self, orders: Iterable[WorkingOrder], bar: int) -> bool:
        """Whether the bar's range can touch a stop or a limit: ``matching.may_act``."""
        for order in orders:
            trigger = order.trigger
            series = self.marks if trigger is not None and order.source == "mark" else self.last
            level = order.limit if trigger is None else trigger
            if level is None or (series[1][bar] >= level if (order.side > 0) == (
                    trigger is not None) else series[2][bar] <= level):
                return True
        return False

    def _clear(self, side: int, level: float | None, bar: int) -> bool:
        """Whether the mark stays away from a liquidation price all through the bar."""
        if level is None:
            return True
        return self.marks[2][bar] > level if side > 0 else self.marks[1][bar] < level

    def _worth(self, free: float, position: Position, bar: int) -> tuple[float, ...]:
        """Equity at the mark's open, high, low and close."""
        base, size, entry = free + position.margin, position.size, position.entry_price
        opens, highs, lows, closes = self.marks
        return (base + size * (opens[bar] - entry), base + size * (highs[bar] - entry),
                base + size * (lows[bar] - entry), base + size * (closes[bar] - entry))


def _equity(free: float, position: Position, mark: float) -> float:
    """``account.equity`` with one position."""
    return free + position.margin + position.size * (mark - position.entry_price)
