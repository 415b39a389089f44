"""The comparison with other backtesters: its protocol, its checks, its table; no peer needed."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import yardstick
from benchmarks.job import Job, columns_of
from benchmarks.peers import agreement, environment, table
from benchmarks.peers.protocol import Market, write
from benchmarks.peers.worker import Standing, Worker
from benchmarks.signals import YEAR_RULE

JOB = '''
import sys
from benchmarks.peers.protocol import Made, serve
print("chatter of an engine")
serve("9.9", lambda: print("more") or Made([1], [2], 3.0), lambda rules: [7] * len(rules))
'''


@cache
def market() -> Market:
    """SYNTHETIC: eight thousand bars with two cascades."""
    columns = columns_of(Job(bars=8_000, cascades=2))
    return Market(columns.close_ns, {name: np.array(columns.lines[name]) for name in
                                     ("open", "high", "low", "close", "volume",
                                      "long_liquidations")})


def walked() -> dict[str, Any]:
    """The yardstick's trades of it, as a job tells them."""
    columns = market().columns
    found = yardstick.walked(columns["open"], columns["close"], market().features(), YEAR_RULE)
    return {"entered": found.entered.tolist(), "left": found.left.tolist(), "net": found.net}


def test_money_follows_from_the_trades() -> None:
    """What the yardstick's trades make is what the loop says; fills at the close make another."""
    made = walked()
    assert len(made["left"]) > 0
    assert agreement.money(market(), made, "open") == pytest.approx(made["net"], abs=1e-9)
    agreement.same_money("it", made, market(), "open")
    with pytest.raises(agreement.Disagreement, match="USD made"):
        agreement.same_money("it", made, market(), "close")


def test_another_job_is_noticed() -> None:
    """A bar that differs, a trade too few, another count in a sweep: each is named."""
    made = walked()
    agreement.same_trades("it", made, made)
    late = {**made, "left": [made["left"][0] + 1, *made["left"][1:]]}
    with pytest.raises(agreement.Disagreement, match=r"bars left.* number 1$"):
        agreement.same_trades("it", late, made)
    with pytest.raises(agreement.Disagreement, match="bars entered"):
        agreement.same_trades("it", {**made, "entered": made["entered"][:-1]}, made)
    with pytest.raises(agreement.Disagreement, match="combination 2 of 2 closes 4"):
        agreement.same_counts("it", [3, 4], [3, 5])


def test_the_job_s_columns_come_back(tmp_path: Path) -> None:
    """What is written for the peers is what they read, to the last bit."""
    columns = columns_of(Job(bars=8_000, cascades=2))
    read = Market.read(write(tmp_path / "job", columns))
    np.testing.assert_array_equal(read.close_ns, columns.close_ns)
    for name, column in read.columns.items():
        np.testing.assert_array_equal(column, columns.lines[name])


def test_a_worker_answers_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line a word, whatever the engine prints; CPU time is told; a sweep takes one in so many.
    """
    worker = _worker(tmp_path, monkeypatch, JOB)
    standing = Standing.of(worker)
    for _ in range(3):
        standing.run(worker.ask("once"))
    answer = worker.ask("sweep", 50)
    worker.close()
    assert (standing.version, standing.made) == ("9.9", {"entered": [1], "left": [2], "net": 3.0})
    assert 0 <= standing.best < 10
    assert answer["trades"] == [7, 7, 7, 7]
    assert answer["megabytes"] > 1


def test_a_worker_that_does_not_start_says_why(tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    """The last line of its complaint is the reason."""
    with pytest.raises(environment.Unavailable, match="No module named 'nowhere'"):
        _worker(tmp_path, monkeypatch, "import nowhere")


def test_pip_s_reason_is_its_error() -> None:
    """Among warnings and hints, the line that says ERROR; of a traceback, the last one."""
    text = "WARNING: slow\nERROR: No matching distribution found for x==9\nhint: spell it"
    assert environment.reason_of(text) == "ERROR: No matching distribution found for x==9"
    assert environment.reason_of("Traceback\nImportError: no y\n\n") == "ImportError: no y"
    assert environment.reason_of("") == "it ended without a word"


def test_the_table_has_ratios_and_names_who_is_missing() -> None:
    """Each engine over ours and over the yardstick; a peer left out is named with the reason."""
    ours = {"version": "1", "start": 1.0, "first": 1.0, "best": 0.5, "megabytes": 100.0,
            "megabytes_sweep": 200.0, "made": {"left": [1, 2]}, "sweeps": {"1": 4.0, "10": 0.4}}
    engines = {
        "yardstick": {**ours, "best": 0.1, "sweeps": {"1": 0.2}}, "deleverage": ours,
        "vectorbt": {**ours, "best": 5.0, "first": 9.0, "sweeps": {"10": 3.2}},
    }
    found = {"engines": engines, "missing": {"nautilus": "no wheel for this Python"}}
    assert table.rows(found)[2] == ("vectorbt", "1", "2", "10.0", "50.0", "5.0", "8.0 (1 in 10)",
                                    "100, sweep 200")
    assert "nautilus_trader was not measured: no wheel for this Python." in table.markdown(found)


def _worker(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> Worker:
    """A worker whose job is ``code``: a launcher stands in for a peer's Python."""
    job, launcher = folder / "job.py", folder / "python"
    job.write_text(code, encoding="utf-8")
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{job}"\n', encoding="utf-8")
    launcher.chmod(0o700)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parent.parent.parent))
    return Worker(launcher, "any_job", folder)
