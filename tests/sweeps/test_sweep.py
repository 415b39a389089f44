"""sweep: the same rows as separate runs, in this process and in others, whatever fails."""

from __future__ import annotations

import gc
import pickle
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deleverage import runner
from deleverage.cerebro import Cerebro
from deleverage.errors import DataError, LedgerError, MissingTable, UnknownName, UsageError
from deleverage.spec import RunSpec
from deleverage.sweeps import FIGURES, MemoryStore, SweepResult, prepare, sweep, work
from deleverage.sweeps.pool import batches
from deleverage.sweeps.sweeping import worker_count
from tests.sweeps.conftest import GRID

# one combination ends its whole process, another ends the program, a third fails on its own
DEADLY = '''
    """Ways for a combination to fail."""
    import os
    import signal
    import sys

    import backtrader as bt


    class Deadly(bt.Strategy):
        """Buys once, or does not get so far."""

        params = (("how", "lives"),)

        def __init__(self):
            print("heard by nobody")
            if self.p.how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.p.how == "leaves":
                sys.exit("gone")
            if self.p.how == "breaks":
                raise KeyError("boom")

        def next(self):
            if len(self) == 5:
                self.buy()
'''


@pytest.fixture
def deadly(spec: RunSpec, tmp_path: Path) -> RunSpec:
    """A run of the strategy above."""
    (tmp_path / "deadly.py").write_text(textwrap.dedent(DEADLY))
    return spec.changed(strategy=f"{tmp_path / 'deadly.py'}:Deadly", params={})


def test_every_row_is_a_run_of_its_own(found: SweepResult, spec: RunSpec) -> None:
    """Each figure is the one in the statistics of a separate run, the key that of its
    specification, and the warnings are counted."""
    assert [row.point for row in found.rows] == list(GRID.bound(spec).points())
    met = set()
    for row in found.done:
        made = spec.changed(leverage=row.point["leverage"], params={
            **spec.params, "trades": row.point["trades"], "side": row.point["side"]})
        assert found.specification(row) == made
        assert row.key == made.key()
        result = runner.run(made)
        for figure in FIGURES:
            section, name = figure.path.split(".")
            assert row.figures[figure.name] == result.statistics[section][name], figure.name
        assert row.warnings == len(result.warnings)
        met.add(row.figures["liquidations"])
    assert len(found.done) == 8
    assert len(met) > 1  # some were liquidated, some were not


def test_a_failing_combination_is_a_row(found: SweepResult) -> None:
    """Beyond the venue's leverage a combination fails with its reason; the others are there."""
    assert [row.point["leverage"] for row in found.failed] == [500.0] * 4
    assert {row.error for row in found.failed} == {
        "leverage 500 is outside what binance grants for ETHUSDT: above 0, at most 125 (ladder "
        "binance_usdm_ethusdt_20241024)"}
    assert all(not row.figures and not row.warnings for row in found.failed)


def test_one_process_or_two_give_the_same_bytes(found: SweepResult, spec: RunSpec,
                                                tmp_path: Path) -> None:
    """Both files of a sweep over two processes equal those of one process, byte for byte."""
    heard: list[tuple[int, int]] = []
    other = sweep(spec, GRID, workers=2, progress=lambda done, of: heard.append((done, of)))
    assert heard == [(done, 12) for done in range(1, 13)]
    one, two = found.save(tmp_path / "one"), other.save(tmp_path / "two")
    names = sorted(file.name for file in one.iterdir())
    assert names == ["results.parquet", "sweep.json"]
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_a_worker_is_given_a_path_and_looks_at_mapped_columns(spec: RunSpec) -> None:
    """What is sent for a combination is small, and the columns are pages of the cache's files."""
    plan = prepare(spec, GRID)
    sent = pickle.dumps((plan.place, work.in_worker, [plan.combinations[0].spec]))
    assert len(sent) < 2_000
    columns = plan.place.open()
    for values in (columns.close_ns, *columns.lines.values(), columns.execution_mark.low):
        base: Any = values
        while base is not None and not isinstance(base, np.memmap):
            base = base.base
        assert base is not None


def test_a_worker_is_given_what_shares_its_parameters(spec: RunSpec) -> None:
    """Combinations that differ in the account alone go to one worker, in batches small enough that
    every worker has several; each is sent once."""
    plan = prepare(spec, {"leverage": range(1, 9), "trades": (3, 6)})
    jobs = [(item.number, item.spec) for item in plan.combinations]
    found = batches(jobs, 1)
    assert [[number for number, _ in batch] for batch in found] == [
        [1, 3, 5, 7], [9, 11, 13, 15], [2, 4, 6, 8], [10, 12, 14, 16]]
    assert {len({made.params["trades"] for _, made in batch}) for batch in found} == {1}
    assert [len(batch) for batch in batches(jobs, 8)] == [1] * 16


def test_finished_runs_do_not_pile_up(spec: RunSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run leaves is freed once enough of it lies about, and not after every run."""
    plan = prepare(spec, {"leverage": (5, 6, 7, 8)})
    columns = plan.place.open()
    gc.collect()

    def alive() -> int:
        return sum(type(item) is Cerebro for item in gc.get_objects())

    before = alive()
    monkeypatch.setattr(work, "MOST_BARS_LEFT", 2 * len(columns))
    monkeypatch.setattr(work, "_bars_left", 0)
    gc.disable()
    try:
        left = []
        for item in plan.combinations:
            work.carry_out(item.spec, columns, direct=False)
            left.append(alive() - before)
    finally:
        gc.enable()
    assert left == [1, 0, 1, 0]


def test_a_dead_process_is_one_failed_combination(deadly: RunSpec) -> None:
    """A combination that kills its process, one that breaks and one that leaves the program are
    rows with a reason; the rest of the sweep is what it would have been."""
    ways = ("lives", "killed", "breaks", "leaves")
    found = sweep(deadly, {"how": ways, "leverage": (5,)}, workers=2, progress=False)
    errors = {row.point["how"]: row.error for row in found.rows}
    assert errors == {"lives": None, "breaks": "KeyError at deadly.py:22: 'boom'",
                      "killed": "the process that ran it died (out of memory, or killed)",
                      "leaves": "SystemExit at deadly.py:20: gone"}
    alone = sweep(deadly, {"how": ("lives", "breaks"), "leverage": (5,)}, workers=1,
                  progress=False)
    assert alone.rows[0].figures == found.rows[0].figures
    assert alone.rows[1].error == errors["breaks"]


def test_what_a_strategy_prints_is_not_heard(deadly: RunSpec,
                                             capsys: pytest.CaptureFixture[str]) -> None:
    """Neither stdout nor, without a terminal, a progress bar on stderr."""
    sweep(deadly, {"leverage": (5, 6)}, workers=1)
    assert capsys.readouterr() == ("", "")


def test_a_fault_of_all_is_the_sweeps(spec: RunSpec) -> None:
    """Where every combination fails for the same reason, the sweep raises it as a run would."""
    late = spec.changed(fromdate="2027-01-01")
    with pytest.raises(DataError) as alone:
        runner.run(late)
    with pytest.raises(DataError) as together:
        sweep(late, {"leverage": (5, 10)}, workers=1, progress=False)
    assert str(together.value) == " ".join(str(alone.value).split())


def test_data_is_checked_before_anything_runs(spec: RunSpec) -> None:
    """A folder that is not there and another symbol are refused by prepare."""
    with pytest.raises(MissingTable, match="nowhere: no such dataset folder"):
        prepare(spec.changed(data="nowhere"), GRID)
    with pytest.raises(UnknownName, match="did you mean 'ETHUSDT'"):
        prepare(spec.changed(symbol="ETHUSD"), GRID)


def test_changed_data_is_not_mixed_in(spec: RunSpec) -> None:
    """A market that is no longer the one the sweep began with is refused when it is opened."""
    plan = prepare(spec, GRID)
    with pytest.raises(DataError, match="changed while the sweep ran"):
        work.Place(plan.place.path, "0" * 64).open()


def test_a_store_saves_what_was_run(spec: RunSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second sweep on the same store runs only what it has not met, failures included."""
    ran: list[float] = []

    def counted(made: RunSpec, *args: object, **options: object) -> object:
        ran.append(made.leverage)
        return runner.run(made, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("deleverage.sweeps.work.runner", type("Counted", (), {"run": counted}))
    store = MemoryStore()
    first = sweep(spec, {"leverage": (5, 500)}, 1, False, store=store, direct=False)
    second = sweep(spec, {"leverage": (10, 5, 500)}, 1, False, store=store, direct=False)
    assert ran == [5.0, 500.0, 10.0, 500.0]
    assert second.rows[1].figures == first.rows[0].figures
    assert len(store.outcomes) == 3
    other = sweep(spec.changed(cash=5_000), {"leverage": (5, 10)}, 1, False, store=store,
                  direct=False)
    assert len(ran) == 6
    assert other.rows[0].figures != first.rows[0].figures


@pytest.mark.parametrize("workers", [1, 2])
def test_a_sweep_is_the_same_with_the_engine_and_without(spec: RunSpec, workers: int) -> None:
    """Every figure of every row, here and in processes of their own."""
    without, through = (sweep(spec, GRID, workers, False, direct=direct)
                        for direct in (True, False))
    assert sum(row.figures.get("trades") or 0 for row in through.rows) > 0
    assert repr(without.rows) == repr(through.rows)


def test_a_difference_from_the_engine_ends_the_sweep(
    spec: RunSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The combination with the most trades is run both ways; what does not agree is an error."""
    def dearer(made: RunSpec, columns: Any, direct: bool, **options: Any) -> Any:
        if not direct:
            made = made.changed(slippage_bp=5)
        return runner.run(made, columns, direct=direct, **options)

    monkeypatch.setattr("deleverage.sweeps.work.runner", type("Dearer", (), {"run": dearer}))
    with pytest.raises(LedgerError, match=r"net .* without the engine and .* with it"):
        sweep(spec, {"leverage": (5, 10)}, 1, False)


@pytest.mark.parametrize("workers", [0, -1, 1.5, True])
def test_workers_are_counted_from_one(spec: RunSpec, workers: object) -> None:
    """A number of processes that is none is refused."""
    with pytest.raises(UsageError, match="workers must be a whole number ≥ 1"):
        worker_count(prepare(spec, GRID), workers)  # type: ignore[arg-type]


def test_no_more_processes_than_combinations(spec: RunSpec) -> None:
    """Two combinations take two processes at most."""
    assert worker_count(prepare(spec, {"leverage": (5, 10)}), 8) == 2


@pytest.mark.slow
def test_a_scenario_is_swept_like_a_dataset(tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    """On an embedded scenario, opened from the user's cache, a row equals a run of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    spec = RunSpec(data="risk", strategy="buy_and_hold")
    found = sweep(spec, {"leverage": (2, 20)}, workers=1, progress=False)
    assert found.synthetic
    for row in found.rows:
        # of runs that are only compared no cascade is looked for
        result = runner.run(spec.changed(leverage=row.point["leverage"]), record=False)
        assert row.figures["net"] == result.statistics["performance"]["net"]
        assert row.figures["liquidations"] == result.statistics["liquidations"]["count"]
        assert row.warnings == len(result.warnings)
