"""One instrument's market on one clock, as arrays: what feeds show and what the account trades on.

Bar ``i`` covers ``(close_ns[i] − step, close_ns[i]]``. ``lines`` is what a strategy may see, keyed
by the feed's line names; ``execution_mark``, ``funding`` and ``inner`` belong to the account alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from deleverage.features import Features
from deleverage.market import Market

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# how the account knows the mark of a bar (DESIGN: "Mark coarser than bars")
MARK_EXACT, MARK_CLIPPED, MARK_LAST, MARK_MISSING = 0, 1, 2, 3
MARK_STATES = ("exact", "clipped", "last", "missing")

# stale: an old rate that kept being delivered; imputed and stale are the account's findings
FUNDING_SETTLED, FUNDING_MISSING, FUNDING_IMPUTED, FUNDING_STALE = 0, 1, 2, 3
FUNDING_STATES = ("settled", "missing", "imputed", "stale")

BASE_LINES = (
    "open", "high", "low", "close", "volume", "openinterest",
    "mark_open", "mark_high", "mark_low", "mark_close", "index_close", "funding_rate",
    "long_liquidations", "short_liquidations", "largest_liquidation", "liquidation_count",
)


@dataclass(frozen=True, slots=True)
class ExecutionMark:
    """The mark the account is judged on, per bar; never visible to a strategy."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    state: NDArray[np.uint8]  # index into MARK_STATES


@dataclass(frozen=True, slots=True)
class FundingSchedule:
    """Every settlement due within the bars, in order.

    ``bar[k]`` is the bar that contains stamp ``settle_ns[k]``; ``rate`` is the fraction of notional
    per settlement (> 0: longs pay; NaN where missing), ``price`` the mark at the stamp (NaN where
    unknown), ``state`` an index into FUNDING_STATES, ``index`` the index price at the stamp itself,
    which stands for the oracle of a venue that pays on it (NaN where not known, never a later one).
    """

    settle_ns: Ints
    bar: Ints
    rate: Floats
    price: Floats
    state: NDArray[np.uint8]
    index: Floats

    def picked(self, keep: NDArray[np.bool_], first: int = 0) -> FundingSchedule:
        """The settlements where ``keep``, their bars counted from bar ``first``."""
        return FundingSchedule(self.settle_ns[keep], self.bar[keep] - first, self.rate[keep],
                               self.price[keep], self.state[keep], self.index[keep])


@dataclass(frozen=True, slots=True)
class Inner:
    """Finer bars under a market's own: bar ``i`` covers fine bars ``first[i]`` to ``first[i + 1]``
    (exclusive), so that ``first`` has one element more than the market has bars."""

    first: Ints
    fine: MarketColumns

    def sliced(self, first: int, stop: int) -> Inner:
        """The finer bars under bars ``first`` to ``stop`` (exclusive)."""
        start, end = int(self.first[first]), int(self.first[stop])
        return Inner(self.first[first:stop + 1] - start, self.fine.sliced(start, end))


@dataclass(frozen=True, slots=True)
class MarketColumns:
    """A market as arrays of equal length; ``sliced`` keeps everything aligned.

    ``inner``: the finer bars the account walks inside these, where they were gathered from some
    (:func:`deleverage.coarser.coarser`).
    """

    market: Market
    close_ns: Ints
    lines: Mapping[str, Floats]
    execution_mark: ExecutionMark
    funding: FundingSchedule
    inner: Inner | None = None
    memo: Features = field(default_factory=Features, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.close_ns)

    @property
    def venues(self) -> tuple[str, ...]:
        """Venues that have liquidation lines of their own (``long_liquidations_<venue>``)."""
        prefix = "long_liquidations_"
        return tuple(n.removeprefix(prefix) for n in self.lines if n.startswith(prefix))

    def sliced(self, first: int, stop: int) -> MarketColumns:
        """Bars ``first`` to ``stop`` (exclusive), with bar numbers counted from ``first``."""
        first, stop, _ = slice(first, stop).indices(len(self))
        stop = max(first, stop)
        cut = slice(first, stop)
        mark, funding = self.execution_mark, self.funding
        return MarketColumns(
            self.market,
            self.close_ns[cut],
            MappingProxyType({name: column[cut] for name, column in self.lines.items()}),
            ExecutionMark(mark.open[cut], mark.high[cut], mark.low[cut], mark.close[cut],
                          mark.state[cut]),
            funding.picked((funding.bar >= first) & (funding.bar < stop), first),
            None if self.inner is None else self.inner.sliced(first, stop),
        )
