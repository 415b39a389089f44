"""Carry out a sweep: every combination once, in this process or over several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from deleverage.errors import DataError, UsageError
from deleverage.spec import RunSpec
from deleverage.sweeps.checking import MostTrades
from deleverage.sweeps.grid import Grid
from deleverage.sweeps.outcome import Outcome
from deleverage.sweeps.plan import Combination, Plan, prepare
from deleverage.sweeps.pool import Found, over_processes, usable_cores
from deleverage.sweeps.result import SweepResult
from deleverage.sweeps.store import MemoryStore, Store
from deleverage.sweeps.work import carry_out as one

Progress = bool | Callable[[int, int], None]


def sweep(spec: RunSpec, grid: Grid | Mapping[str, Sequence[Any] | str],
          workers: int | None = None, progress: Progress = True, *,
          store: Store | None = None, direct: bool = True) -> SweepResult:
    """Run ``spec`` at every combination of ``grid``; a combination that fails does not stop it.

    ``workers``: processes (None: one per usable core; 1: all in this process). The result is the
    same either way. ``progress``: a bar on a terminal's stderr, or a function called with (done,
    total). ``store`` is asked for outcomes before anything is run and keeps those that are found.
    ``direct``: without backtrader's engine where a run needs none (:mod:`deleverage.direct`); the
    figures are the same, and the combination with the most trades is run both ways to show it.

    Raises what :func:`deleverage.sweeps.prepare` raises before anything runs, and the error itself
    where every combination failed for one and the same reason.
    """
    return carry_out(prepare(spec, grid), workers, progress, store=store, direct=direct)


def carry_out(plan: Plan, workers: int | None = None, progress: Progress = True, *,
              store: Store | None = None, direct: bool = True) -> SweepResult:
    """:func:`sweep` for what is prepared already."""
    count = worker_count(plan, workers)
    kept: Store = MemoryStore() if store is None else store
    todo = [item for item in plan.combinations if not _finished(kept.get(plan.key(item)))]
    by_number, most = {item.number: item for item in todo}, MostTrades()
    with _counted(progress, len(plan.combinations)) as step:
        done = len(plan.combinations) - len(todo)
        for number, outcome in _outcomes(plan, todo, min(count, len(todo)),
                                         direct):
            kept.put(plan.key(by_number[number]), outcome)
            most.see(by_number[number], outcome)
            done += 1
            step(done, len(plan.combinations))
    if direct:
        most.hold_against_engine(plan)
    found = [kept.get(plan.key(item)) for item in plan.combinations]
    outcomes = [outcome for outcome in found if outcome is not None]
    _refuse_a_common_fault(outcomes)
    return SweepResult.of(plan, outcomes)


def worker_count(plan: Plan, workers: int | None = None) -> int:
    """The processes a sweep will use; UsageError for a number that is none."""
    if workers is None:
        workers = usable_cores()
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise UsageError(f"workers must be a whole number ≥ 1, found {workers!r}")
    return min(workers, len(plan.combinations))


def _finished(outcome: Outcome | None) -> bool:
    """Whether it need not be run: a failure is tried again."""
    return outcome is not None and outcome.error is None


def _outcomes(plan: Plan, todo: Sequence[Combination], workers: int,
              direct: bool) -> Iterator[Found]:
    if workers > 1:
        yield from over_processes([(item.number, item.spec) for item in todo], plan.place, workers,
                                  direct)
    elif todo:
        columns = plan.place.open()
        for item in todo:
            yield item.number, one(item.spec, columns, direct)


def _refuse_a_common_fault(outcomes: Sequence[Outcome]) -> None:
    """Where all fail alike, the fault is in the request or the data and not in a combination."""
    reasons = {(outcome.error, outcome.exit_code) for outcome in outcomes}
    if len(reasons) == 1:
        (reason, code), = reasons
        kind = {2: UsageError, 3: DataError}.get(code)
        if reason is not None and kind is not None:
            raise kind(reason)


@contextmanager
def _counted(progress: Progress, total: int) -> Iterator[Callable[[int, int], None]]:
    if callable(progress):
        yield progress
        return
    from tqdm import tqdm

    # disable=None: no bar where stderr is no terminal
    with tqdm(total=total, desc="sweep", leave=False, disable=None if progress else True) as bar:

        def step(done: int, _: int) -> None:
            bar.update(done - bar.n)

        yield step
