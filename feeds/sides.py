"""Does a feed's side mean what its reader takes it to mean?

The same word stands for opposite sides at different venues, so each venue's events are held against
prices before they are used: in a falling market longs are liquidated, in a rising one shorts; and a
price that is a limit or bankruptcy price lies below the market for longs, above it for shorts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deleverage.columns import Floats, Ints
from deleverage.feeds.tables import numbers
from deleverage.timestamps import MINUTE

JUDGED = 200_000  # events of a venue that are held against prices, the largest
FEWEST = 30  # events below which nothing can be said
MOVE = 0.003  # share of price within five minutes that makes one side's liquidations likely
CLEAR = 0.6  # share of the judged events, or dollars, that must agree (or disagree)
WINDOW = 5 * MINUTE

_READ = ["ts", "venue", "liq_side", "price", "price_basis", "notional_usd"]

AGREES, INVERTED, UNCHECKED = "agrees", "inverted", "not checkable"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What prices say about the sides of one venue's events."""

    state: str  # agrees | inverted | not checkable
    why: str


def by_venue(parts: Iterable[pa.Table], close_ns: Ints, close: Floats) -> dict[str, Verdict]:
    """The verdict on each venue's single events, which may come in several tables; sums over bars
    have no events to judge."""
    kept: dict[str, pa.Table] = {}
    for part in parts:
        rows = part.select(_READ).filter(pc.not_equal(part.column("completeness"), "aggregate"))
        for venue in rows.column("venue").unique().to_pylist():
            own = rows.filter(pc.equal(rows.column("venue"), venue))
            if venue in kept:
                own = pa.concat_tables([kept[venue], own]).unify_dictionaries()
            if own.num_rows > JUDGED:
                most = np.argsort(-numbers(own, "notional_usd"), kind="stable")[:JUDGED]
                own = own.take(pa.array(np.sort(most)))
            kept[venue] = own
    return {venue: judged(kept[venue], close_ns, close) for venue in sorted(kept)}


def judged(events: pa.Table, close_ns: Ints, close: Floats) -> Verdict:
    """The sides of ``events`` (canonical liquidations of one venue) against a price per time.

    ``close_ns`` ascends and need not be regular; steps longer than five minutes judge nothing.
    """
    count = events.num_rows
    if count < FEWEST:
        return Verdict(UNCHECKED, f"{count} events, fewer than {FEWEST}")
    if len(close_ns) < 2 or np.median(np.diff(close_ns)) > WINDOW:
        return Verdict(UNCHECKED, "no prices of five minutes or finer to hold the sides against")
    is_long = pc.equal(events.column("liq_side"), "long").to_numpy(zero_copy_only=False)
    found = _by_price(events, is_long, close_ns, close)
    if found is None:
        found = _by_moves(events, is_long, close_ns, close)
    share, how, number = found
    if number < FEWEST:
        return Verdict(UNCHECKED, f"{number} events {how}, fewer than {FEWEST}")
    text = f"{share:.0%} of {number:,} events {how}"
    if share >= CLEAR:
        return Verdict(AGREES, text)
    if share <= 1 - CLEAR:
        return Verdict(INVERTED, text)
    return Verdict(UNCHECKED, text)


def _by_price(events: pa.Table, is_long: np.ndarray, close_ns: Ints,
              close: Floats) -> tuple[float, str, int] | None:
    """By limit and bankruptcy prices, or None where too few rows have one."""
    basis = pc.is_in(events.column("price_basis").cast(pa.string()),
                     pa.array(["limit", "bankruptcy"])).to_numpy(zero_copy_only=False)
    stamps, price = numbers(events, "ts"), numbers(events, "price")
    at = np.searchsorted(close_ns, stamps, side="left")
    known = basis & np.isfinite(price) & (at < len(close_ns))
    at = np.minimum(at, len(close_ns) - 1)
    near = np.abs(close_ns[at] - stamps) <= WINDOW
    judged_rows = known & near
    if int(judged_rows.sum()) < FEWEST:
        return None
    below = price[judged_rows] < close[at[judged_rows]]
    share = float(np.mean(below == is_long[judged_rows]))
    return share, "have their limit or bankruptcy price on the side of their loss", int(
        judged_rows.sum())


def _by_moves(events: pa.Table, is_long: np.ndarray, close_ns: Ints,
              close: Floats) -> tuple[float, str, int]:
    """By the move of price over the five minutes that end with each event."""
    stamps, usd = numbers(events, "ts"), numbers(events, "notional_usd")
    now = np.searchsorted(close_ns, stamps, side="left")
    before = np.searchsorted(close_ns, stamps - WINDOW, side="right") - 1
    known = (now < len(close_ns)) & (before >= 0)
    now, before = np.minimum(now, len(close_ns) - 1), np.maximum(before, 0)
    known &= close_ns[now] - stamps <= WINDOW
    known &= stamps - close_ns[before] <= 2 * WINDOW
    move = close[now] / close[before] - 1
    moved = known & (np.abs(move) >= MOVE) & np.isfinite(usd)
    number = int(moved.sum())
    if not number or not usd[moved].sum():
        return 0.5, f"came in a move of {MOVE:.1%} within five minutes", number
    fits = (move[moved] < 0) == is_long[moved]
    share = float(usd[moved][fits].sum() / usd[moved].sum())
    return share, "by their dollars lie on the losing side of a move within five minutes", number
