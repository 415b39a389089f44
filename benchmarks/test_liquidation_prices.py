"""One million liquidation prices by array, against one division of arrays as long.

``make bench`` shows the ratio of each venue. Both are timed in CPU seconds, in turns in the same
process, so that a busy machine slows both alike; the ratio of the medians is the figure. A sample
of the prices is compared with the scalar answers, so that speed cannot be bought with another
price.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from deleverage import venues
from deleverage.venues.rules import InverseRules, VenueRules
from tests.core.desks import make_ladder

COUNT, ROUNDS, SAMPLE = 1_000_000, 11, 500
BOUND = 50.0
COIN = make_ladder((0, 50, 0.004), (50, 500, 0.005), (500, 2_000, 0.01), (2_000, None, 0.025),
                   unit="coin")
RULES: tuple[VenueRules, ...] = (
    venues.get("binance", symbol="ETHUSDT", at="2026-01-31"),
    venues.get("bybit", symbol="BTCUSDT", at="2026-03-01"),
    venues.get("hyperliquid", symbol="ETH", at="2026-10-01"),
    venues.get("okx", symbol="BTC-USDT-SWAP", at="2026-10-01"),
    venues.get("binance", product="coinm", symbol="ETHUSD_PERP", ladder=COIN),
)


def cpu(work: Callable[[], Any]) -> float:
    """CPU seconds of one call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def positions(rules: VenueRules) -> tuple[np.ndarray, ...]:
    """SYNTHETIC: a million longs and shorts of 100 to 10 million USD at 2x to 100x."""
    chance = np.random.default_rng(20260131)
    side = chance.choice([-1.0, 1.0], COUNT)
    entry = chance.uniform(1_500, 5_000, COUNT)
    worth = np.exp(chance.uniform(np.log(100), np.log(1e7), COUNT))
    size = worth if isinstance(rules, InverseRules) else worth / entry
    return side, size, entry, rules.notional(size, entry) / chance.uniform(2, 100, COUNT)


@pytest.mark.parametrize("rules", RULES, ids=lambda rules: f"{rules.name}-{rules.product}")
def test_a_million_prices_cost_no_more_than_fifty_divisions(
    rules: VenueRules, capsys: pytest.CaptureFixture[str]
) -> None:
    """Median CPU time over that of one NumPy division of the same arrays; prices as one by one."""
    side, size, entry, wallet = positions(rules)
    prices = rules.liquidation_price(side, size, entry, wallet)
    for row in range(0, COUNT, COUNT // SAMPLE):
        alone = rules.liquidation_price(int(side[row]), float(size[row]), float(entry[row]),
                                        float(wallet[row]))
        assert prices[row] == pytest.approx(alone, rel=1e-12)
    ours, division = [], []
    for _ in range(ROUNDS):
        division.append(cpu(lambda: wallet / entry))
        ours.append(cpu(lambda: rules.liquidation_price(side, size, entry, wallet)))
    own, one = statistics.median(ours), statistics.median(division)
    with capsys.disabled():
        print(f"\n{rules.name} {rules.product}: {COUNT:,} liquidation prices {own * 1e3:.1f} ms, "
              f"one division {one * 1e3:.2f} ms, ratio {own / one:.1f}")
    assert own / one <= BOUND
