"""LeverageScan: the same rows as separate runs, in this process and in others."""

from __future__ import annotations

from typing import Any

import pytest

from deleverage.analyzers.leverage_scan import from_results
from deleverage.errors import DataError
from deleverage.runner import baseline, run
from deleverage.scan import baselines, leverage_scan
from deleverage.spec import RunSpec
from deleverage.statistics.leverage_scan import LEVERAGES, scan_row
from tests.markets import make_columns, random_market
from tests.results.markets import Wobbler

FALL = [3_000.0] * 3 + [2_900.0, 2_800.0, 2_700.0, 2_600.0] + [3_100.0] * 3


def spec(**fields: Any) -> RunSpec:
    return RunSpec(**{"data": "test", "strategy": "buy_and_hold", "slippage_bp": 0.0, **fields})


def test_buy_and_hold_through_a_fall() -> None:
    """3,000 → 2,600 → 3,100: up to 5x lives, from 10x on it is right and liquidated."""
    scan = leverage_scan(spec(), make_columns(FALL), 1)
    assert [row.leverage for row in scan.same_fraction] == list(LEVERAGES)
    assert [row.liquidations for row in scan.same_fraction] == [0, 0, 0, 0, 1, 1, 1, 1, 1]
    assert scan.survives_fraction == 5.0
    assert (scan.base_leverage, scan.limit) == (10.0, 125.0)
    lived, dead = scan.same_fraction[3], scan.same_fraction[4]
    assert lived.p_liquidated_right == 0.0
    assert dead.p_liquidated_right == 1.0
    assert dead.margin_lost == pytest.approx(2_000, rel=1e-2)
    assert lived.closest_bp == pytest.approx((2_600 - 2_411) / 2_600 * 1e4, abs=10)


def test_the_same_notional_changes_only_the_distance() -> None:
    """At the base's notional: up to 2x infeasible, the same return while alive, less to lose."""
    scan = leverage_scan(spec(), make_columns(FALL), 1)
    rows = {row.leverage: row for row in scan.same_notional}
    assert not rows[1.0].feasible
    assert rows[1.0].note == "needs 200% of equity as margin, and the fee"
    assert rows[3.0].total_return == pytest.approx(rows[5.0].total_return or 0.0, rel=1e-9)
    assert rows[10.0] == {row.leverage: row for row in scan.same_fraction}[10.0]
    assert rows[100.0].margin_lost == pytest.approx((rows[10.0].margin_lost or 0.0) / 10, rel=1e-2)
    assert scan.survives_notional == 5.0


def test_rows_equal_separate_runs() -> None:
    """Each row is the row of a run of its own, whatever the number of processes."""
    columns = random_market(6, 1_200, step="5m")
    made = spec(strategy="wobbler", params={"seed": 6})
    alone = leverage_scan(made, columns, 1, strategy=Wobbler)
    shared = leverage_scan(made, columns, 2, strategy=Wobbler)
    assert alone == shared
    for row in alone.same_fraction:
        result = run(made.changed(leverage=row.leverage), columns, Wobbler)
        assert row == scan_row(row.leverage, result.statistics)
    for row in alone.same_notional:
        if row.feasible:
            other = made.changed(leverage=row.leverage, notional_leverage=made.leverage)
            assert row == scan_row(row.leverage, run(other, columns, Wobbler).statistics)


def test_a_fixed_notional_grows_with_leverage_or_stays() -> None:
    """With a notional of 6,000 at 3x: 20,000 at 10x in one scan, 6,000 at 10x in the other."""
    columns = make_columns([3_000.0] * 6)
    scan = leverage_scan(spec(notional=6_000, leverage=3), columns, 1, leverages=(0.5, 1, 10))
    fees = {row.leverage: row.fees for row in scan.same_fraction}
    assert fees[10.0] == pytest.approx((fees[3.0] or 0.0) * 10 / 3, rel=1e-3)
    same = {row.leverage: row for row in scan.same_notional}
    assert same[10.0].fees == pytest.approx(same[3.0].fees or 0.0, rel=1e-9)
    assert not same[0.5].feasible
    assert same[0.5].note == "needs 120% of equity as margin, and the fee"


def test_the_venues_limit_cuts_and_ones_own_leverage_is_a_row() -> None:
    """Bybit's assumed 100x is the last row; an own leverage of 7x gets a row of its own."""
    scan = leverage_scan(spec(venue="bybit", leverage=7), make_columns(FALL), 1,
                         leverages=(1, 50, 125))
    assert [row.leverage for row in scan.same_fraction] == [1, 7, 50, 100]
    assert scan.limit == 100.0


def test_progress_counts_every_run() -> None:
    """The callback hears of each run once, with the total."""
    heard: list[tuple[int, int]] = []
    leverage_scan(spec(), make_columns(FALL), 1, leverages=(1, 5),
                  progress=lambda done, total: heard.append((done, total)))
    # 1x, 5x and the own 10x; 5x again at the own notional, where 1x is infeasible
    assert heard == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_run_is_the_scans(workers: int) -> None:
    """What a run raises reaches the caller, from a process of its own as well."""
    columns = make_columns([3_000.0] * 700, start="2026-01-27T23:00", funding=None)
    with pytest.raises(DataError, match="no funding rate"):
        leverage_scan(spec(), columns, workers, leverages=(1, 2))


def test_baselines_over_processes_are_those_of_their_seeds() -> None:
    """Random entries for several seeds come back in order, equal to one at a time."""
    columns = random_market(8, 2_000, crashes=0)
    result = run(spec(strategy="random_entry", leverage=2, params={
        "trades": 4, "hold": "2h", "seed": 9}), columns)
    many = baselines(result, columns, (3, 1, 2), 2)
    assert [other.spec.params["seed"] for other in many] == [3, 1, 2]
    for other in many:
        alone = baseline(result, columns, other.spec.params["seed"])
        assert other.trades == alone.trades
        assert other.statistics == alone.statistics


def test_the_table_of_finished_results() -> None:
    """The analyzers' table from results at hand equals the scan's rows."""
    columns = make_columns(FALL)
    results = [run(spec(leverage=leverage), columns) for leverage in (10, 1, 5)]
    table = from_results(results, base_leverage=10.0, limit=125.0)
    scan = leverage_scan(spec(), columns, 1, leverages=(1, 5, 10))
    assert table.same_fraction == scan.same_fraction
    assert table.survives_fraction == scan.survives_fraction == 5.0
