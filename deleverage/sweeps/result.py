"""What a sweep yields: one flat row a combination, ranked, saved as Parquet and loaded again.

A saved sweep is a folder: ``results.parquet`` with the columns ``number``, ``axis.NAME`` for every
axis, ``key``, ``error``, ``warnings`` and the figures of ``deleverage.sweeps.outcome.FIGURES``;
``sweep.json`` with the specification, the grid, the data's sha256, the code's version and what all
runs have in common.
"""

from __future__ import annotations

import hashlib
import io
import json
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from deleverage.errors import DataError, MissingTable
from deleverage.spec import RunSpec
from deleverage.sweeps.grid import Grid, Point, show
from deleverage.sweeps.outcome import FIGURES, Figure, Outcome, figure
from deleverage.sweeps.plan import Plan

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA = 1
FILE = "sweep.json"
TABLE = "results.parquet"


@dataclass(frozen=True, slots=True)
class Row:
    """One combination: its values, the key of its specification, its figures.

    ``figures`` is empty and ``error`` one line where it failed; ``warnings`` counts those of the
    run.
    """

    number: int
    point: Point
    key: str
    figures: Mapping[str, float | int | None]
    warnings: int
    error: str | None

    @property
    def traded(self) -> bool:
        """Whether it opened a position."""
        return bool((self.figures.get("trades") or 0) + (self.figures.get("open") or 0))


@dataclass(frozen=True)
class SweepResult:
    """Rows in the order of the grid, and what they have in common.

    ``stamps`` and ``params`` are those fields of the runs' provenance and those parameters of the
    strategy that are the same in every run; ``warnings`` are (text, runs that gave it).
    """

    spec: RunSpec
    grid: Grid
    sha256: str
    code: str
    rows: tuple[Row, ...]
    stamps: Mapping[str, Any]
    params: Mapping[str, Any]
    warnings: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, plan: Plan, outcomes: Sequence[Outcome]) -> Self:
        """The result of a plan and its outcomes, in the plan's order."""
        rows = tuple(
            Row(item.number, item.point, item.spec.key(), outcome.figures, len(outcome.warnings),
                outcome.error) for item, outcome in zip(plan.combinations, outcomes, strict=True))
        done = [outcome for outcome in outcomes if outcome.error is None]
        texts = Counter(text for outcome in done for text in dict.fromkeys(outcome.warnings))
        return cls(plan.spec, plan.grid, plan.place.sha256, plan.code, rows,
                   _common([outcome.stamps for outcome in done]),
                   _common([outcome.params for outcome in done]), tuple(texts.items()))

    @property
    def synthetic(self) -> bool:
        """Whether the market is made up: then SYNTHETIC stands wherever it is printed."""
        return bool(self.stamps.get("synthetic"))

    @property
    def done(self) -> tuple[Row, ...]:
        """Rows of the runs that ended."""
        return tuple(row for row in self.rows if row.error is None)

    @property
    def failed(self) -> tuple[Row, ...]:
        """Rows of those that did not."""
        return tuple(row for row in self.rows if row.error is not None)

    @property
    def lost(self) -> int:
        """Combinations that ended with less than they began with."""
        return sum(row.figures["net"] < 0 for row in self.done)  # type: ignore[operator]

    def median(self, name: str = "net") -> float | None:
        """The median of a figure over the runs that have it."""
        found = [value for row in self.done if (value := row.figures[name]) is not None]
        return statistics.median(found) if found else None

    def ranked(self, by: str = "net") -> tuple[Row, ...]:
        """Rows that ended, best first; equal ones in the order of the grid, those without the
        figure last. UnknownName for a figure that does not exist.
        """
        wanted = figure(by)
        return tuple(sorted(self.done, key=lambda row: _place(wanted, row.figures[by])))

    def specification(self, row: Row) -> RunSpec:
        """The run a row stands for: ``deleverage.run`` of it gives the row's figures."""
        return self.grid.specification(self.spec, row.point)

    def table(self) -> pa.Table:
        """All rows, flat; the axes' columns are called ``axis.NAME``."""
        import pyarrow as pa

        numbers = pa.array([row.number for row in self.rows], pa.int64())
        columns: dict[str, Any] = {"number": numbers}
        for axis in self.grid.axes:
            columns[f"axis.{axis.name}"] = _axis([row.point[axis.name] for row in self.rows])
        columns["key"] = pa.array([row.key for row in self.rows], pa.string())
        columns["error"] = pa.array([row.error for row in self.rows], pa.string())
        columns["warnings"] = pa.array([row.warnings for row in self.rows], pa.int64())
        for item in FIGURES:
            columns[item.name] = pa.array([row.figures.get(item.name) for row in self.rows],
                                          pa.int64() if item.whole else pa.float64())
        return pa.table(columns)

    def as_dict(self) -> dict[str, Any]:
        """Everything but the rows, as JSON values."""
        return {"schema": SCHEMA, "spec": self.spec.as_dict(), "grid": self.grid.as_list(),
                "sha256": self.sha256, "code": self.code, "stamps": dict(self.stamps),
                "params": dict(self.params), "warnings": [list(pair) for pair in self.warnings]}

    def save(self, folder: str | Path) -> Path:
        """Write both files into ``folder``, all or nothing; the same sweep gives the same bytes.

        A folder with an earlier sweep is replaced; UsageError for one that holds other files.
        """
        import pyarrow.parquet as pq

        from deleverage import parquet

        stream = io.BytesIO()
        pq.write_table(self.table(), stream, compression="zstd")
        rows = stream.getvalue()
        note = {**self.as_dict(), "rows": len(self.rows),
                "rows_sha256": hashlib.sha256(rows).hexdigest()}
        text = json.dumps(note, indent=1, allow_nan=False, ensure_ascii=False)
        parquet.write_folder(Path(folder), {TABLE: rows, FILE: text.encode()}, FILE)
        return Path(folder)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The sweep saved in ``folder``; ranking it again gives the same table.

        MissingTable where a file is absent, DataError for another schema or changed rows.
        """
        from deleverage import parquet

        path = Path(folder)
        note = _note(path)
        table = parquet.read_table(path / TABLE)
        try:
            found = hashlib.sha256((path / TABLE).read_bytes()).hexdigest()
            if found != note["rows_sha256"]:
                raise DataError(f"{path / TABLE}: changed since it was written (sha256 "
                                f"{found[:12]}…, expected {note['rows_sha256'][:12]}…)")
            grid = Grid.from_list(note["grid"])
            rows = tuple(_row(point, values) for point, values in
                         zip(grid.points(), table.to_pylist(), strict=True))
            return cls(RunSpec.from_dict(note["spec"]), grid, note["sha256"], note["code"], rows,
                       note["stamps"], note["params"],
                       tuple((text, count) for text, count in note["warnings"]))
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{path / FILE}: not a complete sweep: {error}") from None


def _place(wanted: Figure, value: float | int | None) -> tuple[bool, float]:
    return value is None, 0.0 if value is None else -wanted.better * value


def _common(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all have, with the same value."""
    if not found:
        return {}
    first, *others = found
    return {name: value for name, value in first.items()
            if all(name in other and other[name] == value for other in others)}


def _axis(values: Sequence[Any]) -> pa.Array:
    """A column of one type; as typed on the command line where the values are of several."""
    import pyarrow as pa

    kinds = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    found = {type(value) for value in values}
    if len(found) == 1 and (kind := kinds.get(found.pop())) is not None:
        return pa.array(values, kind)
    return pa.array([show(value) for value in values], pa.string())


def _row(point: Point, values: Mapping[str, Any]) -> Row:
    failed = values["error"] is not None
    figures = {} if failed else {item.name: values[item.name] for item in FIGURES}
    return Row(values["number"], point, values["key"], figures, values["warnings"],
               values["error"])


def _note(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise MissingTable(f"{path}: no such folder of a sweep")
    if not (path / FILE).is_file():
        raise MissingTable(f"{path}: not a sweep: {FILE} is missing")
    try:
        note = json.loads((path / FILE).read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path / FILE}: not JSON: {error}") from None
    found = note.get("schema") if isinstance(note, dict) else None
    if found != SCHEMA:
        raise DataError(f"{path}: a sweep of schema {found}; this version reads schema {SCHEMA}")
    return dict(note)
