"""docs/leverage.md is true: its tables are what the command prints, its arithmetic holds."""

from __future__ import annotations

import math
import re

import pytest

from scripts import leverage_tables
from tests.conftest import ROOT
from tests.statistics.closed_forms import K, barrier, liquidated, right_and_liquidated

PAGE = (ROOT / "docs" / "leverage.md").read_text("utf-8")


def table(name: str) -> list[str]:
    """The lines between two markers."""
    (found,) = re.findall(rf"<!-- {name}: begin -->\n(.*?)\n<!-- {name}: end -->", PAGE, re.DOTALL)
    return str(found).splitlines()


@pytest.mark.slow
def test_the_tables_are_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m scripts.leverage_tables` prints both tables, to the digit."""
    leverage_tables.main()
    printed = capsys.readouterr().out.splitlines()
    for name in ("walk", "cascade"):
        lines = table(name)
        first = printed.index(lines[0])
        assert printed[first:first + len(lines)] == lines


def test_the_closed_columns() -> None:
    """The columns of the closed forms, without the simulation beside them."""
    for line in table("walk")[2:]:
        tier, long, _, right, _, short, *_ = line.strip("| ").split(" | ")
        leverage = float(tier.removesuffix("x"))
        assert long == f"{liquidated(1, leverage, leverage_tables.WALK):.4f}"
        assert right == f"{right_and_liquidated(1, leverage, leverage_tables.WALK):.4f}"
        assert short == f"{liquidated(-1, leverage, leverage_tables.WALK):.4f}"


def test_the_largest_leverage_by_formula() -> None:
    """The row of leverages is 1 ÷ (k + (1 − k)·a); at that leverage the worst move is the
    liquidation price's distance, and 125x is 0.24 % away."""
    (moves,) = re.findall(r"^\| worst move against a long \| (.*) \|$", PAGE, re.M)
    (levels,) = re.findall(r"^\| largest leverage, k = 0\.56 % \| (.*) \|$", PAGE, re.M)
    for move, level in zip(moves.split(" | "), levels.split(" | "), strict=True):
        a = float(move.removesuffix(" %")) / 100
        exact = 1 / (K + (1 - K) * a)
        assert level == f"{exact:.1f}"
        assert 1 - math.exp(barrier(1, exact)) == pytest.approx(a)
    assert f"{1 - math.exp(barrier(1, 125)):.2%}" == "0.24%"
