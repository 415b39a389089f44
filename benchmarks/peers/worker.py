"""One engine in a process of its own that waits for words: see :mod:`benchmarks.peers.protocol`."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.figures import ROOT
from benchmarks.peers.environment import Unavailable, reason_of


class Worker:
    """A job's process. Raises Unavailable where it ends before it has answered."""

    def __init__(self, python: Path | str, module: str, source: Path) -> None:
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 (closed below)
        self._process = subprocess.Popen(
            [str(python), "-m", f"benchmarks.peers.{module}", str(source)], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors)
        self.greeting = self._heard()

    def ask(self, *words: str | int) -> dict[str, Any]:
        """Say one line and wait for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return self._heard()

    def close(self) -> None:
        """Hang up; the process ends by itself."""
        self._process.communicate()
        self._errors.close()

    def _heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        # what a package prints while it is imported is no answer
        line = next((line for line in self._process.stdout if line.startswith("{")), None)
        if line is None:
            self._process.communicate()
            self._errors.seek(0)
            errors = self._errors.read()
            self._errors.close()
            raise Unavailable(reason_of(errors))
        answer: dict[str, Any] = json.loads(line)
        return answer


@dataclass
class Standing:
    """What one engine has shown so far, in CPU seconds; the fastest of each counts."""

    version: str
    start: float  # of Python and the imports
    made: dict[str, Any] = field(default_factory=dict)
    first: float = 0.0  # the first run, with whatever is compiled or read for the first time
    best: float = float("inf")  # a run after the first
    megabytes: float = 0.0  # peak, after the runs
    sweeps: dict[int, float] = field(default_factory=dict)  # every so many → the fastest sweep
    megabytes_sweep: float = 0.0

    @classmethod
    def of(cls, worker: Worker) -> Standing:
        """Before the first run."""
        return cls(worker.greeting["version"], worker.greeting["start"])

    def run(self, answer: dict[str, Any]) -> None:
        """One more run of the year."""
        if self.made:
            self.best = min(self.best, answer["cpu"])
        else:
            self.made = {key: answer[key] for key in ("entered", "left", "net")}
            self.first = answer["cpu"]
        self.megabytes = answer["megabytes"]

    def sweep(self, every: int, answer: dict[str, Any]) -> None:
        """One more sweep."""
        self.sweeps[every] = min(self.sweeps.get(every, float("inf")), answer["cpu"])
        self.megabytes_sweep = answer["megabytes"]
