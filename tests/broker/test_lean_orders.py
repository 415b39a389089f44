"""Lean orders are backtrader's orders: the same fields, the same copies, only cheaper."""

from __future__ import annotations

import datetime as dt
from typing import Any

import backtrader as bt
import pytest

from deleverage.lean_orders import LeanBuy, LeanSell
from tests.broker.runs import market, play, still

ORDER = bt.Order
GIVEN: list[dict[str, Any]] = [
    {"exectype": None}, {"exectype": ORDER.Market}, {"exectype": ORDER.Close},
    {"exectype": ORDER.Limit, "price": 95.0}, {"exectype": ORDER.Stop, "price": 105.0},
    {"exectype": ORDER.StopLimit, "price": 105.0, "pricelimit": 104.0},
    {"exectype": ORDER.StopTrail, "trailamount": 3.0},
    {"exectype": ORDER.StopTrail, "trailpercent": 0.02, "price": 99.0},
    {"exectype": ORDER.StopTrailLimit, "trailamount": 3.0, "price": 100.0, "pricelimit": 101.0},
    {"exectype": ORDER.Limit, "price": 95.0, "valid": dt.timedelta(hours=2)},
    {"exectype": ORDER.Limit, "price": 95.0, "valid": ORDER.DAY},
    {"exectype": ORDER.Limit, "price": 95.0, "valid": dt.datetime(2026, 1, 29)},
    {"exectype": ORDER.Limit, "price": 95.0, "valid": 0.5, "tradeid": 7, "transmit": False},
]
PARAMETERS = ("size", "price", "pricelimit", "exectype", "valid", "tradeid", "oco", "trailamount",
              "trailpercent", "parent", "transmit", "simulated", "histnotify")
FIELDS = (*PARAMETERS, "plimit", "status", "triggered", "dteos", "ordtype", "_limitoffset",
          "position", "_active")
PARTS = ("dt", "size", "price", "pricelimit", "plimit", "remsize", "pclose", "trailamount",
         "trailpercent", "value", "comm", "margin", "pnl", "psize", "pprice")


class _Maker(bt.Strategy):
    """Makes each order both ways at one bar and keeps the pairs."""

    def __init__(self) -> None:
        self.pairs: list[tuple[Any, Any]] = []

    def next(self) -> None:
        if len(self) == 3:
            for given in GIVEN:
                for stock, lean in ((bt.order.BuyOrder, LeanBuy), (bt.order.SellOrder, LeanSell)):
                    values = {"owner": self, "data": self.data, "size": 2.0, **given}
                    self.pairs.append((stock(**values), lean.make(**values)))


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Any, Any]]:
    """Every kind of order, made by backtrader and by us at the same bar."""
    found: list[tuple[Any, Any]] = play(_Maker, market(*still(5))).strategy.pairs
    return found


def test_every_field_is_the_same(pairs: list[tuple[Any, Any]]) -> None:
    """What strategies, observers and analyzers read, of the order and of both its halves."""
    assert len(pairs) == 2 * len(GIVEN)
    for stock, lean in pairs:
        assert isinstance(lean, type(stock))
        assert lean.ref == stock.ref + 1
        for name in ("owner", "data"):  # a feed compares as a line, so: the very object
            assert getattr(lean, name) is getattr(stock, name) is getattr(lean.p, name)
        for name in FIELDS:
            assert getattr(lean, name) == getattr(stock, name), (name, stock)
        for name in PARAMETERS:
            assert getattr(lean.p, name) == getattr(stock.p, name), name
        for half in ("created", "executed"):
            for name in PARTS:
                assert getattr(getattr(lean, half), name) == getattr(getattr(stock, half), name), (
                    half, name)
        assert lean.isbuy() == stock.isbuy()
        assert lean.getordername() == stock.getordername()
        assert str(lean).partition("\n")[2] == str(stock).partition("\n")[2]  # but for its number


def test_a_copy_keeps_what_was_true_when_it_was_made(pairs: list[tuple[Any, Any]]) -> None:
    """Executions after the copy do not reach it, and each copy brings only its own new ones."""
    for pair in pairs[:2]:
        for order in pair:
            before = order.clone()
            order.executed.add(1.0, order.size, 100.0, opened=order.size)
            order.completed()
            after = order.clone()
            assert (before.executed.size, before.status) == (0, ORDER.Created)
            assert (after.executed.size, after.status) == (order.size, ORDER.Completed)
            assert len(list(before.executed.iterpending())) == 0
            assert len(list(after.executed.iterpending())) == 1
            assert len(list(order.clone().executed.iterpending())) == 0
