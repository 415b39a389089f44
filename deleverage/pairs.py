"""Ranked results against one another: which of the differences are larger than noise.

Every pair of the ranking is tested and counted by Holm, because the ranking itself picked the pairs
worth showing: those of neighbours, and each against the best.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from deleverage.results import RunResult
from deleverage.statistics.noise import (
    LEVEL,
    CascadeDifference,
    cascade_difference,
    holm,
    smallest_p,
)

SHOWN = 20  # ranked results whose pairs are shown


@dataclass(frozen=True, slots=True)
class Pair:
    """Two places of the ranking, counted from 1, and what the better one made beyond the other."""

    better: int
    worse: int
    difference: CascadeDifference


@dataclass(frozen=True, slots=True)
class Noise:
    """The pairs shown, and how many were ``tested``: those for which there is a p.

    A p after Holm of at most ``level`` is not noise. ``largest_n`` is the most cascades any of them
    had, ``attainable`` the smallest p that Holm could have left standing (None: nothing was
    tested); ``why`` says why nothing could be paired.
    """

    pairs: tuple[Pair, ...] = ()
    tested: int = 0
    largest_n: int = 0
    attainable: float | None = None
    why: str = ""
    level: float = LEVEL

    @classmethod
    def of(cls, ranked: Sequence[RunResult]) -> Self:
        """All pairs of results on the same data, best first, judged together."""
        wanted = set(pairs_shown(len(ranked)))
        found = [Pair(one + 1, other + 1, _difference(ranked[one], ranked[other],
                                                      (one, other) in wanted))
                 for one, other in itertools.combinations(range(len(ranked)), 2)]
        found = _adjusted(found)
        lowest = [pair.difference.smallest for pair in found
                  if pair.difference.smallest is not None]
        return cls(
            tuple(pair for pair in found if (pair.better - 1, pair.worse - 1) in wanted),
            len(lowest), max((pair.difference.n for pair in found), default=0),
            min(1.0, min(lowest) * len(lowest)) if lowest else None)

    @property
    def smallest(self) -> float:
        """The smallest p that one of these pairs could have had, alone on its page."""
        return smallest_p(self.largest_n)

    @property
    def larger(self) -> tuple[Pair, ...]:
        """Those shown whose p after Holm is at most ``level``."""
        return tuple(pair for pair in self.pairs
                     if pair.difference.holm is not None and pair.difference.holm <= self.level)


NOT_PAIRED = Noise()


def pairs_shown(count: int) -> list[tuple[int, int]]:
    """Places from 0, of the first SHOWN: each against the best, then each against the next."""
    last = min(count, SHOWN)
    return [(0, place) for place in range(1, last)] + [
        (place, place + 1) for place in range(1, last - 1)]


def _adjusted(found: Sequence[Pair]) -> list[Pair]:
    """The pairs, each p with that after Holm over all of them beside it."""
    known = [pair.difference.p for pair in found if pair.difference.p is not None]
    adjusted = iter(holm(known))
    return [pair if pair.difference.p is None else dataclasses.replace(
        pair, difference=dataclasses.replace(pair.difference, holm=next(adjusted)))
        for pair in found]


def _difference(one: RunResult, other: RunResult, interval: bool) -> CascadeDifference:
    return cascade_difference(
        one.statistics["cascades"], other.statistics["cascades"],
        one.statistics["performance"]["start_equity"],
        other.statistics["performance"]["start_equity"], interval)
