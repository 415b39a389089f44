"""Hyperliquid perpetuals: maintenance is half the initial margin at the asset's maximum leverage.

``l = 1/(2 × max leverage of the tier)``, ``MM = N·l − deduction``; the maximum leverage is the
asset's, never the position's own. Margin is judged on mark, funding is paid hourly on the oracle
price: ``rate = (premium + clamp(0.01 % − premium, ±0.05 %)) ÷ 8``, at most 4 % an hour, divided
*after* the clamp. Stops trigger on mark.

Liquidation: a market order for the full size (above 100,000 USDC a fifth of it, unless a part of
any of the user's positions went less than 30 s before), the rest stays with the trader; below two
thirds of maintenance the backstop vault takes the position with its margin, in cross all cross
positions, and returns nothing.

Sources: Hyperliquid docs "Margining", "Margin tiers", "Liquidations", "Funding".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from deleverage.policies import Fees
from deleverage.venues.procedure import (
    BACKSTOP,
    FUND,
    MARKET,
    Distress,
    Procedure,
    Stage,
    rounded_up,
)
from deleverage.venues.rules import VenueRules
from deleverage.venues.solve import positive

INTEREST = 0.0001  # of eight hours
CLAMP = 0.0005
CAP = 0.04  # of one hour
LARGE = 100_000.0  # USDC of notional at mark; above it only a part is sent first
FIRST_PART = 0.2
COOLDOWN_S = 30.0


@dataclass(frozen=True, slots=True)
class BookThenBackstop(Procedure):
    """Orders at the book while equity is at least two thirds of maintenance, then the backstop."""

    def act(self, rules: VenueRules, distress: Distress) -> Stage:
        """A fifth first where the position is large, else the whole; the backstop below 2/3."""
        if 3 * distress.equity < 2 * distress.maintenance:
            return self.taken(distress)
        large = rules.notional(distress.size, distress.mark) > LARGE
        if not large or distress.cooling:
            return Stage(MARKET, distress.size, rules.liquidation_fee)
        part = rounded_up(FIRST_PART * distress.size, distress.size, distress.lot)
        return Stage(MARKET, part, rules.liquidation_fee, COOLDOWN_S)

    def taken(self, distress: Distress) -> Stage:
        """The liquidator vault takes the position and all that stands behind it."""
        return Stage(BACKSTOP, distress.size, surplus=FUND)


@dataclass(frozen=True, slots=True)
class Hyperliquid(VenueRules):
    """Hyperliquid, base-tier fees of 0.015 % maker and 0.045 % taker."""

    name: ClassVar[str] = "hyperliquid"
    product: ClassVar[str] = "perp"
    fees: ClassVar[Fees] = Fees(maker=0.00015, taker=0.00045)
    spelling: ClassVar[str] = "{base}"
    stop_trigger: ClassVar[str] = "mark"
    funding_price: ClassVar[str] = "oracle"
    funding_hours: ClassVar[float] = 1.0
    procedure: ClassVar[Procedure] = BookThenBackstop(
        "at the market, a fifth above 100,000 USDC and all of it within 30 s after one, no fee, "
        "the rest is returned; below 2/3 of maintenance the backstop takes all",
        ("hyperliquid: the 100,000 USDC are counted at mark, and the backstop begins strictly "
         "below two thirds of maintenance",))


def maintenance_rate(max_leverage: Any) -> Any:
    """The maintenance rate of an asset or tier: ``1 ÷ (2 × max leverage)``."""
    return 1 / (2 * max_leverage)


def from_account(side: Any, size: Any, price: Any, available: Any, max_leverage: Any) -> Any:
    """Liquidation price from any price: ``P − s·available/Q ÷ (1 − l·s)``.

    ``available``: account value minus the total maintenance of all cross positions, or the isolated
    margin with unrealised profit minus its maintenance, both at ``price``. None where ≤ 0.
    """
    rate = maintenance_rate(max_leverage)
    return positive(price - side * available / size / (1 - rate * side), side)


def from_raw_usd(signed_size: Any, raw_usd: Any, max_leverage: Any) -> Any:
    """Liquidation price from the position's raw USD: ``−rawUsd ÷ (szi × (1 − l·s))``."""
    side = np.sign(signed_size) if isinstance(signed_size, np.ndarray) else \
        (1 if signed_size > 0 else -1)
    rate = maintenance_rate(max_leverage)
    return positive(-raw_usd / (signed_size * (1 - rate * side)), side)


def premium(oracle: Any, impact_bid: Any, impact_ask: Any) -> Any:
    """Premium index: how far the impact prices lie beyond the oracle, as a share of it."""
    above = np.maximum(impact_bid - oracle, 0.0)
    below = np.maximum(oracle - impact_ask, 0.0)
    return (above - below) / oracle


def funding_rate(mean_premium: Any, interest: Any = INTEREST, clamp: Any = CLAMP,
                 divide_by: Any = 8, cap: Any = CAP) -> Any:
    """Rate of one settlement from the hour's mean premium; the division comes after the clamp.

    Recorded rates go first: before 2023-07 the venue used other rules.
    """
    whole = mean_premium + np.clip(interest - mean_premium, -clamp, clamp)
    return np.clip(whole / divide_by, -cap, cap)
