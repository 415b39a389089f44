"""Two hundred combinations of the rule's parameters in one process, one after the other."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import yardstick
from benchmarks.conftest import Report
from benchmarks.declared import Ready, declared
from benchmarks.figures import at_most
from benchmarks.measure import compare, compare_parts
from benchmarks.runs import CASH, FEE, LEVERAGE, sweep
from benchmarks.signals import GRID, Features, Rule
from benchmarks.yardstick import Walked
from deleverage.columns import MarketColumns
from deleverage.spec import RunSpec
from deleverage.sweeps import sweep as full_sweep

TRADES, EQUITIES = 10_725, 201_530_151.277734
SLOWER_THAN_LOOP, FIGURES_OVER_LOOP, MEGABYTES = 400.0, 600.0, 500.0
PART = 20  # combinations that are measured together
ROOT = Path(__file__).resolve().parent.parent


def loops_of(opened: np.ndarray, close: np.ndarray, features: Features,
             rules: Sequence[Rule] = GRID) -> list[Walked]:
    """The yardstick: every combination looks at every bar, on features computed once."""
    return [yardstick.walked(opened, close, features, rule) for rule in rules]


def test_sweep(benchmark: Any, year: MarketColumns, year_features: Features,
               report: Report) -> None:
    """200 runs with account, funding and fees, against 200 loops; features once on both sides."""
    opened, close = np.array(year.lines["open"]), np.array(year.lines["close"])
    rules = [GRID[first:first + PART] for first in range(0, len(GRID), PART)]
    measured = compare_parts(benchmark, [
        (partial(sweep, year, part), partial(loops_of, opened, close, year_features, part))
        for part in rules])
    trades, results = 0, [done for part in measured.result for done in part]
    for done, walked in zip(results, loops_of(opened, close, year_features), strict=True):
        assert (done.entered, done.left) == (tuple(walked.entered), tuple(walked.left))
        assert done.liquidations == 0
        trades += len(done.left)
    assert trades == TRADES
    assert math.fsum(done.equity for done in results) == pytest.approx(EQUITIES, abs=1e-5)
    report("sweep of 200 / loops", measured.over(), at_most(20))
    report("a round trip, all costs of a run in it", measured.ours / trades * 1e3,
           at_most(0.2, 0.1), "ms")
    report("a round trip in a sweep of 20 loops", 20 * measured.yardstick / trades * 1e3, unit="ms")
    assert measured.over() <= SLOWER_THAN_LOOP


def test_sweep_by_command(benchmark: Any, year_path: Path, year_features: Features,
                          year: MarketColumns, report: Report) -> None:
    """Sixteen of them by ``deleverage.sweeps``: every combination with all its figures."""
    opened, close = np.array(year.lines["open"]), np.array(year.lines["close"])
    spec = RunSpec(data=str(year_path), strategy="benchmarks.strategies:Exhausted", cash=CASH,
                   leverage=LEVERAGE, fees=(FEE, FEE), slippage_bp=0.0)
    axes = {"threshold": (1e6, 3e6), "decay": (0.1, 0.4), "stop": (0.01, 0.02),
            "target": (0.03, 0.04)}
    rules = [rule for rule in GRID
             if all(getattr(rule, name) in values for name, values in axes.items())]
    measured = compare(benchmark, lambda: full_sweep(spec, axes, workers=1, progress=False),
                       lambda: loops_of(opened, close, year_features, rules))
    walked = loops_of(opened, close, year_features, rules)
    assert [row.figures["trades"] for row in measured.result.rows] == [
        len(each.left) for each in walked]
    report("a combination with all its figures / loop", measured.over())
    assert measured.over() <= FIGURES_OVER_LOOP


def test_a_compiled_path(benchmark: Any, year: MarketColumns, year_features: Features,
                         report: Report) -> None:
    """What declared rules would cost compiled with their account: the same fills and equity."""
    ready = Ready.of(year, year_features)
    measured = compare(
        benchmark, lambda: [declared(ready, rule, CASH, LEVERAGE) for rule in GRID],
        lambda: loops_of(ready.opened, ready.close, year_features))
    for done, made in zip(sweep(year), measured.result, strict=True):
        assert (done.entered, done.left) == (tuple(made.entered), tuple(made.left))
        assert done.equity == pytest.approx(made.equity, abs=1e-6)
        assert not made.liquidated
    report("sweep of 200 by a compiled path (not built) / loops", measured.over(),
           at_most(5))


def test_memory_of_a_sweep(year_path: Path, report: Report) -> None:
    """The same sweep in a process of its own stays within the memory aimed at."""
    reply = subprocess.run([sys.executable, "-m", "benchmarks.sweep_alone", str(year_path)],
                           cwd=ROOT, check=True, capture_output=True, text=True)
    told = json.loads(reply.stdout)
    assert told["trades"] == TRADES
    report("sweep of 200, peak memory of the process", told["megabytes"], at_most(400), "MB")
    assert told["megabytes"] <= MEGABYTES
