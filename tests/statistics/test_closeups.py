"""Close-ups show the trades that a reader asks about, whole."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from deleverage.errors import DataError
from deleverage.results import RunResult
from deleverage.statistics.closeups import BEST, LIQUIDATED, PARADOX, POINTS, WORST, chosen
from tests.results.markets import wobble


@pytest.fixture(scope="module")
def result() -> RunResult:
    """A run with liquidated trades."""
    made, _ = wobble(4, leverage=50.0, margin_fraction=0.6, on_liquidation="continue")
    assert made.journal.liquidations
    return made


def test_the_paradox_comes_first(result: RunResult) -> None:
    """Right and liquidated before liquidated, both before the worst and the best that lived."""
    first = result.trades[0]
    made = [dataclasses.replace(first, number=number, entry_ns=number, net=net, liquidated=dead,
                                right=right) for number, net, dead, right in (
        (0, 50.0, False, True), (1, -90.0, False, False), (2, -80.0, True, False),
        (3, -10.0, True, True), (4, 20.0, False, True))]
    assert [(trade.number, why) for trade, why in chosen(made)] == [
        (1, WORST), (2, LIQUIDATED), (3, PARADOX)]
    assert [(trade.number, why) for trade, why in chosen(made[:2])] == [(0, BEST), (1, WORST)]
    assert chosen([made[0]]) == ((made[0], BEST),)
    assert chosen([]) == ()


def test_a_close_up_holds_the_whole_trade(result: RunResult) -> None:
    """From before the entry to after the exit, with the mark that met the liquidation price."""
    assert result.closeups
    by_number = {trade.number: trade for trade in result.trades}
    for item in result.closeups:
        trade = by_number[item.number]
        assert len(item) <= POINTS <= item.bars * POINTS
        assert item.close_ns[0] <= trade.entry_ns
        assert trade.exit_ns is None or item.close_ns[-1] >= trade.exit_ns
        held = np.isfinite(item.liquidation_price)
        if trade.liquidated and trade.side > 0 and held.any():
            assert np.nanmin(item.mark_low) <= np.nanmin(item.liquidation_price)
        assert item.low.min() >= result.overview.low.min() if result.overview else False


def test_close_ups_are_saved_with_the_result(result: RunResult, tmp_path: Path) -> None:
    """They come back to the last bit; a column that is lost is named."""
    folder = result.save(tmp_path / "run")
    again = RunResult.load(folder)
    assert [item.why for item in again.closeups] == [item.why for item in result.closeups]
    for one, other in zip(again.closeups, result.closeups, strict=True):
        for field in dataclasses.fields(one):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))
    import pyarrow.parquet as pq

    path = folder / "closeups.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["mark_low"]), path)
    with pytest.raises(DataError, match=r"closeups\.parquet: column 'mark_low' is missing"):
        RunResult.load(folder)
