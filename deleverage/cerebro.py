"""``deleverage.Cerebro``: backtrader's engine with a lean loop over the bars where one is possible.

backtrader spends most of a bar on bookkeeping that only some parts need: tick attributes, line
objects advanced one by one through several calls, cash and value notified to methods nobody
overrides. The lean loop moves the same cursors and calls the same user code in the same order,
every bar; what it cannot serve falls back to backtrader's own loop, and says which part it was.
"""

from __future__ import annotations

from typing import Any

import backtrader as bt
from backtrader.linebuffer import LineBuffer

from deleverage.errors import unknown_name


class Cerebro(bt.Cerebro):
    """A bt.Cerebro whose ``stdstats`` default to False and whose misspelt parameters are refused.

    After ``run``, ``stock_loop_because`` names the part that needed backtrader's own loop, or is
    None where the lean one ran. The results are the same.
    """

    params = (("stdstats", False),)

    def __init__(self, **unknown: Any) -> None:
        for name in unknown:
            raise unknown_name("Cerebro parameter", name, self.p._getkeys())
        super().__init__()
        self.stock_loop_because: str | None = "not run yet"

    def _runonce(self, runstrats: list[bt.Strategy]) -> None:
        self.stock_loop_because = self._needs_stock_loop(runstrats)
        if self.stock_loop_because is None:
            self._run_lean(runstrats[0])
        else:
            super()._runonce(runstrats)

    def _runnext(self, runstrats: list[bt.Strategy]) -> None:
        self.stock_loop_because = "preload or runonce is off"
        super()._runnext(runstrats)

    def _needs_stock_loop(self, runstrats: list[bt.Strategy]) -> str | None:
        if len(runstrats) != 1 or len(self.datas) != 1:
            return "more than one strategy or feed"
        strategy, data = runstrats[0], self.datas[0]
        for present, part in (
            (strategy.observers, "an observer"), (self.runwriters, "a writer"),
            (self._timers or self._timerscheat, "a timer"),
            (self.p.cheat_on_open, "cheat_on_open"), (self.p.quicknotify, "quicknotify"),
            (self._exactbars, "exactbars"), (strategy._oldsync, "oldsync"),
            (data.resampling or data.replaying or data._clone, "a resampled or replayed feed"),
        ):
            if present:
                return part
        for method in ("_oncepost", "_notify", "_next_analyzers", "clear"):
            if getattr(type(strategy), method) is not getattr(bt.Strategy, method):
                return f"{type(strategy).__name__}.{method}"
        return None

    def _run_lean(self, strategy: bt.Strategy) -> None:
        """Every bar, in backtrader's order: cursors, broker, notifications, strategy, analyzers."""
        strategy._once()
        strategy.reset()
        data = self.datas[0]
        count = data.buflen()
        buffers = _cursors(data, strategy)
        _lay_clock(strategy, data, count)
        always = _wants_cash_every_bar(strategy)
        analyzers = [a for a in strategy.analyzers if not getattr(a, "jump_safe", False)]
        before_next = strategy._minperiods[0]
        for bar in range(count):
            length = bar + 1
            for buffer in buffers:
                buffer._idx = bar
                buffer.lencount = length
            self._brokernotify()
            if self._event_stop:
                return
            told = strategy._orderspending or strategy._tradespending
            if told or always or strategy.__dict__.get("_funding_waiting"):
                strategy._notify()
            ahead = before_next - length
            strategy._minperstatus = ahead
            if ahead < 0:
                strategy.next()
            elif ahead == 0:
                strategy.nextstart()
            else:
                strategy.prenext()
            if analyzers:
                strategy._next_analyzers(ahead, once=True)
            if told:
                strategy.clear()

    def _brokernotify(self) -> None:
        broker = self._broker
        broker.next()
        while True:
            order = broker.get_notification()
            if order is None:
                return
            owner = order.owner or self.runningstrats[0]
            owner._addnotification(order, quicknotify=self.p.quicknotify)


def _cursors(data: Any, strategy: bt.Strategy) -> list[LineBuffer]:
    """Every line whose cursor moves with the bars: the feed's, the indicators', the strategy's."""
    found: list[LineBuffer] = list(data.lines)
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


def _wants_cash_every_bar(strategy: bt.Strategy) -> bool:
    """True where someone overrides a notification that comes whether or not anything happened."""
    kinds = [(type(strategy), bt.Strategy)]
    kinds += [(type(a), bt.Analyzer) for a in strategy.analyzers]
    return any(getattr(kind, name) is not getattr(base, name)
               for kind, base in kinds for name in ("notify_cashvalue", "notify_fund"))
