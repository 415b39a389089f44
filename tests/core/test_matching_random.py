"""One bar walked with random books: what holds whatever the bar, the book and the policy.

* The walk ends, its changes pass the account's rules in order, and lead to the state it reports.
* No order fills or triggers that ``may_act`` had ruled out; with none that may act and no level
  within the bar nothing happens at all.
* Fills lie where they may: limits at their limit or better, stops at their trigger or worse.
* ``favourable`` ends the bar with at least the equity of ``adverse``.
* Prices mirrored around a level with the sides flipped give the mirrored walk.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from deleverage import account
from deleverage.account import Position, State
from deleverage.book import Book, Desk, Kind, WorkingOrder
from deleverage.journal import Journal
from deleverage.ledger import Account
from deleverage.matching import Walk, may_act, walk
from deleverage.policies import Fees, InsideBar
from deleverage.slippage import FixedBp
from deleverage.steps import (
    Activated,
    Bar,
    Deleveraged,
    Filled,
    Funded,
    Liquidated,
    Prices,
    Refused,
    Triggered,
)
from tests.core.desks import BTC, ETH, Ohlc, holding, make_bar, make_book, make_desk, order

OTHERS = {BTC: 59_500.0}  # where the other leg's mark stands while the bar is walked
MIDDLE = 3_000  # prices are whole dollars around it, so that mirroring is exact

levels = st.integers(2_600, 3_400).map(float)
kinds = st.sampled_from(list(Kind))
policies = st.builds(InsideBar, st.sampled_from(["adverse", "favourable", "ohlc"]),
                     st.sampled_from(["through", "touch"]),
                     st.sampled_from(["live", "backtrader"]))
desks = {(mode, venue): make_desk(mode, 20, venue, fees=Fees(0.0002, 0.0005), lot=1.0,
                                  symbols=(ETH, BTC))
         for mode in ("isolated", "cross") for venue in ("binance", "bybit")}


@st.composite
def series(draw: st.DrawFn, low: int = 2_650, high: int = 3_350) -> Ohlc:
    """Open, high, low, close of a bar in whole dollars."""
    whole = st.integers(low, high).map(float)
    bottom, top = sorted((draw(whole), draw(whole)))
    inside = st.integers(int(bottom), int(top)).map(float)
    return draw(inside), top, bottom, draw(inside)


@st.composite
def books(draw: st.DrawFn) -> dict[int, WorkingOrder]:
    """Up to seven orders of every kind: groups, brackets, reduce-only, triggered, sleeping."""
    found: list[WorkingOrder] = []
    for ref in range(1, draw(st.integers(0, 7)) + 1):
        kind = draw(kinds)
        stops, limits = kind in (Kind.STOP, Kind.STOP_LIMIT), kind in (Kind.LIMIT, Kind.STOP_LIMIT)
        parents = [each.ref for each in found if each.parent is None]
        parent = draw(st.sampled_from([None, *parents]))
        found.append(order(
            kind, draw(st.sampled_from([1, -1])), float(draw(st.integers(1, 30))), ref=ref,
            trigger=draw(levels) if stops else None, limit=draw(levels) if limits else None,
            source=draw(st.sampled_from(["last", "mark"])),
            reduce_only=parent is not None or draw(st.booleans()),
            triggered=kind is Kind.STOP_LIMIT and draw(st.booleans()),
            active=parent is None, parent=parent,
            group=None if parent else draw(st.sampled_from([None, 1, 2])),
            ready=draw(st.sampled_from([True, True, True, False]))))
    return make_book(*found)


@st.composite
def states(draw: st.DrawFn, desk: Desk) -> State:
    """Flat, long or short, alive at the bar's open or not, alone or beside a BTC leg."""
    positions: dict[str, Position] = {}
    for symbol, entries in ((ETH, levels), (BTC, st.just(60_000.0))):
        held = draw(st.sampled_from([0, 0, 1]) if symbol == BTC else st.integers(-20, 20))
        if held:
            entry = draw(entries)
            posted = abs(held) * entry / 20 * draw(st.sampled_from([1, 0.5, 1.5]))
            positions[symbol] = Position(symbol, float(held), entry, posted if
                                         desk.terms.isolated else 0.0, 20, len(positions) + 1)
    return State(float(draw(st.integers(0, 9_000))), MappingProxyType(positions), len(positions))


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Desk, Bar, State, Book]:
    """A desk, a bar whose mark follows last more or less, a state and a book."""
    desk = desks[draw(st.sampled_from(sorted(desks)))]
    last = draw(series())
    mark = draw(st.one_of(st.just(last), series()))
    slip = draw(st.sampled_from([0.0, 0.001, 0.05]))
    desk = replace(desk, slippage=FixedBp(slip * 10_000))
    return desk, make_bar(last, mark), draw(states(desk)), draw(books())


def replayed(done: Walk, before: State) -> State:
    """The state after the walk's own changes, each accepted by the account."""
    book = Account(done.desk.terms, Journal())
    book.state = before
    for step in done.steps:
        if isinstance(step, Filled):
            book.commit(step.executed.change, 0, 0)
        elif isinstance(step, Liquidated):
            book.commit(step.change, 0, 0)
    return book.state


@settings(max_examples=100, deadline=None)
@given(scenes(), policies)
def test_a_walk_ends_and_its_changes_are_the_accounts(
    scene: tuple[Desk, Bar, State, Book], policy: InsideBar
) -> None:
    """No endless loop, no broken rule, and the state reported is the one its steps lead to."""
    desk, bar, state, book = scene
    done = walk(desk, policy, {ETH: bar}, state, book, OTHERS)
    assert replayed(done, state) == done.state
    assert len(done.steps) <= 5 * len(book) + 3
    at_open = account.equity(state, {**OTHERS, ETH: bar.mark.open})
    assert done.worst <= min(at_open, done.end_equity()) + 1e-9
    finished = [s.order.ref for s in done.steps if isinstance(s, Filled)]
    assert len(finished) == len(set(finished)), "an order filled twice"
    assert not set(finished) & set(done.book)
    assert set(done.book) <= set(book)


@settings(max_examples=100, deadline=None)
@given(scenes(), policies)
def test_what_may_not_act_does_not(
    scene: tuple[Desk, Bar, State, Book], policy: InsideBar
) -> None:
    """may_act is a superset of what the walk does, so that bars it rules out need no visit."""
    desk, bar, state, book = scene
    done = walk(desk, policy, {ETH: bar}, state, book, OTHERS)
    woken = {step.ref for step in done.steps if isinstance(step, Activated)}
    for step in done.steps:
        if isinstance(step, (Filled, Refused)):
            assert step.order.ref in woken or may_act(book[step.order.ref], bar)
        elif isinstance(step, Triggered):
            assert step.ref in woken or may_act(book[step.ref], bar)
    level = account.liquidation_price(state, ETH, OTHERS, desk.terms) if ETH in \
        state.positions else None
    side = state.positions[ETH].side if ETH in state.positions else 0
    quiet = level is None or (bar.mark.low > level if side > 0 else bar.mark.high < level)
    if quiet and not any(may_act(each, bar) for each in book.values()):
        assert done.steps == []
    if not done.steps:
        assert done.state is state
        assert done.book == book


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("kind", ["stop", "limit"])
@pytest.mark.parametrize("source", ["last", "mark"])
def test_an_order_at_the_bars_extreme_may_act(side: int, kind: str, source: str) -> None:
    """A touch counts: the level is the extreme itself, and the walk does act there."""
    bar = make_bar((3_000.0, 3_050.0, 2_950.0, 3_010.0))
    level = 3_000.0 + 50 * (side if kind == "stop" else -side)
    own = order(kind, side, source=source, **{"trigger" if kind == "stop" else "limit": level})
    beyond = replace(own, trigger=own.trigger and level + side, limit=own.limit and level - side)
    assert may_act(own, bar)
    done = walk(make_desk(), InsideBar(fill="touch"), {ETH: bar}, State(1e5), make_book(own), {})
    assert done.steps
    assert not may_act(beyond, bar)


@settings(max_examples=100, deadline=None)
@given(scenes(), policies)
def test_fills_lie_where_they_may(
    scene: tuple[Desk, Bar, State, Book], policy: InsideBar
) -> None:
    """Never worse than a limit, never better than a trigger, never beyond the bar but for those."""
    desk, bar, state, book = scene
    for step in walk(desk, policy, {ETH: bar}, state, book, OTHERS).steps:
        if not isinstance(step, Filled):
            continue
        own, price, held = book[step.order.ref], step.price, step.executed.closed
        capped = desk.terms.isolated and held  # a close at bankruptcy is better than the market
        if own.limit is not None:
            assert own.side * price <= own.side * own.limit + 1e-9
        if own.kind is Kind.STOP and not capped:
            assert own.trigger is not None
            assert own.side * price >= own.side * own.trigger - 1e-9
        if not capped and own.source == "last":
            assert bar.last.low - 1e-6 <= price <= bar.last.high + 1e-6


@settings(max_examples=100, deadline=None)
@given(scenes(), st.sampled_from(["through", "touch"]))
def test_favourable_is_never_below_adverse(
    scene: tuple[Desk, Bar, State, Book], fill: str
) -> None:
    """Of the two candidate paths one policy takes the better end, the other the worse."""
    desk, bar, state, book = scene
    ends = [walk(desk, InsideBar(path, fill), {ETH: bar}, state, book, OTHERS).end_equity()
            for path in ("adverse", "ohlc", "favourable")]
    assert ends[0] <= ends[1] <= ends[2]


# ------------------------------------------------------------------ mirror


def mirrored(value: float | None) -> Any:
    """A price on the other side of the middle."""
    return None if value is None else 2 * MIDDLE - value


def _flip(prices: Prices) -> Prices:
    return Prices(mirrored(prices.open), mirrored(prices.low), mirrored(prices.high),
                  mirrored(prices.close))


def _outcome(done: Walk, flip: bool) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for step in done.steps:
        if isinstance(step, Filled):
            price = mirrored(step.price) if flip else step.price
            rows.append(("filled", step.order.ref, pytest.approx(price), step.role))
        elif isinstance(step, Refused):
            rows.append(("refused", step.order.ref))
        elif not isinstance(step, (Liquidated, Funded, Deleveraged)):
            rows.append((type(step).__name__, step.ref))
    return rows


@settings(max_examples=100, deadline=None)
@given(series(), series(), books(), st.integers(-20, 20), st.sampled_from(["through", "touch"]),
       st.sampled_from(["adverse", "favourable", "ohlc"]))
def test_a_mirrored_market_gives_the_mirrored_walk(
    last: Ohlc, mark: Ohlc, book: Book, held: int, fill: str, path: str
) -> None:
    """Buys fall where sells rise: same orders, same sequence, mirrored prices.

    With a wallet so large that neither margin nor liquidation, which are not symmetric in price,
    takes part; no slippage, which is a share of the price. On a tie both markets take the low
    first, which is not each other's mirror: ties and unchanged closes are left out.
    """
    desk = make_desk("cross", 20, lot=1.0)
    state = holding(float(held), 3_000, free=1e9, leverage=20) if held else State(1e9)
    twin = holding(float(-held), 3_000, free=1e9, leverage=20) if held else State(1e9)
    bar = make_bar(last, mark)
    other = replace(bar, last=_flip(bar.last), mark=_flip(bar.mark))
    flipped = {ref: replace(each, side=-each.side, trigger=mirrored(each.trigger),
                            limit=mirrored(each.limit), reference=mirrored(each.reference))
               for ref, each in book.items()}
    if path == "ohlc":
        assume(bar.last.open != bar.last.close)
    else:
        ends = {walk(desk, InsideBar(each, fill), {ETH: bar}, state, book, OTHERS).end_equity()
                for each in ("adverse", "favourable")}
        # a tie but for rounding is a tie: the wallet of a billion leaves 1e-7 of it
        assume(max(ends) - min(ends) > 1e-4)
    policy = InsideBar(path, fill)
    here = walk(desk, policy, {ETH: bar}, state, book, OTHERS)
    there = walk(desk, policy, {ETH: other}, twin, flipped, OTHERS)
    assert _outcome(here, False) == _outcome(there, True)
