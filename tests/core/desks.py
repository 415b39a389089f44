"""SYNTHETIC ladders, desks, orders and bars for tests of the pure core: small, and said in full."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from deleverage import venues
from deleverage.account import Position, State, Terms
from deleverage.book import Desk, Kind, WorkingOrder
from deleverage.instrument import Instrument
from deleverage.matching import Walk, walk
from deleverage.policies import Fees, InsideBar
from deleverage.slippage import FixedBp
from deleverage.steps import Bar, Prices
from deleverage.timestamps import MINUTE
from deleverage.venues import ladder_file as ladders
from deleverage.venues.ladder import Ladder

ETH, BTC = "ETHUSDT", "BTCUSDT"
NO_FEES = Fees.free()
Ohlc = tuple[float, float, float, float]
_refs = itertools.count(1)


def make_ladder(*rows: Sequence[float | None], **values: Any) -> Ladder:
    """A ladder of (lower, upper, rate[, max leverage]) rows whose amounts follow from the rates."""
    full = [[*row, 200.0][:4] for row in rows]
    raw = {"id": "test", "columns": ["min_notional", "max_notional", "mmr", "max_leverage"],
           "rows": full, **values}
    return ladders.from_mapping(raw, where="test")


def flat_ladder(rate: float, **values: Any) -> Ladder:
    """One bracket without end: the same maintenance rate for every notional."""
    return make_ladder((0, None, rate), **values)


def make_desk(
    mode: str = "isolated", leverage: float = 10.0, venue: str = "binance", *,
    rate: float | None = 0.004, fees: Fees = NO_FEES, symbols: Iterable[str] = (ETH,),
    lot: float | None = 0.001, min_notional: float | None = None,
    liquidation: str = "takeover",
) -> Desk:
    """A desk with one flat maintenance ``rate`` (None: the bundled ladder of 2026-01-31).

    A liquidation takes the whole position at its bankruptcy price unless the ``venue`` is asked.
    """
    given = None if rate is None else flat_ladder(rate)
    rules = {symbol: venues.get(venue, symbol=symbol, at="2026-01-31", ladder=given)
             for symbol in symbols}
    terms = Terms(mode, rules, dict.fromkeys(rules, float(leverage)))
    instruments = {symbol: Instrument(symbol, venue, lot_size=lot, min_notional=min_notional)
                   for symbol in rules}
    return Desk(terms, dict.fromkeys(rules, fees), instruments, liquidation=liquidation)


def holding(
    size: float, entry: float = 3_000.0, margin: float = 0.0, *, free: float = 1_000.0,
    leverage: float = 10.0, symbol: str = ETH,
) -> State:
    """A state with one position and a free balance."""
    position = Position(symbol, size, entry, margin, leverage, 1)
    return State(free, MappingProxyType({symbol: position}), 1)


def order(kind: Kind | str, side: int, size: float = 1.0, **values: Any) -> WorkingOrder:
    """A working order with a fresh number; its reference is its limit, its trigger or 3,000."""
    values.setdefault("reference", values.get("limit") or values.get("trigger") or 3_000.0)
    values.setdefault("symbol", ETH)
    return WorkingOrder(ref=values.pop("ref", next(_refs)), side=side, size=size,
                        kind=Kind(kind), label=str(kind), **values)


def make_book(*orders: WorkingOrder) -> dict[int, WorkingOrder]:
    """The orders by number, in the order given."""
    return {each.ref: each for each in orders}


def make_bar(last: Ohlc, mark: Ohlc | None = None, *, symbol: str = ETH, **values: Any) -> Bar:
    """A minute of (open, high, low, close); the mark equals the last price unless it is given."""
    values.setdefault("close_ns", MINUTE)
    values.setdefault("step_ns", MINUTE)
    return Bar(symbol, Prices(*last), Prices(*(mark or last)), **values)


def run(
    last: Ohlc, *orders: WorkingOrder, desk: Desk | None = None, state: State | None = None,
    mark: Ohlc | None = None, slip: float = 0.0, others: Mapping[str, float] | None = None,
    path: str = "adverse", fill: str = "through", entry_bar: str = "live", **values: Any,
) -> Walk:
    """Walk one bar; without a desk a 10x isolated Binance account holding 100,000 and nothing."""
    desk = desk or make_desk()
    if slip:
        desk = replace(desk, slippage=FixedBp(slip * 10_000))
    return walk(desk, InsideBar(path, fill, entry_bar),
                {ETH: make_bar(last, mark, **values)}, State(100_000.0) if state is None else state,
                make_book(*orders), others or {})


def close_to(expected: float, places: int = 2) -> Any:
    """Equal to a figure printed with ``places`` decimals."""
    return _Printed(expected, places)


class _Printed:
    def __init__(self, value: float, places: int) -> None:
        self.value, self.places = value, places

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (int, float)) and math.isfinite(other) and \
            abs(other - self.value) <= 0.5 * 10 ** -self.places + 1e-12

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return f"{self.value:.{self.places}f}"


def ohlc(side: int, open_: float, best: float, worst: float, close: float) -> Ohlc:
    """A bar in distances from 3,000; ``side`` −1 mirrors it (best is then the low)."""
    high, low = (best, worst) if side > 0 else (worst, best)
    return 3_000 + side * open_, 3_000 + side * high, 3_000 + side * low, 3_000 + side * close


def at(side: int, distance: float) -> float:
    """A price in distance from 3,000; ``side`` −1 mirrors it."""
    return 3_000 + side * distance
