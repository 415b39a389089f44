"""Pictures of runs side by side: a line a run, told apart, and what they differ in is said."""

from __future__ import annotations

import dataclasses

import pytest

from deleverage.beside import Compared
from deleverage.compare import Comparison
from deleverage.plots import compared, folder
from deleverage.plots.compared import compared_equity, compared_scan, compared_under_water
from deleverage.plots.pictures import of_comparison
from deleverage.results import RunResult
from tests.plots.looking import collisions, has, marks, svg_of, words
from tests.results.markets import wobble


@pytest.fixture(scope="module")
def comparison(result: RunResult) -> Comparison:
    """The run with a scan, another seed without one, and a run whose curves were not kept."""
    other, _ = wobble(4, leverage=5.0, params={"every": 60})
    bare = dataclasses.replace(other, recorded=None)
    return Comparison.of([Compared(result), Compared(other), Compared(bare)])


def place(comparison: Comparison, result: RunResult) -> int:
    """Where a run ended up."""
    return next(number for number, row in enumerate(comparison.rows, 1) if row.result is result)


def test_every_run_has_its_line(comparison: Comparison, result: RunResult) -> None:
    """One a run that has curves, named and numbered by its rank; the others are counted."""
    for draw, gid in ((compared_equity, "equity"), (compared_under_water, "under-water")):
        root = svg_of(lambda draw=draw: draw(comparison))  # type: ignore[misc]
        drawn = [number for number in (1, 2, 3) if has(root, f"{gid}-{number}")]
        bare = next(number for number, row in enumerate(comparison.rows, 1)
                    if row.result.recorded is None)
        assert drawn == sorted({1, 2, 3} - {bare})
        said = words(root)
        assert f"{place(comparison, result)} wobbler 50x isolated" in said
        assert any("1 without curves" in text for text in said)
        assert any("points of 3,000 bars" in text for text in said)
        assert any("SYNTHETIC" in text for text in said)
        assert any(text.startswith("leverage differs: ") for text in said)


def test_scans_over_one_another(comparison: Comparison, result: RunResult) -> None:
    """A run with a scan has a point a leverage in return and liquidations of both scans."""
    assert result.scan is not None
    root = svg_of(lambda: compared_scan(comparison))
    own = place(comparison, result)
    for name, rows in (("same-margin-fraction", result.scan.same_fraction),
                       ("same-notional", result.scan.same_notional)):
        feasible = sum(1 for row in rows if row.feasible and row.trades)
        for figure in ("return", "liquidations"):
            assert marks(root, f"{figure}-{name}-{own}") == feasible > 0
        assert not has(root, f"return-{name}-{own % 3 + 1}")


def test_many_runs_are_told_apart(result: RunResult) -> None:
    """As many as there are looks, each another; of more the best are drawn, and that is said."""
    looks = [str(compared.look(number)) for number in range(1, compared.MOST + 1)]
    assert len(set(looks)) == compared.MOST
    many = Comparison.of([Compared(result)] * (compared.MOST + 2))
    root = svg_of(lambda: compared_equity(many))
    assert has(root, f"equity-{compared.MOST}")
    assert not has(root, f"equity-{compared.MOST + 1}")
    assert any(f"{compared.MOST + 2} runs, numbered by return; the best {compared.MOST}" in text
               for text in words(root))


def test_different_data_are_called_so(result: RunResult) -> None:
    """A comparison forced over different data says it on every picture, beginning with it."""
    other, _ = wobble(5)
    forced = Comparison.of([Compared(result), Compared(other)], force=True)
    for draw in (compared_equity, compared_under_water, compared_scan):
        said = words(svg_of(lambda draw=draw: draw(forced)))  # type: ignore[misc]
        assert any(text.startswith("DIFFERENT DATA: ") for text in said)


def test_no_word_lies_over_another(result: RunResult) -> None:
    """Nor leaves the page: few runs, many runs, very long names."""
    long = dataclasses.replace(result, spec=dataclasses.replace(result.spec, strategy="W" * 300))
    for case in (Comparison.of([Compared(result)]), Comparison.of([Compared(long)] * 20)):
        for draw in (compared_equity, compared_scan):
            assert collisions(lambda draw=draw, case=case: draw(case)) == []  # type: ignore[misc]


@pytest.mark.usefixtures("unrastered")
def test_what_no_run_has_is_left_out(result: RunResult, comparison: Comparison) -> None:
    """Without curves and scans there is no picture, and a line for each."""
    found = of_comparison(comparison)
    assert tuple(picture.name for picture in found.pictures) == folder.COMPARED
    assert found.left_out == ()
    bare = dataclasses.replace(result, recorded=None, scan=None)
    found = of_comparison(Comparison.of([Compared(bare)]))
    assert found.pictures == ()
    assert [line.split()[0] for line in found.left_out] == list(folder.COMPARED)
