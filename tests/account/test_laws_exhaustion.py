"""When a cross account gives out on a leg: the closed form against a scan of the leg.

The scan knows nothing of brackets or slopes: it takes maintenance from the ladder's rows one by one
at thousands of marks and halves the first step on which equity falls to it. Books with several
instruments, with both sides of one, on ladders that bend and on ladders that jump.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import strategies as st

from deleverage import account, legs, venues
from deleverage.account import Position, State, Terms, slot_of
from deleverage.venues.ladder import Ladder, LadderUse
from tests.account.generated import BTC, CONTRACTS, ETH, EXAMPLES, LADDER, hold
from tests.core.desks import make_ladder

# as OKX's a rate for the whole position, but by its notional: maintenance jumps on the leg
JUMPING = make_ladder((0, 20_000, .004), (20_000, 60_000, .01), (60_000, 150_000, .02),
                      (150_000, 400_000, .035), (400_000, None, .06), jumps=True)
KINDS = {"binance": LADDER, "bybit": LADDER, "hyperliquid": LADDER, "okx": CONTRACTS,
         "okx jumping": JUMPING}
BOUNDS = [upper for upper in LADDER.uppers if upper < 600_000]  # JUMPING has the same
STEPS = 2_000
Leg = tuple[float, float]


@dataclass(frozen=True)
class Stretch:
    """A cross account on a leg: positions, the marks that move and those that stand still.

    The free balance is such that equity is ``spare`` above maintenance at the share ``where``.
    """

    kind: str
    positions: tuple[Position, ...]
    moving: dict[str, Leg]
    still: dict[str, float]
    time: float
    where: float
    spare: float

    @property
    def ladder(self) -> Ladder:
        """The ladder of every instrument."""
        return KINDS[self.kind]

    @property
    def terms(self) -> Terms:
        """The venue's rules on it."""
        rules = venues.rules_class(self.kind.split()[0])
        return Terms("cross", {symbol: rules(symbol, LadderUse(self.ladder, 0))
                               for symbol in (ETH, BTC)}, {ETH: 10.0, BTC: 10.0}, hedge=True)

    @property
    def state(self) -> State:
        """The account."""
        slots = {slot_of(held.symbol, held.side, True): held for held in self.positions}
        return State(self.spare - self.room(0.0, np.array([self.where]))[0],
                     MappingProxyType(slots), len(slots))

    @property
    def bound(self) -> bool:
        """Whether the notional of a position crosses a bound on the leg."""
        worths = [sorted(abs(held.size) * mark for mark in self.moving[held.symbol])
                  for held in self.positions if held.symbol in self.moving]
        return any(low < bound < high for low, high in worths for bound in BOUNDS)

    def room(self, free: float, times: np.ndarray) -> np.ndarray:
        """Equity less maintenance at shares of the leg, from the ladder's rows one by one."""
        fee = self.terms.rules[ETH].maintenance_fee
        total = np.full(len(times), free)
        for held in self.positions:
            start, end = self.moving.get(held.symbol, (self.still.get(held.symbol, 0.0),) * 2)
            mark = start + (end - start) * times
            worth = abs(held.size) * mark
            counted = worth
            if self.ladder.unit == "contracts":
                counted = np.full(len(times), abs(held.size) / self.ladder.contract_size)
            rate, amount = np.zeros(len(times)), np.zeros(len(times))
            for rung in self.ladder.brackets:
                inside = counted > rung.lower
                rate, amount = (np.where(inside, value, before) for value, before in
                                ((rung.rate, rate), (rung.amount, amount)))
            total += held.size * (mark - held.entry_price) - worth * (rate + fee) + amount
        return total

    def scanned(self) -> float | None:
        """The first share of the leg at which nothing is left above maintenance."""
        free = self.state.free
        times = np.linspace(self.time, 1.0, STEPS + 1)
        below = np.flatnonzero(self.room(free, times) <= 0)
        if not len(below):
            return None
        first = int(below[0])
        return self.time if not first else _halved(
            lambda at: self.room(free, np.array([at]))[0] <= 0,
            float(times[first - 1]), float(times[first]))


def _halved(below: Callable[[float], bool], low: float, high: float) -> float:
    while high - low > 1e-14:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if below(middle) else (middle, high)
    return high


# ------------------------------------------------------------------ what is drawn

_worth = st.one_of(st.integers(1_000, 80_000), st.integers(1_000, 600_000))
_moves = st.one_of(st.integers(-400, 400), st.integers(-2_000, 2_000))
_slots = [(ETH, 1), (ETH, -1), (BTC, 1), (BTC, -1)]
_books = st.sets(st.sampled_from(_slots), min_size=2, max_size=4).map(sorted)
_single = st.sampled_from(_slots).map(lambda slot: [slot])


@st.composite
def stretches(draw: st.DrawFn, kind: str, books: st.SearchStrategy[list[tuple[str, int]]],
              times: st.SearchStrategy[float]) -> Stretch:
    """Positions worth up to 600,000 with entries about, and a leg of up to 20 %."""
    book = draw(books)
    held = {symbol for symbol, _ in book}
    moves = {symbol: draw(_moves) for symbol in sorted(held)}
    positions = []
    for number, (symbol, side) in enumerate(book, start=1):
        price = 3_000.0 if symbol == ETH else 60_000.0
        entry = price * (1 + draw(st.integers(-500, 500)) / 1e4)
        worth = float(draw(_worth))
        if draw(st.booleans()):  # a bound lies on the leg, if the position's mark moves
            share = draw(st.integers(0, 1_000)) / 1_000
            worth = draw(st.sampled_from(BOUNDS)) / (1 + share * moves[symbol] / 1e4)
        size = round(worth / price, 3)
        positions.append(Position(symbol, side * max(size, 0.001), entry, 0.0, 10.0, number))
    stays = draw(st.sampled_from([*sorted(held), None, None])) if len(held) > 1 else None
    price_of = {ETH: 3_000.0, BTC: 60_000.0}
    moving = {symbol: (price_of[symbol], price_of[symbol] * (1 + move / 1e4))
              for symbol, move in moves.items() if symbol != stays}
    still = {symbol: price_of[symbol] for symbol in held if symbol == stays}
    return Stretch(kind, tuple(positions), moving, still, draw(times),
                   draw(st.integers(0, 1_000)) / 1_000,
                   draw(st.sampled_from([0.0, 0.0, 1.0, 500.0, -20.0])))


# ------------------------------------------------------------------ the laws


@EXAMPLES
@pytest.mark.parametrize("kind", list(KINDS))
def test_the_closed_form_agrees_with_a_scan(kind: str, examples: int) -> None:
    """It gives out where the scan says, and not at all where that finds nothing."""
    seen: Counter[str] = Counter()

    def law(stretch: Stretch) -> None:
        answer = legs.exhausted(stretch.state, stretch.terms, stretch.still, stretch.moving,
                                stretch.time)
        expected = stretch.scanned()
        _check(stretch, answer, expected)
        seen.update({"all": 1, "on the way": answer is not None and stretch.time < answer < 1,
                     "none": answer is None, "bound": stretch.bound,
                     "both sides": len(stretch.positions) > len(
                         {held.symbol for held in stretch.positions})})

    hold(law, examples, stretches(kind, _books, st.sampled_from([0.0, 0.0, 0.3, 0.7])))
    for name in ("on the way", "none", "bound", "both sides"):
        assert seen[name] >= 0.1 * seen["all"], seen


def _check(stretch: Stretch, answer: float | None, expected: float | None) -> None:
    """Equal to 1e-9; where equity only touches maintenance, either may pass over the touch."""
    if answer is None and expected is None:
        return
    if answer is not None and expected is not None and abs(answer - expected) <= 1e-9:
        return
    earlier = min(at for at in (answer, expected) if at is not None)
    near = 1e-11 * sum(abs(held.size) * held.entry_price for held in stretch.positions)
    if earlier == answer:  # between two steps of the scan, or a touch
        # a jump lies just behind its bound
        room = stretch.room(stretch.state.free, np.array([earlier, earlier + 1e-12]))
        assert room.min() <= near, (answer, expected, room)
    else:  # at its own root there is nothing to see: on the way to the later nothing may be lacking
        times = np.linspace(earlier, 1.0 if answer is None else answer, STEPS)
        room = stretch.room(stretch.state.free, times[:-1])
        assert room.min() >= -near, (answer, expected, room.min())


@EXAMPLES
@pytest.mark.parametrize("kind", list(KINDS))
def test_of_one_position_it_is_the_liquidation_price(kind: str, examples: int) -> None:
    """The share of the leg at which the mark meets the venue's own price for it."""
    seen: Counter[str] = Counter()

    def law(stretch: Stretch) -> None:
        state, terms, held = stretch.state, stretch.terms, stretch.positions[0]
        level = account.liquidation_price(state, next(iter(state.positions)), {}, terms)
        leg = stretch.moving[held.symbol]
        expected = None if level is None else legs.reached(
            *leg, stretch.time, level, held.size > 0, strict=False)
        answer = legs.exhausted(state, terms, {}, stretch.moving, stretch.time)
        _check(stretch, answer, expected)
        seen.update({"all": 1, "on the way": answer is not None and stretch.time < answer < 1})

    hold(law, examples, stretches(kind, _single, st.sampled_from([0.0, 0.3])))
    assert seen["on the way"] >= 0.1 * seen["all"], seen
