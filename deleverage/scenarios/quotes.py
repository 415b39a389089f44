"""Mark, last and index around the fair price.

The mark follows the fair price. The last price differs from it by a basis point or two in ordinary
minutes, lags behind in violent ones and, in the scripted wicks, sticks out far beyond the mark. The
perpetual trades a few basis points below the index, which is what funding pays for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deleverage import timestamps
from deleverage.scenarios.path import FairPath, Floats, Ints, decayed, half_life
from deleverage.scenarios.presets import Stretch
from deleverage.scenarios.streams import stream
from deleverage.timestamps import MINUTE

BP = 1e-4
_GAP_KEEP = half_life(1.5)  # the gap between last and mark closes within minutes
_PREMIUM_KEEP = half_life(600)
_PREMIUM_MEAN, _PREMIUM_SD = -4.4 * BP, .25 * BP
_STRAIN_MOST, _STRAIN_KEEP = 2.3 * BP, half_life(400)


@dataclass(frozen=True, slots=True)
class Bars:
    """Open, high, low and close per minute, on the tick."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats


@dataclass(frozen=True, slots=True)
class Quotes:
    """All prices per minute; ``premium`` is the perpetual's distance from the index (fraction)."""

    open_ns: Ints
    last: Bars
    mark: Bars
    index_close: Floats
    premium: Floats
    sigma: Floats

    def __len__(self) -> int:
        return len(self.open_ns)


def quotes(path: FairPath, stretches: Sequence[Stretch]) -> Quotes:
    """Prices of every minute of ``path``, rounded to the cent."""
    draws = np.concatenate([_draws(part) for part in stretches], axis=1)
    mark_wick, last_wick = _wicks(path, stretches)
    move = np.diff(path.log_price)
    gap = _gap(move, draws[0])
    overshoot = BP * np.abs(draws[1:3]) + .05 * np.maximum(np.abs(move) - 20 * BP, 0)
    mark = _bars(path.log_price, path.rise, path.dip + mark_wick)
    body = path.log_price + np.concatenate([[0.0], gap])
    last = _bars(body, path.rise + overshoot[0], path.dip + overshoot[1] + mark_wick + last_wick)
    slow = decayed(draws[3] * (_PREMIUM_SD * np.sqrt(1 - _PREMIUM_KEEP ** 2)), _PREMIUM_KEEP)
    premium = _PREMIUM_MEAN + slow + _strain(move)
    index_close = (mark.close * np.exp(-premium)).round(2)
    return Quotes(path.open_ns, last, mark, index_close, premium, path.sigma)


def _draws(part: Stretch) -> Floats:
    return stream("quotes", part.name).standard_normal((4, part.minutes))


def _gap(move: Floats, noise: Floats) -> Floats:
    """Log distance of the last close from the mark's: noise, and a lag behind violent moves."""
    violent = np.sign(move) * np.maximum(np.abs(move) - 15 * BP, 0)
    return decayed(.9 * BP * noise + .07 * violent, _GAP_KEEP)


def _strain(move: Floats) -> Floats:
    """Sellers push the perpetual below the index in a fall; arbitrage bounds it, hours close it."""
    falls = np.minimum(move + 20 * BP, 0)
    return _STRAIN_MOST * np.tanh(decayed(.012 * falls, _STRAIN_KEEP) / (4 * BP))


def _wicks(path: FairPath, stretches: Sequence[Stretch]) -> tuple[Floats, Floats]:
    mark, last = np.zeros(len(path)), np.zeros(len(path))
    for wick in (wick for part in stretches for wick in part.wicks):
        at = (timestamps.parse(wick.opens) - int(path.open_ns[0])) // MINUTE
        mark[at], last[at] = wick.mark_bp * BP, wick.last_bp * BP
    return mark, last


def _bars(border: Floats, rise: Floats, dip: Floats) -> Bars:
    first, end = border[:-1], border[1:]
    return Bars(*(np.exp(level).round(2) for level in (
        first, np.maximum(first, end) + rise, np.minimum(first, end) - dip, end)))
