"""The sheet of a sweep: ranking, heat map and verdict, to the letter, from a sweep made by hand."""

from __future__ import annotations

import dataclasses
import textwrap
from pathlib import Path
from typing import Any

import pytest

from deleverage.errors import UnknownName, UsageError
from deleverage.spec import RunSpec
from deleverage.sweeps import FIGURES, Grid, Row, SweepResult
from deleverage.sweeps.heat import Heat
from deleverage.tearsheet import heat as heat_sheet
from deleverage.tearsheet import sweep as sweep_sheet

SPEC = RunSpec(data="risk", strategy="level_reclaim")
STAMPS = {"dataset": "risk", "synthetic": True, "symbol": "ETHUSDT", "quote": "USDT",
          "step_ns": 60_000_000_000, "bars": 1_440, "first_ns": 1_769_558_460_000_000_000,
          "last_ns": 1_769_644_800_000_000_000, "venue": "binance", "ladder": "by hand",
          "sizing": "0.2 × equity as margin", "fees": [0.0002, 0.0005], "slippage": "2 bp fixed",
          "stop_trigger": "last", "margin": "isolated"}


def page(name: str) -> str:
    """A page as it must be, to the letter."""
    return Path(__file__).with_name(f"{name}.txt").read_text("utf-8").removesuffix("\n")


def figures(net: float, **others: Any) -> dict[str, Any]:
    """The figures of a combination that traded four times."""
    return {**dict.fromkeys((figure.name for figure in FIGURES), None), "net": net,
            "total_return": net / 10_000, "drawdown": 0.25, "trades": 4, "open": 0, "right": 2,
            "liquidations": 0, "reductions": 0, "margin_lost": 0.0, "p_liquidated_right": 0.0,
            "profit_factor": 0.8, "buffer_used": 0.5, "closest_bp": 80.0, "fees": -12.3,
            "funding": -1.0, "rejections": 0, "market_return": -0.05, **others}


def made(nets: list[float | None], **axes: Any) -> SweepResult:
    """A sweep over the axes with these nets; None is a combination that failed."""
    grid = Grid.of(axes)
    rows = tuple(
        Row(number, point, f"key{number}", {} if net is None else figures(net), 0,
            "no funding rate at 08:00" if net is None else None)
        for number, (point, net) in enumerate(zip(grid.points(), nets, strict=True), start=1))
    done = sum(net is not None for net in nets)
    return SweepResult(SPEC, grid, "ab" * 32, "0.1.0+x", rows, STAMPS,
                       {"n_closes": 3, "hold": "1h"}, (("the ladder is old", done),))


TWELVE = made([float(net) for net in (120, -40, -900, 30, -45, -1_200, 80, 80, -2_500, -10,
                                      -60, -1_000)],
              n_closes=(2, 3), stop_bp=(25.0, 50.0), leverage=(5.0, 10.0, 50.0))


def test_the_whole_sheet() -> None:
    """Heading with SYNTHETIC, warnings, best and worst, failures, verdict: as printed here."""
    sweep = made([250.0, -40.0, None, -900.0, 30.0, -45.0], n_closes=(2, 3),
                 leverage=(5.0, 10.0, 500.0))
    sweep = dataclasses.replace(sweep, warnings=(
        *sweep.warnings, ("only 4 closed trades", 2), ("only 3 closed trades", 1)))
    assert sweep_sheet.render(sweep, top=2) == page("sheet")


def test_the_heat_map_by_median() -> None:
    """Numbers alone where no terminal is; the third axis by its median, and said so."""
    heat = Heat.of(TWELVE, "stop_bp", "leverage")
    assert heat.cells == ((100.0, 20.0, -1_700.0), (10.0, -52.5, -1_100.0))
    assert heat_sheet.render(heat) == page("heat")


def test_the_heat_map_on_a_terminal() -> None:
    """Cells far from zero are coloured by how far, small ones are not; the numbers stay."""
    drawn = heat_sheet.render(Heat.of(TWELVE, "stop_bp", "leverage"), colour=True)
    assert "\x1b[97;48;5;124m -1,700 \x1b[0m" in drawn
    assert "\x1b[97;48;5;88m -1,100 \x1b[0m" in drawn
    assert drawn.count("\x1b[97") == 2
    assert drawn.endswith("Green is better, red worse.")
    positive = made([1.0, 4.0], n_closes=(2, 3), leverage=(5.0,))
    drawn = heat_sheet.render(Heat.of(positive, "n_closes", "leverage"), colour=True)
    assert "\x1b[97;48;5;34m +4 \x1b[0m" in drawn
    assert "\x1b[97;48;5;22m +1 \x1b[0m" in drawn


@pytest.mark.parametrize(("name", "values", "warm"), [
    ("drawdown", [0.1, 0.2, 0.3], [1.0, 0.0, -1.0]),
    ("profit_factor", [0.5, 1.0, 1.25], [-1.0, 0.0, 0.5]),
    ("net", [5.0, 5.0], [1.0, 1.0]),
    ("closest_bp", [7.0, 7.0], [0.0, 0.0]),
])
def test_warmth_is_better_minus_worse(name: str, values: list[float], warm: list[float]) -> None:
    """From −1 (worst) to +1 (best), from the neutral value or else the middle of the range."""
    from deleverage.sweeps.outcome import figure

    found = [heat_sheet.warmth(figure(name), value, values) for value in values]
    assert found == pytest.approx(warm)


def test_an_empty_cell_is_no_number() -> None:
    """Where every combination of a cell failed there is a dash, and the foot says what it means."""
    heat = Heat.of(made([1.0, None, 3.0, -4.0], n_closes=(2, 3), leverage=(5.0, 10.0)),
                   "n_closes", "leverage")
    assert heat.cells == ((1.0, None), (3.0, -4.0))
    drawn = heat_sheet.render(heat)
    assert "–" in drawn.splitlines()[3]
    assert drawn.endswith("Each cell is one combination. –: no run with this figure.")


def test_a_map_needs_two_axes_of_the_grid() -> None:
    """One axis twice, an axis that is none and a figure that is none are refused."""
    with pytest.raises(UsageError, match="two different axes, found leverage, leverage"):
        Heat.of(TWELVE, "leverage", "leverage")
    with pytest.raises(UnknownName, match="did you mean 'stop_bp'"):
        Heat.of(TWELVE, "stop_b", "leverage")
    with pytest.raises(UnknownName, match="did you mean 'drawdown'"):
        Heat.of(TWELVE, "stop_bp", "leverage", "drawdow")


def test_all_rows_are_shown_where_they_are_few() -> None:
    """Best and worst together leave nothing out when twice --top holds all."""
    drawn = sweep_sheet.ranking(TWELVE, top=6)
    assert "more" not in drawn
    assert [line.split()[0] for line in drawn.splitlines()[4:16]] == [
        str(place) for place in range(1, 13)]
    assert "10 more" in sweep_sheet.ranking(TWELVE, top=1)


def test_the_figure_that_ranks_is_always_a_column() -> None:
    """Ranked by a figure that is no column otherwise, it becomes the first one."""
    drawn = sweep_sheet.ranking(TWELVE, "closest_bp", 3)
    assert drawn.startswith("RANKING (by closest_bp, highest first)")
    assert drawn.count("80.0 bp") == 6


def test_no_line_is_wider_than_the_page() -> None:
    """With many axes the least important columns give way; the width of a page is kept."""
    names = ("n_closes", "arm_below", "window", "stop_bp", "leverage")
    axes: dict[str, Any] = dict.fromkeys(names, (1_000, 2_000))
    sheet = sweep_sheet.render(made([-12_345.0] * 32, **axes))
    assert max(map(len, sheet.splitlines())) <= 120
    assert "return" in sheet


def test_nothing_ended_is_said() -> None:
    """A sweep of which every combination failed has no ranking, and says how many were tried."""
    sheet = sweep_sheet.render(dataclasses.replace(
        made([None, None], leverage=(500.0, 600.0)), stamps={}, params={}, warnings=()))
    assert "RANKING" not in sheet
    assert "2 combinations tried, 0 lost money, 2 failed." in sheet
    assert "FAILED (2 of 2)" in sheet


def test_one_combination_is_no_choice() -> None:
    """The warning of the best of N is not given where N is 1."""
    assert sweep_sheet.caution(made([5.0], leverage=(5.0,))) == ""
    text = " ".join(textwrap.dedent(sweep_sheet.caution(TWELVE)).split())
    assert text.startswith("The best of 12 is flattered by the choice")
