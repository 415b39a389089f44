"""Liquidation and bankruptcy prices against figures worked out by hand; the arithmetic's laws."""

from __future__ import annotations

import math
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deleverage import account, margin, venues
from deleverage.account import Position, State, Terms
from deleverage.venues.binance import BinanceUsdm
from deleverage.venues.bybit import BybitLinear
from deleverage.venues.ladder import Ladder, LadderUse
from deleverage.venues.rules import VenueRules
from tests.core.desks import BTC, ETH, close_to, flat_ladder, make_ladder

BINANCE_ETH = venues.get("binance", symbol=ETH, at="2024-10-24")


def flat(rate: float, rules: type[VenueRules] = BinanceUsdm) -> VenueRules:
    """A venue's rules with one maintenance rate for every notional."""
    return rules(ETH, LadderUse(flat_ladder(rate), 0))


# ------------------------------------------------------------------ figures by hand


@pytest.mark.parametrize(("side", "size", "entry", "leverage", "fixed", "reselected", "places"), [
    (-1, 200, 2_950, 20, 3_082.34, 3_082.22, 2),  # 590,000 at entry, above 600,000 when it dies
    (1, 220, 3_000, 10, 2_713.318, 2_713.339, 3),  # 660,000 at entry, below 600,000 when it dies
])
def test_the_bracket_is_that_of_the_liquidation_notional(
    side: int, size: float, entry: float, leverage: float, fixed: float, reselected: float,
    places: int,
) -> None:
    """Maintenance is taken from the bracket of size × LP, which need not be that of the entry."""
    wallet = size * entry / leverage
    rung = BINANCE_ETH.bracket(size * entry)
    assert margin.liquidation_at_liquidation(
        side, size, entry, wallet, rung.rate, rung.amount) == close_to(fixed, places)
    assert BINANCE_ETH.liquidation_price(side, size, entry, wallet) == close_to(reselected, places)


@pytest.mark.parametrize(("stake", "leverage", "right", "wrong"), [
    (20_000, 50, 2_956.37, 2_951.81), (500_000, 20, 2_875.32, 2_864.31),
])
def test_the_bracket_is_looked_up_by_notional_not_by_collateral(
    stake: float, leverage: float, right: float, wrong: float
) -> None:
    """Looking the bracket up by the stake, a peer's defect, gives a price too far away."""
    size = stake * leverage / 3_000
    rung = BINANCE_ETH.bracket(stake)
    by_collateral = margin.liquidation_at_liquidation(
        1, size, 3_000, stake, rung.rate, rung.amount)
    assert by_collateral == close_to(wrong)
    assert BINANCE_ETH.liquidation_price(1, size, 3_000, stake) == close_to(right)


def test_the_two_families_differ_by_the_price_of_maintenance() -> None:
    """10 ETH long at 3,000, 10x, 0.4 %: 2,710.84 at liquidation, 2,712.00 at entry."""
    assert flat(0.004).liquidation_price(1, 10, 3_000, 3_000) == close_to(2_710.84)
    assert flat(0.004, BybitLinear).liquidation_price(1, 10, 3_000, 3_000) == close_to(2_712.00)


def test_bybit_isolated() -> None:
    """10 ETH long at 3,000, 10x, 0.5 %: LP 2,715, BP 2,700; 500 added move the LP to 2,665."""
    rules = flat(0.005, BybitLinear)
    assert rules.liquidation_price(1, 10, 3_000, 3_000) == 2_715
    assert rules.bankruptcy_price(1, 10, 3_000, 3_000) == 2_700
    assert rules.liquidation_price(1, 10, 3_000, 3_500) == 2_665


def test_bankruptcy_of_a_fresh_position_is_one_leverage_away() -> None:
    """E × (1 − s/L): 2,700 below and 3,300 above 3,000 at 10x."""
    assert margin.bankruptcy(1, 10, 3_000, 3_000) == 2_700
    assert margin.bankruptcy(-1, 10, 3_000, 3_000) == 3_300


def test_cross_counts_the_other_positions() -> None:
    """30 ETH beside a losing BTC die at 2,756.78; without the BTC leg it would be 2,678.39."""
    rules = {symbol: venues.get("binance", symbol=symbol, at="2024-10-24") for symbol in (ETH, BTC)}
    terms = Terms("cross", rules, {ETH: 10.0, BTC: 10.0})
    state = State(10_000.0, MappingProxyType({
        ETH: Position(ETH, 30, 3_000, 0, 10, 1), BTC: Position(BTC, 1, 80_000, 0, 10, 2)}), 2)
    marks = {ETH: 3_000.0, BTC: 78_000.0}
    assert account.maintenance(state, BTC, 78_000, terms) == pytest.approx(340)
    assert account.liquidation_price(state, ETH, marks, terms) == close_to(2_756.78)
    assert rules[ETH].liquidation_price(1, 30, 3_000, 10_000) == close_to(2_678.39)


def test_no_positive_price_means_none() -> None:
    """A long with as much margin as notional has no liquidation price: None, not 0, not negative.
    """
    for rules in (flat(0.004), flat(0.004, BybitLinear), BINANCE_ETH):
        assert rules.liquidation_price(1, 10, 3_000, 31_000) is None
    assert flat(0.004).liquidation_price(1, 1, 3_000, 3_000) is None
    assert BINANCE_ETH.liquidation_price(1, 100, 3_000, 300_000) is None


def test_a_short_without_leverage_can_still_be_liquidated() -> None:
    """1x short: the price just under twice the entry."""
    assert flat(0.004).liquidation_price(-1, 1, 3_000, 3_000) == pytest.approx(6_000 / 1.004)
    assert flat(0.004, BybitLinear).liquidation_price(-1, 1, 3_000, 3_000) == pytest.approx(5_988)


def test_negative_margin_puts_the_price_on_the_wrong_side() -> None:
    """Funding has eaten the margin of 1 ETH long at 3,000 and 30 more: LP 3,042.17."""
    assert flat(0.004).liquidation_price(1, 1, 3_000, -30) == close_to(3_042.17)


def test_a_short_that_owes_more_than_everything_is_liquidated_at_any_mark() -> None:
    """Where no positive mark leaves a short above maintenance the level is 0, which is below all.
    """
    for rules in (flat(0.004), flat(0.004, BybitLinear)):
        assert rules.liquidation_price(-1, 1, 3_000, -4_000) == 0.0


@pytest.mark.parametrize(("entry", "leverage"), [(3_000, 4.55), (2_900, 5.18), (2_800, 6.09)])
def test_the_leverage_that_lives_through_2350(entry: float, leverage: float) -> None:
    """At 0.4 % a long survives 2,350 below 4.55x, 5.18x, 6.09x from 3,000, 2,900, 2,800."""
    def level(times: float) -> float:
        price = flat(0.004).liquidation_price(1, 1, entry, entry / times)
        assert price is not None
        return price
    assert level(leverage - 0.01) < 2_350 < level(leverage + 0.01)


# ------------------------------------------------------------------ laws


@st.composite
def ladders(draw: st.DrawFn) -> Ladder:
    """Ladders of one to six brackets, bounds and rates as venues have them."""
    count = draw(st.integers(1, 6))
    bounds = sorted(draw(st.sets(st.integers(1, 500), min_size=count - 1, max_size=count - 1)))
    steps = draw(st.lists(st.integers(0, 80), min_size=count, max_size=count))
    lowers = [0.0, *(1_000.0 * bound for bound in bounds)]
    uppers = [*lowers[1:], None]
    rates = [0.002 + 0.001 * sum(steps[:number + 1]) for number in range(count)]
    return make_ladder(*zip(lowers, uppers, rates, strict=True))


sides = st.sampled_from([1, -1])
sizes = st.floats(0.01, 300)
entries = st.floats(50, 5_000)
leverages = st.floats(1.5, 100)


@given(ladders(), st.floats(0, 1e6), st.floats(0, 1e6))
def test_maintenance_never_falls_and_never_jumps(ladder: Ladder, one: float, two: float) -> None:
    """More notional never needs less maintenance, and on a bound both brackets agree."""
    rules = BinanceUsdm(ETH, LadderUse(ladder, 0))
    low, high = sorted((one, two))
    top = ladder.brackets[-1].rate
    needed = rules.maintenance_margin(low), rules.maintenance_margin(high)
    assert needed[0] <= needed[1] + 1e-9 * high
    assert needed[1] - needed[0] <= top * (high - low) + 1e-9 * high
    for rung in ladder.brackets[1:]:
        below = rules.maintenance_margin(rung.lower)
        above = rules.maintenance_margin(math.nextafter(rung.lower, math.inf))
        assert below == pytest.approx(above, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("venue", [BinanceUsdm, BybitLinear])
@pytest.mark.parametrize("cross", [False, True])
@given(ladders(), sides, sizes, entries, leverages)
def test_the_margin_ratio_is_one_at_the_liquidation_price(
    venue: type[VenueRules], cross: bool, ladder: Ladder, side: int, size: float, entry: float,
    leverage: float,
) -> None:
    """At LP maintenance ÷ equity is 1, on the venue's own basis of maintenance."""
    rules = venue(ETH, LadderUse(ladder, 0))
    wallet = size * entry / leverage
    price = rules.liquidation_price(side, size, entry, wallet, cross=cross)
    assert price is not None
    equity = wallet + side * size * (price - entry)
    needed = rules.maintenance_margin(size * price) if cross else \
        rules.position_maintenance(side * size, entry, price)
    assert needed / equity == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("venue", [BinanceUsdm, BybitLinear])
@given(ladders(), sides, sizes, entries, st.floats(-0.1, 1.2), st.floats(0, 0.5))
def test_more_margin_moves_the_price_away(
    venue: type[VenueRules], ladder: Ladder, side: int, size: float, entry: float, share: float,
    more: float,
) -> None:
    """Margin added never brings a liquidation price nearer: LP is monotone in the wallet."""
    rules = venue(ETH, LadderUse(ladder, 0))
    notional = size * entry
    thin = rules.liquidation_price(side, size, entry, share * notional)
    thick = rules.liquidation_price(side, size, entry, (share + more) * notional)
    if thin is None:
        assert thick is None
    elif thick is not None:
        assert side * thick <= side * thin + 1e-9 * entry


@given(ladders(), sides, sizes, entries, st.floats(0.01, 0.999), st.floats(0.05, 20))
def test_the_bracket_is_found_from_either_side(
    ladder: Ladder, side: int, size: float, entry: float, share: float, times: float
) -> None:
    """The same profit line told from another entry, in another bracket, has the same LP."""
    rules = BinanceUsdm(ETH, LadderUse(ladder, 0))
    wallet, other = share * size * entry, entry * times
    price = rules.liquidation_price(side, size, entry, wallet)
    again = rules.liquidation_price(side, size, other, wallet + side * size * (other - entry))
    assert (price is None) == (again is None)
    if price is not None:
        assert again == pytest.approx(price, rel=1e-9, abs=1e-9 * max(entry, other))
