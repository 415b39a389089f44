"""How many hours each funding row was paid for, and which settlements no row tells.

Venues settle every 8, 4 or 1 hours and change that; vendors' files mostly give stamps and rates
alone, with rows missing. A row's interval is the one that ends at its stamp.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from deleverage.columns import Floats, Ints
from deleverage.timestamps import DAY, HOUR, MINUTE

EIGHT_HOURS = 8 * HOUR  # what venues settle by unless their rows or rules say otherwise
_JITTER = 2 * MINUTE  # by which a distance may miss whole hours: both its stamps are off by seconds

# The story that explains the distances at the least cost. A hole costs less than two changes of
# interval, so that a distance that stands alone is a hole; three equal ones, or two at the end of
# the data, are a change. Longer holes cost a little more, so that the shortest is chosen.
_HOLE, _ROW, _CHANGE = 1.0, 1e-6, 1.25
_ODD = 100.0  # an interval that does not divide a day: only where nothing else explains


def intervals(stamps: Ints, assumed: int = EIGHT_HOURS) -> Floats:
    """Hours each row's rate was paid for, read from the rows' own distances.

    A distance that stands alone among shorter ones is a hole; a change of interval is followed, and
    a hole may lie in it. ``assumed`` (ns) is the interval of a single row.
    """
    if len(stamps) < 2:
        return np.full(len(stamps), assumed / HOUR)
    gaps = _regular(np.diff(stamps))
    seen = np.unique(gaps).tolist()
    if len(seen) == 1:
        return np.full(len(stamps), seen[0] / HOUR)
    own = _explained(gaps.tolist(), seen)
    return np.array([own[0], *own]) / HOUR


def missing_stamps(stamps: Ints, hours: Floats, start: int, end: int) -> Ints:
    """Settlements due in (start, end] that no row tells: before, between and after the rows.

    Between two rows of different intervals the old one is followed for as long as it fits, and as
    few settlements as possible are missing. They are due on full minutes, whatever the jitter of
    the rows, unless the intervals themselves are not.
    """
    if not len(stamps):
        return np.empty(0, np.int64)
    steps = np.rint(hours * HOUR).astype(np.int64)
    parts = [np.arange(stamps[0] - steps[0], start - MINUTE, -steps[0], dtype=np.int64),
             np.arange(stamps[-1] + steps[-1], end + MINUTE, steps[-1], dtype=np.int64)]
    gaps = np.diff(stamps)
    # less than half an interval beyond one's own is jitter, not a settlement
    beyond = gaps - steps[1:] >= np.minimum(steps[:-1], steps[1:]) / 2
    for row in np.flatnonzero(beyond) + 1:
        gap, before, own = int(gaps[row - 1]), int(steps[row - 1]), int(steps[row])
        old, new = _pieces(gap, before, own, _JITTER) or (0, round(gap / own))
        parts.append(stamps[row - 1] + before * np.arange(1, old + 1, dtype=np.int64))
        parts.append(stamps[row] - own * np.arange(1, new, dtype=np.int64))
    due = np.concatenate(parts)
    if not (steps % MINUTE).any():
        due = (due + MINUTE // 2) // MINUTE * MINUTE
    return np.unique(due[(due > start) & (due <= end)])


def _regular(gaps: Ints) -> Ints:
    """Distances as whole hours where they are that but for jitter, else as whole minutes."""
    hours = (gaps + HOUR // 2) // HOUR * HOUR
    minutes = np.maximum((gaps + MINUTE // 2) // MINUTE, 1) * MINUTE
    return np.where((np.abs(gaps - hours) <= _JITTER) & (hours > 0), hours, minutes)


def _explained(gaps: Iterable[int], seen: list[int]) -> list[int]:
    """The interval that ends each distance, by the cheapest story of holes and changes."""
    usual = [gap for gap in seen if DAY % gap == 0] or [Counter(gaps).most_common(1)[0][0]]
    prices: dict[tuple[int, int, int], float] = {}
    best: dict[int, float] = {}
    came: list[dict[int, int]] = []
    for gap in gaps:
        now: dict[int, float] = {}
        origin: dict[int, int] = {}
        for own in usual if gap in usual else [*usual, gap]:
            for before, cost in (best or {own: 0.0}).items():
                key = (gap, before, own)
                if key not in prices:
                    prices[key] = _price(gap, before, own, own in usual)
                total = cost + prices[key]
                if total < now.get(own, np.inf):
                    now[own], origin[own] = total, before
        best = now
        came.append(origin)
    own = min(best, key=lambda each: best[each])
    found = []
    for origin in reversed(came):
        found.append(own)
        own = origin[own]
    return found[::-1]


def _price(gap: int, before: int, own: int, usual: bool) -> float:
    """What it costs to say that ``own`` ended a distance that began under ``before``."""
    pieces = _pieces(gap, before, own, 0)
    if pieces is None:
        return float("inf")
    missing = sum(pieces) - 1
    return ((_CHANGE if own != before else 0.0) + (0.0 if usual else _ODD)
            + (_HOLE + _ROW * missing if missing else 0.0))


def _pieces(gap: int, before: int, own: int, jitter: int) -> tuple[int, int] | None:
    """``gap`` as so many intervals of ``before`` and then at least one of ``own``: the fewest.

    None where it is no such sum, give or take ``jitter``.
    """
    near = min(jitter, before // 4, own // 4)
    longer, shorter = max(before, own), min(before, own)
    least = 1 if longer == own else 0  # of the longer one: own is there at least once
    for many in range((gap + near) // longer, least - 1, -1):
        few = round((gap - many * longer) / shorter)
        if abs(gap - many * longer - few * shorter) <= near and few >= 0:
            if longer == own:
                return few, many
            if few >= 1:
                return many, few
    return None
