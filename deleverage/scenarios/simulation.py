"""A scenario put together: prices, every liquidation, and what is reported of them.

The history up to the fork is made once and shared: positions that live through it go on in the
continuation. Sizes are then scaled by one remaining factor per venue group, so that the reported
totals of the cascade's day are the documents'; the factors are kept and written out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from deleverage import timestamps
from deleverage.scenarios import venues
from deleverage.scenarios.book import Positions, liquidated_at, opened
from deleverage.scenarios.interest import open_interest
from deleverage.scenarios.orders import Orders, orders
from deleverage.scenarios.path import Floats, Ints, fair_path, steps
from deleverage.scenarios.presets import CASCADE, HISTORY, START, Preset, Stretch
from deleverage.scenarios.quotes import Quotes, quotes
from deleverage.scenarios.reporting import available_at, reported
from deleverage.timestamps import MINUTE

# USD of long liquidations reported on the cascade's calendar day (UTC), from the documents
ALL_VENUES, BINANCE_ONLY = 485e6, 40e6
TARGETS = MappingProxyType({"binance": BINANCE_ONLY, "others": ALL_VENUES - BINANCE_ONLY})


@dataclass(frozen=True, slots=True)
class Simulation:
    """One scenario in full; minutes count from the burn-in, the shown range begins at ``first``.

    ``orders`` are all liquidations in time order, ``reported`` masks those a feed publishes,
    ``available_at`` says when each can be known.
    """

    prices: Quotes
    first: int
    orders: Orders
    reported: NDArray[np.bool_]
    available_at: Ints
    open_interest: Floats
    before_scaling: Mapping[str, float]  # USD by venue group
    factors: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Past:
    """The common history: its orders and the positions that are still open at the fork."""

    orders: Orders
    reported: NDArray[np.bool_]
    available_at: Ints
    survivors: Positions


def simulate(preset: Preset) -> Simulation:
    """The whole scenario of ``preset``; the same arrays on every call."""
    past, stretches = _past(), (HISTORY, preset.continuation)
    prices = quotes(fair_path(stretches), stretches)
    fork = HISTORY.minutes
    book = past.survivors.joined(opened(prices, _activity(prices, stretches), fork,
                                        preset.continuation.name))
    later = _forced(book, liquidated_at(book, prices), prices, preset.continuation.name)
    seen = reported(later, preset.continuation.name)
    known = np.concatenate([past.available_at, available_at(later, preset.continuation.name)])
    before = totals(past.orders.picked(past.reported))
    factors = {group: TARGETS[group] / before[group] for group in TARGETS}
    everything = scaled(past.orders.joined(later), factors)
    return Simulation(prices, _first_shown(), everything, np.concatenate([past.reported, seen]),
                      known, open_interest(prices, everything, stretches),
                      MappingProxyType(before), MappingProxyType(factors))


def totals(reported_orders: Orders) -> dict[str, float]:
    """USD of long liquidations on the cascade's day per venue group, of the orders given."""
    day = timestamps.parse(CASCADE)
    ts = reported_orders.ts
    of_day = (ts > day) & (ts <= day + timestamps.DAY) & (reported_orders.side > 0)
    binance = reported_orders.venue == venues.BINANCE
    usd = reported_orders.notional
    return {"binance": float(usd[of_day & binance].sum()),
            "others": float(usd[of_day & ~binance].sum())}


def scaled(all_orders: Orders, factors: Mapping[str, float]) -> Orders:
    """The orders with sizes times their group's factor, on the lot of 0.001 coins."""
    binance = all_orders.venue == venues.BINANCE
    size = all_orders.qty * np.where(binance, factors["binance"], factors["others"])
    return replace(all_orders, qty=np.maximum(np.round(size, 3), .001))


@lru_cache(maxsize=1)
def _past() -> _Past:
    stretches = (HISTORY,)
    prices = quotes(fair_path(stretches), stretches)
    book = opened(prices, _activity(prices, stretches), 0, HISTORY.name)
    minute = liquidated_at(book, prices)
    burnt_in = minute >= _first_shown()
    forced = _forced(book.picked(burnt_in), minute[burnt_in], prices, HISTORY.name)
    alive = (minute == len(prices)) & (book.expires > len(prices))
    return _Past(forced, reported(forced, HISTORY.name), available_at(forced, HISTORY.name),
                 book.picked(alive))


def _forced(book: Positions, minute: Ints, prices: Quotes, name: str) -> Orders:
    hit = minute < len(prices)
    return orders(book.picked(hit), minute[hit], prices, name)


def _activity(prices: Quotes, stretches: tuple[Stretch, ...]) -> Floats:
    return steps([part.activity for part in stretches], prices.open_ns)


def _first_shown() -> int:
    return (timestamps.parse(START) - timestamps.parse(HISTORY.start)) // MINUTE

