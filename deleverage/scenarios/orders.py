"""The liquidation orders: their time within the minute and the price they are reported at.

Within a minute the mark travels to its extreme in bursts, so that orders come in clusters, the
nearest liquidation prices first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deleverage.scenarios.book import Positions
from deleverage.scenarios.path import Floats, Ints
from deleverage.scenarios.quotes import Quotes
from deleverage.scenarios.streams import stream
from deleverage.timestamps import MINUTE, SECOND

_BURSTS = 60  # a minute's fall happens in that many moments
_SPREAD_S = 1.2  # mean delay of an order after its burst


@dataclass(frozen=True, slots=True)
class Orders:
    """Liquidation orders in time order; ``qty`` in coins, ``price`` the bankruptcy price.

    ``minute`` is that of the order, ``opened`` that of its position, counted from the burn-in.
    """

    ts: Ints
    minute: Ints
    opened: Ints
    side: NDArray[np.int8]
    venue: NDArray[np.int8]
    leverage: Floats
    entry: Floats
    price: Floats
    qty: Floats

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def notional(self) -> Floats:
        """USD at the bankruptcy price."""
        return self.qty * self.price

    def picked(self, keep: NDArray[np.bool_] | Ints) -> Orders:
        """The orders of a mask or an index."""
        return Orders(*(getattr(self, name)[keep] for name in Orders.__dataclass_fields__))

    def joined(self, other: Orders) -> Orders:
        """These orders, then the others."""
        return Orders(*(np.concatenate([getattr(self, name), getattr(other, name)])
                        for name in Orders.__dataclass_fields__))


def orders(positions: Positions, minute: Ints, prices: Quotes, name: str) -> Orders:
    """The orders that close ``positions`` in the given minutes (each position has one)."""
    draw = stream("orders", name)
    price = positions.bankruptcy_price
    ts = prices.open_ns[minute] + _within(draw, positions, minute, prices)
    order = np.argsort(ts, kind="stable")
    return Orders(ts, minute, positions.opened, positions.side, positions.venue, positions.leverage,
                  positions.entry, price, positions.qty).picked(order)


def _within(draw: np.random.Generator, positions: Positions, minute: Ints, prices: Quotes) -> Ints:
    """Nanoseconds after the minute's open, by how far the mark must travel to the level."""
    start = prices.mark.open[minute]
    extreme = np.where(positions.side > 0, prices.mark.low[minute], prices.mark.high[minute])
    share = (start - positions.liquidation_price) / (start - extreme)
    first = int(minute.min())
    bursts = np.sort(draw.random((int(minute.max()) - first + 1, _BURSTS)), axis=1) * 57.0
    slot = np.clip((share * _BURSTS).astype(np.int64), 0, _BURSTS - 1)
    seconds = bursts[minute - first, slot] + _SPREAD_S * draw.standard_exponential(len(minute))
    stamp = (np.clip(seconds, .001, 59.998) * 1_000).astype(np.int64) * (SECOND // 1_000)
    return np.minimum(stamp, MINUTE - 1)
