"""Near misses: positions that came close to liquidation and lived, each counted once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deleverage.columns import Floats, Ints, MarketColumns
from deleverage.statistics.episodes import Episode
from deleverage.statistics.excursions import Excursion
from deleverage.statistics.marks import marks
from deleverage.timestamps import DAY

THRESHOLDS = (0.80, 0.90, 0.95)


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A position that used at least 80 % of its buffer and lived.

    Everything is taken at the worst point (excursions.Excursion): ``distance_usd`` per coin from
    mark to liquidation price, ``distance_bp`` the same in basis points of the mark,
    ``distance_vol`` in units of the realised volatility of the 24 h before (None without 24 h).
    ``open``: still held at the end of the run.
    """

    number: int
    symbol: str
    side: int
    ts: int
    bar: int
    buffer_used: float
    distance_usd: float
    distance_bp: float
    distance_vol: float | None
    mark: float
    liquidation_price: float
    mark_state: str
    last_through: bool
    open: bool


@dataclass(frozen=True, slots=True)
class NearMisses:
    """Near misses of a run. ``lived`` counts positions not liquidated; ``at_80`` … those that used
    at least so much; ``last_through`` those of all that lived where last crossed the liquidation
    price and the mark did not. ``closest_bp`` is the least distance of any that lived and
    ``closest_buffer_used`` the most buffer used; None where none could be liquidated."""

    lived: int
    at_80: int
    at_90: int
    at_95: int
    last_through: int
    closest_bp: float | None
    closest_buffer_used: float | None
    by_mark_state: dict[str, int]
    rows: tuple[NearMiss, ...]


def near_misses(
    found: Sequence[Episode], met: Sequence[Excursion], columns: MarketColumns
) -> NearMisses:
    """Near misses among positions; ``met`` are their excursions."""
    _, _, mark = marks(columns)
    lived = [(episode, excursion) for episode, excursion in zip(found, met, strict=True)
             if not episode.liquidated]
    used = [excursion.buffer_used for _, excursion in lived if excursion.buffer_used is not None]
    gaps = [excursion.closest for _, excursion in lived if excursion.closest is not None]
    rows = tuple(_row(episode, excursion, columns.close_ns, mark) for episode, excursion in lived
                 if (excursion.buffer_used or 0.0) >= THRESHOLDS[0])
    at = [sum(share >= threshold for share in used) for threshold in THRESHOLDS]
    return NearMisses(
        lived=len(lived), at_80=at[0], at_90=at[1], at_95=at[2],
        last_through=sum(excursion.last_through for _, excursion in lived),
        closest_bp=min(gaps) * 1e4 if gaps else None,
        closest_buffer_used=max(used, default=None),
        by_mark_state=dict(sorted(Counter(row.mark_state for row in rows).items())), rows=rows,
    )


def volatility_24h(close_ns: Ints, mark: Floats, bar: int) -> float | None:
    """Root of the summed squared log returns of the mark over the 24 h up to the close of ``bar``.

    None where fewer than 24 h lie before it or nothing moved.
    """
    if int(close_ns[bar] - close_ns[0]) < DAY:
        return None
    first = int(np.searchsorted(close_ns, close_ns[bar] - DAY, side="left"))
    returns = np.diff(np.log(mark[first : bar + 1]))
    value = math.sqrt(math.fsum(returns**2))
    return value if value > 0 else None


def _row(episode: Episode, excursion: Excursion, close_ns: Ints, mark: Floats) -> NearMiss:
    point = excursion.worst
    if point is None or excursion.buffer_used is None or excursion.mark_state is None:
        raise ValueError(f"position {episode.number} has no worst point")
    level = point.state.liquidation_price
    distance = episode.side * (point.mark - level)
    unit = volatility_24h(close_ns, mark, point.bar)
    return NearMiss(
        number=episode.number, symbol=episode.symbol, side=episode.side,
        ts=int(close_ns[point.bar]), bar=point.bar, buffer_used=excursion.buffer_used,
        distance_usd=distance, distance_bp=distance / point.mark * 1e4,
        distance_vol=None if unit is None else abs(math.log(level / point.mark)) / unit,
        mark=point.mark, liquidation_price=level, mark_state=excursion.mark_state,
        last_through=excursion.last_through, open=not episode.flat)
