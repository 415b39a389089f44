"""What a fill lost to slippage stands in the journal, beside the price that holds it."""

from __future__ import annotations

from typing import Any

import pytest

from deleverage import venues
from deleverage.slippage import CascadeDepth
from tests.broker.runs import ORDER, buy, market, play, sell, still

WIDE = (100.0, 101.0, 99.0, 100.0)


def paid(run: Any) -> list[tuple[str, float]]:
    """(what filled, quote lost to slippage) of every fill."""
    return [(fill.reason, round(fill.slippage, 9)) for fill in run.journal.fills]


def test_a_market_order_pays_its_basis_points_and_a_limit_none() -> None:
    """10 coins at 100 and 10 bp cost 1.00; a limit fills at its price."""
    run = play({0: buy(size=10), 1: sell(size=10, exectype=ORDER.Limit, price=100.5)},
               market(*still(1), WIDE, WIDE, WIDE), slippage_bp=10)
    assert paid(run) == [("market", 1.0), ("limit", 0.0)]


def test_it_ends_at_the_bars_extreme() -> None:
    """A bar that ends 0.05 above the open lets 10 coins lose 0.50, whatever the policy asks."""
    run = play({0: buy(size=10)}, market(*still(1), (100, 100.05, 99, 100), *still(1)),
               slippage_bp=100)
    assert paid(run) == [("market", 0.5)]


@pytest.mark.parametrize("gap", [95.0, 94.0])
def test_a_stop_loses_from_its_trigger_or_from_the_open_it_gapped_to(gap: float) -> None:
    """2 coins sold by a stop at 95: the 10 bp count from where it would have filled without."""
    fall = (gap, gap, 90.0, 92.0) if gap < 95 else (100.0, 100.0, 90.0, 92.0)
    run = play({0: buy(size=2), 1: sell(size=2, exectype=ORDER.Stop, price=95)},
               market(*still(2), fall, *still(1, 92)), slippage="fixed:bp=10")
    assert paid(run) == [("market", 0.0), ("stop", round(2 * gap * 0.001, 9))]


def test_what_a_stop_loses_of_the_wick_is_slippage() -> None:
    """A tenth of the way from 95 to the low of 90, for 2 coins, beside the book's own share."""
    policy = CascadeDepth(depth=1e15, half_spread_bp=0.0, stop_wick=0.1)
    run = play({0: buy(size=2), 1: sell(size=2, exectype=ORDER.Stop, price=95)},
               market(*still(2), (100, 100, 90, 92), *still(1, 92)), slippage=policy)
    assert paid(run)[1] == ("stop", pytest.approx(2 * 0.1 * 5, abs=1e-6))


def test_only_stops_lose_of_the_wick() -> None:
    """A market order in a bar that rises by 1 pays the book, which is deep, and nothing else."""
    policy = CascadeDepth(depth=1e15, half_spread_bp=0.0, stop_wick=0.5)
    run = play({0: buy(size=2)}, market(*still(1), WIDE, WIDE), slippage=policy)
    assert paid(run) == [("market", pytest.approx(0, abs=1e-6))]


def test_bankruptcy_stops_it() -> None:
    """At 10x from 100 no close costs more than 90: of what was asked, only that much was paid."""
    run = play({0: buy(size=1), 1: sell(size=1, exectype=ORDER.Stop, price=91)},
               market(*still(2), (100, 100, 85, 92), *still(1, 92), mark=still(4)),
               slippage_bp=500)
    (fill,) = [each for each in run.journal.fills if each.reason == "stop"]
    assert (fill.price, fill.slippage) == (pytest.approx(90.0), pytest.approx(1.0))


def test_the_venues_order_at_the_book_pays_it_too() -> None:
    """Binance sells 10 coins at last, 10 bp worse; a takeover at bankruptcy slips nowhere."""
    bars = market(*still(2), (100, 100, 85, 92), *still(1, 92))
    level = venues.get("binance", symbol="ETHUSDT", at=int(bars.close_ns[0])).liquidation_price(
        1, 10, 100.0, 100.0)
    run = play({0: buy(size=10)}, bars, slippage_bp=10)
    assert paid(run) == [("market", 0.0), ("liquidation", pytest.approx(10 * level * 0.001))]
    taken = play({0: buy(size=10)}, bars, slippage_bp=10, liquidation="takeover")
    assert paid(taken) == [("market", 0.0), ("liquidation", 0.0)]


def test_it_is_part_of_the_price_and_of_nothing_else() -> None:
    """The wallet with slippage plus what the fills lost to it is the wallet without."""
    plan = {0: buy(size=3), 1: sell(size=3, exectype=ORDER.Stop, price=95)}
    bars = market(still(1)[0], WIDE, (100, 100, 90, 92), *still(1, 92))
    free, slipped = (play(plan, bars, slippage_bp=bp) for bp in (0, 7))
    lost = sum(fill.slippage for fill in slipped.journal.fills)
    assert lost > 0
    assert slipped.journal.wallet() + lost == pytest.approx(free.journal.wallet(), rel=1e-12)
