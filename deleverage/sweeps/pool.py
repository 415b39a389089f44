"""Combinations over local processes, which may die without taking the sweep with them.

The processes are spawned, not forked: they share nothing with this one but the path of the data,
so that no thread or lock is copied in the middle of its work. A script that starts a sweep must
therefore do so under ``if __name__ == "__main__":``.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from deleverage.errors import UsageError
from deleverage.spec import RunSpec
from deleverage.sweeps import work
from deleverage.sweeps.outcome import Outcome

Job = tuple[int, RunSpec]  # (place in the sweep, what to run)
Batch = tuple[Job, ...]  # what is sent to a worker at once
Found = tuple[int, Outcome]
BATCHES = 4  # at least so many for each worker, so that none is idle for long at the end


def usable_cores() -> int:
    """Cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def over_processes(jobs: Sequence[Job], place: work.Place, workers: int,
                   direct: bool = True) -> Iterator[Found]:
    """The outcome of every job as it comes, each with its place in the sweep.

    A process that dies (killed, out of memory, a crash in compiled code) takes the pool with it;
    the jobs that were under way are then run again one at a time, and the one that dies again has
    failed. Raises UsageError where no process can be started.
    """
    waiting, suspects = deque(batches(jobs, workers)), deque[Batch]()
    begun = False
    while waiting or suspects:
        if suspects:
            for number, _ in (yield from _until_broken(suspects, place, 1, direct)):
                yield number, Outcome.died()
        else:
            fallen = yield from _until_broken(waiting, place, workers, direct, not begun)
            suspects.extend((job,) for job in fallen)
        begun = True


def batches(jobs: Sequence[Job], workers: int) -> list[Batch]:
    """The jobs in batches that share the strategy's parameters, as far as there are enough of them.

    A worker keeps what a strategy has worked out for its parameters; runs that differ in the
    account alone find it there.
    """
    most = max(1, len(jobs) // (BATCHES * workers))
    alike: dict[str, list[Job]] = {}
    for job in jobs:
        alike.setdefault(repr(dict(job[1].params)), []).append(job)
    return [tuple(group[start:start + most]) for group in alike.values()
            for start in range(0, len(group), most)]


def _until_broken(waiting: deque[Batch], place: work.Place, workers: int, direct: bool,
                  greet: bool = False) -> Generator[Found, None, list[Job]]:
    """Run what is ``waiting`` in one pool; returns the jobs under way when a process died.

    With one worker no more than one batch is under way, so that it is known which one it was.
    """
    most = 1 if workers == 1 else 2 * workers
    running: dict[Future[list[Outcome]], Batch] = {}
    with _processes(place, min(workers, len(waiting))) as submit:
        if greet:
            _greet(submit)
        while waiting or running:
            while waiting and len(running) < most:
                try:
                    specs = [spec for _, spec in waiting[0]]
                    running[submit(work.in_worker, specs, direct)] = waiting[0]
                except BrokenProcessPool:
                    return _jobs(running)
                waiting.popleft()
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                if isinstance(future.exception(), BrokenProcessPool):
                    continue
                numbers = [number for number, _ in running.pop(future)]
                yield from zip(numbers, future.result(), strict=True)
            if any(future in running for future in done):
                return _jobs(running)
    return []


def _jobs(running: Mapping[Any, Batch]) -> list[Job]:
    return [job for batch in running.values() for job in batch]


Submit = Callable[..., "Future[Any]"]


def _greet(submit: Submit) -> None:
    """Have one worker answer before it is given work: a pool that cannot begin is no dead job."""
    try:
        submit(work.ready).result()
    except BrokenProcessPool:
        raise UsageError("no worker process could be started; a script must start its sweep under "
                         "`if __name__ == \"__main__\":`, and workers=1 needs no process"
                         ) from None


@contextmanager
def _processes(place: work.Place, workers: int) -> Iterator[Submit]:
    """A pool's ``submit``; left by an exception, its processes end at once, whatever they do."""
    context = multiprocessing.get_context("spawn")
    listening, lifeline = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=work.enter,
                               initargs=(place, listening))

    def submit(*words: Any) -> Future[Any]:
        with _uninterrupted():  # here the processes are started
            return pool.submit(*words)

    try:
        yield submit
    except BaseException:
        lifeline.close()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        lifeline.close()
        listening.close()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits. A process started meanwhile never hears it, not even while it still imports."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
