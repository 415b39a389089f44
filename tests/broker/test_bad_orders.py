"""Orders a venue would not take, and settings that cannot be: one clear line for each.

Ten coins from 100 at 10x, no fees; the tick is 0.01, the lot 0.001. All bars are SYNTHETIC.
"""

from __future__ import annotations

import math
from typing import Any

import pytest

from deleverage.errors import UnknownName, UsageError
from tests.account.table import ladder_of
from tests.broker.runs import ORDER, Row, Run, buy, close, market, play, sell, still
from tests.markets import make_columns

PLAIN = ladder_of([(0, None, 0.005, 100)])
DIP: Row = (100, 101, 94, 98)


def _run(plan: Any, *rows: Row, contract: Any = None, **options: Any) -> Run:
    return play(plan, market(*(rows or still(5)), **(contract or {})), ladder=PLAIN, **options)


def _statuses(run: Run) -> list[str]:
    return [each.status for each in run.ends()]


# ---------------------------------------------------------------------- sizes

LARGEST = {"max_size": 20, "max_market_size": 10}


@pytest.mark.parametrize(("order", "reason"), [
    (buy(size=12), "size 12 is above the venue's largest market order, 10"),
    (buy(size=10), ""),
    (buy(size=10.0005), ""),  # cut to the lot first
    (buy(size=12, exectype=ORDER.Limit, price=95), ""),
    (sell(size=21, exectype=ORDER.Limit, price=105),
     "size 21 is above the venue's largest limit order, 20"),
    (buy(size=12, exectype=ORDER.Stop, price=105),
     "size 12 is above the venue's largest stop order, 10"),
    (buy(size=12, exectype=ORDER.Close), "size 12 is above the venue's largest close order, 10"),
    (buy(size=21, exectype=ORDER.StopLimit, price=105, plimit=106),
     "size 21 is above the venue's largest stop_limit order, 20"),
    (buy(size=20, exectype=ORDER.StopLimit, price=105, plimit=106), ""),
])
def test_an_order_larger_than_the_venue_s_largest(order: Any, reason: str) -> None:
    """Ten coins at the market, twenty at a limit."""
    run = _run({0: order}, contract=LARGEST)
    assert run.reasons == ([reason] if reason else [])
    if reason:
        assert _statuses(run) == ["Rejected"]


def test_a_close_larger_than_the_venue_s_largest_is_refused_too() -> None:
    """Fifteen built by a limit cannot be closed at the market in one order; ten can."""
    plan = {0: buy(size=15, exectype=ORDER.Limit, price=95), 2: close, 3: sell(size=10)}
    run = _run(plan, still(1)[0], DIP, *still(4, 98), contract=LARGEST)
    assert run.reasons == ["size 15 is above the venue's largest market order, 10"]
    assert run.size == 5


@pytest.mark.parametrize(("order", "reason"), [
    (buy(size=0.199), "notional 19.90 is below the venue's minimum of 20"),
    (buy(size=0.2), ""),
    (buy(size=0.21, exectype=ORDER.Limit, price=95),
     "notional 19.95 is below the venue's minimum of 20"),
    (sell(size=0.18, exectype=ORDER.Stop, price=95),
     "notional 17.10 is below the venue's minimum of 20"),
    (lambda s: s.buy_bracket(size=0.1, price=95, stopprice=90, limitprice=110),
     "notional 9.50 is below the venue's minimum of 20"),
])
def test_an_order_below_the_minimum_notional(order: Any, reason: str) -> None:
    """Counted at the order's own price; on the minimum is enough."""
    run = _run({0: order}, contract={"min_notional": 20})
    assert run.reasons[:1] == ([reason] if reason else [])


def test_what_reduces_may_be_as_small_as_it_likes() -> None:
    """A remainder below the minimum is closed by a plain order and by one that only reduces."""
    plan = {0: buy(size=0.3), 1: sell(size=0.1), 2: sell(size=0.15, reduce_only=True), 3: close}
    run = _run(plan, *still(6), contract={"min_notional": 20})
    assert run.reasons == []
    assert run.size == 0


@pytest.mark.parametrize("size", [math.nan, math.inf, -math.inf])
def test_a_size_that_is_no_number(size: float) -> None:
    """An indicator's NaN in a size ends the run with what was found, not with Python's own error.
    """
    with pytest.raises(UsageError, match=r"ETHUSDT: the size of a market order must be a number, "
                                         r"found (nan|inf)"):
        _run({0: buy(size=size)})


# ---------------------------------------------------------------------- prices


@pytest.mark.parametrize(("order", "price"), [
    (buy(size=1, exectype=ORDER.Limit, price=95.004), 95.0),
    (sell(size=1, exectype=ORDER.Limit, price=105.001), 105.01),
    (buy(size=1, exectype=ORDER.Stop, price=105.001), 105.01),
    (sell(size=1, exectype=ORDER.Stop, price=94.999), 94.99),
])
def test_a_rounded_price_is_said(order: Any, price: float) -> None:
    """Limits to the passive side, triggers away from the market; info.off_tick is what was asked.
    """
    run = _run({0: order})
    sent = run.strategy.sent[0]
    assert sent.created.price == price
    assert sent.info.off_tick in (95.004, 105.001, 94.999)
    refused = _run({0: order}, off_tick="refuse")
    assert refused.reasons == [f"price {sent.info.off_tick:g} is off the tick of 0.01"]


def test_a_price_on_the_tick_but_for_the_rest_of_a_calculation_is_taken() -> None:
    """0.1 + 0.2 dollars above 95 is 95.30000000000001."""
    run = _run({0: buy(size=1, exectype=ORDER.Limit, price=95 + 0.1 + 0.2)}, off_tick="refuse")
    assert run.reasons == []


def test_both_prices_of_a_stop_limit_are_put_on_the_tick() -> None:
    """The trigger up, the limit of a buy down."""
    run = _run({0: buy(size=1, exectype=ORDER.StopLimit, price=105.001, plimit=106.009)})
    created = run.strategy.sent[0].created
    assert (created.price, created.pricelimit) == (105.01, 106.0)


def test_the_children_of_a_bracket_are_put_on_the_tick_too() -> None:
    """A stop down, a target up; under refuse the bad child alone is refused, and said."""
    bracket = {0: lambda s: s.buy_bracket(size=1, price=95, stopprice=90.009, limitprice=110.001)}
    run = _run(bracket)
    assert [order.created.price for order in run.strategy.sent[0]] == [95, 90.0, 110.01]
    refused = _run(bracket, off_tick="refuse")
    assert refused.reasons == ["price 90.009 is off the tick of 0.01",
                               "price 110.001 is off the tick of 0.01"]


@pytest.mark.parametrize("order", [
    buy(size=1, exectype=ORDER.Limit, price=0.004),
    sell(size=1, exectype=ORDER.Stop, price=0.009),
    buy(size=1, exectype=ORDER.StopLimit, price=105, plimit=0.004),
])
@pytest.mark.parametrize("rule", ["round", "refuse"])
def test_a_price_below_one_tick_is_refused(order: Any, rule: str) -> None:
    """Rounded it would be nothing, which no order can carry; the run goes on."""
    run = _run({0: order, 1: buy(size=1)}, off_tick=rule)
    reason, = run.reasons
    assert reason in ("price 0.004 is below one tick of 0.01", "price 0.009 is below one tick of "
                      "0.01", "price 0.004 is off the tick of 0.01",
                      "price 0.009 is off the tick of 0.01")
    assert ("below" in reason) is (rule == "round")
    assert run.size == 1


@pytest.mark.parametrize(("order", "message"), [
    (buy(size=1, exectype=ORDER.Limit, price=-5), "a limit order needs price > 0, found -5"),
    (sell(size=1, exectype=ORDER.Stop, price=-5), "a stop order needs price > 0, found -5"),
    (buy(size=1, exectype=ORDER.StopLimit, price=105, plimit=-5),
     "a stop_limit order needs plimit > 0, found -5"),
    (buy(size=1, exectype=ORDER.Limit, price=math.nan), "cannot carry the price nan"),
    (buy(size=1, exectype=ORDER.Limit, price=math.inf), "cannot carry the price inf"),
])
def test_a_price_that_is_no_price(order: Any, message: str) -> None:
    """A mistake of the strategy, not a refusal of the venue: it ends the run in one line."""
    with pytest.raises(UsageError, match=message) as caught:
        _run({0: order})
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------------- reduce-only


@pytest.mark.parametrize("order", [
    sell(size=1, reduce_only=True), sell(size=1, exectype=ORDER.Limit, price=99, reduce_only=True),
    sell(size=1, exectype=ORDER.Stop, price=99, reduce_only=True)])
def test_a_reducing_order_that_would_open_is_cancelled_with_its_reason(order: Any) -> None:
    """When its time comes and nothing is held it dies, and its notification says why."""
    run = _run({0: order}, still(1)[0], (100, 101, 98, 98), *still(2, 98))
    assert _statuses(run) == ["Canceled"]
    assert run.strategy.heard[-1][1].info.cancelled == "nothing left to reduce"
    assert run.journal.fills == []


def _why(run: Run) -> list[str | None]:
    """What each order that died says it died of, in the order in which they were sent."""
    last = {order.ref: order for _, order in run.strategy.heard}
    return [order.info.get("cancelled") for _, order in sorted(last.items())]


def test_an_order_that_dies_with_another_says_of_what() -> None:
    """A bracket one part of which is refused, expires, is cancelled or filled."""
    made = {"size": 15, "price": 95, "stopprice": 92, "limitprice": 105}
    refused = _run({0: lambda s: s.buy_bracket(**made)}, contract=LARGEST)
    assert _why(refused) == ["a part of its bracket was refused", None, None]
    sent: list[Any] = []
    cancelled = _run({0: lambda s: sent.extend(s.buy_bracket(**made)),
                      1: lambda s: s.cancel(sent[0])})
    assert _why(cancelled) == [None, "its order was cancelled", "its order was cancelled"]
    filled = _run({0: lambda s: s.buy_bracket(**made)}, still(1)[0], DIP, (98, 106, 98, 104),
                  *still(2, 104))
    assert _why(filled) == [None, "partner filled", None]
    dead = _run({0: buy(size=15), 1: sell(size=15, exectype=ORDER.Stop, price=80)},
                *still(3), *still(2, 70))
    assert _why(dead)[1] == "liquidation"


# ---------------------------------------------------------------------- settings


@pytest.mark.parametrize(("options", "message"), [
    ({"latency": -1}, "latency must be a whole number of bars ≥ 0, found -1"),
    ({"latency": 1.5}, "latency must be a whole number of bars ≥ 0, found 1.5"),
    ({"latency": True}, "latency must be a whole number of bars ≥ 0, found True"),
    ({"volume_limit": 0}, "volume_limit must be a share of a bar's volume, above 0 and at most 1, "
                          "found 0"),
    ({"volume_limit": 1.5}, "at most 1, found 1.5"),
    ({"off_tick": "rund"}, "unknown off_tick rule 'rund'; did you mean 'round'"),
    ({"liquidation": "takover"}, "did you mean 'takeover'"),
    ({"slippage": "volum"}, "did you mean 'volume'"),
    ({"slippage": "2bp", "slippage_bp": 1}, "slippage and slippage_bp exclude one another"),
    ({"hedge": "no"}, "hedge must be True or False, found 'no'"),
])
def test_a_setting_that_cannot_be(options: Any, message: str) -> None:
    """At the broker's construction."""
    with pytest.raises((UsageError, UnknownName), match=message) as caught:
        _run({}, **options)
    assert "\n" not in str(caught.value)


def test_two_instruments_whose_clocks_never_meet() -> None:
    """One ends before the other begins: there is no time at which both are held."""
    columns = [market(*still(3)), make_columns(still(3), symbol="BTCUSDT", start="2026-02-01")]
    with pytest.raises(UsageError, match="the clocks of ETHUSDT and BTCUSDT never meet: "
                                         "2026-01-28 00:01 to 2026-01-28 00:03 and "
                                         "2026-02-01 00:01 to 2026-02-01 00:03") as caught:
        play({0: buy(size=1)}, columns, ladder=PLAIN)
    assert "\n" not in str(caught.value)


def test_clocks_that_meet_once_are_enough() -> None:
    """The last bar of the one is the first of the other."""
    columns = [market(*still(3)),
               make_columns(still(3), symbol="BTCUSDT", start="2026-01-28T00:02")]
    assert play({}, columns, ladder=PLAIN).broker.getvalue() == 10_000
