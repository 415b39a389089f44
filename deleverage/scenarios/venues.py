"""The venues of the scenarios: who trades there, and what each of them publishes.

Shares are of what is really liquidated; what is *reported* differs (see reporting). The pooled
shares of reported ETH liquidations in 2025 were Bybit .28, Binance .19, Gate .17, HTX .13, OKX .11,
Hyperliquid .11; in stress Bybit and Hyperliquid have had .3 each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deleverage.timestamps import SECOND


@dataclass(frozen=True, slots=True)
class VenueFeed:
    """One venue of the scenario.

    ``share`` of the positions; ``leverage_cap`` of ETH there; ``size`` scales the orders.
    ``completeness`` says what its feed publishes; an event is pushed at the next multiple of
    ``push_ns`` after it and takes ``delay_ns`` (plus up to as much again) to arrive.
    """

    name: str
    share: float
    completeness: str
    push_ns: int
    delay_ns: int
    leverage_cap: float = 100.0
    maintenance: float | None = None  # None: the flat ladder by leverage
    size: float = 1.0


FEEDS = (
    VenueFeed("binance", .280, "sampled_1s", SECOND, SECOND // 10, size=.92),
    VenueFeed("bybit", .210, "all", SECOND // 2, SECOND // 10),
    VenueFeed("okx", .150, "sampled", SECOND // 10, SECOND // 5),
    # half the initial rate at the asset's limit of 25x, whatever leverage a trader sets
    VenueFeed("hyperliquid", .120, "all", SECOND // 5, SECOND // 2,
              leverage_cap=25.0, maintenance=.02, size=1.8),
    VenueFeed("gate", .105, "unknown", 20 * SECOND, 2 * SECOND),
    VenueFeed("bitget", .055, "unknown", 20 * SECOND, 2 * SECOND),
    VenueFeed("htx", .060, "unknown", 20 * SECOND, 2 * SECOND),
    VenueFeed("other", .025, "unknown", 60 * SECOND, 5 * SECOND),
)
NAMES = tuple(feed.name for feed in FEEDS)
BINANCE, OKX = NAMES.index("binance"), NAMES.index("okx")

SHARES = np.array([feed.share for feed in FEEDS])
LEVERAGE_CAP = np.array([feed.leverage_cap for feed in FEEDS])
SIZE = np.array([feed.size for feed in FEEDS])
_OWN_RATE = np.array([np.nan if feed.maintenance is None else feed.maintenance for feed in FEEDS])


def maintenance_rate(venue: NDArray[np.int8], leverage: NDArray[np.float64]
                     ) -> NDArray[np.float64]:
    """Maintenance rate per position: .5 % up to 25x, .4 % above; Hyperliquid 2 % throughout.

    A flat approximation (methods 9.2): no notional brackets, no fee to close.
    """
    own = _OWN_RATE[venue]
    return np.where(np.isnan(own), np.where(leverage > 25, .004, .005), own)
