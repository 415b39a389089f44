"""Whether two strategies differ by more than noise: paired by cascade, judged by sign flips.

The unit is the cascade. Hundreds of bars and dozens of trades inside one fall share its path, so
that counting them would call one lucky day many observations. Two runs on the same market met the
same cascades; what each made in one (the trades that belong to it:
:mod:`deleverage.statistics.cascade_table`) as a share of its opening wallet, and the difference of
the two, is one observation.

Trades that belong to no cascade stay out of the test and are one sum, ``elsewhere``: days without
a cascade are not repeats of what is judged here, a position may lie over many of them, and a
strategy could buy significance with many small trades on quiet days. So n × mean + elsewhere is
the difference in return.

The p-value: were the two alike, each difference could as well have had the other sign. Over all 2ⁿ
choices of signs, p is the share with an absolute mean at least as large as the one found
(two-sided, exact; Fisher's randomisation test of paired differences). It asks for nothing but
differences that do not hang together and are symmetric about 0 where nothing is behind them; the
smallest it can be is 2 ÷ 2ⁿ, so that with up to 5 cascades nothing is significant at 5 %.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deleverage.columns import Floats

LEVEL = 0.05  # a p above it is called noise; the interval holds 1 − LEVEL
EXACT = 30  # differences up to which all sign choices are counted: two halves of 2^15 sums
FLIPS = 19_999  # sign choices drawn where there are more
RESAMPLES = 10_000
SEED = 20_260_131
_SAME = 1e-12  # of what is compared: differences and sums closer than this are equal but for floats


@dataclass(frozen=True, slots=True)
class SignFlip:
    """Two-sided ``p`` and the ``smallest`` that as many differences could have had; ``exact``:
    all sign choices were counted, else FLIPS were drawn and the one found counts as one more."""

    p: float
    smallest: float
    exact: bool


@dataclass(frozen=True, slots=True)
class CascadeDifference:
    """One run against another, cascade by cascade; shares of the opening wallet, > 0 where the
    first made more.

    ``n`` cascades in which they differ, ``ties`` in which they do not (mostly because neither
    traded them; they say nothing and are dropped); ``mean`` of the n, with the bootstrap interval
    ``low`` to ``high`` (95 %); ``elsewhere`` the difference made outside cascades; ``p``,
    ``smallest`` and ``exact`` as :class:`SignFlip`, ``holm`` the p after Holm over all pairs of a
    page. None where there is no such figure, for the reason in ``why``.
    """

    n: int
    ties: int
    mean: float | None
    low: float | None
    high: float | None
    elsewhere: float | None
    p: float | None
    smallest: float | None
    exact: bool | None
    holm: float | None
    why: str

    @classmethod
    def unknown(cls, why: str, n: int = 0, ties: int = 0, mean: float | None = None,
                elsewhere: float | None = None) -> CascadeDifference:
        """A pair that cannot be judged, and the reason."""
        return cls(n, ties, mean, None, None, elsewhere, None, None, None, None, why)


def cascade_difference(one: Mapping[str, Any], other: Mapping[str, Any], one_wallet: float,
                       other_wallet: float, interval: bool = True) -> CascadeDifference:
    """The first run against the second, from the ``cascades`` block of their statistics and their
    opening wallets (> 0); ``interval=False`` leaves the bootstrap out."""
    for side in (one, other):
        if side["trigger"] is None:
            return CascadeDifference.unknown("; ".join(side["missing"]) or "cascades not known")
    stamps = [[row["start_ns"] for row in side["rows"]] for side in (one, other)]
    if stamps[0] != stamps[1]:
        return CascadeDifference.unknown(
            f"not the same cascades ({len(stamps[0])} and {len(stamps[1])} found)")
    ours, theirs = (np.array([row["net"] for row in side["rows"]], dtype=np.float64) / wallet
                    for side, wallet in ((one, one_wallet), (other, other_wallet)))
    values = ours - theirs
    values = values[np.abs(values) > _SAME * np.maximum(np.abs(ours), np.abs(theirs))]
    n, ties = len(values), len(ours) - len(values)
    elsewhere = one["net_elsewhere"] / one_wallet - other["net_elsewhere"] / other_wallet
    if n < 2:
        why = "no cascade in which they differ" if not n else \
            "one cascade in which they differ, where either sign is as likely"
        return CascadeDifference.unknown(why, n, ties, float(values[0]) if n else None, elsewhere)
    low, high = bootstrap_interval(values) if interval else (None, None)
    test = sign_flip(values)
    return CascadeDifference(n, ties, float(values.mean()), low, high, elsewhere, test.p,
                             test.smallest, test.exact, None, "")


def sign_flip(differences: Floats | Sequence[float], seed: int = SEED) -> SignFlip:
    """The sign-flip test of the absolute mean; zeros count for nothing and are not counted.

    ValueError without a difference. Exact up to EXACT differences, above that by drawn flips.
    """
    values = np.asarray(differences, dtype=np.float64)
    values = values[values != 0]
    if not len(values) or not np.isfinite(values).all():
        raise ValueError("a sign-flip test needs finite differences, at least one of them not 0")
    values = values / np.abs(values).max()
    n, reached = len(values), abs(math.fsum(values.tolist()))
    border = reached - _SAME * math.fsum(np.abs(values).tolist())
    if border <= 0:
        return SignFlip(1.0, smallest_p(n), n <= EXACT)
    if n <= EXACT:
        return SignFlip(2.0 * _at_least(values, border) / 2.0 ** n, smallest_p(n), True)
    chance = np.random.default_rng(seed)
    beyond = 0
    for start in range(0, FLIPS, 1_000):  # a thousand at a time: little memory for any n
        signs = chance.integers(0, 2, (min(1_000, FLIPS - start), n), dtype=np.int8)
        beyond += int((np.abs((2.0 * signs - 1.0) @ values) >= border).sum())
    return SignFlip((beyond + 1) / (FLIPS + 1), smallest_p(n), False)


def smallest_p(n: int) -> float:
    """The smallest two-sided p that n differences can have: 2 ÷ 2ⁿ, or one of the flips drawn."""
    return 2.0 / 2.0 ** n if n <= EXACT else 1.0 / (FLIPS + 1)


def _at_least(values: Floats, border: float) -> int:
    """How many of the 2ⁿ signed sums reach ``border``: every sum of one half meets those of the
    other, sorted, so that 2^(n/2) are looked up instead of 2ⁿ counted."""
    first, second = _signed_sums(values[::2]), np.sort(_signed_sums(values[1::2]))
    return int((len(second) - np.searchsorted(second, border - first, side="left")).sum())


def _signed_sums(values: Floats) -> Floats:
    """All 2ⁿ sums of the values with either sign."""
    sums = np.zeros(1)
    for value in values.tolist():
        sums = np.concatenate((sums - value, sums + value))
    return sums


def bootstrap_interval(values: Floats, seed: int = SEED) -> tuple[float, float]:
    """95 % of the means of resampled cascades lie between (percentile bootstrap).

    With few cascades it is narrower than it says (of 5 it holds the true mean in about 8 of 10
    cases): p is the judge, the interval shows the size.
    """
    means = _drawn(len(values), seed) @ values / len(values)
    low, high = np.quantile(means, (LEVEL / 2, 1 - LEVEL / 2))
    return float(low), float(high)


@functools.lru_cache(maxsize=2)
def _drawn(count: int, seed: int) -> Floats:
    """How often each of ``count`` cascades is in each resample: the same for every pair that
    differs in as many."""
    drawn = np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))
    drawn += np.arange(RESAMPLES)[:, None] * count
    times = np.bincount(drawn.ravel(), minlength=drawn.size)
    return times.reshape(drawn.shape).astype(np.float64)


def holm(found: Sequence[float]) -> list[float]:
    """Holm's step-down: the k-th smallest of m p-values × (m − k + 1), never below the one before
    it, at most 1. Calling those ≤ 5 % real is wrong in any of them in at most 5 % of pages."""
    adjusted, largest = [0.0] * len(found), 0.0
    for k, place in enumerate(sorted(range(len(found)), key=found.__getitem__)):
        largest = max(largest, min(1.0, (len(found) - k) * found[place]))
        adjusted[place] = largest
    return adjusted
