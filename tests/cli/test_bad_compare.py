"""Folders that `compare` cannot read, or cannot read together: one line each, nothing printed.

Most cases go through the command's way in without a process of their own; one of each exit code is
started as a user starts it.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deleverage.cli.main import entry
from deleverage.feeds.writing import write_dataset
from tests.cli.conftest import Command, refused
from tests.markets import make_market, random_tables

Folders = dict[str, Path]


@pytest.fixture(scope="module")
def saved(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """Results on disk: two alike, one that never traded, one of another market, two of one bar."""
    root, data = tmp_path_factory.mktemp("results"), tmp_path_factory.mktemp("data")
    other = write_dataset(data / "other", *random_tables(8, 300)).path
    bar = write_dataset(data / "bar", *make_market([[3_000.0, 3_010.0, 2_990.0, 3_005.0]])).path
    never = ("level_reclaim", "--set", "levels=99999")
    for name, market, words in (
            ("good", dataset, ("buy_and_hold", "--leverage", "3")),
            ("second", dataset, ("buy_and_hold", "--leverage", "20")),
            ("never", dataset, never), ("other", other, ("buy_and_hold",)),
            ("bar", bar, ("buy_and_hold",)), ("bar2", bar, never)):
        assert entry(["run", "--data", str(market), "--no-scan", "--out", str(root / name),
                      "--strategy", *words]) == 0
    return {path.name: path for path in root.iterdir()}


@pytest.fixture
def inside(capsys: pytest.CaptureFixture[str]) -> Command:
    """The command without a process: code, stdout and stderr are what a process would give."""
    def start(*words: object) -> subprocess.CompletedProcess[str]:
        capsys.readouterr()
        code = entry(list(map(str, words)))
        said = capsys.readouterr()
        return subprocess.CompletedProcess("compare", code, said.out, said.err)

    return start


def written(change: dict[str, Any]) -> Callable[[Path], None]:
    """Replaces keys of result.json."""
    def apply(folder: Path) -> None:
        file = folder / "result.json"
        file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **change}), "utf-8")
    return apply


def without(name: str) -> Callable[[Path], None]:
    """Deletes a file."""
    return lambda folder: (folder / name).unlink()


def column(name: str, what: str, values: Callable[[Any], Any]) -> Callable[[Path], None]:
    """Replaces a column of a table."""
    def apply(folder: Path) -> None:
        table = pq.read_table(folder / name)
        place = table.column_names.index(what)
        made = pa.array(values(table.column(what).to_numpy().copy()))
        pq.write_table(table.set_column(place, what, made), folder / name)
    return apply


def second(value: float) -> Callable[[Any], Any]:
    """Replaces the second value of a column."""
    def change(values: Any) -> Any:
        values[1] = value
        return values
    return change


@pytest.mark.parametrize(("change", "complaint"), [
    (written({"schema": 2}), "bad: a result of schema 2, written by version 0.1.0; this version, "
                             "0.1.0, reads schema"),
    (written({"schema": 99, "provenance": {"code": "9.9"}}), "schema 99, written by version 9.9"),
    (written({"schema": None, "provenance": []}), "schema None, written by an unknown version"),
    (written({"statistics": {"performance": {}}}), "statistics has no 'drawdown'"),
    (written({"warnings": 5}), "bad/result.json: not a complete result"),
    (lambda folder: (folder / "result.json").write_text("[1]"), "a result of schema None"),
    (lambda folder: (folder / "result.json").write_text("{"), "bad/result.json: not JSON"),
    (without("result.json"), "bad: not a result: result.json is missing"),
    (without("curves.parquet"), "bad/curves.parquet: no such file"),
    (without("daily.parquet"), "bad/daily.parquet: no such file"),
    (without("trades.parquet"), "bad/trades.parquet: no such file"),
    (without("worst_equity.parquet"), "bad/worst_equity.parquet: no such file"),
    (column("daily.parquet", "equity", second(np.nan)),
     "bad/daily.parquet: row 2: equity is nan, expected a number"),
    (column("worst_equity.parquet", "equity", second(np.inf)),
     "bad/worst_equity.parquet: row 2: equity is inf"),
    (column("curves.parquet", "equity", second(np.nan)), "bad/curves.parquet: row 2: equity is"),
    (column("daily.parquet", "equity", lambda values: list(map(str, values))),
     "bad/daily.parquet: column 'equity' holds string, expected numbers"),
    (lambda folder: (folder / "beside.json").write_text('{"like": 1}'),
     "bad/beside.json: of schema None"),
])
def test_a_damaged_result_is_refused(saved: Folders, inside: Command, tmp_path: Path,
                                     change: Callable[[Path], None], complaint: str) -> None:
    """A folder of another schema, without a file, or with figures that are none exits 3 and says
    which file, row and version; the good one beside it is not printed."""
    bad = tmp_path / "bad"
    shutil.copytree(saved["good"], bad)
    change(bad)
    refused(inside("compare", saved["second"], bad), 3, complaint)


def test_a_damaged_result_as_a_process(saved: Folders, command: Command, tmp_path: Path) -> None:
    """The same from outside: another schema and a NaN exit 3 with one line on stderr, nothing on
    stdout, and nothing is written."""
    for change, complaint in ((written({"schema": 2}), "a result of schema 2, written by version"),
                              (column("daily.parquet", "equity", second(np.nan)),
                               "daily.parquet: row 2: equity is nan")):
        bad = tmp_path / "bad"
        shutil.copytree(saved["good"], bad, dirs_exist_ok=True)
        change(bad)
        refused(command("compare", saved["second"], bad), 3, complaint)
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize(("words", "code", "complaint"), [
    ((), 2, "the following arguments are required: DIR"),
    (("good", "good"), 2, "good is given twice"),
    (("good", "second/../good"), 2, "good is given twice, as "),
    (("good", "other"), 2, "the runs are on different data (buy_and_hold 3x isolated on "),
    (("good", "good/result.json"), 3, "result.json: is a file, expected the folder of a result"),
    (("good", "nowhere"), 3, "nowhere: no such result folder"),
    (("good", "."), 3, "not a result: result.json is missing"),
    (("good", "--forse"), 2, "did you mean --force"),
])
def test_folders_that_do_not_go_together(saved: Folders, inside: Command, words: tuple[str, ...],
                                         code: int, complaint: str) -> None:
    """No folder, one given twice, a file, a path that is not there, another market: one line."""
    root = saved["good"].parent
    refused(inside("compare", *(word if word.startswith("-") else root / word
                                for word in words)), code, complaint)


def test_different_data_as_a_process(saved: Folders, command: Command) -> None:
    """The same from outside: another market exits 2 and names --force."""
    refused(command("compare", saved["good"], saved["other"]), 2, "--force compares them all")


def test_different_data_by_force(saved: Folders, inside: Command) -> None:
    """With --force runs on different data are compared, and the page says so twice: above all, and
    where differences would be judged; so does the JSON."""
    done = inside("compare", "--force", saved["good"], saved["other"])
    assert (done.returncode, done.stderr) == (0, "")
    assert "! DIFFERENT DATA: buy_and_hold 3x isolated on " in done.stdout
    assert "n/a: the runs are on different data" in done.stdout
    done = inside("compare", "--force", "--json", saved["good"], saved["other"])
    values = json.loads(done.stdout)
    assert values["differences"][0].startswith("DIFFERENT DATA")
    assert values["noise"]["why"] == "the runs are on different data"


@pytest.mark.parametrize("names", [("never",), ("never", "good"), ("bar",), ("bar2", "bar")])
def test_little_to_compare_is_a_result(saved: Folders, inside: Command,
                                       names: tuple[str, ...]) -> None:
    """Without a trade, and on one bar, the page and the JSON are printed, with n/a where there is
    no figure."""
    folders = [saved[name] for name in names]
    done = inside("compare", *folders)
    assert (done.returncode, done.stderr) == (0, "")
    assert "RANKING" in done.stdout
    assert "n/a" in done.stdout
    assert not re.search(r"\bnan\b", done.stdout, re.IGNORECASE)
    done = inside("compare", "--json", *folders)
    assert done.returncode == 0
    assert len(json.loads(done.stdout)["results"]) == len(names)
