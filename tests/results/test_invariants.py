"""What must hold of every result, whatever the market and the strategy did.

Invariants, in words: the wallet curve is the exact sum of the journal; money by trade, by tier at
entry and from gross to net is the change of equity; time by tier is the time in market; depths lie
between 0 and 1; a rebuilt curve is the recorded one.
"""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deleverage import results
from deleverage.journal import Cause
from deleverage.results import RunResult
from deleverage.statistics.curves import account_curves
from deleverage.timestamps import HOUR
from tests.results.markets import wobble

ACCOUNTS = st.fixed_dictionaries({
    "leverage": st.sampled_from([1.0, 3.0, 10.0, 25.0, 100.0]),
    "margin": st.sampled_from(["isolated", "cross"]),
    "margin_fraction": st.sampled_from([0.05, 0.2, 0.6]),
    "path": st.sampled_from(["adverse", "favourable", "ohlc"]),
    "venue": st.sampled_from(["binance", "bybit"]),
})


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), account=ACCOUNTS)
def test_results_add_up(seed: int, account: dict[str, Any]) -> None:
    """Every invariant of the module holds for random markets, strategies and accounts."""
    result, _ = wobble(seed, bars=600, **account)
    check_wallet(result)
    check_money(result)
    check_time(result)
    check_depths(result)


# for each option: a value under which something happens in two to five days of 5m bars
STRESS: dict[str, list[Any]] = {
    "step": ["30m"], "latency": [2], "publication_latency": [3], "slippage": ["volume", "cascade"],
    "volume_limit": [0.01], "off_tick": ["refuse"], "liquidation": ["takeover"],
    "fee_tier": ["VIP2"], "missing": ["impute"], "stop_trigger": ["mark"],
    "outage": [(("2026-01-28T12:00", "2026-01-29T12:00"),)],
    "adl": [(("2026-01-29T12:00", "long", 0.5, 2_900.0),
             ("2026-01-29T18:02", "short", 1.0, 2_900.0),
             ("2026-01-29T20:02", "long", 1.0, 2_900.0))],
}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), account=ACCOUNTS, cash=st.sampled_from([1e4, 1e6]),
       chosen=st.sets(st.sampled_from(sorted(STRESS)), min_size=2, max_size=4), pick=st.integers(0))
def test_results_add_up_under_stress(seed: int, account: dict[str, Any], cash: float,
                                     chosen: set[str], pick: int) -> None:
    """The same with delays, outages, partial fills, costly fills, coarser bars, steps and ADL."""
    more = {name: STRESS[name][pick % len(STRESS[name])] for name in sorted(chosen)}
    result, _ = wobble(seed, bars=600, params={"every": 8}, cash=cash, **account, **more)
    check_wallet(result)
    check_money(result)
    check_time(result)
    check_depths(result)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), account=ACCOUNTS)
def test_results_add_up_where_nothing_is_forced(seed: int, account: dict[str, Any]) -> None:
    """The same on an account that nothing is taken from: nothing is booked as a liquidation, and
    what is owed stays owed."""
    result, _ = wobble(seed, bars=600, liquidation="none", params={"every": 8}, **account)
    forced = {Cause.LIQUIDATION, Cause.LIQUIDATION_FEE, Cause.INSURANCE}
    assert not forced & {entry.cause for entry in result.journal.entries}
    assert not result.journal.liquidations
    check_wallet(result)
    check_money(result)
    check_time(result)
    check_depths(result)


def check_wallet(result: RunResult) -> None:
    """The wallet at each bar is the exactly rounded sum of the entries up to it."""
    curves, entries = result.curves(), result.journal.entries
    stamps = [entry.ts if entry.bar >= 0 else 0 for entry in entries]
    bars = {0, len(curves) - 1, *np.searchsorted(curves.close_ns, stamps).tolist()}
    for bar in sorted(bars)[:: max(1, len(bars) // 20)]:
        close = int(curves.close_ns[bar])
        assert curves.wallet[bar] == math.fsum(
            entry.amount for entry, ts in zip(entries, stamps, strict=True) if ts <= close)
    flat = curves.size == 0
    assert (curves.equity[flat] == curves.wallet[flat]).all()


def check_money(result: RunResult) -> None:
    """Trades, tiers at entry and the waterfall are the change of equity, each to 1e-9."""
    figures = result.statistics
    turnover = max(1.0, math.fsum(abs(entry.amount) for entry in result.journal.entries))
    net = figures["performance"]["net"]
    sums = [math.fsum(trade.net for trade in result.trades), figures["costs"]["net"],
            math.fsum(row["net"] for row in figures["exposure"]["by_entry"])]
    assert sums == pytest.approx([net] * 3, abs=1e-9 * turnover)
    assert abs(figures["costs"]["unattributed"]) <= 1e-9 * turnover
    parts = ("gross", "fees", "funding", "liquidation_fees", "insurance")
    for rows in (figures["exposure"]["by_entry"], [figures["costs"]]):
        for row in rows:
            assert row["net"] == pytest.approx(math.fsum(row[name] for name in parts),
                                               abs=1e-9 * turnover)
    fell = math.fsum(row["drawdown"] for row in figures["exposure"]["by_entry"])
    assert fell == pytest.approx(-figures["drawdown"]["max_usd"], abs=1e-9 * turnover)
    check_forced(result, 1e-9 * turnover)


def check_forced(result: RunResult, tolerance: float) -> None:
    """The forced steps' loss, fees and lifts are those of the trades, the tiers and the costs."""
    figures, forced = result.statistics, result.statistics["liquidations"]
    fall, tiers = figures["costs"], figures["exposure"]["by_entry"]
    losses = [math.fsum(trade.margin_lost for trade in result.trades),
              math.fsum(row["margin_lost"] for row in tiers),
              math.fsum(row["loss"] for row in forced["rows"]),
              math.fsum(row["margin_lost"] for row in forced["by_stage"]),
              math.fsum(row["margin_lost"] for row in forced["by_mark_state"]),
              -fall["of_gross"]["liquidations"] - fall["liquidation_fees"]]
    assert losses == pytest.approx([forced["margin_lost"]] * len(losses), abs=tolerance)
    for own, booked in (("fees", "liquidation_fees"), ("insurance", "insurance")):
        assert forced[own] == pytest.approx(fall[booked], abs=tolerance)
        assert forced[own] == pytest.approx(math.fsum(row[booked] for row in tiers), abs=tolerance)
    assert math.fsum(row["fee"] for row in forced["rows"]) == pytest.approx(
        forced["fees"], abs=tolerance)
    for row in forced["rows"]:
        assert row["deficit"] == pytest.approx(max(0.0, -row["insurance"]), abs=tolerance)
    assert forced["count"] == sum(row["liquidations"] for row in tiers) \
        == sum(trade.liquidated for trade in result.trades)
    assert forced["count"] + forced["reductions"] == len(forced["rows"])


def check_time(result: RunResult) -> None:
    """Time by current tier is the time in market, which is the holding of the trades."""
    exposure = result.statistics["exposure"]
    held = math.fsum(trade.holding_ns / HOUR for trade in result.trades)
    assert math.fsum(row["time_h"] for row in exposure["by_tier"]) == pytest.approx(
        exposure["time_in_market_h"], abs=1e-9)
    assert exposure["time_in_market_h"] == pytest.approx(held, abs=1e-9)
    if result.trades and held:
        assert math.fsum(row["share"] for row in exposure["by_tier"]) == pytest.approx(1.0)


def check_depths(result: RunResult) -> None:
    """Drawdowns in [0, 1], worst inside the bar; buffers below 1 for those that lived."""
    figures, curves = result.statistics["drawdown"], result.curves()
    assert 0 <= figures["max"] <= figures["max_inside"] <= 1
    assert 0 <= figures["average"] <= figures["ulcer"] <= figures["max"] + 1e-12
    assert 0 <= figures["under_water"] <= 1
    assert (curves.worst_equity <= curves.equity + 1e-9).all()
    assert np.isfinite(curves.equity).all()
    for trade in result.trades:
        assert trade.mae is not None
        assert trade.mfe is not None
        assert min(trade.mae, trade.mfe) >= 0
    near = result.statistics["near_misses"]
    assert near["at_80"] >= near["at_90"] >= near["at_95"]
    assert near["lived"] + result.statistics["liquidations"]["count"] == len(result.trades)
    assert len(near["rows"]) == near["at_80"]


def test_every_figure_is_told_in_words() -> None:
    """The layout at the head of deleverage.results names every section, figure and row key."""
    result, _ = wobble(4, bars=900, leverage=50.0, margin_fraction=0.6)
    told = set(re.findall(r"\w+", results.__doc__ or ""))
    named = set(result.statistics)
    for section in result.statistics.values():
        named |= set(section)
        for rows in section.values():
            if isinstance(rows, list) and rows and isinstance(rows[0], dict):
                named |= set(rows[0])
    assert named - told == set()


@pytest.mark.parametrize("margin", ["isolated", "cross"])
def test_curves_are_rebuilt_from_the_journal(margin: str) -> None:
    """Curves from journal and columns equal the recorded ones, also from a longer market."""
    result, columns = wobble(11, bars=900, margin=margin, leverage=25.0, fromdate="2026-01-29",
                             todate="2026-01-30T12:00")
    assert result.provenance.bars < len(columns)
    rebuilt = dataclasses.replace(result, recorded=None).curves(columns)
    for name, series in result.curves().arrays().items():
        np.testing.assert_array_equal(series, rebuilt.arrays()[name])


def test_the_last_equity_is_the_brokers_own() -> None:
    """The curve ends where the account did: wallet plus unrealised at the last mark."""
    for seed in range(6):
        result, columns = wobble(seed, leverage=5.0)
        curves = account_curves(result.journal, columns)
        state = result.journal.snapshots[-1]
        upl = state.size * (columns.execution_mark.close[-1] - state.entry_price) \
            if state.size else 0.0
        assert curves.equity[-1] == pytest.approx(state.wallet + upl, rel=1e-12)
