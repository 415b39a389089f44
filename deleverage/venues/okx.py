"""OKX perpetual swaps: the taker fee sits inside maintenance; the whole size takes its tier's rate.

``margin ratio = equity ÷ (N·(rate + fee))``, liquidation at 100 %. Tiers count contracts and have
no maintenance amount, so maintenance jumps at a bound.

Liquidation: from tier 3 on a position is reduced by two tiers at a time (an older page reduces it
to tier 1 in one step; from tier 3 that is the same) as long as tier 1's rate could save it; tiers 1
and 2 are taken over at the bankruptcy price.

Sources: OKX help "Isolated margin trading: futures", "Single-currency margin mode: cross"; "Forced
partial or full liquidation", the older page and copies of the newer one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from deleverage import margin
from deleverage.policies import Fees
from deleverage.venues.procedure import Distress, StepDown
from deleverage.venues.rules import InverseRules, VenueRules


@dataclass(frozen=True, slots=True)
class TwoTiers(StepDown):
    """Reduce by two tiers at a time, for the taker fee; tiers 1 and 2 are closed whole."""

    def target(self, rules: VenueRules, distress: Distress, held: int) -> int | None:
        """Two tiers down, unless even tier 1's rate would ask for more than is left."""
        if held < 2:
            return None
        notional = rules.notional(distress.size, distress.mark)
        lowest, own = rules.ladder.brackets[0], rules.ladder.brackets[held]
        saved = margin.maintenance(notional, own.rate, own.amount) - notional * lowest.rate
        return held - 2 if distress.equity > distress.maintenance - saved else None

    def fee(self, rules: VenueRules) -> float:
        """The taker fee, the one that is held inside maintenance."""
        return rules.maintenance_fee


_STEPS = TwoTiers(
    "from tier 3 on two tiers at a time at the market for the taker fee; tiers 1 and 2 are a "
    "takeover at bankruptcy, nothing returned",
    ("okx: two tiers at a time is the newer text of the help page; an older one reduces to tier 1 "
     "in one step",
     "okx: a reduction fills at the market as it stands (the page says slightly better); that it "
     "needs more equity than tier 1 asks for, and that tiers 1 and 2 go at bankruptcy, is from "
     "copies of the page"))


@dataclass(frozen=True, slots=True)
class OkxSwap(VenueRules):
    """OKX USDT-margined swaps, regular-user fees of 0.02 % maker and 0.05 % taker."""

    name: ClassVar[str] = "okx"
    product: ClassVar[str] = "swap"
    spelling: ClassVar[str] = "{base}-USDT-SWAP"
    fees: ClassVar[Fees] = Fees(maker=0.0002, taker=0.0005)
    fee_inside: ClassVar[bool] = True
    procedure: ClassVar[StepDown] = _STEPS


@dataclass(frozen=True, slots=True)
class OkxInverse(InverseRules):
    """OKX coin-margined swaps, regular-user fees of 0.02 % maker and 0.05 % taker."""

    name: ClassVar[str] = "okx"
    product: ClassVar[str] = "inverse"
    fees: ClassVar[Fees] = Fees(maker=0.0002, taker=0.0005)
    fee_inside: ClassVar[bool] = True
    procedure: ClassVar[StepDown] = _STEPS


def printed_ratio(margin: Any, unrealised: Any, maintenance: Any, position_value: Any,
                  fee: Any) -> Any:
    """The margin ratio as OKX prints it: equity over maintenance and closing fee; 1 liquidates."""
    return (margin + unrealised) / (maintenance + position_value * fee)


def equity_of_ratio(ratio: Any, maintenance: Any, position_value: Any, fee: Any) -> Any:
    """The equity behind a printed ratio: ``ratio × (MM + fee × N)``."""
    return ratio * (maintenance + position_value * fee)
