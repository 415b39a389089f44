"""Binance USDⓈ-M futures: maintenance on mark with brackets, liquidation price of family A.

Sources: Binance Futures FAQ "Leverage and margin of USDⓈ-M futures" and "How to calculate
liquidation price of USDⓈ-M futures contracts"; USDⓈ-M user data stream, where FUNDING_FEE pushes
the isolated position, so that its margin pays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from deleverage.policies import Fees
from deleverage.venues.rules import VenueRules


@dataclass(frozen=True, slots=True)
class BinanceUsdm(VenueRules):
    """Binance USDⓈ-M, regular-user fees of 0.02 % maker and 0.05 % taker."""

    name: ClassVar[str] = "binance"
    product: ClassVar[str] = "usdm"
    fees: ClassVar[Fees] = Fees(maker=0.0002, taker=0.0005)
    stop_trigger: ClassVar[str] = "last"
    funding_payer: ClassVar[str] = "position"
    margin_at_mark: ClassVar[bool] = True
