"""Returns and annual figures: closed forms, and nothing annual from short samples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from deleverage.columns import Ints
from deleverage.statistics.performance import (
    ANNUAL,
    MIN_DAYS,
    cagr,
    daily_equity,
    daily_returns,
    performance,
    sharpe,
    sortino,
)
from deleverage.timestamps import DAY, HOUR


def closes(days: int) -> Ints:
    """One bar a day, closing at midnight."""
    return np.arange(1, days + 1, dtype=np.int64) * DAY


def test_steady_growth() -> None:
    """0.1 % a day for 365 days is 1.001^365 − 1 a year, without drawdown or losing day."""
    equity = np.array([1_000 * 1.001**day for day in range(1, 366)])
    figures = performance(closes(365), equity, 1_000.0, 0, 0.0)
    assert figures.cagr == pytest.approx(1.001**365 - 1)
    assert figures.total_return == pytest.approx(1.001**365 - 1)
    assert figures.volatility == pytest.approx(0.0, abs=1e-9)
    assert (figures.sortino, figures.calmar) == (None, None)
    assert figures.withheld["sortino"] == "no losing day"
    assert figures.withheld["calmar"] == "no drawdown"
    assert figures.days == 365.0


def test_sharpe_and_sortino_by_hand() -> None:
    """+2 % and −1 % in turn: mean 0.5 %, spread 1.5 %, downside 1 % ÷ √2; all × √365."""
    returns = np.tile([0.02, -0.01], 100)
    spread = math.sqrt(200 * 0.015**2 / 199)
    assert sharpe(returns) == pytest.approx(0.005 / spread * math.sqrt(365))
    assert sortino(returns) == pytest.approx(0.005 / (0.01 / math.sqrt(2)) * math.sqrt(365))


def test_annual_figures_are_withheld_on_short_samples() -> None:
    """179 daily returns give None with the count as the reason, 180 give figures."""
    equity = 1_000 + np.cumsum(np.tile([3.0, -2.0], 90))
    short = performance(closes(MIN_DAYS - 1), equity[:-1], 1_000.0, 0, 0.0)
    assert all(getattr(short, name) is None for name in ANNUAL)
    assert set(short.withheld.values()) == {"n/a (n=179)"}
    full = performance(closes(MIN_DAYS), equity, 1_000.0, 0, 0.0)
    assert all(getattr(full, name) is not None for name in ANNUAL)
    assert full.withheld == {}


def test_days_are_calendar_days() -> None:
    """A bar that closes at 00:00 belongs to the day it ends; a day without bars keeps equity."""
    stamps = np.array([DAY - HOUR, DAY, DAY + HOUR, 3 * DAY + HOUR], dtype=np.int64)
    days, equity = daily_equity(stamps, np.array([1.0, 2.0, 3.0, 4.0]), 1.0)
    assert days.tolist() == [0, DAY, 2 * DAY, 3 * DAY]
    assert equity.tolist() == [2.0, 3.0, 3.0, 4.0]
    assert daily_returns(equity, 1.0).tolist() == pytest.approx([1.0, 0.5, 0.0, 1 / 3])


def test_a_lost_account_is_minus_one() -> None:
    """Nothing left is a CAGR of −1, and returns after it are 0, never NaN."""
    assert cagr(1_000.0, 0.0, 365.0) == -1.0
    assert daily_returns(np.array([500.0, 0.0, 0.0]), 1_000.0).tolist() == [-0.5, -1.0, 0.0]


def test_one_bar() -> None:
    """A run of one bar has a return and no annual figure."""
    figures = performance(np.array([HOUR], dtype=np.int64), np.array([1_010.0]), 1_000.0, 0, 0.01)
    assert (figures.net, figures.daily_returns) == (pytest.approx(10.0), 1)
    assert figures.sharpe is None
