"""Sharpe, Sortino, Calmar, drawdown and CAGR against quantstats, at 365 periods a year.

The differences, each with the formula that maps one to the other or the case that shows it:

- CAGR counts quantstats' years as returns ÷ periods, ours as the time between the first bar's open
  and the last one's close; where a run begins or ends inside a day, (1 + theirs)^(returns ÷ days)
  is 1 + ours. Calmar inherits it.
- Drawdown is negative there and positive here. Theirs sees the equity at the end of a day; ours the
  close of every bar, and its headline the worst point inside it, so that it is never less deep.
- What does not exist (nothing varies, no losing day, no drawdown) is NaN, infinite or a warning
  there, None with its reason here, and so is all of it on fewer than 180 days.
- A series without a loss and with a day above +100 % is taken for prices there.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from deleverage.columns import Floats
from deleverage.results import RunResult
from deleverage.runner import run
from deleverage.spec import RunSpec
from deleverage.statistics.drawdown import drawdown
from deleverage.statistics.performance import performance
from deleverage.timestamps import DAY
from tests.markets import random_market

START = 10_000.0
DRAWS = range(12)  # of each shape: 72 series
close = functools.partial(pytest.approx, rel=1e-9)
Chance = np.random.Generator

SHAPES: dict[str, Callable[[Chance, int], Floats]] = {
    "trending": lambda chance, n: 0.004 + 0.01 * chance.standard_normal(n),
    "losing": lambda chance, n: -0.003 + 0.02 * chance.standard_normal(n),
    "flat days": lambda chance, n: np.where(chance.random(n) < 0.8, 0.0,
                                            0.03 * chance.standard_normal(n)),
    "fat tails": lambda chance, n: np.clip(0.015 * chance.standard_t(2.2, n), -0.9, 3.0),
    "first day lost": lambda chance, n: np.append(-0.4, 0.02 * chance.standard_normal(n - 1)),
    "wiped out": lambda chance, n: np.where(np.arange(n) < n // 2,
                                            0.03 * chance.standard_normal(n), -0.15),
}


@pytest.fixture(scope="module")
def stats() -> Any:
    """quantstats' functions, whose import may warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from quantstats import stats
    return stats


def series(values: Floats) -> pd.Series:
    """The returns on days of a calendar, as quantstats takes them."""
    return pd.Series(values, index=pd.date_range("2024-01-01", periods=len(values)))


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("shape", SHAPES)
def test_five_figures_on_random_series(stats: Any, shape: str, draw: int) -> None:
    """SYNTHETIC daily returns of six shapes, twelve draws each: Sharpe, Sortino, CAGR, Calmar and
    the maximum drawdown agree to 1e-9; of the drawdown the sign is turned."""
    chance = np.random.default_rng([draw, list(SHAPES).index(shape)])
    values = SHAPES[shape](chance, int(chance.integers(180, 700)))
    equity = np.asarray(START * np.cumprod(1 + values), dtype=np.float64)
    close_ns = np.arange(1, len(values) + 1, dtype=np.int64) * DAY
    ours = performance(close_ns, equity, START, 0, 0.0)
    fall = drawdown(close_ns, equity, equity, START, 0)
    theirs = series(values)
    assert ours.sharpe == close(stats.sharpe(theirs, periods=365))
    assert ours.sortino == close(stats.sortino(theirs, periods=365))
    assert ours.cagr == close(stats.cagr(theirs, periods=365))
    assert ours.calmar == close(stats.calmar(theirs, periods=365))
    assert fall.max == close(-stats.max_drawdown(theirs))
    # another divisor, not one of the five: quantstats' ulcer index divides the squares by n − 1
    root = math.sqrt((len(values) - 1) / len(values))
    assert fall.ulcer == close(stats.ulcer_index(theirs) * root)


class Turning(bt.Strategy):  # type: ignore[misc]
    """Long and short by turns, so that every day has a return."""

    def next(self) -> None:
        """Turn every 20 bars."""
        if len(self) % 20 == 10:
            (self.sell if self.position.size > 0 else self.buy)(size=1 + abs(self.position.size))


@pytest.fixture(scope="module")
def result() -> RunResult:
    """A run of 200 SYNTHETIC days that begins at noon and ends in the afternoon, on 4 h bars."""
    columns = random_market(3, 1_198, step="4h", start="2025-06-01T12:00", volatility=0.004,
                            crashes=3)
    return run(RunSpec(data="test", strategy="turning", leverage=3.0, slippage_bp=0.0), columns,
               Turning)


def test_the_returns_of_a_result_feed_quantstats(stats: Any, result: RunResult) -> None:
    """``returns()`` of a run goes into quantstats as it is: Sharpe and Sortino are the sheet's."""
    ours, returns = result.statistics["performance"], result.returns()
    assert ours["daily_returns"] == len(returns) >= 180
    assert ours["sharpe"] == close(stats.sharpe(returns, periods=365))
    assert ours["sortino"] == close(stats.sortino(returns, periods=365))
    assert ours["volatility"] == close(stats.volatility(returns, periods=365))
    assert ours["best_day"] == close(returns.max())
    assert ours["total_return"] == close(stats.comp(returns))


def test_the_day_count_of_a_run(stats: Any, result: RunResult) -> None:
    """The run lies on one calendar day more than it lasted: CAGR and Calmar are quantstats' at
    returns ÷ days of its exponent."""
    ours, returns = result.statistics["performance"], result.returns()
    ratio = ours["daily_returns"] / ours["days"]
    assert ratio > 1.001
    theirs = stats.cagr(returns, periods=365)
    mapped = (1 + theirs) ** ratio - 1
    assert ours["cagr"] == close(mapped)
    assert ours["calmar"] == close(stats.calmar(returns, periods=365) * mapped / theirs)


def test_a_day_hides_a_part_of_the_drawdown(stats: Any, result: RunResult) -> None:
    """quantstats' drawdown of the days is less deep than ours at the bars' closes, and that less
    than the worst point inside them, which is the sheet's."""
    fall = result.statistics["drawdown"]
    assert 0 < -stats.max_drawdown(result.returns()) <= fall["max"] < fall["max_inside"]


def test_what_does_not_exist(stats: Any) -> None:
    """Without a losing day quantstats' Sortino is NaN and ours is None with its reason; a series
    with a day above +100 % and no loss is taken for prices there and stays returns here."""
    gains = np.full(200, 0.001)
    gains[0] = 1.5
    equity = np.asarray(START * np.cumprod(1 + gains), dtype=np.float64)
    ours = performance(np.arange(1, 201, dtype=np.int64) * DAY, equity, START, 0, 0.0)
    assert (ours.sortino, ours.withheld["sortino"]) == (None, "no losing day")
    assert (ours.calmar, ours.withheld["calmar"]) == (None, "no drawdown")
    assert math.isnan(stats.sortino(series(gains[1:]), periods=365))
    assert ours.cagr is not None
    assert ours.cagr > 1.5
    assert stats.cagr(series(gains), periods=365) < 0
