"""What is traded: one perpetual contract at one venue."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from decimal import Decimal

from deleverage.errors import DataError, UsageError

LIMIT, STOP = "limit", "stop"  # kinds of prices an order names, as round_price() takes them
_NEAR = 1e-6  # of a tick or lot: what is nearer than this stands on it, the rest of a calculation


@dataclass(frozen=True, slots=True)
class Instrument:
    """A linear perpetual: size in base coin, prices and money in the quote currency.

    ``max_size`` is the largest order in coin, ``max_market_size`` the largest that fills at the
    market. Any of these is None where the source does not give it: then prices and sizes are taken
    as they come.
    """

    symbol: str
    venue: str
    base: str = "ETH"
    quote: str = "USDT"
    product: str = "linear"
    tick_size: float | None = None
    lot_size: float | None = None
    min_notional: float | None = None
    max_size: float | None = None
    max_market_size: float | None = None

    def __post_init__(self) -> None:
        for name in ("tick_size", "lot_size", "min_notional", "max_size", "max_market_size"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise DataError(f"instrument {self.symbol}: {name} must be > 0, found {value}")

    def round_size(self, size: float) -> float:
        """``size`` cut towards zero to the lot step, free of float dust (0.1 + 0.2 − 0.3 is 0)."""
        if self.lot_size is None:
            return round(size, 12)
        lots = abs(size) / self.lot_size
        lots = math.floor(lots + _dust(lots))  # a sum of large sizes is off by more than small ones
        return math.copysign(_multiple(lots, self.lot_size), size) if lots else 0.0

    def on_tick(self, price: float) -> bool:
        """Whether ``price`` is a whole number of ticks, float dust aside; always without a tick."""
        if self.tick_size is None:
            return True
        ticks = price / self.tick_size
        return math.isfinite(ticks) and abs(ticks - round(ticks)) <= _dust(ticks)

    def round_price(self, price: float, side: int, kind: str = LIMIT) -> float:
        """``price`` of an order put on the tick by rule, free of float dust.

        ``side``: +1 buy, −1 sell. A ``"limit"`` goes to the passive side (a buy down, a sell up):
        no fill is dearer than was asked. A ``"stop"``, the trigger of a stop order, goes away from
        the market (a buy up, a sell down): it is met no earlier than was asked. A price on the tick
        stays where it is, and every price does without a tick. A price below one tick may become 0,
        which no order can carry. Raises UsageError for another kind or a price that is no number.
        """
        if kind not in (LIMIT, STOP):
            raise UsageError(f"a price to round is that of a {LIMIT!r} or a {STOP!r}, "
                             f"found {kind!r}")
        if not math.isfinite(price):
            raise UsageError(f"{self.symbol}: an order cannot carry the price {price}")
        if self.tick_size is None:
            return price
        ticks = price / self.tick_size
        whole = round(ticks)
        if abs(ticks - whole) > _dust(ticks):
            upwards = (side > 0) == (kind == STOP)
            whole = math.ceil(ticks) if upwards else math.floor(ticks)
        return _multiple(whole, self.tick_size)


def _multiple(whole: int, step: float) -> float:
    """``whole × step``, free of float dust: with as many decimals as the step has."""
    return round(whole * step, _decimals(step))


@functools.cache
def _decimals(step: float) -> int:
    exponent = Decimal(repr(step)).normalize().as_tuple().exponent
    return max(0, -int(exponent))


def _dust(number: float) -> float:
    """How far from a whole one the rest of a calculation may leave a number of ticks or lots."""
    return max(_NEAR, 8 * math.ulp(number))
