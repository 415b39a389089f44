"""Margin arithmetic of perpetuals, linear and inverse, in two families; scalars or arrays alike.

Symbols: ``side`` +1 long, −1 short; ``entry``, ``mark`` in quote per coin; ``wallet`` the margin
behind the position without unrealised profit; ``rate`` and ``amount`` the maintenance rate and
maintenance amount of the bracket (MM = notional × rate − amount). Linear contracts: ``size`` > 0 in
coin, money in quote. Inverse contracts: ``value`` > 0 in USD (contracts × contract size), money in
coin. A fee held inside maintenance (OKX, Gate) is part of ``rate``.

The venues differ in the price at which maintenance is taken when a liquidation price is computed:

* family A, *at liquidation* (Binance, OKX, Gate, Hyperliquid):
  ``wallet + s·Q·(LP − E) = Q·LP·rate − amount``;
* family B, *at entry* (Bybit isolated, BitMEX, KuCoin): ``MM = Q·E·rate − amount`` is frozen, so
  ``LP = E − s·(wallet − MM)/Q``.

Sources: Binance Futures FAQ "How to calculate liquidation price of USDⓈ-M futures contracts" and
its COIN-M sibling; Bybit help centre "Liquidation price (USDT contract)" and "(inverse contract)".
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", float, NDArray[np.float64])


def maintenance(notional: Number, rate: Number, amount: Number) -> Number:
    """Maintenance margin: ``notional × rate − amount`` (inverse: notional and amount in coin)."""
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


def inverse_at_liquidation(
    side: Number, value: Number, entry: Number, wallet: Number, rate: Number, amount: Number
) -> Number:
    """Family A for inverse contracts: ``S·(s + rate) / (wallet + amount + s·S/E)``.

    A result ≤ 0 or infinite means that no mark liquidates (a short with no less margin than value)
    or that every one does (a long that owes more than its value); the caller decides.
    """
    return _over(value * (side + rate), wallet + amount + side * value / entry)


def inverse_at_entry(
    side: Number, value: Number, entry: Number, wallet: Number, rate: Number, amount: Number
) -> Number:
    """Family B for inverse contracts: ``S / (S/E + s·(wallet − MM))``, MM at entry; may be ≤ 0 or
    infinite as in family A."""
    frozen = maintenance(value / entry, rate, amount)
    return _over(value, value / entry + side * (wallet - frozen))


def bankruptcy(side: Number, size: Number, entry: Number, wallet: Number) -> Number:
    """The price at which the margin is gone: ``E − s·wallet/Q`` (fresh: ``E·(1 − s/L)``)."""
    return entry - side * wallet / size


def inverse_bankruptcy(side: Number, value: Number, entry: Number, wallet: Number) -> Number:
    """The price at which an inverse position's margin is gone: ``S / (S/E + s·wallet)``; ≤ 0 or
    infinite where it is gone at no mark (a short) or at every one (a long)."""
    return _over(value, value / entry + side * wallet)


def inverse_price(value: Number, notional: Number) -> Number:
    """The price at which an inverse position of ``value`` USD is worth ``notional`` coin: ``S/N``,
    infinite for nothing."""
    return _over(value, notional)


def with_buffer(side: Number, liquidation: Number, entry: Number, buffer: Number) -> Number:
    """A liquidation price moved towards entry by the share ``buffer`` of the distance to it.

    A trader's risk setting (freqtrade's ``liquidation_buffer``), never a venue's rule.
    """
    return liquidation + side * buffer * abs(entry - liquidation)


def unrealised(signed_size: Number, entry: Number, mark: Number) -> Number:
    """Unrealised profit in quote; ``signed_size`` > 0 is long."""
    return signed_size * (mark - entry)


def inverse_unrealised(signed_value: Number, entry: Number, mark: Number) -> Number:
    """Unrealised profit in coin of an inverse position of ``signed_value`` USD."""
    return signed_value * (1 / entry - 1 / mark)


def funding_amount(signed_size: Number, price: Number, rate: Number) -> Number:
    """Cash flow to the holder of one settlement: negative when a long pays a positive rate."""
    return -(signed_size * price * rate)


def inverse_funding_amount(signed_value: Number, price: Number, rate: Number) -> Number:
    """Cash flow in coin of one settlement on an inverse position: ``−(S/price) × rate``."""
    return -(signed_value / price * rate)


def _over(above: Number, below: Number) -> Number:
    """``above ÷ below``, infinite where ``below`` is zero."""
    if isinstance(below, np.ndarray):
        with np.errstate(divide="ignore"):
            return above / below
    return above / below if below else math.copysign(math.inf, above)
