"""The fair price of every minute: bridges between anchors, noise, and the minute's extremes.

The fall is imposed by the anchors; nothing here reacts to liquidations. Between two anchors the log
price is a Brownian bridge whose shocks are Student-t (5 degrees), scaled by the day's volatility,
by the hour of the day and by a slowly wandering factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deleverage import timestamps
from deleverage.scenarios.presets import Stretch
from deleverage.scenarios.streams import stream
from deleverage.timestamps import DAY, HOUR, MINUTE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_WANDER_SD, _WANDER_HALF_LIFE = .20, 480.0  # of log volatility; minutes
_NOISE_HALF_LIFE = 150.0  # minutes; keeps the noise near the line between two far anchors


@dataclass(frozen=True, slots=True)
class FairPath:
    """Fair price per minute: ``open_ns`` of the bars, log price at the ``n + 1`` bar borders.

    ``sigma`` is the volatility of each minute (log units), ``rise`` and ``dip`` (log, ≥ 0) how far
    the minute goes above and below the higher and the lower end of its body.
    """

    open_ns: Ints
    log_price: Floats
    sigma: Floats
    rise: Floats
    dip: Floats

    def __len__(self) -> int:
        return len(self.open_ns)


def fair_path(stretches: Sequence[Stretch]) -> FairPath:
    """The fair price through ``stretches``, which follow each other without a gap.

    A later stretch changes nothing in an earlier one: each draws from its own streams, bridges end
    at the stretch's last anchor, and every recursion runs forward in time.
    """
    minutes = sum(part.minutes for part in stretches)
    open_ns = stretches[0].start_ns + MINUTE * np.arange(minutes, dtype=np.int64)
    sigma = _volatility(stretches, open_ns)
    shocks = np.concatenate([_student(part) for part in stretches]) * sigma
    log_price = np.empty(minutes + 1)
    first = 0
    for part in stretches:
        stop = first + part.minutes
        log_price[first:stop + 1] = _bridged(part, shocks[first:stop])
        first = stop
    rise, dip = _extremes(stretches, np.diff(log_price), sigma)
    return FairPath(open_ns, log_price, sigma, rise, dip)


def steps(parts: Sequence[tuple[tuple[str, float], ...]], open_ns: Ints) -> Floats:
    """A step function of (instant, value) pairs, read at each minute."""
    pairs = [pair for part in parts for pair in part]
    since = np.array([timestamps.parse(instant) for instant, _ in pairs], dtype=np.int64)
    values = np.array([value for _, value in pairs])
    return values[np.searchsorted(since, open_ns, side="right") - 1]


def decayed(inputs: Floats, keep: float) -> Floats:
    """Running sum with memory: ``y[i] = keep · y[i−1] + inputs[i]``, started at zero."""
    state, out = 0.0, []
    for value in inputs.tolist():
        state = keep * state + value
        out.append(state)
    return np.array(out)


def half_life(minutes: float) -> float:
    """What a memory of that half-life keeps from one minute to the next."""
    return float(2.0 ** (-1.0 / minutes))


def _volatility(stretches: Sequence[Stretch], open_ns: Ints) -> Floats:
    per_day = steps([part.volatility for part in stretches], open_ns)
    hour = (open_ns % DAY) / HOUR
    season = .8 + .55 * np.exp(-(((hour - 15) / 3.5) ** 2))
    keep = half_life(_WANDER_HALF_LIFE)
    innovations = np.concatenate(
        [stream("volatility", part.name).standard_normal(part.minutes) for part in stretches])
    wander = decayed(innovations * (_WANDER_SD * np.sqrt(1 - keep ** 2)), keep)
    return per_day / np.sqrt(1440) * season * np.exp(wander - _WANDER_SD ** 2)


def _student(part: Stretch) -> Floats:
    return stream("path", part.name).standard_t(5, part.minutes) * np.sqrt(3 / 5)


def _bridged(part: Stretch, shocks: Floats) -> Floats:
    """Log price at the borders of the stretch's minutes, exact at its anchors."""
    at = np.array([(timestamps.parse(instant) - part.start_ns) // MINUTE
                   for instant, _ in part.anchors])
    target = np.log([price for _, price in part.anchors])
    walk = np.concatenate([[0.0], decayed(shocks, half_life(_NOISE_HALF_LIFE))])
    return walk + np.interp(np.arange(len(walk)), at, target - walk[at])


def _extremes(stretches: Sequence[Stretch], move: Floats, sigma: Floats) -> tuple[Floats, Floats]:
    """How far a Brownian bridge over each minute leaves its body, upward and downward."""
    draws = np.concatenate(
        [stream("extremes", part.name).exponential(size=(part.minutes, 2)) for part in stretches])
    reach = .5 * (np.sqrt(move[:, None] ** 2 + 2 * (sigma ** 2)[:, None] * draws)
                  - np.abs(move)[:, None])
    return reach[:, 0], reach[:, 1]
