"""A SYNTHETIC market that all loopback vendors tell of: the price of a minute, its events."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

MINUTE = 60_000  # ms
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def price(ms: int) -> float:
    """The last price at an instant (by the minute): waves of a day and of an hour."""
    minute = ms // MINUTE
    return round(3000 + 60 * math.sin(minute / 229.0) + 8 * math.sin(minute / 9.7), 2)


@dataclass(frozen=True)
class Bar:
    """One minute."""

    start: int
    open: float
    high: float
    low: float
    close: float


def bar(start: int, shift: float = 0.0) -> Bar:
    """The minute that begins at ``start`` (ms), its prices shifted (mark and index)."""
    first, last = price(start) + shift, price(start + MINUTE) + shift
    low, high = min(first, last) - 0.75, max(first, last) + 0.5
    return Bar(start, *(round(each, 2) for each in (first, high, low, last)))


def bars(start: int, end: int, shift: float = 0.0) -> Iterator[Bar]:
    """All minutes that begin in [start, end)."""
    return (bar(each, shift) for each in range(start - start % MINUTE, end, MINUTE))


def rate(ms: int) -> str:
    """Funding settled at an instant, as text."""
    return f"{0.0001 + 0.00005 * math.sin(ms / HOUR / 11):.8f}"


@dataclass(frozen=True)
class Event:
    """One liquidation; ``sell`` where a long was."""

    time: int
    sell: bool
    coins: float
    price: float


def events(hour: int) -> list[Event]:
    """The liquidations of the hour that begins at ``hour`` (ms): none in every fifth hour."""
    number = hour // HOUR
    if number % 5 == 0:
        return []
    found = []
    for at in range(1 + number % 3):
        time = hour + (7 + 19 * at) * MINUTE + 137 * (number % 97)
        sell = price(time) < price(time - 10 * MINUTE)
        found.append(Event(time, sell, round(0.5 + number % 17 / 4, 3),
                           round(price(time) * (0.996 if sell else 1.004), 2)))
    return found
