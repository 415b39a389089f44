"""Settlements inside a long bar: every row of their table, in every mode."""

from __future__ import annotations

import pytest

from tests.account import rows_funding_interior
from tests.account.table import Row, check, runs


@pytest.mark.parametrize("row", rows_funding_interior.ROWS, ids=lambda row: row.name)
def test_a_settlement_is_paid_on_what_is_held_at_its_instant(row: Row) -> None:
    """Fills, payments and liquidations of the row, under either engine."""
    for run in runs(row):
        check(row, run)
