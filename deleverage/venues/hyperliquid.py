"""Hyperliquid perpetuals: maintenance is half the initial margin at the asset's maximum leverage.

``l = 1/(2 × max leverage of the tier)``, ``MM = N·l − deduction``; the maximum leverage is the
asset's, never the position's own. Margin is judged on mark, funding is paid hourly on the oracle
price: ``rate = (premium + clamp(0.01 % − premium, ±0.05 %)) ÷ 8``, at most 4 % an hour, divided
*after* the clamp. Stops trigger on mark.

Sources: Hyperliquid docs "Margining", "Margin tiers", "Liquidations", "Funding".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from deleverage.policies import Fees
from deleverage.venues.rules import VenueRules
from deleverage.venues.solve import positive

INTEREST = 0.0001  # of eight hours
CLAMP = 0.0005
CAP = 0.04  # of one hour


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
