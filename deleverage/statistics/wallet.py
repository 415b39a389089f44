"""The wallet over time: running sums of the journal's entries, each exactly rounded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from deleverage.columns import Floats, Ints, MarketColumns
from deleverage.journal import Cause, Entry, Journal
from deleverage.statistics.clock import bars_of


def running_wallet(booked: Iterable[tuple[int, float]]) -> list[tuple[int, float]]:
    """(stamp, wallet after its last booking) of bookings (stamp, amount) in the order of time."""
    partials: list[float] = []
    result: list[tuple[int, float]] = []
    for stamp, amount in booked:
        _add(partials, amount)
        total = math.fsum(partials)
        if result and result[-1][0] == stamp:
            result[-1] = stamp, total
        else:
            result.append((stamp, total))
    return result


def wallet_on(clock: Ints, booked: Iterable[tuple[int, float]]) -> Floats:
    """The wallet at every instant of a clock; bookings (stamp, amount) in the order of time."""
    changes = running_wallet(booked)
    at = np.array([stamp for stamp, _ in changes], dtype=np.int64)
    value = np.array([0.0, *(amount for _, amount in changes)])
    return value[np.searchsorted(at, clock, side="right")]


def booked(entries: Iterable[Entry], markets: Sequence[MarketColumns]) -> list[tuple[int, float]]:
    """(when the account knew, amount): a settlement is booked in the walk of its bar, so it counts
    from that bar's close on, like the fills before and after it; what was deposited before the
    first bar counts from the beginning, whichever clock that is on."""
    clocks = {market.market.instrument.symbol: market for market in markets}
    found = [(entry.ts if entry.bar >= 0 else 0, entry.amount) for entry in entries
              if entry.cause is not Cause.FUNDING]
    for symbol, market in clocks.items():
        paid = [entry for entry in entries
                if entry.cause is Cause.FUNDING and entry.symbol == symbol]
        bars = bars_of(market, np.array([entry.ts for entry in paid], dtype=np.int64)).tolist()
        found += [(int(market.close_ns[bar]) if bar < len(market) else entry.ts, entry.amount)
                   for bar, entry in zip(bars, paid, strict=True)]
    return sorted(found, key=lambda item: item[0])


def opening_wallet(journal: Journal) -> float:
    """What was deposited before the first bar."""
    return math.fsum(entry.amount for entry in journal.entries
                     if entry.cause is Cause.DEPOSIT and entry.bar < 0)


def _add(partials: list[float], value: float) -> None:
    # Shewchuk: ``partials`` stay non-overlapping, so their fsum is the exactly rounded total
    kept = 0
    for partial in partials:
        if abs(value) < abs(partial):
            value, partial = partial, value
        high = value + partial
        low = partial - (high - value)
        if low:
            partials[kept] = low
            kept += 1
        value = high
    partials[kept:] = [value]
