"""The sweep of 200 in a process of its own: ``python -m benchmarks.sweep_alone DATASET``.

Prints JSON: trades, CPU seconds with and without the start of Python, and the peak of memory.
"""

from __future__ import annotations

import json
import sys
import time

from benchmarks.measure import peak_megabytes
from benchmarks.runs import sweep
from deleverage.feeds.dataset import Dataset


def main() -> None:
    """Run the sweep on the dataset named and print what it cost."""
    began = time.process_time()
    done = sweep(Dataset.open(sys.argv[1]).columns())
    print(json.dumps({
        "trades": sum(len(each.left) for each in done), "cpu": time.process_time() - began,
        "with_start": time.process_time(), "megabytes": peak_megabytes()}))


if __name__ == "__main__":
    main()
