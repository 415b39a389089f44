"""The adverse marks met while something was held, in the order of time, whatever the leverage.

A bar held through counts with its mark extreme, and so does the bar of a fill at its open from
there on; before such a fill only the open counts. Of a bar with a fill on the way the journal keeps
the lowest equity, hence the worst mark the account met; where it cannot be told, the close.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from deleverage.columns import Floats, Ints, MarketColumns
from deleverage.journal import Snapshot
from deleverage.statistics.episodes import Episode
from deleverage.statistics.holdings import Holding, filled_at_open
from deleverage.statistics.path import Path

_CLEAR = 1e-9  # a mark that a position lived at lies this share of it from the level at least


@dataclass(frozen=True, slots=True)
class AdverseMarks:
    """The marks of one market, for every holding in it."""

    columns: MarketColumns
    path: Path

    def marks(self, episode: Episode, held: Holding, after: Holding | None, end: int, *,
               opening: bool) -> tuple[Ints, Floats]:
        """(bars, adverse marks) met in one holding."""
        extreme = self.path.low if episode.side > 0 else self.path.high
        head = self._head(episode, held, opening, end)
        first = held.bar + 1
        tail: list[float] = []
        if end >= len(self.columns):
            end = len(self.columns)
        elif after is not None and after.by_hand:
            end += 1
        elif end > held.bar or head is None:
            tail = [self._tail(episode, held, after, end)]
        through = np.arange(first, max(first, end))
        bars = [held.bar] * (head is not None) + through.tolist() + [end] * len(tail)
        marks = np.concatenate((np.array([] if head is None else [head]),
                                extreme[first:max(first, end)], np.array(tail)))
        return np.array(bars, dtype=np.int64), marks

    def _head(self, episode: Episode, held: Holding, opening: bool, end: int) -> float | None:
        """The adverse mark of the bar of a change, after it; None where it did not last to the
        close and nothing else is known."""
        bar = held.bar
        extreme = float((self.path.low if episode.side > 0 else self.path.high)[bar])
        if held.by_hand:
            return float(self.path.close[bar])
        if held.at_open and (end > bar):
            return extreme
        if any(event.bar == bar for event in episode.liquidations):
            return extreme  # the path beyond the forced step is not in the journal
        if opening and end > bar and bar in self.path.worst_equity:
            return self._implied(held.state, bar)
        return float(self.path.close[bar]) if end > bar else None

    def _tail(self, episode: Episode, held: Holding, after: Holding | None, bar: int) -> float:
        """The adverse mark of the bar in which a holding ends, before its end."""
        legs = [leg for leg in episode.closed if leg.bar == bar]
        ends_by_plan = after is None and (not legs or episode.liquidated)
        at_open = after.at_open if after is not None else ends_by_plan or filled_at_open(legs)
        opened = float(self.columns.execution_mark.open[bar])
        if at_open:
            return opened
        if bar not in self.path.worst_equity:
            return opened
        mark = self._implied(held.state, bar)
        if after is None:
            left = held.state.wallet + math.fsum(flow.amount for flow in episode.flows
                                                 if flow.bar == bar)
            if self.path.worst_equity[bar] >= left - 1e-9 * abs(held.state.wallet):
                mark = legs[-1].price  # fee and slippage of the exit are in it: it is no mark
        return self._alive(held.state, mark, episode.side)

    def _implied(self, state: Snapshot, bar: int) -> float:
        """The mark at the lowest equity of a bar."""
        mark = state.entry_price + (self.path.worst_equity[bar] - state.wallet) / state.size
        return float(np.clip(mark, self.path.low[bar], self.path.high[bar]))

    @staticmethod
    def _alive(state: Snapshot, mark: float, side: int) -> float:
        """A mark at which the position lived, as it did: never at its level or beyond."""
        level = state.liquidation_price
        if math.isnan(level):
            return mark
        clear = level + side * _CLEAR * level
        return max(mark, clear) if side > 0 else min(mark, clear)
