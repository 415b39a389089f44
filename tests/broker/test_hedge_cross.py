"""Both sides at once in a cross account: one wallet behind the pair, and one price for both legs.

Binance, one maintenance bracket of 0.5 %, no fees, 10x. A hundred coins long and forty short from
100 on 1,500: 1,500 + 60 (P − 100) = 0.7 P at P = 4,500 / 59.3 = 75.89. All bars are SYNTHETIC.
"""

from __future__ import annotations

from typing import Any

import pytest

from deleverage import venues
from deleverage.errors import UsageError
from deleverage.journal import FREE
from tests.account.table import ladder_of
from tests.broker.runs import Run, buy, market, play, sell, still
from tests.markets import make_columns

PLAIN = ladder_of([(0, None, 0.005, 100)])
STEEP = ladder_of([(0, None, 0.1, 10)])
LONG, SHORT = "ETHUSDT long", "ETHUSDT short"
LEVEL = 4_500 / 59.3
PAIR = {0: lambda s: [s.buy(size=100), s.sell(size=40)]}


def _run(plan: Any, *rows: Any, **options: Any) -> Run:
    funding = options.pop("funding", ())
    given: dict[str, Any] = {"ladder": PLAIN, "cash": 1_500, "margin": "cross", "hedge": True}
    options = given | options
    return play(plan, market(*(rows or still(5)), funding=funding, lot_size=1), **options)


def test_both_legs_show_the_price_of_the_pair() -> None:
    """The long alone would have been at 8,500 / 99.5 when it stood alone."""
    run = _run(PAIR)
    assert [(shot.symbol, shot.liquidation_price) for shot in run.journal.snapshots] == [
        (LONG, pytest.approx(8_500 / 99.5)), (SHORT, pytest.approx(LEVEL))]
    assert run.broker.getcash() == pytest.approx(1_500 - 1_400)
    assert run.size == 60


@pytest.mark.parametrize(("low", "dead"), [(75.9, False), (75.8, True)])
def test_the_pair_dies_where_its_price_says(low: float, dead: bool) -> None:
    """The long by itself would have died at 85.4."""
    run = _run(PAIR, *still(3), (100, 100, low, 90), *still(1, 90), liquidation="takeover")
    assert bool(run.journal.liquidations) is dead
    # 1,500 − 60 × 10 where it lives
    assert run.broker.getvalue() == pytest.approx(0 if dead else 900)
    if dead:
        first, second = run.journal.liquidations
        assert (first.size, second.size) == (100, -40)
        assert first.trigger_mark == pytest.approx(LEVEL)
        assert first.loss + second.loss == pytest.approx(1_500)


def test_the_venue_s_order_takes_the_larger_leg_first() -> None:
    """0.5 % of the long is more: it goes for a fee of all that is left, and the short with it."""
    run = _run(PAIR, *still(3), (100, 100, 75, 90), *still(1, 90))
    assert [(e.size, e.stage, e.price) for e in run.journal.liquidations] == [
        (100, "market", pytest.approx(LEVEL)), (-40, "takeover", pytest.approx(LEVEL))]
    # 0.7 × 75.89 against 1.25 % of a hundred coins
    assert run.journal.liquidations[0].fee == pytest.approx(0.7 * LEVEL)
    assert run.broker.getvalue() == 0


def test_closing_the_larger_leg_can_save_the_other() -> None:
    """The mark at 75.5, last at 78: the long loses 2,200 and its fee, the short has won 980."""
    columns = market(*still(3), *still(2, 78), mark=[*still(3), *still(2, 75.5)], lot_size=1)
    run = play(PAIR, columns, ladder=PLAIN, cash=1_500, margin="cross", hedge=True)
    event, = run.journal.liquidations
    # 1,500 − 2,200 − 97.5 + 40 × 24.5 = 182.5 against 0.5 % of 3,020
    assert (event.size, event.fee, event.loss) == (100, 97.5, 2_297.5)
    assert run.size == -40
    assert run.journal.balance(FREE) == pytest.approx(-797.5)
    assert run.broker.getvalue() == pytest.approx(182.5)


def test_equal_legs_die_of_maintenance_alone() -> None:
    """A hundred of each: profit stands still at 2,100, 10 % of 200 P are that at 105."""
    plan = {0: lambda s: [s.buy(size=100), s.sell(size=100)]}
    alive = _run(plan, *still(3), (100, 104.9, 60, 100), ladder=STEEP, cash=2_100)
    assert alive.journal.liquidations == []
    dead = _run(plan, *still(3), (100, 105.1, 60, 100), ladder=STEEP, cash=2_100,
                liquidation="takeover")
    assert [event.trigger_mark for event in dead.journal.liquidations] == pytest.approx([105, 105])
    assert dead.broker.getvalue() == 0


def test_one_leg_left_has_the_price_of_one_way_mode() -> None:
    """The long closed at 100: forty short on 1,500 die at 5,500 / 40.2."""
    run = _run({**PAIR, 2: sell(size=100, reduce_only=True)}, *still(4), (100, 140, 100, 139))
    event, = run.journal.liquidations
    assert (event.size, event.cause) == (-40, "mark")
    assert event.liquidation_price == pytest.approx(5_500 / 40.2)


def test_another_instrument_counts_with_its_maintenance() -> None:
    """Nine bitcoin that stand still at 100 ask 4.5 more: 4,504.5 / 59.3 = 75.96."""
    plan = {0: lambda s: [s.buy(size=100), s.sell(size=40), s.buy(data=s.data1, size=9)]}
    level = 4_504.5 / 59.3
    for low, dead in ((level + 0.01, False), (level - 0.01, True)):
        run = play(plan, [market(*still(3), (100, 100, low, 90), lot_size=1, tick_size=None),
                          make_columns(still(4), symbol="BTCUSDT", lot_size=1)],
                   ladder=PLAIN, cash=1_500, margin="cross", hedge=True)
        assert bool(run.journal.liquidations) is dead


def test_funding_of_both_legs_is_the_wallet_s() -> None:
    """At 0.1 %: 10 paid, 4 received."""
    run = _run(PAIR, funding=[("2026-01-28T00:03", 0.001)])
    assert [(p.size, p.amount, p.payer) for p in run.journal.funding] == [
        (100, -10, "free"), (-40, 4, "free")]
    assert run.broker.getvalue() == pytest.approx(1_494)


@pytest.mark.parametrize("venue", [name for name in venues.names() if name != "binance"])
def test_a_venue_without_a_price_of_the_pair_is_refused(venue: str) -> None:
    """One line, with what to use instead."""
    with pytest.raises(UsageError, match="the liquidation price of two sides held in a cross "
                                         "account is not known; use margin='isolated'"):
        play({0: buy(size=1)}, market(*still(3), venue=venue), venue=venue, ladder=PLAIN,
             margin="cross", hedge=True)
