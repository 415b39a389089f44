"""Results with something in every place of a page, made once; SYNTHETIC like their markets."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from deleverage import pages
from deleverage.beside import Baseline, Compared, Outcome, Rerun
from deleverage.compare import Comparison
from deleverage.results import RunResult
from deleverage.scan import leverage_scan
from deleverage.statistics.curves import Curves
from deleverage.statistics.overview import Overview
from deleverage.timestamps import MINUTE, parse
from tests.pages.reader import Node, tree
from tests.results.markets import Wobbler, wobble

YEAR = 525_600


@pytest.fixture(scope="session")
def result() -> RunResult:
    """A run of 1,500 bars on both sides, liquidated now and then, with its scan."""
    made, columns = wobble(4, leverage=50.0, margin_fraction=0.6, on_liquidation="continue")
    assert made.journal.liquidations
    return made.with_scan(leverage_scan(made.spec, columns, 1, strategy=Wobbler,
                                        leverages=(1, 25)))


@pytest.fixture(scope="session")
def done(result: RunResult) -> Compared:
    """The run with random entries and two changes beside it."""
    own = Outcome.of(result)
    return Compared(result, Baseline.against(result, [result]),
                    (Rerun("orders one bar later", own), Rerun("elsewhere", None, "no ladder")))


@pytest.fixture(scope="session")
def run_text(done: Compared) -> str:
    """The page of the run."""
    return pages.run_page(done)


@pytest.fixture(scope="session")
def run_page(run_text: str) -> Node:
    """The same as a tree."""
    return tree(run_text)


@pytest.fixture(scope="session")
def twenty(result: RunResult) -> Comparison:
    """Twenty runs under different names."""
    return Comparison.of([Compared(dataclasses.replace(
        result, spec=result.spec.changed(strategy=f"strategy_{place:02}")))
        for place in range(20)])


@pytest.fixture(scope="session")
def comparison_text(twenty: Comparison) -> str:
    """The page of the comparison."""
    return pages.comparison_page(twenty)


@pytest.fixture(scope="session")
def comparison_page(comparison_text: str) -> Node:
    """The same as a tree."""
    return tree(comparison_text)


def of_a_year(result: RunResult) -> RunResult:
    """The run with curves and a market of 525,600 bars, eight venues and 2,500 trades in it,
    nothing of it smooth."""
    chance, stamps = np.random.default_rng(0), parse("2025-01-01") + MINUTE * np.arange(1, YEAR + 1)
    recorded = result.curves()
    arrays = {name: np.resize(values, YEAR) for name, values in recorded.arrays().items()}
    arrays["equity"] = arrays["equity"] + chance.normal(0.0, 50.0, YEAR)
    arrays["close_ns"] = stamps
    prices = 3_000.0 + chance.normal(0.0, 1.0, 2_000).cumsum()
    venues = {f"venue{place}": chance.exponential(1e5, 2_000) for place in range(8)}
    ends = np.linspace(262, YEAR - 1, 2_000).astype(np.int64)
    seen = Overview(YEAR, stamps[ends], prices, prices + 5, prices - 5, prices, prices - 4,
                    prices + 4, venues, venues)
    trades = tuple(dataclasses.replace(
        result.trades[place % len(result.trades)], number=place + 1, net=chance.normal(0.0, 900.0),
        fees=-chance.exponential(20.0), entry_ns=int(stamps[200 * place]))
        for place in range(2_500))
    return dataclasses.replace(result, recorded=Curves(**arrays), overview=seen, trades=trades)
