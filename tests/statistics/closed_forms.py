"""Liquidation of an isolated linear position when price is a random walk: closed forms, and Monte
Carlo for the same and for a walk with jumps.

For tests and docs/leverage.md only. A run never uses them: cascades are not random walks, and the
sheet replays each trade on the mark it met (``deleverage.statistics.replay``).

Geometric Brownian motion with drift μ and volatility s a year, E the entry, L leverage, k
maintenance as a share of the notional at liquidation (a fee held inside it included). The mark that
liquidates is E·e^b with b = ln((1 − 1/L)/(1 − k)) for a long, ln((1 + 1/L)/(1 + k)) for a short.
The first passage of ln P, a Brownian motion with drift ν = μ − s²/2 − c, through b is the inverse
Gaussian law, and what happens after it the reflection principle (Karatzas and Shreve, *Brownian
Motion and Stochastic Calculus*, 2.8 and 3.5). c is what longs pay shorts a year as a share of the
notional: a moving barrier taken for a moving price, an approximation good while c·T is small beside
1/L. Jumps: Merton (1976), with the bridge method of Metwally and Atiya (2002).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from deleverage.columns import Floats

K = 0.0056  # maintenance 0.5 % and a closing fee of 0.06 %
DAY = 1 / 365  # in years


@dataclass(frozen=True, slots=True)
class Walk:
    """The market over ``years``: volatility, drift and what longs pay (all a year), and jumps of
    ln P, ``jumps`` a year of mean ``jump_mean`` and deviation ``jump_sd``, whose mean effect on the
    price the drift takes back."""

    volatility: float
    years: float
    drift: float = 0.0
    carry: float = 0.0
    jumps: float = 0.0
    jump_mean: float = 0.0
    jump_sd: float = 0.0

    @property
    def nu(self) -> float:
        """Drift of ln P a year, between jumps."""
        back = self.jumps * math.expm1(self.jump_mean + self.jump_sd ** 2 / 2)
        return self.drift - self.volatility ** 2 / 2 - self.carry - back

    @property
    def spread(self) -> float:
        """Standard deviation of the diffusion of ln P over ``years``."""
        return self.volatility * math.sqrt(self.years)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A probability by Monte Carlo and its standard error."""

    value: float
    error: float

    @classmethod
    def of(cls, weights: Floats) -> Estimate:
        """The mean of independent weights."""
        return cls(float(weights.mean()), float(weights.std(ddof=1)) / math.sqrt(len(weights)))


def barrier(side: int, leverage: float, k: float = K) -> float:
    """ln of the liquidating mark ÷ entry: < 0 for a long (``side`` 1) above 1x, > 0 for a short."""
    return math.log((1 - side / leverage) / (1 - side * k))


def liquidated(side: int, leverage: float, walk: Walk, k: float = K) -> float:
    """P(the mark reaches the liquidation price before the time is over); no jumps."""
    b, drift = side * barrier(side, leverage, k), side * walk.nu * walk.years
    if b >= 0:
        return 1.0
    return phi((b - drift) / walk.spread) + reflected(b, drift, walk.spread, b)


def right_and_liquidated(side: int, leverage: float, walk: Walk, target: float = 1.0,
                         k: float = K) -> float:
    """P(liquidated on the way, and the price at the end at least (short: at most) ``target`` ×
    entry); no jumps. ValueError for a target beyond the liquidation price, where the formula does
    not hold. With carry, the price at the end is taken net of it."""
    b, end = side * barrier(side, leverage, k), side * math.log(target)
    if end < b:
        raise ValueError(f"a target of {target:g} lies beyond the liquidation price")
    return reflected(b, side * walk.nu * walk.years, walk.spread, end) if b < 0 else 1.0


def reflected(b: float, drift: float, spread: float, end: float) -> float:
    """e^(2·drift·b/spread²) · Φ(x), x = (2b − end + drift)/spread: P(b < 0 is met and the end is
    above ``end`` ≥ b), without the overflow of the first factor for small spreads."""
    x = (2 * b - end + drift) / spread
    if x > -5:
        return math.exp(2 * drift * b / spread ** 2) * phi(x)
    # Φ(x) = e^(−x²/2) · tail(−x), and the exponents taken together are a square and a product
    power = -((end - drift) ** 2 + 4 * b * (b - end)) / (2 * spread ** 2)
    return math.exp(power) * tail(-x)


def phi(x: float) -> float:
    """Φ, the normal distribution, with its small values on the left."""
    return math.erfc(-x / math.sqrt(2)) / 2


def tail(x: float) -> float:
    """Φ(−x)·e^(x²/2) for x ≥ 5, by Laplace's continued fraction."""
    below = x
    for n in range(60, 0, -1):
        below = x + n / below
    return 1 / (math.sqrt(2 * math.pi) * below)


def simulated(side: int, leverage: float, walk: Walk, paths: int, seed: int, target: float = 1.0,
              k: float = K, pieces: int = 1) -> tuple[Estimate, Estimate]:
    """(P(liquidated), P(right and liquidated)) by Monte Carlo.

    Only the times of jumps are drawn (and ``pieces`` equal parts of the time without jumps);
    between two of them, from x to y, a Brownian bridge stays above b with probability
    1 − e^(−2(x − b)(y − b)/(s²·dt)), so that nothing depends on a step.
    """
    chance = np.random.default_rng(seed)
    b = side * barrier(side, leverage, k)
    count = chance.poisson(walk.jumps * walk.years, paths)
    stops = max(1, int(count.max()))
    times = np.sort(np.where(np.arange(stops) < count[:, None],
                             chance.random((paths, stops)), 1.0), axis=1) * walk.years
    cuts = np.arange(1, pieces + 1) * walk.years / pieces
    where = np.zeros(paths)
    alive = np.ones(paths)
    before = np.zeros(paths)
    for column in range(stops + pieces):
        jump = column < stops and walk.jumps > 0
        if column < stops and not jump:
            continue
        now = times[:, column] if jump else np.maximum(before, cuts[column - stops])
        dt = now - before
        after = where + side * walk.nu * dt + walk.volatility * np.sqrt(dt) \
            * chance.standard_normal(paths)
        alive *= _stays(where - b, after - b, walk.volatility ** 2 * dt)
        if jump:
            size = walk.jump_mean + walk.jump_sd * chance.standard_normal(paths)
            after = after + np.where(column < count, side * size, 0.0)
            alive *= after > b
        where, before = after, now
    hit = 1 - alive
    return Estimate.of(hit), Estimate.of(hit * (where >= side * math.log(target)))


def _stays(x: Floats, y: Floats, variance: Floats) -> Floats:
    """Probability that a bridge from x to y, both seen from the barrier, does not meet it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = -np.expm1(-2 * x * y / variance)
    stayed: Floats = np.where(np.minimum(x, y) <= 0, 0.0, np.where(variance > 0, inside, 1.0))
    return stayed
