"""SYNTHETIC single bars drawn at random: up to three instruments, what is held, a book of orders.

For laws that ask the pure core what one walk does. Everything drawn is plain data; what is held is
alive at the bar's open or nearly dead, and the bar's range reaches the levels of most of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from hypothesis import strategies as st

from deleverage import venues
from deleverage.account import Position, State, Terms, slot_of
from deleverage.book import Desk, Kind, WorkingOrder
from deleverage.instrument import Instrument
from deleverage.legs import HIGH_FIRST, LOW_FIRST
from deleverage.matching import Walk, walk
from deleverage.policies import InsideBar
from deleverage.slippage import parse
from deleverage.steps import Bar, Deleveraged, Deleveraging, Due, Filled, Funded, Liquidated
from deleverage.timestamps import HOUR
from tests.account.generated import BTC, ETH, LOT, ladder_of
from tests.account.lives import Booked
from tests.core.desks import make_bar, make_book, order

SOL = "SOLUSDT"
PRICES = {ETH: 3_000.0, BTC: 60_000.0, SOL: 150.0}
Ohlc = tuple[float, float, float, float]


@dataclass(frozen=True)
class Instant:
    """Bars that end together, an account among them, and the terms it stands under."""

    venue: str
    mode: str
    hedge: bool
    leverage: float
    liquidation: str
    slippage: str
    volume_limit: float | None
    bars: tuple[Bar, ...]
    state: State
    orders: tuple[WorkingOrder, ...] = ()
    fill: str = "through"
    entry_bar: str = "live"

    @property
    def desk(self) -> Desk:
        """The venue's rules and fees for the instruments of the bars."""
        symbols = [bar.symbol for bar in self.bars]
        rules = {symbol: venues.get(self.venue, symbol=symbol, at="2026-01-31",
                                    ladder=ladder_of(self.venue)) for symbol in symbols}
        terms = Terms(self.mode, rules, dict.fromkeys(symbols, self.leverage), self.hedge)
        return Desk(terms, {symbol: rules[symbol].fees for symbol in symbols},
                    {symbol: Instrument(symbol, self.venue, lot_size=LOT) for symbol in symbols},
                    parse(self.slippage), self.volume_limit, self.liquidation)

    def policy(self, path: str) -> InsideBar:
        """How the bar is walked."""
        return InsideBar(path, self.fill, self.entry_bar)

    def walk(self, path: str) -> Walk:
        """The walk that a path policy chooses."""
        return walk(self.desk, self.policy(path), {bar.symbol: bar for bar in self.bars},
                    self.state, make_book(*self.orders), {})

    def along(self, ways: Sequence[tuple[str, ...]]) -> Walk:
        """The walk along given corners, bar by bar."""
        bars = {bar.symbol: bar for bar in self.bars}
        taken = Walk(self.desk, self.policy("adverse"), bars, self.state, make_book(*self.orders),
                     {})
        taken.at_open()
        taken.along(dict(zip(bars, ways, strict=True)))
        taken.at_close()
        return taken

    def as_it_went(self) -> tuple[tuple[str, ...], ...]:
        """The corners of each bar by its close: the low first where it rose."""
        return tuple(LOW_FIRST if bar.last.close >= bar.last.open else HIGH_FIRST
                     for bar in self.bars)


def changes(done: Walk, before: State) -> list[Booked]:
    """The changes of a walk, in order, each with the state it began with."""
    found: list[Booked] = []
    for step in done.steps:
        if isinstance(step, (Filled, Deleveraged)):
            change = step.executed.change
        elif isinstance(step, (Liquidated, Funded)):
            change = step.change
        else:
            continue
        found.append(Booked(before, change, 0, 0, 0, 0))
        before = change.state
    return found


# ------------------------------------------------------------------ the strategies

_bp = st.integers(-100, 100)
_reach = st.one_of(st.integers(20, 300), st.integers(0, 1_200))
_signs = st.sampled_from([1, -1])


@st.composite
def bars(draw: st.DrawFn, symbol: str) -> Bar:
    """A bar about the instrument's price: last, a mark of its own, settlements, deleveragings."""
    opened = PRICES[symbol] * (1 + draw(_bp) / 1e4)
    last = _range(opened, draw(_reach), draw(_reach), draw(st.integers(0, 100)))
    basis = draw(st.integers(-30, 30)) / 1e4
    high, low = (1 + draw(st.integers(-40, 40)) / 1e4 for _ in range(2))
    mark = [round(price * (1 + basis), 4) for price in last]
    mark[1], mark[2] = max(*mark, mark[1] * high), min(*mark, mark[2] * low)
    due = draw(st.sampled_from([None, None, 0.25, 1 / 3, 0.8, 1.0]))
    dues = (Due(HOUR, due, draw(st.integers(-40, 40)) / 1e4, mark[3]),) if due else ()
    part = draw(st.sampled_from([None, None, None, 0.3, 1.0]))
    taken = (Deleveraging(HOUR, draw(st.sampled_from([0.1, 0.5, 1.0])), draw(_signs), part,
                          mark[0]),) if part else ()
    return make_bar(last, (mark[0], mark[1], mark[2], mark[3]), symbol=symbol, close_ns=2 * HOUR,
                    step_ns=HOUR, volume=float(draw(st.integers(5, 500))), dues=dues,
                    deleveragings=taken)


def _range(opened: float, up: int, down: int, where: int) -> Ohlc:
    high, low = opened * (1 + up / 1e4), opened * (1 - down / 1e4)
    close = low + (high - low) * where / 100
    return round(opened, 4), round(high, 4), round(low, 4), round(min(max(close, low), high), 4)


@st.composite
def states(draw: st.DrawFn, moving: Sequence[Bar], mode: str, hedge: bool,
           leverage: float) -> State:
    """A position in most instruments, in hedge mode on both sides of some; margin about right."""
    found: dict[str, Position] = {}
    behind = 0.0
    for bar in moving:
        sides = draw(st.sampled_from([(1,), (-1,), (1,), (-1,), (1,), ()]))
        if hedge:
            sides = draw(st.sampled_from([(1, -1), (1, -1), sides]))
        for side in sides:
            worth = draw(st.sampled_from([5_000, 30_000, 80_000, 200_000, 350_000]))
            entry = round(bar.mark.open * (1 + draw(_bp) / 1e4), 4)
            size = side * round(worth / entry, 3)
            posted = abs(size) * entry / leverage * draw(st.sampled_from([1.0, 0.6, 0.8, 1.5]))
            behind += posted
            found[slot_of(bar.symbol, side, hedge)] = Position(
                bar.symbol, size, entry, posted if mode == "isolated" else 0.0, leverage,
                len(found) + 1)
    free = float(draw(st.sampled_from([20_000, 5_000, 500, 0])))
    if mode == "cross":
        free = round(behind * draw(st.sampled_from([1.0, 0.7, 0.5, 2.0])), 2)
    return State(free, MappingProxyType(found), len(found))


@st.composite
def books(draw: st.DrawFn, moving: Sequence[Bar], hedge: bool) -> tuple[WorkingOrder, ...]:
    """Up to five orders of every kind: groups, brackets, reduce-only, triggered."""
    found: list[WorkingOrder] = []
    for ref in range(1, draw(st.sampled_from([4, 5, 3, 2, 1, 0])) + 1):
        kind, side = draw(st.sampled_from(list(Kind))), draw(_signs)
        heads = [each.ref for each in found if each.parent is None]
        parent = draw(st.sampled_from([None, None, *heads]))
        bar = draw(st.sampled_from(moving)) if parent is None else next(
            each for each in moving if each.symbol == found[parent - 1].symbol)
        stops, limits = kind in (Kind.STOP, Kind.STOP_LIMIT), kind in (Kind.LIMIT, Kind.STOP_LIMIT)
        low, width = bar.last.low, bar.last.high - bar.last.low
        levels = [round(low + width * draw(st.integers(-10, 110)) / 100, 2) for _ in range(2)]
        reduces = parent is not None or draw(st.booleans())
        size = round(draw(st.sampled_from([2_000, 20_000, 60_000])) / bar.last.open, 3)
        found.append(order(
            kind, side, size, ref=ref, symbol=bar.symbol, trigger=levels[0] if stops else None,
            limit=levels[1] if limits else None, reference=levels[1] if limits else levels[0],
            source=draw(st.sampled_from(["last", "mark"])), reduce_only=reduces,
            triggered=kind is Kind.STOP_LIMIT and draw(st.booleans()), active=parent is None,
            parent=parent, group=None if parent else draw(st.sampled_from([1, None])),
            slot=slot_of(bar.symbol, -side if reduces else side, hedge)))
    return tuple(found)


@st.composite
def guards(draw: st.DrawFn, moving: Sequence[Bar], state: State) -> tuple[WorkingOrder, ...]:
    """A stop and a target about the first position, both within the bar, one cancelling the other:
    the way the bar goes decides."""
    if not state.positions or not draw(st.sampled_from([True, True, False])):
        return ()
    slot, held = next(iter(state.positions.items()))
    last = next(bar.last for bar in moving if bar.symbol == held.symbol)
    levels = [round(last.low + (last.high - last.low) * draw(st.integers(*part)) / 100, 2)
              for part in ((2, 40), (60, 98))]
    below, above = levels if held.side > 0 else reversed(levels)
    common = {"symbol": held.symbol, "slot": slot, "reduce_only": True, "group": 2}
    return (order(Kind.STOP, -held.side, abs(held.size), ref=8, trigger=below, **common),
            order(Kind.LIMIT, -held.side, abs(held.size), ref=9, limit=above, **common))


@st.composite
def instants(draw: st.DrawFn, *, symbols: int | None = None, mode: str | None = None,
             venue: str | None = None, liquidation: str | None = None) -> Instant:
    """Everything together; what is given is not drawn."""
    venue = venue or draw(st.sampled_from(venues.names()))
    mode = mode or draw(st.sampled_from(["isolated", "cross"]))
    hedge = draw(st.sampled_from([False, False, True])) and (
        mode == "isolated" or venue == "binance")
    leverage = draw(st.sampled_from([50.0, 20.0, 50.0, 10.0]))
    count = symbols or draw(st.integers(1, 3))
    moving = [draw(bars(symbol)) for symbol in list(PRICES)[:count]]
    held = draw(states(moving, mode, hedge, leverage))
    orders = draw(guards(moving, held)) + draw(books(moving, hedge))
    return Instant(
        venue, mode, hedge, leverage,
        liquidation or draw(st.sampled_from(["venue", "venue", "takeover"])),
        draw(st.sampled_from(["0bp", "10bp", "cascade", "volume"])),
        draw(st.sampled_from([None, None, 0.2])), tuple(moving), held, orders,
        draw(st.sampled_from(["through", "touch"])),
        draw(st.sampled_from(["live", "backtrader"])))
