"""What the account accepts: margin for orders, the leverage limit, reduce-only."""

from __future__ import annotations

from typing import Any

from tests.account.orders import Cancel, Flatten, buy, sell
from tests.account.table import USUAL, Fill, Refusal, Row, lost_long, lost_short, still

S = still()
IN_LONG, IN_SHORT = Fill(1, 10, 100, "market"), Fill(1, -10, 100, "market")
NARROW = ((0, 50_000, 0.005, 200), (50_000, None, 0.01, 5))
POOR: dict[str, Any] = {"margin": "cross", "cash": 1_000}

ROWS = (
    Row("margin: a buy beyond it is refused", [S, S], [buy(0, 1_001)],
        # 1,001 × 100 / 10 = 10,010
        refusals=[Refusal(0, "margin")]),
    Row("margin: a sell beyond it is refused", [S, S], [sell(0, 1_001)],
        refusals=[Refusal(0, "margin")]),
    Row("margin: all of it may be used", [S, S], [buy(0, 1_000)],
        fills=[Fill(1, 1_000, 100, "market")], held=1_000, posted=10_000),
    Row("margin: the opening fee counts, refused", [S, S], [buy(0, 996)], fees=USUAL,
        # 9,960 + 49.80 > 10,000
        refusals=[Refusal(0, "margin")]),
    Row("margin: the opening fee counts, accepted", [S, S], [buy(0, 995)], fees=USUAL,
        # 9,950 + 49.75 ≤ 10,000
        fills=[Fill(1, 995, 100, "market")], fee=49.75, wallet=10_000 - 49.75, held=995,
        posted=9_950),
    Row("margin: a ladder of limits beyond it is refused when it is sent",
        [S, (100, 100, 93, 93)], [buy(0, 600, "limit", 95), buy(0, 600, "limit", 94)],
        # 5,700 + 5,640 > 10,000
        fills=[Fill(1, 600, 95, "limit", "maker")], refusals=[Refusal(0, "margin")], held=600),
    Row("margin: of two sides only the larger is reserved", [S, (100, 100, 93, 93)],
        [buy(0, 600, "limit", 95), sell(0, 600, "limit", 105), buy(0, 300, "limit", 94)],
        # buys 5,700 + 2,820 = 8,520, sells 6,300: 8,520 in all
        fills=[Fill(1, 600, 95, "limit", "maker"), Fill(1, 300, 94, "limit", "maker")], held=900,
        posted=8_520),
    Row("margin: a resting limit leaves less for a market order", [S, S],
        [buy(0, 600, "limit", 95), buy(0, 600)],
        # 5,700 + 6,000
        refusals=[Refusal(0, "margin")]),
    Row("margin: a cancelled limit gives back what it reserved", [S, S, S, S],
        [buy(0, 1_000, "limit", 95, name="rest"), Cancel(1, "rest"), buy(2, 900)],
        fills=[Fill(3, 900, 100, "market")], held=900),
    Row("margin: a stop is judged when it triggers", [S, S, (100, 106, 100, 106)],
        [buy(0, 2_000, "stop", 105)], refusals=[Refusal(2, "margin")]),
    Row("margin: a stop that never triggers is never judged", [S, S, (100, 104, 100, 104)],
        [buy(0, 2_000, "stop", 105)]),
    Row("margin: a stop-limit is judged when it triggers", [S, S, (100, 106, 100, 106)],
        [buy(0, 2_000, "stop_limit", 105, plimit=107)], refusals=[Refusal(2, "margin")]),
    Row("margin: the open gapped beyond what can be paid", [S, still(101)], [buy(0, 1_000)],
        # accepted at 100, but 10,100 are needed at 101
        refusals=[Refusal(1, "margin")]),
    Row("margin: what a close frees can be used again", [S, S, S, S],
        [buy(0, 1_000), Flatten(1), buy(2, 1_000)],
        fills=[Fill(1, 1_000, 100, "market"), Fill(2, -1_000, 100, "market"),
               Fill(3, 1_000, 100, "market")], held=1_000),
    Row("margin: profit of an isolated position pays for nothing",
        [S, S, (100, 200, 100, 200), still(200)], [buy(0, 50), buy(2, 30)], cash=1_000,
        # 500 are free, 30 × 200 / 10 = 600 are needed
        fills=[Fill(1, 50, 100, "market")], refusals=[Refusal(2, "margin")], wallet=1_000,
        held=50, equity=1_000 + 5_000),
    Row("margin: profit of a cross position does", [S, S, (100, 200, 100, 200), still(200)],
        [buy(0, 50), buy(2, 30)], **POOR,
        # 1,000 + 5,000 less 50 × 200 / 10 at mark: 5,000 against 600
        fills=[Fill(1, 50, 100, "market"), Fill(3, 30, 200, "market")], wallet=1_000, held=80,
        equity=1_000 + 5_000),
    Row("margin: a loss of a cross position is not there to be used",
        [S, S, (100, 100, 92, 92), still(92)], [buy(0, 50), buy(2, 20)], **POOR,
        # 1,000 − 400 − 460 = 140 against 184
        fills=[Fill(1, 50, 100, "market")], refusals=[Refusal(2, "margin")], wallet=1_000,
        held=50, equity=600),
    Row("margin: a close needs none", [S, S, (100, 100, 92, 92), still(92)],
        [buy(0, 99), Flatten(2)], **POOR,
        # 1,000 − 792 − 910.8 is below zero
        fills=[Fill(1, 99, 100, "market"), Fill(3, -99, 92, "market")], wallet=1_000 - 99 * 8),
    Row("margin: the venue's limit is on the resulting notional", [S, S, S],
        [buy(0, 300), buy(1, 300)], ladder=NARROW,
        # 60,000 allow 5x
        fills=[Fill(1, 300, 100, "market")], refusals=[Refusal(1, "leverage")], held=300),
    Row("margin: the venue's limit is no bar to the other side", [S, S, S],
        [buy(0, 300), sell(1, 600)], ladder=NARROW,
        # −300 coins result
        fills=[Fill(1, 300, 100, "market"), Fill(2, -600, 100, "market")], held=-300),
    # ------------------------------------------------------------------ reduce-only
    Row("reduce-only: nothing to reduce, sell", [S, S, S], [sell(0, 10, reduce_only=True)],
        refusals=None),
    Row("reduce-only: nothing to reduce, buy", [S, S, S], [buy(0, 10, reduce_only=True)],
        refusals=None),
    Row("reduce-only: would add to a long", [S, S, S, S], [buy(0, 10), buy(1, 5, reduce_only=True)],
        fills=[IN_LONG], refusals=None, held=10),
    Row("reduce-only: a larger one closes a long and opens nothing", [S, S, still(104), S],
        [buy(0, 10), sell(1, 25, reduce_only=True)],
        fills=[IN_LONG, Fill(2, -10, 104, "market")], refusals=None, wallet=10_000 + 40),
    Row("reduce-only: a larger one closes a short and opens nothing", [S, S, still(96), S],
        [sell(0, 10), buy(1, 25, reduce_only=True)],
        fills=[IN_SHORT, Fill(2, 10, 96, "market")], refusals=None, wallet=10_000 + 40),
    Row("reduce-only stop sent with the entry acts in the bar of entry", [S, (100, 101, 94, 96)],
        [buy(0, 10), sell(0, 10, "stop", 95, reduce_only=True)],
        fills=[IN_LONG, Fill(1, -10, 95, "stop")], wallet=10_000 - 50),
    Row("reduce-only stop gapped through: the open", [S, S, (93, 94, 92, 93)],
        [buy(0, 10), sell(1, 10, "stop", 95, reduce_only=True)],
        fills=[IN_LONG, Fill(2, -10, 93, "stop")], wallet=10_000 - 70),
    Row("reduce-only limit of a short gapped through: the open", [S, S, (92, 93, 91, 92)],
        [sell(0, 10), buy(1, 10, "limit", 95, reduce_only=True)],
        fills=[IN_SHORT, Fill(2, 10, 92, "limit")], wallet=10_000 + 80),
    Row("reduce-only: of two stops the second finds nothing", [S, S, (100, 100, 94, 94)],
        [buy(0, 10), sell(1, 10, "stop", 96, reduce_only=True),
         sell(1, 10, "stop", 95, reduce_only=True)],
        fills=[IN_LONG, Fill(2, -10, 96, "stop")], refusals=None, wallet=10_000 - 40),
    Row("reduce-only: of two stops the second takes what is left, short",
        [S, S, (100, 107, 100, 106)],
        [sell(0, 10), buy(1, 6, "stop", 104, reduce_only=True),
         buy(1, 10, "stop", 106, reduce_only=True)],
        fills=[IN_SHORT, Fill(2, 6, 104, "stop"), Fill(2, 4, 106, "stop")], refusals=None,
        wallet=10_000 - 6 * 4 - 4 * 6),
    Row("reduce-only: closed by hand before, its price opens nothing",
        [S, S, S, (100, 100, 94, 94), still(94)],
        [buy(0, 10), sell(0, 10, "stop", 95, reduce_only=True), Flatten(1)],
        fills=[IN_LONG, Fill(2, -10, 100, "market")], refusals=None),
    Row("reduce-only reserves nothing", [S, S, S, (100, 101, 100, 101)],
        [buy(0, 990), sell(1, 2_980, "limit", 100.5, reduce_only=True)],
        # 100 are free
        fills=[Fill(1, 990, 100, "market"), Fill(3, -990, 100.5, "limit", "maker")],
        refusals=None, wallet=10_000 + 495),
    Row("without reduce-only what would open has to be paid", [S, S, S, (100, 101, 100, 101)],
        [buy(0, 990), sell(1, 2_980, "limit", 100.5)],
        # 1,990 × 100.5 / 10 = 19,999.50, more than all there would be after the close at 100.5
        fills=[Fill(1, 990, 100, "market")], refusals=[Refusal(1, "margin")], held=990),
    Row("reduce-only stop above the liquidation saves a long", [S, S, (100, 100, 85, 88)],
        [buy(0, 10), sell(1, 10, "stop", 91, reduce_only=True)],
        fills=[IN_LONG, Fill(2, -10, 91, "stop")], wallet=10_000 - 90),
    Row("reduce-only stop below the liquidation dies with the long",
        [S, S, (100, 100, 85, 88), still(80)],
        [buy(0, 10), sell(1, 10, "stop", 90.2, reduce_only=True)], fills=[IN_LONG],
        liquidations=[lost_long(2)], wallet=10_000 - 100),
    Row("reduce-only stop above the liquidation dies with the short",
        [S, S, (100, 115, 100, 112), still(120)],
        [sell(0, 10), buy(1, 10, "stop", 109.8, reduce_only=True)], fills=[IN_SHORT],
        liquidations=[lost_short(2)], wallet=10_000 - 100),
)
