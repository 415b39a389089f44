"""Bybit USDT linear perpetuals: isolated maintenance frozen at entry, liquidation of family B.

Isolated: ``IM = Q·E/L``, ``MM = Q·E·rate − deduction``, ``LP = E − s·(IM − MM + extra)/Q``.
Cross (unified account) is an account-level rule whose figures are not published; as a declared
assumption maintenance is taken at mark over all positions, as in family A.

Sources: Bybit help centre "Liquidation price calculation (isolated)", "Maintenance margin", and,
for the free balance paying funding before the position margin, "Funding fee" (2024-03).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from deleverage import margin
from deleverage.policies import Fees
from deleverage.venues.rules import VenueRules, _check_position


@dataclass(frozen=True, slots=True)
class BybitLinear(VenueRules):
    """Bybit USDT linear, non-VIP fees of 0.02 % maker and 0.055 % taker."""

    name: ClassVar[str] = "bybit"
    product: ClassVar[str] = "linear"
    fees: ClassVar[Fees] = Fees(maker=0.0002, taker=0.00055)
    stop_trigger: ClassVar[str] = "last"
    funding_payer: ClassVar[str] = "free"
    margin_at_mark: ClassVar[bool] = False
    maintenance_at_entry: ClassVar[bool] = True
    assumed_max_leverage: ClassVar[float | None] = 100.0

    def liquidation_price(
        self, side: int, size: float, entry_price: float, wallet: float, *, cross: bool = False
    ) -> float | None:
        """Isolated: maintenance at entry. Cross: at mark (assumed, see the module's note)."""
        if cross:
            return self._at_liquidation(side, size, entry_price, wallet)
        _check_position(side, size, entry_price)
        rung = self.bracket(size * entry_price)
        price = margin.liquidation_at_entry(
            float(side), size, entry_price, wallet, rung.rate, rung.amount)
        if price <= 0:
            return None if side > 0 else 0.0
        return price
