"""How cells are written."""

from __future__ import annotations

import math

import pytest

from deleverage.tearsheet import text as text


@pytest.mark.parametrize(("written", "expected"), [
    (text.money(1_234.5), "+1,234.50"),
    (text.money(-0.001), "0.00"),
    (text.money(1e6), "+1,000,000"),
    (text.money(2_000.0, sign=False), "2,000.00"),
    (text.money(None, 3), "n/a (n=3)"),
    (text.percent(-0.12345), "-12.35 %"),
    (text.percent(math.nan), "n/a"),
    (text.share(0.5), "50.0 %"),
    (text.number(math.inf), "∞"),
    (text.price(2_350.0), "2,350.00"),
    (text.price(0.12345), "0.1235"),
    (text.leverage(2.5), "2.5x"),
    (text.basis_points(12.34), "12.3 bp"),
    (text.hours(0.5), "30 min"),
    (text.hours(30.0), "30.0 h"),
    (text.hours(96.0), "4.0 d"),
    (text.dollars(485e6), "$485.0M"),
    (text.dollars(1.2e9), "$1.2bn"),
    (text.dollars(790.0), "$790"),
])
def test_a_cell_has_sign_unit_and_thousands(written: str, expected: str) -> None:
    """Figures carry their unit; what is missing is n/a, with the sample where it is known."""
    assert written == expected


def test_an_empty_table_keeps_its_headers() -> None:
    """A table without rows prints its headers and nothing else."""
    assert text.table(("a", "b"), []).splitlines()[0].split() == ["a", "b"]


def test_long_remarks_are_wrapped() -> None:
    """A remark longer than the sheet continues under its bullet."""
    wrapped = text.lines(["word " * 60]).splitlines()
    assert len(wrapped) > 1
    assert all(len(line) <= text.WIDTH for line in wrapped)
    assert wrapped[1].startswith("  word")
