"""Where the time of a run goes, by function: ``make profile``.

A timer of CPU time interrupts at every tick of the system's clock and notes which functions are
running. It slows nothing down, which a profiler that counts calls does, small functions most of
all. What C code does is its caller's.
"""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from benchmarks.figures import ROOT, save
from benchmarks.job import YEAR, dataset_of
from benchmarks.runs import direct_sweep, ours, sweep
from deleverage.feeds.dataset import Dataset

EVERY = 0.001  # seconds of CPU time, or as long as a tick takes
OWN, WHOLE = 10, 14  # functions in a table: so many for themselves, so many with their calls
OUTER = 0.95  # what runs this share of the time is only the way into the run
YEARS, SWEEPS = 60, 2  # so many of each, that there are samples enough


class Sampler:
    """Counts, in a ``with`` block, which functions were running."""

    def __init__(self) -> None:
        self.own: Counter[CodeType] = Counter()  # the function itself
        self.owners: dict[CodeType, str] = {}  # of a function written by dataclasses
        self.whole: Counter[CodeType] = Counter()  # it, or what it called
        self.samples = 0

    def __enter__(self) -> Sampler:
        self._before = signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, self._before)

    def _sample(self, _: int, frame: FrameType | None) -> None:
        if frame is None:
            return
        self.samples += 1
        self.own[frame.f_code] += 1
        if frame.f_code.co_filename == "<string>":
            kind = type(frame.f_locals.get("self"))
            self.owners[frame.f_code] = f"{kind.__module__.replace('.', '/')}:{kind.__name__}"
        running = set()
        while frame is not None:
            running.add(frame.f_code)
            frame = frame.f_back
        self.whole.update(running)


def label(code: CodeType, owner: str = "") -> str:
    """A function as ``file:name``, from the root of its package; one written by dataclasses as the
    method of the class ``owner``."""
    if owner:
        return f"{owner}.{code.co_name}"
    path = Path(code.co_filename)
    try:
        place = path.resolve().relative_to(ROOT).with_suffix("").as_posix()
    except ValueError:
        parts = path.with_suffix("").parts
        place = "/".join(parts[parts.index("site-packages") + 1:]) if "site-packages" in parts \
            else path.stem
    return f"{place}:{code.co_qualname}"


def part(name: str) -> str:
    """Whose a function is: ours, the strategy's (its features with it), backtrader's, others'."""
    file = name.partition(":")[0]
    if file.startswith("benchmarks"):
        return "the strategy and its features"
    for top, title in (("backtrader", "backtrader"), ("numpy", "NumPy's own Python"),
                       ("pyarrow", "pyarrow")):
        if file.startswith(top):
            return title
    if file.split("/")[0] in ("deleverage", "feeds", "strategies", "analyzers"):
        return "deleverage"
    return "Python's library"


def profile(work: Callable[[], Any], times: int) -> dict[str, Any]:
    """``work`` once to warm up, then ``times`` times under the sampler: shares of CPU time."""
    work()
    with Sampler() as found:
        for _ in range(times):
            work()
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    for code, count in found.own.items():
        name = label(code, found.owners.get(code, ""))
        own[name] += count
        parts[part(name)] += count
    for code, count in found.whole.items():
        whole[label(code, found.owners.get(code, ""))] += count
    share = 1 / max(found.samples, 1)
    inner = Counter({name: count for name, count in whole.items() if count * share < OUTER})
    names = {name for name, _ in own.most_common(OWN) + inner.most_common(WHOLE)}
    return {"samples": found.samples,
            "functions": [(name, own[name] * share, whole[name] * share)
                          for name in sorted(names, key=lambda name: -whole[name])],
            "parts": [(name, count * share) for name, count in parts.most_common()]}


def markdown(found: dict[str, Any]) -> str:
    """A profile as a table of functions, and a sentence of whose they are."""
    shares = ", ".join(f"{name} {share:.0%}" for name, share in found["parts"] if share >= 0.005)
    lines = ["| function | with what it calls | itself |", "| --- | --- | --- |",
             *(f"| `{name}` | {whole:.1%} | {own:.1%} |"
               for name, own, whole in found["functions"])]
    return "\n".join([f"{found['samples']:,} samples: {shares}.", "", *lines])


def main() -> int:
    """Profile the year with its load and the sweep of 200, without the engine and through it; print
    and keep all."""
    dataset = dataset_of(YEAR)
    columns = Dataset.open(dataset.path).columns()
    for name, work, times in (("year", lambda: ours(dataset.path), YEARS),
                              ("sweep", lambda: direct_sweep(columns), 5 * SWEEPS),
                              ("engine", lambda: sweep(columns), SWEEPS)):
        found = profile(work, times)
        save(f"profile-{name}", found)
        print(f"{name}\n\n{markdown(found)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
