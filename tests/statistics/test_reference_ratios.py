"""Sharpe, Sortino, Calmar, drawdown, CAGR and the rest against their formulas, worked out term by
term here; against quantstats in test_quantstats.py."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from deleverage.columns import Floats
from deleverage.statistics.drawdown import drawdown
from deleverage.statistics.performance import Performance, performance
from deleverage.timestamps import DAY

SEEDS = range(60)
START = 10_000.0


def returns_of(seed: int) -> Floats:
    """SYNTHETIC daily returns: 180 to 900 days, drift, volatility and tails drawn as well."""
    chance = np.random.default_rng(seed)
    days = int(chance.integers(180, 900))
    spread = chance.uniform(0.002, 0.06)
    drift = chance.normal(0.0, 0.1) * spread
    values = drift + spread * chance.standard_t(chance.uniform(3.0, 12.0), days) / 2
    values[chance.random(days) < chance.uniform(0.0, 0.5)] = 0.0  # days without a position
    return np.clip(values, -0.9, 3.0)


def figures_of(returns: Floats) -> tuple[Performance, Any]:
    """Ours, from the equity curve of these returns, one bar a day."""
    equity = np.asarray(START * np.cumprod(1 + returns), dtype=np.float64)
    close_ns = np.arange(1, len(returns) + 1, dtype=np.int64) * DAY
    return (performance(close_ns, equity, START, 0, 0.0),
            drawdown(close_ns, equity, equity, START, 0))


def depths(returns: Floats) -> list[float]:
    """Drawdown after each day, from the highest equity before or at it, the start included."""
    worth = peak = 1.0
    found = []
    for value in returns.tolist():
        worth *= 1 + value
        peak = max(peak, worth)
        found.append(1 - worth / peak)
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_against_the_terms(seed: int) -> None:
    """Every ratio equals its formula summed term by term over 365 periods a year."""
    values = returns_of(seed)
    ours, fall = figures_of(values)
    terms, n = values.tolist(), len(values)
    mean = math.fsum(terms) / n
    spread = math.sqrt(math.fsum((x - mean) ** 2 for x in terms) / (n - 1))
    below = math.sqrt(math.fsum(x * x for x in terms if x < 0) / n)
    growth = math.exp(math.fsum(math.log1p(x) for x in terms) * 365 / n) - 1
    under = depths(values)
    assert ours.sharpe == pytest.approx(mean / spread * math.sqrt(365), rel=1e-9)
    assert ours.sortino == pytest.approx(mean / below * math.sqrt(365), rel=1e-9)
    assert ours.volatility == pytest.approx(spread * math.sqrt(365), rel=1e-9)
    assert ours.cagr == pytest.approx(growth, rel=1e-9)
    assert ours.calmar == pytest.approx(growth / max(under), rel=1e-9)
    assert fall.max == pytest.approx(max(under), rel=1e-9)
    assert fall.ulcer == pytest.approx(math.sqrt(math.fsum(x * x for x in under) / n), rel=1e-9)
    border = float(np.quantile(under, 0.95))
    tail = [x for x in under if x >= border]
    assert fall.cdar_95 == pytest.approx(math.fsum(tail) / len(tail), rel=1e-9)


def test_the_published_vector() -> None:
    """V = 100, 110, 99, 105, 121, 100: depth 0.17355, ulcer 0.083852, half the time under water."""
    equity = np.array([100.0, 110.0, 99.0, 105.0, 121.0, 100.0])
    close_ns = np.arange(1, 7, dtype=np.int64) * DAY
    fall = drawdown(close_ns, equity, equity, 100.0, 0)
    assert fall.max == pytest.approx(0.17355, abs=5e-6)
    assert fall.ulcer == pytest.approx(0.083852, abs=5e-7)
    assert fall.cdar_95 == pytest.approx(0.17355, abs=5e-6)
    assert fall.under_water == 0.5
