"""Liquidation inside a bar, by hand: when, before what, at which price, and what it takes along.

10 ETH long at 3,000, 10x isolated, 0.4 %: liquidated at 2,710.84, bankrupt at 2,700. The same
position short: 3,286.85 and 3,300. Distances are in the direction of the position.
"""

from __future__ import annotations

import math
from dataclasses import replace
from types import MappingProxyType

import pytest

from deleverage import slippage
from deleverage.account import Position, State
from deleverage.book import WorkingOrder
from deleverage.matching import Walk
from deleverage.policies import Fees
from deleverage.steps import Cancelled, Filled, Liquidated, Refused
from tests.core.desks import BTC, ETH, at, close_to, holding, make_desk, ohlc, order, run

both_sides = pytest.mark.parametrize("side", [1, -1])


def position(side: int, free: float = 1_000.0) -> State:
    """10 ETH at 3,000 with 3,000 posted."""
    return holding(side * 10, 3_000, 3_000, free=free)


def liquidation(walk: Walk) -> Liquidated:
    """The one liquidation of a walk."""
    (found,) = [step for step in walk.steps if isinstance(step, Liquidated)]
    return found


def kinds(walk: Walk) -> list[str]:
    """The names of the steps, in order."""
    return [type(step).__name__ for step in walk.steps]


def exit_order(side: int, distance: float, **values: object) -> WorkingOrder:
    """A stop for the whole position, in distances."""
    return order("stop", -side, 10, trigger=at(side, distance), reduce_only=True, **values)


# ------------------------------------------------------------------ when


@both_sides
def test_the_mark_at_the_level_liquidates(side: int) -> None:
    """At the level itself, not only beyond; a cent short of it nothing happens."""
    state = position(side)
    level = 2_710.843373493976 if side > 0 else 3_286.8525896414344
    near = side * (level - 3_000)
    assert run(ohlc(side, 0, 10, near + 0.01, 5), state=state).steps == []
    walk = run(ohlc(side, 0, 10, near, 5), state=state)
    (seized,) = liquidation(walk).seized
    assert seized.liquidation_price == pytest.approx(level)
    assert (seized.price, seized.loss, seized.deficit) == (at(side, -300), 3_000, 0)
    assert walk.state == State(1_000, MappingProxyType({}), 1)
    assert not liquidation(walk).gap


@both_sides
def test_last_alone_never_liquidates(side: int) -> None:
    """Last falls to half while the mark stays a dollar short: the position lives."""
    calm = ohlc(side, 0, 10, -250, 5)
    assert run(ohlc(side, 0, 10, -1_500, 5), state=position(side), mark=calm).steps == []


@both_sides
def test_an_open_beyond_the_level_is_a_gap(side: int) -> None:
    """Liquidated before anything else; beyond bankruptcy the rest is the insurance fund's."""
    walk = run(ohlc(side, -400, 10, -500, 5), exit_order(side, -100), order("market", -side, 10),
               state=position(side))
    assert kinds(walk) == ["Cancelled", "Cancelled", "Liquidated"]
    step = liquidation(walk)
    (seized,) = step.seized
    assert step.gap
    assert (seized.trigger_mark, seized.price, seized.loss) == (at(side, -400), at(side, -300),
                                                                3_000)
    assert seized.deficit == pytest.approx(10 * 100)
    assert walk.state.wallet == 1_000


@both_sides
def test_an_open_at_the_very_level_is_a_gap(side: int) -> None:
    """Bybit's 0.5 %: the level is 285 away to the last bit; a close sent for the open is too late.
    """
    walk = run(ohlc(side, -285, 10, -290, 5), order("market", -side, 10), state=position(side),
               desk=make_desk(venue="bybit", rate=0.005))
    assert kinds(walk) == ["Cancelled", "Liquidated"]
    assert liquidation(walk).gap


@pytest.mark.parametrize("leverage", [1.1, 1.2, 1.3, 1.4, 1.5, 1.7, 1.9, 2.3, 2.9, 3.7])
@pytest.mark.parametrize("low", [1.3, 7.7, 33.3, 101.1])
def test_on_the_path_the_mark_at_liquidation_is_the_level_itself(leverage: float, low: float
                                                                ) -> None:
    """Interpolated in a fall that dwarfs the level it would miss it by a last bit; it does not."""
    walk = run((3_000.3, 3_010.7, low, 2_999.9), order("market", 1, 10),
               desk=make_desk(leverage=leverage))
    (seized,) = liquidation(walk).seized
    assert seized.trigger_mark == seized.liquidation_price
    assert seized.deficit == 0


# ------------------------------------------------------------------ before or after what


@both_sides
def test_time_is_the_share_of_the_leg_in_its_own_series(side: int) -> None:
    """Mark dies at 96 % of its leg: a stop at 90 % of last's leg comes first, at 98 % too late."""
    mark = ohlc(side, 0, 0, -300, -300)
    last = ohlc(side, 0, 0, -1_000, -1_000)
    saved = run(last, exit_order(side, -250), state=position(side), mark=mark, path="ohlc")
    assert kinds(saved) == ["Filled"]
    dead = run(last, exit_order(side, -980), state=position(side), mark=mark, path="ohlc")
    assert kinds(dead) == ["Cancelled", "Liquidated"]
    assert liquidation(dead).seized[0].last == close_to(at(side, -289.16 / 0.3 if side > 0 else
                                                 -286.85 / 0.3), 0)


@both_sides
def test_at_equal_time_liquidation_comes_first(side: int) -> None:
    """A stop at the very level, last and mark alike: the order is cancelled, not filled."""
    level = 2_710.843373493976 if side > 0 else 3_286.8525896414344
    stop = order("stop", -side, 10, trigger=level, reduce_only=True)
    walk = run(ohlc(side, 0, 10, -350, 5), stop, state=position(side))
    assert kinds(walk) == ["Cancelled", "Liquidated"]


@both_sides
def test_a_stop_short_of_the_level_saves_the_position(side: int) -> None:
    """289 dollars against a stop at 280: filled on either path."""
    for path in ("adverse", "favourable", "ohlc"):
        walk = run(ohlc(side, 0, 10, -350, 5), exit_order(side, -280), state=position(side),
                   path=path)
        assert kinds(walk) == ["Filled"]


@both_sides
def test_the_bar_of_entry_counts(side: int) -> None:
    """A 50x limit at −10 in a bar that runs to −90: filled, then liquidated at −54 from entry."""
    desk = make_desk(leverage=50)
    for path in ("adverse", "favourable", "ohlc"):
        walk = run(ohlc(side, 0, 20, -90, -10), order("limit", side, 10, limit=at(side, -10)),
                   desk=desk, path=path)
        assert kinds(walk) == ["Filled", "Liquidated"]
        (seized,) = liquidation(walk).seized
        assert seized.price == pytest.approx(at(side, -10) * (1 - side / 50))
        assert walk.state.wallet == 100_000 - at(side, -10) * 10 / 50


@both_sides
def test_an_entry_after_the_extreme_lives(side: int) -> None:
    """A breakout stop at 15 after the low of −90 on the favourable path only."""
    desk = make_desk(leverage=50)
    entry = order("stop", side, 10, trigger=at(side, 15))
    bar = ohlc(side, 0, 20, -90, 18)
    assert kinds(run(bar, entry, desk=desk, path="favourable")) == ["Filled"]
    assert kinds(run(bar, entry, desk=desk, path="adverse")) == ["Filled", "Liquidated"]


@both_sides
def test_an_entry_whose_mark_is_already_beyond_dies_at_once(side: int) -> None:
    """Last and mark have parted by 4 %: a 50x market order is liquidated where it fills."""
    walk = run(ohlc(side, 0, 20, -10, 5), order("market", side, 10), desk=make_desk(leverage=50),
               mark=ohlc(side, -120, -100, -130, -110))
    assert kinds(walk) == ["Filled", "Liquidated"]
    assert liquidation(walk).seized[0].trigger_mark == at(side, -120)


@both_sides
def test_adding_moves_the_level_for_the_rest_of_the_bar(side: int) -> None:
    """Averaging down at −200 with fresh margin carries the position through −300."""
    bar = ohlc(side, 0, 10, -300, 5)
    assert "Liquidated" in kinds(run(bar, state=position(side)))
    added = order("limit", side, 10, limit=at(side, -200))
    walk = run(bar, added, state=position(side, free=10_000))
    assert kinds(walk) == ["Filled"]
    assert walk.state.positions[ETH].entry_price == at(side, -100)


# ------------------------------------------------------------------ what it takes along


@both_sides
def test_open_orders_die_with_the_position(side: int) -> None:
    """Stop, target, a close and an entry further down: none of them fills later in the bar."""
    orders = [exit_order(side, -295),
              order("limit", -side, 10, limit=at(side, 100), reduce_only=True),
              order("limit", side, 1, limit=at(side, -320)), order("close", -side, 10)]
    walk = run(ohlc(side, 0, 5, -400, 200), *orders, state=position(side), path="favourable")
    assert kinds(walk) == ["Cancelled"] * 4 + ["Liquidated"]
    assert {step.why for step in walk.steps if isinstance(step, Cancelled)} == {"liquidation"}
    assert walk.book == {}
    assert not walk.state.positions


def two_legs(free: float, btc: float = 0.5) -> State:
    """10 ETH long at 3,000 and a BTC leg at 60,000 in one cross account."""
    return State(free, MappingProxyType({ETH: Position(ETH, 10, 3_000, 0, 10, 1),
                                         BTC: Position(BTC, btc, 60_000, 0, 10, 2)}), 2)


def test_isolated_leaves_the_orders_of_others_alone() -> None:
    """Only the instrument's own orders are cancelled; cross cancels all of the account."""
    desk = make_desk(symbols=(ETH, BTC))
    elsewhere = order("limit", 1, 0.1, symbol=BTC, limit=50_000)
    walk = run((3_000, 3_010, 2_600, 3_000), elsewhere, exit_order(1, -299), state=position(1),
               desk=desk)
    assert walk.book == {elsewhere.ref: elsewhere}
    cross = make_desk("cross", symbols=(ETH, BTC))
    walk = run((3_000, 3_010, 2_600, 3_000), elsewhere, state=two_legs(2_000), desk=cross,
               others={BTC: 60_000.0})
    assert walk.book == {}


def test_a_cross_account_dies_as_one() -> None:
    """2,000 behind 30,000 of ETH and 30,000 of BTC, both 0.4 %: equity meets 240 of maintenance.

    2,000 + 10·(P − 3,000) = 0.004·10·P + 120 gives P = 2,823.29; both are taken over, wallet 0.
    """
    desk = make_desk("cross", symbols=(ETH, BTC))
    walk = run((3_000, 3_010, 2_800, 2_900), state=two_legs(2_000), desk=desk,
               others={BTC: 60_000.0})
    step = liquidation(walk)
    eth, btc = step.seized
    assert eth.liquidation_price == eth.trigger_mark == close_to(2_823.29)
    assert math.isnan(btc.liquidation_price)
    assert eth.loss + btc.loss == pytest.approx(2_000)
    assert walk.state == State(0.0, MappingProxyType({}), 2)


def test_a_cross_account_counts_the_others_where_they_stand() -> None:
    """The BTC leg has gained 1,800: 2,642.57 instead, and the same bar is survived."""
    desk = make_desk("cross", symbols=(ETH, BTC))
    assert run((3_000, 3_010, 2_800, 2_900), state=two_legs(2_000), desk=desk,
               others={BTC: 63_600.0}).steps == []


# ------------------------------------------------------------------ closes near bankruptcy


@both_sides
def test_an_isolated_close_never_costs_more_than_its_margin(side: int) -> None:
    """Last gaps beyond bankruptcy while the mark does not: the stop fills at bankruptcy, −3,000."""
    calm = ohlc(side, 0, 10, -250, 5)
    walk = run(ohlc(side, -400, 10, -500, 5), exit_order(side, -100), state=position(side),
               mark=calm)
    (done,) = walk.steps
    assert isinstance(done, Filled)
    assert (done.price, done.executed.realised) == (at(side, -300), -3_000)
    assert walk.state.wallet == 1_000


@both_sides
def test_nothing_opens_at_a_bankruptcy_price(side: int) -> None:
    """A reversal in the same place closes at −300 and does not open there: last is at −400."""
    walk = run(ohlc(side, -400, 10, -500, 5), order("market", -side, 15), state=position(side),
               mark=ohlc(side, 0, 10, -250, 5))
    done, refused = walk.steps
    assert isinstance(done, Filled)
    assert (done.executed.closed, done.executed.opened) == (-side * 10, 0)
    assert isinstance(refused, Refused)
    assert not walk.state.positions


@both_sides
def test_a_cross_close_costs_what_last_says(side: int) -> None:
    """No cap but the account's zero: 400 lost per coin, of 3,500 in all."""
    desk = make_desk("cross")
    walk = run(ohlc(side, -400, 10, -500, 5), exit_order(side, -100),
               state=holding(side * 10, 3_000, free=3_500), desk=desk,
               mark=ohlc(side, 0, 10, -250, 5))
    (done,) = walk.steps
    assert isinstance(done, Filled)
    assert done.price == at(side, -400)
    assert walk.state.wallet == 0


@both_sides
def test_what_is_left_of_a_position_can_still_be_liquidated(side: int) -> None:
    """Half closed at bankruptcy with nothing free to pay its fee, then the mark follows."""
    desk = make_desk(fees=Fees(0.0002, 0.0005))
    half = order("stop", -side, 5, trigger=at(side, -100), reduce_only=True)
    walk = run(ohlc(side, -400, 10, -500, -350), half, state=position(side, free=0.0), desk=desk,
               mark=ohlc(side, 0, 10, -310, -300))
    assert kinds(walk) == ["Filled", "Liquidated"]
    assert walk.state.wallet == 0.0


# ------------------------------------------------------------------ the choice of path


@both_sides
def test_the_policies_choose_by_equity_at_the_bars_end(side: int) -> None:
    """A target at 50 and a death at −290: adverse dies first, favourable is paid first."""
    bar = ohlc(side, 0, 60, -350, 10)
    target = order("limit", -side, 10, limit=at(side, 50), reduce_only=True)
    adverse = run(bar, target, state=position(side), path="adverse")
    favourable = run(bar, target, state=position(side), path="favourable")
    assert kinds(adverse) == ["Cancelled", "Liquidated"]
    assert kinds(favourable) == ["Filled"]
    assert adverse.end_equity() == 1_000
    assert favourable.end_equity() == 4_500


@pytest.mark.parametrize(("close", "steps"), [(3_010, ["Cancelled", "Liquidated"]),
                                              (3_000, ["Cancelled", "Liquidated"]),
                                              (2_990, ["Filled"])])
def test_ohlc_goes_against_the_bar_first(close: float, steps: list[str]) -> None:
    """A bar that does not fall takes its low first, a falling one its high."""
    target = order("limit", -1, 10, limit=3_050, reduce_only=True)
    walk = run((3_000, 3_060, 2_650, close), target, state=position(1), path="ohlc")
    assert kinds(walk) == steps


@pytest.mark.parametrize("path", ["adverse", "favourable"])
def test_a_tie_takes_the_low_first(path: str) -> None:
    """Buy at 2,950 or sell at 3,050, one group, close 3,000: 50 either way, so O-L-H-C: the buy."""
    sell = order("limit", -1, limit=3_050, group=1)
    buy = order("limit", 1, limit=2_950, group=1)
    for close, first in ((3_000, {buy.ref}), (3_001, {buy.ref, sell.ref})):
        taken = {step.order.ref
                 for each in ("adverse", "favourable") if each == path or close > 3_000
                 for step in run((3_000, 3_060, 2_940, close), sell, buy, path=each).steps
                 if isinstance(step, Filled)}
        assert taken == first


def test_the_worst_equity_on_the_path_is_kept() -> None:
    """Between −200 and a target at 50: 2,000 under water is noted though the bar ends in profit."""
    target = order("limit", -1, 10, limit=3_050, reduce_only=True)
    walk = run((3_000, 3_060, 2_800, 3_010), target, state=position(1), path="ohlc")
    assert walk.worst == 4_000 - 2_000
    assert walk.end_equity() == 4_500
    late = run((3_000, 3_060, 2_800, 2_900), target, state=position(1), path="ohlc")
    assert late.worst == 4_000


def test_what_an_order_at_the_close_costs_is_part_of_the_worst() -> None:
    """Bought at the close of 3,000 with 5 bp of fee: the bar's worst equity is its end, 1.50 down.
    """
    desk = make_desk(fees=Fees(0.0002, 0.0005))
    walk = run((3_000, 3_010, 2_990, 3_000), order("close", 1), desk=desk)
    assert walk.end_equity() == walk.worst == 100_000 - 1.5


@both_sides
def test_an_entry_at_the_close_is_judged_on_the_mark_of_that_close(side: int) -> None:
    """Last closes where it opened, the mark 5 % against it: a 50x entry is taken over at once."""
    walk = run(ohlc(side, 0, 1, -1, 0), order("close", side, 1), desk=make_desk(leverage=50),
               mark=ohlc(side, -150, -149, -151, -150))
    assert kinds(walk) == ["Filled", "Liquidated"]


@pytest.mark.parametrize("policy", ["2", "volume", "cascade"])
def test_a_position_without_a_bar_at_that_instant_is_closed_at_its_mark(policy: str) -> None:
    """Another clock's position goes first (more maintenance): no bar says what its market was."""
    desk = replace(make_desk("cross", symbols=(ETH, BTC), liquidation="venue"),
                   slippage=slippage.parse(policy))
    walk = run((3_000, 3_010, 2_700, 2_750), state=two_legs(2_000, btc=0.6), desk=desk,
               others={BTC: 60_000.0})
    seized = [each for step in walk.steps if isinstance(step, Liquidated) for each in step.seized]
    assert {each.slot: each.last for each in seized}[BTC] == 60_000
    assert {each.slot: each.price for each in seized}[BTC] < 60_000
