"""What a fill costs: by hand, as laws, and as text.

The laws in words: a share is a number from 0 to 1; it never falls with the size nor with the rate
of liquidations, and never rises with the volume; bars of any length ask the same of a steady flow.
All bars are SYNTHETIC.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deleverage.errors import UnknownName, UsageError
from deleverage.slippage import (
    CascadeDepth,
    FixedBp,
    Liquidity,
    Slippage,
    VolumeShare,
    parse,
    to_text,
)
from deleverage.timestamps import DAY, HOUR, MINUTE
from tests.core.bars import NAN, PRICE, bar, cost

# ------------------------------------------------------------------ by hand


def test_fixed_is_fixed() -> None:
    """2 bp is 0.0002 for a coin and for a million, with and without volume."""
    for size, at in itertools.product((1, 1e6), (bar(), bar(0.0, 0.0), bar(520.0, 1e9))):
        assert FixedBp(2).share(-1, size, PRICE, at) == pytest.approx(0.0002)


def test_volume_share_by_hand() -> None:
    """40 of a minute's 520 coins: 0.3 bp + 10 bp × √(40 ÷ 520) = 3.07 bp; linear: 10 % × 40 ÷ 520.
    """
    assert cost(VolumeShare(), 100_000, bar(520.0)) == pytest.approx(0.3 + 10 * (1 / 13) ** 0.5)
    linear = VolumeShare(half_spread_bp=0, impact=0.1, exponent=1)
    assert linear.share(1, 40, PRICE, bar(520.0)) == pytest.approx(0.1 / 13)


@pytest.mark.parametrize("volume", [0.0, NAN])
def test_no_known_volume_costs_the_bars_worst_price(volume: float) -> None:
    """A share of 1: the account's cap at the bar's extreme is what is left of it."""
    assert VolumeShare().share(1, 0.001, PRICE, bar(volume)) == 1


def test_cascade_by_hand() -> None:
    """250,000 of 1M USD in calm: 0.3 bp + 1 % × 0.25 ÷ 2; at the halving rate twice the walk; four
    times the depth: the mean of 1 % × q to q = 1 and 1 % × q² to q = 4."""
    policy = CascadeDepth(depth=1e6, exponent=2, halving_rate=1e5)
    assert cost(policy, 250_000, bar(liquidations=0.0)) == pytest.approx(0.3 + 12.5)
    assert cost(policy, 250_000, bar(liquidations=1e5)) == pytest.approx(0.3 + 25)
    assert cost(policy, 4e6, bar(liquidations=0.0)) == pytest.approx(0.3 + 100 * (0.5 + 21) / 4)


def test_the_closed_form_is_the_mean_of_the_coins() -> None:
    """Against a sum over 100,000 slices of the book, from inside 1 % to ten times beyond it."""
    policy = CascadeDepth(half_spread_bp=0)
    for q in (0.3, 1.0, 2.5, 10.0):
        slices = [q * (k + 0.5) / 100_000 for k in range(100_000)]
        walked = sum(x if x <= 1 else x ** policy.exponent for x in slices) / len(slices)
        assert cost(policy, q * policy.depth, bar(liquidations=0.0)) == \
            pytest.approx(100 * walked, rel=1e-6)


def test_unknown_liquidations_are_not_a_calm_book() -> None:
    """They cost what the median event costs, also with a halving rate of one's own."""
    for policy in (CascadeDepth(), CascadeDepth(halving_rate=1e5)):
        assert cost(policy, 1e5, bar()) == pytest.approx(
            cost(policy, 1e5, bar(liquidations=policy.halving_rate * 2.4)))
        assert cost(policy, 1e5, bar()) > 2 * cost(policy, 1e5, bar(liquidations=0.0))


def test_both_sides_cost_the_same() -> None:
    """A sale is worse by the same share as a purchase."""
    for policy in (FixedBp(2), VolumeShare(), CascadeDepth()):
        at = bar(520.0, 1e6)
        assert cost(policy, 1e5, at, side=1) == cost(policy, 1e5, at, side=-1)


# ------------------------------------------------------------------ laws

WICKS = st.floats(0, 1)
SPREADS = st.floats(0, 10_000)
EXPONENTS = st.floats(0.1, 3)
POLICIES = st.one_of(
    st.builds(FixedBp, bp=SPREADS, stop_wick=WICKS),
    st.builds(VolumeShare, half_spread_bp=SPREADS, impact=st.floats(0, 1), exponent=EXPONENTS,
              stop_wick=WICKS),
    st.builds(CascadeDepth, depth=st.floats(1, 1e15), exponent=EXPONENTS, half_spread_bp=SPREADS,
              halving_rate=st.floats(1, 1e15), stop_wick=WICKS),
)
AMOUNTS = st.floats(0, 1e12) | st.just(NAN)
STEPS = st.sampled_from([MINUTE, 5 * MINUTE, HOUR, DAY])
SIZES = st.floats(0, 1e9)
KNOWN = st.floats(1e-3, 1e12)


def not_above(low: float, high: float) -> bool:
    """``low ≤ high`` but for rounding."""
    return low <= high * (1 + 1e-12)


@given(POLICIES, st.floats(allow_nan=True), AMOUNTS, AMOUNTS, STEPS)
def test_a_share_is_a_number_from_0_to_1(
    policy: Slippage, size: float, volume: float, liquidations: float, step: int
) -> None:
    """Never negative, never NaN, never more than the whole price, whatever size and bar."""
    assert 0 <= policy.share(1, size, PRICE, bar(volume, liquidations, step)) <= 1


@given(POLICIES, SIZES, SIZES, AMOUNTS, AMOUNTS)
def test_a_larger_fill_is_never_cheaper(
    policy: Slippage, one: float, two: float, volume: float, liquidations: float
) -> None:
    """Share by share, so the whole cost grows at least as fast as the size."""
    small, large = sorted((one, two))
    at = bar(volume, liquidations)
    assert not_above(policy.share(1, small, PRICE, at), policy.share(1, large, PRICE, at))


@given(POLICIES, SIZES, KNOWN, KNOWN, AMOUNTS)
def test_more_liquidations_are_never_cheaper(
    policy: Slippage, size: float, one: float, two: float, volume: float
) -> None:
    """The book only thins with the rate of liquidations."""
    calm, wild = (policy.share(1, size, PRICE, bar(volume, each)) for each in sorted((one, two)))
    assert not_above(calm, wild)


@given(POLICIES, SIZES, st.floats(0, 1e12), st.floats(0, 1e12), AMOUNTS)
def test_more_volume_is_never_dearer(
    policy: Slippage, size: float, one: float, two: float, liquidations: float
) -> None:
    """A market that trades more takes the same fill for less; no volume at all is the dearest."""
    thin, thick = (policy.share(1, size, PRICE, bar(each, liquidations))
                   for each in sorted((one, two)))
    assert not_above(thick, thin)


@pytest.mark.parametrize("policy", [VolumeShare(), CascadeDepth()], ids=lambda each: to_text(each))
def test_the_laws_are_not_met_by_standing_still(policy: Slippage) -> None:
    """A tenfold size, a tenth of the volume, a tenfold rate: each that is asked for does move it.
    """
    before = cost(policy, 1e5, bar(520.0, 1e6))
    assert cost(policy, 1e6, bar(520.0, 1e6)) > 2 * before
    moved = bar(52.0, 1e6) if isinstance(policy, VolumeShare) else bar(520.0, 1e7)
    assert cost(policy, 1e5, moved) > 2 * before


@given(POLICIES, SIZES, KNOWN, KNOWN, STEPS)
def test_bars_of_any_length_ask_the_same_of_a_steady_flow(
    policy: Slippage, size: float, volume: float, liquidations: float, step: int
) -> None:
    """So much volume and so many liquidations a minute cost the same in 1 m and in 1 d bars."""
    times = step // MINUTE
    one = policy.share(1, size, PRICE, bar(volume, liquidations))
    other = policy.share(1, size, PRICE, bar(volume * times, liquidations * times, step))
    assert other == pytest.approx(one, rel=1e-9)


# ------------------------------------------------------------------ as text


@pytest.mark.parametrize(("text", "policy"), [
    ("2", FixedBp(2)), ("2bp", FixedBp(2)), (" 2.5 BP ", FixedBp(2.5)), ("0", FixedBp(0)),
    ("fixed:bp=2", FixedBp(2)), ("fixed: bp = 2, stop_wick = 0.1", FixedBp(2, stop_wick=0.1)),
    ("volume", VolumeShare()),
    ("Volume:impact=0.1,exponent=1", VolumeShare(impact=0.1, exponent=1)),
    ("cascade", CascadeDepth()),
    ("cascade:depth=1e6,stop_wick=0.25", CascadeDepth(depth=1e6, stop_wick=0.25)),
])
def test_texts_that_name_a_policy(text: str, policy: Slippage) -> None:
    """Basis points alone, or a name and what differs from its defaults."""
    assert parse(text) == policy


@given(POLICIES)
def test_a_policy_survives_its_text(policy: Slippage) -> None:
    """Written and read again it is equal to the last bit."""
    assert parse(to_text(policy)) == policy


def test_the_shortest_text() -> None:
    """Only what is not a default is written."""
    assert [to_text(each) for each in (FixedBp(2.0), VolumeShare(), CascadeDepth(depth=1e6))] == \
        ["fixed:bp=2", "volume", "cascade:depth=1000000"]


@pytest.mark.parametrize(("text", "says"), [
    ("casade", "did you mean 'cascade'?"), ("", "unknown slippage policy"),
    ("cascade:dept=1e6", "did you mean 'depth'?"), ("volume:depth=1", "known: exponent, half"),
    ("2bp:bp=2", "unknown slippage policy"), ("volume:,", "unknown parameter"),
    ("cascade:depth", "depth needs a number, found ''"),
    ("cascade:depth=1,000,000", "unknown parameter of slippage 'cascade' '000'"),
    ("cascade:depth=deep", "depth needs a number, found 'deep'"),
    ("cascade:depth=1e6,depth=2e6", "gives depth twice"),
    ("fixed", "lacks its basis points"), ("fixed:stop_wick=0.1", "lacks its basis points"),
    ("-2", "slippage bp must be a number from 0 to 10000, found -2.0"),
    ("nan", "found nan"), ("infbp", "found inf"), ("10001", "found 10001.0"),
    ("cascade:stop_wick=1.5", "slippage stop_wick must be a number from 0 to 1, found 1.5"),
    ("cascade:depth=0", "slippage depth must be a number from 1 to 1e+15, found 0.0"),
    ("volume:exponent=0", "from 0.1 to 3, found 0.0"), ("volume:impact=-1", "found -1.0"),
])
def test_texts_that_name_none(text: str, says: str) -> None:
    """One line says what was found, what may stand there, and the near miss of a misspelt name."""
    with pytest.raises(UsageError) as caught:
        parse(text)
    message = str(caught.value)
    assert says in message
    assert "\n" not in message


def test_a_misspelt_name_is_an_unknown_name() -> None:
    """So that callers can tell it from a value out of range."""
    for text in ("casade", "cascade:dept=1"):
        with pytest.raises(UnknownName):
            parse(text)


@pytest.mark.parametrize("value", ["2", None, True, NAN, math.inf, -0.1, 1e5])
def test_a_policy_refuses_what_is_no_basis_point(value: Any) -> None:
    """Also when it is made as an object: text, truth values and what is not finite."""
    with pytest.raises(UsageError, match="slippage bp must be a number from 0 to 10000, found"):
        FixedBp(value)


@pytest.mark.parametrize(("volume", "liquidations", "step"), [
    (-1.0, 0.0, MINUTE), (0.0, -1.0, MINUTE), (1.0, 1.0, 0)])
def test_a_bar_that_cannot_be(volume: float, liquidations: float, step: int) -> None:
    """Volume or liquidations below zero, or no length, are refused; NaN is unknown, not refused."""
    with pytest.raises(UsageError, match="a bar's volume and liquidations must be"):
        bar(volume, liquidations, step)
    assert math.isnan(bar().minute_volume)


def test_each_policy_describes_itself_in_one_line() -> None:
    """With the figures in use, and what an unknown figure costs."""
    lines = [each.describe() for each in
             (FixedBp(2), VolumeShare(), CascadeDepth(), FixedBp(0.5, stop_wick=0.25))]
    assert lines[0] == "2 bp fixed"
    assert lines[1].startswith("0.3 bp half spread + 10 bp × (size ÷ a minute's volume)^0.5; the")
    assert "1,560,317 USD within 1 %" in lines[2]
    assert "3.4 times thinner where they are unknown" in lines[2]
    assert lines[2].endswith("; stops lose 13% of the wick")
    assert lines[3] == "0.5 bp fixed; stops lose 25% of the wick"
    assert not any("\n" in line for line in lines)


class _Own(Slippage):
    def share(self, side: int, size: float, price: float, bar: Liquidity) -> float:
        """A bar's whole range."""
        return (bar.high - bar.low) / price

    def describe(self) -> str:
        """Its name."""
        return "the whole range"


def test_a_policy_of_ones_own() -> None:
    """Deriving from the base is enough to be passed as an object; it has no text."""
    policy = _Own(stop_wick=0.5)
    assert (policy.share(1, 1, PRICE, bar()), policy.stop_wick) == (pytest.approx(0.008), 0.5)
    with pytest.raises(UsageError, match="has no text: _Own"):
        to_text(policy)
    with pytest.raises(UsageError, match="stop_wick"):
        _Own(stop_wick=2)
