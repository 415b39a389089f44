"""Random numbers of the scenarios: one fixed PCG64 stream per component and stretch of time.

Every component draws from a stream of its own, so that a change of one leaves the others as they
were, and the history draws the same numbers whichever continuation follows it. No wall clock.
"""

from __future__ import annotations

import zlib

import numpy as np

SEED = 20260131


def stream(component: str, stretch: str) -> np.random.Generator:
    """The generator of ``component`` (path, book, sizes, …) for the stretch of that name."""
    words = [SEED, zlib.crc32(component.encode()), zlib.crc32(stretch.encode())]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))
