"""The venues' rules as the account applies them: which price triggers, who pays, what is lost."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from deleverage import account, venues
from deleverage.account import Position, State, Terms
from deleverage.journal import Cause
from deleverage.steps import Filled, Liquidated
from deleverage.venues.ladder import LadderUse
from deleverage.venues.okx import OkxSwap
from tests.broker import runs
from tests.broker.runs import ORDER, buy, market, play, still
from tests.core.desks import Ohlc, flat_ladder, holding, make_desk, order, run

STAMP = "2026-01-28T00:05"  # the close of bar 4
LEVEL = 27_000 / 9.96  # 10 long at 3,000 with 3,000 of margin, 0.4 %
sides = pytest.mark.parametrize("side", [1, -1])


def bar(side: int, start: float, best: float, worst: float, end: float) -> Ohlc:
    """A bar in moves from 3,000, for a short turned round."""
    opened, near, far, close = (3_000 + side * move for move in (start, best, worst, end))
    return opened, max(near, far), min(near, far), close


@sides
def test_liquidation_is_judged_on_mark(side: int) -> None:
    """A wick of last through the level kills nobody; one of the mark does, wherever last stands."""
    wick, calm = bar(side, 0, 5, -400, 0), bar(side, 0, 5, -100, 0)
    held = holding(side * 10, 3_000, 3_000)
    assert run(wick, state=held, mark=calm).steps == []
    (dead,) = run(calm, state=held, mark=wick).steps
    assert isinstance(dead, Liquidated)


@pytest.mark.parametrize("start", [0.0, LEVEL - 3_000], ids=["on the path", "at the open"])
def test_a_mark_at_the_very_level_liquidates(start: float) -> None:
    """Equity equal to maintenance is too little; a hair above it is enough."""
    held, low = holding(10, 3_000, 3_000), LEVEL - 3_000
    for more, dies in ((0.0, True), (1e-6, False)):
        mark = bar(1, start + (more if start else 0.0), 5, low + more, 0)
        steps = run(bar(1, 0, 5, -10, 0), state=held, mark=mark).steps
        assert [isinstance(step, Liquidated) for step in steps] == ([True] if dies else [])


@sides
def test_an_isolated_position_loses_its_margin_and_no_more(side: int) -> None:
    """The mark falls far beyond bankruptcy: 3,000 are lost, the free balance is as it was."""
    held = holding(side * 10, 3_000, 3_000, free=500)
    walk = run(bar(side, -900, 0, -1_000, -900), state=held)
    (dead,) = walk.steps
    assert isinstance(dead, Liquidated)
    assert dead.seized[0].loss == 3_000
    assert dead.seized[0].price == 3_000 - side * 300
    assert walk.state.wallet == 500


@sides
def test_a_stop_that_gaps_fills_no_worse_than_bankruptcy(side: int) -> None:
    """Last at 400 against it while the mark stands: closed at 300, the posted margin."""
    stop = order("stop", -side, 10, trigger=3_000 - side * 100, reduce_only=True)
    walk = run(bar(side, -400, 10, -500, 5), stop, state=holding(side * 10, 3_000, 3_000, free=0),
               mark=bar(side, 0, 10, -250, 5))
    (done,) = walk.steps
    assert isinstance(done, Filled)
    assert done.price == 3_000 - side * 300
    assert walk.state.wallet == 0


def test_a_cross_account_counts_what_the_others_lose_and_hold() -> None:
    """OKX holds the fee inside the others' maintenance too: 5,000 − 200 − 2,800 × 0.0045 × 10."""
    rules = OkxSwap("", LadderUse(flat_ladder(0.004), 0))
    terms = Terms("cross", {"A": rules, "B": rules}, {"A": 10.0, "B": 10.0})
    state = State(5_000.0, MappingProxyType({
        "A": Position("A", 10.0, 3_000, 0, 10, 1), "B": Position("B", 10.0, 2_820, 0, 10, 2)}), 2)
    behind = account.wallet_behind(state, "A", {"A": 3_000.0, "B": 2_800.0}, terms)
    assert behind == pytest.approx(5_000 - 200 - 28_000 * 0.0045)
    assert account.liquidation_price(state, "A", {"A": 3_000.0, "B": 2_800.0}, terms) == \
        pytest.approx((30_000 - behind) / 10 / (1 - 0.0045))


def test_funding_is_charged_at_its_stamp_on_what_is_held_then() -> None:
    """An entry in the bar that ends with the stamp pays, one in the next does not; at the mark of
    the stamp, and a short receives."""
    rows = [*still(4), (100, 100, 100, 100), *still(3)]
    columns = market(*rows, mark=[100.0] * 4 + [102.0] + [100.0] * 3, funding=[(STAMP, 0.001)])
    (payment,) = play({3: buy(size=10)}, columns).journal.funding
    assert (payment.bar, payment.price, payment.amount) == (4, 102.0, pytest.approx(-1.02))
    (receipt,) = play({3: runs.sell(size=10)}, columns).journal.funding
    assert receipt.amount == pytest.approx(1.02)
    assert play({4: buy(size=10)}, columns).journal.funding == []
    assert play({1: buy(size=10), 3: runs.close}, columns).journal.funding == []


def test_funding_comes_before_the_check_and_from_the_venues_balance() -> None:
    """The mark stands at 91, the level at 90.36: what Binance takes from the margin kills the
    position at the stamp, what Bybit takes from the free balance does not."""
    columns = market(*still(4), (100, 100, 91, 91), *still(3, 91), funding=[(STAMP, 0.01)])
    dead = play({1: buy(size=10)}, columns)
    (event,) = dead.journal.liquidations
    assert (event.bar, event.cause) == (4, "funding")
    assert dead.journal.balance("ETHUSDT") == pytest.approx(0, abs=1e-9)
    assert dead.broker.getvalue() == pytest.approx(9_900)
    alive = play({1: buy(size=10)}, columns, venue="bybit")
    assert alive.journal.liquidations == []
    assert alive.journal.balance("ETHUSDT") == 100
    assert alive.journal.total(Cause.FUNDING) == pytest.approx(-9.1)


@pytest.mark.parametrize(("venue", "symbol", "stopped"), [
    ("binance", "ETHUSDT", True), ("hyperliquid", "ETH", False)])
def test_a_stop_watches_the_price_of_its_venue(venue: str, symbol: str, stopped: bool) -> None:
    """Last dips to 97 where the mark does not: Binance's stop at 98 sells, Hyperliquid's waits."""
    columns = market(*still(3), (100, 100, 97, 100), *still(3), mark=[100.0] * 7, symbol=symbol)
    ladder = venues.get(venue, symbol=symbol, ladder=flat_ladder(0.004)).ladder
    plan = {0: buy(size=1), 1: runs.sell(size=1, exectype=ORDER.Stop, price=98.0)}
    done = play(plan, columns, venue=venue, ladder=ladder)
    assert (done.size == 0) is stopped


def test_a_leverage_limit_in_contracts_is_that_of_the_contracts() -> None:
    """OKX's bounds count contracts of 0.01 BTC: 10 BTC may carry 100x, 10.01 BTC 66.66x."""
    rules = venues.get("okx", symbol="BTC-USDT-SWAP", at="2026-09-18")
    desk = make_desk()
    assert rules.position_limit(10.0, 1.0) == rules.position_limit(10.0, 1e6) == 100
    assert rules.position_limit(10.01, 1.0) == 66.66
    assert desk.rules("ETHUSDT").position_limit(10.01, 1e6) == 200
