"""What is traded: one perpetual contract at one venue."""

from __future__ import annotations

import math
from dataclasses import dataclass

from deleverage.errors import DataError


@dataclass(frozen=True, slots=True)
class Instrument:
    """A linear perpetual: size in base coin, prices and money in the quote currency.

    ``tick_size``, ``lot_size`` and ``min_notional`` are None where the source does not give them:
    then prices and sizes are taken as they come.
    """

    symbol: str
    venue: str
    base: str = "ETH"
    quote: str = "USDT"
    product: str = "linear"
    tick_size: float | None = None
    lot_size: float | None = None
    min_notional: float | None = None

    def __post_init__(self) -> None:
        for name in ("tick_size", "lot_size", "min_notional"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise DataError(f"instrument {self.symbol}: {name} must be > 0, found {value}")

    def round_size(self, size: float) -> float:
        """``size`` cut towards zero to the lot step, free of float dust (0.1 + 0.2 − 0.3 is 0)."""
        if self.lot_size is None:
            return round(size, 12)
        lots = math.floor(abs(size) / self.lot_size + 1e-9)
        return math.copysign(round(lots * self.lot_size, 12), size) if lots else 0.0
