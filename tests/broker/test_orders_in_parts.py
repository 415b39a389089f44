"""Regression: an order that was filled whole, in parts, stayed alive for backtrader.

backtrader subtracts each part from what is left of an order and calls it completed at exactly zero,
which 0.3 − 0.1 − 0.1 − 0.1 is not. The account knew that nothing was left.
"""

from __future__ import annotations

import pytest

from tests.broker.runs import ORDER, buy, market, play, sell, still


@pytest.mark.parametrize(("size", "volume", "lot"), [
    (0.3, 1.0, 0.001), (0.7, 1.0, 0.001), (645.077212582241, 2_312.3, None),
    (1_234_567.7, 4_300_000.1, 0.1)])
def test_an_order_filled_in_parts_is_completed_with_its_last_coin(
    size: float, volume: float, lot: float | None
) -> None:
    """Market, limit and stop, a tenth of each bar's volume at a time: all completed at the end."""
    bars = market(*still(12, 1.0), *[(1.0, 1.1, 0.9, 1.0)] * 24, volume=[volume] * 36,
                  lot_size=lot, tick_size=0.001)
    run = play({0: buy(size=size), 12: sell(size=size, exectype=ORDER.Limit, price=1.05),
                24: buy(size=size, exectype=ORDER.Stop, price=1.02)},
               bars, volume_limit=0.1, leverage=2, cash=10_000_000.0)
    assert len(run.journal.fills) >= 9
    last = {each.number: each.status for each in run.heard}
    assert last == {0: "Completed", 1: "Completed", 2: "Completed"}
    assert not run.broker._orders.by_ref
    for order in {order.ref: order for _, order in run.strategy.heard}.values():
        assert order.executed.remsize == 0


def test_an_order_whose_opening_part_is_refused_is_not_completed() -> None:
    """A sale of 900 closes 1 and, as the price has gapped up, cannot open 899: it ends for want of
    margin, not as filled whole."""
    bars = market(*still(3), *still(2, 120))
    run = play({0: buy(size=1), 2: sell(size=900)}, bars)
    assert run.fills() == [(1, 1.0, 100.0), (3, -1.0, 120.0)]
    assert [each.status for each in run.ends()] == ["Completed", "Partial", "Margin"]
