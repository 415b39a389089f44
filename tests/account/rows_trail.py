"""Trailing stops: the trigger follows favourable closes, at the end of each bar, and never back.

A trailing stop sent in a bar that closes at 100, five away, has its first trigger at 95 (a buy at
105); it is live from the next open on.
"""

from __future__ import annotations

from tests.account.orders import buy, sell
from tests.account.table import Fill, Row, lost_long, lost_short, still

S = still()
UP = (100, 110, 100, 110)
DOWN = (100, 100, 90, 90)
IN_LONG, IN_SHORT = Fill(1, 10, 100, "market"), Fill(1, -10, 100, "market")

ROWS = (
    Row("trail of a long follows a rising close", [S, S, UP, (110, 110, 104, 104)],
        [buy(0, 10), sell(1, 10, "trail", trail=5)],
        # 110 − 5
        fills=[IN_LONG, Fill(3, -10, 105, "trail")], wallet=10_000 + 50),
    Row("trail of a short follows a falling close", [S, S, DOWN, (90, 96, 90, 96)],
        [sell(0, 10), buy(1, 10, "trail", trail=5)],
        # 90 + 5
        fills=[IN_SHORT, Fill(3, 10, 95, "trail")], wallet=10_000 + 50),
    Row("trail by per cent, long", [S, S, UP, (110, 110, 104, 104)],
        [buy(0, 10), sell(1, 10, "trail", percent=0.05)],
        fills=[IN_LONG, Fill(3, -10, 110 * 0.95, "trail")], wallet=10_000 + 10 * 4.5),
    Row("trail by per cent, short", [S, S, DOWN, (90, 95, 90, 95)],
        [sell(0, 10), buy(1, 10, "trail", percent=0.05)],
        fills=[IN_SHORT, Fill(3, 10, 90 * 1.05, "trail")], wallet=10_000 + 10 * 5.5),
    Row("trail never goes back", [S, S, UP, (110, 112, 106, 106), (106, 106, 100, 100)],
        [buy(0, 10), sell(1, 10, "trail", trail=5)],
        # a close of 106 would give 101: it stays at 105
        fills=[IN_LONG, Fill(4, -10, 105, "trail")], wallet=10_000 + 50),
    Row("trail of a short never goes back", [S, S, DOWN, (90, 94, 88, 94), (94, 100, 94, 100)],
        [sell(0, 10), buy(1, 10, "trail", trail=5)],
        fills=[IN_SHORT, Fill(4, 10, 95, "trail")], wallet=10_000 + 50),
    Row("trail does not follow a high inside its bar", [S, S, (100, 120, 96, 110)],
        [buy(0, 10), sell(1, 10, "trail", trail=5)],
        # 95 all bar long: a trigger of 115 after the high would have sold on the way to 110
        fills=[IN_LONG], held=10, equity=10_000 + 100),
    Row("trail does not follow a low inside its bar, short", [S, S, (100, 104, 80, 90)],
        [sell(0, 10), buy(1, 10, "trail", trail=5)],
        fills=[IN_SHORT], held=-10, equity=10_000 + 100),
    Row("trail of a long gapped through: the open", [S, S, UP, (102, 103, 101, 102)],
        [buy(0, 10), sell(1, 10, "trail", trail=5)],
        fills=[IN_LONG, Fill(3, -10, 102, "trail")], wallet=10_000 + 20),
    Row("trail of a short gapped through: the open", [S, S, DOWN, (97, 98, 96, 97)],
        [sell(0, 10), buy(1, 10, "trail", trail=5)],
        fills=[IN_SHORT, Fill(3, 10, 97, "trail")], wallet=10_000 + 30),
    Row("trail sent with the entry acts in the bar of entry, long", [S, (100, 101, 94, 96)],
        [buy(0, 10), sell(0, 10, "trail", trail=5)],
        fills=[IN_LONG, Fill(1, -10, 95, "trail")], wallet=10_000 - 50),
    Row("trail sent with the entry acts in the bar of entry, short", [S, (100, 106, 99, 104)],
        [sell(0, 10), buy(0, 10, "trail", trail=5)],
        fills=[IN_SHORT, Fill(1, 10, 105, "trail")], wallet=10_000 - 50),
    Row("trail buys the turn of a fall", [S, (100, 100, 96, 96), (96, 100, 96, 100)],
        [buy(0, 10, "trail", trail=3)],
        # 103, then 96 + 3
        fills=[Fill(2, 10, 99, "trail")], held=10, equity=10_000 + 10),
    Row("trail sells the turn of a rise", [S, (100, 104, 100, 104), (104, 104, 100, 100)],
        [sell(0, 10, "trail", trail=3)],
        fills=[Fill(2, -10, 101, "trail")], held=-10, equity=10_000 + 10),
    Row("trail-limit: the limit keeps its distance to the trigger",
        [S, S, UP, (110, 110, 104, 104), (104, 108, 104, 108)],
        [buy(0, 10), sell(1, 10, "trail_limit", 100, plimit=102, trail=5)],
        # trigger 95, then 105; the limit was sent 2 above its price and stays 2 above the trigger
        fills=[IN_LONG, Fill(4, -10, 107, "trail_limit", "maker")], wallet=10_000 + 70),
    Row("trail-limit of a short: the limit keeps its distance to the trigger",
        [S, S, DOWN, (90, 96, 90, 96), (96, 96, 92, 92)],
        [sell(0, 10), buy(1, 10, "trail_limit", 100, plimit=98, trail=5)],
        # trigger 105, then 95; the limit stays 2 below it
        fills=[IN_SHORT, Fill(4, 10, 93, "trail_limit", "maker")], wallet=10_000 + 70),
    Row("trail nearer than the liquidation saves a long", [S, S, (100, 100, 85, 88)],
        [buy(0, 10), sell(1, 10, "trail", trail=9)],
        # 91 before 90.45
        fills=[IN_LONG, Fill(2, -10, 91, "trail")], wallet=10_000 - 90),
    Row("trail beyond the liquidation dies with the long", [S, S, (100, 100, 85, 88), S],
        [buy(0, 10), sell(1, 10, "trail", trail=12)], fills=[IN_LONG],
        liquidations=[lost_long(2)], wallet=10_000 - 100),
    Row("trail nearer than the liquidation saves a short", [S, S, (100, 115, 100, 112)],
        [sell(0, 10), buy(1, 10, "trail", trail=9)],
        # 109 before 109.45
        fills=[IN_SHORT, Fill(2, 10, 109, "trail")], wallet=10_000 - 90),
    Row("trail beyond the liquidation dies with the short", [S, S, (100, 115, 100, 112), S],
        [sell(0, 10), buy(1, 10, "trail", trail=12)], fills=[IN_SHORT],
        liquidations=[lost_short(2)], wallet=10_000 - 100),
    Row("open beyond trail and liquidation: liquidated", [S, S, still(89)],
        [buy(0, 10), sell(1, 10, "trail", trail=5)], fills=[IN_LONG],
        liquidations=[lost_long(2, gap=True)], wallet=10_000 - 100),
)
