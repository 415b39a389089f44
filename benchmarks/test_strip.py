"""What stands beside a run, by what the run costs: the strip and the scan, and a comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.conftest import Report
from benchmarks.figures import at_most
from benchmarks.measure import compare, compare_parts
from benchmarks.runs import FEE, LEVERAGE
from deleverage import robustness, runner, scan, scenarios, tearsheet
from deleverage.beside import Compared
from deleverage.columns import MarketColumns
from deleverage.compare import Comparison
from deleverage.feeds.dataset import Dataset
from deleverage.results import RunResult
from deleverage.spec import RunSpec
from deleverage.statistics.leverage_scan import LeverageScan

CASH, FRACTION = 10_000.0, 0.02  # at 100x still within the ladder
TRADES, NET = 49, 1_505.3394051460127
CHANGES = ("orders one bar later", "orders five bars later", "fees and slippage × 2",
           "market instead of limit entries", "favourable path inside the bar",
           "liquidation and stops on last", "at bybit (maintenance 10 instead of 8)",
           "random entries on the same days (seed 0)")
TIMES = 20.0  # both aims
SLOWER, SLOWER_COMPARED = 30.0, 30.0
ROUNDS = 5
ONES = 6  # runs at a stretch: as long as what they are held against, so as often disturbed


def spec_of(path: Path) -> RunSpec:
    """The benchmark's rule with limit entries and a size rule, at 10x, everything on."""
    return RunSpec(data=str(path), strategy="benchmarks.strategies:Sized", cash=CASH,
                   leverage=LEVERAGE, margin_fraction=FRACTION, fees=(FEE, FEE))


def one_run(path: Path) -> tuple[MarketColumns, RunResult, str]:
    """A run with its sheet, from opening the dataset to the last line."""
    columns = Dataset.open(path).columns()
    result = runner.run(spec_of(path), columns)
    return columns, result, str(tearsheet.render(result))


def test_the_strip_and_the_scan(benchmark: Any, year_path: Path, report: Report) -> None:
    """Eight re-runs, one thing changed in each (random entries on the same days by one seed), and
    the scan of every leverage, against one run of the year with its sheet."""
    columns, result, _ = one_run(year_path)

    def ones() -> None:
        for _ in range(ONES):
            one_run(year_path)

    measured = compare_parts(benchmark, [
        (lambda: scan.leverage_scan(result.spec, columns, 1), ones),
        (lambda: robustness.reruns(result, columns, 1, seeds=1), ones)], ROUNDS)
    scanned, rows = measured.result
    assert isinstance(scanned, LeverageScan)
    assert isinstance(rows, tuple)
    over = measured.over(1 / (2 * ONES))
    assert len(result.trades) == TRADES
    assert result.statistics["performance"]["net"] == pytest.approx(NET, abs=1e-6)
    assert tuple(row.name for row in rows) == CHANGES
    assert all(row.outcome is not None and row.outcome.trades for row in rows)
    ran = [row for row in (*scanned.same_fraction, *scanned.same_notional) if row.feasible]
    own = next(row for row in scanned.same_fraction if row.leverage == LEVERAGE)
    assert own.total_return == pytest.approx(NET / CASH, abs=1e-9)
    report("eight re-runs and the scan / one run with its sheet", over, at_most(TIMES))
    report("one of these runs / one run with its sheet", over / (len(rows) + len(ran) - 1))
    assert over <= SLOWER


def saved(folder: Path, count: int) -> list[Path]:
    """Saved results, each with its scan and what stands beside it, at as many sizes."""
    columns = scenarios.columns("risk")
    folders = []
    for number in range(count):
        spec = RunSpec(data="risk", strategy="cascade_exhaustion", leverage=10.0,
                       margin_fraction=0.1 + 0.01 * number)
        result = runner.run(spec, columns)
        result = result.with_scan(scan.leverage_scan(spec, columns, 1, leverages=(1, 10, 25)))
        folders.append(Compared(result, reruns=robustness.reruns(result, columns, 1, seeds=1)
                                ).save(folder / str(number)))
    return folders


def page(folders: list[Path]) -> str:
    """What ``compare`` prints."""
    return str(tearsheet.side_by_side(Comparison.of([Compared.load(each) for each in folders])))


def test_a_comparison_of_twenty(benchmark: Any, tmp_path: Path, report: Report) -> None:
    """Load, rank and write twenty saved results, against one."""
    folders = saved(tmp_path, 20)
    measured = compare(benchmark, lambda: page(folders), lambda: [page([each]) for each in folders])
    over = measured.over(1 / len(folders))
    ranked = measured.result.partition("RANKING")[2].partition("lives at:")[0]
    places = [int(line.split()[0]) for line in ranked.splitlines() if " cascade_exhaustion" in line]
    assert places == list(range(1, 21))
    report("compare of 20 results / compare of one", over, at_most(TIMES))
    assert over <= SLOWER_COMPARED
