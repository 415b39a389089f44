"""Bars and orders in, fills and journal out: every row of the tables, in every mode."""

from __future__ import annotations

import pytest

from tests.account import (
    rows_bracket,
    rows_frictions,
    rows_funding,
    rows_limit,
    rows_liquidation,
    rows_margin,
    rows_market,
    rows_path,
    rows_stop,
    rows_together,
    rows_trail,
)
from tests.account.table import Row, check, knows, runs

TABLES = (rows_market, rows_limit, rows_stop, rows_trail, rows_bracket, rows_liquidation,
          rows_path, rows_funding, rows_margin, rows_frictions, rows_together)
ROWS = [row for table in TABLES for row in table.ROWS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_account_does_what_the_row_says(row: Row) -> None:
    """Fills, liquidations, funding, refusals and wallet of the row, under either engine."""
    if row.needs and not knows(row.needs):
        pytest.skip(f"PerpetualBroker has no parameter {row.needs!r} yet")
    for run in runs(row):
        check(row, run)


def test_rows_have_names_of_their_own() -> None:
    """A name stands for one row."""
    names = [row.name for row in ROWS]
    assert sorted(set(names)) == sorted(names)
