"""Markets, accounts and signals as plain data, and the strategy that gives those signals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deleverage.strategies.exits import Signal, Signals, SignalStrategy
from deleverage.venues.ladder import Ladder
from tests.engine.scenes import Rows, Series


@dataclass(frozen=True)
class Told:
    """A signal of one bar. ``stop`` and ``target`` are basis points from its close, away from it
    where they are above zero and beyond it already below; ``size`` is a share of 100,000 at the
    close (below zero: sent as a negative size)."""

    bar: int
    side: int = 1
    stop: int | None = None
    target: int | None = None
    hold: int | None = None
    size: float | None = None
    adds: bool = False
    on_close: bool = False
    from_entry: bool = False

    def signal(self, close: float) -> Signal:
        """With the close of its bar known."""
        stop = None if self.stop is None else self.stop / 1e4
        target = None if self.target is None else self.target / 1e4
        if not self.from_entry:
            stop = None if stop is None else close * (1 - self.side * stop)
            target = None if target is None else close * (1 + self.side * target)
        size = None if self.size is None else self.size * 100_000 / close
        return Signal(self.side, stop, target, f"of bar {self.bar}", self.hold, self.adds, size,
                      self.on_close, self.from_entry)


@dataclass(frozen=True)
class Scene:
    """A market, signals, an account (the broker's own parameters) and a size rule.

    ``columns``: the signals are one kind, given as columns: those of ``told[0]``, with the stops,
    targets and sizes of each. ``changes``: of the ladder (UTC ns, ladder). ``hold`` is the
    strategy's own, in bars. ``sizer``: (MarginFraction | FixedNotional, its parameters).
    """

    series: Series | Rows
    told: tuple[Told, ...]
    account: Mapping[str, Any] = field(default_factory=dict)
    sizer: tuple[str, Mapping[str, Any]] = ("MarginFraction", {"fraction": 0.2})
    changes: tuple[tuple[int, Ladder], ...] = ()
    hold: int | None = None
    columns: bool = False


class Teller(SignalStrategy):
    """Gives the signals of a scene. ``seen`` gets every strategy that is asked for them."""

    params: Any = (("told", ()), ("as_columns", False), ("seen", None))

    def signals(self) -> Mapping[int, Signal]:
        if self.p.seen is not None:
            self.p.seen.append(self)
        closes = self.columns.lines["close"]
        each = {told.bar: told.signal(float(closes[told.bar])) for told in self.p.told
                if told.bar < len(closes)}
        return as_columns(each) if self.p.as_columns and each else each


def as_columns(each: Mapping[int, Signal]) -> Signals:
    """Signals of one kind as columns: the kind of the first, with the numbers of each."""
    first, bars = next(iter(each.values())), np.array(sorted(each))
    columns: dict[str, Any] = {}
    for name in ("stop", "target", "size"):
        values = [getattr(each[bar], name) for bar in bars]
        if None not in values:
            columns[name] = np.array(values)
        elif values[0] is not None:
            columns[name] = values[0]
    return Signals(bars, first.side, why=first.why, hold=first.hold, adds=first.adds,
                   on_close=first.on_close, from_entry=first.from_entry, **columns)
