"""What a peer's job reads, and how it answers the driver: columns from a folder, JSON lines back.

A job runs in the peer's own Python as a process that waits for words on its standard input, so that
the driver can let all engines do one round each in turns. It answers each word with one line:

``once``
    one run of the year: CPU seconds, bars of the fills, money made;
``sweep N``
    every N-th combination of the grid: CPU seconds, closed trades of each.

The first line, before any word, tells its version and what Python and its imports cost.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import peak_megabytes
from benchmarks.signals import GRID, Features, Floats, Rule, features_of

COLUMNS = ("open", "high", "low", "close", "volume", "long_liquidations")
CASH = 1_000_000.0


@dataclass(frozen=True)
class Market:
    """The columns of the job, read from its folder."""

    close_ns: Any
    columns: dict[str, Floats]

    @classmethod
    def read(cls, folder: str | Path) -> Market:
        """What :func:`write` wrote."""
        return cls(np.load(Path(folder) / "close_ns.npy"),
                   {name: np.load(Path(folder) / f"{name}.npy") for name in COLUMNS})

    def features(self) -> Features:
        """The features of the rule, by NumPy."""
        return features_of(self.columns["low"], self.columns["long_liquidations"])


def write(folder: Path, columns: Any) -> Path:
    """The columns a peer needs, each a .npy file in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "close_ns.npy", columns.close_ns)
    for name in COLUMNS:
        np.save(folder / f"{name}.npy", columns.lines[name])
    return folder


@dataclass(frozen=True)
class Made:
    """What a run made: bars of the fills that opened and closed (the bar after the decision's),
    and money at the end over money at the start."""

    entered: Sequence[int]
    left: Sequence[int]
    net: float


def serve(version: str, once: Callable[[], Made],
          sweep: Callable[[Sequence[Rule]], Sequence[int]] | None = None) -> None:
    """Answer the driver until it hangs up; ``sweep`` gives the closed trades of each rule.

    CPU seconds are user and system of all threads, and of children that have ended. What the engine
    prints goes to standard error.
    """
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as reply:
        os.dup2(2, 1)
        _say(reply, version=version, start=_cpu())
        for line in sys.stdin:
            word, *numbers = line.split()
            gc.collect()
            began = _cpu()
            if word == "sweep" and sweep is not None:
                trades = [int(count) for count in sweep(GRID[::int(numbers[0])])]
                _say(reply, cpu=_cpu() - began, trades=trades, megabytes=peak_megabytes())
            else:
                made = once()
                _say(reply, cpu=_cpu() - began, megabytes=peak_megabytes(), **asdict(made))


def _cpu() -> float:
    ended = os.times()
    return time.process_time() + ended.children_user + ended.children_system


def _say(reply: Any, **content: Any) -> None:
    reply.write(json.dumps(content) + "\n")
    reply.flush()
