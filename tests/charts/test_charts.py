"""What charts show is the run's own: extremes, sums and hours agree with curves and figures."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from deleverage import scenarios
from deleverage.charts.account import account_chart
from deleverage.charts.compared import overlays
from deleverage.charts.deeds import ENTRY, EXIT, LIQUIDATION, deeds, levels
from deleverage.charts.distance import distance_map
from deleverage.charts.leverage import frontier_curve, scan_curves
from deleverage.charts.steps import staircase
from deleverage.errors import DataError
from deleverage.results import RunResult
from deleverage.scan import leverage_scan
from deleverage.statistics.overview import overview
from deleverage.timestamps import HOUR
from tests.results.markets import Wobbler, wobble


@pytest.fixture(scope="module")
def result() -> RunResult:
    """A run of 1,500 bars with liquidations, and its scan."""
    made, columns = wobble(4, leverage=50.0, margin_fraction=0.6, on_liquidation="continue")
    assert made.journal.liquidations
    return made.with_scan(leverage_scan(made.spec, columns, 1, strategy=Wobbler,
                                        leverages=(1, 25)))


def test_the_account_keeps_its_worst_moments(result: RunResult) -> None:
    """The deepest point of the chart is the deepest of the figures, in however few points."""
    curves = result.curves()
    for budget in (7, 100, 5_000):
        chart = account_chart(curves, result.daily.start, budget)
        assert len(chart) <= budget
        assert chart.bars == len(curves)
        assert np.max(chart.under_water) == pytest.approx(
            result.statistics["drawdown"]["max_inside"], rel=1e-12)
        assert np.min(chart.worst) == min(curves.worst_equity.min(), curves.equity.min())
        assert chart.equity[-1] == curves.equity[-1]
        assert chart.close_ns[-1] == curves.close_ns[-1]
    held = np.isfinite(curves.liquidation_price)
    assert np.isfinite(chart.liquidation_price).sum() == held.sum()


def test_the_hours_of_the_map_are_the_hours_held(result: RunResult) -> None:
    """Every hour of the exposure's table is in one cell of the map, or has no price to be at."""
    found = distance_map(result.curves())
    assert found is not None
    assert found.hours.shape == (len(found.edges), len(found.edge_ns) - 1)
    rows = result.statistics["exposure"]["by_tier"]
    assert found.hours.sum() == pytest.approx(
        sum(row["time_h"] - row["no_liquidation_price_h"] for row in rows))
    assert found.no_price_h == pytest.approx(sum(row["no_liquidation_price_h"] for row in rows))
    assert len(found.labels) == len(found.edges)
    assert found.labels[0] == "< 0.5 %"
    assert found.labels[-1] == "> 50 %"


def test_a_run_that_never_held_has_no_map() -> None:
    """Nothing is drawn of positions where there were none."""
    made, _ = wobble(1, params={"every": 10**9})
    assert not made.trades
    assert distance_map(made.curves()) is None
    assert deeds(made.trades, made.journal.liquidations) == ()
    assert frontier_curve(made.statistics["frontier"]) is None
    assert [step.name for step in staircase(made.statistics["costs"])] == ["net"]


def test_every_trade_and_every_forced_step_is_a_point(result: RunResult) -> None:
    """One entry a trade, one exit a trade that was left by choice, the venue's steps apart."""
    found = deeds(result.trades, result.journal.liquidations)
    kinds = [deed.kind for deed in found]
    assert kinds.count(ENTRY) == len(result.trades)
    assert kinds.count(LIQUIDATION) == result.statistics["liquidations"]["count"]
    assert kinds.count(EXIT) == sum(
        trade.exit_ns is not None and not trade.liquidated for trade in result.trades)
    assert [deed.ts for deed in found] == sorted(deed.ts for deed in found)


def test_the_staircase_ends_at_the_net_result(result: RunResult) -> None:
    """Each step begins where the last one ended; the last is the net result from zero."""
    *steps, total = staircase(result.statistics["costs"])
    level = 0.0
    for step in steps:
        assert step.start == level
        level = step.end
    assert total.total
    assert level == pytest.approx(total.end, abs=1e-9)
    assert total.amount == result.statistics["costs"]["net"]


def test_scan_and_frontier_are_their_rows(result: RunResult) -> None:
    """A point for each row that was run, with its figures."""
    by_fraction, _ = scan_curves(result.scan)
    assert result.scan is not None
    rows = [row for row in result.scan.same_fraction if row.feasible]
    assert by_fraction.leverage.tolist() == [row.leverage for row in rows]
    assert by_fraction.total_return.tolist() == [row.total_return for row in rows]
    curve = frontier_curve(result.statistics["frontier"])
    assert curve is not None
    assert curve.share.max() <= 1.0
    assert scan_curves(None) == ()


def test_levels_are_the_strategys_own() -> None:
    """Read from its parameter of that name; another meaning of the word is no level."""
    assert [str(level) for level in levels({"levels": "2350,2750-2800"})] == \
        ["2,350", "2,750–2,800"]
    assert levels({"levels": "all of them"}) == ()
    assert levels({"stop": 3}) == ()


def test_runs_share_the_points_of_a_comparison(result: RunResult) -> None:
    """Twenty lines do not take twenty times the room, and a run without curves has none."""
    bare = dataclasses.replace(result, recorded=None)
    found = overlays([result, bare, *[result] * 18], budget=1_900)
    assert len(found) == 19
    assert sum(len(line.chart) for line in found) <= 1_900
    assert found[1].name.startswith("3 ")
    assert found[0].growth[-1] == pytest.approx(
        1 + result.statistics["performance"]["total_return"])


def test_the_market_in_short_keeps_its_extremes_and_sums() -> None:
    """High, low, mark and the money liquidated by venue, of a SYNTHETIC cascade."""
    columns = scenarios.columns("constructive")
    short = overview(columns, 500)
    assert len(short) <= 500
    assert short.bars == len(columns)
    assert short.high.max() == columns.lines["high"].max()
    assert short.low.min() == columns.lines["low"].min()
    assert short.mark_low.min() == columns.execution_mark.low.min()
    assert short.close[-1] == columns.lines["close"][-1]
    assert set(short.long_usd) == set(columns.venues)
    total = sum(np.nansum(values) for values in short.long_usd.values())
    assert total == pytest.approx(np.nansum(columns.lines["long_liquidations"]))
    assert short.close_ns[1] - short.close_ns[0] >= HOUR // 60


def test_a_market_without_liquidations_says_none() -> None:
    """No table, no series, so that a page can name what is missing; sums alone are called all."""
    _, columns = wobble(4)
    told = set(columns.venues)
    assert set(overview(columns).long_usd) == told
    lines = {name: values for name, values in columns.lines.items()
             if not name.startswith(("long_liquidations_", "short_liquidations_"))}
    sums = dataclasses.replace(columns, lines=lines)
    assert set(overview(sums).long_usd) == {"all"}
    gaps = np.full(len(columns), np.nan)
    none = dataclasses.replace(columns, lines={
        **lines, "long_liquidations": gaps, "short_liquidations": gaps})
    assert overview(none).long_usd == {}
    assert overview(none).short_usd == {}


def test_the_market_in_short_is_saved_with_the_result(result: RunResult, tmp_path: Path) -> None:
    """Everything a chart needs comes back from the folder alone; a lost file is named."""
    folder = result.save(tmp_path / "run")
    again = RunResult.load(folder)
    assert again.overview is not None
    assert result.overview is not None
    assert again.overview.bars == result.overview.bars
    for name, values in result.overview.arrays().items():
        np.testing.assert_array_equal(again.overview.arrays()[name], values)
    (folder / "overview.parquet").unlink()
    with pytest.raises(DataError, match=r"overview\.parquet"):
        RunResult.load(folder)
