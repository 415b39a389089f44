"""Results on disk: exact round trip, whole or not at all, refused where they are something else."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from deleverage.errors import DataError, MissingTable, UsageError
from deleverage.result_files import FILE
from deleverage.results import RunResult
from deleverage.scan import leverage_scan
from tests.results.markets import Wobbler, wobble


@pytest.fixture(scope="module")
def result() -> RunResult:
    """A run with liquidations, funding and rejections, its scan and its curves."""
    made, columns = wobble(4, leverage=50.0, margin_fraction=0.6, on_liquidation="continue")
    assert made.journal.liquidations
    assert made.journal.funding
    scan = leverage_scan(made.spec, columns, 1, strategy=Wobbler, leverages=(1, 25))
    return made.with_scan(scan)


def same(one: Any, other: Any) -> bool:
    """Equality in which NaN equals NaN, through records and lists."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if dataclasses.is_dataclass(one):
        return type(one) is type(other) and all(
            same(getattr(one, item.name), getattr(other, item.name))
            for item in dataclasses.fields(one))
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def test_round_trip(result: RunResult, tmp_path: Path) -> None:
    """Every record, figure and curve comes back as it was, floats to the last bit."""
    again = RunResult.load(result.save(tmp_path / "run"))
    assert same(again.journal, result.journal)
    assert same(again.trades, result.trades)
    assert again.spec == result.spec
    assert again.provenance == result.provenance
    assert again.statistics == result.statistics
    assert again.warnings == result.warnings
    assert again.scan == result.scan
    assert again.daily.start == result.daily.start
    np.testing.assert_array_equal(again.daily.equity, result.daily.equity)
    for name, series in result.curves().arrays().items():
        found = again.curves().arrays()[name]
        np.testing.assert_array_equal(found, series)
        assert found.dtype == series.dtype
    assert json.dumps(again.as_dict()) == json.dumps(result.as_dict())


def test_a_result_without_curves(result: RunResult, tmp_path: Path) -> None:
    """Without recorded curves the file is absent, and asking for them says what is needed."""
    bare = dataclasses.replace(result, recorded=None)
    again = RunResult.load(bare.save(tmp_path / "run"))
    assert not (tmp_path / "run" / "curves.parquet").exists()
    with pytest.raises(UsageError, match="no curves were recorded; give the columns of"):
        again.curves()


def test_foreign_columns_are_refused(result: RunResult) -> None:
    """Columns that do not hold the run's bars cannot give its curves."""
    bare = dataclasses.replace(result, recorded=None)
    _, other = wobble(4, bars=300)
    with pytest.raises(DataError, match="are not those of the run"):
        bare.curves(other)


def test_json_has_no_nan(result: RunResult, tmp_path: Path) -> None:
    """NaN and infinity are null in result.json, which any JSON reader takes."""
    odd = dataclasses.replace(result, statistics={
        **result.statistics, "odd": {"nan": math.nan, "rows": [math.inf, 1.0]}})
    folder = odd.save(tmp_path / "run")

    def refuse(text: str) -> Iterator[None]:
        raise AssertionError(f"not JSON: {text}")

    raw = json.loads((folder / FILE).read_text("utf-8"), parse_constant=refuse)
    assert raw["statistics"]["odd"] == {"nan": None, "rows": [None, 1.0]}


def test_another_schema_is_refused(result: RunResult, tmp_path: Path) -> None:
    """A folder of another schema, an older one too, is refused by its number and its path."""
    folder = result.save(tmp_path / "run")
    raw = json.loads((folder / FILE).read_text("utf-8"))
    for schema in (1, 2, 3, 99):
        (folder / FILE).write_text(json.dumps({**raw, "schema": schema}), "utf-8")
        with pytest.raises(DataError, match=f"run: a result of schema {schema}, written by version "
                                            r"0\.1\.0; this version, 0\.1\.0, reads schema 4"):
            RunResult.load(folder)


@pytest.mark.parametrize(("name", "said"), [
    ("trades.parquet", "trades.parquet: no such file"), (FILE, "result.json is missing"),
])
def test_a_missing_file_is_named(result: RunResult, tmp_path: Path, name: str, said: str) -> None:
    """A result that lost a file says which."""
    folder = result.save(tmp_path / "run")
    (folder / name).unlink()
    with pytest.raises(MissingTable, match=said):
        RunResult.load(folder)


def test_broken_files_are_data_errors(result: RunResult, tmp_path: Path) -> None:
    """Half a JSON, a file that is no Parquet, a table without a column: one clear line each."""
    folder = result.save(tmp_path / "run")
    whole = (folder / FILE).read_text("utf-8")
    (folder / FILE).write_text(whole[:100], "utf-8")
    with pytest.raises(DataError, match="not JSON"):
        RunResult.load(folder)
    raw = json.loads(whole)
    del raw["warnings"]
    (folder / FILE).write_text(json.dumps(raw), "utf-8")
    with pytest.raises(DataError, match="not a complete result: 'warnings'"):
        RunResult.load(folder)
    (folder / FILE).write_text(whole, "utf-8")
    table = pq.read_table(folder / "fills.parquet").drop_columns(["price"])
    pq.write_table(table, folder / "fills.parquet")
    with pytest.raises(DataError, match="fills: column 'price' is missing"):
        RunResult.load(folder)
    (folder / "fills.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match=r"fills\.parquet: not a Parquet file"):
        RunResult.load(folder)
    with pytest.raises(MissingTable, match="no such result folder"):
        RunResult.load(tmp_path / "nowhere")


def test_saving_replaces_a_result_and_nothing_else(result: RunResult, tmp_path: Path) -> None:
    """An earlier result is replaced whole; a folder with other files is left alone."""
    folder = tmp_path / "run"
    result.save(folder)
    (folder / "left_over.txt").write_text("old")
    result.save(folder)
    assert not (folder / "left_over.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "chapter.txt").write_text("years of work")
    with pytest.raises(UsageError, match=r"holds other files and no result\.json"):
        result.save(foreign)
    assert (foreign / "chapter.txt").read_text() == "years of work"
    with pytest.raises(UsageError, match="is a file, expected a folder"):
        result.save(foreign / "chapter.txt")


def test_a_failed_save_leaves_nothing(result: RunResult, tmp_path: Path,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing breaks half way, the earlier result is still whole and no draft is left."""
    folder = result.save(tmp_path / "run")
    before = (folder / FILE).read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(OSError, match="No space left"):
        dataclasses.replace(result, warnings=("other",)).save(folder)
    assert (folder / FILE).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_daily_returns_as_a_series(result: RunResult) -> None:
    """``returns()`` is a float series on naive UTC days whose product is the total return."""
    series = result.returns()
    assert isinstance(series.index, pd.DatetimeIndex)
    assert series.index.tz is None
    assert series.index.is_monotonic_increasing
    assert np.prod(1 + series.to_numpy()) - 1 == pytest.approx(
        result.statistics["performance"]["total_return"])
