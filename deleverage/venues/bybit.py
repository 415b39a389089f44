"""Bybit linear and inverse perpetuals: isolated maintenance frozen at entry (linear: family B).

Linear isolated: ``IM = Q·E/L``, ``MM = Q·E·rate − deduction``, ``LP = E − s·(IM − MM + extra)/Q``.
Inverse isolated: the help page of 2024 prices maintenance at entry, that of 2026-05 at liquidation;
which one holds is pinned by the date of use. Cross (unified account) is an account-level rule whose
figures are not published; as a declared assumption maintenance is taken at mark over all positions,
as in family A.

Liquidation steps down tier by tier with fill-or-kill orders; the lowest tier is taken over at the
bankruptcy price, and what remains above it is the insurance fund's.

Sources: Bybit help centre "Liquidation price (USDT contract)", "Liquidation price (inverse
contract)", "Initial margin", "Maintenance margin", and, for the free balance paying funding before
the position margin, "Funding fee" (2024-03); "Liquidation process (USDT contract)" and "(inverse
contract)" (2024-01).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from deleverage import timestamps
from deleverage.policies import Fees
from deleverage.venues.procedure import StepDown
from deleverage.venues.rules import InverseRules, VenueRules

# the help page that takes inverse maintenance at the liquidation price was read in this month
_INVERSE_PAGE = timestamps.parse("2026-05-01")
_STEPS = StepDown(
    "tiers step down at the market, the lowest is a takeover at bankruptcy; no fee beside, nothing "
    "returned",
    ("bybit: a position is reduced one tier at a time at the market, without a fee (the help page "
     "names none)",))


@dataclass(frozen=True, slots=True)
class BybitLinear(VenueRules):
    """Bybit USDT linear, non-VIP fees of 0.02 % maker and 0.055 % taker."""

    name: ClassVar[str] = "bybit"
    product: ClassVar[str] = "linear"
    fees: ClassVar[Fees] = Fees(maker=0.0002, taker=0.00055)
    funding_payer: ClassVar[str] = "free"
    margin_at_mark: ClassVar[bool] = False
    maintenance_at_entry: ClassVar[bool] = True
    cross_assumed: ClassVar[str] = (
        "bybit cross is a declared assumption: the unified account's rule is not published, "
        "maintenance is taken at mark over all positions")
    procedure: ClassVar[StepDown] = _STEPS
    assumed_max_leverage: ClassVar[float | None] = 100.0


@dataclass(frozen=True, slots=True)
class BybitInverse(InverseRules):
    """Bybit inverse perpetuals, non-VIP fees of 0.02 % maker and 0.055 % taker."""

    name: ClassVar[str] = "bybit"
    product: ClassVar[str] = "inverse"
    fees: ClassVar[Fees] = Fees(maker=0.0002, taker=0.00055)
    funding_payer: ClassVar[str] = "free"
    assumed_max_leverage: ClassVar[float | None] = 100.0
    procedure: ClassVar[StepDown] = _STEPS

    def frozen_at_entry(self, cross: bool) -> bool:
        """By the page in force: that of 2024 takes maintenance at entry, later ones do not.

        Where no time is known (0: an undated ladder without a date of use) the newest page holds.
        """
        return not cross and 0 < self.use.at_ns < _INVERSE_PAGE


def added_margin_behind(extra: Any, side: Any, fee: Any) -> Any:
    """What margin added by hand to an inverse position counts for: ``extra ÷ (1 + s·fee)`` coin."""
    return extra / (1 + side * fee)


def close_fee(position_value: Any, leverage: Any, side: Any, fee: Any) -> Any:
    """The fee to close at the bankruptcy price, ``value × (1 − s/L) × fee``.

    The venue's positionIM and positionMM hold it; its displayed liquidation price leaves it out.
    """
    return position_value * (1 - side / leverage) * fee


def position_initial_margin(position_value: Any, leverage: Any, side: Any, fee: Any) -> Any:
    """positionIM as the API reports it: initial margin plus the fee to close at bankruptcy."""
    return position_value / leverage + close_fee(position_value, leverage, side, fee)


def position_maintenance_margin(position_value: Any, leverage: Any, side: Any, fee: Any,
                                rate: Any, deduction: Any) -> Any:
    """positionMM as the API reports it: maintenance plus the fee to close at bankruptcy."""
    return position_value * rate - deduction + close_fee(position_value, leverage, side, fee)
