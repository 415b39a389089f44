"""Splitting on the lot step changes nothing: a fill in two parts, an order in two sent together.

Within 1e-9 of every figure of the account. Slippage that depends on the size of a fill is left out:
there two small orders cost less than a large one, and should.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import strategies as st

from deleverage import changes, forced, venues
from deleverage.account import Position, State, Terms
from deleverage.instrument import Instrument
from deleverage.journal import Cause
from deleverage.venues.ladder import LadderUse
from tests.account.generated import (
    ETH,
    EXAMPLES,
    LOT,
    Scene,
    hold,
    ladder_of,
    scenes,
)
from tests.account.lives import Life, Tally, live
from tests.account.orders import Cancel, Send

ROUND = Instrument(ETH, "any", lot_size=LOT).round_size
MODES = st.sampled_from(["isolated", "cross"])
LOTS = st.integers(1, 20_000)
SIDES = st.sampled_from([1, -1])


def _terms(venue: str, mode: str, leverage: float = 10.0) -> Terms:
    rules = venues.rules_class(venue)(ETH, LadderUse(ladder_of(venue), 0))
    return Terms(mode, {ETH: rules}, {ETH: leverage})


def _same(one: State, two: State) -> None:
    """Two states are the same account."""
    assert one.wallet == pytest.approx(two.wallet, rel=1e-9, abs=1e-9)
    assert one.free == pytest.approx(two.free, rel=1e-9, abs=1e-9)
    assert one.opened == two.opened
    assert list(one.positions) == list(two.positions)
    for slot, mine in one.positions.items():
        other = two.positions[slot]
        assert (mine.leverage, mine.number) == (other.leverage, other.number)
        for name in ("size", "entry_price", "margin"):
            assert getattr(mine, name) == pytest.approx(getattr(other, name), rel=1e-9, abs=1e-9)


# ------------------------------------------------------------------ a fill


@EXAMPLES
def test_splitting_a_fill_changes_nothing(examples: int) -> None:
    """Opening, adding, reducing, closing, reversing: two parts at one price are the whole."""
    seen: Counter[str] = Counter()

    def law(mode: str, kind: str, held: int, lots: int, share: int, moved: int,
            rate: float) -> None:
        side = -1 if (held > 0) != (kind == "opens") else 1
        whole_lots = {"opens": lots + 1, "reduces": 2 + lots % (abs(held) - 2),
                      "closes": abs(held), "reverses": abs(held) + lots}[kind]
        first = max(1, whole_lots * share // 100)
        second = whole_lots - first
        terms = _terms("binance", mode)
        before = State(1e7)
        if kind != "opens" or share % 2:  # half of the openings add to a position
            before = changes.fill(before, terms, ETH, held * LOT, 3_000.0, 0.0).change.state
        price = 3_000.0 * (1 + moved / 1e4)

        def filled(state: State, lots: int) -> changes.Executed:
            return changes.fill(state, terms, ETH, side * lots * LOT, price, rate, ROUND)

        whole, one = filled(before, first + second), filled(before, first)
        two = filled(one.change.state, second)
        _same(whole.change.state, two.change.state)
        for name in ("closed", "opened", "realised", "fee"):
            assert getattr(whole, name) == pytest.approx(
                getattr(one, name) + getattr(two, name), rel=1e-9, abs=1e-9)
        seen[kind] += 1

    kinds = ("opens", "reduces", "closes", "reverses")
    hold(law, examples, MODES, st.sampled_from(kinds),
         st.sampled_from([10_000, -10_000, 25_000, -40_000]), LOTS, st.integers(1, 99),
         st.integers(-300, 300), st.sampled_from([0.0, 0.0005, -0.0002]))
    assert all(seen[name] for name in kinds), seen


@EXAMPLES
def test_splitting_a_forced_reduction_changes_nothing(examples: int) -> None:
    """Every venue's fee, isolated and cross, down to the last coin and up to the bankruptcy price.
    """
    seen: Counter[str] = Counter()

    def law(venue: str, mode: str, side: int, first: int, second: int, part: float, mark: float,
            rate: float) -> None:
        size = 40_000
        terms = _terms(venue, mode)
        held = Position(ETH, side * size * LOT, 3_000.0, 12_000.0 if terms.isolated else 0.0, 10.0,
                        1)
        before = State(2_000.0 if terms.isolated else 12_000.0, MappingProxyType({ETH: held}), 1)
        price = 3_000 - side * 300 * part  # under water, at most at bankruptcy
        marks = {ETH: 3_000 * (1 - side * mark)}
        first = min(first, size - 1)
        second = min(second, size - first)

        def closed(state: State, lots: int) -> forced.Forced:
            return forced.reduce(state, terms, ETH, lots * LOT, price, rate, marks, ROUND)

        whole, one = closed(before, first + second), closed(before, first)
        two = closed(one.change.state, second)
        _same(whole.change.state, two.change.state)
        for name in ("closed", "realised", "fee", "returned", "loss"):
            assert getattr(whole, name) == pytest.approx(
                getattr(one, name) + getattr(two, name), rel=1e-9, abs=1e-9)
        seen["whole" if first + second == size else "part"] += 1

    lots = st.one_of(LOTS, st.just(39_999))
    hold(law, examples, st.sampled_from(venues.names()), MODES, SIDES, lots, lots, st.floats(0, 1),
         st.floats(-0.05, 0.1), st.sampled_from([0.0, 0.0125, 0.05]))
    assert seen["whole"] >= 0.1 * sum(seen.values()), seen
    assert seen["part"] >= 0.1 * sum(seen.values()), seen


# ------------------------------------------------------------------ an order


@EXAMPLES
def test_an_order_split_into_two_sent_together_changes_nothing(examples: int) -> None:
    """Every order of a life in two parts, every cancel as one of both: the same account at every
    close, the same liquidations and payments. Lives in which an order is refused are left out: of
    two parts the first may be affordable where the whole is not."""
    tally = Tally()
    seen: Counter[str] = Counter()

    def law(scene: Scene, share: float) -> None:
        whole = live(scene)
        seen["all"] += 1
        if whole.journal.rejections:
            return
        halves = live(replace(scene, steps=_halved(scene.steps, share)))
        if halves.journal.rejections:
            return
        seen["compared"] += 1
        tally.note(whole)
        _compare(whole, halves)

    hold(law, examples, _affordable(), st.sampled_from([0.5, 0.3, 0.001]))
    assert seen["compared"] >= 0.5 * seen["all"], seen
    tally.check()


@st.composite
def _affordable(draw: st.DrawFn) -> Scene:
    """Orders of a third of the usual size, so that few are refused, at a fixed slippage. No groups
    and no brackets: the first part's exit may act before the second part enters."""
    scene = draw(scenes(slippage=draw(st.sampled_from([None, "5bp"])), outage=(), hedge=False))
    steps = tuple(
        replace(step, size=ROUND(step.size / 3) or LOT, oco="", stop=None, target=None)
        if isinstance(step, Send) and step.name not in ("0", "guard") else step
        for step in scene.steps)
    return replace(scene, steps=steps)


def _halved(steps: tuple[Any, ...], share: float) -> tuple[Any, ...]:
    """Each order as two on the lot step, each cancel as one of both."""
    found: list[Any] = []
    split: set[str] = set()
    for step in steps:
        if isinstance(step, Send) and step.size >= 2 * LOT:
            first = max(LOT, ROUND(step.size * share))
            found += [replace(step, size=first),
                      replace(step, size=round(step.size - first, 3), name=step.name + "b")]
            split.add(step.name)
        elif isinstance(step, Cancel) and step.name in split:
            found += [step, Cancel(step.bar, step.name + "b")]
        else:
            found.append(step)
    return tuple(found)


def _compare(whole: Life, halves: Life) -> None:
    """The same account all along."""
    _same(whole.state, halves.state)
    for one, two in zip(whole.seen, halves.seen, strict=True):
        assert one.value == pytest.approx(two.value, rel=1e-9, abs=1e-9)
        _same(one.state, two.state)
    for cause in Cause:
        assert whole.journal.total(cause) == pytest.approx(
            halves.journal.total(cause), rel=1e-9, abs=1e-8)
    for name in ("liquidations", "funding"):
        ones, twos = getattr(whole.journal, name), getattr(halves.journal, name)
        assert len(ones) == len(twos)
    for event, other in zip(whole.journal.liquidations, halves.journal.liquidations, strict=True):
        for name in ("loss", "fee", "insurance", "size", "size_after", "price"):
            assert getattr(event, name) == pytest.approx(getattr(other, name), rel=1e-9, abs=1e-8)
    traded = [math.fsum(abs(fill.size) for fill in life.journal.fills) for life in (whole, halves)]
    assert traded[0] == pytest.approx(traded[1], rel=1e-9)
