"""What a peer's job is given and what it answers: one .npz file in, one line of JSON out."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import peak_megabytes
from benchmarks.signals import GRID, Features, Floats, Rule, features_of

COLUMNS = ("open", "high", "low", "close", "volume", "long_liquidations")
CASH = 1_000_000.0


@dataclass(frozen=True)
class Market:
    """The columns of the job, read from its file."""

    close_ns: Any
    columns: dict[str, Floats]

    @classmethod
    def read(cls, path: str | Path) -> Market:
        """The file that :func:`write` wrote."""
        with np.load(path) as stored:
            return cls(stored["close_ns"], {name: stored[name] for name in COLUMNS})

    def features(self) -> Features:
        """The features of the rule, by NumPy."""
        return features_of(self.columns["low"], self.columns["long_liquidations"])


def write(path: Path, columns: Any) -> Path:
    """The columns a peer needs as one file."""
    np.savez(path, close_ns=columns.close_ns, **{name: columns.lines[name] for name in COLUMNS})
    return path


@dataclass(frozen=True)
class Made:
    """What a run made: bars of its entries and exits, money at the end over money at the start."""

    entered: Sequence[int]
    left: Sequence[int]
    net: float


@dataclass
class Answer:
    """What a job costs in CPU seconds; ``first`` is the first call, with everything compiled."""

    version: str
    first: float = 0.0
    best: float = float("inf")
    made: Made | None = None
    sweep: float = 0.0
    combinations: int = 0
    sweep_trades: int = 0
    megabytes: float = 0.0
    megabytes_sweep: float = 0.0
    notes: list[str] = field(default_factory=list)


def answer(version: str, once: Callable[[], Made], rounds: int,
           sweep: Callable[[Sequence[Rule]], int] | None = None, rules: Sequence[Rule] = GRID,
           notes: Sequence[str] = ()) -> None:
    """Run the job ``rounds`` times, then the sweep over ``rules``, and print the answer.

    ``sweep`` returns the number of trades. It is run on its first rule before, to compile.
    """
    told = Answer(version, notes=list(notes))
    for number in range(rounds + 1):
        gc.collect()
        began = time.process_time()
        told.made = once()
        spent = time.process_time() - began
        if number:
            told.best = min(told.best, spent)
        else:
            told.first = spent
    told.megabytes = peak_megabytes()
    if sweep is not None:
        sweep(rules[:1])
        gc.collect()
        began = time.process_time()
        told.sweep_trades = sweep(rules)
        told.sweep, told.combinations = time.process_time() - began, len(rules)
        told.megabytes_sweep = peak_megabytes()
    json.dump(asdict(told), sys.stdout)
