"""The trades a reader asks about first, near enough to see why they ended as they did.

In an overview of a year the minutes of a liquidation are one point. A close-up keeps the market and
the liquidation price around one trade, on to where the trade was meant to end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from deleverage.columns import Floats, Ints, MarketColumns
from deleverage.statistics import thinning
from deleverage.statistics.curves import Curves
from deleverage.statistics.trades import Trade

SHOWN = 3  # trades
POINTS = 600  # of one close-up
MARGIN = 0.25  # of its length, before and after it
LEAST = 30  # bars before and after

PARADOX, LIQUIDATED = "right and liquidated", "liquidated"
WORST, BEST = "the worst trade", "the best trade"


@dataclass(frozen=True, eq=False)
class CloseUp:
    """One trade: ``number`` and ``why`` it is shown; ``bars`` gathered into the points that follow.

    Prices as in an :class:`~deleverage.statistics.overview.Overview`; ``liquidation_price`` the
    last one in force in each bucket, NaN while the position was not held.
    """

    number: int
    why: str
    bars: int
    close_ns: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    mark_low: Floats
    mark_high: Floats
    liquidation_price: Floats

    def __len__(self) -> int:
        return len(self.close_ns)


COLUMNS = tuple(item.name for item in fields(CloseUp))[3:]


def chosen(trades: Sequence[Trade]) -> tuple[tuple[Trade, str], ...]:
    """Which trades, and why: right and liquidated ones first, then other liquidated ones, then the
    worst and the best of the rest; at most :data:`SHOWN`, in order of time."""
    ranked = sorted(trades, key=lambda trade: trade.net)
    forced = [(trade, PARADOX) for trade in ranked if trade.liquidated and trade.right]
    forced += [(trade, LIQUIDATED) for trade in ranked if trade.liquidated and not trade.right]
    lived = [trade for trade in ranked if not trade.liquidated]
    rest = [(lived[0], WORST)] if lived and lived[0].net < 0 else []
    rest += [(lived[-1], BEST)] if lived and lived[-1].net > 0 else []
    return tuple(sorted([*forced, *rest][:SHOWN], key=lambda item: item[0].entry_ns))


def closeups(trades: Sequence[Trade], curves: Curves, columns: MarketColumns,
             planned: Mapping[int, int | None]) -> tuple[CloseUp, ...]:
    """Close-ups of the trades :func:`chosen`. ``planned``: bar of each trade's planned exit by its
    number (None: the end of the run)."""
    return tuple(_close_up(trade, why, curves, columns, planned) for trade, why in chosen(trades))


def _close_up(trade: Trade, why: str, curves: Curves, columns: MarketColumns,
              planned: Mapping[int, int | None]) -> CloseUp:
    length = len(columns)
    ended = length - 1 if trade.exit_bar is None else trade.exit_bar
    meant = planned.get(trade.number, ended)
    last = max(ended, length - 1 if meant is None else meant)
    beside = max(LEAST, int(MARGIN * (last - trade.entry_bar)))
    first, stop = max(0, trade.entry_bar - beside), min(length, last + beside + 1)
    part = columns.sliced(first, stop)
    starts = thinning.buckets(len(part), POINTS)
    ends = thinning.last_of(starts, len(part))
    lines, mark = part.lines, part.execution_mark
    own = curves.position[first:stop] == trade.number
    level = np.where(own, curves.liquidation_price[first:stop], np.nan)
    return CloseUp(
        trade.number, why, len(part), part.close_ns[ends], np.array(lines["open"][starts]),
        thinning.highest(lines["high"], starts), thinning.lowest(lines["low"], starts),
        np.array(lines["close"][ends]), thinning.lowest(mark.low, starts),
        thinning.highest(mark.high, starts), thinning.latest(level, starts))


def to_arrays(shown: Sequence[CloseUp]) -> dict[str, Floats | Ints]:
    """All of them below one another, as columns of a table; ``number`` tells them apart."""
    numbers = [np.full(len(item), item.number, dtype=np.int64) for item in shown]
    return {"number": np.concatenate(numbers), **{
        name: np.concatenate([getattr(item, name) for item in shown]) for name in COLUMNS}}


def from_arrays(rows: Sequence[Mapping[str, Any]],
                arrays: Mapping[str, Floats | Ints]) -> tuple[CloseUp, ...]:
    """What :func:`to_arrays` wrote, with ``number``, ``why`` and ``bars`` of each. KeyError for a
    column that is absent."""
    made = []
    for row in rows:
        own = arrays["number"] == row["number"]
        made.append(CloseUp(row["number"], row["why"], row["bars"],
                            *(arrays[name][own] for name in COLUMNS)))
    return tuple(made)
