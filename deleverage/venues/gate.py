"""Gate perpetuals: the closing fee sits inside maintenance; liquidation price of family A.

``LP = (E − s·W/Q) ÷ (1 − s·(rate + fee))``; inverse ``S·E·(1 + s·(rate + fee)) ÷ (S + s·W·E)``. The
documented fee for this purpose is 0.075 %; no figure of the venue tests the inverse form.

Liquidation lowers the risk limit one tier at a time and closes what exceeds it; the last tier is
settled at the bankruptcy price and what is filled better goes to the insurance fund.

Sources: Gate help "Liquidation price of perpetual contracts"; "Liquidation process" and "Insurance
fund", from copies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from deleverage.policies import Fees
from deleverage.venues.procedure import StepDown
from deleverage.venues.rules import InverseRules, VenueRules

CLOSING_FEE = 0.00075
_STEPS = StepDown(
    "tiers step down at the market, the lowest is a takeover at bankruptcy; no fee beside, nothing "
    "returned",
    ("gate: one tier at a time, then a takeover, is from copies of its help pages and no figure "
     "tests it; a fee on a reduction is not documented, none is taken",))


@dataclass(frozen=True, slots=True)
class GateUsdt(VenueRules):
    """Gate USDT-margined perpetuals, VIP0 fees of 0.02 % maker and 0.05 % taker."""

    name: ClassVar[str] = "gate"
    product: ClassVar[str] = "usdt"
    spelling: ClassVar[str] = "{base}_USDT"
    fees: ClassVar[Fees] = Fees(maker=0.0002, taker=0.0005)
    fee_inside: ClassVar[bool] = True
    procedure: ClassVar[StepDown] = _STEPS

    @property
    def maintenance_fee(self) -> float:
        """One's own closing fee, or the one Gate documents for the liquidation price."""
        return CLOSING_FEE if self.closing_fee is None else self.closing_fee


@dataclass(frozen=True, slots=True)
class GateInverse(InverseRules):
    """Gate coin-margined perpetuals, VIP0 fees of 0.02 % maker and 0.05 % taker."""

    name: ClassVar[str] = "gate"
    product: ClassVar[str] = "inverse"
    fees: ClassVar[Fees] = Fees(maker=0.0002, taker=0.0005)
    fee_inside: ClassVar[bool] = True
    procedure: ClassVar[StepDown] = _STEPS

    @property
    def maintenance_fee(self) -> float:
        """One's own closing fee, or the one Gate documents for the liquidation price."""
        return CLOSING_FEE if self.closing_fee is None else self.closing_fee
