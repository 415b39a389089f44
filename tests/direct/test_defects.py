"""Differences between runs with and without an engine that were once found, each by its name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.account.generated import LADDER
from tests.direct.runs import columns_of, through_engine, without_engine
from tests.direct.scenes import Scene, Told
from tests.engine.scenes import Rows

ACCOUNT = {"venue": "binance", "leverage": 10, "ladder": LADDER}


def same(scene: Scene) -> Any:
    """The journal of a scene that runs alike both ways."""
    outcome = through_engine(scene, columns_of(scene))
    assert outcome.differs(without_engine(scene, columns_of(scene))) == ""
    return outcome.journal


@pytest.mark.parametrize("sizer", [("FixedNotional", {"notional": 1_000.0}),
                                   ("MarginFraction", {"fraction": 0.2})])
def test_a_position_turned_at_its_first_close_was_sized_at_the_close_before(sizer: Any) -> None:
    """The entry of the other side stands at the close that turned it."""
    journal = same(Scene(Rows({3: (100, 102, 100, 102)}, bars=8), (Told(2), Told(3, -1)), ACCOUNT,
                         sizer))
    first, closed, turned = journal.fills
    assert (first.bar, closed.bar, turned.bar) == (3, 4, 4)
    if sizer[0] == "FixedNotional":
        assert turned.size == pytest.approx(-1_000 / 102, abs=1e-3)


def test_a_sale_below_the_lot_was_refused_as_minus_nothing() -> None:
    """What is refused of an order below the lot step is 0, on either side."""
    journal = same(Scene(Rows(bars=8), (Told(2, -1, size=1e-7), Told(4, size=1e-7)), ACCOUNT))
    assert [str(each.size) for each in journal.rejections] == ["0.0", "0.0"]
