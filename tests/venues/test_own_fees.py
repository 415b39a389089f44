"""A run's own fees and the fee that OKX and Gate hold inside maintenance."""

from __future__ import annotations

import pytest

from deleverage import venues
from deleverage.policies import Fees
from deleverage.venues.binance import BinanceUsdm
from deleverage.venues.bybit import BybitLinear
from deleverage.venues.fee_tiers import tier
from deleverage.venues.gate import GateInverse, GateUsdt
from deleverage.venues.hyperliquid import Hyperliquid
from deleverage.venues.ladder import LadderUse
from deleverage.venues.okx import OkxInverse, OkxSwap
from deleverage.venues.rules import VenueRules
from tests.core.desks import flat_ladder

USE = LadderUse(flat_ladder(0.004), 0)
OWN = Fees(maker=-0.0001, taker=0.0002)


@pytest.mark.parametrize(("product", "held"), [(OkxSwap, 0.0005), (GateUsdt, 0.00075)])
def test_the_liquidation_price_moves_with_ones_own_taker_fee(
    product: type[VenueRules], held: float
) -> None:
    """By hand, 10 at 3,000 on 3,000: 2,700 ÷ (1 − 0.4 % − fee) long, 3,300 ÷ (1 + …) short; a
    cheaper account dies later, and holds less against the same position."""
    rules = product("ETH", USE)
    own = rules.charging(OWN)
    for fee, each in ((held, rules), (OWN.taker, own)):
        assert each.liquidation_price(1, 10, 3_000, 3_000) == \
            pytest.approx(2_700 / (1 - 0.004 - fee))
        assert each.liquidation_price(-1, 10, 3_000, 3_000) == \
            pytest.approx(3_300 / (1 + 0.004 + fee))
        assert each.position_maintenance(10, 3_000, 2_900) == pytest.approx(29_000 * (0.004 + fee))
    assert own.liquidation_price(1, 10, 3_000, 3_000) < rules.liquidation_price(1, 10, 3_000, 3_000)


@pytest.mark.parametrize("product", [OkxInverse, GateInverse])
def test_the_inverse_price_moves_as_well(product: type[VenueRules]) -> None:
    """30,000 USD at 3,000 on 1 coin: S·(1 + 0.4 % + fee) ÷ (1 + S ÷ 3,000), 0.02 % inside."""
    own = product("ETH", USE).charging(OWN)
    assert own.liquidation_price(1, 30_000, 3_000, 1.0) == pytest.approx(30_000 * 1.0042 / 11)


@pytest.mark.parametrize("product", [BinanceUsdm, BybitLinear, Hyperliquid])
def test_where_no_fee_is_held_inside_nothing_changes(product: type[VenueRules]) -> None:
    """The same rules, not a copy."""
    rules = product("ETH", USE)
    assert rules.charging(OWN) is rules


def test_charging_keeps_everything_else() -> None:
    """Symbol, ladder and the venue's default fees are untouched; the last fees charged hold."""
    rules = venues.get("okx", symbol="BTC-USDT-SWAP")
    own = rules.charging(OWN)
    assert type(own) is type(rules)
    assert (own.symbol, own.use, own.fees) == (rules.symbol, rules.use, rules.fees)
    assert rules.closing_fee is None
    assert own.closing_fee == 0.0002
    assert own.charging(Fees.flat(0.001)).closing_fee == 0.001
    assert own.charging(rules.fees).liquidation_price(1, 1, 80_000, 8_000) == \
        rules.liquidation_price(1, 1, 80_000, 8_000)


def test_a_fee_tier_reaches_maintenance() -> None:
    """OKX's VIP9 pays 1.5 bp as taker, and its maintenance holds that much less."""
    rules = OkxSwap("ETH", USE).charging(tier("okx", "VIP9"))
    assert rules.maintenance_fee == 0.00015
