"""Where there is no liquidation price, or nothing but one: the ends of the formulas, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from deleverage import venues
from deleverage.errors import UsageError
from deleverage.venues.binance import BinanceCoinm, BinanceUsdm
from deleverage.venues.bybit import BybitInverse
from deleverage.venues.gate import GateInverse
from deleverage.venues.ladder import LadderUse
from deleverage.venues.okx import OkxInverse
from deleverage.venues.rules import InverseRules, VenueRules
from tests.core.desks import flat_ladder, make_ladder
from tests.venues.positions import AFTER, BEFORE, LINEAR

FLAT = flat_ladder(0.005)


@pytest.mark.parametrize("product", [BinanceCoinm, BybitInverse, OkxInverse, GateInverse])
def test_an_inverse_short_without_leverage_has_no_price(product: type[InverseRules]) -> None:
    """1x short of 3,000 USD with 1 ETH: the coin it holds covers its value at every mark."""
    rules = product("ETH", LadderUse(FLAT, AFTER))
    assert rules.liquidation_price(-1, 3_000.0, 3_000.0, 1.0) is None
    assert rules.bankruptcy_price(-1, 3_000.0, 3_000.0, 1.0) is None
    many = rules.liquidation_price(-1, np.full(3, 3_000.0), 3_000.0, np.array([0.1, 1.0, 1.2]))
    assert np.isnan(many).tolist() == [False, True, True]


def test_an_inverse_long_that_owes_its_value_is_lost_at_every_mark() -> None:
    """Value 1 ETH, margin −1.1 ETH: the level lies above every mark, on the old page as well."""
    for rules in (BinanceCoinm("ETH", LadderUse(FLAT, 0)),
                  BybitInverse("ETH", LadderUse(FLAT, BEFORE))):
        assert rules.liquidation_price(1, 3_000.0, 3_000.0, -1.1) == math.inf
        assert rules.bankruptcy_price(1, 3_000.0, 3_000.0, -1.0) == math.inf
        many = rules.liquidation_price(1, np.full(2, 3_000.0), 3_000.0, np.array([0.1, -1.1]))
        assert np.isinf(many).tolist() == [False, True]


def test_the_margin_ratio_of_a_position_with_nothing_left_is_infinite() -> None:
    """At and beyond the bankruptcy price; a negative ratio would read as a healthy account."""
    rules = BinanceUsdm("ETH", LadderUse(FLAT, 0))
    assert rules.margin_ratio(1, 10, 3_000, 3_000, 2_700) == math.inf
    assert rules.margin_ratio(1, 10, 3_000, 3_000, 2_600) == math.inf
    assert rules.margin_ratio(1, 10, 3_000, 3_000, np.array([2_700.0, 3_000.0])).tolist() == \
        [math.inf, 0.05]


@pytest.mark.parametrize("product", LINEAR)
@pytest.mark.parametrize("side", [1, -1])
def test_margin_that_is_not_a_number_is_refused(product: type[VenueRules], side: int) -> None:
    """NaN behind a position is an error, never "cannot be liquidated", one by one and in arrays."""
    rules = product("ETH", LadderUse(FLAT, AFTER))
    for size, wallet in ((1.0, math.nan), (np.ones(2), np.array([100.0, math.nan]))):
        with pytest.raises(UsageError, match="margin behind a position is not a number"):
            rules.liquidation_price(side, size, 3_000.0, wallet)


@pytest.mark.parametrize("broken", [
    {"side": 0}, {"side": 2}, {"size": 0.0}, {"size": -1.0}, {"size": math.nan},
    {"entry_price": 0.0}, {"entry_price": math.nan},
])
@pytest.mark.parametrize("given", ["alone", "array"])
def test_a_position_that_cannot_be_is_refused_in_arrays_too(
    broken: dict[str, float], given: str
) -> None:
    """One impossible side, size or price among good ones: the same error as for it alone."""
    position = {"side": 1.0, "size": 1.0, "entry_price": 3_000.0, "wallet": 300.0, **broken}
    arguments = position if given == "alone" else {
        name: np.array([300.0 if name == "wallet" else 1.0, value])
        for name, value in position.items()}
    with pytest.raises(UsageError, match=r"side must be|must be > 0"):
        venues.get("binance").liquidation_price(**arguments)


def test_arrays_of_no_positions_are_answered() -> None:
    """No rows in, no rows out."""
    nothing = np.empty(0)
    for rules in (venues.get("binance"), BinanceCoinm("ETH", LadderUse(FLAT, 0)),
                  venues.get("bybit", symbol="BTCUSDT")):
        assert rules.liquidation_price(1, nothing, nothing, nothing).shape == (0,)
        assert rules.maintenance_margin(nothing).shape == (0,)


def test_a_ladder_of_many_rows_is_searched_to_its_end() -> None:
    """300 brackets: the array finds the last as surely as the first."""
    rows = [[1_000.0 * n, 1_000.0 * (n + 1), 0.001 * (n + 1)] for n in range(299)]
    rules = BinanceUsdm("ETH", LadderUse(make_ladder(*rows, (299_000, None, 0.5)), 0))
    notional = np.arange(300) * 1_000.0 + 500
    expected = [rules.maintenance_margin(n) for n in notional.tolist()]
    np.testing.assert_allclose(rules.maintenance_margin(notional), expected, rtol=1e-12)
    prices = rules.liquidation_price(-1, notional / 100, 100.0, notional * 0.6)
    one_by_one = [rules.liquidation_price(-1, n / 100, 100.0, n * 0.6) for n in notional.tolist()]
    np.testing.assert_allclose(prices, one_by_one, rtol=1e-12)


def test_a_ladder_that_is_not_complete_says_so() -> None:
    """OKX's copy ends with its third tier, whose rate is assumed above it; Hyperliquid's of 2024 is
    one inferred rate without a bound."""
    rules = venues.get("okx", symbol="BTC-USDT-SWAP", at="2026-10-01")
    (line,) = rules.assumptions
    assert "okx_swap_btc-usdt-swap_20260918 is not complete" in line
    assert "above 20,000 contracts its last rate is assumed" in line
    (line,) = venues.get("hyperliquid", symbol="ETH", at="2024-11-01").assumptions
    assert line.endswith("whether it had further brackets is not known")
    assert venues.get("binance", symbol="BTCUSDT", at="2024-11-01").assumptions == ()
    assert not make_ladder((0, None, 0.01), complete=False).complete
