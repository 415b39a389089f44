"""Signals with their exits: what shipped strategies share, so that each is only its idea.

A :class:`SignalStrategy` names its signals up front, bar by bar, from the market's columns. At the
bar of a signal it sends the entry as the head of a bracket: a stop and a target hang on it, both
reduce-only. Or they are judged on closes (``Signal.on_close``), and no order rests. The time exit
closes at the market what neither of them did.

Every exit carries its reason (``order.info.reason``): ``stop``, ``target``, ``time`` or ``signal``.
A liquidation or auto-deleveraging cancels stop and target; where it leaves a part of the position,
both are sent again for that part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import backtrader as bt
import numpy as np

from deleverage.errors import UsageError, unknown_name
from deleverage.strategies.barriers import Levels, first_met, met
from deleverage.strategies.base import Ints, PerpetualStrategy
from deleverage.strategies.signals import LEAVE, LONG, SHORT, Signal, Signals
from deleverage.timestamps import parse_step, to_datetime

__all__ = ["LEAVE", "LONG", "SHORT", "Signal", "SignalStrategy", "Signals", "bars_of", "reward"]


class SignalStrategy(PerpetualStrategy):
    """Trades the signals of :meth:`signals`, each with stop, target and time exit.

    ``hold`` is the time exit, counted from the fill (``24h``; ``none`` switches it off). ``entry``
    is market or limit; a limit entry rests ``offset_bp`` beyond the close that decided, on the
    cheap side, and expires after ``patience``.
    """

    params: Any = (("hold", "24h"), ("entry", "market"), ("offset_bp", 0.0), ("patience", "1h"))

    def signals(self) -> Mapping[int, Signal]:
        """Bar → signal, each decided from rows up to and including its bar."""
        raise NotImplementedError(f"{type(self).__name__} must define signals()")

    def wake(self) -> Ints:
        """The bars of the signals."""
        if self.p.entry not in ("market", "limit"):
            raise unknown_name("kind of entry", self.p.entry, ("market", "limit"))
        self._hold = bars_of(self.p.hold, self.columns.market.step_ns)
        found = self.signals()
        self._signals = found if isinstance(found, Signals) else dict(found)
        self._against = {side: against(self._signals, side) for side in (LONG, SHORT)}
        self._brackets: list[list[Any]] = []
        self._exits: list[tuple[int, float, str]] = []  # of the last entry: kind, price, reason
        self._reduced = False  # by the venue, and not guarded again yet
        self._side = 0
        self._deadline: int | None = None
        self._levels: Levels | None = None  # of stop and target, where closes are judged by them
        self._asked: Signal | None = None
        return found.bars if isinstance(found, Signals) else _ascending(self._signals)

    def next_wake(self, bar: int) -> int | None:
        """The time exit, a close beyond stop or target that are judged on it, or the next signal
        that would change anything, whichever comes first.

        Looks ahead for the bar only: what is decided there is decided from that bar.
        """
        # one that the venue has reduced tries at every signal to guard what is left
        signals = self.wakes if self._reduced else self._against.get(self._side, self.wakes)
        at = int(signals.searchsorted(bar, side="right"))
        due = int(signals[at]) if at < len(signals) else len(self.columns)
        if self._deadline is not None and self._deadline > bar:
            due = min(due, self._deadline)
        if self._levels is not None:
            closes = self.columns.lines["close"]
            due = first_met(closes, self._side, self._levels, bar + 1, due)
        return due if due < len(self.columns) else None

    def act(self) -> None:
        """Notice what was filled, close what has had its time, follow the signal of this bar."""
        bar = self.bar
        self._notice(bar)
        over = self._over(bar)
        if over:
            self.leave(over)
            return
        signal = self._signals.get(bar) if self.fresh else None  # once, not while a feed stands
        if signal is not None:
            self.follow(signal)

    def _over(self, bar: int) -> str:
        """Why the position is to be left at this close; an empty text where it is not."""
        if self._levels is not None:
            why = met(self.data.close[0], self._side, self._levels)
            if why:
                return why
        return "time" if self._deadline is not None and bar >= self._deadline else ""

    def follow(self, signal: Signal) -> None:
        """Carry out a signal against the position there is."""
        side = self._side
        if side and signal.side != side:
            self.leave("signal")
        if signal.side == LEAVE or (side == signal.side and not signal.adds):
            return
        for bracket in self._brackets:  # an entry still resting gives way to the newer signal
            if bracket[0] is not None and bracket[0].alive():
                self.cancel(bracket[0])
        self.enter(signal)

    def enter(self, signal: Signal) -> None:
        """Send the entry with its bracket; nothing when the sizer gives no size."""
        long = signal.side == LONG
        size = signal.size
        if size is None:
            size = abs(self.getsizing(self.data, isbuy=long))
        if not size:
            return
        opening, closing = (self.buy, self.sell) if long else (self.sell, self.buy)
        exits = [(kind, self._on_tick(price), reason) for kind, price, reason in (
            (bt.Order.Stop, signal.stop, "stop"), (bt.Order.Limit, signal.target, "target"),
        ) if price is not None and not signal.on_close]
        head = opening(size=size, transmit=not exits, reason="entry", why=signal.why,
                       **self._entry_terms(signal.side))
        bracket = [head]
        for number, (kind, price, reason) in enumerate(exits, start=1):
            bracket.append(closing(size=size, exectype=kind, price=price, parent=head,
                                   transmit=number == len(exits), reason=reason))
        self._brackets.append(bracket)
        self._exits = exits
        self._asked = signal

    def leave(self, reason: str) -> None:
        """Cancel what is working and close the position at the market."""
        for order in self._working():
            self.cancel(order)
        self.close(reason=reason, reduce_only=True)
        self._brackets.clear()
        self._exits = []
        self._deadline = self._levels = None

    def guard(self) -> None:
        """Send stop and target again for what the venue has left of the position."""
        closing = self.sell if self._side > 0 else self.buy
        sent: list[Any] = []
        for kind, price, reason in self._exits:
            sent.append(closing(size=abs(self.position.size), exectype=kind, price=price,
                                oco=sent[0] if sent else None, reduce_only=True, reason=reason))
        if sent:
            self._brackets.append([None, *sent])  # its entry was filled long ago

    def _entry_terms(self, side: int) -> dict[str, Any]:
        if self.p.entry == "market":
            return {"exectype": bt.Order.Market}
        price = self._on_tick(self.data.close[0] * (1.0 - side * self.p.offset_bp / 1e4))
        return {"exectype": bt.Order.Limit, "price": price, "valid": self._valid()}

    def _on_tick(self, price: float) -> float:
        """``price`` on the instrument's tick, where it is known."""
        tick = self.columns.market.instrument.tick_size
        return price if tick is None else round(round(price / tick) * tick, 10)

    def _valid(self) -> datetime:
        """Until when a limit entry may rest."""
        now = int(self.columns.close_ns[self.bar])
        return to_datetime(now + parse_step(self.p.patience))

    def _notice(self, bar: int) -> None:
        """Start the clock of a position at the bar of its fill, stop it when it is gone."""
        side = int(np.sign(self.position.size))
        if side != self._side:
            self._side = side
            self._deadline = self._levels = None
            if side and self._asked is not None:
                self._begin(bar, self._asked)
        self._brackets = [bracket for bracket in self._brackets
                          if any(order is not None and order.alive() for order in bracket)]
        if self._reduced and side and not self._brackets:
            self.guard()  # again and again where the venue refuses it: it may be out
        else:
            self._reduced = False

    def _begin(self, bar: int, asked: Signal) -> None:
        """The clock of a position filled in this bar, and the levels its closes are judged by."""
        hold = self._hold if asked.hold is None else asked.hold
        self._deadline = None if hold is None else bar + hold - 1
        self._levels = asked.barriers(self.position.price) if asked.on_close else None

    def _working(self) -> list[Any]:
        return [order for bracket in self._brackets for order in bracket
                if order is not None and order.alive()]

    def _addnotification(self, order: Any, quicknotify: bool = False) -> None:
        if order.info.get("liquidation") or order.info.get("adl"):
            self._reduced = True
        super()._addnotification(order, quicknotify=quicknotify)


def against(signals: Mapping[int, Signal], side: int) -> Ints:
    """The bars of the signals that mean something while a position of ``side`` is held: those of
    another side, and those that add."""
    if isinstance(signals, Signals):
        return signals.bars if signals.adds or signals.side != side else signals.bars[:0]
    return _ascending(bar for bar, each in signals.items() if each.adds or each.side != side)


def _ascending(bars: Iterable[int]) -> Ints:
    return np.array(sorted(bars), dtype=np.int64)


def bars_of(duration: str | None, step_ns: int) -> int | None:
    """Bars in a duration like ``24h`` (at least one); None for None and ``none``."""
    if duration is None or str(duration).lower() == "none":
        return None
    return max(1, round(parse_step(str(duration)) / step_ns))


def reward(price: float, stop: float, multiple: float) -> float:
    """The price at which a trade from ``price`` has won ``multiple`` times its risk to ``stop``."""
    if not multiple > 0:
        raise UsageError(f"the reward must be a positive multiple of the risk, found {multiple:g}")
    return price + multiple * (price - stop)
