"""Orders the account or the venue refuses, and closes that neither ever does."""

from __future__ import annotations

import pytest

from deleverage import Fees
from deleverage.venues import ladder_file as ladders
from tests.broker.runs import ORDER, Scripted, buy, close, market, play, sell, still
from tests.markets import make_columns

FALL = [*still(3), (100, 100, 92, 92), *still(4, 92)]


def test_a_lack_of_margin_is_told_with_its_reason() -> None:
    """Status Margin; the reason travels in order.info and in the journal, nothing is filled."""
    run = play({1: buy(size=1_001)}, market(*still(5)))
    bar, order = run.strategy.heard[-1]
    assert (bar, order.getstatusname()) == (2, "Margin")
    assert order.info.rejection == "margin: needs 10,010.00, available 10,000.00"
    rejection, = run.journal.rejections
    assert (rejection.bar, rejection.symbol, rejection.size, rejection.price, rejection.reason) == \
        (1, "ETHUSDT", 1_001.0, 100.0, order.info.rejection)
    assert run.journal.fills == []


def test_the_opening_fee_counts_in_what_can_be_afforded() -> None:
    """Margin alone would fit; margin and taker fee together do not."""
    columns = market(*still(5))
    assert play({1: buy(size=995)}, columns, fees=Fees.flat(0.0005)).size == 995.0
    run = play({1: buy(size=996)}, columns, fees=Fees.flat(0.0005))
    assert run.reasons == ["margin: needs 10,009.80, available 10,000.00"]


def test_resting_orders_reserve_margin_the_larger_side_counts() -> None:
    """A second limit on the same side lacks margin; one on the other side does not."""
    def ladder(strategy: Scripted) -> None:
        strategy.buy(size=600, price=95, exectype=ORDER.Limit)
        strategy.sell(size=600, price=105, exectype=ORDER.Limit)
        strategy.buy(size=600, price=94, exectype=ORDER.Limit)

    run = play({1: ladder}, market(*still(5)))
    assert run.reasons == ["margin: needs 5,040.00, available 3,700.00"]
    assert len(run.broker.get_orders_open()) == 2
    assert run.broker.getcash() == pytest.approx(10_000 - 600 * 105 / 10)


def test_a_conditional_order_is_judged_when_it_triggers() -> None:
    """A stop entry beyond the margin is accepted, reserves nothing and is refused at its trigger.
    """
    rows = [*still(3), (100, 106, 100, 106), *still(2, 106)]
    run = play({1: buy(size=2_000, price=105, exectype=ORDER.Stop)}, market(*rows))
    assert [each.status for each in run.heard] == ["Submitted", "Accepted", "Margin"]
    assert run.journal.rejections[0].bar == 3
    assert run.reasons == ["margin: the fill at 105.00 lacks 11,000.00"]


def test_a_stop_limit_is_judged_when_it_triggers() -> None:
    """Once triggered it rests as a limit, and a limit must be affordable."""
    rows = [*still(3), (100, 106, 100, 106), *still(2, 106)]
    order = buy(size=2_000, price=105, plimit=104, exectype=ORDER.StopLimit)
    run = play({1: order}, market(*rows))
    assert run.ends()[0].status == "Margin"
    assert run.reasons[0].startswith("margin: needs 20,800.00")


@pytest.mark.parametrize("mode", ["isolated", "cross"])
def test_a_close_is_never_refused_for_lack_of_cash(mode: str) -> None:
    """Losses have left less than nothing available: the position can still be closed."""
    run = play({1: buy(size=990), 4: close}, market(*FALL), margin=mode)
    assert run.reasons == []
    assert run.fills() == [(2, 990.0, 100.0), (5, -990.0, 92.0)]
    assert run.broker.getvalue() == pytest.approx(10_000 - 990 * 8)


def test_a_close_behind_two_resting_targets_is_not_refused_either() -> None:
    """Each order that by itself only reduces is accepted; what is too much opens nothing unpaid."""
    def exits(strategy: Scripted) -> None:
        for price in (120, 130):
            strategy.sell(size=990, price=price, exectype=ORDER.Limit)
        strategy.close()

    run = play({1: buy(size=990), 4: exits}, market(*FALL), margin="cross")
    assert run.reasons == []
    assert run.size == 0.0


def test_a_reversal_without_margin_for_the_other_side_closes_only() -> None:
    """The closing part fills (Partial), the opening part is refused (Margin)."""
    run = play({1: buy(size=900), 3: sell(size=3_000)}, market(*still(6)), margin="cross")
    assert [each.status for each in run.ends()] == ["Completed", "Margin"]
    rows = [*still(4), (90, 90, 90, 90), *still(2, 90)]
    run = play({1: buy(size=500), 3: sell(size=1_300)}, market(*rows), margin="cross", leverage=8)
    assert [(each.status, each.size) for each in run.ends()] == [
        ("Completed", 500.0), ("Partial", -500.0), ("Margin", -500.0)]
    assert run.size == 0.0


def test_reduce_only_never_opens() -> None:
    """Without a position it dies; with a smaller one it closes that and is complete."""
    def flat(strategy: Scripted) -> None:
        strategy.sell(size=3, reduce_only=True)

    run = play({1: flat}, market(*still(5)))
    assert [each.status for each in run.ends()] == ["Canceled"]
    run = play({1: buy(size=1), 3: flat}, market(*still(6)))
    assert [(each.status, each.size) for each in run.ends()] == [("Completed", 1.0),
                                                                ("Completed", -1.0)]
    assert run.size == 0.0


def test_with_nothing_left_to_reduce_the_whole_group_dies() -> None:
    """A reduce-only stop met while flat takes its one-cancels-other target along."""
    def exits(strategy: Scripted) -> None:
        stop = strategy.sell(size=1, exectype=ORDER.Stop, price=95, reduce_only=True)
        strategy.sell(size=1, exectype=ORDER.Limit, price=110, reduce_only=True, oco=stop)

    run = play({1: exits}, market(*still(3), (100, 100, 94, 94), *still(2, 94)))
    assert [(each.bar, each.status) for each in run.ends()] == [(3, "Canceled"), (3, "Canceled")]


def test_a_size_below_the_lot_is_refused() -> None:
    """Sizes are cut to the lot step; what is then nothing is refused with the step."""
    columns = market(*still(5), lot_size=0.01)
    run = play({1: buy(size=0.009), 2: buy(size=0.019)}, columns)
    assert run.reasons == ["size is below the lot step of 0.01"]
    assert [each.status for each in run.ends()] == ["Rejected", "Completed"]
    assert run.size == 0.01


def test_a_notional_below_the_minimum_is_refused_but_may_be_closed() -> None:
    """The venue's minimum holds for entries; a remainder below it can be closed."""
    columns = market(*still(8))
    small = columns.market.instrument.__class__(
        "ETHUSDT", "binance", lot_size=0.001, min_notional=20.0)
    object.__setattr__(columns.market, "instrument", small)
    plan = {1: buy(size=0.1), 2: buy(size=0.3), 4: sell(size=0.2), 6: close}
    run = play(plan, columns)
    assert run.reasons == ["notional 10.00 is below the venue's minimum of 20"]
    assert run.size == 0.0


def test_the_leverage_limit_counts_the_resulting_notional() -> None:
    """Two entries that each fit a bracket but not together; reducing is always allowed."""
    table = ladders.from_mapping({"id": "two", "columns": ["min_notional", "max_notional", "mmr",
                                                           "max_leverage"],
                                  "rows": [[0, 50_000, 0.004, 100], [50_000, None, 0.01, 5]]},
                                 where="test")
    plan = {1: buy(size=300), 3: buy(size=300), 5: sell(size=700), 7: buy(size=400)}
    run = play(plan, market(*still(10)), ladder=table)
    assert run.reasons == ["leverage 10 is above the venue's 5x for a notional of 60,000"]
    assert run.fills() == [(2, 300.0, 100.0), (6, -700.0, 100.0), (8, 400.0, 100.0)]


def test_an_entry_beyond_its_own_liquidation_price_is_refused() -> None:
    """At 100x with 2 % maintenance the position would be dead when it is born."""
    table = ladders.from_mapping({"id": "steep", "columns": ["min_notional", "max_notional", "mmr",
                                                             "max_leverage"],
                                  "rows": [[0, None, 0.02, 125]]}, where="test")
    run = play({1: buy(size=1)}, market(*still(4)), ladder=table, leverage=100)
    assert run.reasons == ["liquidation price 101.02 of an entry at 100.00 and 100x lies on the "
                           "wrong side of it"]


def test_an_order_before_the_feed_has_begun_is_refused() -> None:
    """A second instrument starts later: its orders are refused until then, in time order."""
    late = make_columns([50.0] * 3, symbol="BTCUSDT", start="2026-01-28T00:03")
    early = market(*still(6))

    class Eager(Scripted):
        def prenext(self) -> None:
            self.next()

    run = play(Eager, [early, late], engine_options={"preload": True},
               params={"plan": {1: lambda strategy: strategy.buy(data=strategy.data1, size=1)}})
    assert run.reasons == ["feed BTCUSDT has not started"]
    assert run.journal.rejections[0].ts <= int(late.close_ns[0])


def test_a_child_without_its_parent_is_refused() -> None:
    """A parent that was refused, or is done, takes no children."""
    def orphan(strategy: Scripted) -> None:
        parent = strategy.buy(size=1)
        strategy.parent = parent

    plan = {1: orphan, 3: lambda strategy: strategy.sell(size=1, price=90, exectype=ORDER.Stop,
                                                         parent=strategy.parent)}
    run = play(plan, market(*still(6)))
    assert run.reasons == ["its parent order is not open"]
    bracket = {1: lambda strategy: strategy.buy_bracket(size=5_000, price=99, stopprice=90,
                                                        limitprice=110)}
    run = play(bracket, market(*still(4)))
    assert [each.status for each in run.ends()] == ["Margin", "Rejected", "Rejected"]
    assert run.reasons[1:] == ["its parent order was refused"] * 2
