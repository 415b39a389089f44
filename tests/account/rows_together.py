"""Two instruments of one cross account that move together, and venues that take only a part.

The two bars are walked in lockstep, each leg a third of the bar. Fifty coins of each are held from
100 on a wallet of 1,000 at 20x. With both at one price the account is dead at 9,000 / 99.5 = 90.45,
with one of them at 100 only when the other is at 4,025 / 49.75 = 80.90.
"""

from __future__ import annotations

from typing import Any

from tests.account.orders import buy, sell
from tests.account.table import BTC, Bar, Fill, Loss, Row, lost_long, still

S = still()
DOWN, DOWN_FALLING = (100, 100, 90.4, 100), (100, 100, 90.4, 99.9)
RISE = (100, 120, 100, 120)
IN_ETH, IN_BTC = Fill(1, 50, 100, "market"), Fill(1, 50, 100, "market", symbol=BTC)
IN_SHORT_BTC = Fill(1, -50, 100, "market", symbol=BTC)
BOTH_DEAD: dict[str, Any] = {
    # 0.5 % below 90.45 each: 90, where fifty coins lose 500
    "liquidations": [Loss(2, 90, 500), Loss(2, 90, 500, symbol=BTC)], "wallet": 0}


def _both(name: str, first: Bar, second: Bar, path: str, **expected: Any) -> Row:
    """Fifty of each, then a bar of each."""
    return Row(f"together: {name}", [S, S, first, S], [buy(0, 50), buy(0, 50, feed=1)],
               other=[S, S, second, S], margin="cross", cash=1_000, leverage=20, path=path,
               fills=[IN_ETH, IN_BTC], needs="liquidation", **expected)


def _pair(name: str, path: str, **expected: Any) -> Row:
    """Fifty ETH against fifty BTC, both of which rise to 120."""
    return Row(f"together: {name}", [S, S, RISE], [buy(0, 50), sell(0, 50, feed=1)],
               other=[S, S, RISE], margin="cross", cash=1_000, leverage=20, path=path,
               fills=[IN_ETH, IN_SHORT_BTC], needs="liquidation", **expected)


def _venue(name: str, venue: str, bar: Bar, **values: Any) -> Row:
    """Ten coins from 100 at 10x unless told otherwise, by the venue's own procedure."""
    values.setdefault("orders", [buy(0, 10)])
    values.setdefault("fills", [Fill(1, 10, 100, "market")])
    return Row(f"procedure: {name}", [S, S, bar, bar[3:] * 4], venue=venue, needs="liquidation",
               extra={"liquidation": "venue"}, **values)


LEVEL = 90 / 0.995  # of a 10x long from 100

ROWS = (
    _both("both low at once, adverse: dead", DOWN, DOWN, "adverse", **BOTH_DEAD),
    _both("one low while the other is high, favourable: alive", DOWN, DOWN, "favourable",
          wallet=1_000, held=50, equity=1_000),
    _both("both rising bars, ohlc, low at once: dead", DOWN, DOWN, "ohlc", **BOTH_DEAD),
    _both("one rising and one falling bar, ohlc: one low after the other: alive", DOWN,
          DOWN_FALLING, "ohlc", wallet=1_000, held=50, equity=1_000),
    _both("both falling bars, ohlc, low at once: dead", DOWN_FALLING, DOWN_FALLING, "ohlc",
          **BOTH_DEAD),
    _both("both open below: dead by the gap", still(90), still(90), "favourable", wallet=0,
          # 1,000 − 1,000 = 0 at 90: both are bankrupt there
          liquidations=[Loss(2, 90, 500, gap=True), Loss(2, 90, 500, gap=True, symbol=BTC)]),
    _pair("a hedged pair rises at once, ohlc: alive", "ohlc", wallet=1_000, held=50,
          equity=1_000),
    _pair("a hedged pair rises, favourable: alive", "favourable", wallet=1_000, held=50,
          equity=1_000),
    _pair("a hedged pair, adverse: the short rises first", "adverse", wallet=0,
          # 1,000 − 50 (y − 100) = 0.5 % of (5,000 + 50 y) at y = 5,975 / 50.25; then 0.5 %
          # against each: 100 × 0.995 and y × 1.005 = 119.5
          liquidations=[Loss(2, 99.5, 25), Loss(2, 119.5, 975, symbol=BTC)]),
    # ------------------------------------------------------------------ venue procedures
    _venue("Binance, gap beyond bankruptcy: nothing is left to sell above it", "binance",
           still(70), liquidations=[lost_long(2, gap=True)], wallet=10_000 - 100),
    _venue("Bybit, lowest tier: taken over whole at bankruptcy", "bybit", (100, 100, 85, 88),
           liquidations=[lost_long(2, level=90.5)], wallet=10_000 - 100),
    _venue("Hyperliquid, small: sold to the book, the rest is the trader's", "hyperliquid",
           (100, 100, 85, 88),
           liquidations=[Loss(2, LEVEL, 10 * (100 - LEVEL))],
           wallet=10_000 - 10 * (100 - LEVEL)),
    _venue("Hyperliquid, gap, above two thirds of maintenance: sold to the book", "hyperliquid",
           still(90.4),
           # equity 4 against 2/3 of 0.5 % of 904
           liquidations=[Loss(2, 90.4, 96, gap=True)], wallet=10_000 - 96),
    _venue("Hyperliquid, gap, below two thirds of maintenance: the backstop takes all",
           "hyperliquid", still(90.1),
           # equity 1 against 2/3 of 0.5 % of 901
           liquidations=[lost_long(2, gap=True)], wallet=10_000 - 100),
    _venue("Hyperliquid, above 100,000: a fifth is sold first", "hyperliquid",
           (100, 100, 90.42, 95), orders=[buy(0, 2_000)], cash=100_000,
           fills=[Fill(1, 2_000, 100, "market")],
           # 400 of 2,000 sold at the level lose 3,819.10; what is left of the margin holds 1,600
           # down to (160,000 − 16,180.90) / (1,600 × 0.995) = 90.34 < 90.42
           liquidations=[Loss(2, LEVEL, 400 * (100 - LEVEL))],
           wallet=100_000 - 400 * (100 - LEVEL), held=1_600),
)
