"""Entries at random: what a strategy's number of trades and holding times earn without its idea."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deleverage.errors import UsageError
from deleverage.strategies.exits import Signal, SignalStrategy, bars_of
from deleverage.timestamps import DAY, parse


class RandomEntry(SignalStrategy):
    """Control: as many trades as a reference run, held as long, on the same sides, at random bars.

    ``holding`` holds the bars from fill to fill of each trade of the reference, ``sides`` its sides
    (1 or −1; one for all, or one each); the runner fills them in. Without them, ``trades`` trades
    of ``hold`` are drawn, ``side`` long, short or both. Trades never overlap; all placements (and
    orders of the holding times) are equally likely, and the same ``seed`` draws the same ones.
    With ``days`` (a date of each trade of the reference, UTC) every trade keeps its own day, in the
    order of the reference, and only the bar within it is drawn.
    The draw is over the first ``bars`` bars (0: all there are). ``stop`` and ``target`` are
    fractions of the deciding close, off by default: the time exit is the reference's.
    """

    params = (("holding", ()), ("sides", (1,)), ("trades", 20), ("side", "long"), ("seed", 0),
              ("bars", 0), ("stop", None), ("target", None), ("days", ()))

    def signals(self) -> dict[int, Signal]:
        """One signal per drawn entry, with the holding time of its model."""
        chance = np.random.default_rng(self.p.seed)
        like = self._like(chance)
        close = self.columns.lines["close"]
        bars, found = self.p.bars or len(close), {}
        if self.p.days:
            starts = self._on_days(chance, [held for held, _ in like], bars)
        else:
            chance.shuffle(like)
            starts = drawn_entries(chance, [held for held, _ in like], bars)
        for bar, (held, side) in zip(starts.tolist(), like, strict=True):
            if bar >= len(close):
                break
            price = float(close[bar])
            stop = None if self.p.stop is None else price * (1.0 - side * self.p.stop)
            target = None if self.p.target is None else price * (1.0 + side * self.p.target)
            found[bar] = Signal(side, stop, target, "random", hold=held)
        return found

    def _on_days(self, chance: np.random.Generator, held: Sequence[int],
                 bars: int) -> NDArray[np.int64]:
        """Deciding bars on the days given."""
        days = [parse(day) // DAY for day in self.p.days]
        if len(days) != len(held):
            raise UsageError(f"RandomEntry: {len(held)} holding times and {len(days)} days")
        # what is decided at a close is filled in the bar that opens there
        return entries_on_days(chance, held, days, self.columns.close_ns[:bars - 1] // DAY)

    def _like(self, chance: np.random.Generator) -> list[tuple[int, int]]:
        """Holding time and side of every trade to draw."""
        if self.p.holding:
            return _pairs(self.p.holding, self.p.sides)
        sides = {"long": (1,), "short": (-1,), "both": (1, -1)}.get(self.p.side)
        if sides is None:
            raise UsageError(f"side must be long, short or both, found {self.p.side!r}")
        held = bars_of(self.p.hold, self.columns.market.step_ns)
        if held is None:
            raise UsageError("RandomEntry needs a holding time: hold, or holding of a reference")
        room = max(0, ((self.p.bars or len(self.columns)) - 1) // (held + 1))
        return [(held, int(chance.choice(sides))) for _ in range(min(self.p.trades, room))]


def _pairs(holding: Sequence[int], sides: Sequence[int]) -> list[tuple[int, int]]:
    """(bars, side) per trade of the reference. Raises UsageError where the two do not match."""
    if len(sides) == 1:
        sides = list(sides) * len(holding)
    if len(sides) != len(holding) or not set(sides) <= {1, -1}:
        raise UsageError(f"RandomEntry: {len(holding)} holding times and {len(sides)} sides "
                         "(expected 1 or −1 for each)")
    return [(max(1, int(held)), int(side)) for held, side in zip(holding, sides, strict=True)]


def drawn_entries(chance: np.random.Generator, held: Sequence[int],
                  bars: int) -> NDArray[np.int64]:
    """Deciding bars of trades held ``held`` bars, drawn uniformly over all placements.

    A trade decided at b is filled at b + 1 and closed at b + 1 + held; the next may be decided
    there. Raises UsageError when they do not fit into ``bars`` bars.
    """
    taken = np.asarray(held, dtype=np.int64) + 1
    slack = bars - 1 - int(taken.sum())
    if slack < 0:
        raise UsageError(f"{len(held)} trades held {int(taken.sum()) - len(held)} bars in all do "
                         f"not fit into {bars} bars without overlap")
    # stars and bars: distinct places among slack + trades give every placement the same chance
    places = np.sort(chance.choice(slack + len(held), len(held), replace=False))
    return places - np.arange(len(held)) + np.cumsum(taken) - taken


def entries_on_days(chance: np.random.Generator, held: Sequence[int], days: Sequence[int],
                    filled: NDArray[np.int64]) -> NDArray[np.int64]:
    """Deciding bars of trades held ``held`` bars, one after the other, each on its own of ``days``.

    ``filled``: the day on which a trade decided at each bar is filled, ascending. Each bar is drawn
    evenly from those of its day that the trade before leaves and that leave room for those after.
    Raises UsageError where a day has none.
    """
    first, last = (np.searchsorted(filled, days, side) for side in ("left", "right"))
    latest = last - 1
    for at in range(len(held) - 2, -1, -1):
        latest[at] = min(latest[at], latest[at + 1] - held[at] - 1)
    starts, free = np.empty(len(held), dtype=np.int64), 0
    for at, bars in enumerate(held):
        earliest = max(int(first[at]), free)
        if earliest > latest[at]:
            raise UsageError(f"trade {at + 1} of {len(held)} does not fit into its day beside the "
                             "others")
        starts[at] = chance.integers(earliest, int(latest[at]) + 1)
        free = int(starts[at]) + bars + 1
    return starts
