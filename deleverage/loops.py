"""The lean loops over the bars: every bar, or only those at which something can happen.

backtrader spends most of a bar on bookkeeping that only some parts need: tick attributes, line
objects advanced one by one through several calls, cash and value notified to methods nobody
overrides. These loops move the same cursors and call the same user code in the same order.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import backtrader as bt
from backtrader.linebuffer import LineBuffer

from deleverage.horizon import Horizon

if TYPE_CHECKING:
    from deleverage.cerebro import Cerebro


@contextlib.contextmanager
def few_collections() -> Iterator[None]:
    """Spare the collector what was there before the run: it would be looked through again and
    again while records are only added. What becomes garbage meanwhile is collected, less often."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(max(before[0], 20_000), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


class Loop:
    """One strategy on feeds that share one clock."""

    def __init__(self, cerebro: Cerebro, strategy: bt.Strategy) -> None:
        self.cerebro = cerebro
        self.strategy = strategy
        strategy._once()
        strategy.reset()
        data = cerebro.datas[0]
        self.count = data.buflen()
        self.buffers = _cursors(cerebro.datas, strategy)
        _lay_clock(strategy, data, self.count)
        self.always = wants_cash_every_bar(strategy)
        self.analyzers = [a for a in strategy.analyzers if not getattr(a, "jump_safe", False)]
        self.before_next = max(strategy._minperiods)

    def dense(self) -> None:
        """Every bar."""
        for bar in range(self.count):
            if self._visit(bar):
                return

    def jump(self) -> None:
        """The bars at which the account or the strategy may act, and the last one.

        Whatever happened in a bar is heard of, and answered, in that bar and the next, so the next
        one is asked for after the visit: the earlier of the account's and the strategy's.
        """
        strategy, broker, last = self.strategy, self.cerebro._broker, self.count - 1
        if last < 0:
            return
        broker.setup()
        horizon = Horizon(broker)
        bar = self._first_look(last)
        while True:
            if self._visit(bar) or bar == last:
                return
            look = strategy.next_look(bar)
            until = last if look is None else min(look, last)
            bar = horizon.next_event(bar, until)

    def _first_look(self, last: int) -> int:
        look = self.strategy.next_look(-1)
        return last if look is None else min(look, last)

    def _visit(self, bar: int) -> bool:
        """One bar, in backtrader's order: cursors, broker, notifications, strategy, analyzers.

        True when the run was told to stop.
        """
        strategy, length = self.strategy, bar + 1
        for buffer in self.buffers:
            buffer._idx = bar
            buffer.lencount = length
        self._brokernotify()
        if self.cerebro._event_stop:
            return True
        told = strategy._orderspending or strategy._tradespending
        if told or self.always or strategy.__dict__.get("_funding_waiting"):
            strategy._notify()
        ahead = self.before_next - length
        strategy._minperstatus = ahead
        if ahead < 0:
            strategy.next()
        elif ahead == 0:
            strategy.nextstart()
        else:
            strategy.prenext()
        if self.analyzers:
            strategy._next_analyzers(ahead, once=True)
        if told:
            strategy.clear()
        return bool(self.cerebro._event_stop)

    def _brokernotify(self) -> None:
        broker = self.cerebro._broker
        broker.next()
        while True:
            order = broker.get_notification()
            if order is None:
                return
            owner = order.owner or self.strategy
            owner._addnotification(order, quicknotify=self.cerebro.p.quicknotify)


def _cursors(datas: list[Any], strategy: bt.Strategy) -> list[LineBuffer]:
    """Every line whose cursor moves with the bars: the feeds', the indicators', the strategy's."""
    found: list[LineBuffer] = [line for data in datas for line in data.lines]
    for indicator in strategy._lineiterators[bt.LineIterator.IndType]:
        if isinstance(indicator, LineBuffer):
            found.append(indicator)
        else:
            found.extend(indicator.lines)
    found.extend(strategy.lines)
    return found


def _lay_clock(strategy: bt.Strategy, data: Any, count: int) -> None:
    """Give the strategy's lines their whole length at once; its clock is the feed's."""
    for line in strategy.lines:
        line.array = type(data.lines.datetime.array)("d", [float("nan")]) * count
    strategy.lines.datetime.array[:] = data.lines.datetime.array[:count]


def wants_cash_every_bar(strategy: bt.Strategy) -> bool:
    """True where someone overrides a notification that comes whether or not anything happened."""
    kinds = [(type(strategy), bt.Strategy)]
    kinds += [(type(a), bt.Analyzer) for a in strategy.analyzers]
    return any(getattr(kind, name) is not getattr(base, name)
               for kind, base in kinds for name in ("notify_cashvalue", "notify_fund"))
