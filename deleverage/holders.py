"""Who built each open position: strategies and trade ids with their parts of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Part:
    """What one strategy's trade id put into a position: signed size in coin."""

    owner: Any
    tradeid: int
    size: float


class Holders:
    """The parts of every open position, in order of opening.

    backtrader keeps a trade per strategy and trade id, so a forced close must close each of them:
    one order under the opener's id alone would leave the others' trades open for ever.
    """

    def __init__(self) -> None:
        self._parts: dict[str, list[Part]] = {}

    def filled(
        self, symbol: str, owner: Any, tradeid: int, closed: float, opened: float, after: float
    ) -> None:
        """Book a fill's signed parts closed and opened; ``after`` is the position's size then."""
        if closed:
            self._add(symbol, owner, tradeid, closed)
        if closed and after == opened:  # flat, or the other way round: a new position from here on
            self._parts[symbol] = []
        if opened:
            self._add(symbol, owner, tradeid, opened)

    def opener(self, symbol: str) -> Any:
        """The strategy that opened the position (None: nobody did)."""
        parts = self._parts.get(symbol)
        return parts[0].owner if parts else None

    def taken(self, symbol: str, size: float) -> list[Part]:
        """Who held the position of signed ``size`` that is now taken over, and how much of it."""
        found, left = [], size
        parts = self._parts.pop(symbol)
        for part in parts:
            if left and part.size * left > 0:
                share = math.copysign(min(abs(part.size), abs(left)), left)
                found.append(Part(part.owner, part.tradeid, share))
                left = round(left - share, 12)
        if left:  # closed under other ids than it was opened with: the rest is the opener's
            found.append(Part(parts[0].owner, parts[0].tradeid, left))
        return found

    def _add(self, symbol: str, owner: Any, tradeid: int, size: float) -> None:
        parts = self._parts.setdefault(symbol, [])
        for part in parts:
            if part.owner is owner and part.tradeid == tradeid:
                part.size = round(part.size + size, 12)
                return
        parts.append(Part(owner, tradeid, size))
