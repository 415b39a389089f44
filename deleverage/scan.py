"""Many runs of one strategy: at every leverage (LeverageScan), and with random entries beside it.

Two scans: *same margin fraction*, where the notional grows with leverage, and *same notional*,
where only the distance to liquidation changes.
"""

from __future__ import annotations

import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

import backtrader as bt

from deleverage import runner
from deleverage.columns import MarketColumns
from deleverage.errors import DeleverageError, one_line
from deleverage.results import RunResult
from deleverage.spec import RunSpec
from deleverage.statistics import leverage_scan as rows
from deleverage.statistics.leverage_scan import LEVERAGES, LeverageScan, ScanRow
from deleverage.strategies import registry

Progress = Callable[[int, int], None]
Shared = tuple[MarketColumns, type[bt.Strategy]]
Found = TypeVar("Found")

# what a worker needs besides its specification; forked workers find it without copying
_shared: Shared | None = None


def leverage_scan(
    spec: RunSpec,
    columns: MarketColumns | None = None,
    workers: int | None = None,
    *,
    strategy: type[bt.Strategy] | None = None,
    leverages: Sequence[float] = LEVERAGES,
    progress: Progress | None = None,
) -> LeverageScan:
    """Both scans of ``spec``, at ``leverages`` up to the venue's limit and at its own leverage.

    ``workers``: processes (None: one per usable core; 1: in this process, also where processes
    cannot be forked). The rows are the same either way. ``progress(done, total)`` is called after
    every run. Raises what :func:`deleverage.runner.run` raises.
    """
    chosen = registry.load(spec.strategy) if strategy is None else strategy
    source = runner.load(spec, columns)
    limit = runner.rules_of(spec, source.columns).max_leverage()
    own = {spec.leverage} if spec.leverage <= limit else set()
    tried = sorted(own.union(rows.leverages(limit, leverages)))
    by_fraction = [(leverage, _same_fraction(spec, leverage)) for leverage in tried]
    by_notional = [(leverage, _same_notional(spec, leverage)) for leverage in tried]
    wanted = list(dict.fromkeys(item for _, item in (*by_fraction, *by_notional)
                                if isinstance(item, RunSpec)))
    with _sharing((source.columns, chosen)):
        found = dict(zip(wanted, _run_all(_row, wanted, workers, progress), strict=True))
    same_fraction, same_notional = (
        tuple(found[item] if isinstance(item, RunSpec) else item for _, item in scan)
        for scan in (by_fraction, by_notional))
    return LeverageScan.of(spec.leverage, limit, same_fraction, same_notional)


def _same_fraction(spec: RunSpec, leverage: float) -> RunSpec | ScanRow:
    """The same share of equity as margin; a fixed notional grows with leverage instead."""
    if leverage == spec.leverage and spec.notional_leverage is None:
        return spec
    if spec.notional is not None:
        share = spec.notional / spec.leverage / spec.cash
        if not rows.feasible(share):
            return rows.infeasible(leverage, share)
        return spec.changed(leverage=leverage, notional=spec.notional * leverage / spec.leverage)
    return spec.changed(leverage=leverage, notional_leverage=None)


def _same_notional(spec: RunSpec, leverage: float) -> RunSpec | ScanRow:
    """The notional of ``spec`` at another leverage, if the margin for it can be posted."""
    if leverage == spec.leverage:
        return spec
    if spec.notional is not None:
        share = spec.notional / leverage / spec.cash
        scaled = spec.changed(leverage=leverage)
    else:
        base = spec.notional_leverage or spec.leverage
        share = rows.margin_share(spec.margin_fraction or 0.0, base, leverage)
        scaled = spec.changed(leverage=leverage, notional_leverage=base)
    return scaled if rows.feasible(share) else rows.infeasible(leverage, share)


def baselines(
    result: RunResult,
    columns: MarketColumns | None = None,
    seeds: Iterable[int] = range(20),
    workers: int | None = None,
    *,
    progress: Progress | None = None,
) -> list[RunResult]:
    """:func:`deleverage.runner.baseline` for many seeds, in their order, over processes.

    Arguments as :func:`leverage_scan` takes them; the results carry no per-bar curves.
    """
    source = runner.load(result.spec, columns)
    specs = [runner.baseline_spec(result, seed) for seed in seeds]
    with _sharing((source.columns, registry.load(runner.BASELINE))):
        return _run_all(_result, specs, workers, progress)


def part(progress: Progress | None, before: int, total: int) -> Progress | None:
    """``progress`` for some of ``total`` runs, of which ``before`` are done."""
    return None if progress is None else lambda done, _: progress(before + done, total)


def outcomes(
    specs: Sequence[RunSpec],
    columns: MarketColumns,
    strategy: type[bt.Strategy],
    workers: int | None = None,
    *,
    progress: Progress | None = None,
) -> list[RunResult | str]:
    """Runs of one strategy on one market, in their order, over processes; of one that is refused
    the refusal's words. Arguments as :func:`leverage_scan` takes them."""
    with _sharing((columns, strategy)):
        return _run_all(_outcome, specs, workers, progress)


def _outcome(spec: RunSpec) -> RunResult | str:
    try:
        return _result(spec)
    except DeleverageError as error:
        return one_line(error)


def _result(spec: RunSpec) -> RunResult:
    if _shared is None:
        raise RuntimeError("a worker was started without its columns")
    columns, strategy = _shared
    return runner.run(spec, columns, strategy, record=False, direct=True)


def _row(spec: RunSpec) -> ScanRow:
    return rows.scan_row(spec.leverage, _result(spec).statistics)


def _run_all(work: Callable[[RunSpec], Found], specs: Sequence[RunSpec], workers: int | None,
             progress: Progress | None) -> list[Found]:
    count = min(workers or _cores(), len(specs))
    if count > 1 and "fork" in multiprocessing.get_all_start_methods():
        try:
            return list(_counted(_forked(work, specs, count), len(specs), progress))
        except BrokenProcessPool:
            pass  # a worker was killed (memory, a signal): do the work here
    return list(_counted(map(work, specs), len(specs), progress))


def _forked(work: Callable[[RunSpec], Found], specs: Sequence[RunSpec],
            workers: int) -> Iterator[Found]:
    context = multiprocessing.get_context("fork")
    with warnings.catch_warnings():
        # Python 3.12 warns of forking beside threads; the workers touch none of them
        warnings.simplefilter("ignore", DeprecationWarning)
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            yield from pool.map(work, specs)


def _counted(found: Iterator[Found], total: int, progress: Progress | None) -> Iterator[Found]:
    for done, row in enumerate(found, start=1):
        if progress is not None:
            progress(done, total)
        yield row


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


@contextmanager
def _sharing(shared: Shared) -> Iterator[None]:
    global _shared
    _shared = shared
    try:
        yield
    finally:
        _shared = None
