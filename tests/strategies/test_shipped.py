"""What each shipped strategy does, on SYNTHETIC markets made to show it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from deleverage.errors import MissingTable, UnknownName, UsageError
from deleverage.strategies.breakdown import Breakdown
from deleverage.strategies.buy_and_hold import BuyAndHold
from deleverage.strategies.cascade_exhaustion import CascadeExhaustion
from deleverage.strategies.level_reclaim import LevelReclaim
from deleverage.strategies.random_entry import RandomEntry, drawn_entries, entries_on_days
from deleverage.strategies.scenario_tree import ScenarioTree
from deleverage.strategies.tables import has_table
from deleverage.timestamps import to_datetime
from tests.markets import make_columns, random_market
from tests.strategies.runs import CONSTRUCTIVE, RISK, cascade_market, closes, fills, run


def entries(ran: Any) -> list[tuple[str, int]]:
    """(why, side) of every entry that was filled."""
    return [(order.info.why, 1 if order.isbuy() else -1) for order in ran._orders
            if order.info.get("reason") == "entry" and order.status == order.Completed]


def test_level_reclaim_buys_acceptance() -> None:
    """Long after the zone is accepted, target at the next level, stop below the zone; and again at
    3,000, with a multiple of the risk as target where there is no next level."""
    ran = run(LevelReclaim, make_columns(CONSTRUCTIVE), arm_below=30)
    assert entries(ran) == [("accepted 2,750–2,800", 1), ("accepted 3,000", 1)]
    first, second = (order for order in ran._orders if order.info.get("reason") == "target"
                     and order.status == order.Accepted and order.created.price)
    assert first.created.price == 3_000.0
    close = CONSTRUCTIVE[ran.wakes[1]]
    assert second.created.price == pytest.approx(close + 2 * (close - 3_000 * 0.995), abs=0.01)
    stops = {order.created.price for order in ran._orders if order.info.get("reason") == "stop"}
    assert stops == {2_736.25, 2_985.0}


def test_level_reclaim_needs_to_have_been_below() -> None:
    """A level never lost is not reclaimed."""
    assert run(LevelReclaim, make_columns(closes((50, 3_100), (50, 3_050)))).wakes.size == 0


def test_level_reclaim_by_wick_and_by_close() -> None:
    """One bar that sweeps 2,350 by 4.8 % and closes above it: a signal three closes later when
    armed by wick, none when armed by close."""
    rows = [(2_410.0, 2_411.0, 2_409.0, 2_410.0)] * 10
    rows += [(2_410.0, 2_410.0, 2_237.52, 2_351.27)] + [(2_367.0, 2_372.0, 2_366.0, 2_370.0)] * 10
    columns = make_columns(np.array(rows))
    assert run(LevelReclaim, columns, arm="wick").wakes.tolist() == [13]
    assert run(LevelReclaim, columns, arm="close").wakes.size == 0


def test_level_reclaim_on_a_slower_timeframe() -> None:
    """With five base bars to a signal bar, decisions fall on closed five-minute bars only."""
    columns = make_columns(CONSTRUCTIVE)
    ran = run(LevelReclaim, columns, timeframe=5, arm_below=6)
    assert ran.wakes.size
    assert (columns.close_ns[ran.wakes] % (5 * 60 * 10**9) == 0).all()


def test_breakdown_sells_failure() -> None:
    """Short after three closes below 2,350 with the stop above it; nothing while it holds."""
    ran = run(Breakdown, make_columns(RISK))
    assert entries(ran) == [("failed 2,350", -1)]
    assert {order.created.price for order in ran._orders if order.info.get("reason") == "stop"} == {
        2_361.75}
    assert run(Breakdown, make_columns(CONSTRUCTIVE)).wakes.size == 0


def test_breakdown_aims_at_the_next_level_below() -> None:
    """With another level below, that is the target."""
    ran = run(Breakdown, make_columns(RISK), levels="2250,2350")
    assert [reason for _, reason, *_ in fills(ran)][:2] == ["market", "target"]
    assert fills(ran)[1][3] == 2_250.0


def test_scenario_tree_walks_the_constructive_path() -> None:
    """2,350 holds for an hour → long to 2,750; acceptance above the zone → long to 3,000."""
    ran = run(ScenarioTree, make_columns(CONSTRUCTIVE))
    assert entries(ran) == [("held 2,350", 1), ("accepted 2,750–2,800", 1)]
    assert [(reason, side) for _, reason, side, _ in fills(ran)] == [
        ("market", 1), ("target", -1), ("market", 1), ("target", -1)]
    assert [price for *_, price in fills(ran)][1::2] == [2_750.0, 3_000.0]


def test_scenario_tree_turns_on_the_risk_path() -> None:
    """2,350 holds → long; it fails → the long is gone by its stop or turned, and a short is on."""
    ran = run(ScenarioTree, make_columns(RISK))
    assert entries(ran) == [("held 2,350", 1), ("failed 2,350", -1)]
    turned = run(ScenarioTree, make_columns(RISK), stop_bp=300.0)
    assert [(reason, side) for _, reason, side, _ in fills(turned)][:3] == [
        ("market", 1), ("signal", -1), ("market", -1)]


def test_scenario_tree_needs_three_levels() -> None:
    """Support, zone and goal, no more and no less."""
    with pytest.raises(UsageError, match="three levels"):
        run(ScenarioTree, make_columns(RISK), levels="2350,3000")


def test_cascade_exhaustion_buys_the_confirmed_call() -> None:
    """Long one hour after the low of a wave that flushed open interest; stop under the low."""
    ran = run(CascadeExhaustion, cascade_market(), hold="2h")
    (event,) = [event for event in ran.events() if event.confirmed]
    assert entries(ran) == [("cascade exhausted", 1)]
    assert fills(ran)[0][0] == event.bar + 1
    assert {order.created.price for order in ran._orders if order.info.get("reason") == "stop"} == {
        round(event.low * 0.995, 2)}


def test_cascade_exhaustion_leaves_alone_what_was_not_flushed() -> None:
    """Liquidations without a fall of open interest in coins are no reason to buy."""
    assert entries(run(CascadeExhaustion, cascade_market(flush=0.01))) == []


def test_cascade_exhaustion_leaves_when_the_cascade_resumes() -> None:
    """A new low with liquidations says the call was false: the position is closed at once."""
    market = cascade_market([(1_500, 40, 2_700.0), (1_700, 30, 2_500.0)])
    ran = run(CascadeExhaustion, market, stop_bp=5_000.0, hold="none", r_multiple=9.0)
    resume = next(event.bar for event in ran.events() if event.kind == "resume")
    assert (resume + 1, "signal", -1) in [fill[:3] for fill in fills(ran)]


def test_cascade_exhaustion_on_open_interest_says_so() -> None:
    """The other trigger needs no liquidations and carries its label on every entry."""
    market = cascade_market(flush=0.08)
    bare = make_columns(market.lines["close"], open_interest=[
        (str(np.datetime64(int(at), "ns")), float(coins)) for at, coins in
        zip(market.close_ns, market.lines["openinterest"], strict=True)])
    assert not has_table(bare, "liquidations")
    ran = run(CascadeExhaustion, bare, trigger="open_interest")
    assert entries(ran) == [("cascade exhausted (open interest)", 1)]


def test_cascade_exhaustion_by_size_needs_no_open_interest() -> None:
    """With an absolute size in place of the share, and no flush gate, liquidations are enough."""
    bare = make_columns([3_000.0] * 50, liquidations=[
        {"ts": "2026-01-28T00:10", "liq_side": "long", "notional_usd": 1e6}])
    run(CascadeExhaustion, bare, share=0.0, flush=0.0, size=5e6)
    with pytest.raises(UsageError, match="set share or size"):
        run(CascadeExhaustion, bare, share=0.0, flush=0.0)


@pytest.mark.parametrize(("params", "missing"), [
    ({}, "the table 'liquidations' and 'open_interest'"),
    ({"trigger": "open_interest"}, "the table 'open_interest'"),
    ({"share": 0.0, "flush": 0.0, "size": 1e6}, "the table 'liquidations'"),
])
def test_a_missing_table_is_one_line(params: dict[str, Any], missing: str) -> None:
    """The line names the table, the data, and which sources have it."""
    with pytest.raises(MissingTable) as caught:
        run(CascadeExhaustion, make_columns([3_000.0] * 50), **params)
    said = str(caught.value)
    assert said.startswith(f"CascadeExhaustion needs {missing}, and test market has no value of it")
    assert "sources that have it: " in said
    assert "\n" not in said


def test_triggers_have_near_misses() -> None:
    """A misspelt trigger is told the right one."""
    with pytest.raises(UnknownName, match="did you mean 'open_interest'"):
        run(CascadeExhaustion, make_columns([3_000.0] * 50), trigger="open_intrest")


def test_buy_and_hold_buys_and_holds() -> None:
    """One entry at the second bar's open, none after; stop, target and time exit on request."""
    columns = make_columns(closes((50, 3_100)))
    assert [fill[:3] for fill in fills(run(BuyAndHold, columns))] == [(1, "market", 1)]
    for params, reason in (({"target": 0.01}, "target"), ({"hold": "10m"}, "time"),
                           ({"stop": 0.01}, "market")):
        assert fills(run(BuyAndHold, columns, **params))[-1][1] == reason


def test_random_entry_repeats_a_run() -> None:
    """As many trades as the reference, held as long, on the same sides, never overlapping."""
    holding, sides = (30, 1, 200, 77), (1, -1, 1, 1)
    columns = random_market(4, 1_000, crashes=0)
    ran = run(RandomEntry, columns, holding=holding, sides=sides, seed=5)
    done = fills(ran)
    assert len(done) == 8
    held = [(leave[0] - enter[0], enter[2]) for enter, leave in zip(done[::2], done[1::2],
                                                                     strict=True)]
    assert sorted(held) == sorted(zip(holding, sides, strict=True))
    assert {reason for _, reason, *_ in done[1::2]} == {"time"}


def test_random_entry_is_seeded() -> None:
    """Same seed, same bars; another seed, other bars."""
    columns = random_market(4, 1_000)
    one, same, other = (run(RandomEntry, columns, holding=(20,) * 9, seed=seed).wakes.tolist()
                        for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_random_placements_are_uniform() -> None:
    """Two trades of one bar have six placements in seven bars, each as likely as the others."""
    chance = np.random.default_rng(0)
    drawn = Counter(tuple(drawn_entries(chance, [1, 1], 7).tolist()) for _ in range(6_000))
    assert set(drawn) == {(0, 2), (0, 3), (0, 4), (1, 3), (1, 4), (2, 4)}
    assert all(850 < count < 1_150 for count in drawn.values())


def test_random_entry_that_does_not_fit() -> None:
    """More time in the market than there is cannot be placed without overlap."""
    columns = make_columns([3_000.0] * 50)
    with pytest.raises(UsageError, match="do not fit into 50 bars"):
        run(RandomEntry, columns, holding=(30, 30))
    with pytest.raises(UsageError, match="2 holding times and 3 sides"):
        run(RandomEntry, columns, holding=(3, 3), sides=(1, 1, -1))
    with pytest.raises(UsageError, match="long, short or both"):
        run(RandomEntry, columns, side="up")


def test_random_entry_keeps_its_days() -> None:
    """With days every trade is filled on its own, held as long, in the order of the reference; the
    hour is drawn, and another seed draws another."""
    holding, sides = (30, 200, 400, 60), (1, -1, 1, 1)
    days = ("2026-01-28", "2026-01-28", "2026-01-29", "2026-01-31")
    columns = random_market(4, 5_760, crashes=0, start="2026-01-28")
    drawn = []
    for seed in (1, 2):
        ran = run(RandomEntry, columns, holding=holding, sides=sides, days=days, seed=seed)
        done = fills(ran)
        entries, exits = done[::2], done[1::2]
        assert [leave[0] - enter[0] for enter, leave in zip(entries, exits, strict=True)] == [
            *holding]
        assert [fill[2] for fill in entries] == [*sides]
        assert [to_datetime(int(columns.close_ns[fill[0]]) - 1).date().isoformat()
                for fill in entries] == [*days]
        drawn.append([fill[0] for fill in entries])
    assert drawn[0] != drawn[1]


def test_every_bar_of_a_day_is_as_likely() -> None:
    """One trade of one bar on the second of three days of four bars: its four bars alike."""
    chance = np.random.default_rng(0)
    filled = np.repeat([5, 6, 7], 4)
    drawn = Counter(int(entries_on_days(chance, [1], [6], filled)[0]) for _ in range(4_000))
    assert set(drawn) == {4, 5, 6, 7}
    assert all(850 < count < 1_150 for count in drawn.values())


def test_days_without_room_are_refused() -> None:
    """Two trades that fill a day leave none for a third; a date too few is named."""
    chance = np.random.default_rng(0)
    filled = np.repeat([5, 6], 4)
    assert entries_on_days(chance, [1, 1], [5, 5], filled).tolist() in ([0, 2], [0, 3], [1, 3])
    with pytest.raises(UsageError, match="trade 1 of 3 does not fit into its day"):
        entries_on_days(chance, [1, 1, 1], [5, 5, 5], filled)
    with pytest.raises(UsageError, match="2 holding times and 1 days"):
        run(RandomEntry, make_columns([3_000.0] * 50), holding=(3, 3), days=("2026-01-28",))
