"""backtrader's orders beside the working orders of the book: creation, groups, notifications."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace
from typing import Any

import backtrader as bt

from deleverage.book import Kind, WorkingOrder
from deleverage.errors import UsageError
from deleverage.feedview import FeedView
from deleverage.policies import one_of

_KINDS = {
    bt.Order.Market: Kind.MARKET,
    bt.Order.Close: Kind.AT_CLOSE,
    bt.Order.Limit: Kind.LIMIT,
    bt.Order.Stop: Kind.STOP,
    bt.Order.StopTrail: Kind.STOP,
    bt.Order.StopLimit: Kind.STOP_LIMIT,
    bt.Order.StopTrailLimit: Kind.STOP_LIMIT,
}
_LABELS = {
    bt.Order.Market: "market", bt.Order.Close: "close", bt.Order.Limit: "limit",
    bt.Order.Stop: "stop", bt.Order.StopTrail: "trail", bt.Order.StopLimit: "stop_limit",
    bt.Order.StopTrailLimit: "trail_limit",
}
TRAILING = (bt.Order.StopTrail, bt.Order.StopTrailLimit)


class Lots(float):
    """A size that is added free of float dust: backtrader's trades sum sizes, and close at zero.

    >>> 0.1 + Lots(0.2) - 0.3
    0.0
    """

    def __radd__(self, other: float) -> Lots:
        return Lots(round(float(other) + float(self), 12))


class Orders:
    """The bt.Order of every working order, one-cancels-other groups, held brackets, the queue."""

    def __init__(self) -> None:
        self.by_ref: dict[int, bt.Order] = {}
        self.groups: dict[int, int] = {}
        self.held: dict[int, list[bt.Order]] = {}  # by parent's ref, until transmit=True
        self.waiting: dict[int, int] = {}  # when sent, for those sent inside a bar
        self.queue: deque[bt.Order | None] = deque()

    def notify(self, order: bt.Order) -> None:
        """Queue the order as it is now for the strategy."""
        self.queue.append(order.clone())

    def group(self, order: bt.Order, oco: bt.Order | None) -> None:
        """Join an order to a one-cancels-other group (its own, without ``oco``)."""
        leader = order.ref if oco is None else self.groups.get(oco.ref, oco.ref)
        self.groups[order.ref] = leader

    def take(self, order: bt.Order) -> list[bt.Order] | None:
        """Hold an order back until its bracket is complete; returns what is now to be submitted.

        None: the order is a child whose parent is not there (never sent, refused or already done).
        """
        parent = order.parent
        head = order.ref if parent is None else parent.ref
        if parent is not None and head not in self.held:
            return None
        self.held.setdefault(head, []).append(order)
        if not order.transmit:
            return []
        return self.held.pop(head)

    def working(self, order: bt.Order, view: FeedView, trigger: str,
                slot: str = "") -> WorkingOrder:
        """The order as the book sees it. Raises UsageError for one that cannot work."""
        created, ref, exectype = order.created, order.ref, order.exectype
        kind, price, limit = _KINDS[exectype], created.price, created.pricelimit
        stops = kind in (Kind.STOP, Kind.STOP_LIMIT)
        if kind is Kind.LIMIT:
            limit = price
        if stops or kind is Kind.LIMIT:
            _check_price(order, "price", price)
        if kind is Kind.STOP_LIMIT:
            _check_price(order, "plimit", limit)
        info = order.info
        limited, child = kind in (Kind.LIMIT, Kind.STOP_LIMIT), order.parent is not None
        return WorkingOrder(
            ref, view.symbol, 1 if order.isbuy() else -1, abs(order.executed.remsize), kind,
            reference=limit if limited else price if stops else view.last,
            label=_LABELS[exectype],
            trigger=price if stops else None,
            limit=limit if limited else None,
            source=one_of("trigger price", str(info.get("trigger", trigger)), ("last", "mark")),
            reduce_only=bool(info.get("reduce_only", child)),
            active=not child,
            parent=order.parent.ref if child else None,
            group=self.groups[ref],
            ready=kind is not Kind.AT_CLOSE,
            slot=slot,
        )

    def trailed(self, working: WorkingOrder, close: float) -> WorkingOrder:
        """A trailing order after the bar's close; any other order unchanged."""
        order = self.by_ref[working.ref]
        if order.exectype not in TRAILING or working.triggered or not working.active \
                or working.kind is Kind.MARKET:
            return working
        order.trailadjust(close)
        limit = None if working.limit is None else order.created.pricelimit
        reference = order.created.price if limit is None else limit
        return replace(working, trigger=order.created.price, limit=limit, reference=reference)


def _check_price(order: bt.Order, name: str, value: float | None) -> None:
    if not (value is not None and value > 0):
        raise UsageError(f"a {_LABELS[order.exectype]} order needs {name} > 0, found {value}")


def cut_size(order: bt.Order, view: FeedView) -> None:
    """Cut an order's size to the instrument's lot step, in every place where it stands.

    Raises UsageError for a size that is no number.
    """
    if not math.isfinite(order.size):
        raise UsageError(f"{view.symbol}: the size of a {_LABELS[order.exectype]} order must be a "
                         f"number, found {abs(order.size)}")
    size = view.instrument.round_size(order.size)
    order.size = order.created.size = order.created.remsize = size
    order.executed.remsize = size


def put_on_tick(order: bt.Order, view: FeedView, rule: str) -> str | None:
    """Put an order's prices on the instrument's tick, or say why that is refused (``rule`` refuse,
    or nothing would be left of it).

    A rounded order carries what was asked in ``info.off_tick``.
    """
    instrument, kind = view.instrument, _KINDS[order.exectype]
    if kind in (Kind.MARKET, Kind.AT_CLOSE) or order.exectype in TRAILING:
        return None
    stops = kind in (Kind.STOP, Kind.STOP_LIMIT)
    side = 1 if order.isbuy() else -1
    for name, way in (("price", "stop" if stops else "limit"), ("pricelimit", "limit")):
        asked = getattr(order.created, name)
        if not asked or instrument.on_tick(asked):
            continue
        if rule == "refuse":
            return f"price {asked:.10g} is off the tick of {instrument.tick_size:g}"
        rounded = instrument.round_price(asked, side, way)
        if not rounded and asked > 0:
            return f"price {asked:.10g} is below one tick of {instrument.tick_size:g}"
        setattr(order.created, name, rounded)
        order.addinfo(off_tick=asked)
    return None


def check_tradable(data: Any) -> None:
    """Refuse resampled and replayed feeds, naming the feed to use. Raises UsageError."""
    source = source_of(data)
    if source is not data or getattr(data, "resampling", False) \
            or getattr(data, "replaying", False):
        name = source._name or "the original feed"
        raise UsageError(
            f"orders on a resampled or replayed feed would meet bars that have already ended: "
            f"send them to {name!r} (the feed that was resampled)")


def source_of(data: Any) -> Any:
    """The feed behind a backtrader clone (resampledata and replaydata clone an added feed)."""
    while getattr(data, "_clone", False):
        data = data.data
    return data
