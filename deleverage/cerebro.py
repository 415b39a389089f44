"""``deleverage.Cerebro``: backtrader's engine with lean loops where they are possible.

Three ways through the bars, with the same results: *jump* visits only the bars at which the account
or the strategy can act (docs/clock.md), *dense* every bar with less bookkeeping, and backtrader's
own loop serves what neither can; which part needed it is said.
"""

from __future__ import annotations

from typing import Any

import backtrader as bt
import numpy as np

from deleverage.broker import PerpetualBroker
from deleverage.errors import UsageError, unknown_name
from deleverage.loops import Loop, called_at_bars, few_collections, left_by, wants_cash_every_bar
from deleverage.policies import one_of
from deleverage.unionclock import UnionClock, ascending, times_of
from deleverage.unionloop import UnionLoop, feeds_of_indicators

MODES = ("auto", "dense", "jump")


class Cerebro(bt.Cerebro):
    """A bt.Cerebro whose ``stdstats`` default to False and whose misspelt parameters are refused.

    ``mode``: auto jumps where it can; dense visits every bar; jump raises UsageError, naming the
    part, where it cannot. After ``run``, ``mode_used`` is jump, dense or stock;
    ``dense_because`` names the part that kept the engine from jumping and ``stock_loop_because``
    the one that needed backtrader's own loop, None where there was none.
    """

    params = (("stdstats", False), ("mode", "auto"))

    def __init__(self, **unknown: Any) -> None:
        for name in unknown:
            raise unknown_name("Cerebro parameter", name, self.p._getkeys())
        one_of("engine mode", self.p.mode, MODES)
        super().__init__()
        self.mode_used: str | None = None
        self.stock_loop_because: str | None = "not run yet"
        self.dense_because: str | None = "not run yet"

    def run(self, **options: Any) -> Any:
        """Run; ``options`` are the engine's own parameters, for this run and those after it.

        Raises UnknownName for one it does not have and for a mode nobody knows.
        """
        for name in options:
            if name not in self.p._getkeys():
                raise unknown_name("Cerebro parameter", name, self.p._getkeys())
        one_of("engine mode", options.get("mode", self.p.mode), MODES)
        return super().run(**options)

    def _runonce(self, runstrats: list[bt.Strategy]) -> None:
        self.stock_loop_because = self._needs_stock_loop(runstrats)
        self.dense_because = self.stock_loop_because or self._needs_every_bar(runstrats[0])
        self._refuse_to_jump()
        if self.stock_loop_because is not None:
            self.mode_used = "stock"
            super()._runonce(runstrats)
        elif self.dense_because is not None or self.p.mode == "dense":
            self.mode_used = "dense"
            with few_collections(left_by(runstrats[0])):
                loop = self._loop(runstrats[0])
                if self.dense_because is None and type(loop) is Loop:
                    loop.gated()
                else:
                    loop.dense()
        else:
            self.mode_used = "jump"
            with few_collections(left_by(runstrats[0])):
                self._loop(runstrats[0]).jump()

    def _runnext(self, runstrats: list[bt.Strategy]) -> None:
        self._go_stock(runstrats)
        super()._runnext(runstrats)

    def _runonce_old(self, runstrats: list[bt.Strategy]) -> None:
        self._go_stock(runstrats)
        super()._runonce_old(runstrats)

    def _runnext_old(self, runstrats: list[bt.Strategy]) -> None:
        self._go_stock(runstrats)
        super()._runnext_old(runstrats)

    def _go_stock(self, runstrats: list[bt.Strategy]) -> None:
        self.stock_loop_because = self.dense_because = (
            self._needs_stock_loop(runstrats) or "preload or runonce is off")
        self._refuse_to_jump()
        self.mode_used = "stock"

    def _refuse_to_jump(self) -> None:
        if self.p.mode == "jump" and self.dense_because is not None:
            raise UsageError(f"mode='jump' is not possible with {self.dense_because}; mode='auto' "
                             "jumps where it can")

    def _needs_stock_loop(self, runstrats: list[bt.Strategy]) -> str | None:
        """The part that only backtrader's own loop can serve, in words."""
        if len(runstrats) != 1:
            return "more than one strategy"
        strategy = runstrats[0]
        for present, part in (
            (strategy.observers, "an observer"), (self.runwriters, "a writer"),
            (self._timers or self._timerscheat, "a timer"),
            (self.p.cheat_on_open, "cheat_on_open"), (self.p.quicknotify, "quicknotify"),
            (self._exactbars, "exactbars"), (strategy._oldsync, "oldsync"),
            (any(data.resampling or data.replaying or data._clone for data in self.datas),
             "a resampled or replayed feed"),
        ):
            if present:
                return part
        for method in ("_oncepost", "_notify", "_next_analyzers", "clear"):
            if getattr(type(strategy), method) is not getattr(bt.Strategy, method):
                return f"{type(strategy).__name__}.{method}"
        return None if self._same_clock() else self._needs_same_clock(strategy)

    def _same_clock(self) -> bool:
        first, *others = [data.lines.datetime.array for data in self.datas]
        return all(len(other) == len(first) and np.array_equal(other, first) for other in others)

    def _needs_same_clock(self, strategy: bt.Strategy) -> str | None:
        """The part that our loops serve only where all feeds share a clock, in words."""
        for data in self.datas:
            if not ascending(times_of(data)):
                return f"different clocks and times of {data._name or 'a feed'} that do not ascend"
        if feeds_of_indicators(strategy) is None:
            return "different clocks and an indicator that follows no feed's"
        return None

    def _loop(self, strategy: bt.Strategy) -> Loop:
        if self._same_clock():
            return Loop(self, strategy)
        return UnionLoop(self, strategy, UnionClock([times_of(data) for data in self.datas]))

    def _needs_every_bar(self, strategy: bt.Strategy) -> str | None:
        """The part that has to see every bar, in words."""
        kind = type(strategy)
        if not getattr(strategy, "jump_safe", False) or not hasattr(strategy, "next_look"):
            return f"{kind.__name__}, which is not a PerpetualStrategy"
        for method in ("prenext", "notify_timer", "next_open", "nextstart_open", "prenext_open"):
            if getattr(kind, method) is not getattr(bt.Strategy, method):
                return f"{kind.__name__}.{method}"
        if wants_cash_every_bar(strategy):
            return "a notify_cashvalue or notify_fund"
        for analyzer in strategy.analyzers:
            if called_at_bars(analyzer):
                return f"the analyzer {type(analyzer).__name__}"
        if not isinstance(self._broker, PerpetualBroker):
            return f"the broker {type(self._broker).__name__}"
        self._broker.setup()
        if any(view.columns is None for view in self._broker.views):
            return "a feed that is not a PerpetualData"
        return None
