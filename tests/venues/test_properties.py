"""Laws of the venue rules over drawn ladders and positions, for every venue and product.

The laws in words: maintenance never falls with the notional, and does not jump where the ladder has
amounts; at a liquidation price the margin ratio is 1; more margin moves that price away and funding
paid brings it nearer; what a long pays an equal short receives; an array is answered as its numbers
are one by one; the bracket is the fixed point of looking it up again and again, from either side;
the margin is gone only beyond the liquidation price; inverse and linear agree in a small move; both
legs of a hedge die at one price. 100 examples each by default, 2,000 under the slow marker.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from deleverage.venues.binance import BinanceCoinm, BinanceUsdm
from deleverage.venues.bybit import BybitLinear
from deleverage.venues.ladder import Ladder, LadderUse
from deleverage.venues.okx import OkxSwap
from deleverage.venues.rules import InverseRules, VenueRules
from tests.core.desks import flat_ladder, make_ladder
from tests.venues.positions import (
    EXAMPLES,
    INVERSE,
    LINEAR,
    PRODUCTS,
    Held,
    held,
    hold,
    ladders,
    product_id,
    rules_of,
    unit_of,
)

every_product = pytest.mark.parametrize("product", PRODUCTS, ids=product_id)


# ------------------------------------------------------------------ maintenance


@EXAMPLES
def test_maintenance_never_falls_with_the_notional(examples: int) -> None:
    """A larger position at the same mark never needs less maintenance."""
    def law(rules: VenueRules, one: float, two: float, mark: float) -> None:
        scale = mark ** 2 if isinstance(rules, InverseRules) else 1.0
        small, large = (rules.position_maintenance(size * scale, mark, mark)
                        for size in sorted((one, two)))
        assert 0 <= small <= large * (1 + 1e-12) + 1e-9
    sizes = st.floats(0.01, 1e5)
    hold(law, examples, rules_of(), sizes, sizes, st.floats(50, 5_000))


@EXAMPLES
def test_maintenance_is_continuous_where_the_ladder_has_amounts(examples: int) -> None:
    """It moves by no more than the dearest rate times the step, across every bound too."""
    def law(ladder: Ladder, one: float, two: float) -> None:
        rules = BinanceUsdm("ETH", LadderUse(ladder, 0))
        low, high = sorted((one, two))
        step = rules.maintenance_margin(high) - rules.maintenance_margin(low)
        assert step <= ladder.brackets[-1].rate * (high - low) + 1e-9 * high
        for rung in ladder.brackets[1:]:
            above = rules.maintenance_margin(math.nextafter(rung.lower, math.inf))
            assert above == pytest.approx(rules.maintenance_margin(rung.lower), rel=1e-11)
    hold(law, examples, ladders(), st.floats(0, 1e6), st.floats(0, 1e6))


@EXAMPLES
def test_okx_maintenance_jumps_at_a_bound(examples: int) -> None:
    """Without amounts the whole position takes the dearer rate one contract above a bound."""
    def law(ladder: Ladder, mark: float) -> None:
        rules = OkxSwap("ETH", LadderUse(ladder, 0))
        for below, rung in zip(ladder.brackets, ladder.brackets[1:], strict=False):
            size = rung.lower * ladder.contract_size
            on = rules.position_maintenance(size, mark, mark)
            beyond = rules.position_maintenance(size * (1 + 1e-12), mark, mark)
            assert on == pytest.approx(size * mark * (below.rate + 0.0005), rel=1e-9)
            assert beyond == pytest.approx(size * mark * (rung.rate + 0.0005), rel=1e-9)
    hold(law, examples, ladders("contracts", jumps=True), st.floats(50, 5_000))


# ------------------------------------------------------------------ liquidation price


@EXAMPLES
@every_product
def test_the_margin_ratio_is_one_at_the_liquidation_price(
    product: type[VenueRules], examples: int
) -> None:
    """Maintenance ÷ equity is 1 there on the venue's own basis: isolated, and cross with others."""
    def law(position: Held) -> None:
        price = position.liquidation_price()
        assume(price is not None and 0.02 * position.entry < price < 50 * position.entry)
        assert price is not None
        assert position.margin_ratio(price) == pytest.approx(1, abs=1e-9)
        assert position.maintenance(price) == pytest.approx(position.equity(price), rel=1e-8)
    hold(law, examples, held((product,)))


@EXAMPLES
def test_before_the_liquidation_price_a_position_lives(examples: int) -> None:
    """Equity is above maintenance on the near side of the price and below it on the far side; with
    no price it is above maintenance at every mark."""
    def law(position: Held, share: float) -> None:
        price = position.liquidation_price()
        if price is None:
            for mark in (1e-3 * position.entry, position.entry, 1e3 * position.entry):
                room = position.equity(mark) - position.maintenance(mark)
                assert room >= -1e-9 * position.worth
            return
        assume(0.02 * position.entry < price < 50 * position.entry)
        for mark, lives in ((price * (1 + position.side * share), True),
                            (price * (1 - position.side * share), False)):
            assert (position.equity(mark) > position.maintenance(mark)) is lives
    hold(law, examples, held(), st.floats(1e-6, 0.5))


@EXAMPLES
def test_a_position_that_owes_more_than_everything_dies_at_any_mark(examples: int) -> None:
    """The level then lies beyond every mark: 0 for a short, infinity for an inverse long."""
    def law(position: Held) -> None:
        inverse = isinstance(position.rules, InverseRules)
        price = position.liquidation_price()
        if inverse is (position.side > 0):
            assert price == (math.inf if inverse else 0)
        else:
            assert price is not None
            assert (price - position.entry) * position.side > 0
    hold(law, examples, held(share=st.floats(-3, -1.3)))


@EXAMPLES
def test_added_margin_moves_the_price_away(examples: int) -> None:
    """Margin added never brings the price nearer; None is farther than any price."""
    def law(position: Held, more: float) -> None:
        thin, thick = position.liquidation_price(), position.liquidation_price(
            more * position.worth)
        if thin is None:
            assert thick is None
        elif thick is not None:
            assert position.side * thick <= position.side * thin + 1e-9 * position.entry
    hold(law, examples, held(), st.floats(0, 0.5))


@EXAMPLES
def test_funding_paid_brings_the_price_nearer(examples: int) -> None:
    """A long's price rises and a short's falls by what it pays; a receipt moves it away."""
    def law(position: Held, rate: float) -> None:
        paid = position.rules.funding_payment(position.side * position.size, position.entry, rate)
        before, after = position.liquidation_price(), position.liquidation_price(paid)
        assume(before is not None and 0 < before < math.inf)
        assert before is not None
        assert math.copysign(1, paid) == -math.copysign(1, position.side * rate)
        away = math.inf if after is None else position.side * (before - after)
        assert away * paid > 0
    rates = st.floats(1e-5, 0.01)
    hold(law, examples, held(share=st.floats(0.05, 0.6)), rates | rates.map(lambda r: -r))


@EXAMPLES
def test_funding_of_a_long_and_the_equal_short_sums_to_zero(examples: int) -> None:
    """What one side pays the other receives, to the last bit: notional at the price × rate."""
    def law(rules: VenueRules, size: float, price: float, rate: float) -> None:
        long = rules.funding_payment(size, price, rate)
        assert long + rules.funding_payment(-size, price, rate) == 0
        assert long == pytest.approx(-rules.notional(size, price) * rate, rel=1e-12)
    hold(law, examples, rules_of(), st.floats(0.001, 1e6), st.floats(50, 1e5),
         st.floats(-0.04, 0.04))


@EXAMPLES
def test_the_margin_is_gone_only_beyond_the_liquidation_price(examples: int) -> None:
    """The bankruptcy price lies on the far side; there the equity is zero."""
    def law(position: Held) -> None:
        rules, side = position.rules, position.side
        gone = rules.bankruptcy_price(side, position.size, position.entry, position.wallet)
        price = position.liquidation_price()
        assume(gone is not None and 0.02 * position.entry < gone < 50 * position.entry)
        assert position.equity(gone) == pytest.approx(0, abs=1e-9 * position.worth)
        assert price is not None
        assert side * price > side * gone
    hold(law, examples, held(cross=False))


# ------------------------------------------------------------------ arrays


@EXAMPLES
@every_product
def test_an_array_is_answered_as_its_numbers_are(
    product: type[VenueRules], examples: int
) -> None:
    """Every method gives for an array what it gives for each number; None is NaN."""
    def law(position: Held, shares: list[float], sides: list[int]) -> None:
        rules, cross, count = position.rules, position.cross, min(len(shares), len(sides))
        side = np.array(sides[:count])
        size = position.size * np.exp(np.linspace(-3, 3, count))
        entry = position.entry * np.linspace(0.9, 1.1, count)
        wallet = np.array(shares[:count]) * rules.notional(size, entry)
        rows = list(zip(side.tolist(), size.tolist(), entry.tolist(), wallet.tolist(),
                        strict=True))
        assert_same(rules.liquidation_price(side, size, entry, wallet, cross=cross),
                    [rules.liquidation_price(*row, cross=cross) for row in rows])
        assert_same(rules.liquidation_price(side, size, entry, wallet, rate=0.01, amount=1.0),
                    [rules.liquidation_price(*row, rate=0.01, amount=1.0) for row in rows])
        assert_same(rules.bankruptcy_price(side, size, entry, wallet),
                    [rules.bankruptcy_price(*row) for row in rows])
        assert_same(rules.margin_ratio(side, size, entry, wallet, entry, cross=cross),
                    [rules.margin_ratio(*row, row[2], cross=cross) for row in rows])
        assert_same(rules.maintenance_margin(wallet), [rules.maintenance_margin(w) for w in wallet])
        assert_same(rules.max_leverage(wallet), [rules.max_leverage(w) for w in wallet])
        assert_same(rules.funding_payment(side * size, entry, 0.001),
                    [rules.funding_payment(s * q, e, 0.001) for s, q, e, _ in rows])
    percents = st.integers(-200, 200).map(lambda percent: percent / 100)
    hold(law, examples, held((product,)), st.lists(percents, min_size=1, max_size=8),
         st.lists(st.sampled_from([1, -1]), min_size=1, max_size=8))


def assert_same(array: Any, scalars: list[float | None]) -> None:
    """Equal to 1e-12, NaN where a scalar is None."""
    expected = np.array([math.nan if each is None else each for each in scalars])
    assert isinstance(array, np.ndarray)
    np.testing.assert_allclose(array, expected, rtol=1e-12, atol=0, equal_nan=True)


@every_product
def test_an_array_longer_than_a_chunk_is_answered_as_its_parts_are(
    product: type[VenueRules],
) -> None:
    """Working in pieces changes nothing: length, shape and every value as piece by piece."""
    rng = np.random.default_rng(20260131)
    unit = unit_of(product)
    bound = {"quote": 50_000, "coin": 50, "contracts": 5_000}[unit]
    ladder = make_ladder((0, bound, 0.004), (bound, None, 0.01), unit=unit)
    rules, count = product("ETH", LadderUse(ladder, 0)), 50_001
    side = rng.choice([1, -1], count)
    size, entry = rng.uniform(1, 100, count), rng.uniform(1_000, 4_000, count)
    if issubclass(product, InverseRules):
        size *= entry
    wallet = rules.notional(size, entry) * rng.uniform(0.01, 1.3, count)
    whole = rules.liquidation_price(side, size, entry, wallet)
    parts = [rules.liquidation_price(side[k:k + 999], size[k:k + 999], entry[k:k + 999],
                                     wallet[k:k + 999]) for k in range(0, count, 999)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    square = rules.liquidation_price(1, size[:50_000].reshape(250, 200), 2_000.0,
                                     wallet[:50_000].reshape(250, 200))
    assert square.shape == (250, 200)
    np.testing.assert_array_equal(
        square.ravel(), rules.liquidation_price(1, size[:50_000], 2_000.0, wallet[:50_000]))


# ------------------------------------------------------------------ the bracket


@EXAMPLES
@pytest.mark.parametrize("product", [BinanceUsdm, BinanceCoinm], ids=product_id)
def test_the_bracket_is_the_fixed_point_reached_from_either_side(
    product: type[VenueRules], examples: int
) -> None:
    """Looking the bracket up at the price it gives, again and again, from the first bracket or from
    the last, ends at the same price."""
    def law(position: Held) -> None:
        price = position.liquidation_price()
        assume(price is not None and 0.01 * position.entry < price < 100 * position.entry)
        brackets = position.rules.ladder.brackets
        for start in (0, len(brackets) - 1):
            assert iterated(position, start) == pytest.approx(price, rel=1e-9)
    hold(law, examples, held((product,), cross=False))


def iterated(position: Held, bracket: int) -> float | None:
    """The price found by moving one bracket at a time towards the notional it gives."""
    rules = position.rules
    brackets = rules.ladder.brackets
    for _ in range(len(brackets) + 1):
        rung = brackets[bracket]
        price = rules.liquidation_price(position.side, position.size, position.entry,
                                        position.wallet, rate=rung.rate, amount=rung.amount)
        # no mark in this bracket kills: the search goes on among smaller notionals
        notional = 0.0 if price is None else rules.notional(position.size, price)
        if notional < rung.lower * (1 - 1e-12) and bracket > 0:
            bracket -= 1
        elif notional > rung.upper * (1 + 1e-12) and bracket + 1 < len(brackets):
            bracket += 1
        else:
            found: float | None = price
            return found
    raise AssertionError("the search went round in a circle")


@EXAMPLES
@pytest.mark.parametrize("product", [OkxSwap, *INVERSE[-1:]], ids=product_id)
def test_without_amounts_a_position_may_die_on_a_bound(
    product: type[VenueRules], examples: int
) -> None:
    """A ladder that jumps over notional: the ratio is 1 at the price, or the price is a bound with
    room on its near side and none a hair beyond it."""
    def law(ladder: Ladder, side: int, worth: float, entry: float, share: float) -> None:
        rules = product("ETH", LadderUse(ladder, 0))
        size = worth * entry if isinstance(rules, InverseRules) else worth / entry
        position = Held(rules, side, size, entry, share * worth)
        price = position.liquidation_price()
        assume(position.equity(entry) > position.maintenance(entry))
        assume(price is not None and 0.02 * entry < price < 50 * entry)
        assert price is not None
        assert (entry - price) * side > 0
        if abs(position.margin_ratio(price) - 1) > 1e-9:
            notional = rules.notional(size, price)
            assert min(abs(notional / rung.lower - 1) for rung in ladder.brackets[1:]) < 1e-9
            assert position.margin_ratio(price * (1 + side * 1e-9)) < 1
            assert position.margin_ratio(price * (1 - side * 1e-9)) > 1
    unit = "coin" if issubclass(product, InverseRules) else "quote"
    hold(law, examples, ladders(unit, jumps=True), st.sampled_from([1, -1]),
         st.floats(100, 600_000), st.floats(50, 5_000), st.floats(0.002, 0.9))


# ------------------------------------------------------------------ inverse beside linear, hedges


@EXAMPLES
def test_inverse_and_linear_agree_in_a_small_move(examples: int) -> None:
    """With the same margin and rate as shares w and m of the notional, the two prices differ by
    (m² − w²)/((1 − s·m)(1 + s·w)) of entry: nothing in the limit of a small move."""
    def law(side: int, entry: float, margin: float, rate: float) -> None:
        use = LadderUse(flat_ladder(rate), 0)
        linear = BinanceUsdm("ETH", use).liquidation_price(side, 10.0, entry, 10 * entry * margin)
        inverse = BinanceCoinm("ETH", use).liquidation_price(side, 10 * entry, entry, 10 * margin)
        apart = (linear - inverse) / entry
        assert apart == pytest.approx(
            (rate ** 2 - margin ** 2) / ((1 - side * rate) * (1 + side * margin)), abs=1e-12)
        assert abs(apart) <= 1.1 * max(margin, rate) ** 2
    hold(law, examples, st.sampled_from([1, -1]), st.floats(50, 5_000), st.floats(1e-4, 0.05),
         st.floats(1e-4, 0.05))


@EXAMPLES
def test_both_legs_of_a_hedge_die_at_one_price(examples: int) -> None:
    """At the price equity equals the maintenance of both legs; between it and the mark there is
    more; without a price there is more at every mark."""
    def law(ladder: Ladder, long: float, short: float, entry: float, gap: float, share: float
            ) -> None:
        rules = BinanceUsdm("ETH", LadderUse(ladder, 0))
        legs = ((long, entry), (short, entry * gap))

        def room(mark: float) -> float:
            equity = wallet + long * (mark - legs[0][1]) - short * (mark - legs[1][1])
            return float(equity - rules.maintenance_margin(long * mark)
                         - rules.maintenance_margin(short * mark))
        wallet = share * (long + short) * entry
        assume(room(entry) > 0)
        price = rules.hedged_liquidation_price(*legs, wallet, mark=entry)
        scale = (long + short) * entry
        if price is None:
            assert min(room(entry * 10 ** k) for k in (-6, -3, -1, 1, 2)) >= -1e-9 * scale
            return
        assert room(price) == pytest.approx(0, abs=1e-9 * (scale + (long + short) * price))
        for part in (0.01, 0.5, 0.99):
            assert room(entry + (price - entry) * part) > -1e-9 * scale
    legs = st.floats(0.01, 100)
    hold(law, examples, ladders(), legs, legs, st.floats(50, 5_000), st.floats(0.7, 1.4),
         st.floats(0.01, 1.5))


@EXAMPLES
def test_of_equal_legs_only_the_maintenance_moves(examples: int) -> None:
    """Profit stands still whatever the mark does; maintenance rises with it, so that the pair dies
    above, where maintenance has eaten what was locked in."""
    def law(size: float, entry: float, gap: float, share: float, rate: float) -> None:
        rules = BinanceUsdm("ETH", LadderUse(flat_ladder(rate), 0))
        locked = share * size * entry  # wallet and locked-in profit together
        wallet = locked - size * entry * (gap - 1)
        price = rules.hedged_liquidation_price((size, entry), (size, entry * gap), wallet)
        assert price == pytest.approx(locked / (2 * size * rate), rel=1e-9)
    hold(law, examples, st.floats(0.01, 100), st.floats(50, 5_000), st.floats(0.7, 1.4),
         st.floats(0.02, 1.5), st.floats(0.002, 0.2))


def test_every_linear_product_of_family_a_answers_alike_but_for_its_fee() -> None:
    """One ladder, one position: only Bybit (at entry) and the fee inside maintenance differ."""
    use = LadderUse(flat_ladder(0.004), 0)
    prices = {product.name: product("ETH", use).liquidation_price(1, 10, 3_000, 3_000)
              for product in LINEAR}
    assert prices["binance"] == prices["hyperliquid"] == pytest.approx(27_000 / 9.96)
    assert prices["okx"] == pytest.approx(27_000 / 9.955)
    assert prices["gate"] == pytest.approx(27_000 / 9.9525)
    assert prices["bybit"] == pytest.approx(2_712)
    assert BybitLinear("ETH", use).liquidation_price(1, 10, 3_000, 3_000, cross=True) == \
        prices["binance"]


# ------------------------------------------------------------------ as an account asks


@pytest.mark.parametrize("cross", [False, True], ids=["isolated", "cross"])
@pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])
@every_product
def test_the_level_an_account_asks_for_is_the_liquidation_price(
        product: type[VenueRules], side: int, cross: bool) -> None:
    """To the last bit, over drawn ladders and positions; on a bracket's very bounds as well."""
    found: list[float | None] = []

    def law(position: Held, bound: int) -> None:
        rules, size = position.rules, position.size
        brackets = rules.use.ladder.brackets
        for coins in (size, brackets[bound % len(brackets)].lower / position.entry or size):
            asked = side, coins, position.entry, position.behind
            level = rules.liquidation_level(*asked, cross=cross)
            assert level == rules.liquidation_price(*asked, cross=cross)
            assert type(level) in (float, type(None))
            found.append(level)

    hold(law, 100, held((product,)), st.integers(0, 5))
    assert sum(level is not None and level > 0 for level in found) > 50
