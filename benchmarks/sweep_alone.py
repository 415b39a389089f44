"""The sweep of 200 in a process of its own: ``python -m benchmarks.sweep_alone DATASET``.

Prints JSON: trades, CPU seconds with and without the start of Python, and the peak of memory.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from pathlib import Path

from benchmarks.runs import sweep
from deleverage.feeds.dataset import Dataset


def peak_megabytes() -> float:
    """The largest resident set of this process, without what its parent had before the start."""
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))
        if found:
            return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run the sweep on the dataset named and print what it cost."""
    began = time.process_time()
    done = sweep(Dataset.open(sys.argv[1]).columns())
    print(json.dumps({
        "trades": sum(len(each.left) for each in done), "cpu": time.process_time() - began,
        "with_start": time.process_time(), "megabytes": peak_megabytes()}))


if __name__ == "__main__":
    main()
