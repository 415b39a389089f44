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
    known = [(stamp, amount.as_integer_ratio()) for stamp, amount in booked]
    # whole multiples of one small unit: their sum is exact, and a quotient of two is rounded once
    parts = max((below for _, (_, below) in known), default=1)
    total, result = 0, {}
    for stamp, (above, below) in known:
        total += above * (parts // below)
        result[stamp] = total
    return [(stamp, total / parts) for stamp, total in result.items()]


def wallet_on(clock: Ints, changes: Sequence[tuple[int, float]]) -> Floats:
    """The wallet at every instant of a clock, from what it was after each change."""
    since = np.searchsorted(clock, np.array([stamp for stamp, _ in changes], dtype=np.int64))
    value = np.array([0.0, *(amount for _, amount in changes)])
    return np.repeat(value, np.diff(np.concatenate(([0], since, [len(clock)]))))


def booked(entries: Iterable[Entry], markets: Sequence[MarketColumns]) -> list[tuple[int, float]]:
    """(when the account knew, amount): a settlement is booked in the walk of its bar, so it counts
    from that bar's close on, like the fills before and after it; what was deposited before the
    first bar counts from the beginning, whichever clock that is on."""
    clocks = {market.market.instrument.symbol: market for market in markets}
    found = [(entry.ts if entry.bar >= 0 else 0, entry.amount) for entry in entries
             if entry.cause is not Cause.FUNDING]
    settled = [entry for entry in entries if entry.cause is Cause.FUNDING]
    for symbol, market in clocks.items():
        paid = [entry for entry in settled if entry.symbol == symbol]
        bars = bars_of(market, np.array([entry.ts for entry in paid], dtype=np.int64)).tolist()
        found += [(int(market.close_ns[bar]) if bar < len(market) else entry.ts, entry.amount)
                  for bar, entry in zip(bars, paid, strict=True)]
    return sorted(found, key=lambda item: item[0])


def opening_wallet(journal: Journal) -> float:
    """What was deposited before the first bar."""
    return math.fsum(entry.amount for entry in journal.entries
                     if entry.cause is Cause.DEPOSIT and entry.bar < 0)
