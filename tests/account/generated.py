"""SYNTHETIC markets, accounts and flows of orders, drawn at random for the laws of the account.

Everything drawn is plain data, prices and sizes in full, so that a failing example reads as a story
that can be told again. Amounts are chosen so that positions of the account stand in the second to
fourth bracket of its ladder and bars move enough to kill some of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deleverage import Fees, venues
from deleverage.columns import MarketColumns
from deleverage.policies import AdlEvent
from deleverage.timestamps import HOUR, MINUTE, parse, parse_step
from deleverage.venues.ladder import Ladder
from tests.account.orders import Cancel, Flatten, Send, Step
from tests.core.desks import make_ladder
from tests.markets import make_columns, stamp

Ohlc = tuple[float, float, float, float]
ETH, BTC = "ETHUSDT", "BTCUSDT"
START = "2026-01-28"
BARS = 10  # of the first instrument, an hour each
CASH = 10_000.0
LOT, TICK = 0.001, 0.01

LADDER = make_ladder((0, 20_000, .004, 100), (20_000, 60_000, .006, 75), (60_000, 150_000, .01, 50),
                     (150_000, 400_000, .02, 25), (400_000, None, .04, 12))
# bounds in contracts of 0.01 coin, whose rate counts for the whole: OKX
CONTRACTS = make_ladder((0, 600, .004, 100), (600, 2_000, .006, 75), (2_000, 5_000, .01, 50),
                        (5_000, 14_000, .02, 25), (14_000, None, .04, 12), unit="contracts",
                        contract_size=0.01, jumps=True)


def ladder_of(venue: str) -> Ladder:
    """The ladder of an account at a venue: with contracts and jumps where the venue has them."""
    return CONTRACTS if venue == "okx" else LADDER


# how often each law is tried: seconds in `make test`, thoroughly in `make test-slow`
EXAMPLES = pytest.mark.parametrize("examples", [
    pytest.param(100, id="100"), pytest.param(300, id="300", marks=pytest.mark.slow)])


def hold(law: Callable[..., None], examples: int, *drawn: st.SearchStrategy[Any]) -> None:
    """Try a law on so many drawn examples, the same ones in every run: what is counted over them
    is counted again."""
    settings(max_examples=examples, deadline=None, derandomize=True, database=None,
             suppress_health_check=list(HealthCheck))(given(*drawn)(law))()


@dataclass(frozen=True)
class Series:
    """One instrument's bars, its mark, volumes and settlements of funding."""

    symbol: str
    step: str
    last: tuple[Ohlc, ...]
    mark: tuple[Ohlc, ...]
    volume: tuple[float, ...]
    funding: tuple[tuple[str, float], ...]
    interval_h: float

    def columns(self, venue: str) -> MarketColumns:
        """As columns for a feed."""
        return make_columns(list(self.last), mark=list(self.mark), volume=self.volume,
                            funding=self.funding, interval_h=self.interval_h, step=self.step,
                            start=START, symbol=self.symbol, venue=venue, lot_size=LOT,
                            tick_size=TICK)


@dataclass(frozen=True)
class Scene:
    """Markets, the account's terms (the broker's own parameters) and what is sent when."""

    series: tuple[Series, ...]
    account: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[Step | Relever | Post, ...] = ()


@dataclass(frozen=True)
class Relever:
    """Another leverage in ``bar``."""

    bar: int
    leverage: float

    def act(self, strategy: Any) -> None:
        """Ask for it; the venue may refuse."""
        strategy.broker.set_leverage(self.leverage)


@dataclass(frozen=True)
class Post:
    """More margin behind an isolated position in ``bar`` (or, negative, less)."""

    bar: int
    amount: float

    def act(self, strategy: Any) -> None:
        """Post it where there is one."""
        broker = strategy.broker
        if broker.p.margin == "isolated" and ETH in broker.account.state.positions:
            broker.add_margin(self.amount)


# ------------------------------------------------------------------ markets

_small = st.integers(-80, 80)
_moves = st.one_of(_small, st.integers(-300, 300),
                   st.sampled_from([-1_500, -900, -500, 400, 700, 1_200]))
_gaps = st.sampled_from([0, 0, 0, -60, 60, -250, 250, -700, 500, -1_200])
_wicks = st.integers(0, 250)
_paths = st.tuples(_gaps, _moves, _wicks, _wicks, st.integers(-30, 30), st.integers(20, 800))


@st.composite
def series(draw: st.DrawFn, symbol: str = ETH, price: float = 3_000.0, step: str = "1h",
           bars: int = BARS) -> Series:
    """Bars with gaps, wicks and crashes; the mark a little off; funding every 1 to 8 hours."""
    last: list[Ohlc] = []
    mark: list[Ohlc] = []
    volume: list[float] = []
    for gap, move, up, down, basis, coins in draw(
            st.lists(_paths, min_size=bars, max_size=bars)):
        opened = price * (1 + gap / 1e4)
        price = opened * (1 + move / 1e4)
        row = (opened, max(opened, price) * (1 + up / 1e4), min(opened, price) * (1 - down / 1e4),
               price)
        last.append(_ticks(row, 0))
        mark.append(_ticks(row, basis))
        volume.append(float(coins))
    hours = draw(st.sampled_from([1, 2, 2, 4]))
    late = draw(st.sampled_from([0, 0, 30])) * MINUTE
    end = parse(START) + bars * parse_step(step)
    due = range(parse(START) + hours * HOUR - late, end + 1, hours * HOUR)
    rates = draw(st.lists(st.integers(-30, 30), min_size=len(due), max_size=len(due)))
    return Series(symbol, step, tuple(last), tuple(mark), tuple(volume),
                  tuple((stamp(at), rate / 1e4) for at, rate in zip(due, rates, strict=True)),
                  float(hours))


def shaken(market: Series, bar: int, move: float, gap: bool) -> Series:
    """The market with all prices from ``bar`` on moved by a share: at its open, or inside it."""
    def moved(rows: tuple[Ohlc, ...]) -> tuple[Ohlc, ...]:
        later = [_ticks(row, move * 1e4) for row in rows[bar:]]
        if not gap:
            opened, (_, high, low, close) = rows[bar][0], later[0]
            later[0] = opened, max(opened, high), min(opened, low), close
        return *rows[:bar], *later

    return replace(market, last=moved(market.last), mark=moved(market.mark))


def _ticks(row: Sequence[float], basis: float) -> Ohlc:
    opened, high, low, close = (round(price * (1 + basis / 1e4), 2) for price in row)
    return opened, high, low, close


# ------------------------------------------------------------------ accounts

_fees = st.sampled_from([None, None, Fees.free(), Fees(-0.0001, 0.001)])


@st.composite
def accounts(draw: st.DrawFn) -> dict[str, Any]:
    """Every venue and its procedure or the plain takeover, every policy of path and price."""
    venue = draw(st.sampled_from(venues.names()))
    margin = draw(st.sampled_from(["isolated", "cross"]))
    hedge = draw(st.sampled_from([False] * 5 + [True])) and (
        margin == "isolated" or venue == "binance")
    outage = draw(st.sampled_from([()] * 5 + [(("2026-01-28T03:30", "2026-01-28T05:30"),)]))
    adl = draw(st.sampled_from([()] * 4 + [(4.0, "long", 0.3), (6.5, "short", 0.6)]))
    return {
        "venue": venue, "margin": margin, "hedge": hedge, "cash": CASH,
        "leverage": draw(st.sampled_from([10, 20, 20, 50, 50, 5])),
        "liquidation": draw(st.sampled_from(["venue", "venue", "venue", "takeover"])),
        "path": draw(st.sampled_from(["adverse", "adverse", "favourable", "ohlc"])),
        "fill": draw(st.sampled_from(["through", "touch"])),
        "entry_bar": draw(st.sampled_from(["live", "live", "backtrader"])),
        "fees": draw(_fees),
        "slippage": draw(st.sampled_from([None, "5bp", "volume", "cascade"])),
        "volume_limit": draw(st.sampled_from([None, None, 0.25])),
        "latency": draw(st.sampled_from([0, 0, 0, 1, 2])),
        "outage": outage,
        "adl": tuple(AdlEvent(parse(START) + round(hour * HOUR), side, share, 2_950.0, ETH)
                     for hour, side, share in ([adl] if adl else [])),
    }


# ------------------------------------------------------------------ orders

_far = st.integers(-250, 250)
_kinds = st.sampled_from(["market", "market", "limit", "limit", "stop", "stop", "stop_limit",
                          "trail", "trail_limit", "close", "bracket", "bracket", "oco", "cancel",
                          "flatten", "flatten", "relever", "post"])


def coins(share: float, leverage: float, price: float) -> float:
    """A size in whole lots, at least one: a share of what the account can open at that leverage."""
    granted = max(rung.upper for rung in LADDER.brackets
                  if rung.max_leverage is not None and rung.max_leverage >= leverage)
    notional = share * min(CASH * leverage, granted)
    return max(LOT, round(math.floor(notional / price / LOT) * LOT, 3))


@st.composite
def flows(draw: st.DrawFn, markets: Sequence[Series], entry: Send, leverage: float,
          most: int = 6) -> tuple[Any, ...]:
    """After an entry up to ``most`` further steps of every kind, in the order of bars."""
    found: list[Any] = [entry]
    bars = sorted(draw(st.lists(st.integers(0, BARS - 2), min_size=1, max_size=most)))
    for number, bar in enumerate(bars, start=1):
        found.append(draw(_step(markets, leverage, number, bar, found)))
    return tuple(found)


@st.composite
def entries(draw: st.DrawFn, market: Series, leverage: float) -> Send:
    """An order at the market in one of the first bars."""
    return Send(bar=draw(st.sampled_from([0, 0, 1])), side=draw(st.sampled_from([1, -1])), name="0",
                size=coins(draw(st.sampled_from([0.4, 0.7, 0.9, 0.1])), leverage,
                           market.last[0][3]))


@st.composite
def _step(draw: st.DrawFn, markets: Sequence[Series], leverage: float, number: int, bar: int,
          before: Sequence[Any]) -> Step | Relever | Post:
    kind = draw(_kinds)
    names = [each.name for each in before if isinstance(each, Send) and each.bar <= bar]
    if kind == "flatten":
        return Flatten(bar)
    if kind == "relever":
        return Relever(bar, draw(st.sampled_from([5.0, 10.0, 20.0, 25.0])))
    if kind == "post":
        return Post(bar, draw(st.sampled_from([-200.0, 100.0, 500.0])))
    if kind == "cancel" and names:
        return Cancel(bar, draw(st.sampled_from(names)))
    feed = draw(st.sampled_from(range(len(markets))))
    rows = markets[feed].last
    price = rows[min(bar * len(rows) // BARS, len(rows) - 1)][3]
    side, near, far = draw(st.sampled_from([1, -1])), draw(_far), draw(_far)
    share = draw(st.sampled_from([0.05, 0.2, 0.5, 0.8]))

    def at(move: float) -> float:
        return round(price * (1 + move / 1e4), 2)

    more: dict[str, Any] = {}
    if kind in ("limit", "stop", "stop_limit", "oco"):
        more["price"] = at(near)
    if kind in ("stop_limit", "trail_limit"):
        more["plimit"] = at(far)
    if kind.startswith("trail"):
        more |= {"percent": abs(near) / 1e4 + 1e-3, "price": price}
    if kind == "bracket":
        more |= {"stop": at(-side * (abs(near) + 20)), "target": at(side * (abs(far) + 20)),
                 "price": at(near), "trigger": draw(st.sampled_from(["", "mark"]))}
        kind = draw(st.sampled_from(["market", "limit"]))
    if kind == "oco" and names:
        more["oco"] = draw(st.sampled_from(names))
    kind = {"oco": "limit", "cancel": "market"}.get(kind, kind)
    return Send(bar=bar, side=side, size=coins(share, leverage, price), kind=kind,
                name=str(number), feed=feed,
                reduce_only=draw(st.sampled_from([False, False, True])) and "stop" not in more,
                **more)


@st.composite
def scenes(draw: st.DrawFn, clocks: Sequence[str] = ("1h", "30m", "2h"),
           **given_terms: Any) -> Scene:
    """One market or two side by side, an account and a flow of orders; ``given_terms`` fix some of
    the account's, ``clocks`` are what the second market's bars may be. In most of them the market
    turns on the entry, across a gap or inside a bar.
    """
    account = draw(accounts()) | given_terms
    first, leverage = draw(series()), account["leverage"]
    entry = draw(entries(first, leverage))
    blow = draw(st.sampled_from([0, 0, 2, 4, 8, 8]))
    guard: tuple[Send, ...] = ()
    if blow:
        bar, gap = draw(st.integers(3, BARS - 3)), draw(st.sampled_from([True, True, False]))
        price, move = first.last[bar - 1][3], -entry.side * blow / 100
        first = shaken(first, bar, move, gap)
        if draw(st.booleans()):  # a stop in the middle of it, live one bar before
            guard = (Send(bar=bar - 2, side=-entry.side, size=entry.size, kind="stop",
                          price=round(price * (1 + move / 2), 2), name="guard"),)
    markets = [first]
    if draw(st.sampled_from([False, False, True])):
        step = draw(st.sampled_from(clocks))
        markets.append(draw(series(BTC, 60_000.0, step, BARS * HOUR // parse_step(step))))
    return Scene(tuple(markets), account, draw(flows(markets, entry, leverage)) + guard)
