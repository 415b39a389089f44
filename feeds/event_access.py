"""Single liquidations for a strategy: those that were known at a bar, and no others.

An event belongs to the first bar whose close is at or after its ``available_at``, a publication
latency later; what is asked for ends with the bar at which the strategy stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from deleverage.columns import Floats, Ints, MarketColumns
from deleverage.errors import UsageError
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.liquidations import venues_of
from deleverage.feeds.tables import numbers


@dataclass(frozen=True, slots=True)
class Liquidations:
    """Events in the order in which they became known. ``usd`` notional, ``side`` +1 where a LONG
    was liquidated and −1 a short, ``ts`` the venue's time, ``available_at`` when it was known."""

    ts: Ints
    available_at: Ints
    side: NDArray[np.int8]
    usd: Floats
    price: Floats
    venue: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.ts)

    def of(self, chosen: Any) -> Liquidations:
        """The events that a mask or slice picks."""
        return Liquidations(self.ts[chosen], self.available_at[chosen], self.side[chosen],
                            self.usd[chosen], self.price[chosen], self.venue[chosen])


class EventBook:
    """All events of a dataset by the bar of ``columns`` in which they become known."""

    def __init__(self, dataset: Dataset, columns: MarketColumns, latency: int) -> None:
        table = dataset.table("liquidations")
        order = np.argsort(numbers(table, "available_at"), kind="stable")
        known = numbers(table, "available_at")[order]
        is_long = pc.equal(table.column("liq_side"), "long").to_numpy(zero_copy_only=False)
        self.events = Liquidations(
            numbers(table, "ts")[order], known, np.where(is_long, 1, -1).astype(np.int8)[order],
            numbers(table, "notional_usd")[order], numbers(table, "price")[order],
            venues_of(table)[order])
        start = columns.close_ns[0] - columns.market.step_ns if len(columns) else 0
        bar = np.searchsorted(columns.close_ns, known, side="left") + latency
        self.bar: Ints = np.where(known <= start, -1, bar)

    def within(self, bar: int, bars: int) -> Liquidations:
        """Events known in the last ``bars`` bars up to ``bar`` included."""
        if bars < 1:
            raise UsageError(f"liquidations(bars) takes a number of bars ≥ 1, found {bars}")
        first, stop = np.searchsorted(self.bar, [max(bar - bars + 1, 0), bar + 1], side="left")
        return self.events.of(slice(int(first), int(stop)))
