"""OKX perpetual swaps: the taker fee sits inside maintenance; the whole size takes its tier's rate.

``margin ratio = equity ÷ (N·(rate + fee))``, liquidation at 100 %. Tiers count contracts and have
no maintenance amount, so maintenance jumps at a bound.

Sources: OKX help "Isolated margin trading: futures", "Single-currency margin mode: cross".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from deleverage.policies import Fees
from deleverage.venues.rules import InverseRules, VenueRules


@dataclass(frozen=True, slots=True)
class OkxSwap(VenueRules):
    """OKX USDT-margined swaps, regular-user fees of 0.02 % maker and 0.05 % taker."""

    name: ClassVar[str] = "okx"
    product: ClassVar[str] = "swap"
    spelling: ClassVar[str] = "{base}-USDT-SWAP"
    fees: ClassVar[Fees] = Fees(maker=0.0002, taker=0.0005)
    fee_inside: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class OkxInverse(InverseRules):
    """OKX coin-margined swaps, regular-user fees of 0.02 % maker and 0.05 % taker."""

    name: ClassVar[str] = "okx"
    product: ClassVar[str] = "inverse"
    fees: ClassVar[Fees] = Fees(maker=0.0002, taker=0.0005)
    fee_inside: ClassVar[bool] = True


def printed_ratio(margin: Any, unrealised: Any, maintenance: Any, position_value: Any,
                  fee: Any) -> Any:
    """The margin ratio as OKX prints it: equity over maintenance and closing fee; 1 liquidates."""
    return (margin + unrealised) / (maintenance + position_value * fee)


def equity_of_ratio(ratio: Any, maintenance: Any, position_value: Any, fee: Any) -> Any:
    """The equity behind a printed ratio: ``ratio × (MM + fee × N)``."""
    return ratio * (maintenance + position_value * fee)
