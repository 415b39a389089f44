"""The closed forms of docs/leverage.md: a published table, Monte Carlo, limits, and their laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erfcx, log_ndtr

from tests.statistics.closed_forms import (
    DAY,
    Estimate,
    K,
    Walk,
    barrier,
    liquidated,
    phi,
    reflected,
    right_and_liquidated,
    simulated,
    tail,
)

WALK = Walk(0.9, 3 * DAY)
JUMPS = Walk(0.6, 3 * DAY, jumps=30, jump_mean=-0.04, jump_sd=0.05)
# leverage, P(liquidated) of a long, P(right and liquidated), with jumps twice (bridge method,
# 400 steps), P(liquidated) of a short
TABLE = [
    (5, .0086, .0000, .0042, .0044, .0277),
    (10, .2327, .0071, .1091, .1090, .2594),
    (20, .5887, .1287, .4169, .4194, .5835),
    (25, .6778, .1896, .5232, .5257, .6687),
    (50, .8643, .3503, .7820, .7833, .8555),
    (100, .9587, .4425, .9311, .9322, .9552),
    (125, .9775, .4613, .9622, .9628, .9755),
]
PUBLISHED = 200_000  # paths of the published Monte Carlo


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]}x")
def test_the_published_table(row: tuple[float, ...]) -> None:
    """Volatility 90 %, three days, no drift: the closed columns to four digits."""
    leverage, long, right, _, _, short = row
    assert round(liquidated(1, leverage, WALK), 4) == long
    assert round(right_and_liquidated(1, leverage, WALK), 4) == right
    assert round(liquidated(-1, leverage, WALK), 4) == short


def test_the_published_prices() -> None:
    """10x from 2,400: a long is liquidated at 2,172.16, a short at 2,625.30; a short that was right
    and liquidated has .0141."""
    assert 2_400 * math.exp(barrier(1, 10)) == pytest.approx(2_172.16, abs=0.005)
    assert 2_400 * math.exp(barrier(-1, 10)) == pytest.approx(2_625.30, abs=0.005)
    assert round(right_and_liquidated(-1, 10, WALK), 4) == .0141


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("leverage", [5, 20, 100])
@pytest.mark.parametrize(("drift", "target"), [(0.0, 1.0), (6.0, 1.02), (-6.0, 1.0)])
def test_against_monte_carlo(side: int, leverage: float, drift: float, target: float) -> None:
    """Both forms, both sides, with and without drift, lie within four standard errors of 40,000
    simulated paths in eight pieces."""
    walk = Walk(0.9, 3 * DAY, drift=drift)
    hit, right = simulated(side, leverage, walk, 40_000, 11, target, pieces=8)
    within(hit, liquidated(side, leverage, walk))
    if side * math.log(target) > side * barrier(side, leverage):
        within(right, right_and_liquidated(side, leverage, walk, target))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]}x")
def test_jumps_by_the_bridge_method(row: tuple[float, ...]) -> None:
    """Volatility 60 % and 30 jumps a year: within four standard errors (of both) of the published
    figures of the same method and of a grid of 400 steps."""
    leverage, _, _, bridge, grid, _ = row
    hit, _ = simulated(1, leverage, JUMPS, 60_000, 12)
    for published in (bridge, grid):
        theirs = math.sqrt(published * (1 - published) / PUBLISHED)
        assert abs(hit.value - published) <= 4 * math.hypot(hit.error, theirs)


def test_jumps_on_a_grid_of_ones_own() -> None:
    """A walk of 432 ten-minute steps, each with a jump or none, gives a long at 20x what jump times
    alone give; without jumps the method is the closed form."""
    chance, paths, steps = np.random.default_rng(3), 8_000, 432
    dt = JUMPS.years / steps
    b = barrier(1, 20)
    where, alive = np.zeros(paths), np.ones(paths)
    for _ in range(steps):
        after = where + JUMPS.nu * dt + JUMPS.volatility * math.sqrt(dt) \
            * chance.standard_normal(paths)
        below = np.minimum(where, after) <= b
        crossed = np.exp(-2 * (where - b) * (after - b) / (JUMPS.volatility ** 2 * dt))
        alive *= np.where(below, 0.0, 1 - crossed)
        jumped = chance.random(paths) < JUMPS.jumps * dt
        where = after + jumped * (JUMPS.jump_mean + JUMPS.jump_sd * chance.standard_normal(paths))
        alive *= where > b
    grid, ours = Estimate.of(1 - alive), simulated(1, 20, JUMPS, 60_000, 13)[0]
    assert abs(grid.value - ours.value) <= 4 * math.hypot(grid.error, ours.error)
    within(simulated(1, 20, WALK, 60_000, 14)[0], liquidated(1, 20, WALK))


def within(found: Estimate, wanted: float) -> None:
    """Four standard errors, or a ten-thousandth where nothing was hit."""
    assert abs(found.value - wanted) <= max(4 * found.error, 1e-4)


@pytest.mark.parametrize("side", [1, -1])
def test_carry_is_nearly_a_drift(side: int) -> None:
    """Funding of 100 % a year, which moves the liquidation price itself: the form that takes it for
    a drift of the price is within .004 of a simulated moving price, for a short to its good."""
    walk, leverage = Walk(0.9, 3 * DAY, carry=1.0), 20
    chance, steps, paths = np.random.default_rng(8), 216, 8_000
    dt = walk.years / steps
    where, alive = np.zeros(paths), np.ones(paths)
    level = [math.log((1 - side * (1 / leverage - side * walk.carry * t)) / (1 - side * K))
             for t in np.linspace(0, walk.years, steps + 1).tolist()]
    for k in range(steps):
        after = where - walk.volatility ** 2 / 2 * dt \
            + walk.volatility * math.sqrt(dt) * chance.standard_normal(paths)
        x, y = side * (where - level[k]), side * (after - level[k + 1])
        alive *= np.where(np.minimum(x, y) <= 0, 0.0,
                          1 - np.exp(-2 * x * y / (walk.volatility ** 2 * dt)))
        where = after
    moved, form = Estimate.of(1 - alive), liquidated(side, leverage, walk)
    assert abs(moved.value - form) <= 4 * moved.error + 0.004
    assert (form > liquidated(side, leverage, WALK)) == (side > 0)


@given(st.sampled_from([1, -1]), st.floats(1.5, 125), st.floats(1e-6, 5), st.floats(1e-3, 2),
       st.floats(-5, 5))
def test_laws(side: int, leverage: float, volatility: float, years: float, drift: float) -> None:
    """From a volatility of a millionth to 500 %: a probability, not less with more leverage or
    time, and being right and liquidated is no likelier than either."""
    walk = Walk(volatility, years, drift)
    found = liquidated(side, leverage, walk)
    assert 0 <= found <= 1 + 1e-12
    assert liquidated(side, leverage * 1.1, walk) >= found - 1e-9
    assert liquidated(side, leverage, Walk(volatility, years * 1.1, drift)) >= found - 1e-9
    both = right_and_liquidated(side, leverage, walk)
    right = phi(side * walk.nu * years / walk.spread)
    assert -1e-12 <= both <= min(found, right) + 1e-9


@given(st.floats(-2, -1e-6), st.floats(-3, 3), st.floats(1e-6, 3), st.floats(0, 2))
def test_the_reflected_term_against_scipy(b: float, drift: float, spread: float,
                                          above: float) -> None:
    """e^(2·drift·b/spread² + ln Φ(x)) by scipy's log of Φ, wherever that sum keeps its digits."""
    end = b + above
    power, x = 2 * drift * b / spread ** 2, (2 * b - end + drift) / spread
    wanted = math.exp(min(0.0, power + float(log_ndtr(x))))
    lost = 1e-15 * max(abs(power), x * x)
    assert reflected(b, drift, spread, end) == pytest.approx(wanted, rel=1e-9 + 10 * lost,
                                                             abs=1e-300)


def test_tiny_volatility() -> None:
    """With next to no volatility the drift decides: down through the price, or never; and the far
    tail is that of scipy."""
    assert liquidated(1, 10, Walk(1e-7, 1.0, drift=-0.2)) == 1.0
    assert liquidated(1, 10, Walk(1e-7, 1.0, drift=-0.05)) == 0.0
    assert liquidated(1, 10, Walk(1e-7, 1.0, drift=0.5)) == 0.0
    assert liquidated(-1, 10, Walk(1e-7, 1.0, drift=0.5)) == 1.0
    assert liquidated(1, 10, Walk(1e-3, DAY)) == 0.0
    for x in (5.0, 9.0, 40.0, 1e6):
        assert tail(x) == pytest.approx(float(erfcx(x / math.sqrt(2))) / 2, rel=1e-12)


def test_a_target_beyond_the_liquidation_price() -> None:
    """Where the end lies beyond the barrier reflection says nothing, and it is refused; a position
    beyond its barrier from the start is liquidated."""
    with pytest.raises(ValueError, match="beyond the liquidation price"):
        right_and_liquidated(1, 10, WALK, target=0.5)
    assert liquidated(1, 1_000, WALK) == right_and_liquidated(1, 1_000, WALK, 1.1) == 1.0
