"""From what was liquidated to what the venues report, and when it can be known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deleverage.scenarios import venues
from deleverage.scenarios.orders import Orders
from deleverage.scenarios.path import Ints
from deleverage.scenarios.streams import stream
from deleverage.timestamps import SECOND

_OKX_PUBLISHED = .6  # its rule is not published; a declared assumption, not a measurement


def last_of_each_second(ts: Ints) -> NDArray[np.bool_]:
    """Which events of one symbol a one-per-second feed keeps: the last of each second.

    ``ts`` is sorted; of several events at the same instant the last row counts.
    """
    second = ts // SECOND
    keep = np.ones(len(ts), dtype=np.bool_)
    keep[:-1] = second[1:] != second[:-1]
    return keep


def reported(orders: Orders, name: str) -> NDArray[np.bool_]:
    """Mask of the orders that appear in the venues' feeds."""
    keep = np.ones(len(orders), dtype=np.bool_)
    binance = np.flatnonzero(orders.venue == venues.BINANCE)
    keep[binance] = last_of_each_second(orders.ts[binance])
    okx = np.flatnonzero(orders.venue == venues.OKX)
    keep[okx] = stream("okx", name).random(len(okx)) < _OKX_PUBLISHED
    return keep


def available_at(orders: Orders, name: str) -> Ints:
    """When each reported order can be known: the venue's next push, then its way to us."""
    push = np.array([feed.push_ns for feed in venues.FEEDS])[orders.venue]
    delay = np.array([feed.delay_ns for feed in venues.FEEDS])[orders.venue]
    pushed = -(-orders.ts // push) * push
    late = stream("arrival", name).random(len(orders))
    return pushed + (delay * (1 + late)).astype(np.int64)
