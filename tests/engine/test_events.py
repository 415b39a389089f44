"""Every kind of event for itself: the jump stops there, and almost nowhere else."""

from __future__ import annotations

import pytest

from tests.engine.clock_witnesses import WITNESSES
from tests.engine.runs import DENSE, JUMP, STOCK, THOROUGH, WANDER, columns_of, run
from tests.engine.scenes import Move, Rows
from tests.engine.witnesses import BUY, scene

# what is looked after bar by bar: orders that wait for no price, news that wait for an indicator
BAR_BY_BAR = {"an indicator is not ready when the order fills": 7,
              "a first feed's bar is looked at once": 85,
              "a market order waits for volume": 18,
              "an order at the close waits for the session's end": 117}


@pytest.mark.parametrize("name", WITNESSES)
def test_an_event_is_found_by_every_way_through_the_bars(name: str) -> None:
    """It takes place, all modes tell it alike, and the jump visits a handful of bars for it."""
    witness = WITNESSES[name]
    markets = columns_of(witness.scene)
    stock = run(witness.scene, STOCK, markets)
    assert witness.happened(stock)
    for mode in (DENSE, THOROUGH, WANDER, JUMP):
        assert stock.differs(run(witness.scene, mode, markets)) == "", mode.name
    visits = run(witness.scene, JUMP, markets).visits
    assert visits <= 7 + BAR_BY_BAR.get(name, 0)


@pytest.mark.parametrize("bars", [1, 2, 3])
def test_very_short_markets(bars: int) -> None:
    """One bar is the first and the last."""
    short = scene(BUY, rows=Rows(bars=bars), wakes=(0,))
    outcome = run(short, JUMP)
    assert run(short, STOCK).differs(outcome) == ""
    assert (outcome.visits, outcome.used) == (bars, "jump")


def test_quiet_bars_cost_nothing() -> None:
    """Fifty thousand bars, a position held, a stop and a target out of reach: three visits, those
    of the decision, of the fill and of the last bar."""
    held = scene(Move("bracket", near=0, far=2_000), rows=Rows(bars=50_000), leverage=2)
    outcome = run(held, JUMP)
    assert (outcome.visits, outcome.error) == (3, "")
    assert outcome.positions != "{}"
