"""Orders that are cheap to make and to copy; to everybody else they are backtrader's own.

backtrader makes an order through a metaclass that copies fifteen parameters one by one, works out
the end of its session with calendar arithmetic, and copies it by the general copy protocol at each
of the three or four notifications of its life. These subclasses (``isinstance`` holds) carry the
parameters as plain attributes, work out the end of the session when it is asked for, and copy their
dictionaries.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import backtrader as bt
from backtrader.order import OrderData
from backtrader.utils import AutoOrderedDict

_DEFAULTS: dict[str, Any] = {
    "owner": None, "data": None, "size": None, "price": None, "pricelimit": None,
    "exectype": None, "valid": None, "tradeid": 0, "oco": None, "trailamount": None,
    "trailpercent": None, "parent": None, "transmit": True, "simulated": False,
    "histnotify": False,
}
# what else an order has before anything is known of it
_NEW: dict[str, Any] = {
    **_DEFAULTS, "broker": None, "comminfo": None, "triggered": False, "position": 0,
    "status": bt.Order.Created, "_session_end": None, "_limitoffset": 0.0,
}
_TRAILING = (bt.Order.StopTrail, bt.Order.StopTrailLimit)


class Values:
    """An order's parameters by name, as ``order.p`` and ``order.params`` give them."""

    __slots__ = ("_given", "simulated")  # the one that backtrader asks for at every step of its own

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        self.simulated = given.get("simulated", False)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in _DEFAULTS:
            raise AttributeError(name)
        return self._given.get(name, _DEFAULTS[name])


class _Lean:
    """What lean buy and sell orders share."""

    ordtype: int

    @classmethod
    def make(cls, **given: Any) -> Any:
        """A new order; the parameters are those of backtrader's. Its state is *created*."""
        order: Any = object.__new__(cls)
        order.__dict__ = {**_NEW, **given}
        # as backtrader's: the parameters keep the size and the type as they were given
        order.params = order.p = Values(given)
        order.ref = next(bt.Order.refbasis)
        order.info = AutoOrderedDict()
        if order.exectype is None:
            order.exectype = bt.Order.Market
        order._active = order.parent is None
        order._plimit = order.pricelimit
        if cls.ordtype == bt.Order.Sell:
            order.size = -order.size
        order._reference_prices()
        order.executed = OrderData(remsize=order.size)
        if order.valid is not None:
            order.valid = _until(order.valid, order.data)
        return order

    def _reference_prices(self: Any) -> None:
        data, price, limit = self.data, self.price, self.pricelimit
        lines = data.lines.lines  # by number: a line by its name takes ten times as long
        close = lines[data.Close][0]
        self.created = created = OrderData(
            dt=lines[data.DateTime][0], size=self.size,
            price=price if price or limit else close, pricelimit=limit,
            pclose=close, trailamount=self.trailamount, trailpercent=self.trailpercent)
        if self.exectype in _TRAILING:  # its first trigger lies its distance from the price
            price = created.price
            self._limitoffset = price - created.pricelimit
            created.price = float("inf") if self.isbuy() else float("-inf")
            self.trailadjust(price)

    @property
    def dteos(self: Any) -> float:
        """The end of the session in which the order was made, as a day number."""
        if self._session_end is None:
            made = bt.num2date(self.created.dt)
            ends = self.data.p.sessionend
            end = made.replace(hour=ends.hour, minute=ends.minute, second=ends.second,
                               microsecond=ends.microsecond)
            if end < made:
                end += dt.timedelta(days=1)
            self._session_end = self.data.date2num(end)
        return float(self._session_end)

    def clone(self: Any) -> Any:
        """The order as it is now, for a notification; what it executed so far is its own."""
        copied, own = object.__new__(type(self)), object.__new__(OrderData)
        executed = self.executed
        executed.markpending()
        own.__dict__ = executed.__dict__.copy()
        # a dictionary copied whole takes a quarter of the time of one filled by its items
        copied.__dict__ = state = self.__dict__.copy()
        state["executed"] = own
        return copied


class LeanBuy(_Lean, bt.order.BuyOrder):  # type: ignore[misc]
    """A buy order."""


class LeanSell(_Lean, bt.order.SellOrder):  # type: ignore[misc]
    """A sell order."""


def _until(valid: Any, data: Any) -> Any:
    """Until when an order is good, as a day number: what backtrader makes of each kind of value."""
    if isinstance(valid, dt.date):  # a datetime is one as well
        return data.date2num(valid)
    if isinstance(valid, dt.timedelta) and valid != bt.Order.DAY:
        return data.date2num(data.datetime.datetime() + valid)
    # a day order, or a number: backtrader works these out and then keeps a number as it is
    if isinstance(valid, dt.timedelta):
        return data.date2num(dt.datetime.combine(data.datetime.date(), dt.time(23, 59, 59, 9999)))
    return valid
