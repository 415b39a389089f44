"""From signal to signal: what a SignalStrategy does, worked out from the account's state.

Each method here stands for one of :class:`~deleverage.strategies.exits.SignalStrategy`; where that
one waits to be called, this one asks which bar would call it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deleverage.account import Position
from deleverage.book import Kind
from deleverage.broker import PerpetualBroker
from deleverage.direct.account import DirectAccount
from deleverage.direct.asking import Asked, NotDirect
from deleverage.direct.counter import Exits, Sent
from deleverage.journal import Journal
from deleverage.loops import few_collections
from deleverage.sizers import FixedNotional, MarginFraction
from deleverage.strategies.barriers import Levels, first_met, met
from deleverage.strategies.signals import LEAVE, Signal, Signals

Size = Callable[[int], float]  # coins for an entry of a side (+1, −1), at the bar where it stands

_SIZERS = (FixedNotional, MarginFraction)


@dataclass(frozen=True)
class Ran:
    """What a run without an engine left behind; ``exit_reasons`` as PerpetualStrategy's."""

    journal: Journal
    broker: PerpetualBroker
    exit_reasons: dict[int, str]


def trade(asked: Asked, broker: PerpetualBroker, sizer: Any) -> Ran:
    """Trade the signals of ``asked`` on an account as ``broker`` says, sized by a sizer of
    :mod:`deleverage.sizers`.

    Raises NotDirect where it turns out that the run needs the engine.
    """
    if type(sizer) not in _SIZERS:  # another may ask for more than equity, cash and the close
        raise NotDirect(f"{type(sizer).__name__}: a size rule of one's own")
    account = DirectAccount(broker, asked.feed)
    sizer.set(asked.strategy, broker)
    trader = Trader(asked, account, lambda side: sizer.getsizing(asked.feed, isbuy=side > 0))
    with few_collections(leaving=0):
        trader.run()
    return Ran(broker.journal, broker, trader.exit_reasons)


class Trader:
    """One strategy's signals on one account."""

    def __init__(self, asked: Asked, account: DirectAccount, size: Size) -> None:
        strategy = asked.strategy
        self.account, self.size = account, size
        self.signals, self.wakes = strategy._signals, strategy.wakes
        self.against, self.hold = strategy._against, strategy._hold
        self.on_tick = strategy._on_tick
        self.closes = asked.feed.columns.lines["close"]
        self.last = len(self.closes) - 1
        self.exit_reasons: dict[int, str] = {}

    def run(self) -> None:
        """Every signal that finds the account flat."""
        bar = 0
        while (at := int(self.wakes.searchsorted(bar))) < len(self.wakes):
            bar = self._from(int(self.wakes[at]), at)
        self.account.stand_at(self.last)
        self.exit_reasons.update(dict.fromkeys(self.account.forced, "liquidation"))

    def _from(self, bar: int, at: int) -> int:
        """Follow the signal of a bar at which nothing is held, the one of ``wakes[at]``; the first
        bar to look at then."""
        account, signals = self.account, self.signals
        account.stand_at(bar)
        signal = signals.nth(at) if isinstance(signals, Signals) else signals[bar]
        sent = None if signal.side == LEAVE else self._enter(signal)
        if sent is None or bar == self.last:
            return bar + 1
        account.enter_at(bar + 1, sent)
        return self._hold(bar + 1, signal)

    def _enter(self, signal: Signal) -> Sent | None:
        """Send the entry with its bracket; None where there is no size for it or the venue refuses
        it."""
        size = self.size(signal.side) if signal.size is None else signal.size
        if not size:
            return None
        if not math.isfinite(size):
            raise NotDirect(f"an order of {size} coins")
        exits = self._exits(signal)
        sent = self.account.send(signal.side, abs(size), exits)
        if sent is not None and exits:
            for child, (_, _, reason) in zip(sent.children, exits, strict=True):
                self.exit_reasons[child.ref] = reason
        return sent

    def _hold(self, bar: int, signal: Signal) -> int:
        """From the bar of an entry's fill until nothing is held; the bar at which that is so."""
        account, held = self.account, self.account.position
        if held is None:
            return bar
        side, number = held.side, held.number
        hold = self.hold if signal.hold is None else signal.hold
        deadline = self.last + 1 if hold is None else bar + hold - 1
        levels = signal.barriers(held.entry_price) if signal.on_close else None
        look = bar
        while True:
            if account.reduced:
                self._guard(held, signal)
            why, then = self._why(bar, side, levels, deadline)
            if why:
                return self._leave(bar, held, why, then)
            if bar >= look:
                look = self._look(bar, side, levels, deadline)
            bar = account.hold(held, bar, min(look, self.last))
            held = account.position
            if held is None:
                return bar
            if held.number != number:
                raise NotDirect("a position that another one follows in the same bar")
            if bar == self.last < look:
                return self.last + 1

    def _guard(self, held: Position, signal: Signal) -> None:
        """Send stop and target again for what the venue has left of the position."""
        account, group = self.account, None
        account.reduced = False
        for kind, price, reason in self._exits(signal):
            order = account.order(-held.side, abs(held.size), kind, price, reduce_only=True,
                                  group=group)
            group = order.group
            self.exit_reasons[order.ref] = reason
            account.guard(order)

    def _exits(self, signal: Signal) -> Exits:
        """The orders that hang on an entry."""
        if signal.on_close:
            return []
        return [(kind, self.on_tick(price), reason) for kind, price, reason in (
            (Kind.STOP, signal.stop, "stop"), (Kind.LIMIT, signal.target, "target"),
        ) if price is not None]

    def _why(self, bar: int, side: int, levels: Levels | None,
             deadline: int) -> tuple[str, Signal | None]:
        """Why a position is left at the close of a bar (an empty text where it is not), and the
        signal that turns it."""
        why = "" if levels is None else met(float(self.closes[bar]), side, levels)
        if why or bar >= deadline:
            return why or "time", None
        against = self.against[side]
        at = int(against.searchsorted(bar)) if len(against) else 0
        if at == len(against) or against[at] != bar:
            return "", None
        signal = self.signals[bar]
        if signal.side == side:
            raise NotDirect("a signal that adds to a position")
        return "signal", None if signal.side == LEAVE else signal

    def _look(self, bar: int, side: int, levels: Levels | None, deadline: int) -> int:
        """The next bar at which the strategy may want something."""
        against = self.against[side]
        at = int(against.searchsorted(bar, side="right"))
        look = min(deadline, int(against[at]) if at < len(against) else self.last + 1)
        if levels is not None:
            look = first_met(self.closes, side, levels, bar + 1, look)
        return look

    def _leave(self, bar: int, held: Position, why: str, then: Signal | None) -> int:
        """Cancel the bracket, close at the market, and enter again where a signal turns the
        position; the bar at which nothing is held."""
        account = self.account
        account.cancel_all()
        ref = next(account.refs)
        self.exit_reasons[ref] = why
        sent = None
        if then is not None:
            account.stand_at(bar)
            sent = self._enter(then)
        if bar == self.last:
            return self.last + 1
        account.leave_at(bar + 1, held, ref, sent)
        left = account.position
        if left is not None and left.number == held.number:
            raise NotDirect("a close that does not close")
        return bar + 1 if sent is None or then is None else self._hold(bar + 1, then)
