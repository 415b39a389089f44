"""Changing leverage during a run: what moves, what it moves to, and when the venue will not.

One maintenance bracket of 0.5 % up to 100x unless a test says so, no fees: ten coins from 100 at
10x post 100 and die at 90 / 0.995. All bars are SYNTHETIC.
"""

from __future__ import annotations

from typing import Any

import pytest

from deleverage.errors import LeverageError
from deleverage.journal import FREE, Cause
from deleverage.sizers import MarginFraction
from tests.account.table import ladder_of
from tests.broker.runs import ORDER, Run, Scripted, buy, market, play, sell, still

PLAIN = ladder_of([(0, None, 0.005, 100)])
NARROW = ladder_of([(0, 2_000, 0.005, 100), (2_000, None, 0.02, 20)])
QUIET = still(6)


def _set(leverage: float) -> Any:
    return lambda strategy: strategy.broker.set_leverage(leverage)


def _run(plan: Any, rows: Any = QUIET, venue: str = "bybit", **options: Any) -> Run:
    """A run on ``venue``; what the last step of the plan returned is the last of ``sent``."""
    options.setdefault("ladder", PLAIN)
    return play(plan, market(*rows, venue=venue), venue=venue, **options)


def _level(run: Run) -> float:
    return run.journal.snapshots[-1].liquidation_price


def _moved(run: Run, bar: int) -> list[tuple[Cause, str, float]]:
    return [(each.cause, each.balance, each.amount) for each in run.journal.entries
            if each.bar == bar]


@pytest.mark.parametrize(("side", "sign"), [(buy, 1), (sell, -1)])
@pytest.mark.parametrize(("leverage", "posted"), [(20, 50), (5, 200), (1, 1_000)])
def test_isolated_margin_follows(side: Any, sign: int, leverage: float, posted: float) -> None:
    """1,000 ÷ leverage; the liquidation price is 100 ∓ (posted − 5) / 10 at Bybit."""
    run = _run({0: side(size=10), 2: _set(leverage)})
    assert run.strategy.sent[-1] is True
    assert run.journal.balance("ETHUSDT") == pytest.approx(posted)
    assert run.journal.balance(FREE) == pytest.approx(10_000 - posted)
    assert _level(run) == pytest.approx(100 - sign * (posted - 5) / 10)
    # nothing but a transfer, from one balance to the other
    assert _moved(run, 2) == [(Cause.TRANSFER, "ETHUSDT", pytest.approx(posted - 100)),
                              (Cause.TRANSFER, FREE, pytest.approx(100 - posted))]
    assert run.broker.getvalue() == 10_000


def test_the_new_level_is_the_one_that_liquidates() -> None:
    """At 20x the long dies at 95.5, which 10x would have lived through."""
    rows = [*still(4), (100, 100, 95, 96), *still(1, 96)]
    assert _run({0: buy(size=10)}, rows).journal.liquidations == []
    event, = _run({0: buy(size=10), 2: _set(20)}, rows).journal.liquidations
    assert (event.leverage, event.loss) == (20, 50)
    assert event.liquidation_price == pytest.approx(95.5)


def test_binance_raises_but_does_not_lower_an_open_isolated_position() -> None:
    """Its error −4161; flat, or in a cross account, it lowers too."""
    up = _run({0: buy(size=10), 2: _set(20)}, venue="binance")
    assert up.strategy.sent[-1] is True
    assert _level(up) == pytest.approx(95 / 0.995)
    down = _run({0: buy(size=10), 2: _set(5)}, venue="binance")
    assert down.strategy.sent[-1] is False
    assert down.reasons == ["binance does not lower the leverage of an open isolated position"]
    assert down.journal.balance("ETHUSDT") == 100
    assert down.journal.rejections[0].order_ref == -1
    flat = _run({0: _set(5), 1: buy(size=10)}, venue="binance")
    assert flat.journal.balance("ETHUSDT") == 200
    cross = _run({0: buy(size=10), 2: _set(5)}, venue="binance", margin="cross")
    assert cross.strategy.sent[-1] is True


def test_a_refused_change_leaves_the_old_leverage_for_the_next_order() -> None:
    """The second ten coins post 100 again."""
    run = _run({0: buy(size=10), 1: _set(5), 2: buy(size=10)}, venue="binance")
    assert run.journal.balance("ETHUSDT") == 200
    assert {shot.leverage for shot in run.journal.snapshots if shot.size} == {10}


def test_the_free_balance_must_pay_what_a_lower_leverage_posts() -> None:
    """50 are free; 5x would take 100."""
    run = _run({0: buy(size=10), 2: _set(5)}, cash=150)
    assert run.reasons == ["leverage 5: margin: lacks 50.00"]
    assert run.journal.balance("ETHUSDT") == 100


def test_no_position_is_moved_beyond_its_own_liquidation_price() -> None:
    """At 95.4 a 20x long from 100 would be dead at 95.5."""
    rows = [*still(2), *still(4, 95.4)]
    run = _run({0: buy(size=10), 3: _set(20)}, rows)
    assert run.reasons == ["leverage 20: the liquidation price would be 95.50, the mark is 95.40"]
    assert run.size == 10


def test_the_venue_s_limit_for_the_notional_held_counts() -> None:
    """2,500 may stand at 20x, not at 25x; a hundredth coin of it may."""
    run = _run({0: buy(size=25), 2: _set(25)}, ladder=NARROW)
    assert run.reasons == ["leverage 25 is above the venue's 20x for the position held"]
    assert _run({0: buy(size=20), 2: _set(25)}, ladder=NARROW).strategy.sent[-1] is True


@pytest.mark.parametrize("leverage", [101, 0, -5, float("nan")])
def test_a_leverage_the_venue_never_grants_is_an_error(leverage: float) -> None:
    """A usage error, as at the broker's construction."""
    with pytest.raises(LeverageError, match="is outside what bybit grants for ETHUSDT"):
        _run({0: _set(leverage)})


def test_a_change_before_the_first_bar_holds_for_the_run() -> None:
    """In start() no bar is there yet, and no price of one is needed."""
    class Early(Scripted):
        def start(self) -> None:
            self.sent.append(self.broker.set_leverage(20))

    run = play(Early, market(*QUIET), ladder=PLAIN, params={"plan": {0: buy(size=10)}})
    assert run.journal.balance("ETHUSDT") == 50


def test_the_next_order_posts_at_the_new_leverage() -> None:
    """Ten at 10x and, after the change, ten more: twenty from 100 at 20x, 100 in all."""
    run = _run({0: buy(size=10), 1: _set(20), 2: buy(size=10)})
    assert [shot.margin for shot in run.journal.snapshots] == [100, 50, 100]
    assert run.journal.snapshots[-1].leverage == 20


def test_what_resting_orders_reserve_follows() -> None:
    """A limit of 950: 95 at 10x, 47.5 at 20x, 190 at 5x."""
    seen: list[float] = []

    def at(leverage: float) -> Any:
        def act(strategy: Any) -> None:
            assert strategy.broker.set_leverage(leverage)
            seen.append(strategy.broker.getcash())
        return act

    _run({0: buy(size=10, exectype=ORDER.Limit, price=95), 1: at(10), 2: at(20), 3: at(5)})
    assert seen == pytest.approx([9_905, 9_952.5, 9_810])


def test_a_leverage_at_which_the_resting_orders_cannot_be_paid_is_refused() -> None:
    """900 coins at 95 reserve 8,550 at 10x; at 5x they would 17,100 of 10,000."""
    run = _run({0: buy(size=900, exectype=ORDER.Limit, price=95), 2: _set(5)})
    assert run.reasons == ["leverage 5: margin: lacks 7,100.00"]
    assert run.broker.getcash() == pytest.approx(1_450)


def test_in_cross_only_the_initial_margin_changes() -> None:
    """Of 500 coins 5,000, then 2,500: nothing is booked, the level stays, more is available."""
    run = _run({0: buy(size=500), 2: _set(20)}, margin="cross", venue="binance")
    assert _moved(run, 2) == []
    assert run.broker.getcash() == pytest.approx(10_000 - 2_500)
    # (10,000 − 50,000) / (2.5 − 500), before and after
    assert [shot.liquidation_price for shot in run.journal.snapshots] == pytest.approx(
        [40_000 / 497.5] * 2)


def test_in_cross_a_lower_leverage_needs_what_is_available() -> None:
    """900 coins hold 9,000 at 10x; at 5x they would hold 18,000."""
    run = _run({0: buy(size=900), 2: _set(5)}, margin="cross", venue="binance")
    assert run.reasons == ["leverage 5: margin: lacks 8,000.00"]


def test_nothing_is_changed_during_an_outage() -> None:
    """Neither leverage nor margin; after it both are."""
    plan = {0: buy(size=10), 2: _set(20), 3: lambda s: s.broker.add_margin(10), 4: _set(20)}
    run = _run(plan, outage=[("2026-01-28T00:02:30", "2026-01-28T00:04:30")])
    assert run.strategy.sent[1:] == [False, False, True]
    assert run.reasons == ["leverage 20: outage: the venue changes nothing now",
                           "outage: the venue changes nothing now"]


def test_the_sizers_follow() -> None:
    """A fifth of 10,000 as margin is 200 coins at 10x and 400 at 20x."""
    plan = {0: _set(20), 1: lambda strategy: strategy.buy()}
    run = play(plan, market(*QUIET), ladder=PLAIN,
               prepare=lambda cerebro: cerebro.addsizer(MarginFraction, fraction=0.2))
    assert run.size == 400
