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
    """The parts of every open position, by slot, in order of opening.

    backtrader keeps a trade per strategy and trade id, so a forced close must close each of them:
    one order under the opener's id alone would leave the others' trades open for ever.
    """

    def __init__(self) -> None:
        self._parts: dict[str, list[Part]] = {}

    def filled(
        self, slot: str, owner: Any, tradeid: int, closed: float, opened: float, after: float
    ) -> None:
        """Book a fill's signed parts closed and opened; ``after`` is the position's size then."""
        if closed:
            self._add(slot, owner, tradeid, closed)
        if closed and after == opened:  # flat, or the other way round: a new position from here on
            self._parts[slot] = []
        if opened:
            self._add(slot, owner, tradeid, opened)

    def opener(self, slot: str) -> Any:
        """The strategy that opened the position (None: nobody did)."""
        parts = self._parts.get(slot)
        return parts[0].owner if parts else None

    def owners(self, slot: str) -> list[Any]:
        """Every strategy with a part in the position, each once, in order of opening."""
        found: list[Any] = []
        for part in self._parts.get(slot, []):
            if part.size and all(part.owner is not owner for owner in found):
                found.append(part.owner)
        return found or [part.owner for part in self._parts.get(slot, [])[:1]]

    def taken(self, slot: str, size: float, whole: bool = True) -> list[Part]:
        """Who held the signed ``size`` that is now taken, and how much of it; all, if ``whole``."""
        found, left = [], size
        parts = self._parts.pop(slot) if whole else self._parts[slot]
        opener = parts[0]
        for part in parts:
            if left and part.size * left > 0:
                share = math.copysign(min(abs(part.size), abs(left)), left)
                found.append(Part(part.owner, part.tradeid, share))
                left = round(left - share, 12)
        if left:  # closed under other ids than it was opened with: the rest is the opener's
            found.append(Part(opener.owner, opener.tradeid, left))
        if not whole:
            for part in found:
                self._add(slot, part.owner, part.tradeid, -part.size)
        return found

    def _add(self, slot: str, owner: Any, tradeid: int, size: float) -> None:
        parts = self._parts.setdefault(slot, [])
        for part in parts:
            if part.owner is owner and part.tradeid == tradeid:
                part.size = round(part.size + size, 12)
                return
        parts.append(Part(owner, tradeid, size))
