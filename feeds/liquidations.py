"""Liquidation events summed on the bars' clock, in all and per venue.

An event is shown in the first bar whose close is at or after its ``available_at``. Quiet bars of a
covered venue are 0, uncovered ones NaN; a bar that is covered only in part shows what is known of
it, or NaN where nothing is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from deleverage.columns import Floats, Ints
from deleverage.feeds.marks import PriceRows
from deleverage.feeds.readers.names import TOTAL
from deleverage.feeds.tables import numbers
from deleverage.market import Coverage, Market

LINES = ("long_liquidations", "short_liquidations", "largest_liquidation", "liquidation_count")


def venue_name(venue: str) -> str:
    """A venue as it appears in a line's name: ``OKX-swap`` becomes ``okx_swap``."""
    return re.sub(r"[^0-9a-z]+", "_", venue.lower()).strip("_") or "unknown"


def liquidation_lines(market: Market, bars: PriceRows, table: pa.Table | None) -> dict[str, Floats]:
    """The four base lines, then ``long_liquidations_<venue>``, ``short_liquidations_<venue>``.

    Totals add the venues that cover the bar; a vendor's own total (venue ``all``) stands before the
    sum. Size and number of single liquidations leave out aggregate rows. Without a declared
    coverage the table is taken to cover the whole dataset.
    """
    if table is None:
        return {name: np.full(len(bars), np.nan) for name in LINES}
    covers = [cover for cover in market.coverage if cover.table == "liquidations"]
    stated = {*table.column("venue").unique().to_pylist(), *(cover.venue for cover in covers)}
    names = sorted({venue_name(venue) for venue in stated})
    bar, kept = _bars_of(bars, numbers(table, "available_at"))
    table = table.filter(pa.array(kept))
    usd = numbers(table, "notional_usd")
    venue = venues_of(table)
    is_long = pc.equal(table.column("liq_side"), "long").to_numpy()
    single = pc.not_equal(table.column("completeness"), "aggregate").to_numpy()
    covered = {name: _covered(bars, covers, name) for name in names}
    sides: dict[str, dict[str, Floats]] = {}
    for side, of_side in (("long", is_long), ("short", ~is_long)):
        sides[side] = {}
        for name in names:
            rows = of_side & (venue == name)
            amount = np.bincount(bar[rows], weights=usd[rows], minlength=len(bars))
            sides[side][name] = np.where(covered[name] | (amount > 0), amount, np.nan)
    anywhere = np.any([covered[name] for name in names], axis=0) if names else ~_never(bars)
    lines = {"long_liquidations": _total(anywhere, sides["long"]),
             "short_liquidations": _total(anywhere, sides["short"]),
             **_singles(bar[single], usd[single], anywhere)}
    for name in names:
        if name != TOTAL:
            lines[f"long_liquidations_{name}"] = sides["long"][name]
            lines[f"short_liquidations_{name}"] = sides["short"][name]
    return lines


def venues_of(table: pa.Table) -> NDArray[Any]:
    """The venue of each row as it appears in the lines' names."""
    coded = table.column("venue").combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    spelled = [venue_name(venue) for venue in coded.dictionary.to_pylist()]
    return np.array(spelled, dtype=object)[coded.indices.to_numpy()]


def _bars_of(bars: PriceRows, available: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    start = bars.close_ns[0] - bars.step_ns
    kept = (available > start) & (available <= bars.close_ns[-1])
    return np.searchsorted(bars.close_ns, available[kept], side="left"), kept


def _covered(bars: PriceRows, covers: Iterable[Coverage], venue: str) -> NDArray[np.bool_]:
    """Bars that lie wholly inside a declared coverage of ``venue``."""
    covers = list(covers)
    if not covers:
        return ~_never(bars)
    result = _never(bars)
    for cover in covers:
        if venue_name(cover.venue) == venue:
            result |= ((bars.close_ns - bars.step_ns >= cover.start_ns)
                       & (bars.close_ns <= cover.end_ns))
    return result


def _never(bars: PriceRows) -> NDArray[np.bool_]:
    return np.zeros(len(bars), np.bool_)


def _total(covered: NDArray[np.bool_], venues: dict[str, Floats]) -> Floats:
    total = np.where(covered, 0.0, np.nan)
    for name in sorted(venues):
        if name != TOTAL:
            known = ~np.isnan(venues[name])
            total[known] = np.nan_to_num(total[known]) + venues[name][known]
    if TOTAL in venues:
        stated = venues[TOTAL]
        total = np.where(np.isnan(stated), total, stated)
    return total


def _singles(bar: Ints, usd: Floats, covered: NDArray[np.bool_]) -> dict[str, Floats]:
    count = np.bincount(bar, minlength=len(covered)).astype(float)
    largest = np.zeros(len(covered))
    np.maximum.at(largest, bar, usd)
    seen = covered | (count > 0)
    return {"largest_liquidation": np.where(seen, largest, np.nan),
            "liquidation_count": np.where(seen, count, np.nan)}
