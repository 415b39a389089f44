"""Margin arithmetic of linear perpetuals, in two families; scalars or arrays alike.

Symbols: ``side`` +1 long, −1 short; ``size`` > 0 in coin; ``entry``, ``mark`` in quote per coin;
``wallet`` the margin behind the position without unrealised profit; ``rate`` and ``amount`` the
maintenance rate and maintenance amount of the bracket (MM = notional × rate − amount).

The venues differ in the price at which maintenance is taken when a liquidation price is computed:

* family A, *at liquidation* (Binance, OKX, Gate, Hyperliquid):
  ``wallet + s·Q·(LP − E) = Q·LP·rate − amount``;
* family B, *at entry* (Bybit isolated, BitMEX, KuCoin): ``MM = Q·E·rate − amount`` is frozen, so
  ``LP = E − s·(wallet − MM)/Q``.

Sources: Binance Futures FAQ "How to calculate liquidation price of USDⓈ-M futures contracts";
Bybit help centre "Liquidation price (USDT contract)".
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", float, NDArray[np.float64])


def maintenance(notional: Number, rate: Number, amount: Number) -> Number:
    """Maintenance margin in quote: ``notional × rate − amount``."""
    return notional * rate - amount


def liquidation_at_liquidation(
    side: Number, size: Number, entry: Number, wallet: Number, rate: Number, amount: Number
) -> Number:
    """Family A: the mark at which equity equals maintenance taken at that same mark.

    May be ≤ 0, which means that no mark liquidates the position; the caller decides.
    """
    return (wallet + amount - side * size * entry) / (size * rate - side * size)


def liquidation_at_entry(
    side: Number, size: Number, entry: Number, wallet: Number, rate: Number, amount: Number
) -> Number:
    """Family B: the mark at which equity equals maintenance taken at entry. May be ≤ 0."""
    return entry - side * (wallet - maintenance(size * entry, rate, amount)) / size


def bankruptcy(side: Number, size: Number, entry: Number, wallet: Number) -> Number:
    """The price at which the margin is gone: ``E − s·wallet/Q`` (fresh: ``E·(1 − s/L)``)."""
    return entry - side * wallet / size


def unrealised(signed_size: Number, entry: Number, mark: Number) -> Number:
    """Unrealised profit in quote; ``signed_size`` > 0 is long."""
    return signed_size * (mark - entry)


def funding_amount(signed_size: Number, price: Number, rate: Number) -> Number:
    """Cash flow to the holder of one settlement: negative when a long pays a positive rate."""
    return -(signed_size * price * rate)
