"""Our own side of the comparison, under the peers' protocol: ``python -m ... DATASET``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import runs
from benchmarks.peers.protocol import Made, serve
from benchmarks.signals import Rule
from deleverage import __version__
from deleverage.feeds.dataset import Dataset


def main() -> None:
    """The year from its column cache, every time anew; the sweep on columns opened once."""
    path = Path(sys.argv[1])

    def once() -> Made:
        done = runs.ours(path)
        return Made(done.entered, done.left, done.equity - runs.CASH)

    def sweep(rules: Sequence[Rule]) -> list[int]:
        columns = Dataset.open(path).columns()
        return [len(done.left) for done in runs.direct_sweep(columns, rules)]

    serve(__version__, once, sweep)


if __name__ == "__main__":
    main()
