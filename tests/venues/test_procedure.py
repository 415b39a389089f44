"""What each venue closes, at which price and for which fee, once equity is down to maintenance.

Hand-computed first, from the venues' own examples where they give one; then laws over drawn ladders
and positions of every product. 100 examples each by default, 2,000 under the slow marker.
"""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import pytest
from hypothesis import assume
from hypothesis import strategies as st

from deleverage import venues
from deleverage.venues.binance import BinanceCoinm, BinanceUsdm
from deleverage.venues.bybit import BybitInverse, BybitLinear
from deleverage.venues.gate import GateInverse, GateUsdt
from deleverage.venues.hyperliquid import Hyperliquid
from deleverage.venues.ladder import Ladder, LadderUse
from deleverage.venues.okx import OkxInverse, OkxSwap
from deleverage.venues.procedure import (
    LARGEST_FIRST,
    Distress,
    Stage,
    Takeover,
    bracket_of,
    rounded_up,
)
from deleverage.venues.rules import InverseRules, VenueRules
from tests.core.desks import make_ladder
from tests.venues.positions import EXAMPLES, PRODUCTS, hold, product_id, rules_of

LOT = 0.001
every_product = pytest.mark.parametrize("product", PRODUCTS, ids=product_id)


def distress(size: float, mark: float, equity: float = 1.0, maintenance: float = 1.0, *,
             lot: float | None = LOT, cooling: bool = False, counted_at: float | None = None,
             ) -> Distress:
    """A position in distress; by default it holds exactly its maintenance."""
    return Distress(size, mark, equity, maintenance, lot, cooling, counted_at)


def asked(rules: VenueRules, *values: float, **more: float | None) -> Stage:
    """The venue's next action on a position of ``values``: size, mark, equity, maintenance."""
    return rules.procedure.next(rules, distress(*values, **more))  # type: ignore[arg-type]


def on(product: type[VenueRules], ladder: Ladder) -> VenueRules:
    """A product's rules on a ladder of the test's own."""
    return product("ETH", LadderUse(ladder, 0))


# ------------------------------------------------------------------ Binance


def eth_2024() -> VenueRules:
    """Binance ETHUSDT, ladder of 2024-10-24: 0.4 % to 50,000, 0.5 % to 600,000, 0.65 % to 3 M."""
    return venues.get("binance", symbol="ETHUSDT", at="2024-10-24")


def test_binance_closes_the_lowest_bracket_whole_at_the_market() -> None:
    """10 ETH at 2,500 are 25,000: one order for all, 1.25 % of it, the rest is the trader's."""
    assert asked(eth_2024(), 10, 2_500) == Stage("market", 10, 0.0125, 0.0, "account")


@pytest.mark.parametrize(("size", "mark", "closed"), [
    (100, 2_500, 80),  # 250,000, second bracket: 50,000 ÷ 2,500 = 20 stay
    (100, 2_600, 80.77),  # 50,000 ÷ 2,600 = 19.2307…: 19.231 would be above the bound
    (400, 2_500, 160),  # 1 M, third bracket: 600,000 ÷ 2,500 = 240 stay
    (240, 2_500, 220),  # exactly 600,000 is still the second bracket
    (20, 2_500, 20),  # exactly 50,000 is the lowest
    (20.001, 2_500, 0.001),  # one lot above it
    (1_300, 2_500, 100),  # 3.25 M, fourth bracket: 3 M ÷ 2,500 = 1,200 stay
], ids=str)
def test_binance_steps_down_one_bracket(size: float, mark: float, closed: float) -> None:
    """So much is sold that the rest has the notional of the next lower bracket's upper bound."""
    stage = asked(eth_2024(), size, mark)
    assert (stage.kind, stage.fee, stage.surplus) == ("market", 0.0125, "account")
    assert stage.size == pytest.approx(closed, abs=1e-9)


def test_binance_asks_again_down_to_the_last_coin() -> None:
    """400 ETH at 2,500 in the third bracket: 160, then 220, then the last 20, nothing more."""
    left, closed = 400.0, []
    while left:
        closed.append(asked(eth_2024(), left, 2_500).size)
        left = round(left - closed[-1], 9)
    assert closed == pytest.approx([160, 220, 20])


def test_coin_margined_binance_closes_the_lowest_bracket_at_the_market() -> None:
    """100 USD, far inside the lowest bracket: one order for all; no fee is known."""
    ladder = make_ladder((0, 5, .004), (5, None, .005), unit="coin")
    assert asked(on(BinanceCoinm, ladder), 100, 2_500) == Stage("market", 100, 0.0, 0.0, "account")


def test_the_rest_lies_in_the_lower_bracket_by_the_float() -> None:
    """8.118 coins at 3,816.76 are 30,984.45768 and, in floats, a hair above it: one lot more."""
    bound = 30_984.45768
    rules = on(BinanceUsdm, make_ladder((0, bound, .004), (bound, None, .005)))
    assert bound < 8.118 * 3_816.76
    assert asked(rules, 8.618, 3_816.76).size == 0.501


def test_the_liquidation_fee_is_a_parameter_of_the_rules() -> None:
    """The 0.3 % of 2020 in place of 1.25 %: the stage takes what the rules say."""
    class Binance2020(BinanceUsdm):
        liquidation_fee: ClassVar[float] = 0.003

    assert asked(on(Binance2020, eth_2024().ladder), 10, 2_500).fee == 0.003


# ------------------------------------------------------------------ Bybit and Gate


def bybit() -> VenueRules:
    """Bybit on a SYNTHETIC ladder: 0.5 % to 1 M, 1 % to 5 M, 2.5 % above."""
    return on(BybitLinear, make_ladder((0, 1e6, .005), (1e6, 5e6, .01), (5e6, None, .025)))


def test_bybit_takes_over_the_lowest_tier() -> None:
    """200 ETH at 3,000: the whole position at bankruptcy, what is left of it is the fund's."""
    assert asked(bybit(), 200, 3_000) == Stage("takeover", 200, 0.0, 0.0, "fund")


def test_bybit_counts_an_isolated_position_at_its_entry() -> None:
    """2,000 ETH from 3,000 are 6 M though the mark is 2,400: 5 M ÷ 3,000 = 1,666.666 stay."""
    stage = asked(bybit(), 2_000, 2_400, counted_at=3_000)
    assert (stage.kind, stage.fee) == ("market", 0.0)
    assert stage.size == pytest.approx(333.334)


def test_bybit_counts_a_cross_position_at_the_mark() -> None:
    """The same 2,000 ETH at a mark of 2,400 are 4.8 M: 1 M ÷ 2,400 = 416.666 stay."""
    assert asked(bybit(), 2_000, 2_400).size == pytest.approx(1_583.334)


@pytest.mark.parametrize("product", [BybitLinear, GateUsdt])
def test_a_tier_at_a_time_then_a_takeover(product: type[VenueRules]) -> None:
    """Three tiers at a mark of 2,500: to 2,000 coins, to 400, then all of them."""
    rules, left, stages = on(product, bybit().ladder), 2_400.0, []
    while left:
        stages.append(asked(rules, left, 2_500))
        left -= stages[-1].size
    assert [(stage.kind, stage.size) for stage in stages] == [
        ("market", 400), ("market", 1_600), ("takeover", 400)]


# ------------------------------------------------------------------ OKX


def contracts(*rows: tuple[float, float | None, float]) -> Ladder:
    """A SYNTHETIC OKX ladder: bounds in contracts of 0.1 coin, no amounts."""
    return make_ladder(*rows, unit="contracts", contract_size=0.1, jumps=True)


def test_okx_closes_13_000_of_15_000_contracts() -> None:
    """The older page's example: tier 3 from 12,001 contracts, tier 1 up to 2,000; 2,000 stay."""
    rules = on(OkxSwap, contracts((0, 2_000, .01), (2_000, 12_000, .015), (12_000, None, .02)))
    stage = asked(rules, 1_500, 10_000, 200_000, 307_500, lot=0.1)
    assert (stage.kind, stage.fee, stage.surplus) == ("market", 0.0005, "account")
    assert stage.size == pytest.approx(1_300)


FIVE = contracts((0, 1_000, .004), (1_000, 5_000, .005), (5_000, 20_000, .01),
                 (20_000, 50_000, .02), (50_000, None, .03))


@pytest.mark.parametrize(("held", "left"), [
    (60_000, 20_000), (30_000, 5_000), (20_000, 1_000), (5_001, 1_000)])
def test_okx_reduces_by_two_tiers(held: int, left: int) -> None:
    """Tier 5 to 3, 4 to 2, 3 to 1, counted in contracts whatever the mark."""
    worth = held * 0.1 * 3_000
    for mark in (3_000, 3_300):
        stage = asked(on(OkxSwap, FIVE), held * 0.1, mark, worth * 0.009, worth * 0.0105, lot=0.1)
        assert stage.size == pytest.approx((held - left) * 0.1)
        assert stage.kind == "market"


@pytest.mark.parametrize("held", [5_000, 1_001, 1_000, 1])
def test_okx_closes_all_of_tiers_one_and_two(held: int) -> None:
    """Nothing to step down to: the whole position at bankruptcy, the rest is the fund's."""
    assert asked(on(OkxSwap, FIVE), held * 0.1, 3_000, lot=0.1) == \
        Stage("takeover", held * 0.1, 0.0, 0.0, "fund")


@pytest.mark.parametrize(("equity", "kind"), [(13_501, "market"), (13_500, "takeover")])
def test_okx_reduces_only_what_tier_one_could_save(equity: float, kind: str) -> None:
    """1,000 coins at 3,000 in tier 3: at tier 1's 0.4 % and the fee 13,500 would be needed."""
    rules = on(OkxSwap, FIVE)
    maintenance = rules.position_maintenance(1_000, 3_000, 3_000)
    assert maintenance == pytest.approx(3_000_000 * 0.0105)
    assert asked(rules, 1_000, 3_000, equity, maintenance, lot=0.1).kind == kind
    # beside another position of a cross account that needs 7,000
    assert asked(rules, 1_000, 3_000, equity + 7_000, maintenance + 7_000, lot=0.1).kind == kind


def test_okx_steps_on_a_ladder_of_notional_too() -> None:
    """Bounds in quote with amounts: 6 M at 3,000 in tier 3 goes down to 1 M, 333.333 coins."""
    stage = asked(on(OkxSwap, bybit().ladder), 2_000, 3_000, 80_000, 83_000)
    assert (stage.kind, stage.size) == ("market", pytest.approx(1_666.667))


def test_okx_inverse_steps_on_a_ladder_of_coins() -> None:
    """400,000 USD at 2,000 are 200 coins, tier 3; tier 1 up to 50 coins: 100,000 USD stay."""
    ladder = make_ladder((0, 50, .004), (50, 100, .005), (100, None, .01), unit="coin", jumps=True)
    stage = asked(on(OkxInverse, ladder), 400_000, 2_000, 1.5, 2.1, lot=10)
    assert (stage.kind, stage.size) == ("market", 300_000)


def test_okx_takes_the_taker_fee_or_ones_own() -> None:
    """The fee of a reduction is the one held inside maintenance."""
    rules = OkxSwap("ETH", LadderUse(FIVE, 0), 0.0003)
    assert asked(rules, 6_000, 3_000, 1e6, 1e6).fee == 0.0003


# ------------------------------------------------------------------ Hyperliquid


def hyperliquid() -> VenueRules:
    """Hyperliquid ETH, ladder of 2026-09-27: 2 % to 100 M USDC."""
    return venues.get("hyperliquid", symbol="ETH", at="2026-09-27")


def test_hyperliquid_sends_a_small_position_whole() -> None:
    """99,999 USDC, and 100,000 itself: the full size to the book, no fee, the trader keeps the
    rest."""
    for notional in (99_999, 100_000):
        stage = asked(hyperliquid(), notional / 2_000, 2_000, 1_900, 2_000, lot=0.0001)
        assert stage == Stage("market", notional / 2_000, 0.0, 0.0, "account")


def test_hyperliquid_sends_a_fifth_of_a_large_one_first() -> None:
    """100,001 USDC: a fifth, rounded up to the lot, then 30 s of cooldown, then all of it."""
    size = 100_001 / 2_000
    assert asked(hyperliquid(), size, 2_000, 1_900, 2_000, lot=0.0001) == \
        Stage("market", 10.0001, 0.0, 30.0, "account")
    left = size - 10.0001
    assert asked(hyperliquid(), left, 3_000, 1_900, 2_000, lot=0.0001, cooling=True) == \
        Stage("market", left, 0.0, 0.0, "account")


@pytest.mark.parametrize(("equity", "kind"), [(660, "backstop"), (670, "market"),
                                              (2_000 / 3 - 1e-6, "backstop"), (0, "backstop"),
                                              (-50, "backstop")])
@pytest.mark.parametrize("size", [5.0, 500.0])
def test_hyperliquid_hands_over_below_two_thirds(equity: float, kind: str, size: float) -> None:
    """Equity of 0.66 of a maintenance of 1,000 goes to the backstop whole, 0.67 to the book."""
    stage = asked(hyperliquid(), size, 2_000, equity, 1_000)
    assert stage.kind == kind
    if kind == "backstop":
        assert stage == Stage("backstop", size, 0.0, 0.0, "fund")
        assert stage.whole_account


def test_hyperliquid_s_two_thirds_themselves_are_not_below() -> None:
    """2,000 behind a maintenance of 3,000, to the last cent: still an order at the book."""
    assert asked(hyperliquid(), 5, 2_000, 2_000, 3_000).kind == "market"


# ------------------------------------------------------------------ what holds at all venues


@every_product
def test_with_nothing_left_a_position_is_taken_whole(product: type[VenueRules]) -> None:
    """Equity of zero or less: no order can be limited by bankruptcy; whole, without a fee."""
    rules = on(product, make_ladder((0, 10, .01), (10, 20, .02), (20, None, .03)))
    for equity in (0.0, -3.0, float("nan")):
        stage = asked(rules, 1_000, 100, equity, 50, lot=None)
        assert stage == Stage(stage.kind, 1_000, 0.0, 0.0, "fund")
        assert stage.kind in ("takeover", "backstop")
        assert stage.whole_account


def test_the_plain_takeover_asks_for_nothing_else() -> None:
    """The generic procedure, in any bracket and with whatever equity: whole, at bankruptcy."""
    rules = eth_2024()
    assert Takeover().next(rules, distress(400, 2_500, 5_000, 5_000)) == \
        Stage("takeover", 400, 0.0, 0.0, "fund")


@every_product
def test_the_largest_maintenance_is_acted_on_first(product: type[VenueRules]) -> None:
    """Ties stay in the order given; the sheet says that this is assumed."""
    assert product.procedure.order({"A": 5.0, "B": 7.0, "C": 7.0, "D": 1.0}) == ("B", "C", "A", "D")
    assert product.procedure.assumptions[-1] == LARGEST_FIRST


@pytest.mark.parametrize(("product", "line", "assumed"), [
    (BinanceUsdm, "1.25 %", "UNVERIFIED"), (BinanceCoinm, "step down", "not known"),
    (BybitLinear, "takeover", "fee"), (BybitInverse, "takeover", "fee"),
    (OkxSwap, "two tiers", "older"), (OkxInverse, "two tiers", "older"),
    (GateUsdt, "takeover", "no figure"), (GateInverse, "takeover", "no figure"),
    (Hyperliquid, "backstop", "100,000")])
def test_every_venue_says_what_it_does_and_what_is_assumed(
    product: type[VenueRules], line: str, assumed: str,
) -> None:
    """One line for the sheet, and each assumption in a line that names the venue."""
    procedure = product.procedure
    assert line in procedure.describe()
    assert "\n" not in procedure.describe()
    own = procedure.assumptions[:-1]
    assert any(assumed in each for each in own)
    assert all(each.startswith(f"{product.name}: ") for each in own)


@pytest.mark.parametrize(("part", "size", "lot", "closed"), [
    (0.0004, 5, 0.001, 0.001), (1e-15, 5, 0.001, 0.001), (0.1 + 0.2, 5, 0.1, 0.3),
    (4.9996, 5, 0.001, 5), (4.5, 5, 1, 5), (4.999, 5, 0.001, 4.999), (0.5, 0.7, 1, 0.7)])
def test_sizes_are_rounded_up_to_the_lot(
    part: float, size: float, lot: float, closed: float,
) -> None:
    """At least a lot, free of float dust, and all of it where less than a lot would stay."""
    assert rounded_up(part, size, lot) == closed


# ------------------------------------------------------------------ laws


@EXAMPLES
def test_a_procedure_ends(examples: int) -> None:
    """Carried out at the mark it ends within the brackets' number and three more; every reduction
    leads to a lower bracket, lowers maintenance and costs no more than what was left."""
    seen: Counter[str] = Counter()

    def law(rules: VenueRules, thousands: int, entry: float, move: float, cross: bool,
            share: float, others: float, lots: int | None) -> None:
        mark, worth = entry * move, 1_000.0 * thousands
        size = worth * entry if isinstance(rules, InverseRules) else worth / entry
        lot = None if lots is None else size / lots
        others *= cross
        stages = _carried_out(rules, size, entry, mark, cross, share, others, lot)
        assert 0 < len(stages) <= len(rules.ladder.brackets) + 3
        seen["examples"] += 1
        seen["reduced"] += stages[0].size < size
        seen["in steps"] += len(stages) > 1

    hold(law, examples, rules_of(), st.integers(1, 1_000), st.floats(50, 5_000),
         st.floats(0.5, 1.5), st.booleans(), st.floats(0.2, 1), st.floats(0, 5_000),
         st.none() | st.integers(1, 100_000))
    assert seen["reduced"] >= 0.1 * seen["examples"]
    assert seen["in steps"] >= 0.01 * seen["examples"]


def _carried_out(rules: VenueRules, size: float, entry: float, mark: float, cross: bool,
                 share: float, others: float, lot: float | None) -> list[Stage]:
    """Ask, close at the mark, ask again, until equity is above maintenance or nothing is held."""
    def needed(held: float) -> float:
        return rules.position_maintenance(held, entry, mark, cross=cross) + others

    equity, stages = share * needed(size), list[Stage]()
    while size and equity <= needed(size):
        at = entry if rules.frozen_at_entry(cross) else None
        seen = Distress(size, mark, equity, needed(size), lot, len(stages) > 0, at)
        stage = rules.procedure.next(rules, seen)
        assert 0 < stage.size <= size
        rest = 0.0 if stage.size == size else round(size - stage.size, 12)
        if stage.kind == "market":
            fee = min(stage.fee * rules.notional(stage.size, mark), equity)
            assert 0 <= fee <= equity
            if rest:
                assert needed(rest) < needed(size)
                assert bracket_of(rules, rest, seen) < bracket_of(rules, size, seen) \
                    or stage.cooldown_s
            equity -= fee
        else:
            assert not rest
        if lot is not None and rest:
            assert abs(stage.size / lot - round(stage.size / lot)) < 1e-3
        size = rest
        stages.append(stage)
    return stages


@EXAMPLES
def test_a_reduction_is_the_least_that_is_enough(examples: int) -> None:
    """One lot less would leave the rest in a higher bracket than the one that was aimed at."""
    def law(rules: VenueRules, worth: float, entry: float, lots: int) -> None:
        size = worth * entry if isinstance(rules, InverseRules) else worth / entry
        lot = size / lots
        needed = rules.position_maintenance(size, entry, entry)
        seen = Distress(size, entry, needed, needed, lot)
        stage = rules.procedure.next(rules, seen)
        assume(stage.kind == "market" and stage.size < size and not stage.cooldown_s)
        after = bracket_of(rules, round(size - stage.size, 12), seen)  # as the account holds it
        assert bracket_of(rules, size - stage.size + 1.01 * lot, seen) > after
    hold(law, examples, rules_of(tuple(each for each in PRODUCTS if each is not Hyperliquid)),
         st.floats(10_000, 1_000_000), st.floats(50, 5_000), st.integers(2, 10_000))
