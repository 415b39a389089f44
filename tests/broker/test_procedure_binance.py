"""Binance's procedure in a run, figure by figure: brackets step down, the lowest one goes whole.

A ladder of three brackets: 1 % up to 1,000, 2 % up to 5,000 (less 10), 5 % above (less 160). A
hundred coins from 100 at 10x post 1,000. The liquidation fee is 1.25 % of what is closed, the lot
is one coin, orders cost nothing. All bars are SYNTHETIC.
"""

from __future__ import annotations

from typing import Any

import pytest

from deleverage.journal import Cause, LiquidationEvent
from tests.account.table import ladder_of
from tests.broker.runs import ORDER, Run, buy, market, play, sell, still

THREE = ladder_of([(0, 1_000, 0.01, 50), (1_000, 5_000, 0.02, 20), (5_000, None, 0.05, 10)])
# bars 3, 4 and 5 open below the levels of what the bar before has left
FALL = [*still(3), *still(1, 93), *still(1, 89.9), *still(2, 87.5)]
LEVELS = (8_840 / 95, 4_673.6375 / 51.94, 955.035 / 10.89)


def _fall(last: float | None = None, **options: Any) -> Run:
    """A hundred coins of bar 1 through the three steps; ``last`` at the third, 87.5 for None."""
    mark = None if last is None else FALL
    rows = FALL if last is None else [*FALL[:5], *still(2, last)]
    return play({0: buy(size=100)}, market(*rows, mark=mark, lot_size=1), ladder=THREE, **options)


def _told(event: LiquidationEvent) -> tuple[Any, ...]:
    return (event.bar, event.size, event.size_after, event.price, event.stage, event.gap)


def test_each_step_closes_down_to_the_next_lower_bracket() -> None:
    """At 93 down to 5,000 / 93 = 53.8, at 89.9 to 1,000 / 89.9 = 11.1, at 87.5 to nothing."""
    events = _fall().journal.liquidations
    assert [_told(event) for event in events] == [
        (3, 47, 53, 93, "market", True), (4, 42, 11, 89.9, "market", True),
        (5, 11, 0, 87.5, "market", True)]
    assert [event.liquidation_price for event in events] == pytest.approx(LEVELS)
    assert [event.trigger_mark for event in events] == [93, 89.9, 87.5]
    assert [(event.insurance, event.deficit) for event in events] == [(0, 0)] * 3


def test_each_step_loses_its_own_part_and_a_fee_on_it() -> None:
    """47 × 7 + 1.25 % of 4,371; 42 × 10.1 + 1.25 % of 3,775.8; 11 × 12.5 and all that is left."""
    first, second, third = _fall().journal.liquidations
    assert (first.fee, first.loss) == pytest.approx((54.6375, 329 + 54.6375))
    assert (second.fee, second.loss) == pytest.approx((47.1975, 424.2 + 47.1975))
    # 1,000 − 383.6375 − 471.3975 = 144.965 were left, 137.5 are lost, 7.465 < 1.25 % of 962.5
    assert (third.fee, third.loss, third.returned) == pytest.approx((7.465, 144.965, 0))


def test_what_stays_posted_and_the_next_level_follow_each_step() -> None:
    """The margin of the rest is what the step left of the whole; nothing goes back before the end.
    """
    run = _fall()
    shots = [shot for shot in run.journal.snapshots if shot.size]
    assert [shot.size for shot in shots] == [100, 53, 11]
    assert [shot.margin for shot in shots] == pytest.approx([1_000, 616.3625, 144.965])
    assert [shot.entry_price for shot in shots] == [100] * 3
    # (wallet + amount − Q·E) / (Q·rate − Q)
    assert [shot.liquidation_price for shot in shots] == pytest.approx([
        (1_000 + 160 - 10_000) / (5 - 100), (616.3625 + 10 - 5_300) / (1.06 - 53),
        (144.965 - 1_100) / (0.11 - 11)])
    assert run.broker.getvalue() == pytest.approx(9_000)


def test_the_books_name_each_amount() -> None:
    """Losses and fees are borne by the posted margin alone; the free balance stays at 9,000."""
    entries = [each for each in _fall().journal.entries if each.bar >= 3]
    assert [each.cause for each in entries] == [Cause.LIQUIDATION, Cause.LIQUIDATION_FEE] * 3
    assert [each.amount for each in entries] == pytest.approx(
        [-329, -54.6375, -424.2, -47.1975, -137.5, -7.465])
    assert {each.balance for each in entries} == {"ETHUSDT"}


def test_the_rest_of_the_lowest_bracket_is_returned() -> None:
    """Last is 88 where the mark is 87.5: 144.965 − 11 × 12 − 1.25 % of 968 leaves 0.865."""
    run = _fall(last=88)
    event = run.journal.liquidations[-1]
    assert (event.price, event.last_at_trigger, event.trigger_mark) == (88, 88, 87.5)
    assert (event.fee, event.loss, event.returned) == pytest.approx((12.1, 144.1, 0.865))
    assert run.broker.getvalue() == pytest.approx(9_000.865)


def test_last_beyond_bankruptcy_is_a_takeover() -> None:
    """11 coins are bankrupt at 100 − 144.965 / 11 = 86.82; at 86 nobody buys above that."""
    run = _fall(last=86)
    event = run.journal.liquidations[-1]
    bankrupt = 100 - 144.965 / 11
    assert _told(event) == (5, 11, 0, pytest.approx(bankrupt), "takeover", True)
    assert (event.loss, event.fee, event.returned) == pytest.approx((144.965, 0, 0))
    # valued at the mark of 87.5, as the journal says
    assert event.insurance == pytest.approx(11 * (87.5 - bankrupt))
    assert run.broker.getvalue() == pytest.approx(9_000)


@pytest.mark.parametrize("last", [85, 90])
def test_a_takeover_of_the_whole_where_last_is_gone_from_the_start(last: float) -> None:
    """Last opens at 85 while the mark is at 93: of a hundred coins bankrupt at 90 none is sold;
    nor at 90 itself, where nothing would be left for the order's rest."""
    rows = [*still(3), *still(2, last)]
    run = play({0: buy(size=100)}, market(*rows, mark=[*still(3), *still(2, 93)], lot_size=1),
               ladder=THREE)
    event, = run.journal.liquidations
    assert _told(event) == (3, 100, 0, 90, "takeover", True)
    assert (event.loss, event.insurance) == (1_000, 300)


def test_on_the_path_each_step_acts_at_its_own_level() -> None:
    """A fall to 80 in one bar: each step at the level the step before has left behind."""
    run = play({0: buy(size=100)}, market(*still(3), (100, 100, 80, 85), *still(1, 85),
                                          lot_size=1), ladder=THREE)
    first, second, third = run.journal.liquidations
    one = 8_840 / 95  # 93.0526: 5,000 there are 53.73 coins
    assert _told(first) == (3, 47, 53, pytest.approx(one), "market", False)
    assert first.loss == pytest.approx(47 * (100 - one) + 0.0125 * 47 * one)
    left = 1_000 - first.loss
    two = (5_300 - left - 10) / 51.94
    assert _told(second) == (3, 42, 11, pytest.approx(two), "market", False)
    left -= 42 * (100 - two) + 0.0125 * 42 * two
    three = (1_100 - left) / 10.89
    assert _told(third) == (3, 11, 0, pytest.approx(three), "market", False)
    # at its level 1 % is left, less than the fee
    assert (third.fee, third.returned) == pytest.approx((0.01 * 11 * three, 0))
    assert run.broker.getvalue() == pytest.approx(9_000)


def test_a_short_steps_down_too() -> None:
    """The mirror: a hundred sold at 100, at 107 down to 5,000 / 107 = 46.7 coins."""
    run = play({0: sell(size=100)}, market(*still(3), *still(2, 107), lot_size=1), ladder=THREE)
    event, = run.journal.liquidations
    assert _told(event) == (3, -54, -46, 107, "market", True)
    # (1,000 + 160 + 10,000) / 105
    assert event.liquidation_price == pytest.approx(11_160 / 105)
    assert (event.fee, event.loss) == pytest.approx((72.225, 54 * 7 + 72.225))
    assert run.journal.balance("ETHUSDT") == pytest.approx(1_000 - 378 - 72.225)


def test_takeover_takes_the_whole_at_the_first_level() -> None:
    """liquidation="takeover": no bracket, no fee, the margin is lost."""
    run = _fall(liquidation="takeover")
    event, = run.journal.liquidations
    assert _told(event) == (3, 100, 0, 90, "takeover", True)
    assert (event.loss, event.fee, event.insurance) == (1_000, 0, 300)


def test_the_slippage_policy_is_what_the_venue_s_order_pays() -> None:
    """100 bp off 93, but the bar's low of 92.5 is as bad as it gets: 47 coins at 92.5."""
    rows = [*still(3), (93, 93, 92.5, 93), *still(1, 93)]
    run = play({0: buy(size=100)}, market(*rows, lot_size=1), ladder=THREE, slippage_bp=100)
    event = run.journal.liquidations[0]
    assert (event.size, event.price, event.trigger_mark) == (47, 92.5, 93)
    assert event.loss == pytest.approx(47 * 7.5 + 0.0125 * 47 * 92.5)


def test_what_is_left_can_be_traded_on() -> None:
    """After a step the rest is closed by an order like any other, and what is posted comes back."""
    plan = {0: buy(size=100), 3: sell(size=53)}
    run = play(plan, market(*still(3), *still(3, 93), lot_size=1), ladder=THREE)
    assert run.fills()[-1] == (4, -53, 93)
    assert [event.size_after for event in run.journal.liquidations] == [53]
    # 100 × 7 and the fee of the step
    assert run.broker.getvalue() == pytest.approx(10_000 - 700 - 54.6375)


def test_adding_after_a_step_averages_the_entry() -> None:
    """53 from 100 and 7 from 93 are 60 from 99.18; 65.1 more are posted."""
    plan = {0: buy(size=100), 3: buy(size=7, exectype=ORDER.Market)}
    run = play(plan, market(*still(3), *still(3, 93), lot_size=1), ladder=THREE)
    fill = run.journal.fills[-1]
    assert (fill.size_after, fill.entry_after) == (60, pytest.approx(5_951 / 60))
    assert fill.margin_after == pytest.approx(616.3625 + 65.1)
