"""What stood in each slot of an account at every instant of a clock, from its snapshots."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deleverage.columns import Floats, Ints
from deleverage.journal import Snapshot, symbol_of


@dataclass(frozen=True, slots=True)
class Held:
    """One slot's position on a clock: the state after the last change up to each instant.

    Figures as in journal.Snapshot; flat: ``size`` 0, ``number`` −1, prices NaN."""

    size: Floats
    entry: Floats
    margin: Floats
    liquidation: Floats
    maintenance: Floats
    number: Ints
    through: NDArray[np.bool_]  # the same position was held an instant before, at the same size


def held_on(clock: Ints, snapshots: Iterable[Snapshot], symbol: str) -> list[Held]:
    """The positions of an instrument, one a slot; a flat one where it was never traded."""
    own: dict[str, list[Snapshot]] = {}
    for shot in snapshots:
        if symbol_of(shot.symbol) == symbol:
            own.setdefault(shot.symbol, []).append(shot)
    return [_held(shots, clock) for shots in own.values() or [[]]]


def since(clock: Ints, own: Sequence[Snapshot]) -> Ints:
    """From which instant of a clock on each snapshot of a slot stands: the first at or after it."""
    return np.maximum.accumulate(
        np.searchsorted(clock, np.array([shot.ts for shot in own], dtype=np.int64)))


def _held(own: Sequence[Snapshot], clock: Ints) -> Held:
    nan = math.nan
    rows = [(0.0, nan, 0.0, nan, 0.0, -1)]
    rows += [(s.size, s.entry_price, s.margin, s.liquidation_price, s.maintenance,
              s.position if s.size else -1) for s in own]
    times = np.diff(np.concatenate(([0], since(clock, own), [len(clock)])))
    size, entry, margin, liquidation, maintenance, number = (
        np.repeat(np.array([row[k] for row in rows]), times) for k in range(6))
    # a snapshot in the bar that left the number and size alone was funding or a margin transfer
    before = np.concatenate(([0.0], size[:-1])), np.concatenate(([-1], number[:-1]))
    through = (size != 0) & (before[0] == size) & (before[1] == number)
    return Held(size, entry, margin, liquidation, maintenance, number.astype(np.int64), through)


def larger(positions: Sequence[Held]) -> Held:
    """At each instant the larger of the positions of an instrument."""
    chosen = positions[0]
    for other in positions[1:]:
        more = np.abs(other.size) > np.abs(chosen.size)
        chosen = Held(*(np.where(more, getattr(other, item.name), getattr(chosen, item.name))
                        for item in dataclasses.fields(Held)))
    return chosen


def unrealised(held: Held, price: Floats) -> Floats:
    """Profit at ``price``, in quote; 0 while flat."""
    profit = held.size * (price - held.entry)
    profit[held.size == 0] = 0.0
    return profit
