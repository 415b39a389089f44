"""Open interest of the instrument's venue in coins: forced closing, fright, and its tail.

Coins leave with each liquidation at the venue, with violent minutes (stops and voluntary closing),
and for the better part of an hour after both; they come back at a slow, scripted pace. Open
interest falls by far more than liquidations are reported: the two must not be equated.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deleverage.scenarios import venues
from deleverage.scenarios.orders import Orders
from deleverage.scenarios.path import Floats, decayed, half_life, steps
from deleverage.scenarios.presets import Stretch
from deleverage.scenarios.quotes import BP, Quotes
from deleverage.scenarios.streams import stream

_AT_START = 2_283_000.0  # coins at the open of the burn-in; Binance ETH in late January 2026
_FRIGHT, _CALM, _FRIGHT_KEEP = .84, 60 * BP, half_life(6)  # closing per (fall − calm)^1.5
_FOLLOW, _FOLLOW_KEEP = .020, half_life(25)  # the tail: share per minute of what closed before
_NOISE_SD, _NOISE_KEEP = 1_500.0, half_life(90)


def open_interest(prices: Quotes, orders: Orders, stretches: Sequence[Stretch]) -> Floats:
    """Coins open at the close of every minute."""
    size = len(prices)
    mine = orders.venue == venues.BINANCE
    forced = np.bincount(orders.minute[mine], weights=orders.qty[mine], minlength=size)
    closed = forced / _AT_START + _fright(prices)
    tail = _FOLLOW * (decayed(closed, _FOLLOW_KEEP) - closed)
    drift = steps([part.interest for part in stretches], prices.open_ns) / _AT_START / 1440
    draws = np.concatenate(
        [stream("interest", part.name).standard_normal(part.minutes) for part in stretches])
    noise = decayed(draws * (_NOISE_SD * np.sqrt(1 - _NOISE_KEEP ** 2)), _NOISE_KEEP)
    return _AT_START * np.exp(noise / _AT_START + np.cumsum(drift - closed - tail))


def _fright(prices: Quotes) -> Floats:
    """Share of the book closed by its owners per minute: stops and nerves in a steady fall."""
    mark = prices.mark
    slide = decayed(np.log(mark.close / mark.open), _FRIGHT_KEEP)
    before = np.concatenate([[0.0], slide[:-1]])
    deepest = _FRIGHT_KEEP * before + np.log(mark.low / mark.open)
    return _FRIGHT * np.maximum(-deepest - _CALM, 0) ** 1.5
