"""One bar walked by hand, order type by order type: buys, and sells as their mirror image.

Prices are distances from 3,000, positive in the direction of the order's side: a buy's limit lies
below, so at a negative distance, and a sell's at the mirrored place above.
"""

from __future__ import annotations

from typing import Any

import pytest

from deleverage.book import Kind, WorkingOrder
from deleverage.matching import Walk
from deleverage.policies import Fees
from deleverage.steps import Cancelled, Filled, Refused, Triggered
from tests.core.desks import Ohlc, at, holding, make_desk, ohlc, order, run

pytestmark = pytest.mark.parametrize("side", [1, -1])


def fills(walk: Walk) -> list[tuple[float, str]]:
    """Price and role of every fill."""
    return [(step.price, step.role) for step in walk.steps if isinstance(step, Filled)]


# ------------------------------------------------------------------ market and close


def test_a_market_order_fills_at_the_open_slipped(side: int) -> None:
    """open × (1 ± slip), as taker, for the whole size."""
    bar = ohlc(side, 0, 60, -40, 20)
    walk = run(bar, order("market", side, 2), slip=0.001)
    assert fills(walk) == [(pytest.approx(3_000 * (1 + side * 0.001)), "taker")]
    assert next(iter(walk.state.positions.values())).size == side * 2
    assert walk.book == {}


def test_slippage_ends_at_the_bars_extreme(side: int) -> None:
    """No price worse than the bar traded: 1 % of slippage in a bar of 12 dollars costs 12."""
    assert fills(run(ohlc(side, 0, 12, -40, 2), order("market", side), slip=0.01)) == \
        [(at(side, 12), "taker")]


def test_an_order_at_the_close_fills_at_the_close(side: int) -> None:
    """With slippage; before its session ends it does nothing."""
    bar = ohlc(side, 0, 60, -40, 20)
    assert fills(run(bar, order("close", side), slip=0.001)) == \
        [(pytest.approx(at(side, 20) * (1 + side * 0.001)), "taker")]
    assert run(bar, order("close", side, ready=False)).steps == []


# ------------------------------------------------------------------ limits


def test_a_limit_the_open_gapped_through_fills_at_the_open(side: int) -> None:
    """Better than its limit, and as taker."""
    walk = run(ohlc(side, -50, 0, -60, -10), order("limit", side, limit=at(side, -20)), slip=0.01)
    assert fills(walk) == [(at(side, -50), "taker")]


@pytest.mark.parametrize("path", ["adverse", "favourable", "ohlc"])
def test_a_limit_traded_through_fills_at_its_limit(side: int, path: str) -> None:
    """As maker and without slippage, whichever way round the bar is walked."""
    walk = run(ohlc(side, 0, 30, -21, 10), order("limit", side, limit=at(side, -20)), slip=0.01,
               path=path)
    assert fills(walk) == [(at(side, -20), "maker")]


def test_a_limit_only_touched_fills_under_the_touch_rule_alone(side: int) -> None:
    """The bar's extreme is the limit itself: through is not filled, touch is."""
    bar, own = ohlc(side, 0, 30, -20, 10), order("limit", side, limit=at(side, -20))
    assert run(bar, own).steps == []
    assert fills(run(bar, own, fill="touch")) == [(at(side, -20), "maker")]


def test_a_limit_at_the_open_waits_until_it_is_traded_through(side: int) -> None:
    """Open = limit: a touch; the first trade beyond fills it, at its price, as maker."""
    own = order("limit", side, limit=at(side, 0))
    assert run(ohlc(side, 0, 30, 0, 10), own).steps == []
    assert fills(run(ohlc(side, 0, 30, -5, 10), own)) == [(3_000, "maker")]
    assert fills(run(ohlc(side, 0, 30, 0, 10), own, fill="touch")) == [(3_000, "taker")]


def test_a_limit_never_reached_rests(side: int) -> None:
    """Nothing happens and nothing is changed."""
    own = order("limit", side, limit=at(side, -100))
    walk = run(ohlc(side, 0, 30, -99, 10), own)
    assert walk.steps == []
    assert walk.book == {own.ref: own}


# ------------------------------------------------------------------ stops


def test_a_stop_the_open_gapped_through_fills_at_the_open(side: int) -> None:
    """Worse than its trigger, and slipped."""
    walk = run(ohlc(side, 50, 200, 40, 60), order("stop", side, trigger=at(side, 20)), slip=0.001)
    assert fills(walk) == [(pytest.approx(at(side, 50) * (1 + side * 0.001)), "taker")]


@pytest.mark.parametrize("trigger", [20, 30])
def test_a_stop_reached_fills_at_its_trigger_slipped(side: int, trigger: float) -> None:
    """A touch of the bar's extreme (30) triggers too; slippage ends at the extreme."""
    walk = run(ohlc(side, 0, 30, -10, 10), order("stop", side, trigger=at(side, trigger)),
               slip=0.002)
    worst = at(side, trigger) * (1 + side * 0.002)
    assert fills(walk) == [(pytest.approx(side * min(side * worst, side * at(side, 30))), "taker")]


def test_a_stop_not_reached_waits(side: int) -> None:
    """A dollar short of the trigger nothing happens."""
    assert run(ohlc(side, 0, 30, -10, 10), order("stop", side, trigger=at(side, 31))).steps == []


def test_a_stop_on_mark_watches_the_mark_and_fills_on_last(side: int) -> None:
    """Last runs far beyond the trigger without effect; when mark gets there the fill is on last."""
    own = order("stop", side, trigger=at(side, 20), source="mark")
    last, calm = ohlc(side, 0, 100, -10, 10), ohlc(side, 0, 19, -10, 10)
    assert run(last, own, mark=calm).steps == []
    walk = run(last, own, mark=ohlc(side, 0, 40, -10, 10), path="ohlc")
    ((price, role),) = fills(walk)
    assert (price, role) == (pytest.approx(at(side, 56)), "taker")  # 60 % of −10 … 100


def test_a_stop_on_mark_is_not_triggered_by_the_open_of_last(side: int) -> None:
    """Last opens far beyond the trigger, mark never gets there: nothing fills."""
    own = order("stop", side, trigger=at(side, 20), source="mark")
    assert run(ohlc(side, 50, 100, 40, 60), own, mark=ohlc(side, 0, 19, -10, 10)).steps == []


def test_a_stop_is_never_better_than_its_trigger(side: int) -> None:
    """Mark triggers while last lags behind: the fill is the trigger, not the better last price."""
    own = order("stop", side, trigger=at(side, 20), source="mark")
    walk = run(ohlc(side, 0, 10, -10, 5), own, mark=ohlc(side, 0, 40, -10, 10), slip=0.001)
    assert fills(walk) == [(at(side, 20), "taker")]
    gapped = run(ohlc(side, 0, 10, -10, 5), own, mark=ohlc(side, 25, 40, 10, 10))
    assert fills(gapped) == [(at(side, 20), "taker")]


# ------------------------------------------------------------------ stop-limits


def stop_limit(side: int, trigger: float, limit: float, **values: Any) -> WorkingOrder:
    """A stop-limit in distances."""
    return order("stop_limit", side, trigger=at(side, trigger), limit=at(side, limit), **values)


def test_a_stop_limit_with_room_fills_where_it_triggers(side: int) -> None:
    """The limit lies beyond the trigger: triggered at 20, filled there, better than its limit."""
    walk = run(ohlc(side, 0, 30, -10, 10), stop_limit(side, 20, 25))
    assert isinstance(walk.steps[0], Triggered)
    assert fills(walk) == [(at(side, 20), "taker")]


def test_a_stop_limit_gapped_at_the_open(side: int) -> None:
    """Within its limit it fills at the open; beyond it, it rests and fills when price comes back.
    """
    assert fills(run(ohlc(side, 50, 90, 40, 60), stop_limit(side, 20, 55))) == \
        [(at(side, 50), "taker")]
    assert fills(run(ohlc(side, 50, 90, 20, 60), stop_limit(side, 15, 25))) == \
        [(at(side, 25), "maker")]
    walk = run(ohlc(side, 50, 90, 40, 60), stop_limit(side, 20, 25))
    assert [type(step) for step in walk.steps] == [Triggered]
    assert next(iter(walk.book.values())).triggered


def test_a_stop_limit_waits_for_the_way_back(side: int) -> None:
    """Triggered at 20 with its limit at 5: filled at 5 on a later leg of the same bar."""
    bar = ohlc(side, 0, 30, -10, -5)
    for path in ("adverse", "favourable", "ohlc"):
        assert fills(run(bar, stop_limit(side, 20, 5), path=path)) == [(at(side, 5), "maker")]


def test_a_triggered_stop_limit_is_a_limit(side: int) -> None:
    """It does not need its trigger again."""
    walk = run(ohlc(side, 0, 10, -10, 5), stop_limit(side, 20, -5, triggered=True))
    assert fills(walk) == [(at(side, -5), "maker")]


def test_a_stop_limit_is_judged_on_margin_when_it_triggers(side: int) -> None:
    """Far too large: accepted while it waited, refused at its trigger, with its partners."""
    own = order("stop_limit", side, 1_000, trigger=at(side, 20), limit=at(side, 25), group=1)
    other = order("limit", side, 1, limit=at(side, -500), group=1)
    walk = run(ohlc(side, 0, 30, -10, 10), own, other)
    assert [type(step) for step in walk.steps] == [Triggered, Refused, Cancelled]
    assert walk.book == {}


# ------------------------------------------------------------------ what one fill does to others


def bracket(side: int, entry: float, stop: float, target: float) -> list[WorkingOrder]:
    """A limit entry of 1 with its stop and target, in distances."""
    parent = order("limit", side, limit=at(side, entry))
    rest: dict[str, Any] = {"active": False, "parent": parent.ref, "reduce_only": True}
    return [parent, order("stop", -side, trigger=at(side, stop), **rest),
            order("limit", -side, limit=at(side, target), **rest)]


def test_bracket_children_are_live_from_the_fill_on(side: int) -> None:
    """Entry at −20 and stop at −30 in one leg; the target dies with the stop."""
    walk = run(ohlc(side, 0, 60, -40, 10), *bracket(side, -20, -30, 50))
    assert [price for price, _ in fills(walk)] == [at(side, -20), at(side, -30)]
    assert [step.why for step in walk.steps if isinstance(step, Cancelled)] == ["partner filled"]
    assert walk.book == {}
    assert not walk.state.positions


def test_the_path_decides_between_stop_and_target(side: int) -> None:
    """Low −25 comes before or after high 60: target hit or, the other way round, position kept."""
    orders = bracket(side, -20, -30, 50)
    bar = ohlc(side, 0, 60, -25, 10)
    assert [price for price, _ in fills(run(bar, *orders, path="favourable"))] == \
        [at(side, -20), at(side, 50)]
    assert [price for price, _ in fills(run(bar, *orders, path="adverse"))] == [at(side, -20)]


def test_children_wait_a_bar_where_backtraders_rule_is_asked_for(side: int) -> None:
    """entry_bar="backtrader": the entry fills, its children stay asleep in this bar."""
    walk = run(ohlc(side, 0, 60, -40, 10), *bracket(side, -20, -30, 50), entry_bar="backtrader")
    assert [price for price, _ in fills(walk)] == [at(side, -20)]
    assert [each.active for each in walk.book.values()] == [False, False]


def test_a_child_already_through_its_level_acts_at_once(side: int) -> None:
    """A market entry at the open with a stop above it: both fill at the open."""
    parent, stop, target = bracket(side, -20, 10, 500)
    entry = order("market", side, ref=parent.ref)
    walk = run(ohlc(side, 0, 60, -40, 10), entry, stop, target)
    assert fills(walk) == [(3_000, "taker"), (3_000, "taker")]


def test_a_child_at_the_very_price_of_its_parents_fill_acts(side: int) -> None:
    """Entry and stop both at the bar's extreme of 30: touched is triggered, for the child too."""
    parent, _, _ = bracket(side, 0, 0, 0)
    entry = order("stop", side, ref=parent.ref, trigger=at(side, 30))
    stop = order("stop", -side, trigger=at(side, 30), active=False, parent=entry.ref,
                 reduce_only=True)
    walk = run(ohlc(side, 0, 30, -10, 10), entry, stop)
    assert [price for price, _ in fills(walk)] == [at(side, 30), at(side, 30)]


def test_a_child_touched_at_the_fill_acts_also_if_price_moves_away(side: int) -> None:
    """Filled at 20 on the way to 30, price never returns to 20: the child's stop at 20 has acted.
    """
    entry = order("stop", side, trigger=at(side, 20))
    stop = order("stop", -side, trigger=at(side, 20), active=False, parent=entry.ref,
                 reduce_only=True)
    walk = run(ohlc(side, 0, 30, -10, 25), entry, stop, path="ohlc")
    assert [price for price, _ in fills(walk)] == [at(side, 20), at(side, 20)]


def test_of_two_orders_that_cancel_each_other_the_first_on_the_path_fills(side: int) -> None:
    """A limit at −20 and a stop at 40, one group: the path decides, never both."""
    orders = [order("limit", side, limit=at(side, -20), group=1),
              order("stop", side, trigger=at(side, 40), group=1)]
    bar = ohlc(side, 0, 60, -30, 10)
    for path in ("adverse", "favourable", "ohlc"):
        walk = run(bar, *orders, path=path)
        assert len(fills(walk)) == 1
        assert walk.book == {}
    assert fills(run(bar, *orders, path="adverse")) == [(at(side, 40), "taker")]
    assert fills(run(bar, *orders, path="favourable")) == [(at(side, -20), "maker")]


def test_at_the_open_orders_fill_as_they_were_submitted(side: int) -> None:
    """Market, gapped stop, gapped limit: all at the open, in the order of the book."""
    orders = [order("stop", side, trigger=at(side, -10)), order("market", side),
              order("limit", side, limit=at(side, 10))]
    walk = run(ohlc(side, 0, 60, -40, 10), *orders)
    assert [step.order.ref for step in walk.steps if isinstance(step, Filled)] == \
        [each.ref for each in orders]


def test_on_a_leg_orders_fill_by_price_and_then_as_submitted(side: int) -> None:
    """Three limits of one side: the nearest first; two at one price as they came."""
    orders = [order("limit", side, limit=at(side, level)) for level in (-30, -20, -20)]
    walk = run(ohlc(side, 0, 10, -40, 5), *orders)
    assert [step.order.ref for step in walk.steps if isinstance(step, Filled)] == \
        [orders[1].ref, orders[2].ref, orders[0].ref]


def test_reduce_only_never_opens(side: int) -> None:
    """Cut to what is held; with nothing held the order dies unfilled."""
    own = order("market", -side, 5, reduce_only=True)
    walk = run(ohlc(side, 0, 60, -40, 10), own, state=holding(side * 2, 3_000, 600))
    assert [step.executed.closed for step in walk.steps if isinstance(step, Filled)] == [-side * 2]
    assert not walk.state.positions
    nothing = run(ohlc(side, 0, 60, -40, 10), own)
    assert [type(step) for step in nothing.steps] == [Cancelled]
    with_it = run(ohlc(side, 0, 60, -40, 10), own, state=holding(-side * 2, 3_000, 600))
    assert [type(step) for step in with_it.steps] == [Cancelled]


# ------------------------------------------------------------------ what cannot be paid


def test_an_entry_beyond_the_free_margin_is_refused_where_it_fills(side: int) -> None:
    """A stop of 34 at 10x with 10,000: triggered, refused, nothing changed but the book."""
    state = holding(side * 0.001, 3_000, 0.3, free=10_000)
    walk = run(ohlc(side, 0, 60, -40, 10), order("stop", side, 34, trigger=at(side, 20)),
               state=state)
    assert [type(step) for step in walk.steps] == [Refused]
    assert walk.state == state


def test_of_a_reversal_that_cannot_be_paid_the_close_still_fills(side: int) -> None:
    """2 held, 50 the other way with 2,000 in all: 2 are closed, the 48 are refused."""
    walk = run(ohlc(side, 0, 60, -40, 10), order("market", -side, 50),
               state=holding(side * 2, 3_000, 600, free=1_400))
    done, refused = walk.steps
    assert isinstance(done, Filled)
    assert (done.executed.closed, done.executed.opened) == (-side * 2, 0)
    assert isinstance(refused, Refused)
    assert refused.reason.startswith("margin")
    assert not walk.state.positions


def test_the_leverage_limit_is_that_of_the_price_filled(side: int) -> None:
    """196 at 3,000 are within the 600,000 of 100x; filled beyond 3,061.22 they are not."""
    desk = make_desk(leverage=100, rate=None)
    for distance, count in ((0, 1), (80, 1 if side < 0 else 0)):
        walk = run(ohlc(side, distance, 100, -40, 90), order("market", side, 196), desk=desk)
        assert len(fills(walk)) == count
    assert isinstance(run((3_080, 3_100, 3_000, 3_090), order("market", side, 196),
                          desk=desk).steps[0], Refused)


def test_the_fee_is_part_of_what_an_entry_costs(side: int) -> None:
    """3,015 pay 10 at 10x with 5 bp; a cent less does not."""
    desk = make_desk(fees=Fees(0.0002, 0.0005))
    bar: Ohlc = ohlc(side, 0, 60, -40, 10)
    for free, count in ((3_015.0, 1), (3_014.99, 0)):
        state = holding(side, 3_000, 300, free=free)
        walk = run(bar, order("market", side, 10), state=state, desk=desk)
        assert len(fills(walk)) == count


def test_orders_of_other_symbols_and_sleeping_children_are_left_alone(side: int) -> None:
    """Neither can act in this bar, whatever its prices."""
    asleep = order(Kind.MARKET, side, active=False)
    other = order("market", side, symbol="BTCUSDT")
    assert run(ohlc(side, 0, 60, -40, 10), asleep, other).steps == []
