"""Bybit's, OKX's and Hyperliquid's procedure in a run, figure by figure.

Orders cost nothing unless a test says so; the lot is one coin. All bars are SYNTHETIC.
"""

from __future__ import annotations

from typing import Any

import pytest

from deleverage import Fees
from deleverage.journal import LiquidationEvent
from deleverage.venues import ladder_file
from tests.account.table import ladder_of
from tests.broker.runs import Row, Run, buy, market, play, sell, still
from tests.markets import make_columns

TIERS = ladder_of([(0, 1_000, 0.01, 50), (1_000, 5_000, 0.02, 20), (5_000, None, 0.05, 10)])
PLAIN = ladder_of([(0, None, 0.005, 100)])
# a tenth of a coin a contract: 10, 50 and 100 coins; the whole position pays its tier's rate
CONTRACTS = ladder_file.from_mapping({
    "id": "contracts", "unit": "contracts", "contract_size": 0.1, "jumps": True,
    "columns": ["min_notional", "max_notional", "mmr", "max_leverage"],
    "rows": [[0, 100, 0.01, 50], [100, 500, 0.02, 20], [500, 1_000, 0.03, 15],
             [1_000, None, 0.05, 10]]}, where="contracts")
FALL: Row = (100, 100, 70, 72)
TENTH = Fees.flat(0.001)


def _told(event: LiquidationEvent) -> tuple[Any, ...]:
    return (event.size, event.size_after, event.price, event.stage)


# ---------------------------------------------------------------------- Bybit


def test_bybit_s_lowest_tier_is_taken_over_and_the_fund_keeps_the_rest() -> None:
    """Ten coins from 100: dead at 100 − (100 − 5) / 10 = 90.5, sold by the fund half above 90."""
    run = play({0: buy(size=10)}, market(*still(3), FALL, venue="bybit"), venue="bybit",
               ladder=PLAIN)
    event, = run.journal.liquidations
    assert _told(event) == (10, 0, 90, "takeover")
    assert event.liquidation_price == pytest.approx(90.5)
    assert (event.loss, event.fee, event.returned) == (100, 0, 0)
    assert (event.insurance, event.deficit) == (pytest.approx(5), 0)
    assert run.broker.getvalue() == 9_900


def test_bybit_s_higher_tiers_are_reduced_one_at_a_time() -> None:
    """Maintenance is that of the entry, so tiers count coins at 100: 100, then 50, then 10."""
    run = play({0: buy(size=100)}, market(*still(3), FALL, venue="bybit", lot_size=1),
               venue="bybit", ladder=TIERS)
    first, second, third = run.journal.liquidations
    # 1,000 − 340 at 100 coins; 1,000 − 330 − 90 at 50; 670 − 464 − 10 at 10
    assert [event.liquidation_price for event in (first, second, third)] == pytest.approx(
        [100 - 660 / 100, 100 - 580 / 50, 100 - 196 / 10])
    assert _told(first) == (50, 50, pytest.approx(93.4), "market")
    assert _told(second) == (40, 10, pytest.approx(88.4), "market")
    assert _told(third) == (10, 0, pytest.approx(100 - 20.6), "takeover")
    assert [event.loss for event in (first, second, third)] == pytest.approx([330, 464, 206])
    assert [event.fee for event in (first, second, third)] == [0, 0, 0]
    assert [event.insurance for event in (first, second, third)] == pytest.approx([0, 0, 10])
    assert [shot.margin for shot in run.journal.snapshots if shot.size] == pytest.approx(
        [1_000, 670, 206])


def test_a_bybit_short_is_reduced_too() -> None:
    """The mirror at 106.6: fifty of a hundred coins are bought back."""
    run = play({0: sell(size=100)}, market(*still(3), (100, 107, 100, 105), venue="bybit",
                                           lot_size=1), venue="bybit", ladder=TIERS)
    event, = run.journal.liquidations
    assert _told(event) == (-50, -50, pytest.approx(106.6), "market")
    assert run.size == -50


# ---------------------------------------------------------------------- OKX


def _okx(size: float, *rows: Row, **options: Any) -> Run:
    return play({0: buy(size=size)}, market(*still(3), *rows, venue="okx", lot_size=1),
                venue="okx", ladder=CONTRACTS, fees=TENTH, **options)


def test_okx_goes_down_two_tiers_for_the_taker_fee_inside_maintenance() -> None:
    """120 coins are 1,200 contracts, tier 4: 70 go, 50 are tier 2; at 5.1 % they died at 94.84."""
    first, = _okx(120, *still(2, 94)).journal.liquidations
    assert _told(first) == (70, 50, 94, "market")
    assert first.liquidation_price == pytest.approx(10_800 / (120 * 0.949))
    assert (first.fee, first.loss) == pytest.approx((6.58, 420 + 6.58))


def test_okx_takes_over_tiers_one_and_two() -> None:
    """What is left of the margin, 773.42, carries 50 coins down to 4,226.58 / (50 × 0.979)."""
    _, second = _okx(120, *still(1, 94), (94, 94, 80, 80)).journal.liquidations
    bankrupt = 100 - 773.42 / 50
    assert _told(second) == (50, 0, pytest.approx(bankrupt), "takeover")
    assert second.liquidation_price == pytest.approx(4_226.58 / 48.95)
    assert (second.loss, second.fee) == (pytest.approx(773.42), 0)
    # the fund has the maintenance, fee included: 2.1 % of 50 × 86.34
    assert second.insurance == pytest.approx(0.021 * 50 * 4_226.58 / 48.95)


def test_okx_reduces_the_third_tier_to_the_first() -> None:
    """100 coins are 1,000 contracts, the top of tier 3: 90 go."""
    event = _okx(100, *still(1, 92)).journal.liquidations[0]
    # at 3.1 % they die at 9,000 / 96.9 = 92.88
    assert event.liquidation_price == pytest.approx(9_000 / 96.9)
    assert _told(event) == (90, 10, 92, "market")
    assert event.loss == pytest.approx(90 * 8 + 8.28)


def test_okx_takes_the_whole_where_tier_one_would_not_save_it() -> None:
    """At 90.9 behind 120 coins are 108; tier 1 asks 1.1 % of 10,908 = 119.99."""
    event, = _okx(120, *still(1, 90.9)).journal.liquidations
    assert _told(event) == (120, 0, 90, "takeover")
    assert event.insurance == pytest.approx(108)


def test_maintenance_that_jumps_does_not_return_with_the_price() -> None:
    """Contracts do not move with the mark: after a step to tier 2 a rise changes no tier."""
    run = _okx(120, *still(1, 94), (94, 120, 94, 120))
    assert [event.size_after for event in run.journal.liquidations] == [50]
    # 773.42 + 50 × 20 behind them
    assert run.broker.getvalue() == pytest.approx(10_000 - 12 - 426.58 + 50 * 20)


# ---------------------------------------------------------------------- Hyperliquid

HALF_OF_40X = ladder_of([(0, None, 0.0125, 40)])


def _hyper(size: float, *rows: Row, step: str = "1m", cash: float = 100_000.0) -> Run:
    """Coins from 110 at 10x; 1.25 % of 100 is 1.25 a coin, the mark of bar 3 leaves 1 behind it."""
    columns = market(*still(3, 110), *rows, venue="hyperliquid", lot_size=1, step=step)
    return play({0: buy(size=size)}, columns, venue="hyperliquid", ladder=HALF_OF_40X, cash=cash)


def test_hyperliquid_sends_99_000_whole_and_returns_the_rest() -> None:
    """990 coins at 100: one order for all of them, 990 come back."""
    run = _hyper(990, *still(1))
    event, = run.journal.liquidations
    assert _told(event) == (990, 0, 100, "market")
    assert (event.loss, event.fee, event.returned, event.insurance) == pytest.approx(
        (9_900, 0, 990, 0))
    assert run.broker.getvalue() == pytest.approx(100_000 - 9_900)


def test_hyperliquid_sends_a_fifth_of_101_000() -> None:
    """1,010 coins at 100.1: 202 go, 1.1 a coin carries the others at 1.25125 × 0.8 = 1.001."""
    run = _hyper(1_010, *still(1, 100.1))
    event, = run.journal.liquidations
    assert _told(event) == (202, 808, 100.1, "market")
    assert event.loss == pytest.approx(202 * 9.9)
    # 1,010 × 11 − 202 × 9.9 stay behind 808
    assert run.journal.balance("ETHUSDT") == pytest.approx(11_110 - 1_999.8)


def test_hyperliquid_sends_the_whole_where_a_fifth_is_not_enough() -> None:
    """At 99.95 a fifth leaves 959.5 behind 808 × 1.249: the second order takes all at once."""
    first, second = _hyper(1_010, *still(1, 99.95)).journal.liquidations
    assert _told(first) == (202, 808, 99.95, "market")
    assert _told(second) == (808, 0, 99.95, "market")
    assert (first.gap, second.gap) == (True, True)
    # 1,010 × 11 − 1,010 × 10.05
    assert second.returned == pytest.approx(959.5)


def test_hyperliquid_s_backstop_takes_all_below_two_thirds() -> None:
    """At 99.8 the 0.8 a coin are less than two thirds of 1.2475; nothing comes back."""
    run = _hyper(990, *still(1, 99.8))
    event, = run.journal.liquidations
    assert _told(event) == (990, 0, 99, "backstop")
    assert (event.loss, event.returned) == (pytest.approx(10_890), 0)
    assert event.insurance == pytest.approx(990 * 0.8)


def test_an_order_of_hyperliquid_that_nobody_takes_leaves_it_to_the_backstop() -> None:
    """The mark of 100 asks for an order, last is at 98.9, below the 99 at which nothing is left."""
    columns = market(*still(3, 110), *still(1, 98.9), mark=[*still(3, 110), *still(1, 100)],
                     venue="hyperliquid", lot_size=1)
    run = play({0: buy(size=990)}, columns, venue="hyperliquid", ladder=HALF_OF_40X, cash=100_000)
    event, = run.journal.liquidations
    assert _told(event) == (990, 0, 99, "backstop")
    # valued at the mark
    assert event.insurance == pytest.approx(990)


@pytest.mark.parametrize(("wait", "closed"), [(5, 1_600), (29, 1_600), (30, 320), (40, 320)])
def test_hyperliquid_s_cooldown_on_bars_of_one_second(wait: int, closed: float) -> None:
    """A fifth of 2,000; within 30 s the next order is for all that is left, then a fifth again."""
    level = (176_000 - 18_040) / (1_600 * 0.9875)  # 22,000 − 400 × 9.9 stay behind 1,600: 99.97
    rows = [*still(wait, 100.1), *still(1, 99.95)]
    first, second = _hyper(2_000, *rows, step="1s").journal.liquidations
    assert _told(first) == (400, 1_600, 100.1, "market")
    assert second.liquidation_price == pytest.approx(level)
    assert _told(second) == (closed, 1_600 - closed, 99.95, "market")


def test_hyperliquid_s_cooldown_runs_inside_a_bar_of_a_minute() -> None:
    """From 110 to 98 in 20 s: the levels of 2,000 and of 1,600 coins, 0.3 apart, are half a second
    apart."""
    run = _hyper(2_000, (110, 110, 98, 105))
    assert [(event.size, event.size_after) for event in run.journal.liquidations] == [
        (400, 1_600), (1_600, 0)]


def test_hyperliquid_s_cooldown_is_the_user_s_not_the_position_s() -> None:
    """A fifth of ETH is closed and 4,200 are still less than 4,317: bitcoin, within the 30 s of
    that order, goes whole. A clock of each position's own would have closed a fifth of it."""
    columns = [market(*still(3), *still(1, 97.1), venue="hyperliquid", lot_size=1),
               make_columns(still(4), symbol="BTCUSDT", venue="hyperliquid", lot_size=1)]
    plan = {0: lambda s: [s.buy(size=2_000), s.buy(data=s.data1, size=1_900)]}
    run = play(plan, columns, venue="hyperliquid", ladder=HALF_OF_40X, leverage=40, margin="cross")
    # 10,000 − 2,000 × 2.9 against 1.25 % of 194,200 + 190,000; then of 155,360 + 190,000
    assert [(each.symbol, each.size, each.size_after) for each in run.journal.liquidations] == [
        ("ETHUSDT", 400, 1_600), ("BTCUSDT", 1_900, 0)]
    assert run.broker.getvalue() == pytest.approx(4_200)
