"""Sizes by target and by sizer: backtrader's own and ours, under stock bt.Cerebro."""

from __future__ import annotations

from typing import Any

import backtrader as bt
import pytest

import deleverage
from deleverage import Fees
from deleverage.errors import UsageError
from tests.broker.runs import Run, buy, market, play, sell, still

MOVED = [*still(3), (100, 110, 100, 110), *still(6, 110)]


def _target(kind: str, target: float) -> Any:
    return lambda strategy: getattr(strategy, f"order_target_{kind}")(target=target)


def _sized(sizer: type[bt.Sizer], columns: Any = None, step: Any = None, plan: Any = None,
           account: dict[str, Any] | None = None, **options: Any) -> Run:
    return play(plan or {1: step or buy()}, columns or market(*still(6)),
                prepare=lambda cerebro: cerebro.addsizer(sizer, **options), **(account or {}))


def test_order_target_size() -> None:
    """Up, down, through zero and flat."""
    plan = {1: _target("size", 3), 3: _target("size", 1), 5: _target("size", -2),
            7: _target("size", 0)}
    assert [size for _, size, _ in play(plan, market(*still(10))).fills()] == [3, -2, -3, 2]


def test_order_target_value() -> None:
    """Signed notional at last: a target of −550 from +330 at 110 sells eight coins."""
    plan = {1: _target("value", 300), 3: _target("value", -550), 6: _target("value", 0)}
    run = play(plan, market(*MOVED))
    assert run.fills() == [(2, 3.0, 100.0), (4, -8.0, 110.0), (7, 5.0, 110.0)]


def test_order_target_percent() -> None:
    """A share of equity as notional; above 1 it is leverage."""
    plan = {1: _target("percent", 5.0), 4: _target("percent", -0.5)}
    run = play(plan, market(*MOVED))
    assert run.fills()[0] == (2, 500.0, 100.0)
    assert run.broker.getvalue() == pytest.approx(15_000)
    assert run.size == pytest.approx(-7_500 / 110, abs=0.001)


def test_a_target_beyond_the_leverage_is_refused_with_its_reason() -> None:
    """Eleven times equity at 10x does not fit."""
    assert play({1: _target("percent", 11.0)}, market(*still(5))).reasons == [
        "margin: needs 11,000.00, available 10,000.00"]


def test_fixed_size() -> None:
    """The same stake each time."""
    assert _sized(bt.sizers.FixedSize, stake=7).fills() == [(2, 7.0, 100.0)]


def test_percent_sizer() -> None:
    """A share of available margin as notional, cut to the lot."""
    columns = market(*still(6, 300.0))
    assert _sized(bt.sizers.PercentSizer, columns, percents=20).fills() == [(2, 6.666, 300.0)]


def test_all_in_sizer() -> None:
    """All of the available margin as notional: leverage one, whatever leverage is set."""
    run = _sized(bt.sizers.AllInSizer, plan={1: buy(), 3: lambda strategy: strategy.close()})
    assert run.fills() == [(2, 100.0, 100.0), (4, -100.0, 100.0)]


def test_margin_fraction() -> None:
    """Posts a fifth of equity as margin: notional = 0.2 × 10 × 10,000, the fee beside it."""
    sizer = deleverage.sizers.MarginFraction
    run = _sized(sizer, account={"fees": Fees.flat(0.0005)})
    fill, = run.journal.fills
    assert (fill.size, fill.margin_after, fill.fee) == (200.0, 2_000.0, 10.0)
    short = _sized(sizer, step=sell(), fraction=0.5)
    assert short.fills() == [(2, -500.0, 100.0)]


def test_margin_fraction_compounds_and_leaves_room_for_the_fee() -> None:
    """The whole of equity: cut so that margin and opening fee fit together."""
    account = {"fees": Fees.flat(0.0005)}
    run = _sized(deleverage.sizers.MarginFraction, account=account, fraction=1.0)
    fill, = run.journal.fills
    assert fill.margin_after + fill.fee == pytest.approx(10_000, abs=0.02)
    assert fill.margin_after + fill.fee <= 10_000
    grown = _sized(deleverage.sizers.MarginFraction, market(*MOVED), fraction=0.2,
                   plan={1: buy(), 4: lambda s: s.close(), 6: buy()})
    assert grown.journal.fills[2].size == pytest.approx(0.2 * 10 * 12_000 / 110, abs=0.001)


def test_margin_fraction_at_another_leverage_keeps_the_notional() -> None:
    """``notional_leverage`` fixes the notional; the margin follows the leverage set."""
    run = _sized(deleverage.sizers.MarginFraction, account={"leverage": 20},
                 notional_leverage=10.0)
    fill, = run.journal.fills
    assert (fill.size, fill.margin_after) == (200.0, 1_000.0)


def test_fixed_notional() -> None:
    """Five thousand of notional, whatever equity is."""
    run = _sized(deleverage.sizers.FixedNotional, market(*still(6, 300.0)), notional=5_000.0)
    assert run.fills() == [(2, 16.666, 300.0)]


@pytest.mark.parametrize(("sizer", "options"), [
    (deleverage.sizers.MarginFraction, {"fraction": 0}),
    (deleverage.sizers.FixedNotional, {"notional": -1}),
])
def test_a_size_that_is_none_is_an_error(sizer: type[bt.Sizer], options: dict[str, Any]) -> None:
    """Zero and negative shares are refused by name."""
    with pytest.raises(UsageError, match="must be > 0"):
        _sized(sizer, **options)


def test_a_sizer_without_anything_available_sends_nothing() -> None:
    """All margin is posted: the sizer says zero and backtrader sends no order."""
    run = _sized(deleverage.sizers.MarginFraction, fraction=0.5,
                 plan={1: buy(size=1_000), 3: buy()})
    assert run.strategy.sent[1] is None
    assert run.reasons == []
