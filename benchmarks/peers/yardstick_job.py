"""The yardstick under the peers' protocol: the compiled loop of the signals, without an account.

Its trades are what every engine's are compared with: ``python -m ... FOLDER`` of .npy files.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numba import __version__ as numba_version

from benchmarks import yardstick
from benchmarks.peers.protocol import Made, serve
from benchmarks.signals import YEAR_RULE, Features, Floats, Rule


def main() -> None:
    """The year with its four columns read every time anew; the sweep on features made once."""
    folder = Path(sys.argv[1])
    yardstick.compile_seconds()

    def ready() -> tuple[Floats, Floats, Features]:
        opened, low, close, longs = (np.load(folder / f"{name}.npy") for name in
                                     ("open", "low", "close", "long_liquidations"))
        return opened, close, yardstick.prepared(low, longs)

    def once() -> Made:
        walked = yardstick.walked(*ready(), YEAR_RULE)
        return Made(walked.entered.tolist(), walked.left.tolist(), walked.net)

    def sweep(rules: Sequence[Rule]) -> list[int]:
        opened, close, features = ready()
        return [len(yardstick.walked(opened, close, features, rule).left) for rule in rules]

    serve(f"numba {numba_version}", once, sweep)


if __name__ == "__main__":
    main()
