"""Hedge mode: both legs of a pair at one venue, one liquidation price for the two in cross."""

from __future__ import annotations

import math
from types import MappingProxyType

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from deleverage import account, changes, venues
from deleverage.account import Position, State, Terms
from deleverage.venues.binance import BinanceUsdm
from deleverage.venues.ladder import LadderUse
from tests.core.desks import ETH, close_to, flat_ladder

FLAT = BinanceUsdm(ETH, LadderUse(flat_ladder(0.004), 0))
STEPPED = BinanceUsdm(ETH, venues.get("binance", symbol=ETH, at="2026-01-31").use)


def room(rules: BinanceUsdm, long: tuple[float, float], short: tuple[float, float], wallet: float,
         mark: float) -> float:
    """Equity less the maintenance of both legs."""
    equity = wallet + rules.unrealised(long[0], long[1], mark) \
        + rules.unrealised(-short[0], short[1], mark)
    return float(equity - rules.maintenance_margin(long[0] * mark)
                 - rules.maintenance_margin(short[0] * mark))


def test_both_legs_in_one_price() -> None:
    """Cross wallet 2,000, long 10 at 3,000, short 4 at 3,100, 0.4 %: 2,624.50, where equity and the
    sum of both maintenances are 146.97."""
    legs = (10.0, 3_000.0), (4.0, 3_100.0)
    price = FLAT.hedged_liquidation_price(*legs, 2_000)
    assert price == close_to(2_624.50)
    assert price is not None
    assert FLAT.maintenance_margin(14 * price) == close_to(146.97)
    assert room(FLAT, *legs, 2_000, price) == pytest.approx(0, abs=1e-9)


def test_one_leg_alone_is_one_way_mode() -> None:
    """A leg of size zero changes nothing: the price is that of the other leg."""
    for size in (10, 210, 2_000):
        assert STEPPED.hedged_liquidation_price((size, 3_000), (0, 1), size * 300) == \
            pytest.approx(STEPPED.liquidation_price(1, size, 3_000, size * 300, cross=True))
        assert STEPPED.hedged_liquidation_price((0, 1), (size, 3_000), size * 300) == \
            pytest.approx(STEPPED.liquidation_price(-1, size, 3_000, size * 300, cross=True))


def test_of_equal_legs_profit_stands_still_and_maintenance_does_not() -> None:
    """10 against 10 at one price: whatever the mark, 600 are left; the pair dies only where both
    maintenances have grown to that, at 7,500."""
    legs = (10.0, 3_000.0), (10.0, 3_000.0)
    assert room(FLAT, *legs, 600, 3_000) == pytest.approx(600 - 240)
    assert room(FLAT, *legs, 600, 4_000) == pytest.approx(600 - 320)
    assert FLAT.hedged_liquidation_price(*legs, 600) == pytest.approx(7_500)


def test_a_nearly_closed_hedge_dies_below_and_above() -> None:
    """Net long by less than the dearer brackets ask for: falling loses on the net, rising on the
    maintenance; the price nearer to the mark is given."""
    legs = (1_000.0, 3_000.0), (970.0, 3_000.0)
    below = STEPPED.hedged_liquidation_price(*legs, 60_000, mark=3_000)
    above = STEPPED.hedged_liquidation_price(*legs, 60_000, mark=30_000)
    assert below is not None
    assert above is not None
    assert below < above
    for price in (below, above):
        assert room(STEPPED, *legs, 60_000, price) == pytest.approx(0, abs=1e-6)
    assert room(STEPPED, *legs, 60_000, (below + above) / 2) > 0
    assert room(STEPPED, *legs, 60_000, below * 0.999) < 0 > room(
        STEPPED, *legs, 60_000, above * 1.001)


legs = st.tuples(st.floats(0.01, 2_000), st.floats(1_000, 5_000))


@given(legs, legs, st.floats(0.01, 1))
def test_at_the_price_equity_equals_both_maintenances(
    long: tuple[float, float], short: tuple[float, float], share: float
) -> None:
    """On the ladder of ETHUSDT too, where each leg has its own bracket."""
    wallet = share * (long[0] * long[1] + short[0] * short[1])
    price = STEPPED.hedged_liquidation_price(long, short, wallet)
    if not price:
        rooms = [room(STEPPED, long, short, wallet, 10.0 ** power) for power in range(-3, 8)]
        assert min(rooms) > -1e-6 * wallet if price is None else max(rooms) < 1e-6 * wallet
        return
    assume(price < 1e7)
    scale = wallet + (long[0] + short[0]) * price
    assert room(STEPPED, long, short, wallet, price) == pytest.approx(0, abs=1e-9 * scale)


def test_isolated_legs_stand_alone() -> None:
    """In isolated hedge mode each leg has its own margin and price: two symbols that share the free
    balance. One dies, the other's margin is untouched."""
    both = ("LONG", "SHORT")
    terms = Terms("isolated", dict.fromkeys(both, FLAT), dict.fromkeys(both, 10.0))
    state = State(500.0, MappingProxyType({
        "LONG": Position("LONG", 10, 3_000, 3_000, 10, 1),
        "SHORT": Position("SHORT", -4, 3_100, 1_240, 10, 2)}), 2)
    marks = dict.fromkeys(both, 2_700.0)
    assert account.liquidation_price(state, "LONG", marks, terms) == close_to(2_710.84)
    assert account.liquidation_price(state, "SHORT", marks, terms) == pytest.approx(3_410 / 1.004)
    after = changes.seize(state, "LONG").state
    assert (after.free, after.positions["SHORT"].margin) == (500, 1_240)
    assert math.isclose(after.wallet, state.wallet - 3_000)


def test_the_rest_of_the_account_counts() -> None:
    """Other positions' profit and maintenance move the pair's price as they move a single one's."""
    pair = (10.0, 3_000.0), (4.0, 3_100.0)
    assert FLAT.hedged_liquidation_price(
        *pair, 3_000, others_unrealised=-900, others_maintenance=100) == close_to(2_624.50)
