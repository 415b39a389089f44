"""Limit orders: only where last trades through them, at the open where it gapped beyond."""

from __future__ import annotations

from tests.account.orders import Cancel, buy, sell
from tests.account.table import USUAL, Fill, Loss, Row, lost_long, lost_short, still

S = still()
IN_LONG, IN_SHORT = Fill(1, 10, 100, "market"), Fill(1, -10, 100, "market")

ROWS = (
    # ------------------------------------------------------------------ entries
    Row("limit buy traded through", [S, (100, 101, 94, 96)], [buy(0, 10, "limit", 95)], fees=USUAL,
        fills=[Fill(1, 10, 95, "limit", "maker")], held=10,
        # 950 × 0.02 %; at the close of 96 the ten coins are worth 10 more
        fee=0.19, wallet=10_000 - 0.19, equity=10_000 - 0.19 + 10, posted=95),
    Row("limit sell traded through", [S, (100, 106, 99, 104)], [sell(0, 10, "limit", 105)],
        fees=USUAL, fills=[Fill(1, -10, 105, "limit", "maker")], held=-10,
        # 1,050 × 0.02 %
        fee=0.21, wallet=10_000 - 0.21, equity=10_000 - 0.21 + 10, posted=105),
    Row("limit buy touched only: no fill", [S, (100, 101, 95, 96)], [buy(0, 10, "limit", 95)]),
    Row("limit sell touched only: no fill", [S, (100, 105, 99, 104)], [sell(0, 10, "limit", 105)]),
    Row("limit buy touched, fill=touch", [S, (100, 101, 95, 96)], [buy(0, 10, "limit", 95)],
        fill="touch", fills=[Fill(1, 10, 95, "limit", "maker")], held=10),
    Row("limit sell touched, fill=touch", [S, (100, 105, 99, 104)], [sell(0, 10, "limit", 105)],
        fill="touch", fills=[Fill(1, -10, 105, "limit", "maker")], held=-10),
    Row("limit buy gapped through: the open", [S, (93, 94, 92, 93)], [buy(0, 10, "limit", 95)],
        fees=USUAL, fills=[Fill(1, 10, 93, "limit")], held=10,
        fee=930 * 0.0005, wallet=10_000 - 0.465),
    Row("limit sell gapped through: the open", [S, (107, 108, 106, 107)],
        [sell(0, 10, "limit", 105)], fees=USUAL, fills=[Fill(1, -10, 107, "limit")], held=-10,
        fee=1_070 * 0.0005, wallet=10_000 - 0.535),
    Row("limit buy at the open, price rises from it: no fill", [S, (95, 97, 95, 96)],
        [buy(0, 10, "limit", 95)]),
    Row("limit sell at the open, price falls from it: no fill", [S, (105, 105, 103, 104)],
        [sell(0, 10, "limit", 105)]),
    Row("limit buy waits bars for its price", [S, S, (100, 100, 96, 97), (97, 98, 94, 95)],
        [buy(0, 10, "limit", 95)], fills=[Fill(3, 10, 95, "limit", "maker")], held=10),
    Row("limit sell waits bars for its price", [S, S, (100, 104, 100, 103), (103, 106, 102, 105)],
        [sell(0, 10, "limit", 105)], fills=[Fill(3, -10, 105, "limit", "maker")], held=-10),
    Row("limit cancelled before its price comes", [S, S, (100, 100, 94, 94)],
        [buy(0, 10, "limit", 95, name="rest"), Cancel(1, "rest")]),
    Row("limit: slippage does not touch it", [S, (100, 101, 94, 96)], [buy(0, 10, "limit", 95)],
        slippage_bp=50, fills=[Fill(1, 10, 95, "limit", "maker")], held=10),
    Row("limits live on last: only the mark trades through", [S, (100, 101, 96, 100)],
        [buy(0, 10, "limit", 95)], mark=[S, (100, 101, 93, 100)]),
    Row("limits of a ladder fill from the nearest down", [S, (100, 100, 92, 93)],
        [buy(0, 5, "limit", 95), buy(0, 5, "limit", 97), buy(0, 5, "limit", 91)],
        fills=[Fill(1, 5, 97, "limit", "maker"), Fill(1, 5, 95, "limit", "maker")], held=10),
    # ------------------------------------------------------------------ exits
    Row("limit closes a long at its price", [S, S, (100, 106, 99, 104), S],
        [buy(0, 10), sell(1, 10, "limit", 105)],
        fills=[IN_LONG, Fill(2, -10, 105, "limit", "maker")], wallet=10_000 + 10 * 5, posted=0),
    Row("limit closes a short at its price", [S, S, (100, 101, 94, 96), S],
        [sell(0, 10), buy(1, 10, "limit", 95)],
        fills=[IN_SHORT, Fill(2, 10, 95, "limit", "maker")], wallet=10_000 + 10 * 5, posted=0),
    Row("limit closes a long at a better open", [S, S, (108, 109, 107, 108)],
        [buy(0, 10), sell(1, 10, "limit", 105)], fees=USUAL,
        fills=[IN_LONG, Fill(2, -10, 108, "limit")],
        # 1,000 × 0.05 % and, the order having met the market, 1,080 × 0.05 %
        fee=0.50 + 0.54, wallet=10_000 + 10 * 8 - 0.50 - 0.54),
    Row("limit closes a short at a better open", [S, S, (92, 93, 91, 92)],
        [sell(0, 10), buy(1, 10, "limit", 95)], fees=USUAL,
        fills=[IN_SHORT, Fill(2, 10, 92, "limit")],
        fee=0.50 + 0.46, wallet=10_000 + 10 * 8 - 0.50 - 0.46),
    Row("limit sent with the entry takes profit in the bar of entry", [S, (100, 106, 99, 104)],
        [buy(0, 10), sell(0, 10, "limit", 105)],
        fills=[IN_LONG, Fill(1, -10, 105, "limit", "maker")], wallet=10_000 + 50),
    Row("limit sent with a short entry takes profit in the bar of entry", [S, (100, 101, 94, 96)],
        [sell(0, 10), buy(0, 10, "limit", 95)],
        fills=[IN_SHORT, Fill(1, 10, 95, "limit", "maker")], wallet=10_000 + 50),
    Row("limit: two exits, each its part", [S, S, (100, 108, 99, 107)],
        [buy(0, 10), sell(1, 4, "limit", 103), sell(1, 6, "limit", 106)],
        fills=[IN_LONG, Fill(2, -4, 103, "limit", "maker"), Fill(2, -6, 106, "limit", "maker")],
        wallet=10_000 + 4 * 3 + 6 * 6),
    # ------------------------------------------------------------------ liquidation near
    Row("limit buy, then liquidated further down in the bar of entry", [S, (100, 100, 85, 99), S],
        [buy(0, 10, "limit", 95)], fills=[Fill(1, 10, 95, "limit", "maker")],
        # margin 95; level (950 − 95) / (10 × 0.995) = 85.93 > 85; bankrupt at 95 × 0.9
        liquidations=[Loss(1, 85.5, 95, level=855 / 9.95)], wallet=10_000 - 95, posted=0),
    Row("limit sell, then liquidated further up in the bar of entry", [S, (100, 116, 100, 101), S],
        [sell(0, 10, "limit", 105)], fills=[Fill(1, -10, 105, "limit", "maker")],
        # margin 105; level (1,050 + 105) / (10 × 1.005) = 114.93 < 116; bankrupt at 105 × 1.1
        liquidations=[Loss(1, 115.5, 105, level=1_155 / 10.05)], wallet=10_000 - 105, posted=0),
    Row("limit buy and a low just short of its liquidation", [S, (100, 100, 86, 99)],
        [buy(0, 10, "limit", 95)], fills=[Fill(1, 10, 95, "limit", "maker")],
        # 86 > 85.93
        held=10, equity=10_000 + 10 * 4),
    Row("limit adds before the liquidation, which moves away", [S, S, (100, 100, 87, 88)],
        [buy(0, 10), buy(1, 10, "limit", 92)],
        fills=[IN_LONG, Fill(2, 10, 92, "limit", "maker")],
        # entry 96, margin 192: level (1,920 − 192) / (20 × 0.995) = 86.83 < 87
        held=20, posted=192, equity=10_000 - 20 * 8),
    Row("limit adds before the liquidation, which comes all the same", [S, S, (100, 100, 85, 88)],
        [buy(0, 10), buy(1, 10, "limit", 92)],
        fills=[IN_LONG, Fill(2, 10, 92, "limit", "maker")],
        liquidations=[Loss(2, 86.4, 192, level=1_728 / 19.9)], wallet=10_000 - 192),
    Row("limit below the liquidation dies with the long", [S, S, (100, 100, 85, 88), still(80)],
        [buy(0, 10), buy(1, 10, "limit", 88)], fills=[IN_LONG],
        liquidations=[lost_long(2)], wallet=10_000 - 100),
    Row("limit adds to a short before its liquidation", [S, S, (100, 112, 100, 111)],
        [sell(0, 10), sell(1, 10, "limit", 108)],
        fills=[IN_SHORT, Fill(2, -10, 108, "limit", "maker")],
        # entry 104, margin 208: level (2,080 + 208) / (20 × 1.005) = 113.83 > 112
        held=-20, posted=208, equity=10_000 - 20 * 7),
    Row("limit above the liquidation dies with the short", [S, S, (100, 115, 100, 112), still(120)],
        [sell(0, 10), sell(1, 10, "limit", 112)], fills=[IN_SHORT],
        liquidations=[lost_short(2)], wallet=10_000 - 100),
)
