"""Grid: what an axis may be, how its values are read, and what is refused before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deleverage.errors import UnknownName, UsageError
from deleverage.spec import RunSpec
from deleverage.sweeps import Grid, prepare

SPEC = RunSpec(data="risk", strategy="level_reclaim", params={"n_closes": 4})


def test_the_last_axis_runs_fastest() -> None:
    """Combinations come in the order of the axes, as nested loops would give them."""
    grid = Grid.of({"n_closes": (2, 3), "leverage": (5, 10)})
    assert len(grid) == 4
    assert [tuple(point.values()) for point in grid.points()] == [(2, 5), (2, 10), (3, 5), (3, 10)]


def test_each_value_reaches_its_run() -> None:
    """Parameters go to the strategy, fields to the run; what is no axis stays as it was."""
    grid = Grid.of({"stop_bp": (25, 50), "leverage": (5,), "margin": ("isolated", "cross")})
    grid = grid.bound(SPEC)
    made = list(grid.specifications(SPEC, grid.points()))
    assert [(dict(one.params), one.leverage, one.margin) for one in made] == [
        ({"n_closes": 4, "stop_bp": stop}, 5.0, margin)
        for stop in (25.0, 50.0) for margin in ("isolated", "cross")]
    assert {one.strategy for one in made} == {"level_reclaim"}


@pytest.mark.parametrize(("name", "text", "values"), [
    ("n_closes", "2,3", (2, 3)),
    ("stop_bp", "25, 50.5", (25.0, 50.5)),
    ("levels", "2350,2750-2800 | 3000", ("2350,2750-2800", "3000")),
    ("leverage", "5,10", (5.0, 10.0)),
    ("margin", "isolated,cross", ("isolated", "cross")),
    ("latency", "0,1,2", (0, 1, 2)),
    ("volume_limit", "none,0.1", (None, 0.1)),
    ("slippage", "2bp|cascade:depth=1e6", ("fixed:bp=2", "cascade:depth=1000000")),
    ("step", "none,60m", (None, "1h")),
    ("notional", "none,5000", (None, 5_000.0)),
])
def test_text_is_read_as_set_reads_it(name: str, text: str, values: tuple[Any, ...]) -> None:
    """A text is split and read by the type of the default or field, and held as a run holds it."""
    (axis,) = Grid.of({name: text}).bound(SPEC).axes
    assert axis.values == values


@pytest.mark.parametrize(("axes", "complaint"), [
    ({"n_close": (2, 3)}, "unknown axis of the grid 'n_close'; did you mean 'n_closes'"),
    ({"levrage": (2, 3)}, "did you mean 'leverage'"),
    ({"fromdate": ("2026-01-30",)}, "unknown axis of the grid 'fromdate'"),
    ({"params.leverage": (2, 3)}, "unknown axis params. 'leverage'"),
    ({}, "a grid needs at least one axis"),
    ({"n_closes": ()}, "the axis n_closes has no values"),
    ({"n_closes": ""}, "the axis n_closes has no values"),
    ({"n_closes": "2,,3"}, "the axis n_closes has an empty value in '2,,3'"),
    ({"n_closes": 2}, "the values of the axis n_closes must be a list, found 2"),
    ({"n_closes": "2,3,2"}, "the axis n_closes has the value 2 twice: 2"),
    ({"leverage": "10,1e1"}, "the axis leverage has the value 10 twice: 10 and 1e1"),
    ({"step": ("60m", "1h")}, "the axis step has the value 1h twice: 60m and 1h"),
    ({"n_closes": "two"}, "LevelReclaim.n_closes must be a whole number"),
    ({"leverage": "5,ten"}, "leverage must be a number, found 'ten'"),
    ({"leverage": (5, -1)}, "leverage must be > 0, found -1"),
    ({"latency": "0,0.5"}, "latency must be a whole number, found '0.5'"),
    ({"margin": ("isolatd",)}, "did you mean 'isolated'"),
    ({"notional": (5_000,), "margin_fraction": (0.1, 0.2)}, "exclude one another"),
    ({"leverage": (5,), "run.leverage": (10,)}, "two axes of the grid are the same"),
])
def test_a_grid_that_cannot_be_is_refused(axes: dict[str, Any], complaint: str) -> None:
    """Unknown names get their near miss, wrong values say what was found; nothing has run yet."""
    with pytest.raises(UsageError, match=complaint.replace(".", r"\.")):
        Grid.of(axes).bound(SPEC)


def test_a_name_of_both_must_say_which(tmp_path: Path) -> None:
    """Where a strategy has a parameter called like a field of the run, the axis says which it is.
    """
    file = tmp_path / "own.py"
    file.write_text('"""Own."""\nimport backtrader as bt\n\n\nclass Own(bt.Strategy):\n'
                    '    """Has a leverage of its own."""\n    params = (("leverage", 1.0),)\n')
    spec = SPEC.changed(strategy=f"{file}:Own", params={})
    with pytest.raises(UsageError, match=r"say run\.leverage or params\.leverage"):
        Grid.of({"leverage": (1, 2)}).bound(spec)
    grid = Grid.of({"run.leverage": (5, 6), "params.leverage": "2"}).bound(spec)
    made = list(grid.specifications(spec, grid.points()))
    assert [(one.leverage, one.params["leverage"]) for one in made] == [(5.0, 2.0), (6.0, 2.0)]


def test_everything_is_checked_before_the_data_is_opened() -> None:
    """A misspelt parameter of the specification itself, or of the grid, is found without data."""
    nowhere = SPEC.changed(data="nowhere", params={})
    with pytest.raises(UnknownName, match="did you mean 'levels'"):
        prepare(nowhere.changed(params={"levles": "1"}), {"leverage": (1, 2)})
    with pytest.raises(UnknownName, match="did you mean 'levels'"):
        prepare(nowhere, {"levles": ("1", "2")})


def test_a_grid_survives_json() -> None:
    """as_list and from_list give the same grid, tuples, texts and missing values included."""
    grid = Grid.of({"holding": [(1, 2), (3,)], "volume_limit": (None, 0.5), "entry": "market"})
    assert Grid.from_list(grid.as_list()) == grid
