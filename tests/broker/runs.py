"""Runs of plain backtrader strategies on the account, and on backtrader's own broker beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import backtrader as bt

from deleverage import Fees, PerpetualBroker
from deleverage.columns import MarketColumns
from deleverage.feeds import PerpetualData
from deleverage.journal import Journal
from tests.markets import make_columns

Plan = Mapping[int, Callable[[Any], Any]]
Row = tuple[float, float, float, float]
ORDER = bt.Order


class Heard(NamedTuple):
    """One order notification; ``number`` counts the orders heard of, from 0, as they were sent."""

    bar: int
    number: int
    status: str
    price: float
    size: float


class Closed(NamedTuple):
    """One trade notification."""

    bar: int
    status: str
    size: float
    price: float
    pnl: float
    tradeid: int


class Scripted(bt.Strategy):
    """A plain backtrader strategy: at bar n (from 0) it does ``plan[n]``, and keeps what it hears.
    """

    params: Any = (("plan", {}),)

    def __init__(self) -> None:
        self.heard: list[tuple[int, bt.Order]] = []
        self.trades: list[Closed] = []
        self.calls: list[str] = []  # names of what was called, in order
        self.sent: list[Any] = []

    @property
    def bar(self) -> int:
        """The bar the strategy is at, counted from 0."""
        return len(self) - 1

    def next(self) -> None:
        act = self.p.plan.get(self.bar)
        if act is not None:
            self.sent.append(act(self))

    def notify_order(self, order: bt.Order) -> None:
        self.heard.append((self.bar, order))
        self.calls.append(f"order {order.getstatusname()}")

    def notify_trade(self, trade: bt.Trade) -> None:
        status = "closed" if trade.isclosed else "open"
        self.trades.append(Closed(self.bar, status, trade.size, trade.price, trade.pnl,
                                  trade.tradeid))
        self.calls.append(f"trade {status}")


@dataclass
class Run:
    """What a run left behind."""

    strategies: list[Any]
    broker: Any
    cerebro: bt.Cerebro

    @property
    def strategy(self) -> Any:
        """The first strategy."""
        return self.strategies[0]

    @property
    def journal(self) -> Journal:
        """The account's journal."""
        journal: Journal = self.broker.journal
        return journal

    @property
    def heard(self) -> list[Heard]:
        """Order notifications of the first strategy, in order."""
        pairs = self.strategy.heard
        numbers = {ref: n for n, ref in enumerate(sorted({order.ref for _, order in pairs}))}
        return [Heard(bar, numbers[order.ref], order.getstatusname(),
                      round(order.executed.price, 9), round(order.executed.size, 9))
                for bar, order in pairs]

    def ends(self) -> list[Heard]:
        """The notifications that tell more than that an order was taken."""
        return [each for each in self.heard if each.status not in ("Submitted", "Accepted")]

    def fills(self) -> list[tuple[int, float, float]]:
        """(bar, signed size, price) of every fill of the journal."""
        return [(fill.bar, fill.size, fill.price) for fill in self.journal.fills]

    @property
    def reasons(self) -> list[str]:
        """Why orders were refused."""
        return [rejection.reason for rejection in self.journal.rejections]

    @property
    def size(self) -> float:
        """The position in the first feed at the end of the run."""
        return float(self.broker.getposition(self.cerebro.datas[0]).size)


def market(*rows: Row, **options: Any) -> MarketColumns:
    """Columns of bars (open, high, low, close); the mark equals the last price unless given."""
    return make_columns(list(rows), **options)


def still(count: int, price: float = 100.0) -> list[Row]:
    """Bars in which nothing moves."""
    return [(price, price, price, price)] * count


def account(**options: Any) -> PerpetualBroker:
    """A free account of 10,000 at 10x, isolated, unless told otherwise."""
    options.setdefault("fees", Fees.free())
    return PerpetualBroker(**options)


def play(
    plan: Plan | type[bt.Strategy], columns: MarketColumns | Sequence[MarketColumns], *,
    engine: type[bt.Cerebro] = bt.Cerebro, broker: Any = None,
    prepare: Callable[[bt.Cerebro], Any] | None = None,
    engine_options: Mapping[str, Any] | None = None, params: Mapping[str, Any] | None = None,
    feed_options: Mapping[str, Any] | None = None, **options: Any,
) -> Run:
    """Run a plan or a strategy class under stock bt.Cerebro; ``options`` are the broker's.

    ``prepare`` gets the cerebro before the run, ``engine_options`` are its own parameters.
    """
    cerebro = engine(**{"stdstats": False, **(engine_options or {})})
    for each in [columns] if isinstance(columns, MarketColumns) else columns:
        cerebro.adddata(PerpetualData(columns=each, **(feed_options or {})))
    cerebro.setbroker(account(**options) if broker is None else broker)
    if isinstance(plan, type):
        cerebro.addstrategy(plan, **(params or {}))
    else:
        cerebro.addstrategy(Scripted, plan=plan)
    if prepare is not None:
        prepare(cerebro)
    strategies = cerebro.run()
    return Run(strategies, cerebro.broker, cerebro)


def buy(**values: Any) -> Callable[[Any], Any]:
    """A step of a plan: buy."""
    return lambda strategy: strategy.buy(**values)


def sell(**values: Any) -> Callable[[Any], Any]:
    """A step of a plan: sell."""
    return lambda strategy: strategy.sell(**values)


def close(strategy: Any) -> Any:
    """A step of a plan: close the position."""
    return strategy.close()
