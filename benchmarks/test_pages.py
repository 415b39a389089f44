"""What a page costs beside the run it shows, and a comparison of twenty beside one page."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from benchmarks.conftest import Report
from benchmarks.figures import at_most
from benchmarks.measure import compare
from benchmarks.runs import ours
from benchmarks.strategies import AlwaysInAsked
from deleverage import pages
from deleverage.beside import Compared
from deleverage.columns import MarketColumns
from deleverage.compare import Comparison
from deleverage.results import RunResult
from deleverage.runner import run
from deleverage.spec import RunSpec

DENSER, TWENTY = 2.0, 20.0


@pytest.fixture(scope="module")
def result(year: MarketColumns) -> RunResult:
    """A run through the year, always in the market, with its curves."""
    made = run(RunSpec(data="year", strategy="always_in", leverage=3), year, AlwaysInAsked)
    assert len(made.trades) > 100
    return made


def test_a_page_of_a_year(benchmark: Any, year: MarketColumns, result: RunResult,
                          report: Report) -> None:
    """The page of 525,600 bars against the dense run of a strategy that is always in."""
    measured = compare(benchmark, lambda: pages.run_page(Compared(result)),
                       lambda: ours(year, AlwaysInAsked, mode="dense", entry_bar="backtrader"))
    assert len(measured.result.encode()) <= 3_000_000
    report("page of a year / the dense run, always in", measured.over(), at_most(1))
    assert measured.over() <= DENSER


def test_a_page_of_twenty(benchmark: Any, result: RunResult, report: Report) -> None:
    """Twenty runs of the year side by side against the page of one."""
    twenty = Comparison.of([Compared(dataclasses.replace(
        result, spec=result.spec.changed(strategy=f"s{place}"))) for place in range(20)])
    measured = compare(benchmark, lambda: pages.comparison_page(twenty),
                       lambda: pages.run_page(Compared(result)))
    assert len(measured.result.encode()) <= 3_000_000
    report("page of twenty years side by side / page of one", measured.over(), at_most(20))
    assert measured.over() <= TWENTY
