"""How the benchmarks measure: CPU time, in turns with a yardstick, the fastest of several rounds.

CPU time is user and system of all threads of this process. The yardstick runs before every round of
what is measured, so that a busy machine slows both alike; what is reported is a ratio of minima,
never seconds.
"""

from __future__ import annotations

import gc
import re
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

ROUNDS = 7

Result = TypeVar("Result")


@dataclass
class Stopwatch(Generic[Result]):
    """A piece of work that remembers the CPU seconds of its fastest call."""

    work: Callable[[], Result]
    best: float = field(default=float("inf"))

    def __call__(self) -> Result:
        """Do the work once."""
        began = time.process_time()
        result = self.work()
        self.best = min(self.best, time.process_time() - began)
        return result


@dataclass(frozen=True)
class Measured(Generic[Result]):
    """The result of what was measured, its fastest round and the yardstick's, in CPU seconds."""

    result: Result
    ours: float
    yardstick: float

    def over(self, scale: float = 1.0) -> float:
        """How many times the yardstick ours takes, the yardstick taken ``scale`` times."""
        return self.ours / (self.yardstick * scale)

    def under(self, scale: float = 1.0) -> float:
        """How many times less than the yardstick ours takes."""
        return 1.0 / self.over(scale)


def compare(benchmark: Any, work: Callable[[], Result], yardstick: Callable[[], Any],
            rounds: int = ROUNDS) -> Measured[Result]:
    """``work`` in turns with ``yardstick``: each once to warm up, then ``rounds`` times.

    ``benchmark`` is pytest-benchmark's fixture, which gets ``work``'s rounds as its row.
    """
    ours, theirs = Stopwatch(work), Stopwatch(yardstick)

    def before() -> None:
        theirs()
        gc.collect()

    result = benchmark.pedantic(ours, setup=before, rounds=rounds, warmup_rounds=1)
    measured = Measured(result, ours.best, theirs.best)
    benchmark.extra_info["yardstick"] = measured.yardstick
    return measured


def compare_parts(benchmark: Any,
                  parts: Sequence[tuple[Callable[[], Result], Callable[[], Any]]],
                  rounds: int = ROUNDS) -> Measured[list[Result]]:
    """:func:`compare` for work of many seconds: in parts, each in turns with the yardstick's.

    A machine that others use too is quiet for a second now and then, hardly ever for a minute, so
    that a short yardstick would find its quiet round and long work none. The fastest rounds of the
    parts are added up, on both sides.
    """
    pairs = [(Stopwatch(work), Stopwatch(yardstick)) for work, yardstick in parts]

    def whole() -> list[Result]:
        results = []
        for ours, theirs in pairs:
            theirs()
            results.append(ours())
        return results

    results = benchmark.pedantic(whole, rounds=rounds, warmup_rounds=1)
    measured = Measured(results, sum(ours.best for ours, _ in pairs),
                        sum(theirs.best for _, theirs in pairs))
    benchmark.extra_info["yardstick"] = measured.yardstick
    return measured


def peak_megabytes() -> float:
    """The largest resident set of this process, without what its parent had before the start."""
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))
        if found:
            return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
