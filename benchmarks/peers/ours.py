"""Our own side of the comparison, under the peers' protocol: DATASET ROUNDS [sweep]."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import runs
from benchmarks.peers.job_file import Made, answer
from benchmarks.signals import Rule
from deleverage import __version__
from deleverage.feeds.dataset import Dataset


def main() -> None:
    """The year from its column cache, every time anew; the sweep on columns opened once."""
    path = Path(sys.argv[1])

    def once() -> Made:
        done = runs.ours(path)
        return Made(done.entered, done.left, done.equity - runs.CASH)

    def sweep(rules: Sequence[Rule]) -> int:
        columns = Dataset.open(path).columns()
        return sum(len(done.left) for done in runs.sweep(columns, rules))

    answer(__version__, once, int(sys.argv[2]), sweep if "sweep" in sys.argv else None)


if __name__ == "__main__":
    main()
