"""A market where a feed is expected: what the account's view and a size rule read of one."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

from deleverage.columns import MarketColumns


@dataclass(slots=True)
class Cursor:
    """Where a feed stands: how many bars it has delivered."""

    lencount: int = 0


class Closes:
    """The closes up to the bar at which a feed stands: ``[0]`` is its own, ``[-1]`` the one before;
    later ones cannot be read."""

    def __init__(self, cursor: Cursor, columns: MarketColumns) -> None:
        self._cursor, self._closes = cursor, columns.lines["close"]

    def __getitem__(self, ago: int) -> float:
        bar = self._cursor.lencount - 1 + ago
        if ago > 0 or bar < 0:
            raise IndexError(f"close[{ago}] at bar {self._cursor.lencount - 1}")
        return float(self._closes[bar])


class StandIn:
    """Stands in for a PerpetualData that delivers ``columns`` bar by bar.

    ``cursor.lencount`` is how many bars it has delivered.
    """

    def __init__(self, columns: MarketColumns) -> None:
        self.columns = columns
        self.instrument = columns.market.instrument
        self._name = self.instrument.symbol
        self.cursor = Cursor()
        self.lines = SimpleNamespace(lines=[self.cursor])
        self.close = Closes(self.cursor, columns)  # not the feed: no knot is left behind a run

    def __len__(self) -> int:
        return self.cursor.lencount
