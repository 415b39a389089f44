"""The orders of a table's row: what is sent, cancelled or closed in which bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import backtrader as bt

KINDS = {"market": bt.Order.Market, "close": bt.Order.Close, "limit": bt.Order.Limit,
         "stop": bt.Order.Stop, "stop_limit": bt.Order.StopLimit, "trail": bt.Order.StopTrail,
         "trail_limit": bt.Order.StopTrailLimit}


@dataclass(frozen=True, kw_only=True)
class Send:
    """An order of a bar; with ``stop`` or ``target`` a bracket of which it is the entry.

    ``name`` is what ``oco`` and :class:`Cancel` refer to; ``trigger`` the price that a stop, or the
    bracket's stop, watches; ``more`` goes to the order's own keywords.
    """

    bar: int
    side: int
    size: float
    kind: str = "market"
    price: float | None = None
    plimit: float | None = None
    trail: float | None = None
    percent: float | None = None
    stop: float | None = None
    target: float | None = None
    name: str = ""
    oco: str = ""
    reduce_only: bool = False
    trigger: str = ""
    feed: int = 0
    more: Mapping[str, Any] = field(default_factory=dict)

    def act(self, strategy: Script) -> None:
        """Send it, and remember it by its name."""
        values = {"data": strategy.datas[self.feed], "size": self.size, "price": self.price,
                  "exectype": KINDS[self.kind], "plimit": self.plimit,
                  "trailamount": self.trail, "trailpercent": self.percent, **self.more}
        if self.reduce_only:
            values["reduce_only"] = True
        if self.stop is not None or self.target is not None:
            sent = self._bracket(strategy, values)
        else:
            if self.oco:
                values["oco"] = strategy.sent[self.oco]
            if self.trigger:
                values["trigger"] = self.trigger
            sent = (strategy.buy if self.side > 0 else strategy.sell)(**values)
        strategy.sent[self.name] = sent

    def _bracket(self, strategy: Script, values: dict[str, Any]) -> Any:
        del values["trailamount"], values["trailpercent"]
        values |= {"stopprice": self.stop, "limitprice": self.target}
        if self.stop is None:
            values["stopexec"] = None
        if self.target is None:
            values["limitexec"] = None
        if self.trigger:
            values["stopargs"] = {"trigger": self.trigger}
        make = strategy.buy_bracket if self.side > 0 else strategy.sell_bracket
        return make(**values)[0]


def buy(bar: int, size: float, kind: str = "market", price: float | None = None,
        **more: Any) -> Send:
    """A buy sent in ``bar``."""
    return Send(bar=bar, side=1, size=size, kind=kind, price=price, **more)


def sell(bar: int, size: float, kind: str = "market", price: float | None = None,
         **more: Any) -> Send:
    """A sale sent in ``bar``."""
    return Send(bar=bar, side=-1, size=size, kind=kind, price=price, **more)


@dataclass(frozen=True)
class Cancel:
    """Cancel the order of that name in ``bar``."""

    bar: int
    name: str

    def act(self, strategy: Script) -> None:
        """Send the cancel."""
        strategy.cancel(strategy.sent[self.name])


@dataclass(frozen=True)
class Flatten:
    """``close()`` in ``bar``: backtrader's market order for the position's size."""

    bar: int

    def act(self, strategy: Script) -> None:
        """Send the closing order."""
        strategy.close()


Step = Send | Cancel | Flatten


class Script(bt.Strategy):
    """A plain backtrader strategy that sends a row's orders."""

    params: Any = (("steps", ()),)

    def __init__(self) -> None:
        self.sent: dict[str, Any] = {}

    def next(self) -> None:
        for step in self.p.steps:
            if step.bar == len(self.data) - 1:
                step.act(self)
