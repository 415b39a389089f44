"""How fast are liquidations coming in, self-excitation included: the Hawkes process.

Event form (Hawkes 1971), used to describe a cascade after the fact:

    λ(t) = μ + Σ_{t_i < t} a b exp(−b (t − t_i))

a is the branching ratio (the share of events set off by earlier ones), b the decay per unit of
time. Its likelihood follows in one pass (Ozaki 1979):

    A_1 = 0,   A_i = (A_{i−1} + 1) exp(−b (t_i − t_{i−1}))
    log L = Σ_i ln(μ + a b A_i) − μ T − a Σ_i (1 − exp(−b (T − t_i)))

A slowly drifting μ looks like a → 1 (Filimonov and Sornette 2012, arXiv:1201.3572): read a as a
ratio of event to calm, not as the chance of a crash.

Online form, one update per closed bar with an amount x (USD of liquidations) in it:

    S ← φ S + n (1 − φ) x               φ = 2^(−1/half-life), n the branching ratio
    μ ← μ + α (min(x, 20 μ + floor) − μ)     α from the base half-life, floor = 10,000 USD,
                                             μ starts at max(x, floor / 10,000)
    L = μ (1 − n) + S

The decay of L after its peak is what an exhaustion rule looks at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_JUMP = 20.0  # one bar moves the base by at most this multiple of itself
_FIRST_BASE = 1e-4  # of the floor: one dollar
_BLIND_HALF_LIVES = 6.0  # 2^-6: what a gap hid has faded to under 2 %


class OnlineIntensity:
    """Streaming intensity L, amount per bar; ``base`` is μ, ``excited`` is S."""

    def __init__(self, half_life: float = 10.0, branching: float = 0.8, *,
                 base_half_life: float = 4_320.0, floor: float = 10_000.0) -> None:
        self._phi = 2.0 ** (-1.0 / half_life)
        self._gain = branching * (1.0 - self._phi)
        self._share = 1.0 - branching
        self._alpha = 1.0 - 2.0 ** (-1.0 / base_half_life)
        self._floor = floor
        self._blind_bars = math.ceil(_BLIND_HALF_LIVES * half_life)
        self._blind = 0
        self.base = math.nan
        self.excited = 0.0

    def push(self, amount: float) -> float:
        """L after a bar with ``amount`` of liquidations.

        An uncovered bar (NaN) may have held anything, so L is NaN for it and until six half-lives
        of covered bars have passed: a gap must not look like a cascade that ended.
        """
        if amount != amount:
            self.excited *= self._phi
            self._blind = self._blind_bars
            return math.nan
        base = self.base
        if base != base:
            self.base = base = max(amount, _FIRST_BASE * self._floor)
        else:
            self.base = base = base + self._alpha * (
                min(amount, _JUMP * base + self._floor) - base
            )
        self.excited = self._phi * self.excited + self._gain * amount
        if self._blind:
            self._blind -= 1
            return math.nan
        return base * self._share + self.excited


def online_intensity(amounts: Floats, half_life: float = 10.0, branching: float = 0.8, *,
                     base_half_life: float = 4_320.0, floor: float = 10_000.0) -> Floats:
    """:class:`OnlineIntensity` of a whole column."""
    push = OnlineIntensity(
        half_life, branching, base_half_life=base_half_life, floor=floor
    ).push
    return np.array([push(amount) for amount in amounts.tolist()], dtype=np.float64)


def hawkes_excitation(times: Sequence[float], decay: float) -> list[float]:
    """A_i of sorted event times: the excitation each event meets, in one pass."""
    excitation: list[float] = []
    level, previous = -1.0, times[0] if len(times) else 0.0
    for time in times:
        level = (level + 1.0) * math.exp(-decay * (time - previous))
        excitation.append(level)
        previous = time
    return excitation


def hawkes_log_likelihood(times: Sequence[float], end: float, base: float, branching: float,
                          decay: float) -> float:
    """log L of events at sorted ``times`` in [0, ``end``]; rates per unit of the same time."""
    met = math.fsum(
        math.log(base + branching * decay * level) for level in hawkes_excitation(times, decay)
    )
    expected = math.fsum(-math.expm1(-decay * (end - time)) for time in times)
    return met - base * end - branching * expected
