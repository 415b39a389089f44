"""Combinations carried out, in this process or in a worker that opens the data by its path."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from deleverage import runner
from deleverage.columns import MarketColumns
from deleverage.errors import DataError
from deleverage.feeds.dataset import Dataset
from deleverage.spec import RunSpec
from deleverage.sweeps.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Place:
    """Where the market of a sweep lies, and the hash of the content it had when it began."""

    path: str
    sha256: str

    def open(self) -> MarketColumns:
        """Its columns, memory-mapped: every process looks at the same pages.

        Raises DataError where the dataset is no longer the one the sweep began with.
        """
        dataset = Dataset.open(self.path)
        if dataset.sha256 != self.sha256:
            raise DataError(f"{self.path}: changed while the sweep ran (sha256 "
                            f"{dataset.sha256[:12]}…, expected {self.sha256[:12]}…)")
        return dataset.columns()


# A finished run is a knot of objects that refer to one another: one or two bytes a bar, and eight
# more for each line of an indicator. Python's collector would let them pile up for dozens of runs;
# to look through everything takes it as long as ten runs and their figures.
MOST_BARS_LEFT = 40_000_000
_bars_left, _collections = 0, 0

# a worker's market: where it is, and its columns once the first combination has opened them
_place: Place | None = None
_columns: MarketColumns | None = None


def carry_out(spec: RunSpec, columns: MarketColumns, direct: bool = True) -> Outcome:
    """Run one combination; whatever it raises is its outcome. What its strategy prints is unheard.

    The result is reduced to its figures here, so that a worker sends back a few hundred bytes.
    ``direct`` as :func:`deleverage.runner.run` takes it.
    """
    try:
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            return Outcome.of(runner.run(spec, columns, record=False, direct=direct))
    except (Exception, SystemExit) as error:
        return Outcome.failed(error)
    finally:
        _tidy(len(columns))


def _tidy(bars: int) -> None:
    """Free what finished runs have left, before it is much; unless that was done meanwhile."""
    global _bars_left, _collections
    collections = gc.get_stats()[-1]["collections"]
    _bars_left = bars if collections != _collections else _bars_left + bars
    _collections = collections
    if _bars_left >= MOST_BARS_LEFT:
        gc.collect()


def enter(place: Place, lifeline: Connection) -> None:
    """Begin a worker: note where the data lies, and end when the sweep's own process does.

    Ctrl-C reaches every process of a terminal; the sweep's own decides, by closing its end.
    """
    global _place
    _place = place
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_until_cut, args=(lifeline,), daemon=True).start()


def ready() -> bool:
    """Answers from a worker that has begun."""
    return _place is not None


def in_worker(specs: Sequence[RunSpec], direct: bool = True) -> list[Outcome]:
    """Run combinations in a worker, which opens its market the first time."""
    global _columns
    if _place is None:
        raise RuntimeError("a worker was started without its market")
    try:
        if _columns is None:
            _columns = _place.open()
    except Exception as error:
        return [Outcome.failed(error)] * len(specs)
    return [carry_out(spec, _columns, direct) for spec in specs]


def _until_cut(lifeline: Connection) -> None:
    """Wait for the other end to be closed, also by the death of its process; then end at once."""
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)
