"""Step-downs in a cross account: which position goes first, what saves the account, what does not.

The ladder of three brackets: 1 % up to 1,000, 2 % up to 5,000 (less 10), 5 % above (less 160), for
both instruments. Binance, fee of 1.25 % on what is closed, lot of one coin. All bars are SYNTHETIC.
"""

from __future__ import annotations

from typing import Any

import pytest

from deleverage.journal import FREE, Cause
from tests.account.table import BTC, ETH, ladder_of
from tests.broker.runs import ORDER, Run, buy, market, play, sell, still
from tests.markets import make_columns

THREE = ladder_of([(0, 1_000, 0.01, 50), (1_000, 5_000, 0.02, 20), (5_000, None, 0.05, 10)])


def _bitcoin(size: float, **options: Any) -> Any:
    return lambda strategy: strategy.buy(data=strategy.data1, size=size, **options)


def _both(eth: float, btc: float, opened: float, cash: float, *, first: str = ETH,
          orders: Any = None, **options: Any) -> Run:
    """Both from 100 in the two bars before bar 4, in which ETH opens at ``opened``."""
    plan: dict[int, Any] = {0: buy(size=eth), 1: _bitcoin(btc)}
    if first == BTC:
        plan = {0: _bitcoin(btc), 1: buy(size=eth)}
    if orders is not None:
        plan[2] = orders
    columns = [market(*still(4), *still(3, opened), lot_size=1),
               make_columns(still(7), symbol=BTC, lot_size=1)]
    return play(plan, columns, margin="cross", cash=cash, ladder=THREE, **options)


def _steps(run: Run) -> list[tuple[str, float, float, str]]:
    return [(each.symbol, each.size, each.size_after, each.stage)
            for each in run.journal.liquidations]


@pytest.mark.parametrize("first", [ETH, BTC])
def test_the_largest_maintenance_is_reduced_and_saves_the_account(first: str) -> None:
    """At 88.5 are 350 against 282.5 + 70: 44 ETH go, 301 are left against 89 + 70; BTC stays."""
    run = _both(100, 40, 88.5, 1_500, first=first)
    assert _steps(run) == [(ETH, 44, 56, "market")]
    event, = run.journal.liquidations
    assert (event.fee, event.loss) == pytest.approx((48.675, 506 + 48.675))
    assert (event.gap, event.cause, event.margin_mode) == (True, "cross", "cross")
    assert run.broker.getposition(run.cerebro.datas[1]).size == 40
    assert run.journal.balance(FREE) == pytest.approx(1_500 - 554.675)
    assert run.broker.getvalue() == pytest.approx(350 - 48.675)


def test_equal_maintenance_goes_in_the_order_of_opening() -> None:
    """Forty of each at 90 ask 62 each: the one opened first is reduced, and that is enough."""
    rows = [*still(4), *still(3, 90)]
    run = play({0: _bitcoin(40), 1: buy(size=40)},
               [market(*rows, lot_size=1), make_columns(rows, symbol=BTC, lot_size=1)],
               margin="cross", cash=910, ladder=THREE)
    # 110 against 62 + 62; 11 are 990, and 29 cost 32.63: 77.38 against 9.9 + 62
    assert _steps(run) == [(BTC, 29, 11, "market")]


def test_one_step_after_another_until_maintenance_is_held() -> None:
    """At 81.8 are 180 against 249 + 140; five orders later 27.52 against 9.8 + 10."""
    run = _both(100, 60, 81.8, 2_000)
    assert _steps(run) == [
        (ETH, 39, 61, "market"),  # 249 is the larger; then 140.12 against 89.8 + 140
        (BTC, 10, 50, "market"),  # then 127.62 against 89.8 + 90
        (BTC, 40, 10, "market"),  # 90 is still the larger; then 77.62 against 89.8 + 10
        (ETH, 49, 12, "market")]
    fees = [39 * 81.8, 10 * 100, 40 * 100, 49 * 81.8]
    assert [each.fee for each in run.journal.liquidations] == pytest.approx(
        [0.0125 * each for each in fees])
    assert run.broker.getvalue() == pytest.approx(180 - 0.0125 * sum(fees))
    assert -run.journal.total(Cause.LIQUIDATION) == pytest.approx((39 + 49) * 18.2)


def test_everything_is_taken_where_the_steps_do_not_help() -> None:
    """At 85.2 are 20: the fee of the first order takes them, then both positions go at once."""
    run = _both(100, 40, 85.2, 1_500)
    assert _steps(run) == [(ETH, 42, 58, "market"), (ETH, 58, 0, "takeover"),
                           (BTC, 40, 0, "takeover")]
    first, *taken = run.journal.liquidations
    assert (first.fee, first.loss) == pytest.approx((20, 621.6 + 20))
    assert sum(event.loss for event in taken) == pytest.approx(58 * 14.8)
    assert run.broker.getvalue() == 0
    assert run.broker.account.state.positions == {}


@pytest.mark.parametrize(("opened", "left"), [(88.5, []), (95, [ETH, BTC])])
def test_every_order_of_the_account_dies_before_the_first_step(
    opened: float, left: list[str]
) -> None:
    """Resting orders of either instrument; where nothing is liquidated they live."""
    def orders(strategy: Any) -> None:
        strategy.buy(size=1, exectype=ORDER.Limit, price=60)
        strategy.sell(data=strategy.data1, size=1, exectype=ORDER.Stop, price=60)

    run = _both(100, 40, opened, 1_500, orders=orders)
    assert [order.data._name for order in run.broker.get_orders_open()] == left


def test_on_the_path_the_account_is_acted_on_where_it_reaches_maintenance() -> None:
    """1,500 + 100 (y − 100) = 5 y − 160 + 70 at y = 8,410 / 95 = 88.526."""
    level = 8_410 / 95
    run = play({0: buy(size=100), 1: _bitcoin(40)},
               [market(*still(4), (100, 100, 88, 88), lot_size=1),
                make_columns(still(5), symbol=BTC, lot_size=1)],
               margin="cross", cash=1_500, ladder=THREE)
    event, = run.journal.liquidations
    assert (event.symbol, event.size, event.size_after) == (ETH, 44, 56)
    assert (event.price, event.trigger_mark) == pytest.approx((level, level))
    assert event.loss == pytest.approx(44 * (100 - level) + 0.0125 * 44 * level)


def test_bybit_s_cross_position_steps_down_at_the_mark() -> None:
    """Cross is judged at mark: 55 coins are 5,000 at 90, so that 45 of 100 go, without a fee."""
    columns = market(*still(4), *still(2, 90), venue="bybit", lot_size=1)
    run = play({0: buy(size=100)}, columns, venue="bybit", margin="cross", cash=1_200,
               ladder=THREE)
    # 200 against 5 % of 9,000 − 160
    event, = run.journal.liquidations
    assert (event.size, event.size_after, event.stage, event.loss) == (45, 55, "market", 450)
    assert run.broker.getvalue() == pytest.approx(200)


def test_hyperliquid_s_backstop_takes_all_cross_positions() -> None:
    """Below two thirds of what all of them ask the vault takes the account, bitcoin included."""
    columns = [market(*still(4), *still(2, 88), venue="hyperliquid", lot_size=1),
               make_columns(still(6), symbol=BTC, venue="hyperliquid", lot_size=1)]
    # 1,300 − 1,200 = 100 against 280 + 70, two thirds of which are 233
    run = play({0: buy(size=100), 1: _bitcoin(30)}, columns, venue="hyperliquid", margin="cross",
               cash=1_300, ladder=THREE)
    assert _steps(run) == [(ETH, 100, 0, "backstop"), (BTC, 30, 0, "backstop")]
    assert run.broker.getvalue() == 0
    assert sum(event.loss for event in run.journal.liquidations) == pytest.approx(1_300)


def test_a_hedged_pair_in_two_instruments_loses_only_one_leg() -> None:
    """Long ETH against short BTC: the leg that lost is reduced, the other goes on."""
    run = play({0: buy(size=100), 1: lambda s: s.sell(data=s.data1, size=40)},
               [market(*still(4), *still(3, 88.5), lot_size=1),
                make_columns([*still(4), *still(3, 100)], symbol=BTC, lot_size=1)],
               margin="cross", cash=1_500, ladder=THREE)
    assert _steps(run) == [(ETH, 44, 56, "market")]
    assert run.broker.getposition(run.cerebro.datas[1]).size == -40
    again = play({0: sell(size=100), 1: _bitcoin(40)},
                 [market(*still(4), *still(3, 111), lot_size=1),
                  make_columns([*still(4), *still(3, 99)], symbol=BTC, lot_size=1)],
                 margin="cross", cash=1_500, ladder=THREE)
    # 1,500 − 1,100 − 40 = 360 against 395 + 69.2; 5,000 / 111 = 45.05
    assert _steps(again) == [(ETH, -55, -45, "market")]
