"""SweepResult: ranked, saved, loaded again, and never half-written."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from deleverage.errors import DataError, MissingTable, UnknownName, UsageError
from deleverage.sweeps import FIGURES, Row, SweepResult
from deleverage.sweeps.heat import Heat
from deleverage.tearsheet import heat as heat_sheet
from deleverage.tearsheet import sweep as sweep_sheet


def _with(found: SweepResult, **figures: list[Any]) -> SweepResult:
    """The sweep with figures of the rows that ended replaced, in order."""
    values = [dict(zip(figures, line, strict=True)) for line in zip(*figures.values(), strict=True)]
    changed = iter(values)
    rows = tuple(dataclasses.replace(row, figures={**row.figures, **next(changed)})
                 if row.error is None else row for row in found.rows)
    return dataclasses.replace(found, rows=rows)


def _numbers(rows: tuple[Row, ...]) -> list[int]:
    return [row.number for row in rows]


def test_loading_and_ranking_again_gives_the_same_table(found: SweepResult, tmp_path: Path) -> None:
    """Everything survives the disk: rows, grid, stamps, and every page made of them."""
    again = SweepResult.load(found.save(tmp_path / "sweep"))
    assert again == found
    for by in ("net", "drawdown", "calmar", "buffer_used"):
        assert sweep_sheet.render(again, by) == sweep_sheet.render(found, by)
    assert heat_sheet.render(Heat.of(again, "trades", "leverage")) == \
        heat_sheet.render(Heat.of(found, "trades", "leverage"))


def test_the_parquet_is_one_flat_table(found: SweepResult, tmp_path: Path) -> None:
    """Axes under their own prefix (``trades`` is an axis and a figure here), key, error, figures.
    """
    table = pq.read_table(found.save(tmp_path / "sweep") / "results.parquet")
    assert table.column_names == [
        "number", "axis.trades", "axis.side", "axis.leverage", "key", "error", "warnings",
        *(figure.name for figure in FIGURES)]
    rows = table.to_pylist()
    assert rows[0]["axis.trades"] == 3
    assert rows[0]["axis.side"] == "long"
    assert rows[1]["net"] == found.rows[1].figures["net"]
    assert [row["error"] is None for row in rows] == [True, True, False] * 4


def test_the_note_says_what_was_swept(found: SweepResult, tmp_path: Path) -> None:
    """sweep.json holds specification, grid, the dataset's hash, the code and what is common."""
    note = json.loads((found.save(tmp_path / "sweep") / "sweep.json").read_text())
    assert note["spec"] == found.spec.as_dict()
    assert [axis["name"] for axis in note["grid"]] == ["trades", "side", "leverage"]
    assert note["sha256"] == found.sha256
    assert note["code"].startswith("0.1.0+RandomEntry.")
    assert note["stamps"]["synthetic"] is True
    assert note["params"]["hold"] == "30m"
    assert {"trades", "side"}.isdisjoint(note["params"])
    assert "leverage" not in note["stamps"]


def test_ties_keep_the_grids_order(found: SweepResult) -> None:
    """Equal figures stay in the order of the grid; rows without the figure come last."""
    made = _with(found, calmar=[None, 1.0, 2.0, 1.0, None, 2.0, 1.0, 0.0],
                 drawdown=[0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1, 0.2])
    assert _numbers(made.done) == [1, 2, 4, 5, 7, 8, 10, 11]
    assert _numbers(made.ranked("calmar")) == [4, 8, 2, 5, 10, 11, 1, 7]
    assert _numbers(made.ranked("drawdown")) == [1, 4, 7, 10, 2, 5, 8, 11]
    with pytest.raises(UnknownName, match="did you mean 'drawdown'"):
        made.ranked("drawdwn")


def test_losing_and_median_are_counted_over_what_ended(found: SweepResult) -> None:
    """A zero is no loss; failed combinations are in neither; no value, no median."""
    made = _with(found, net=[-1.0, -2.0, 0.0, 5.0, 7.0, -3.0, 1.0, 4.0], calmar=[None] * 8)
    assert made.lost == 3
    assert made.median() == 0.5
    assert made.median("calmar") is None


def test_a_folder_with_other_files_is_not_overwritten(found: SweepResult, tmp_path: Path) -> None:
    """An earlier sweep is replaced whole; a folder of anything else is refused as it is."""
    folder = found.save(tmp_path / "sweep")
    (folder / "left.txt").write_text("of an older version")
    assert sorted(file.name for file in found.save(folder).iterdir()) == [
        "results.parquet", "sweep.json"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds other files"):
        found.save(tmp_path / "mine")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mine", "sweep"]


def test_a_save_that_fails_leaves_the_older_sweep(found: SweepResult, tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted while it writes, nothing half-written is left and the old one can be loaded."""
    folder = found.save(tmp_path / "sweep")

    def interrupted(*words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("deleverage.parquet._swap", interrupted)
    with pytest.raises(KeyboardInterrupt):
        dataclasses.replace(found, code="other").save(folder)
    assert [file.name for file in tmp_path.iterdir()] == ["sweep"]
    assert SweepResult.load(folder) == found


def test_what_is_no_sweep_is_refused(found: SweepResult, tmp_path: Path) -> None:
    """A missing folder or file, another schema, changed rows and a cut note are named."""
    folder = found.save(tmp_path / "sweep")
    with pytest.raises(MissingTable, match="no such folder of a sweep"):
        SweepResult.load(tmp_path / "nowhere")
    with pytest.raises(MissingTable, match=r"not a sweep: sweep\.json is missing"):
        SweepResult.load(tmp_path)
    note, rows = folder / "sweep.json", folder / "results.parquet"
    text, content = note.read_text(), rows.read_bytes()
    note.write_text(text.replace('"schema": 1', '"schema": 9'))
    with pytest.raises(DataError, match="schema 9; this version reads schema 1"):
        SweepResult.load(folder)
    note.write_text(text[:100])
    with pytest.raises(DataError, match="not JSON"):
        SweepResult.load(folder)
    note.write_text(text.replace('"rows_sha256"', '"rows_sha"'))
    with pytest.raises(DataError, match="not a complete sweep"):
        SweepResult.load(folder)
    note.write_text(text)
    dataclasses.replace(found, rows=found.rows[::-1]).save(tmp_path / "other")
    rows.write_bytes((tmp_path / "other" / "results.parquet").read_bytes())
    with pytest.raises(DataError, match="changed since it was written"):
        SweepResult.load(folder)
    rows.write_bytes(content[:50])
    with pytest.raises(DataError, match="not a Parquet file"):
        SweepResult.load(folder)
