"""Two hundred combinations of the rule's parameters in one process, one after the other."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import yardstick
from benchmarks.conftest import Report
from benchmarks.declared import Ready, declared
from benchmarks.figures import at_most
from benchmarks.measure import Measured, compare, compare_parts
from benchmarks.runs import CASH, FEE, LEVERAGE, Done, direct_sweep, sweep
from benchmarks.signals import GRID, Features, Rule
from benchmarks.yardstick import Walked
from deleverage.columns import MarketColumns
from deleverage.spec import RunSpec
from deleverage.sweeps import prepare
from deleverage.sweeps.work import carry_out

TRADES, EQUITIES = 10_725, 201_530_151.277734
SIGNALS_OVER_LOOP = 60.0
SLOWER_THAN_LOOP, MEGABYTES = 400.0, 500.0
PART = 20  # combinations that are measured together
ROOT = Path(__file__).resolve().parent.parent


def loops_of(opened: np.ndarray, close: np.ndarray, features: Features,
             rules: Sequence[Rule] = GRID) -> list[Walked]:
    """The yardstick: every combination looks at every bar, on features computed once."""
    return [yardstick.walked(opened, close, features, rule) for rule in rules]


def of_parts(benchmark: Any, work: Callable[[MarketColumns, Sequence[Rule]], list[Done]],
             year: MarketColumns, features: Features) -> Measured[list[list[Done]]]:
    """200 runs against 200 loops, in parts, features once on both sides; the same trades and money
    in the end."""
    opened, close = np.array(year.lines["open"]), np.array(year.lines["close"])
    rules = [GRID[first:first + PART] for first in range(0, len(GRID), PART)]
    measured = compare_parts(benchmark, [
        (partial(work, year, part), partial(loops_of, opened, close, features, part))
        for part in rules])
    results = [done for part in measured.result for done in part]
    for done, walked in zip(results, loops_of(opened, close, features), strict=True):
        assert (done.entered, done.left) == (tuple(walked.entered), tuple(walked.left))
        assert done.liquidations == 0
    assert sum(len(done.left) for done in results) == TRADES
    assert math.fsum(done.equity for done in results) == pytest.approx(EQUITIES, abs=1e-5)
    return measured


def test_sweep(benchmark: Any, year: MarketColumns, year_features: Features,
               report: Report) -> None:
    """200 runs of the rule as signals, as a sweep runs them: account, funding, fees, journal."""
    measured = of_parts(benchmark, direct_sweep, year, year_features)
    for done, through in zip([each for part in measured.result for each in part],
                             sweep(year), strict=True):
        assert (done.fills, done.equity, done.settlements) == (
            through.fills, through.equity, through.settlements)
    report("sweep of 200, signals / loops", measured.over(), at_most(20))
    report("a round trip of signals, all costs of a run in it", measured.ours / TRADES * 1e3,
           at_most(0.2, 0.1), "ms")
    report("a round trip in a sweep of 20 loops", 20 * measured.yardstick / TRADES * 1e3, unit="ms")
    assert measured.over() <= SIGNALS_OVER_LOOP


def test_sweep_through_the_engine(benchmark: Any, year: MarketColumns, year_features: Features,
                                  report: Report) -> None:
    """The same 200 runs of a strategy that has to be called: every order and notification."""
    measured = of_parts(benchmark, sweep, year, year_features)
    report("sweep of 200, through the engine / loops", measured.over(), at_most(20))
    report("a round trip through the engine, all costs of a run in it",
           measured.ours / TRADES * 1e3, at_most(0.2, 0.1), "ms")
    assert measured.over() <= SLOWER_THAN_LOOP


@pytest.mark.parametrize(("name", "guard"), [
    ("ExhaustedSignals", 300.0), ("Exhausted", 600.0)])
def test_sweep_by_command(benchmark: Any, year_path: Path, year_features: Features,
                          year: MarketColumns, report: Report, name: str, guard: float) -> None:
    """Sixteen of them by ``deleverage.sweeps``: every combination with all its figures."""
    opened, close = np.array(year.lines["open"]), np.array(year.lines["close"])
    spec = RunSpec(data=str(year_path), strategy=f"benchmarks.strategies:{name}", cash=CASH,
                   leverage=LEVERAGE, fees=(FEE, FEE), slippage_bp=0.0)
    axes = {"threshold": (1e6, 3e6), "decay": (0.1, 0.4), "stop": (0.01, 0.02),
            "target": (0.03, 0.04)}
    rules = [rule for rule in GRID
             if all(getattr(rule, name) in values for name, values in axes.items())]
    plan = prepare(spec, axes)
    columns = plan.place.open()
    measured = compare(benchmark,
                       lambda: [carry_out(item.spec, columns) for item in plan.combinations],
                       lambda: loops_of(opened, close, year_features, rules))
    walked = loops_of(opened, close, year_features, rules)
    assert [made.figures["trades"] for made in measured.result] == [
        len(each.left) for each in walked]
    how = "signals" if name == "ExhaustedSignals" else "through the engine"
    report(f"a combination with all its figures, {how} / loop", measured.over())
    assert measured.over() <= guard


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
