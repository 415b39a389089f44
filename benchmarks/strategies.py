"""The strategies that are timed: for our engine, and in backtrader's words for either engine."""

from __future__ import annotations

from typing import Any

import backtrader as bt
import numpy as np

from benchmarks.signals import (
    LONG_SUM,
    MEMORY,
    REACH,
    REBOUND,
    SHORT_SUM,
    Features,
    Ints,
    Rule,
    entries,
    features_of,
)
from deleverage.strategies.base import PerpetualStrategy
from deleverage.strategies.exits import LONG, Signals, SignalStrategy

RULE = Rule()
PARAMS = tuple((name, getattr(RULE, name)) for name in
               ("threshold", "decay", "stop", "target", "hold", "notional"))


class Exhausted(PerpetualStrategy):
    """The rule as a strategy that says when it wakes; features are computed once per market."""

    required_tables = ("liquidations",)
    params = PARAMS

    def wake(self) -> Ints:
        """The bars at which the entry rule holds."""
        self._close = self.columns.lines["close"]
        self._entered, self._leaving = -1, False
        p, memo = self.p, self.columns.memo
        return memo.get(("benchmark entries", p.threshold, p.decay), lambda: entries(
            Rule(p.threshold, p.decay), self._close,
            memo.get("benchmark features", self._features)))

    def _features(self) -> Features:
        lines = self.columns.lines
        return features_of(lines["low"], lines["long_liquidations"], self.columns.market.step_ns)

    def act(self) -> None:
        """Enter where the rule holds; leave where the close is beyond a barrier or time is up."""
        bar = self.bar
        if not self.position.size:
            self._entered, self._leaving = -1, False
            at = int(np.searchsorted(self.wakes, bar))
            if at < len(self.wakes) and self.wakes[at] == bar:
                self._open(float(self._close[bar]))
        elif self._entered < 0:
            self._enter(bar)
        elif not self._leaving:
            self._leave(bar)

    def _open(self, close: float) -> None:
        self.buy(size=round(self.p.notional / close, 3))

    def _enter(self, bar: int) -> None:
        self._entered, entry = bar, self.position.price
        self._high, self._low = entry * (1 + self.p.target), entry * (1 - self.p.stop)
        self._leave(bar)

    def _leave(self, bar: int) -> None:
        close = self._close[bar]
        if close >= self._high or close <= self._low or bar - self._entered >= self.p.hold:
            self.close()
            self._leaving = True

    def next_wake(self, bar: int) -> int | None:
        """The first bar whose close is beyond a barrier, or the end of the holding time.

        Looks ahead for the bar only: what is decided there is decided from that bar.
        """
        if self._leaving:
            return None
        due = self._entered + self.p.hold
        window = self._close[bar + 1:due]
        beyond = (window >= self._high) | (window <= self._low)
        first = int(beyond.argmax()) if len(beyond) else 0
        return bar + 1 + first if len(beyond) and beyond[first] else max(due, bar + 1)


class ExhaustedSignals(SignalStrategy):
    """The rule as signals: all that it wants is said beforehand, and no engine need ask it."""

    required_tables = ("liquidations",)
    params = (*((name, getattr(RULE, name)) for name in ("threshold", "decay", "stop", "target")),
              ("longest", RULE.hold), ("notional", RULE.notional), ("hold", None))

    def signals(self) -> Signals:
        """A long at each bar at which the entry rule holds, left on closes."""
        p, memo, lines = self.p, self.columns.memo, self.columns.lines
        bars = memo.get(("benchmark entries", p.threshold, p.decay), lambda: entries(
            Rule(p.threshold, p.decay), lines["close"],
            memo.get("benchmark features", lambda: features_of(
                lines["low"], lines["long_liquidations"], self.columns.market.step_ns))))
        size = memo.get(("benchmark sizes", p.threshold, p.decay, p.notional),
                        lambda: np.round(p.notional / lines["close"][bars], 3))
        # the rule counts bars from the fill to the decision, a signal to the bar of the exit
        return Signals(bars, LONG, stop=p.stop, target=p.target, size=size, hold=p.longest + 1,
                       on_close=True, from_entry=True)


class Sized(Exhausted):
    """The rule with the size rule of its run and limit entries 10 bp above the close, which the
    next open fills unless it gaps: every change of the robustness strip applies to it."""

    params = (("entry", "limit"),)
    _sent: Any = None

    def _open(self, close: float) -> None:
        if self._sent is not None and self._sent.alive():
            return  # one entry at a time, however long it is under way
        limit = {"exectype": bt.Order.Limit, "price": round(close * 1.001, 2)}
        self._sent = self.buy(**limit if self.p.entry == "limit" else {})


class Indicated(bt.Strategy):  # type: ignore[misc]
    """The rule as one would write it for backtrader: indicators, and a look at every bar."""

    params = PARAMS

    def __init__(self) -> None:
        data, ind = self.data, bt.indicators
        longs = data.long_liquidations
        self.peak = ind.Highest(ind.SumN(longs, period=LONG_SUM), period=MEMORY)
        self.flow = ind.SumN(longs, period=SHORT_SUM)
        self.flow_peak = ind.Highest(self.flow, period=MEMORY)
        self.floor = ind.Lowest(data.low, period=REACH)
        self.entered, self.entry = 0, 0.0
        self.order: Any = None

    def notify_order(self, order: Any) -> None:
        """Remember the fill's bar and price."""
        if order.status == order.Completed:
            self.entered, self.entry = len(self), order.executed.price
        if not order.alive():
            self.order = None

    def next(self) -> None:
        """One decision on each close."""
        if self.order:
            return
        close, p = self.data.close[0], self.p
        if self.position:
            if close >= self.entry * (1 + p.target) or close <= self.entry * (1 - p.stop) \
                    or len(self) - self.entered >= p.hold:
                self.order = self.close()
        elif self.peak[0] > p.threshold and self.flow[0] < p.decay * self.flow_peak[0] \
                and close > self.floor[0] * REBOUND:
            self.order = self.buy(size=round(p.notional / close, 3))


class AlwaysIn(bt.Strategy):  # type: ignore[misc]
    """Always in the market with a stop and a target pending; in again when one has filled."""

    params = (("stop", 0.02), ("target", 0.02), ("notional", 10_000.0))

    def __init__(self) -> None:
        self.waiting = False

    def notify_order(self, order: Any) -> None:
        """An entry is under way until it is filled."""
        if not order.alive():
            self.waiting = False

    def next(self) -> None:
        """Enter with a bracket wherever there is no position."""
        if self.position or self.waiting:
            return
        close, p = self.data.close[0], self.p
        self.waiting = True
        self.buy_bracket(size=round(p.notional / close, 3), exectype=bt.Order.Market,
                         stopprice=round(close * (1 - p.stop), 2),
                         limitprice=round(close * (1 + p.target), 2))


class AlwaysInAsked(PerpetualStrategy):
    """:class:`AlwaysIn` as a strategy that says when it wakes: at once while flat, else never."""

    params = (("stop", 0.02), ("target", 0.02), ("notional", 10_000.0))

    def next_wake(self, bar: int) -> None:
        """The stop and the target do what is left to do."""

    def act(self) -> None:
        """Enter with a bracket wherever there is no position and no order on its way."""
        if self.position or self.broker.get_orders_open():
            return
        close, p = self.data.close[0], self.p
        self.buy_bracket(size=round(p.notional / close, 3), exectype=bt.Order.Market,
                         stopprice=round(close * (1 - p.stop), 2),
                         limitprice=round(close * (1 + p.target), 2))
