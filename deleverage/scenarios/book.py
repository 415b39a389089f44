"""Who holds what: positions opened on the path, and the minute that liquidates each of them.

A position has an entry inside the bar in which it was opened, a leverage and a lifetime after which
its owner closes it. It is liquidated in the first later minute whose MARK reaches its liquidation
price (margin isolated, maintenance priced at liquidation). The path takes no notice of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deleverage.scenarios import venues
from deleverage.scenarios.path import Floats, Ints
from deleverage.scenarios.quotes import Quotes
from deleverage.scenarios.streams import stream
from deleverage.timestamps import DAY, HOUR

# leverage · positions opened per ordinary day (both sides) · mean lifetime in minutes
TIERS = np.array([
    (3, 1_500, 10_080), (4, 2_000, 8_640), (5, 12_500, 7_200), (6, 4_500, 5_760),
    (8, 2_800, 4_320), (10, 4_200, 2_880), (12, 2_000, 2_160), (15, 2_200, 1_440),
    (20, 4_800, 960), (25, 6_000, 720), (30, 3_400, 480), (40, 4_000, 300),
    (50, 8_500, 200), (75, 5_500, 110), (100, 4_000, 70)])
# the crowd is long, and the shorts among it use less leverage
_LONG_SHARE = np.array([.62, .62, .62, .62, .62, .62, .60, .60] + [.54] * 7)

_MEDIAN, _SIGMA = 1_000.0, 2.0  # USD, and of the logarithm
_TAIL_FROM, _TAIL_INDEX, _TAIL_SHARE = 150e3, 1.5, .006
_TAIL_END = 9e6  # the tail is a truncated Pareto; a venue's ``size`` scales it too


@dataclass(frozen=True, slots=True)
class Positions:
    """Positions as columns: ``opened`` and ``expires`` are minutes counted from the burn-in."""

    opened: Ints
    expires: Ints
    side: NDArray[np.int8]  # +1 long, −1 short
    venue: NDArray[np.int8]
    leverage: Floats
    entry: Floats
    qty: Floats  # coins

    def __len__(self) -> int:
        return len(self.opened)

    @property
    def liquidation_price(self) -> Floats:
        """``E (1 − s/L) / (1 − s m)``: equity equals maintenance at that mark."""
        rate = venues.maintenance_rate(self.venue, self.leverage)
        return self.entry * (1 - self.side / self.leverage) / (1 - self.side * rate)

    @property
    def bankruptcy_price(self) -> Floats:
        """``E (1 − s/L)``: the margin is gone at that price; on the tick."""
        return np.round(self.entry * (1 - self.side / self.leverage), 2)

    def picked(self, keep: NDArray[np.bool_] | Ints) -> Positions:
        """The positions of a mask or an index."""
        return Positions(*(getattr(self, name)[keep] for name in Positions.__dataclass_fields__))

    def joined(self, other: Positions) -> Positions:
        """These positions, then the others."""
        return Positions(*(np.concatenate([getattr(self, name), getattr(other, name)])
                           for name in Positions.__dataclass_fields__))


def opened(prices: Quotes, activity: Floats, first: int, name: str) -> Positions:
    """Positions opened from minute ``first`` on, at the pace ``activity`` gives per minute."""
    draw = stream("book", name)
    open_ns = prices.open_ns[first:]
    hour = (open_ns % DAY) / HOUR
    pace = activity[first:] * (.75 + .55 * np.exp(-(((hour - 15) / 4) ** 2))) / 1440
    counts = draw.poisson(pace * TIERS[:, 1].sum())
    minute = first + np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    total = len(minute)
    uniform = draw.random((4, total))
    tier = np.searchsorted(np.cumsum(TIERS[:, 1]) / TIERS[:, 1].sum(), uniform[0], side="right")
    side = np.where(uniform[1] < _LONG_SHARE[tier], 1, -1).astype(np.int8)
    venue = np.searchsorted(np.cumsum(venues.SHARES) / venues.SHARES.sum(), uniform[2],
                            side="right").astype(np.int8)
    leverage = np.minimum(TIERS[tier, 0], venues.LEVERAGE_CAP[venue])
    low, high = prices.last.low[minute], prices.last.high[minute]
    entry = np.round(low + uniform[3] * (high - low), 2)
    life = draw.standard_exponential(total) * TIERS[tier, 2]
    size = _sizes(stream("sizes", name), venue) / entry
    new = Positions(minute, minute + 1 + life.astype(np.int64), side, venue, leverage, entry, size)
    # one that the bar's own close would have liquidated is not opened
    alive = new.side * (prices.mark.close[minute] - new.liquidation_price) > 0
    return new.picked(alive)


def _sizes(draw: np.random.Generator, venue: NDArray[np.int8]) -> Floats:
    """USD at entry: a log-normal body and, for a small share, a truncated Pareto tail."""
    body = np.minimum(_MEDIAN * np.exp(_SIGMA * draw.standard_normal(len(venue))), _TAIL_END)
    large = np.flatnonzero(draw.random(len(venue)) < _TAIL_SHARE)
    below_end = 1 - (_TAIL_FROM / _TAIL_END) ** _TAIL_INDEX
    body[large] = _TAIL_FROM * (1 - below_end * draw.random(len(large))) ** (-1 / _TAIL_INDEX)
    return body * venues.SIZE[venue]


def liquidated_at(positions: Positions, prices: Quotes) -> Ints:
    """The minute in which each position is liquidated; ``len(prices)`` where none is."""
    level, minute = positions.liquidation_price, np.empty(len(positions), np.int64)
    start = positions.opened + 1
    for side, worst in ((1, prices.mark.low), (-1, -prices.mark.high)):
        mine = positions.side == side
        minute[mine] = first_at_or_below(worst, side * level[mine], start[mine])
    return np.where(minute < positions.expires, minute, len(prices))


def first_at_or_below(series: Floats, level: Floats, start: Ints) -> Ints:
    """First index ≥ ``start`` at which ``series`` ≤ ``level``; its length where there is none.

    Minima over windows of 2^k let each query jump over stretches that stay above its level, so
    a million queries cost a few passes over them.
    """
    length = len(series)
    windows = [np.append(series, -np.inf)]
    while 2 ** len(windows) <= length:
        half, last = 2 ** (len(windows) - 1), windows[-1]
        ahead = np.full(length + 1, -np.inf)
        ahead[:length + 1 - half] = last[half:]
        windows.append(np.minimum(last, ahead))
    at = np.minimum(start, length)
    for power in range(len(windows) - 1, -1, -1):
        at = np.where(windows[power][at] > level, at + 2 ** power, at)
    return at
