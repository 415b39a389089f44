"""SYNTHETIC bars and what a fill in them costs, for the tests of slippage."""

from __future__ import annotations

from deleverage.slippage import Liquidity, Slippage
from deleverage.timestamps import MINUTE

NAN = float("nan")
PRICE = 2_500.0


def bar(volume: float = NAN, liquidations: float = NAN, step_ns: int = MINUTE) -> Liquidity:
    """One bar at 2,500 with so much volume (coins) and so many liquidations (USD)."""
    return Liquidity(PRICE, 2_510.0, 2_490.0, volume, liquidations, step_ns)


def cost(policy: Slippage, usd: float, at: Liquidity, side: int = 1) -> float:
    """What a fill of so many USD costs, in basis points."""
    return 1e4 * policy.share(side, usd / PRICE, PRICE, at)
