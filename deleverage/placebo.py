"""The placebo test: what is left of an edge when the liquidations come at the wrong times?

The market stays as it was; only the liquidation lines (and with them their coverage) are moved in
time, or their blocks shuffled. A strategy that lives on the liquidations must lose its edge; one
that keeps it lives on something else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from deleverage.columns import MarketColumns
from deleverage.errors import UsageError
from deleverage.tails import lines_of


def shifted(columns: MarketColumns, bars: int) -> MarketColumns:
    """The liquidations ``bars`` bars later (earlier if negative), wrapped around the ends."""
    return _reordered(columns, np.roll(np.arange(len(columns)), bars))


def shuffled(columns: MarketColumns, seed: int, block: int = 1_440) -> MarketColumns:
    """The liquidations with blocks of ``block`` bars in random order; same seed, same order.

    Inside a block they stay together, so that bursts remain bursts.
    """
    if block < 1:
        raise UsageError(f"a block has at least one bar, found {block}")
    starts = np.random.default_rng(seed).permutation(np.arange(0, len(columns), block)).tolist()
    pieces = [np.arange(start, min(start + block, len(columns))) for start in starts]
    return _reordered(columns, np.concatenate(pieces) if pieces else np.empty(0, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class PlaceboReport:
    """The outcome on the real market beside the outcomes with displaced liquidations."""

    real: float
    placebos: tuple[float, ...]

    @property
    def share_as_good(self) -> float:
        """(1 + placebos at least as good) / (1 + placebos): the smallest p-value this allows."""
        as_good = sum(value >= self.real for value in self.placebos)
        return (1 + as_good) / (1 + len(self.placebos))

    def __str__(self) -> str:
        if not self.placebos:
            return f"real {self.real:g}, no placebo"
        return (f"real {self.real:g}; {len(self.placebos)} placebos: median "
                f"{float(np.median(self.placebos)):g}, best {max(self.placebos):g}; share as good "
                f"{self.share_as_good:.3f}")


def placebo_test(outcome: Callable[[MarketColumns], float], columns: MarketColumns, *,
                 shifts: Sequence[int] = (), seeds: Sequence[int] = (),
                 block: int = 1_440) -> PlaceboReport:
    """``outcome`` (larger is better, e.g. the return of a run) on the market and its placebos."""
    moved = [shifted(columns, bars) for bars in shifts]
    moved += [shuffled(columns, seed, block) for seed in seeds]
    return PlaceboReport(outcome(columns), tuple(outcome(each) for each in moved))


def _reordered(columns: MarketColumns, order: NDArray[np.int64]) -> MarketColumns:
    lines = dict(columns.lines)
    for name in lines_of(columns, "liquidations"):
        lines[name] = lines[name][order]
    return replace(columns, lines=MappingProxyType(lines))
