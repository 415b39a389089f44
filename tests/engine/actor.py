"""A strategy that carries out a plan and writes down everything it is told."""

from __future__ import annotations

import datetime as dt
from typing import Any

import backtrader as bt

from deleverage.strategies.base import PerpetualStrategy
from tests.engine.scenes import Move, Moves

ORDER = bt.Order
_LEVERAGES = (5.0, 10.0, 12.0, 20.0)
_AMOUNTS = (150.0, -100.0, 400.0, -1_000.0)


class Actor(PerpetualStrategy):
    """``plan``: a Plan. ``told``: a list that gets a line for every call of user code."""

    params: Any = (("plan", None), ("told", None))

    def __init__(self) -> None:
        self.plan, self.told = self.p.plan, self.p.told
        self.counts: dict[str, int] = {}
        self.asked = -1
        self.averages: list[Any] = []
        for number, data in enumerate(self.datas if self.plan.period else ()):
            self.averages.append(bt.indicators.SimpleMovingAverage(
                data.close, period=self.plan.period + number))
            self.averages.append(bt.indicators.ExponentialMovingAverage(
                self.averages[-1] - data.close, period=3))

    # ---------------------------------------------------------------- when

    def wake(self) -> list[int]:
        return [bar for bar in self.plan.wakes if bar < len(self.columns)]

    def next_wake(self, bar: int) -> int | None:
        hold = self.plan.holds[self._turn("hold") % len(self.plan.holds)]
        self.asked = -1 if hold is None else bar + hold
        return None if hold is None else self.asked

    def act(self) -> None:
        self._write("act", [position.size for position in map(self.getposition, self.datas)],
                    [(len(data), data.close[0]) for data in self.datas],
                    [each[0] for each in self.averages])
        if self.fresh and (self.bar == self.asked or (self.flat and self.bar in self.plan.wakes)):
            self._carry_out(self.plan.moves[self._turn("act") % len(self.plan.moves)])
        else:
            self._reply("told")

    # ---------------------------------------------------------------- what is told

    def notify_order(self, order: bt.Order) -> None:
        done, made = order.executed, order.created
        self._write("order", order.ref, order.getstatusname(), order.getordername(),
                    order.isbuy(), done.size, done.price, done.remsize, done.comm, done.pnl,
                    made.price, made.pricelimit, dict(order.info))
        self._reply("order")

    def notify_trade(self, trade: bt.Trade) -> None:
        self._write("trade", trade.status, trade.tradeid, trade.size, trade.price, trade.value,
                    trade.commission, trade.pnl, trade.pnlcomm, trade.barlen)
        self._reply("trade")

    def notify_liquidation(self, event: Any) -> None:
        self._write("liquidation", event)
        self._reply("liquidation")

    def notify_funding(self, payment: Any) -> None:
        self._write("funding", payment)
        self._reply("funding")

    def start(self) -> None:
        self._reply("start")

    def stop(self) -> None:
        self._write("stop", [len(data) for data in self.datas],
                    [len(each) for each in self.averages])

    def _write(self, kind: str, *facts: Any) -> None:
        self.told.append((len(self) - 1, kind, *facts, self.broker.getvalue(),
                          self.broker.getcash()))

    # ---------------------------------------------------------------- what is done

    def _turn(self, kind: str) -> int:
        number = self.counts.get(kind, 0)
        self.counts[kind] = number + 1
        return number

    def _reply(self, kind: str) -> None:
        number, replies = self._turn(kind), self.plan.replies.get(kind, ())
        if number < len(replies):
            self._carry_out(replies[number])

    def _carry_out(self, moves: Moves) -> None:
        for move in moves:
            data = self.datas[move.feed % len(self.datas)]
            _DONE.get(move.kind, _send)(self, move, data)


def _close_of(data: Any) -> float:
    """The last close; of a feed without a bar backtrader's lines hold one to come."""
    return float(data.close[0]) if len(data) else 100.0


def _price(data: Any, move: Move, bp: int) -> float:
    return round(_close_of(data) * (1 + move.side * bp / 1e4), 2)


def _amount(s: Actor, move: Move, data: Any) -> float:
    broker = s.broker
    return float(move.share * broker.startingcash * broker.p.leverage / _close_of(data))


def _how(s: Actor, move: Move, data: Any) -> dict[str, Any]:
    """What every order of a move shares."""
    more: dict[str, Any] = {"data": data, "size": _amount(s, move, data)}
    if move.minutes is not None:
        more["valid"] = dt.timedelta(minutes=move.minutes)  # none at all is backtrader's DAY
    if move.mark:
        more["trigger"] = "mark"
    if move.reduce_only:
        more["reduce_only"] = True
    return more


def _trails(move: Move, price: float) -> dict[str, Any]:
    share = (abs(move.near) + 1) / 1e4
    return {"trailpercent": share} if move.percent else {"trailamount": round(share * price, 2)}


def _send(s: Actor, move: Move, data: Any, **more: Any) -> bt.Order:
    more = {**_how(s, move, data), **more}
    kind = move.kind
    if kind in ("trail", "trail_limit"):
        price = _close_of(data)
        more |= {"exectype": ORDER.StopTrail, "price": price, **_trails(move, price)}
        if kind == "trail_limit":
            more |= {"exectype": ORDER.StopTrailLimit, "plimit": _price(data, move, move.far)}
    elif kind == "at_close":
        more["exectype"] = ORDER.Close
    elif kind != "market":
        exectype = {"limit": ORDER.Limit, "stop": ORDER.Stop, "stop_limit": ORDER.StopLimit}[kind]
        more |= {"exectype": exectype, "price": _price(data, move, move.near)}
        if kind == "stop_limit":
            more["plimit"] = _price(data, move, move.far)
    return (s.buy if move.side > 0 else s.sell)(**more)


def _bracket(s: Actor, move: Move, data: Any) -> None:
    kind = {"market": ORDER.Market, "limit": ORDER.Limit, "stop": ORDER.Stop}[move.entry]
    price = _price(data, move, abs(move.near) if move.entry == "stop" else -abs(move.near))
    far = price * (abs(move.far) + 5) / 1e4
    more = _how(s, move, data)
    stop: dict[str, Any] = {}
    if move.exits is not None:
        stop["valid"] = dt.timedelta(minutes=move.exits)
    if move.trailing:
        more["stopexec"] = ORDER.StopTrail
        stop["trailamount"] = round(far, 2)
    make = s.buy_bracket if move.side > 0 else s.sell_bracket
    make(price=price, stopprice=round(price - move.side * far, 2),
         limitprice=round(price + move.side * far, 2), exectype=kind, stopargs=stop, **more)


def _oco(s: Actor, move: Move, data: Any) -> None:
    how = _how(s, move, data)
    first = s.sell(**how, exectype=ORDER.Limit, price=_price(data, move, move.near))
    s.buy(**how, exectype=ORDER.Stop, price=_price(data, move, move.far), oco=first)


def _close(s: Actor, move: Move, data: Any) -> None:
    s.close(data=data)


def _cancel(s: Actor, move: Move, data: Any) -> None:
    waiting = s.broker.get_orders_open()
    if waiting:
        s.cancel(waiting[move.number % len(waiting)])


def _leverage(s: Actor, move: Move, data: Any) -> None:
    s.broker.set_leverage(_LEVERAGES[move.number % len(_LEVERAGES)], data)


def _margin(s: Actor, move: Move, data: Any) -> None:
    held = s.broker.account.state.positions.values()
    if s.broker.p.margin != "isolated":
        return
    for side, name in ((1, "long"), (-1, "short")):
        if any(p.symbol == data._name and p.side == side for p in held):
            s.broker.add_margin(_AMOUNTS[move.number % len(_AMOUNTS)], data,
                                name if s.broker.p.hedge else None)


def _cash(s: Actor, move: Move, data: Any) -> None:
    amount = _AMOUNTS[move.number % len(_AMOUNTS)]
    if amount > -s.broker.getcash():
        s.broker.add_cash(amount)


_DONE = {"bracket": _bracket, "oco": _oco, "close": _close, "cancel": _cancel,
         "leverage": _leverage, "margin": _margin, "cash": _cash}
