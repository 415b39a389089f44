"""What positions are looked up in: a market's mark and last, and what the journal adds to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deleverage.columns import Floats, Ints, MarketColumns
from deleverage.journal import Journal
from deleverage.statistics.curves import worst_by_bar
from deleverage.statistics.episodes import Episode
from deleverage.statistics.marks import marks


@dataclass(frozen=True, slots=True)
class Path:
    """Mark and last of one market per bar, and the lowest equities of the journal.

    ``worst_equity`` holds the bars with fills of one position only: where two met in a bar, of one
    instrument or of several, the lowest equity cannot be put down to either.
    """

    low: Floats
    high: Floats
    close: Floats
    last_low: Floats
    last_high: Floats
    mark_state: NDArray[np.uint8]
    worst_equity: Mapping[int, float]

    @classmethod
    def of(cls, columns: MarketColumns, journal: Journal, found: Sequence[Episode]) -> Path:
        """The path of a market; DataError where a mark is not a number."""
        low, high, close = marks(columns)
        bars = Counter(bar for episode in found
                       for bar in {leg.bar for leg in (*episode.opened, *episode.closed)})
        lowest = worst_by_bar(journal, columns.close_ns)
        shared = _shared(journal, columns.close_ns, lowest)
        alone = {bar: value for bar, value in lowest.items()
                 if bars[bar] == 1 and bar not in shared}
        return cls(low, high, close, columns.lines["low"], columns.lines["high"],
                   columns.execution_mark.state, alone)


def _shared(journal: Journal, close_ns: Ints, among: Iterable[int]) -> set[int]:
    """Bars, of those named, in which more than one slot of the account held or changed a position.
    """
    slots = {shot.symbol for shot in journal.snapshots}
    if len(slots) < 2:
        return set()
    named = np.array(sorted(among), dtype=np.int64)
    busy = np.zeros(len(named), dtype=np.int64)
    for slot in slots:
        shots = [shot for shot in journal.snapshots if shot.symbol == slot]
        stamps = np.array([shot.ts for shot in shots], dtype=np.int64)
        sizes = np.array([0.0, *(shot.size for shot in shots)])
        held = sizes[np.searchsorted(stamps, close_ns[named], side="right")] != 0
        busy += held | np.isin(named, np.searchsorted(close_ns, stamps))
    return set(named[busy > 1].tolist())
