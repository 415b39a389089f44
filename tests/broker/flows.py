"""Strategies that send orders of every kind at random, and journals made comparable."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import fields, replace
from typing import Any

import backtrader as bt

from deleverage.journal import Journal
from tests.broker.runs import ORDER


class Flow(bt.Strategy):
    """A plain strategy: at every bar, by chance of ``seed``, some order, bracket or cancel.

    An indicator takes part in the decisions, so that a mode that computed it otherwise would show.
    """

    params: Any = (("seed", 0), ("busy", 0.35), ("size", 1.0))

    def __init__(self) -> None:
        self.chance = random.Random(self.p.seed)
        self.average = bt.ind.EMA(self.data.close, period=5)
        self.told: list[tuple[Any, ...]] = []

    def next(self) -> None:
        if self.chance.random() > self.p.busy:
            return
        data = self.chance.choice([d for d in self.datas if len(d)])
        self.chance.choice(MOVES)(self, data)

    def notify_order(self, order: bt.Order) -> None:
        self.told.append((len(self), order.getstatusname(), order.executed.price,
                          order.executed.size, round(self.broker.getvalue(), 6)))

    def notify_trade(self, trade: bt.Trade) -> None:
        self.told.append((len(self), trade.isclosed, trade.size, round(trade.pnl, 6)))

    def notify_liquidation(self, event: Any) -> None:
        self.told.append((len(self), "liquidation", event.loss, self.average[0]))

    def notify_funding(self, payment: Any) -> None:
        self.told.append((len(self), "funding", payment.amount, self.average[0]))

    def side(self) -> tuple[Any, int]:
        """buy or sell, with its sign; with the trend or against it."""
        up = self.data.close[0] > self.average[0]
        return (self.buy, 1) if up == (self.chance.random() < 0.5) else (self.sell, -1)

    def amount(self, data: Any) -> float:
        """A random size; ``size`` = 1 makes the largest worth about twice the account."""
        return self.p.size * self.chance.choice([0.1, 1, 5, 20]) * 1_000 / data.close[0]

    def near(self, data: Any, spread: float = 0.004) -> float:
        """A price about the last one."""
        return round(data.close[0] * (1 + self.chance.uniform(-spread, spread)), 2)


def _market(s: Flow, data: Any) -> None:
    s.side()[0](data=data, size=s.amount(data), reduce_only=s.chance.random() < 0.2)


def _priced(s: Flow, data: Any) -> None:
    kind = s.chance.choice([ORDER.Limit, ORDER.Stop])
    valid = dt.timedelta(minutes=s.chance.randint(1, 30)) if s.chance.random() < 0.3 else None
    s.side()[0](data=data, size=s.amount(data), exectype=kind, price=s.near(data), valid=valid,
                trigger=s.chance.choice(["last", "mark"]))


def _stop_limit(s: Flow, data: Any) -> None:
    s.side()[0](data=data, size=s.amount(data), exectype=ORDER.StopLimit, price=s.near(data),
                plimit=s.near(data))


def _trail(s: Flow, data: Any) -> None:
    send, sign = s.side()
    limit = s.chance.random() < 0.3
    send(data=data, size=s.amount(data), trailpercent=s.chance.uniform(0.001, 0.01),
         exectype=ORDER.StopTrailLimit if limit else ORDER.StopTrail, price=data.close[0],
         plimit=data.close[0] * (1 + sign * s.chance.uniform(-0.002, 0.004)) if limit else None)


def _bracket(s: Flow, data: Any) -> None:
    _, sign = s.side()
    price = s.near(data)
    make = s.buy_bracket if sign > 0 else s.sell_bracket
    make(data=data, size=s.amount(data), price=price, stopprice=price * (1 - sign * 0.004),
         limitprice=price * (1 + sign * 0.005),
         exectype=s.chance.choice([ORDER.Limit, ORDER.Market, ORDER.Stop]))


def _group(s: Flow, data: Any) -> None:
    first = s.sell(data=data, size=s.amount(data), exectype=ORDER.Limit, price=s.near(data))
    second = s.buy(data=data, size=s.amount(data), exectype=ORDER.Stop, price=s.near(data),
                   oco=first)
    s.buy(data=data, size=s.amount(data), exectype=ORDER.Limit, price=s.near(data), oco=second)


def _cancel(s: Flow, data: Any) -> None:
    waiting = s.broker.get_orders_open()
    if waiting:
        s.cancel(s.chance.choice(waiting))


def _close(s: Flow, data: Any) -> None:
    s.close(data=data)


def _at_close(s: Flow, data: Any) -> None:
    s.side()[0](data=data, size=s.amount(data), exectype=ORDER.Close)


def _target(s: Flow, data: Any) -> None:
    s.order_target_percent(data=data, target=s.chance.uniform(-3, 3))


MOVES = (_market, _priced, _priced, _stop_limit, _trail, _bracket, _bracket, _group, _cancel,
         _close, _at_close, _target)


def comparable(journal: Journal) -> dict[str, Any]:
    """A journal's records with orders numbered from 0: backtrader counts them over the process."""
    refs = sorted({each.order_ref for each in journal.fills}
                  | {each.order_ref for each in journal.rejections})
    number = {ref: n for n, ref in enumerate(refs)}
    found: dict[str, Any] = {}
    for field in fields(journal):
        records = getattr(journal, field.name)
        if field.name in ("fills", "rejections"):
            records = [replace(each, order_ref=number[each.order_ref]) for each in records]
        found[field.name] = repr(records)  # NaN compares equal to itself in text only
    return found
