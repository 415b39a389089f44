"""Differences larger than noise: the sign-flip test, the interval, Holm, and pairing by cascade."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test

from deleverage.columns import Floats
from deleverage.statistics.noise import (
    EXACT,
    FLIPS,
    bootstrap_interval,
    cascade_difference,
    holm,
    sign_flip,
    smallest_p,
)

# whole basis points: sums that are equal are equal on paper, not by luck of rounding
differences = st.lists(st.integers(-500, 500).filter(bool), min_size=1, max_size=12).map(
    lambda found: np.array(found, dtype=np.float64))


def counted(values: Floats) -> float:
    """p by writing out every choice of signs."""
    reached = abs(math.fsum(values.tolist()))
    sums = [abs(math.fsum(s * v for s, v in zip(signs, values.tolist(), strict=True)))
            for signs in itertools.product((-1, 1), repeat=len(values))]
    return sum(found >= reached * (1 - 1e-12) for found in sums) / len(sums)


def test_the_published_vector() -> None:
    """.02, .05, .03, −.01, .04: 4 of 32 choices reach a mean of .026, p = .125."""
    found = sign_flip([.02, .05, .03, -.01, .04])
    assert (found.p, found.smallest, found.exact) == (0.125, 0.0625, True)


@pytest.mark.parametrize(("n", "smallest"), [(3, .25), (4, .125), (5, .0625), (6, .03125),
                                             (7, .015625), (8, .0078125), (10, .001953125)])
def test_the_smallest_attainable_p(n: int, smallest: float) -> None:
    """n differences of one sign have p = 2/2ⁿ, whatever their sizes: 5 cascades never reach 5 %."""
    assert sign_flip(np.arange(1.0, n + 1)).p == smallest == smallest_p(n)


@given(differences)
@settings(max_examples=60)
def test_p_is_what_counting_gives(values: Floats) -> None:
    """Two halves looked up in one another give what writing out all 2ⁿ choices gives."""
    assert sign_flip(values).p == counted(values)


@given(differences, st.floats(1e-9, 1e9), st.randoms(use_true_random=False))
def test_p_knows_neither_sign_nor_unit(values: Floats, scale: float, chance: Any) -> None:
    """All signs turned, another unit, another order: the same p, between 2/2ⁿ and 1."""
    found = sign_flip(values)
    shuffled = values.tolist()
    chance.shuffle(shuffled)
    assert sign_flip(-values) == sign_flip(values * scale) == sign_flip(shuffled) == found
    assert smallest_p(len(values)) <= found.p <= 1.0
    assert sign_flip(np.append(values, [0.0, 0.0])) == found


@pytest.mark.parametrize("seed", range(6))
def test_against_scipys_permutation_test(seed: int) -> None:
    """scipy's paired permutation test of the absolute mean difference, all of it, agrees."""
    chance = np.random.default_rng(seed)
    one, other = chance.standard_t(4, (2, 3 + seed))
    theirs = permutation_test(
        (one, other), lambda x, y, axis: np.abs(np.mean(x - y, axis=axis)), vectorized=True,
        permutation_type="samples", n_resamples=np.inf, alternative="greater")
    assert sign_flip(one - other).p == pytest.approx(theirs.pvalue, rel=1e-12)


def test_many_differences_are_drawn() -> None:
    """Above 30 the flips are drawn with a seed: the same each time, close to the normal limit, and
    never below one in twenty thousand; at 30 all of a thousand million are counted."""
    values = np.random.default_rng(5).normal(0.3, 1.0, EXACT + 20)
    found = sign_flip(values)
    assert not found.exact
    assert found == sign_flip(values)
    z = abs(values.sum()) / math.sqrt((values ** 2).sum())
    assert found.p == pytest.approx(math.erfc(z / math.sqrt(2)), abs=0.01)
    assert sign_flip(np.ones(EXACT + 1)).p == pytest.approx(1 / (FLIPS + 1))
    whole = sign_flip(values[:EXACT])
    assert (whole.exact, whole.smallest) == (True, 2.0 ** (1 - EXACT))
    z = abs(values[:EXACT].sum()) / math.sqrt((values[:EXACT] ** 2).sum())
    assert whole.p == pytest.approx(math.erfc(z / math.sqrt(2)), abs=0.01)


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [1.0, math.nan], [math.inf]])
def test_nothing_to_flip(values: list[float]) -> None:
    """No difference, or one that is no number, is refused."""
    with pytest.raises(ValueError, match="finite differences"):
        sign_flip(values)


@pytest.mark.parametrize("n", [6, 8, 12])
def test_noise_is_rarely_called_real(n: int) -> None:
    """Of 2,000 pairs that are alike but for fat-tailed noise, at most 5 % (and its own noise of
    four standard errors) have p ≤ .05; with 5 cascades none has."""
    chance = np.random.default_rng(n)
    drawn = chance.standard_t(3, (2_000, n)) * chance.uniform(0.2, 5.0, (2_000, n))
    share = np.mean([sign_flip(values).p <= 0.05 for values in drawn])
    assert 0 < share <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / 2_000)
    assert not any(sign_flip(values[:5]).p <= 0.05 for values in drawn[:200])


def test_the_interval_of_the_mean() -> None:
    """The bootstrap interval is seeded, holds the mean, of many cascades is mean ± 1.96 standard
    errors, and of five holds the true mean in fewer than 95 of 100 cases."""
    values = np.random.default_rng(1).normal(0.5, 2.0, 400)
    low, high = bootstrap_interval(values)
    assert (low, high) == bootstrap_interval(values)
    error = values.std() / 20
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)
    held = [low <= 0 <= high for low, high in map(
        bootstrap_interval, np.random.default_rng(2).standard_normal((150, 5)))]
    assert 0.7 < np.mean(held) < 0.92


def test_holm() -> None:
    """.01, .04, .03 of three: .03, .06, .06; the order given is kept, and 1 is the most."""
    assert holm([.01, .04, .03]) == pytest.approx([.03, .06, .06])
    assert holm([.9, .8]) == [1.0, 1.0]
    assert holm([.2]) == [.2]
    assert holm([]) == []


def block(nets: list[float], elsewhere: float = 0.0, trigger: str | None = "liquidations",
          first: int = 0) -> dict[str, Any]:
    """A ``cascades`` block with these nets."""
    return {"trigger": trigger, "missing": [] if trigger else ["cascades are not looked for"],
            "net_elsewhere": elsewhere,
            "rows": [{"start_ns": first + k, "net": net} for k, net in enumerate(nets)]}


def test_two_runs_are_paired_by_cascade() -> None:
    """Nets become shares of each wallet; cascades that neither traded, or both alike, are counted
    as ties; n × mean and what was made elsewhere is the difference in return."""
    one = block([200.0, 500.0, 300.0, -100.0, 400.0, 0.0, 30.0], elsewhere=50.0)
    other = block([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0], elsewhere=-5.0)
    found = cascade_difference(one, other, 10_000.0, 1_000.0)
    assert (found.n, found.ties, found.p, found.smallest) == (5, 2, 0.125, 0.0625)
    assert found.mean == pytest.approx(0.026)
    assert found.elsewhere == pytest.approx(0.01)
    total = (1_330 + 50) / 10_000 - (3 - 5) / 1_000
    assert found.n * (found.mean or 0) + (found.elsewhere or 0) == pytest.approx(total)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.026 < found.high
    turned = cascade_difference(other, one, 1_000.0, 10_000.0)
    assert (turned.p, turned.mean) == (found.p, pytest.approx(-0.026))


@pytest.mark.parametrize(("one", "other", "n", "why"), [
    (block([]), block([]), 0, "no cascade in which they differ"),
    (block([5.0, 0.0]), block([5.0, 0.0]), 0, "no cascade"),
    (block([5.0, 0.0]), block([4.0, 0.0]), 1, "one cascade in which"),
    (block([0.1 + 0.2]), block([0.3]), 0, "no cascade in which"),  # but for rounding
    (block([1.0], trigger=None), block([1.0]), 0, "cascades are not looked for"),
    (block([1.0, 2.0]), block([1.0]), 0, "not the same cascades (2 and 1 found)"),
    (block([1.0]), block([1.0], first=7), 0, "not the same cascades (1 and 1 found)"),
])
def test_pairs_that_cannot_be_judged(one: dict[str, Any], other: dict[str, Any], n: int,
                                     why: str) -> None:
    """Without two cascades in which they differ, or on other cascades, there is no p, and a
    reason."""
    found = cascade_difference(one, other, 100.0, 100.0)
    assert (found.n, found.p, found.low, found.high) == (n, None, None, None)
    assert found.why.startswith(why)
