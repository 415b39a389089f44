"""Each venue's formulas against figures worked out by hand; nothing here needs reference data."""

from __future__ import annotations

import numpy as np
import pytest

from deleverage import margin, venues
from deleverage.errors import UsageError
from deleverage.policies import Fees
from deleverage.venues import binance, bybit, hyperliquid, okx
from deleverage.venues.binance import BinanceCoinm, BinanceUsdm
from deleverage.venues.bybit import BybitInverse, BybitLinear
from deleverage.venues.gate import GateInverse, GateUsdt
from deleverage.venues.hyperliquid import Hyperliquid
from deleverage.venues.ladder import LadderUse
from deleverage.venues.okx import OkxInverse, OkxSwap
from deleverage.venues.rules import VenueRules
from tests.core.desks import close_to, flat_ladder, make_ladder
from tests.venues.positions import AFTER, BEFORE, INVERSE, LINEAR, PRODUCTS


def flat(product: type[VenueRules], rate: float, at: int = AFTER) -> VenueRules:
    """A product's rules with one maintenance rate."""
    return product("ETH", LadderUse(flat_ladder(rate), at))


# ------------------------------------------------------------------ liquidation prices


@pytest.mark.parametrize(("product", "long", "short"), [
    (BinanceUsdm, 2_710.84, 3_286.85), (BybitLinear, 2_712.00, 3_288.00),
    (Hyperliquid, 2_710.84, 3_286.85), (OkxSwap, 2_712.20, 3_285.22),
    (GateUsdt, 2_712.89, 3_284.40),
])
def test_a_linear_position_at_ten_times(
    product: type[VenueRules], long: float, short: float
) -> None:
    """10 ETH at 3,000, 10x, 0.4 %: by family, and with the fee inside maintenance or not."""
    rules = flat(product, 0.004)
    assert rules.liquidation_price(1, 10, 3_000, 3_000) == close_to(long)
    assert rules.liquidation_price(-1, 10, 3_000, 3_000) == close_to(short)


@pytest.mark.parametrize(("product", "at", "long", "short"), [
    (BinanceCoinm, AFTER, 2_740.91, 3_316.67), (BybitInverse, AFTER, 2_740.91, 3_316.67),
    (BybitInverse, BEFORE, 2_739.73, 3_314.92), (OkxInverse, AFTER, 2_742.27, 3_315.00),
    (GateInverse, AFTER, 2_742.95, 3_314.17),
])
def test_an_inverse_position_at_ten_times(
    product: type[VenueRules], at: int, long: float, short: float
) -> None:
    """3,000 USD at 3,000 with 0.1 ETH, 0.5 %; Bybit by the page in force at the time."""
    rules = flat(product, 0.005, at)
    assert rules.liquidation_price(1, 3_000.0, 3_000.0, 0.1) == close_to(long)
    assert rules.liquidation_price(-1, 3_000.0, 3_000.0, 0.1) == close_to(short)


def test_without_a_time_bybits_newest_page_holds() -> None:
    """As the newest ladder does: an undated ladder of one's own is no reason for the page of 2024.
    """
    for at, price in ((None, 2_740.91), ("2024-06-01", 2_739.73), ("2026-06-01", 2_740.91)):
        rules = venues.get("bybit", product="inverse", symbol="ETHUSD", at=at,
                           ladder=flat_ladder(0.005))
        assert rules.liquidation_price(1, 3_000.0, 3_000.0, 0.1) == close_to(price)


def test_in_cross_bybit_takes_maintenance_at_the_mark() -> None:
    """A declared assumption: as family A, and the old inverse page is of isolated margin only."""
    assert flat(BybitLinear, 0.004).liquidation_price(1, 10, 3_000, 3_000, cross=True) == \
        close_to(2_710.84)
    assert flat(BybitInverse, 0.005, BEFORE).liquidation_price(
        1, 3_000.0, 3_000.0, 0.1, cross=True) == close_to(2_740.91)


def test_others_take_from_a_cross_account_what_they_lose_and_hold() -> None:
    """30 ETH on 10,000 beside a BTC that lost 2,000 and holds 340: 2,756.78; a gain moves it away.
    """
    rules = venues.get("binance", symbol="ETHUSDT", at="2024-10-24")
    assert rules.liquidation_price(1, 30, 3_000, 10_000, cross=True, others_unrealised=-2_000,
                                   others_maintenance=340) == close_to(2_756.78)
    assert rules.liquidation_price(1, 30, 3_000, 10_000, cross=True, others_unrealised=2_000,
                                   others_maintenance=340) < 2_678.39
    assert rules.margin_ratio(1, 30, 3_000, 10_000, 3_000, cross=True, others_unrealised=-2_000,
                              others_maintenance=340) == pytest.approx(400 / 7_660)


def test_ones_own_closing_fee_is_inside_maintenance_where_the_venue_holds_it_there() -> None:
    """0.02 % instead of OKX's 0.05 % and Gate's 0.075 %; Binance holds none there at all."""
    use = LadderUse(flat_ladder(0.004), AFTER)
    for product in (OkxSwap, GateUsdt):
        rules = product("ETH", use, closing_fee=0.0002)
        assert rules.liquidation_price(1, 10, 3_000, 3_000) == pytest.approx(2_700 / 0.9958)
        assert rules.position_maintenance(10, 3_000, 2_900) == pytest.approx(29_000 * 0.0042)
    assert BinanceUsdm("ETH", use, closing_fee=0.0002).position_maintenance(10, 3_000, 2_900) == \
        pytest.approx(29_000 * 0.004)


@pytest.mark.parametrize(("product", "wallet", "price"), [
    # 40 at 2,750 on 50,000 at 0.4 %, 100,000 at 1 %, 5 % above: amounts 300 and 4,300
    (BinanceUsdm, 10_850, (99_150 - 300) / 0.99 / 40),  # the bound's level is 99,300
    (BinanceUsdm, 10_650, (99_350 - 4_300) / 0.95 / 40),
    (GateUsdt, 10_850, (99_150 - 300) / 0.98925 / 40),  # with the fee it is 99,225
    (GateUsdt, 10_750, (99_250 - 4_300) / 0.94925 / 40),
])
def test_the_level_of_a_bound_holds_its_amount_and_the_fee(
    product: type[VenueRules], wallet: float, price: float
) -> None:
    """Just on either side of a bound the bracket is the one in which the price lies."""
    ladder = make_ladder((0, 50_000, 0.004), (50_000, 100_000, 0.01), (100_000, None, 0.05))
    rules = product("ETH", LadderUse(ladder, AFTER))
    for size in (40.0, np.full(1, 40.0)):
        found = rules.liquidation_price(1, size, 2_750.0, wallet)
        assert found == pytest.approx(price, rel=1e-12)
    assert rules.margin_ratio(1, 40.0, 2_750.0, wallet, price) == pytest.approx(1)


def test_an_inverse_bracket_is_that_of_the_liquidation_notional() -> None:
    """47 coin at 10x, 0.4 % to 50 coin and 1 % less 0.3 above: 51.7 in all, of which 51.485 are the
    value at the price, 2,738.65; the bracket of the entry would give 2,738.18."""
    rules = BinanceCoinm("ETH", LadderUse(
        make_ladder((0, 50, 0.004), (50, None, 0.01), unit="coin"), 0))
    assert rules.liquidation_price(1, 141_000.0, 3_000.0, 4.7) == close_to(2_738.65)
    assert rules.liquidation_price(1, 141_000.0, 3_000.0, 4.7, rate=0.004) == close_to(2_738.18)
    short = rules.liquidation_price(-1, 165_000.0, 3_000.0, 5.5)
    assert short == pytest.approx(165_000 / (49.5 / 0.996))


def test_where_maintenance_jumps_a_short_dies_on_the_bound() -> None:
    """95,000 on 6,000: at 100,000 it has 1,000, more than 0.4 % and less than 5 % ask for."""
    ladder = make_ladder((0, 100_000, 0.004), (100_000, None, 0.05), jumps=True)
    rules = BinanceUsdm("ETH", LadderUse(ladder, 0))
    assert rules.liquidation_price(-1, 38.0, 2_500.0, 6_000) == 100_000 / 38
    assert rules.liquidation_price(-1, 38.0, 2_500.0, 4_000) == pytest.approx(99_000 / 1.004 / 38)
    assert rules.liquidation_price(-1, 38.0, 2_500.0, 15_000) == \
        pytest.approx(110_000 / 1.05 / 38)
    many = rules.liquidation_price(-1, 38.0, 2_500.0, np.array([6_000.0, 4_000.0]))
    np.testing.assert_allclose(many, [100_000 / 38, 99_000 / 1.004 / 38])


def test_both_legs_of_a_hedge() -> None:
    """Wallet 2,000, long 10 at 3,000, short 4 at 3,100, 0.4 %: 2,624.50, where 146.97 are left."""
    rules = BinanceUsdm("ETH", LadderUse(flat_ladder(0.004), 0))
    price = rules.hedged_liquidation_price((10, 3_000), (4, 3_100), 2_000)
    assert price == close_to(2_624.50)
    assert price is not None
    assert 2_000 + 10 * (price - 3_000) - 4 * (price - 3_100) == close_to(146.97)
    assert rules.maintenance_margin(14 * price) == close_to(146.97)
    short = rules.hedged_liquidation_price((4, 3_100), (10, 3_000), 2_000)
    assert short is not None
    assert 2_000 + 4 * (short - 3_100) - 10 * (short - 3_000) == pytest.approx(14 * short * 0.004)
    assert short > 3_100


def test_a_nearly_closed_hedge_may_die_on_both_sides() -> None:
    """Dearer maintenance above: of the two prices the one nearest to the mark is told."""
    rules = BinanceUsdm("ETH", LadderUse(
        make_ladder((0, 50_000, 0.004), (50_000, None, 0.05)), 0))
    legs = (10.5, 3_000.0), (10.0, 3_000.0)
    low, high = (rules.hedged_liquidation_price(*legs, 1_450, mark=mark) for mark in (200, 9_000))
    assert low is not None
    assert high is not None
    assert low < 3_000 < high
    assert rules.hedged_liquidation_price(*legs, 1_450) == low
    for price in (low, high):
        left = 1_450 + 0.5 * (price - 3_000)
        held = rules.maintenance_margin(10.5 * price) + rules.maintenance_margin(10 * price)
        assert left == pytest.approx(held)


def test_a_buffer_moves_the_price_towards_entry() -> None:
    """5 % of the distance of 300: 2,715 for the long, 3,285 for the short."""
    assert margin.with_buffer(1, 2_700.0, 3_000.0, 0.05) == 2_715
    assert margin.with_buffer(-1, 3_300.0, 3_000.0, 0.05) == 3_285


# ------------------------------------------------------------------ Bybit, OKX, Binance


@pytest.mark.parametrize(("side", "initial", "maintenance"), [
    (1, 3_014.85, 164.85), (-1, 3_018.15, 168.15)])
def test_bybit_reports_margins_with_the_fee_to_close(
    side: int, initial: float, maintenance: float
) -> None:
    """30,000 at 10x, 0.5 %, fee 0.055 %: the fee on the value at bankruptcy, 27,000 or 33,000."""
    assert bybit.position_initial_margin(30_000, 10, side, 0.00055) == close_to(initial)
    assert bybit.position_maintenance_margin(30_000, 10, side, 0.00055, 0.005, 0) == \
        close_to(maintenance)
    assert bybit.position_maintenance_margin(30_000, 10, side, 0.00055, 0.005, 50) == \
        close_to(maintenance - 50)


def test_bybit_counts_added_inverse_margin_less_its_fee() -> None:
    """1 coin added: 1 ÷ 1.00055 behind a long, 1 ÷ 0.99945 behind a short."""
    assert bybit.added_margin_behind(1.0, 1, 0.00055) == pytest.approx(0.99945, abs=1e-6)
    assert bybit.added_margin_behind(1.0, -1, 0.00055) == pytest.approx(1.00055, abs=1e-6)


def test_okx_prints_equity_over_maintenance_and_fee() -> None:
    """Margin 3,000 less 1,000 over 116 and 14.5; at the liquidation price it prints 1."""
    assert okx.printed_ratio(3_000, -1_000, 116, 29_000, 0.0005) == pytest.approx(2_000 / 130.5)
    assert okx.equity_of_ratio(2_000 / 130.5, 116, 29_000, 0.0005) == pytest.approx(2_000)
    price = flat(OkxSwap, 0.004).liquidation_price(1, 10, 3_000, 3_000)
    value = 10 * price
    assert okx.printed_ratio(3_000, value - 30_000, value * 0.004, value, 0.0005) == \
        pytest.approx(1)


def test_okx_tiers_count_contracts_and_take_the_whole_position() -> None:
    """0.4 % to 10 BTC and 0.5 % above: 3,120 jump to 3,900 at 78,000, whatever the price is."""
    rules = venues.get("okx", symbol="BTC-USDT-SWAP", at="2026-09-18")
    fee = 78_000 * 10 * 0.0005
    assert rules.position_maintenance(10, 78_000, 78_000) == pytest.approx(3_120 + fee)
    assert rules.position_maintenance(-10.001, 78_000, 78_000) == \
        pytest.approx((3_900 + fee) * 1.0001)
    assert [rules.position_limit(size, 78_000) for size in (10, 10.01)] == [100, 66.66]
    assert rules.liquidation_price(1, 10.01, 78_000, 78_080) == \
        pytest.approx((78_000 - 7_800.2) / (1 - 0.0055), rel=1e-6)


def test_binance_maintenance_amounts_make_a_ladder_continuous() -> None:
    """50 at 50,000 from 0.4 % to 0.5 %; 950 at 600,000 to 0.65 %."""
    assert binance.maintenance_amount(50_000, 0.005, 0.004, 0.0) == pytest.approx(50)
    assert binance.maintenance_amount(600_000, 0.0065, 0.005, 50.0) == pytest.approx(950)
    assert venues.get("binance", symbol="ETHUSDT", at="2024-10-24").maintenance_margin(600_000) == \
        pytest.approx(2_950)


@pytest.mark.parametrize(("stake", "leverage"), [
    (400, 125), (5_000, 100), (6_000, 100), (20_000, 75), (300_000, 40), (1e9, 1)])
def test_the_largest_leverage_for_a_stake(stake: float, leverage: float) -> None:
    """The largest L whose notional stays inside a bracket that grants L (Binance ETH, 2024-10)."""
    rules = venues.get("binance", symbol="ETHUSDT", at="2024-10-24")
    found = rules.largest_leverage(stake)
    assert found == pytest.approx(leverage)
    assert rules.max_leverage(stake * found) >= found
    with pytest.raises(UsageError, match="stake must be > 0"):
        rules.largest_leverage(0)


# ------------------------------------------------------------------ Hyperliquid


@pytest.mark.parametrize(("side", "expected"), [(1, 2_755.10), (-1, 3_235.29)])
def test_hyperliquid_by_margin_by_account_and_by_raw_usd(side: int, expected: float) -> None:
    """ETH limit 25x, 10 at 3,000, margin 3,000: one price told in three ways, from any price."""
    rules = flat(Hyperliquid, hyperliquid.maintenance_rate(25))
    assert rules.liquidation_price(side, 10, 3_000, 3_000) == close_to(expected)
    for price in (3_000.0, 2_900.0):
        value = 3_000 + side * 10 * (price - 3_000)
        available = value - 10 * price * 0.02
        assert hyperliquid.from_account(side, 10, price, available, 25) == close_to(expected)
        assert hyperliquid.from_raw_usd(side * 10, value - side * 10 * price, 25) == \
            close_to(expected)


def test_hyperliquid_prints_null_where_nothing_liquidates() -> None:
    """A long whose margin covers its value; as an array NaN."""
    assert hyperliquid.from_raw_usd(10.0, 1.0, 25) is None
    assert hyperliquid.from_account(1, 10, 3_000.0, 40_000, 25) is None
    sizes = np.array([10.0, 10.0, -10.0])
    found = hyperliquid.from_raw_usd(sizes, np.array([1.0, -27_000.0, 33_000.0]), 25)
    np.testing.assert_allclose(found, [np.nan, 27_000 / 9.8, 33_000 / 10.2])


def test_hyperliquid_maintenance_by_tier() -> None:
    """2 % to 100 million, 3 1/3 % above less 1,333,333.33: continuous, never of one's leverage."""
    rules = venues.get("hyperliquid", symbol="ETH", at="2026-09-27")
    assert rules.maintenance_margin(30_000) == pytest.approx(600)
    assert rules.maintenance_margin(150e6) == pytest.approx(3_666_666.67, abs=0.01)
    assert (rules.max_leverage(1e8), rules.max_leverage(1.01e8)) == (25, 15)


@pytest.mark.parametrize(("premium", "rate"), [
    (0.0008, 0.0000375), (0.0, 0.0000125), (0.0001, 0.0000125), (-0.0008, -0.0000375),
    (0.0006, 0.0000125), (0.5, 0.04), (-0.5, -0.04)])
def test_hyperliquid_divides_after_the_clamp(premium: float, rate: float) -> None:
    """0.08 % gives 0.00375 % an hour; inside the band 0.01 %/8; never above 4 %."""
    assert hyperliquid.funding_rate(premium) == pytest.approx(rate, rel=1e-12)


@pytest.mark.parametrize(("bid", "ask", "premium"), [
    (3_003, 3_004, 0.001), (2_994, 2_997, -0.001), (2_999, 3_001, 0.0), (3_000, 3_003, 0.0)])
def test_hyperliquid_premium_is_what_impact_prices_lie_beyond_the_oracle(
    bid: float, ask: float, premium: float
) -> None:
    """Above by the bid, below by the ask, 0 while the oracle lies between them."""
    assert hyperliquid.premium(3_000.0, bid, ask) == pytest.approx(premium, abs=1e-15)


# ------------------------------------------------------------------ funding


def test_a_long_pays_a_positive_rate() -> None:
    """10 at 2,990 and 0.01 % pay 2.99; 3,000 USD of an inverse contract at 3,000 pay 0.0001."""
    for product in LINEAR:
        assert flat(product, 0.004).funding_payment(10, 2_990, 0.0001) == pytest.approx(-2.99)
        assert flat(product, 0.004).funding_payment(-10, 2_990, 0.0001) == pytest.approx(2.99)
    for product in INVERSE:
        assert flat(product, 0.004).funding_payment(3_000, 3_000, 0.0001) == pytest.approx(-0.0001)
        assert flat(product, 0.004).funding_payment(3_000, 2_000, 0.0001) == pytest.approx(-0.00015)


@pytest.mark.parametrize(("opened", "closed", "charged"), [
    (-60, 60, True), (0, 60, True), (-60, 0, True), (0, 0, True), (-60, -0.1, False)])
def test_who_is_open_at_a_stamp(opened: float, closed: float, charged: bool) -> None:
    """Opened at or before it and not closed before it: charged, at every venue."""
    for product in PRODUCTS:
        assert flat(product, 0.004).in_funding_window(1e9 + opened, 1e9 + closed, 1e9) is charged


def test_binance_still_charges_who_opens_just_after_a_stamp() -> None:
    """14.9 s after it yes, 15 s no (a third party's observation); elsewhere no grace."""
    for product in PRODUCTS:
        rules = flat(product, 0.004)
        charged = [rules.in_funding_window(late, 60, 0) for late in (0.1, 14.9, 15)]
        assert charged == ([True, True, False] if rules.name == "binance" else [False] * 3)
        assert [rules.in_funding_window(late, 60, 0, grace=2) for late in (1.9, 2)] == \
            [True, False]


# ------------------------------------------------------------------ what a venue does


@pytest.mark.parametrize(("product", "payer", "funding", "hours", "stop", "liquidation"), [
    (BinanceUsdm, "position", "mark", 8, "last", 0.0125),
    (BinanceCoinm, "position", "mark", 8, "last", 0.0),
    (BybitLinear, "free", "mark", 8, "last", 0.0),
    (BybitInverse, "free", "mark", 8, "last", 0.0),
    (Hyperliquid, "position", "oracle", 1, "mark", 0.0),
    (OkxSwap, "position", "mark", 8, "last", 0.0), (GateUsdt, "position", "mark", 8, "last", 0.0),
])
def test_what_each_venue_does(
    product: type[VenueRules], payer: str, funding: str, hours: float, stop: str,
    liquidation: float,
) -> None:
    """Who pays funding first, at which price and how often; what triggers stops; the fee taken."""
    rules = flat(product, 0.004)
    assert (rules.funding_payer, rules.funding_price, rules.funding_hours) == \
        (payer, funding, hours)
    assert rules.stop_trigger == stop
    assert rules.liquidation_fee_on(10_000) == pytest.approx(10_000 * liquidation)


@pytest.mark.parametrize(("product", "fees"), [
    (BinanceUsdm, Fees(0.0002, 0.0005)), (BinanceCoinm, Fees(0.0002, 0.0005)),
    (BybitLinear, Fees(0.0002, 0.00055)), (BybitInverse, Fees(0.0002, 0.00055)),
    (Hyperliquid, Fees(0.00015, 0.00045)), (OkxSwap, Fees(0.0002, 0.0005)),
    (OkxInverse, Fees(0.0002, 0.0005)), (GateUsdt, Fees(0.0002, 0.0005)),
    (GateInverse, Fees(0.0002, 0.0005)),
])
def test_the_fees_of_a_regular_user(product: type[VenueRules], fees: Fees) -> None:
    """Maker and taker as each venue's file says."""
    assert product.fees == fees
