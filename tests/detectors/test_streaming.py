"""The streaming detectors and their array forms: test vectors, agreement, unknown input."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deleverage.detectors import (
    Cusum,
    OnlineIntensity,
    RobustZ,
    RollingSum,
    ShareClosed,
    cusum,
    flush,
    hawkes_excitation,
    hawkes_log_likelihood,
    log_size,
    online_intensity,
    robust_z,
    rolling_sum,
    share_closed,
)

AMOUNTS = st.lists(
    st.one_of(st.just(0.0), st.floats(0.0, 1e9), st.just(math.nan)), min_size=1, max_size=120
)


def test_hawkes_vector() -> None:
    """Events at 1, 2 and 4 give the published excitations and log-likelihood."""
    assert hawkes_excitation((1, 2, 4), 1.0) == pytest.approx([0.0, 0.367879, 0.185122], abs=1e-6)
    assert hawkes_log_likelihood((1, 2, 4), 5, 0.5, 0.4, 1.0) == pytest.approx(-5.208969, abs=1e-6)


def test_hawkes_without_events() -> None:
    """Without an event the likelihood is that of silence: exp(−μT)."""
    assert hawkes_log_likelihood((), 5.0, 0.5, 0.4, 1.0) == -2.5


def test_robust_z_follows_the_update_to_the_letter() -> None:
    """Three bars by hand: step 3α, twice that for the median, and the new m inside |y − m|."""
    detector = RobustZ(half_life=2.0, warm_up=0)
    step = 3 * (1 - 2 ** -0.5)
    assert detector.push(1.0) == 0.0
    assert (detector.median, detector.spread) == (1.0, 0.5)
    assert detector.push(3.0) == pytest.approx((3.0 - 1.0) / (1.4826 * 0.5))
    median = 1.0 + 2 * step * 0.5
    spread = max(0.5 + step * 0.5, 0.15)  # |3 − 1.88| = 1.12 lies above 0.5
    assert detector.median == pytest.approx(median)
    assert detector.spread == pytest.approx(spread)
    assert detector.push(0.0) == pytest.approx((0.0 - median) / (1.4826 * spread))


def test_robust_z_is_zero_in_the_warm_up_and_learns_the_scale() -> None:
    """z is 0 for warm-up bars; after it, m and d sit near median and MAD of the data."""
    values = np.random.default_rng(7).normal(10.0, 2.0, 20_000)
    detector = RobustZ(half_life=4_320, warm_up=720)
    z = [detector.push(value) for value in values]
    assert set(z[:721]) == {0.0}
    assert detector.median == pytest.approx(10.0, abs=0.3)
    assert detector.spread == pytest.approx(2.0 * 0.6745, abs=0.2)
    assert np.std(z[5_000:]) == pytest.approx(1.0, abs=0.15)


def test_one_extreme_value_is_one_vote() -> None:
    """A value a million times larger moves the median by the same step as one slightly larger."""
    medians = []
    for value in (2.0, 2e6):
        detector = RobustZ(half_life=100.0, warm_up=0)
        detector.push(1.0)
        detector.push(value)
        medians.append(detector.median)
    assert medians[0] == medians[1]


def test_uncapped_cusum_never_clears_but_ours_does() -> None:
    """However long the burst, silence clears the alarm within 4h/k bars."""
    detector = Cusum(allowance=1.0, threshold=15.0)
    for _ in range(10_000):
        alarm = detector.push(50.0)
    assert alarm
    assert detector.level == 60.0
    silent = next(bar for bar in range(1, 1_000) if not detector.push(0.0))
    assert silent <= 4 * 15


def test_cusum_needs_more_than_one_extreme_bar() -> None:
    """z counts at most 6, so the alarm needs four bars in a row, not one of a thousand."""
    assert cusum(np.array([1e3, 0.0, 0.0, 0.0])).tolist() == [False] * 4
    assert cusum(np.array([9.0, 9.0, 9.0, 9.0])).tolist() == [False, False, False, True]


def test_intensity_rises_and_decays_by_its_half_life() -> None:
    """After a burst the excited part halves every half-life; n (1 − φ) of it came in per bar."""
    detector = OnlineIntensity(half_life=10.0, branching=0.8, base_half_life=4_320)
    detector.push(0.0)
    detector.push(1e6)
    phi = 2.0 ** -0.1
    assert detector.excited == pytest.approx(0.8 * (1 - phi) * 1e6)
    peak = detector.excited
    for _ in range(10):
        detector.push(0.0)
    assert detector.excited == pytest.approx(peak / 2)


def test_intensity_base_is_not_dragged_by_one_bar() -> None:
    """One bar moves μ by at most 20 μ + 10,000 times its rate, whatever was liquidated."""
    detector = OnlineIntensity()
    detector.push(0.0)
    assert detector.base == 1.0
    detector.push(1e9)
    assert detector.base == pytest.approx(1.0 + (1 - 2 ** (-1 / 4_320)) * (20.0 + 1e4 - 1.0))


def test_a_gap_is_not_an_end_of_the_cascade() -> None:
    """After an uncovered bar the intensity is unknown until six half-lives were seen again."""
    detector = OnlineIntensity(half_life=10.0)
    for _ in range(100):
        detector.push(1e6)
    after = [detector.push(math.nan)] + [detector.push(0.0) for _ in range(61)]
    assert all(math.isnan(value) for value in after[:61])
    assert math.isfinite(after[61])


def test_unknown_leaves_z_as_it_was_and_clears_the_cusum() -> None:
    """NaN is no observation: z is NaN, m and d stay, and the CUSUM does not bridge the gap."""
    z = RobustZ(half_life=10.0, warm_up=0)
    z.push(1.0)
    z.push(2.0)
    before = (z.median, z.spread)
    assert math.isnan(z.push(math.nan))
    assert (z.median, z.spread) == before
    alarm = Cusum(threshold=5.0)
    assert alarm.push(9.0) is False
    assert alarm.push(9.0) is True
    assert alarm.push(math.nan) is False
    assert alarm.level == 0.0


def test_rolling_sum_leaves_no_dust() -> None:
    """After a burst of a billion dollars has left the window the sum is exactly zero."""
    window = RollingSum(15)
    for amount in [0.1, 1e9 / 3, 0.7] + [0.0] * 14:
        window.push(amount)
    assert window.push(0.0) == 0.0


def test_rolling_sum_is_unknown_while_a_value_is() -> None:
    """An uncovered bar makes every sum that contains it unknown, and no other."""
    sums = rolling_sum(np.array([1.0, math.nan, 2.0, 3.0, 4.0]), 2)
    assert np.isnan(sums).tolist() == [False, True, True, False, False]
    assert sums[3:].tolist() == [5.0, 7.0]


@settings(max_examples=60, deadline=None)
@given(AMOUNTS, st.integers(1, 20))
def test_arrays_equal_streams(amounts: list[float], length: int) -> None:
    """Every array form equals its streaming form bit for bit, unknown values included."""
    column = np.array(amounts)
    window = RollingSum(length)
    sums = rolling_sum(column, length)
    np.testing.assert_array_equal(sums, [window.push(value) for value in amounts])
    sizes = log_size(sums)
    scorer, alarm, rate = RobustZ(30.0, 5), Cusum(), OnlineIntensity()
    z = robust_z(sizes, 30.0, 5)
    np.testing.assert_array_equal(z, [scorer.push(value) for value in sizes.tolist()])
    np.testing.assert_array_equal(cusum(z), [alarm.push(value) for value in z.tolist()])
    np.testing.assert_array_equal(
        online_intensity(column), [rate.push(value) for value in amounts]
    )


def test_price_fall_is_no_flush() -> None:
    """With constant open interest in coins a falling price flushes nothing, though USD OI falls."""
    coins = np.full(50, 2_000_000.0)
    price = np.linspace(3_000.0, 2_400.0, 50)
    in_usd = coins * price
    assert in_usd[-1] / in_usd[0] - 1 == pytest.approx(-0.2)
    assert flush(coins[-1], coins[0]) == 0.0
    assert share_closed(coins)[1:].tolist() == [0.0] * 49


def test_share_closed_counts_falls_only() -> None:
    """A rise of open interest is no closing, and an unknown neighbour makes the bar unknown."""
    closed = share_closed(np.array([100.0, 90.0, 120.0, math.nan, 120.0, 108.0]))
    stream = ShareClosed()
    np.testing.assert_allclose(closed, [math.nan, 0.1, 0.0, math.nan, math.nan, 0.1])
    np.testing.assert_array_equal(
        closed, [stream.push(v) for v in (100.0, 90.0, 120.0, math.nan, 120.0, 108.0)]
    )


def test_flush_of_an_unknown_book_is_unknown() -> None:
    """No open interest at the start means no statement about a flush."""
    assert math.isnan(flush(100.0, math.nan))
    assert math.isnan(flush(100.0, 0.0))
