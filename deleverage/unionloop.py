"""The lean loops over the steps of feeds that do not share a clock.

A bar is a step here: one for each time at which a bar of any feed ends. The feeds and their
indicators stand where backtrader would have them; the rest is as on one clock.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import backtrader as bt
import numpy as np
from backtrader.linebuffer import LineBuffer
from backtrader.lineseries import LineSeriesStub

from deleverage.horizon import Horizon
from deleverage.loops import Loop, indicators, lines_of
from deleverage.unionclock import Beat, UnionClock, as_line, readable

if TYPE_CHECKING:
    from deleverage.cerebro import Cerebro


class UnionLoop(Loop):
    """One strategy on feeds with a clock each: a bar is a step of the union of their times."""

    def __init__(self, cerebro: Cerebro, strategy: bt.Strategy, clock: UnionClock) -> None:
        self.clock = clock
        super().__init__(cerebro, strategy)
        self.feeds, self.own = [], list(strategy.lines)
        ahead = clock.ahead(strategy._minperiods)
        self.ahead = readable(ahead)
        self.begins = int(np.searchsorted(-ahead, 0))  # the step in which next() is called first
        homes = feeds_of_indicators(strategy)
        assert homes is not None
        kept = list(zip(indicators(strategy), homes, strict=True))
        self.moving = [(beat, list(data.lines)) for data, beat in
                       zip(cerebro.datas, clock.beats, strict=True)]
        self.following = [(beat, [line for each, home in kept if home == number
                                  for line in lines_of(each)])
                          for number, beat in enumerate(clock.beats)]
        self.step = -1

    def _times(self) -> array[float]:
        return as_line(self.clock.days)

    def _horizon(self) -> Horizon:
        broker = self.cerebro._broker
        beat_of = {id(data): beat for data, beat in
                   zip(self.cerebro.datas, self.clock.beats, strict=True)}
        self.passing = [(view, beat_of[id(view.data)]) for view in broker.views]
        return Horizon(broker, {view.symbol: beat for view, beat in self.passing})

    def _next_look(self, bar: int) -> int | None:
        """The gate counts the first feed's bars, and opens in the step that brings one; for what
        was told before all feeds had bars enough, in the first step in which they have."""
        if self.strategy._stirred:
            return max(bar + 1, self.begins)
        first: Beat = self.clock.beats[0]
        look = self.strategy.next_look(first.before(bar + 1) - 1)
        return None if look is None else first.step_of(look)

    def _visit(self, bar: int) -> bool:
        self._pass_over(bar)
        self.step = bar
        _place(self.moving, bar)
        self.before_next = self.ahead[bar] + bar + 1
        return super()._visit(bar)

    def _brokernotify(self) -> None:
        super()._brokernotify()
        self._follow()

    def _follow(self) -> None:
        """Indicators move when the broker has spoken, unless it ended the run."""
        if not self.cerebro._event_stop:
            _place(self.following, self.step)

    def _pass_over(self, step: int) -> None:
        """Let the account stand where it would if it had seen every bar before ``step``: what moves
        in the step itself then does so from there, and alone."""
        if step == self.step + 1:
            return
        broker = self.cerebro._broker
        for view, beat in self.passing:
            length, seen = beat.before(step), view.seen
            if length > seen:
                if broker.book:
                    broker._trail_over(view, seen, length)
                view.advance(length)


def _place(moving: list[tuple[Beat, list[LineBuffer]]], step: int) -> None:
    """Put the cursors of lines at the bars their feeds stand at after a step."""
    for beat, buffers in moving:
        length = beat.length_after[step]
        if buffers and buffers[0].lencount != length:
            for buffer in buffers:
                buffer._idx = length - 1
                buffer.lencount = length


def feeds_of_indicators(strategy: bt.Strategy) -> list[int] | None:
    """The number of the feed with whose bars each indicator moves on; None where one of them
    follows no feed's: backtrader then moves it a bar late, or never."""
    homes: dict[int, int] = {}
    for number, data in enumerate(strategy.datas):
        homes.update(dict.fromkeys(map(id, (data, *data.lines)), number))
    found = []
    for indicator in indicators(strategy):
        clock = indicator._clock
        if isinstance(clock, LineSeriesStub):
            clock = clock.lines[0]
        home = homes.get(id(clock))
        if home is None:
            return None
        homes.update(dict.fromkeys(map(id, (indicator, *lines_of(indicator))), home))
        found.append(home)
    return found
