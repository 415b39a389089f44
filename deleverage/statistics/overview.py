"""The market a run saw, small enough to be kept with its result: what charts of price stand on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from deleverage.columns import Floats, Ints, MarketColumns
from deleverage.statistics import thinning

PRICES = ("open", "high", "low", "close", "mark_low", "mark_high")
LONG, SHORT = "long_liquidations", "short_liquidations"


@dataclass(frozen=True, eq=False)
class Overview:
    """Bars gathered into at most :data:`~deleverage.statistics.thinning.BUDGET` longer ones.

    ``close_ns`` and ``open`` … ``close`` as bars have them; ``mark_low`` and ``mark_high`` the
    extremes of the mark the account was judged on (NaN: none). ``long_usd`` and ``short_usd``:
    liquidated in the bucket by venue, USD, NaN where the venue is not covered; the key ``all``
    where the data has sums only; empty without a liquidations table. ``bars``: how many were
    gathered.
    """

    bars: int
    close_ns: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    mark_low: Floats
    mark_high: Floats
    long_usd: Mapping[str, Floats]
    short_usd: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.close_ns)

    def arrays(self) -> dict[str, Floats | Ints]:
        """Columns of a table: the prices, then ``long:<venue>`` and ``short:<venue>``."""
        return {"close_ns": self.close_ns, **{name: getattr(self, name) for name in PRICES},
                **{f"long:{venue}": values for venue, values in self.long_usd.items()},
                **{f"short:{venue}": values for venue, values in self.short_usd.items()}}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Floats | Ints], bars: int) -> Self:
        """What :meth:`arrays` wrote. KeyError for a column that is absent."""
        long, short = ({name.partition(":")[2]: values.astype(np.float64)
                        for name, values in arrays.items() if name.startswith(f"{side}:")}
                       for side in ("long", "short"))
        prices = {name: arrays[name].astype(np.float64) for name in PRICES}
        return cls(bars=bars, close_ns=arrays["close_ns"].astype(np.int64), long_usd=long,
                   short_usd=short, **prices)


def overview(columns: MarketColumns, budget: int = thinning.BUDGET) -> Overview:
    """The market of ``columns``, gathered into at most ``budget`` buckets."""
    lines, mark = columns.lines, columns.execution_mark
    starts = thinning.buckets(len(columns), budget)
    ends = thinning.last_of(starts, len(columns))
    return Overview(
        len(columns), columns.close_ns[ends], np.array(lines["open"][starts]),
        thinning.highest(lines["high"], starts), thinning.lowest(lines["low"], starts),
        np.array(lines["close"][ends]), thinning.lowest(mark.low, starts),
        thinning.highest(mark.high, starts),
        _by_venue(columns, LONG, starts), _by_venue(columns, SHORT, starts))


def _by_venue(columns: MarketColumns, line: str, starts: Ints) -> dict[str, Floats]:
    """Sums by venue; where no venue is told apart, their sum; nothing where there is no table."""
    found = {venue: columns.lines[f"{line}_{venue}"] for venue in columns.venues
             if f"{line}_{venue}" in columns.lines}
    if not found and line in columns.lines and np.isfinite(columns.lines[line]).any():
        found = {"all": columns.lines[line]}
    return {venue: thinning.added(values, starts) for venue, values in found.items()}
