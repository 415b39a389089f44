"""The lean loops over the bars: every bar, or only those at which something can happen.

backtrader spends most of a bar on bookkeeping that only some parts need: tick attributes, line
objects advanced one by one through several calls, cash and value notified to methods nobody
overrides. These loops move the same cursors and call the same user code in the same order.
"""

from __future__ import annotations

import contextlib
import gc
from array import array
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import backtrader as bt
from backtrader.linebuffer import LineBuffer

from deleverage.horizon import Horizon
from deleverage.shared_lines import is_shared, share

if TYPE_CHECKING:
    from deleverage.cerebro import Cerebro


# A finished run is a knot of objects that refer to one another, arrays of its own among them.
# Frozen once, they are old, and the collector hardly ever looks at what is old: runs would pile up.
# Looking through everything takes as long as several runs: it is done once they have left much.
MOST_LEFT = 64_000_000  # bytes
_A_RUN = 1_000_000  # bytes of a year's hundred fills
_left = 0


@contextlib.contextmanager
def few_collections(leaving: int) -> Iterator[None]:
    """Spare the collector what was there before the run: it would be looked through again and
    again while records are only added. What becomes garbage meanwhile is collected, less often,
    and what runs have left once it is much; this one will leave so many bytes."""
    global _left
    before, own = gc.get_threshold(), gc.get_freeze_count() == 0
    if own:  # not what a caller has frozen over many runs
        if _left > MOST_LEFT:
            _left = 0
            gc.collect()
        _left += leaving
        gc.freeze()
    gc.set_threshold(max(before[0], 20_000), *before[1:])
    try:
        yield
    finally:
        if own:
            gc.freeze()  # the run's records too: all in use, and old from here on without a look
            gc.unfreeze()
        gc.set_threshold(*before)


def left_by(strategy: bt.Strategy) -> int:
    """The bytes that a run will leave: its objects, and the lines that no other run shares."""
    lines = [line for data in strategy.datas for line in data.lines] + list(strategy.lines)
    lines.extend(line for each in indicators(strategy) for line in lines_of(each))
    own = sum(not is_shared(line) for line in lines) - 1  # the strategy's clock will be the feed's
    return _A_RUN + 8 * own * strategy.datas[0].buflen()


class Loop:
    """One strategy on feeds that share one clock."""

    def __init__(self, cerebro: Cerebro, strategy: bt.Strategy) -> None:
        self.cerebro = cerebro
        self.strategy = strategy
        _compute(strategy)
        strategy.reset()
        times = self._times()
        self.count = len(times)
        self.feeds: list[LineBuffer] = [line for each in cerebro.datas for line in each.lines]
        self.own = [line for each in indicators(strategy) for line in lines_of(each)]
        self.own.extend(strategy.lines)
        _lay_clock(strategy, times)
        self.always = wants_cash_every_bar(strategy)
        self.analyzers = [each for each in strategy.analyzers if called_at_bars(each)]
        self.told = list(strategy.analyzers)  # a loop over backtrader's list ends in an IndexError
        self.before_next = max(strategy._minperiods)

    def dense(self) -> None:
        """Every bar."""
        for bar in range(self.count):
            if self._visit(bar):
                return

    def gated(self) -> None:
        """Every bar, for a strategy behind the gate of the common base: at each the account and the
        gate are asked, and where neither has anything to do no cursor is moved.

        What is asked of a bar is asked of that bar alone, so that this loop and a jump do not share
        their reasons for leaving one out.
        """
        strategy, broker, last = self.strategy, self.cerebro._broker, self.count - 1
        mask, flat, wanted = strategy._mask, True, -1
        idle = waiting = False
        for bar in range(self.count):
            if bar < last:
                if idle:
                    if not mask[bar]:
                        continue
                elif waiting and not (mask[bar] if flat else bar == wanted) and broker.stays(bar):
                    continue
            if self._visit(bar):
                return
            flat, wanted = strategy.flat, strategy._wanted
            asleep = not strategy._stirred and not broker.busy
            idle = asleep and not broker.book and not broker.account.state.positions
            waiting = asleep and not idle

    def jump(self) -> None:
        """The bars at which the account or the strategy may act, and the last one.

        Whatever happened in a bar is heard of, and answered, in that bar and the next, so the next
        one is asked for after the visit: the earlier of the account's and the strategy's.
        """
        broker, last = self.cerebro._broker, self.count - 1
        if last < 0:
            return
        broker.setup()
        horizon, bar = self._horizon(), -1
        while bar < last:
            look = self._next_look(bar)
            bar = horizon.next_event(bar, last if look is None else min(look, last))
            if self._visit(bar):
                return

    # -------------------------------------------------------------- what depends on the clock

    def _times(self) -> array[float]:
        """The time of each step."""
        data = self.cerebro.datas[0]
        times: array[float] = data.lines.datetime.array
        return times if len(times) == data.buflen() else times[:data.buflen()]

    def _horizon(self) -> Horizon:
        return Horizon(self.cerebro._broker)

    def _next_look(self, bar: int) -> int | None:
        look: int | None = self.strategy.next_look(bar)
        return look

    # -------------------------------------------------------------- one bar

    def _visit(self, bar: int) -> bool:
        """One bar, in backtrader's order: feeds, broker, strategy and indicators, notifications,
        user code, analyzers.

        True when the run was told to stop; the strategy then still stands at the bar before.
        """
        strategy, length = self.strategy, bar + 1
        for buffer in self.feeds:
            buffer._idx = bar
            buffer.lencount = length
        self._brokernotify()
        if self.cerebro._event_stop:
            return True
        for buffer in self.own:
            buffer._idx = bar
            buffer.lencount = length
        told = strategy._orderspending or strategy._tradespending
        if told or self.always or strategy.__dict__.get("_funding_waiting"):
            self._tell()
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

    def _tell(self) -> None:
        """backtrader's ``_notify``, which works out cash and value each time, without them where
        nobody listens; one that was put on the strategy itself (notices) is called as it is."""
        strategy = self.strategy
        if self.always or "_notify" in strategy.__dict__:
            strategy._notify()
            return
        for order in strategy._orderspending:
            if order.exectype != bt.Order.Historical or order.histnotify:
                strategy.notify_order(order)
            for analyzer in self.told:
                analyzer._notify_order(order)
        for trade in strategy._tradespending:
            strategy.notify_trade(trade)
            for analyzer in self.told:
                analyzer._notify_trade(trade)

    def _brokernotify(self) -> None:
        broker = self.cerebro._broker
        broker.next()
        while (order := broker.get_notification()) is not None:
            owner = order.owner
            (self.strategy if owner is None else owner)._addnotification(order)


def indicators(strategy: bt.Strategy) -> list[Any]:
    """A strategy's indicators, whose cursors move with the bars."""
    found: list[Any] = strategy._lineiterators[bt.LineIterator.IndType]
    return found


def lines_of(indicator: Any) -> list[LineBuffer]:
    """The lines of an indicator, or of an operation on lines, which is one itself."""
    return [indicator] if isinstance(indicator, LineBuffer) else list(indicator.lines)


def _compute(strategy: bt.Strategy) -> None:
    """Indicators over all bars, as backtrader's ``_once`` of a strategy, which also appends NaN by
    NaN to the strategy's own lines before it forgets them again: 20 ms for a year of minutes."""
    for indicator in indicators(strategy):
        indicator._once()
    for each in (*strategy.datas, *indicators(strategy)):
        each.home()


def _lay_clock(strategy: bt.Strategy, times: array[float]) -> None:
    """Give the strategy's lines their whole length at once; its clock is that of the steps."""
    clock = strategy.lines.datetime
    for line in strategy.lines:
        if line is not clock:
            line.array = array("d", [float("nan")]) * len(times)
    share(clock, lambda: times)


def wants_cash_every_bar(strategy: bt.Strategy) -> bool:
    """True where someone overrides a notification that comes whether or not anything happened."""
    kinds = [(type(strategy), bt.Strategy)]
    kinds += [(type(each), bt.Analyzer) for each in _with_children(strategy.analyzers)]
    return any(getattr(kind, name) is not getattr(base, name)
               for kind, base in kinds for name in ("notify_cashvalue", "notify_fund"))


def called_at_bars(analyzer: bt.Analyzer) -> bool:
    """Whether an analyzer, or one inside it, has work at bars without news.

    ``jump_safe`` speaks for the class that says it, not for what a subclass adds to it.
    """
    for each in _with_children([analyzer]):
        kind = type(each)
        said = next((base for base in kind.__mro__ if "jump_safe" in vars(base)), None)
        if said is None or not kind.jump_safe or any(
                getattr(kind, name) is not getattr(said, name)
                for name in ("next", "nextstart", "prenext")):
            return True
    return False


def _with_children(analyzers: Iterable[bt.Analyzer]) -> Iterator[bt.Analyzer]:
    for each in analyzers:
        yield each
        yield from _with_children(each._children)
