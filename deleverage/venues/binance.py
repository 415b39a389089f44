"""Binance futures: maintenance on mark with brackets, liquidation price of family A.

Sources: Binance Futures FAQ "Leverage and margin of USDⓈ-M futures", "How to calculate liquidation
price of USDⓈ-M futures contracts" and "… of COIN-M futures contracts"; USDⓈ-M user data stream,
where FUNDING_FEE pushes the isolated position, so that its margin pays; its error −4161, leverage
reduction is not supported in isolated mode with open positions. The 15 s within which a new
position is still charged are a third party's (freqtrade), not the venue's. Liquidation: FAQ
"Liquidation protocols": one immediate-or-cancel order reduces the position, the fee is charged on
the liquidated amount only, and what cannot be filled above bankruptcy goes to the insurance fund.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from deleverage import margin
from deleverage.policies import Fees
from deleverage.venues.procedure import MARKET, StepDown
from deleverage.venues.rules import InverseRules, VenueRules

LIQUIDATION_FEE = 0.0125
_FEE = f"{100 * LIQUIDATION_FEE:.2f} %"
_STEPS = ("binance: an order reduces to the next lower bracket, one at a time (how far it reduces "
          "is not published); what is left above bankruptcy after the fee is returned")
_ROUNDING = 1e-12


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
    leverage_may_fall: ClassVar[bool] = False
    liquidation_fee: ClassVar[float] = LIQUIDATION_FEE
    procedure: ClassVar[StepDown] = StepDown(
        "brackets step down at the market, the lowest is closed whole at the market; fee "
        f"{_FEE} of what is closed, the rest is returned",
        (_STEPS, f"binance: the liquidation fee of {_FEE} is UNVERIFIED, from one undated copy of "
                 "exchangeInfo (ETHUSDT, BTCUSDT; other symbols 1.5 to 2 %)"),
        last=MARKET)

    def hedged_liquidation_price(
        self, long: tuple[float, float], short: tuple[float, float], wallet: float, *,
        mark: float | None = None, others_unrealised: float = 0.0,
        others_maintenance: float = 0.0,
    ) -> float | None:
        """One price for both legs of a cross hedge-mode pair; each leg is (size, entry price).

        Source: the FAQ's formula with its one-way position left out; each leg's bracket is that of
        its own liquidation notional. Equity less both maintenances is concave in the mark, so a
        nearly closed hedge may die below and above: the price nearest to ``mark`` is given, without
        one that on the side the net position loses on. None where no positive mark liquidates, 0
        where every one does.
        """
        free = wallet + others_unrealised - others_maintenance
        level = free - long[0] * long[1] + short[0] * short[1]
        found = list(self._hedge_roots(long[0], short[0], level))
        if not found:
            return None if self._hedge_room(long[0], short[0], level, long[1]) > 0 else 0.0
        if mark is not None:
            return min(found, key=lambda price: abs(price - mark))
        return found[0] if long[0] > short[0] else found[-1]

    def _hedge_room(self, long: float, short: float, level: float, mark: float) -> float:
        """Equity of the pair less the maintenance of both legs at a mark."""
        held = self.maintenance_margin(long * mark) + self.maintenance_margin(short * mark)
        return float(level + (long - short) * mark - held)

    def _hedge_roots(self, long: float, short: float, level: float) -> Iterator[float]:
        """Rising marks at which ``level + (long − short)·P`` equals the maintenance of both."""
        bounds = sorted({0.0, *(upper / size for size in (long, short) if size
                                for upper in self.ladder.uppers if math.isfinite(upper))})
        last = -math.inf
        for lower, upper in itertools.pairwise([*bounds, math.inf]):
            inside = lower + 1.0 if math.isinf(upper) else (lower + upper) / 2
            one, two = self.bracket(long * inside), self.bracket(short * inside)
            slope = long * (1 - one.rate) - short * (1 + two.rate)
            root = -(level + one.amount + two.amount) / slope if slope else math.nan
            near = _ROUNDING * root  # a root on a bound belongs to both brackets
            if root > 0 and lower - near <= root <= upper + near and root - last > near:
                yield root
                last = root


@dataclass(frozen=True, slots=True)
class BinanceCoinm(InverseRules):
    """Binance COIN-M: size in USD, margin and bracket bounds in coin; fees 0.02 % and 0.05 %."""

    name: ClassVar[str] = "binance"
    product: ClassVar[str] = "coinm"
    fees: ClassVar[Fees] = Fees(maker=0.0002, taker=0.0005)
    funding_grace: ClassVar[float] = 15.0
    leverage_may_fall: ClassVar[bool] = False
    procedure: ClassVar[StepDown] = StepDown(
        "brackets step down at the market, the lowest is closed whole at the market, the rest is "
        "returned",
        (_STEPS, "binance: the liquidation fee of COIN-M is not known, none is taken"), last=MARKET)


def maintenance_amount(floor: Any, rate: Any, rate_below: Any, amount_below: Any) -> Any:
    """A bracket's maintenance amount from the bracket below: what keeps maintenance continuous."""
    return amount_below - margin.maintenance(floor, rate_below, 0.0) \
        + margin.maintenance(floor, rate, 0.0)
