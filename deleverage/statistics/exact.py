"""Sums that do not depend on the order of what is added, nor on how equal values are gathered."""

from __future__ import annotations

import math

import numpy as np

from deleverage.columns import Floats, Ints

_EXACT = 52  # whole numbers of so many bits are added in float64 without rounding
_LARGEST = 1e250  # beyond it the way through layers would leave the range of floats


def total(values: Floats, times: Ints | None = None) -> float:
    """The exact sum of every value taken so many ``times`` (None: once), rounded once.

    What :func:`math.fsum` gives for the values written out one by one. ``times`` ≥ 0; together
    fewer than 2^40.
    """
    count = len(values) if times is None else int(times.sum())
    largest = max(float(values.max()), -float(values.min())) if len(values) else 0.0
    if not largest < _LARGEST:
        return math.fsum(np.repeat(values, 1 if times is None else times).tolist())
    # cut into layers of so few bits that the sum of a layer is exact in whatever order
    bits = _EXACT - count.bit_length()
    exponent = math.frexp(largest)[1]
    layers, rest, more = [], values, largest > 0.0
    while more:
        exponent = max(exponent - bits, -1074)  # the last is the least float there is
        coarse = math.ldexp(1.5, exponent + _EXACT)  # added, it rounds to multiples of 2^exponent
        layer = rest + coarse
        layer -= coarse
        layers.append(float((layer if times is None else layer * times).sum()))
        rest = rest - layer
        more = bool(rest.any())
    return math.fsum(layers)
