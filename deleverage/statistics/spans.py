"""Bars gathered into spans over which an account does not change: what its figures are read from.

A strategy that waits for a cascade is flat in most bars. Flat, it is worth its wallet at every one
of them, so a flat stretch between two changes is told once, and a bar in the market by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deleverage.columns import Ints


@dataclass(frozen=True, eq=False)
class Spans:
    """``first`` is the first bar of each span, ascending from 0; together they are ``bars`` bars.

    Two neighbours may be alike: a span that was cut needlessly is still one.
    """

    first: Ints
    bars: int

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def each(cls, bars: int) -> Self:
        """Every bar a span of its own."""
        return cls(np.arange(bars, dtype=np.int64), bars)

    @classmethod
    def beginning(cls, begins: NDArray[np.bool_]) -> Self:
        """Spans that begin at bar 0 and where ``begins``, which has an element a bar."""
        if len(begins):
            begins[0] = True
        return cls(np.flatnonzero(begins).astype(np.int64, copy=False), len(begins))

    @cached_property
    def times(self) -> Ints:
        """How many bars each span has."""
        return np.diff(self.first, append=self.bars)

    @property
    def whole(self) -> bool:
        """Whether every bar is a span of its own."""
        return len(self.first) == self.bars

    def last(self, span: int) -> int:
        """The last bar of a span."""
        return (int(self.first[span + 1]) if span + 1 < len(self.first) else self.bars) - 1

    def of(self, bars: Any) -> Any:
        """The span in which each bar lies."""
        return np.searchsorted(self.first, bars, side="right") - 1

    def at_first(self, values: NDArray[Any]) -> NDArray[Any]:
        """Of a value a bar, those of the first bar of each span."""
        return values if self.whole else values[self.first]

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """A value of each span as one of each bar."""
        return values if self.whole else np.repeat(values, self.times)
