"""Binance futures: maintenance on mark with brackets, liquidation price of family A.

Sources: Binance Futures FAQ "Leverage and margin of USDⓈ-M futures", "How to calculate liquidation
price of USDⓈ-M futures contracts" and "… of COIN-M futures contracts"; USDⓈ-M user data stream,
where FUNDING_FEE pushes the isolated position, so that its margin pays. The 15 s within which a new
position is still charged are a third party's (freqtrade), not the venue's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from deleverage import margin
from deleverage.policies import Fees
from deleverage.venues.rules import InverseRules, VenueRules


@dataclass(frozen=True, slots=True)
class BinanceUsdm(VenueRules):
    """Binance USDⓈ-M, regular-user fees of 0.02 % maker and 0.05 % taker.

    The liquidation fee of 1.25 % on the liquidated amount is exchangeInfo's ``liquidationFee`` for
    ETHUSDT and BTCUSDT in an undated copy; other symbols show 1.5 to 2 %.
    """

    name: ClassVar[str] = "binance"
    product: ClassVar[str] = "usdm"
    fees: ClassVar[Fees] = Fees(maker=0.0002, taker=0.0005)
    funding_grace: ClassVar[float] = 15.0
    liquidation_fee: ClassVar[float] = 0.0125

    def hedged_liquidation_price(
        self, long: tuple[float, float], short: tuple[float, float], wallet: float, *,
        others_unrealised: float = 0.0, others_maintenance: float = 0.0,
    ) -> float | None:
        """One price for both legs of a cross hedge-mode pair; each leg is (size, entry price).

        Source: the FAQ's formula with its one-way position left out; each leg's bracket is that of
        its own liquidation notional, found by fixed point. None where no positive mark liquidates,
        also where equal legs leave the equity flat and above maintenance at every mark.
        """
        (q_long, e_long), (q_short, e_short) = long, short
        free = wallet + others_unrealised - others_maintenance
        level = free - q_long * e_long + q_short * e_short
        price = e_long
        for _ in range(4 * len(self.ladder.brackets)):
            one, two = self.bracket(q_long * price), self.bracket(q_short * price)
            slope = q_long * (one.rate - 1) + q_short * (two.rate + 1)
            found = (level + one.amount + two.amount) / slope if slope else 0.0
            if found <= 0:
                return None
            if self.bracket(q_long * found) is one and self.bracket(q_short * found) is two:
                return found
            price = found
        return None


@dataclass(frozen=True, slots=True)
class BinanceCoinm(InverseRules):
    """Binance COIN-M: size in USD, margin and bracket bounds in coin; fees 0.02 % and 0.05 %."""

    name: ClassVar[str] = "binance"
    product: ClassVar[str] = "coinm"
    fees: ClassVar[Fees] = Fees(maker=0.0002, taker=0.0005)
    funding_grace: ClassVar[float] = 15.0


def maintenance_amount(floor: Any, rate: Any, rate_below: Any, amount_below: Any) -> Any:
    """A bracket's maintenance amount from the bracket below: what keeps maintenance continuous."""
    return amount_below - margin.maintenance(floor, rate_below, 0.0) \
        + margin.maintenance(floor, rate, 0.0)
