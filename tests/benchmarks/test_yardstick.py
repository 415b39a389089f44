"""The yardstick's loop, its NumPy twin and our own engine make the same trades."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from benchmarks import twin, yardstick
from benchmarks.declared import Ready, declared
from benchmarks.job import Job, columns_of
from benchmarks.runs import CASH, LEVERAGE, ours, params_of
from benchmarks.signals import GRID, YEAR_RULE, Features, Floats, Rule, features_of, rolling_max
from deleverage.columns import MarketColumns

RULES = (YEAR_RULE, GRID[0], GRID[77], GRID[-1])


@cache
def market() -> MarketColumns:
    """SYNTHETIC: eight thousand bars with two cascades."""
    return columns_of(Job(bars=8_000, cascades=2))


def line(name: str) -> Floats:
    """One column of the market."""
    return np.array(market().lines[name])


@cache
def features() -> Features:
    """Its features, by NumPy."""
    return features_of(line("low"), line("long_liquidations"))


@pytest.mark.parametrize("length", [1, 2, 5, 60, 240])
def test_rolling_max_is_the_largest_of_each_window(length: int) -> None:
    """The doubled maximum equals that of every window looked at whole; NaN before the first."""
    values = np.random.default_rng(length).normal(size=700)
    values[:3] = np.nan
    found = rolling_max(values, length)
    windows = np.lib.stride_tricks.sliding_window_view(values, length).max(axis=1)
    np.testing.assert_array_equal(found[length - 1:], windows)
    assert np.isnan(found[:length - 1]).all()


def test_the_loop_s_features_are_the_arrays() -> None:
    """Running sums and queues give the features that NumPy gives, bit for bit."""
    by_loop = yardstick.prepared(line("low"), line("long_liquidations"))
    for name, column in vars(by_loop).items():
        np.testing.assert_array_equal(column, getattr(features(), name))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.threshold:g}-{rule.decay}")
def test_the_loop_trades_as_its_twin(rule: Rule) -> None:
    """Entries, exits and money of the loop over bars equal those of the hop from event to event."""
    opened, close = line("open"), line("close")
    walked = yardstick.walked(opened, close, features(), rule)
    hopped = twin.hopped(opened, close, features(), rule)
    np.testing.assert_array_equal(walked.entered, hopped.entered)
    np.testing.assert_array_equal(walked.left, hopped.left)
    assert walked.net == pytest.approx(hopped.net, abs=1e-9)
    assert len(walked.left) > 0


@pytest.mark.parametrize("rule", RULES[:2], ids=lambda rule: f"{rule.threshold:g}-{rule.decay}")
def test_our_engine_trades_as_the_loop(rule: Rule) -> None:
    """Dense and jumping, the strategy's fills are at the loop's bars; the account is not harmed."""
    walked = yardstick.walked(line("open"), line("close"), features(), rule)
    jumped, dense = (ours(market(), mode=mode, **params_of(rule)) for mode in ("jump", "dense"))
    assert (jumped.mode, dense.mode) == ("jump", "dense")
    assert jumped == dense
    assert jumped.entered == tuple(walked.entered)
    assert jumped.left == tuple(walked.left)
    assert jumped.liquidations == 0


def test_the_compiled_path_s_account_is_the_engine_s() -> None:
    """The loop with an account inside ends with the engine's wallet, funding and fees included."""
    ready = Ready.of(market(), features())
    made = declared(ready, YEAR_RULE, CASH, LEVERAGE)
    done = ours(market(), **params_of(YEAR_RULE))
    assert (done.entered, done.left) == (tuple(made.entered), tuple(made.left))
    assert done.equity == pytest.approx(made.equity, abs=1e-8)
    assert done.settlements > 0
    assert not made.liquidated


def test_the_compiled_path_sees_a_liquidation() -> None:
    """At a leverage whose liquidation price the mark reaches, it says so."""
    ready = Ready.of(market(), features())
    rule = replace(YEAR_RULE, stop=0.5, target=0.5)
    assert declared(ready, rule, CASH, 200.0).liquidated
    assert not declared(ready, rule, CASH, 3.0).liquidated


def test_the_compiled_path_refuses_large_positions() -> None:
    """It knows one bracket, and says so where a position may leave it."""
    ready = Ready.of(market(), features())
    with pytest.raises(ValueError, match="lowest bracket"):
        declared(ready, replace(YEAR_RULE, notional=1e6), CASH, LEVERAGE)
