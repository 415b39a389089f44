"""What happens inside one bar (docs/inside-one-bar.md): open, path, close, in the order of time.

Pure: from a state, a book and the bars that end at one instant to the steps taken and the state and
book they lead to. The same comparisons decide fills here and which bars need a visit at all.

Two candidate paths, O-L-H-C and O-H-L-C, are applied to last and mark alike; all instruments walk
leg by leg together. On a leg a level's time is its share of the leg in its own series; at equal
time funding comes first, then liquidation, then orders by submission.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deleverage import book as books
from deleverage import changes, legs, margin
from deleverage.account import State
from deleverage.book import Book, Desk, Kind, WorkingOrder
from deleverage.forcing import Forcing
from deleverage.legs import HIGH_FIRST, LEGS, LOW_FIRST, reached
from deleverage.policies import InsideBar
from deleverage.records import unlocked
from deleverage.steps import Bar, Deleveraged, Deleveraging, Due, Funded, Triggered

Ways = Mapping[str, tuple[str, ...]]  # by symbol: the corners of its path

_FEW = 3  # instruments up to which every combination of paths is a candidate


@unlocked
@dataclass(frozen=True, slots=True)
class Event:
    """Something met on a leg: when, before what else, and what it is."""

    time: float
    rank: int  # 0 what the venue does at a set time, 1 liquidation, 2 orders
    number: int
    slot: str | None = None  # of a liquidation; None: the account as a whole
    ref: int | None = None
    timed: tuple[str, Due | Deleveraging] | None = None


class Walk(Forcing):
    """One walk through the bars that end at one instant."""

    # -------------------------------------------------------------- the parts of a bar

    def at_open(self) -> None:
        """Gap check of liquidation at mark open, then everything that fills at the open."""
        self.check_liquidation(self.bars, gap=True)
        for ref in list(self.book):
            order = self.book.get(ref)
            if order is not None and order.symbol in self.bars and order.live:
                self._order_at_open(order)
        if self.steps:
            self.note()

    def meets_nothing(self) -> bool:
        """Whether nothing can happen between the bars' open and close, whatever their paths.

        False is always safe. Most bars that are walked are walked for an order that fills at the
        open or a settlement at the close; without the legs between they cost a third.
        """
        if not self.desk.terms.isolated and self.joint():
            return False
        for bar in self.bars.values():
            for timed in bar.timed:
                if timed.share < 1:
                    return False
        for order in self.book.values():
            if order.symbol in self.bars and may_act(order, self.bars[order.symbol]):
                return False
        for slot, position in self.state.positions.items():
            level = self.level(slot) if position.symbol in self.bars else None
            if level is None:
                continue
            mark = self.bars[position.symbol].mark
            if not (mark.low > level if position.size > 0 else mark.high < level):
                return False
        return True

    def pass_by(self, ways: Ways) -> None:
        """Go to the bars' close by a path that meets nothing, noting what equity was on it."""
        bars, marks = self.bars.items(), self.marks
        if self.state.positions:
            for corner in range(1, LEGS + 1):
                for symbol, bar in bars:
                    marks[symbol] = getattr(bar.mark, ways[symbol][corner])
                self.note()
        for symbol, bar in bars:
            self.last[symbol], marks[symbol] = bar.last.close, bar.mark.close

    def along(self, ways: Ways) -> None:
        """Walk the legs between the bars' corners."""
        for number in range(LEGS):
            self._leg(number, ways)

    def at_close(self) -> None:
        """Orders at the close whose session ends here; then what falls due at this instant."""
        self.passed, before = 1.0, len(self.steps)
        for ref in list(self.book):
            order = self.book.get(ref)
            if order is not None and order.kind is Kind.AT_CLOSE and order.live \
                    and order.symbol in self.bars:
                self.fill(order, self.last[order.symbol], "taker")
                # the new position's level may lie beyond this mark
                self.check_liquidation([order.symbol])
        for symbol, bar in self.bars.items():
            for timed in bar.timed:
                if timed.share >= 1:
                    self._timed(symbol, timed)
        if len(self.steps) > before:
            self.note()

    def end_equity(self) -> float:
        """Equity at the marks where the walk stands."""
        return self.equity()

    # -------------------------------------------------------------- the open

    def _order_at_open(self, order: WorkingOrder) -> None:
        bar = self.bars[order.symbol]
        price = bar.last.open
        if order.kind is Kind.MARKET:
            self.fill(order, price, "taker")
        elif _waits(order):
            assert order.trigger is not None
            source = bar.mark.open if order.source == "mark" else price
            if (source - order.trigger) * order.side >= 0:
                self._trigger(order, price)
        if order.kind in (Kind.LIMIT, Kind.STOP_LIMIT) and order.ref in self.book:
            order = self.book[order.ref]
            if not _waits(order):
                self._limit_at_open(order, price)

    def _limit_at_open(self, order: WorkingOrder, price: float) -> None:
        assert order.limit is not None
        room = (order.limit - price) * order.side
        if room > 0 or (room == 0 and self.policy.fill == "touch"):
            self.fill(order, price, "taker", slip=False)

    # -------------------------------------------------------------- the path

    def _leg(self, number: int, ways: Ways) -> None:
        lasts, marks = {}, {}
        for symbol, bar in self.bars.items():
            start, end = ways[symbol][number], ways[symbol][number + 1]
            lasts[symbol] = getattr(bar.last, start), getattr(bar.last, end)
            marks[symbol] = getattr(bar.mark, start), getattr(bar.mark, end)
        timed = self._timed_on(number)
        time = 0.0
        while True:
            event = min(self._events(lasts, marks, time, timed), key=_when, default=None)
            if event is None:
                break
            time = event.time
            self.passed = (number + time) / LEGS
            for symbol in self.bars:
                self.last[symbol] = legs.at(lasts[symbol], time)
                self.marks[symbol] = legs.at(marks[symbol], time)
            self._carry_out(event, timed)
            self.note()
        for symbol in self.bars:
            self.last[symbol], self.marks[symbol] = lasts[symbol][1], marks[symbol][1]
        self.note()

    def _carry_out(self, event: Event, timed: list[Event]) -> None:
        if event.timed is not None:
            timed.remove(event)
            self.note()
            self._timed(*event.timed)
        elif event.ref is not None:
            order = self.book[event.ref]
            self.last[order.symbol] = _snapped(self.last[order.symbol], _level(order))
            self.note()
            self._meet(order)
        else:
            if event.slot is not None:
                symbol, level = self.state.positions[event.slot].symbol, self.level(event.slot)
                assert level is not None
                self.marks[symbol] = _snapped(self.marks[symbol], level)
            self.note()
            self.liquidate(event.slot, gap=False, cause="cross" if event.slot is None else "mark")

    def _timed_on(self, number: int) -> list[Event]:
        """What falls due on one leg at a set time, in the order of time; not at the bar's close."""
        found: list[Event] = []
        for symbol, bar in self.bars.items():
            for timed in bar.timed:
                leg, time = legs.place(timed.share)
                if leg == number and timed.share < 1:
                    found.append(Event(time, 0, len(found), timed=(symbol, timed)))
        return found

    def _events(self, lasts: legs.Leg, marks: legs.Leg, time: float,
                timed: list[Event]) -> Iterator[Event]:
        yield from timed
        yield from self._liquidations(marks, time)
        for number, order in enumerate(self.book.values()):
            if order.symbol in self.bars and order.live:
                at = self._order_time(order, lasts[order.symbol], marks[order.symbol], time)
                if at is not None:
                    yield Event(at, 2, number, ref=order.ref)

    def _liquidations(self, marks: legs.Leg, time: float) -> Iterator[Event]:
        if self.joint(marks):
            at = legs.exhausted(self.state, self.desk.terms, self.marks, marks, time)
            if at is not None:
                yield Event(at, 1, 0)
            return
        for number, (slot, position) in enumerate(self.state.positions.items()):
            if position.symbol not in marks:
                continue
            level = self.level(slot)
            if level is not None:
                at = reached(*marks[position.symbol], time, level, position.size > 0, strict=False)
                if at is not None:
                    yield Event(at, 1, number, slot=slot)

    def _order_time(self, order: WorkingOrder, last: tuple[float, float],
                    mark: tuple[float, float], time: float) -> float | None:
        if order.kind is Kind.AT_CLOSE:
            return None
        if _waits(order):
            assert order.trigger is not None
            series = mark if order.source == "mark" else last
            return reached(*series, time, order.trigger, order.side < 0, False)
        if self.full(order.symbol):
            return None
        if order.kind is Kind.MARKET:
            return time  # a market child whose parent has just filled
        assert order.limit is not None
        return reached(*last, time, order.limit, order.side > 0, self.policy.fill == "through")

    def _meet(self, order: WorkingOrder) -> None:
        """An order's level is met on the path."""
        price = self.last[order.symbol]
        if order.kind is Kind.MARKET:
            self.fill(order, price, "taker")
        elif _waits(order):
            self._trigger(order, price)
        else:
            assert order.limit is not None
            # already through it (a child just activated, a stop-limit just triggered): the market
            better = min if order.side > 0 else max
            price = better(order.limit, price)
            self.fill(order, price, "maker" if price == order.limit else "taker", slip=False)

    def _trigger(self, order: WorkingOrder, price: float) -> None:
        if order.kind is Kind.STOP:
            assert order.trigger is not None
            worse = max if order.side > 0 else min
            self.fill(order, worse(price, order.trigger), "taker", stop=True)
            return
        self.book = books.changed(self.book, order.ref, triggered=True)
        self.steps.append(Triggered(order.ref))
        reason = books.refusal(self.book[order.ref], self.state, self.book, self.marks, self.desk)
        if reason is not None:
            self.refuse(order, reason)

    # -------------------------------------------------------------- what the venue does in time

    def _timed(self, symbol: str, timed: Due | Deleveraging) -> None:
        self.passed = timed.share
        if isinstance(timed, Due):
            self._fund(symbol, timed)
        else:
            self._deleverage(symbol, timed)

    def _fund(self, symbol: str, due: Due) -> None:
        """A settlement on what is held at its instant, then the maintenance check of it."""
        for slot, position in list(self.state.positions.items()):
            if position.symbol != symbol:
                continue
            amount, payer = 0.0, ""
            change = changes.Change(self.state, ())
            if due.rate == due.rate and not due.problem:
                amount = margin.funding_amount(position.size, due.price, due.rate)
                change, payer = changes.fund(self.state, self.desk.terms, slot, amount)
            self.steps.append(Funded(position, due, change, amount, payer))
            self.state = change.state
        self.note()
        self.check_liquidation([symbol], cause="funding")

    def _deleverage(self, symbol: str, event: Deleveraging) -> None:
        """The venue takes its part; what was ordered for the whole position dies with it.

        Venues that say what becomes of open orders cancel them (CoinEx, CoinTR, BitMEX).
        """
        instrument = self.desk.instruments[symbol]
        for slot, position in list(self.state.positions.items()):
            if position.symbol != symbol or position.side != event.side:
                continue
            size = instrument.round_size(-position.size * event.part)
            if size:
                for order in list(self.book.values()):
                    if order.slot == slot:
                        self.drop(order.ref, "auto-deleveraging")
                price = self._within_margin(position, size, event.price)
                done = changes.fill(self.state, self.desk.terms, symbol, size, price, 0.0,
                                    instrument.round_size, slot)
                self.steps.append(Deleveraged(position, slot, done, price))
                self.state = done.change.state
        self.note()
        self.check_liquidation([symbol])


def _when(event: Event) -> tuple[float, int, int]:
    # two levels met at once are met at once, whatever rounding made of their times
    return round(event.time, 12), event.rank, event.number


def _waits(order: WorkingOrder) -> bool:
    """Whether an order still waits for its trigger."""
    return order.kind in (Kind.STOP, Kind.STOP_LIMIT) and not order.triggered


def _level(order: WorkingOrder) -> float:
    """The price an order now waits for (0 for a market order, which waits for none)."""
    return (order.trigger if _waits(order) else order.limit) or 0.0


def _snapped(price: float, level: float) -> float:
    """The level itself where interpolation has come back to it but for rounding."""
    return level if math.isclose(price, level, rel_tol=1e-12) else price


def may_act(order: WorkingOrder, bar: Bar) -> bool:
    """Whether the bar's range can touch the order at all: a superset of what fills or triggers."""
    if not order.live:
        return False
    if order.kind in (Kind.MARKET, Kind.AT_CLOSE):
        return True
    series = bar.mark if _waits(order) and order.source == "mark" else bar.last
    upward = (order.side > 0) == _waits(order)  # buy stops and sell limits are met from below
    return series.high >= _level(order) if upward else series.low <= _level(order)


def walk(desk: Desk, policy: InsideBar, bars: Mapping[str, Bar], state: State, book: Book,
         still: Mapping[str, float]) -> Walk:
    """Walk the bars that end at one instant by the path policy; returns the walk that was chosen.

    ``bars`` by symbol; ``still`` are the marks of the symbols whose bars do not end here.
    """
    opened = Walk(desk, policy, bars, state, book, still)
    opened.at_open()
    if opened.meets_nothing():  # every path ends alike
        opened.pass_by(_as_it_went(bars) if policy.path == "ohlc" else
                       dict.fromkeys(bars, LOW_FIRST))
        opened.at_close()
        return opened
    ways = candidates(policy, bars, state)
    chosen = _finish(opened, ways[0])
    if len(chosen.steps) == len(opened.steps) and not chosen.joint():
        return chosen  # a path that meets nothing: no other one meets anything either
    for way in ways[1:]:
        other = _finish(opened, way)
        better = other.end_equity() - chosen.end_equity()
        if better > 0 if policy.path == "favourable" else better < 0:
            chosen = other
    return chosen


def candidates(policy: InsideBar, bars: Mapping[str, Bar], state: State) -> list[Ways]:
    """The paths to choose from, O-L-H-C before O-H-L-C.

    A few instruments: every combination. Many: all low first, all high first, each as its bar went,
    and every position to its worst, or to its best, first.
    """
    as_it_went = _as_it_went(bars)
    if policy.path == "ohlc":
        return [as_it_went]
    if len(bars) <= _FEW:
        return [dict(zip(bars, corners, strict=True)) for corners in
                itertools.product((LOW_FIRST, HIGH_FIRST), repeat=len(bars))]
    net = dict.fromkeys(bars, 0.0)
    for position in state.positions.values():
        if position.symbol in net:
            net[position.symbol] += position.size
    worst = {symbol: LOW_FIRST if size >= 0 else HIGH_FIRST for symbol, size in net.items()}
    best = {symbol: HIGH_FIRST if size >= 0 else LOW_FIRST for symbol, size in net.items()}
    return [dict.fromkeys(bars, LOW_FIRST), dict.fromkeys(bars, HIGH_FIRST), as_it_went, worst,
            best]


def _as_it_went(bars: Mapping[str, Bar]) -> Ways:
    return {symbol: LOW_FIRST if bar.last.close >= bar.last.open else HIGH_FIRST
            for symbol, bar in bars.items()}


def _finish(opened: Walk, ways: Ways) -> Walk:
    taken = opened.fork()
    taken.along(ways)
    taken.at_close()
    return taken
