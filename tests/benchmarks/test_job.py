"""The benchmarks' SYNTHETIC market is what its description says, and stays the same."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from benchmarks import twin
from benchmarks.job import BACKGROUND, YEAR, Bars, Job, bars_of
from benchmarks.signals import YEAR_RULE, features_of

SMALL = Job(bars=40_000, cascades=3)


@cache
def year() -> Bars:
    """The job's year, drawn once."""
    return bars_of(YEAR)


def test_prices_are_possible_and_on_the_tick() -> None:
    """Highs and lows enclose open and close; every price is a whole number of cents."""
    bars = year()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert bars.low.min() > 0
    for column in (bars.open, bars.high, bars.low, bars.close):
        np.testing.assert_array_equal(column, np.round(column, 2))


def test_returns_have_the_job_s_spread() -> None:
    """One-minute log returns outside the cascades have a standard deviation of about 0.00065."""
    moves = np.diff(np.log(bars_of(replace(YEAR, bars=100_000, cascades=0)).close))
    assert moves.std() == pytest.approx(0.00065, rel=0.03)
    assert abs(moves).max() > 6 * moves.std()  # Student-t, not normal


def test_liquidations_are_whole_dollars() -> None:
    """Every amount is whole, so that sums of them are exact in any order."""
    bars = year()
    for column in (bars.longs, bars.shorts):
        np.testing.assert_array_equal(column, np.rint(column))
        assert (column >= 0).all()
    assert (bars.shorts > 0).mean() == pytest.approx(BACKGROUND, abs=0.005)


def test_every_slot_has_one_cascade() -> None:
    """In each of the forty slots between 5 and 63 million USD of longs are liquidated."""
    usd = year().longs.reshape(YEAR.cascades, -1)
    background = usd[usd < 100_000].sum() / usd.shape[0]
    assert (usd.sum(axis=1) > 5e6 - background).all()
    assert (usd.sum(axis=1) < 63e6 + 30e6).all()
    assert ((usd > 100_000).sum(axis=1) >= 10).all()


def test_the_year_s_trades_are_pinned() -> None:
    """The rule makes the same 49 trades and the same money on the year as ever."""
    bars = year()
    made = twin.hopped(bars.open, bars.close, features_of(bars.low, bars.longs), YEAR_RULE)
    assert (len(made.entered), len(made.left)) == (49, 49)
    assert made.net == pytest.approx(7_162.407688, abs=1e-6)


def test_the_same_job_gives_the_same_market() -> None:
    """Two draws of a job agree in every array; another seed gives another market."""
    one, again, other = bars_of(SMALL), bars_of(SMALL), bars_of(replace(SMALL, seed=1))
    for name, column in vars(one).items():
        np.testing.assert_array_equal(column, getattr(again, name))
    assert not np.array_equal(one.close, other.close)


def test_quiet_bars_change_nothing_before_them() -> None:
    """A job with quiet bars is the job without them, followed by bars without a cascade."""
    short, long = bars_of(SMALL), bars_of(replace(SMALL, quiet=20_000))
    for name, column in vars(short).items():
        np.testing.assert_array_equal(column, getattr(long, name)[:SMALL.bars])
    assert len(long.close) == SMALL.bars + 20_000
    assert long.longs[SMALL.bars:].max() < 1e6
