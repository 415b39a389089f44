"""Funding as the account settles it: whose balance, at which instant, and what it may trigger."""

from __future__ import annotations

from typing import Any

import pytest

from deleverage.errors import DataError
from deleverage.journal import Cause
from tests.broker.runs import buy, close, market, play, sell, still

NOON = "2026-01-28T00:05"  # the close of bar 4
ONE = [(NOON, 0.001)]


@pytest.mark.parametrize(("send", "rate", "amount"), [
    (buy, 0.001, -1.0), (buy, -0.001, 1.0), (sell, 0.001, 1.0), (sell, -0.001, -1.0),
])
def test_longs_pay_a_positive_rate_and_shorts_receive_it(
    send: Any, rate: float, amount: float
) -> None:
    """Size × mark × rate, on the position held at the settlement."""
    run = play({1: send(size=10)}, market(*still(8), funding=[(NOON, rate)]))
    payment, = run.journal.funding
    assert (payment.bar, payment.amount, payment.price, payment.state) == (
        4, pytest.approx(amount), 100.0, "settled")
    assert run.journal.total(Cause.FUNDING) == pytest.approx(amount)


def test_an_entry_in_the_bar_that_ends_with_the_settlement_pays() -> None:
    """Fills of a bar come before the funding at its close; a close in it pays none."""
    columns = market(*still(8), funding=ONE)
    assert len(play({3: buy(size=10)}, columns).journal.funding) == 1
    assert play({4: buy(size=10)}, columns).journal.funding == []
    assert play({1: buy(size=10), 3: close}, columns).journal.funding == []


def test_binance_takes_funding_from_the_position_bybit_from_the_free_balance() -> None:
    """Whose balance decides how near the liquidation comes."""
    columns = market(*still(8), funding=ONE)
    run = play({1: buy(size=10)}, columns)
    assert (run.journal.funding[0].payer, run.journal.balance("ETHUSDT")) == (
        "position", pytest.approx(99.0))
    run = play({1: buy(size=10)}, columns, venue="bybit")
    assert (run.journal.funding[0].payer, run.journal.balance("ETHUSDT")) == ("free", 100.0)


def test_funding_comes_before_the_maintenance_check_of_the_same_instant() -> None:
    """Mark 91 is above the level of 90.36; the funding of 9.10 lifts the level to 91.28."""
    rows = [*still(4), (100, 100, 91, 91), *still(3, 91)]
    run = play({1: buy(size=10)}, market(*rows, funding=[(NOON, 0.01)]))
    event, = run.journal.liquidations
    assert (event.bar, event.cause, event.trigger_mark) == (4, "funding", 91.0)
    assert event.liquidation_price == pytest.approx((9.09 - 100) / -0.996)
    assert event.loss == pytest.approx(100 - 9.1)
    assert run.broker.getvalue() == pytest.approx(9_900.0)
    calm = play({1: buy(size=10)}, market(*rows, funding=[(NOON, 0.01)]), venue="bybit")
    assert calm.journal.liquidations == []


def test_a_position_liquidated_in_the_bar_pays_no_funding_at_its_close() -> None:
    """The path comes first."""
    rows = [*still(4), (100, 100, 85, 91), *still(3, 91)]
    run = play({1: buy(size=10)}, market(*rows, funding=ONE))
    assert len(run.journal.liquidations) == 1
    assert run.journal.funding == []


def test_maintenance_is_checked_after_each_settlement_of_a_bar() -> None:
    """Daily bars hold three: the one that kills the position is the last it pays."""
    rates = [(f"2026-01-{day}T{hour:02}:00", 0.0 if day < 31 and (day, hour) < (30, 8) else 0.02)
             for day in (28, 29, 30, 31) for hour in (0, 8, 16)][1:]
    rows = [*still(2), (100, 100, 91.5, 91.5), *still(1, 91.5)]
    columns = market(*rows, step="1d", start="2026-01-28", funding=rates)
    run = play({0: buy(size=10)}, columns)
    assert [payment.rate for payment in run.journal.funding] == [0.0, 0.0, 0.0, 0.02]
    assert run.journal.liquidations[0].cause == "funding"


def test_negative_margin_lives_while_the_mark_is_far_enough() -> None:
    """Funding may eat more than the margin of a winner: its level then lies above its entry."""
    rows = [*still(3), (100, 200, 100, 200), *still(2, 200), (200, 200, 100, 100), *still(2)]
    run = play({1: buy(size=10)}, market(*rows, funding=[(NOON, 0.06)]), liquidation="takeover")
    assert run.journal.balance("ETHUSDT") == 0.0
    event, = run.journal.liquidations
    assert event.bar == 6
    assert event.liquidation_price == pytest.approx((-20 - 1_000) / (10 * (0.004 - 1)))
    assert event.price == pytest.approx(102.0)
    assert run.broker.getvalue() == pytest.approx(10_000 - 100)


def test_cross_funding_is_paid_by_the_wallet() -> None:
    """And may end the account at its instant."""
    run = play({1: buy(size=500)}, market(*still(8), funding=ONE), margin="cross")
    assert run.journal.funding[0].payer == "free"
    assert run.broker.getvalue() == pytest.approx(10_000 - 50)
    rows = [*still(4), (100, 100, 81, 81), *still(3, 81)]
    dead = play({1: buy(size=500)}, market(*rows, funding=[(NOON, 0.01)]), margin="cross")
    assert dead.journal.liquidations[0].cause == "funding"
    assert dead.broker.getvalue() == 0.0


@pytest.mark.parametrize(("missing", "amount", "state"), [("impute", -1.0, "imputed"),
                                                          ("skip", 0.0, "missing")])
def test_a_missing_settlement_is_never_silently_zero(
    missing: str, amount: float, state: str
) -> None:
    """Refused by default; else counted as imputed at the last known rate, or as unpaid."""
    funding = [("2026-01-28T00:01", 0.001), ("2026-01-28T00:07", 0.001)]
    columns = market(*still(10), funding=funding, interval_h=1 / 20)  # 00:04 is due and not there
    with pytest.raises(DataError, match=r"no funding rate for the settlement 2026-01-28 00:04"):
        play({1: buy(size=10), 4: close}, columns)
    run = play({1: buy(size=10), 4: close}, columns, missing=missing)
    payment, = run.journal.funding
    assert (payment.amount, payment.state) == (pytest.approx(amount), state)
    flat = play({4: buy(size=10), 7: close}, columns)
    assert [payment.state for payment in flat.journal.funding] == ["settled"]


def test_nothing_is_settled_while_flat() -> None:
    """No position, no payment, and a missing rate is nobody's business."""
    columns = market(*still(8), funding=None)
    assert play({}, columns).journal.funding == []
