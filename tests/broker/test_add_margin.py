"""Margin posted to and taken from an isolated position by hand.

One maintenance bracket of 0.5 %, no fees, Binance: ten coins from 100 at 10x post 100 and die at
90 / 0.995. All bars are SYNTHETIC.
"""

from __future__ import annotations

from typing import Any

import pytest

from deleverage.errors import UsageError
from deleverage.journal import FREE, Cause
from tests.account.table import ladder_of
from tests.broker.runs import ORDER, Run, buy, market, play, sell, still
from tests.markets import make_columns

PLAIN = ladder_of([(0, None, 0.005, 100)])
FALL = [*still(4), (100, 100, 85.2, 88), *still(1, 88)]


def _add(amount: float, **options: Any) -> Any:
    return lambda strategy: strategy.broker.add_margin(amount, **options)


def _run(plan: Any, rows: Any = None, **options: Any) -> Run:
    options.setdefault("ladder", PLAIN)
    return play(plan, market(*(rows or still(6))), **options)


@pytest.mark.parametrize(("side", "level"), [(buy, 85 / 0.995), (sell, 115 / 1.005)])
def test_added_margin_moves_the_level_away(side: Any, level: float) -> None:
    """150 behind ten coins; the free balance gives 50, by transfer."""
    run = _run({0: side(size=10), 2: _add(50)})
    assert run.strategy.sent[-1] is True
    assert run.journal.snapshots[-1].liquidation_price == pytest.approx(level)
    assert [(each.cause, each.balance, each.amount) for each in run.journal.entries[-2:]] == [
        (Cause.TRANSFER, "ETHUSDT", 50), (Cause.TRANSFER, FREE, -50)]
    assert run.broker.getvalue() == 10_000
    assert run.broker.getcash() == 9_850


@pytest.mark.parametrize(("amount", "loss"), [(0, 100), (50, 150), (60, 0)])
def test_it_decides_in_the_fall(amount: float, loss: float) -> None:
    """The low of 85.2: dead at 90.45, and at 85.43 with 50 more, alive with 60 (84.42)."""
    plan = {0: buy(size=10)} | ({2: _add(amount)} if amount else {})
    run = _run(plan, FALL, liquidation="takeover")
    assert sum(event.loss for event in run.journal.liquidations) == loss
    assert run.size == (0 if loss else 10)


def test_what_is_taken_back_must_leave_the_initial_margin() -> None:
    """Of 150 at a mark of 100 fifty may go; the fifty-first may not."""
    run = _run({0: buy(size=10), 1: _add(50), 2: _add(-50.01), 3: _add(-50)})
    assert run.strategy.sent[1:] == [True, False, True]
    assert run.reasons == ["margin: 50.01 taken back would leave 99.99 of the 100.00 the position "
                           "needs"]
    assert run.journal.balance("ETHUSDT") == 100
    assert run.journal.snapshots[-1].liquidation_price == pytest.approx(90 / 0.995)


def test_a_loss_counts_against_what_may_be_taken_back() -> None:
    """At 98 twenty are lost and 98 needed: of 150 thirty-two may go."""
    rows = [*still(2), *still(4, 98)]
    run = _run({0: buy(size=10), 2: _add(50), 3: _add(-32.5), 4: _add(-32)}, rows)
    assert run.strategy.sent[1:] == [True, False, True]
    assert run.journal.balance("ETHUSDT") == 118


def test_a_profit_does_not_count_for_it() -> None:
    """At 110 a hundred are won; 100 posted are less than the 110 the position needs."""
    run = _run({0: buy(size=10), 3: _add(-1)}, [*still(2), *still(4, 110)])
    assert run.reasons == ["margin: 1.00 taken back would leave 99.00 of the 110.00 the position "
                           "needs"]


def test_no_more_can_be_added_than_is_free() -> None:
    """150 less the posted 100; and less what a resting order reserves."""
    run = _run({0: buy(size=10), 2: _add(50.5), 3: _add(50)}, cash=150)
    assert run.reasons == ["margin: lacks 0.50"]
    assert run.broker.getcash() == 0
    resting = _run({0: buy(size=10), 1: buy(size=2, exectype=ORDER.Limit, price=90), 2: _add(35)},
                   cash=150)
    # 18 of the free 50 are reserved
    assert resting.reasons == ["margin: lacks 3.00"]


def test_a_partial_close_gives_its_share_of_the_added_margin_back() -> None:
    """Of ten coins with 150 behind them four go with 60; the level of the rest stays."""
    run = _run({0: buy(size=10), 1: _add(50), 2: sell(size=4)})
    assert run.journal.balance("ETHUSDT") == pytest.approx(90)
    assert run.journal.snapshots[-1].liquidation_price == pytest.approx(85 / 0.995)


def test_a_change_of_leverage_leaves_it_where_it_is() -> None:
    """150 at 10x are 100 at 20x: the initial margin halves, the fifty stay."""
    run = _run({0: buy(size=10), 1: _add(50), 2: lambda s: s.broker.set_leverage(20)})
    assert run.journal.balance("ETHUSDT") == 100
    assert run.journal.snapshots[-1].liquidation_price == pytest.approx(90 / 0.995)


def test_a_reversal_frees_it() -> None:
    """The long closes with its 150, the short posts its own 100."""
    run = _run({0: buy(size=10), 1: _add(50), 2: sell(size=20)})
    assert run.size == -10
    assert run.journal.balance("ETHUSDT") == 100


@pytest.mark.parametrize(("plan", "options", "message"), [
    ({0: buy(size=10), 2: _add(50)}, {"margin": "cross"}, "a cross account stands behind all"),
    ({2: _add(50)}, {}, "no position in ETHUSDT to post margin to"),
    ({0: buy(size=10), 2: _add(0)}, {}, "the margin to move must not be 0"),
    ({0: buy(size=10), 2: _add(float("nan"))}, {}, "the margin to move must not be nan"),
])
def test_a_use_that_means_nothing_is_an_error(plan: Any, options: Any, message: str) -> None:
    """One clear line for each."""
    with pytest.raises(UsageError, match=message) as caught:
        _run(plan, **options)
    assert "\n" not in str(caught.value)


def test_a_second_instrument_is_named_by_its_feed() -> None:
    """data=: the margin goes to that one's position."""
    plan = {0: lambda s: [s.buy(size=10), s.buy(data=s.data1, size=10)],
            2: lambda s: s.broker.add_margin(25, data=s.data1)}
    run = play(plan, [market(*still(5)), make_columns(still(5), symbol="BTCUSDT")], ladder=PLAIN)
    assert (run.journal.balance("ETHUSDT"), run.journal.balance("BTCUSDT")) == (100, 125)
