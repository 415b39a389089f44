"""Liquidation on mark: at its level, through gaps, in every bracket, isolated and cross."""

from __future__ import annotations

from tests.account.orders import Flatten, buy, sell
from tests.account.table import BTC, USUAL, Fill, Loss, Refusal, Row, lost_long, lost_short, still

S = still()
IN_LONG, IN_SHORT = Fill(1, 10, 100, "market"), Fill(1, -10, 100, "market")
STEEP = ((0, None, 0.0625, 10),)  # level of a 10x long from 100: 90 / 0.9375 = 96
HALF = ((0, None, 0.25, 2),)  # level of a 2x short from 100: 150 / 1.25 = 120
# maintenance above 50,000: 1 % less 50,000 × (1 % − 0.5 %) = 250
TWO = ((0, 50_000, 0.005, 200), (50_000, None, 0.01, 50))

ROWS = (
    Row("liquidated long: the margin, all of it", [S, S, (100, 100, 85, 99), S], [buy(0, 10)],
        fills=[IN_LONG], liquidations=[Loss(2, 90, 100, "mark", level=90 / 0.995)],
        wallet=10_000 - 100, posted=0),
    Row("liquidated short: the margin, all of it", [S, S, (100, 115, 100, 101), S], [sell(0, 10)],
        fills=[IN_SHORT], liquidations=[Loss(2, 110, 100, "mark", level=110 / 1.005)],
        wallet=10_000 - 100, posted=0),
    Row("liquidated long in the bar of entry", [S, (100, 100, 85, 99), S], [buy(0, 10)],
        fills=[IN_LONG], liquidations=[lost_long(1)], wallet=10_000 - 100),
    Row("liquidated short in the bar of entry", [S, (100, 115, 100, 101), S], [sell(0, 10)],
        fills=[IN_SHORT], liquidations=[lost_short(1)], wallet=10_000 - 100),
    Row("a low just short of the level: alive", [S, S, (100, 100, 90.46, 99)], [buy(0, 10)],
        # 90 / 0.995 = 90.452
        fills=[IN_LONG], held=10, equity=10_000 - 10),
    Row("a high just short of the level: alive", [S, S, (100, 109.45, 100, 101)], [sell(0, 10)],
        # 110 / 1.005 = 109.453
        fills=[IN_SHORT], held=-10, equity=10_000 - 10),
    Row("a low on the level of a long: liquidated", [S, S, (100, 100, 96, 99)], [buy(0, 10)],
        ladder=STEEP, fills=[IN_LONG], liquidations=[lost_long(2, level=96)], wallet=10_000 - 100),
    Row("a high on the level of a short: liquidated", [S, S, (100, 120, 100, 101)], [sell(0, 10)],
        ladder=HALF, leverage=2, fills=[IN_SHORT], liquidations=[Loss(2, 150, 500, level=120)],
        wallet=10_000 - 500),
    Row("gap between level and bankruptcy, long", [S, S, still(90.2), S], [buy(0, 10)],
        fills=[IN_LONG], liquidations=[lost_long(2, gap=True)], wallet=10_000 - 100),
    Row("gap beyond bankruptcy, long: no more than the margin", [S, S, still(70), S], [buy(0, 10)],
        fills=[IN_LONG], liquidations=[lost_long(2, gap=True)], wallet=10_000 - 100),
    Row("gap beyond bankruptcy, short: no more than the margin", [S, S, still(140), S],
        [sell(0, 10)], fills=[IN_SHORT], liquidations=[lost_short(2, gap=True)],
        wallet=10_000 - 100),
    Row("a long opened below its level by no one: the entry is the open", [S, still(85), still(85)],
        [buy(0, 10)],
        # bought at 85 its level is 76.5 / 0.995
        fills=[Fill(1, 10, 85, "market")], held=10, posted=85),
    Row("mark decides: last crosses the level of a long, mark does not",
        [S, S, (100, 100, 80, 99), S], [buy(0, 10)], mark=[S, S, (100, 100, 91, 99), S],
        fills=[IN_LONG], held=10),
    Row("mark decides: mark crosses the level of a long, last does not",
        [S, S, (100, 100, 91, 99), S], [buy(0, 10)], mark=[S, S, (100, 100, 80, 99), S],
        fills=[IN_LONG], liquidations=[lost_long(2)], wallet=10_000 - 100),
    Row("mark decides: last crosses the level of a short, mark does not",
        [S, S, (100, 120, 100, 101), S], [sell(0, 10)], mark=[S, S, (100, 109, 100, 101), S],
        fills=[IN_SHORT], held=-10),
    Row("mark decides: a gap of mark alone", [S, S, still(99), S], [buy(0, 10)],
        mark=[S, S, still(89), S], fills=[IN_LONG], liquidations=[lost_long(2, gap=True)],
        wallet=10_000 - 100),
    Row("a queued close() dies with the long", [S, S, still(85), S], [buy(0, 10), Flatten(1)],
        fills=[IN_LONG], liquidations=[lost_long(2, gap=True)], wallet=10_000 - 100),
    Row("a queued close() dies with the short", [S, S, still(115), S], [sell(0, 10), Flatten(1)],
        fills=[IN_SHORT], liquidations=[lost_short(2, gap=True)], wallet=10_000 - 100),
    Row("a queued reversal dies with the long", [S, S, still(85), S], [buy(0, 10), sell(1, 25)],
        fills=[IN_LONG], liquidations=[lost_long(2, gap=True)], wallet=10_000 - 100),
    Row("a close() before the level comes is a close", [S, S, (95, 95, 85, 85)],
        [buy(0, 10), Flatten(1)], fills=[IN_LONG, Fill(2, -10, 95, "market")],
        wallet=10_000 - 50),
    Row("an order at the close dies with the long", [S, S, (100, 100, 85, 99), S],
        [buy(0, 10), sell(1, 10, "close")], step="1d", fills=[IN_LONG],
        liquidations=[lost_long(2)], wallet=10_000 - 100),
    Row("liquidated with fees: the opening fee, then the margin; none for the takeover",
        [S, S, (100, 100, 85, 99), S], [buy(0, 10)], fees=USUAL, fills=[IN_LONG],
        liquidations=[lost_long(2)], fee=0.50, wallet=10_000 - 0.50 - 100),
    Row("trading goes on with what is left", [S, S, (100, 100, 85, 85), still(85)],
        [buy(0, 10), buy(2, 10)], fills=[IN_LONG, Fill(3, 10, 85, "market")],
        liquidations=[lost_long(2)], wallet=10_000 - 100, held=10, posted=85),
    Row("averaged down: one level for both", [S, S, still(96), (96, 96, 88, 88)],
        [buy(0, 10), buy(1, 10)], fills=[IN_LONG, Fill(2, 10, 96, "market")],
        # entry 98, margin 196, level 88.2 / 0.995 = 88.64
        liquidations=[Loss(3, 88.2, 196, level=88.2 / 0.995)], wallet=10_000 - 196),
    Row("averaged down: the first level no longer holds", [S, S, still(96), (96, 96, 89, 89)],
        [buy(0, 10), buy(1, 10)], fills=[IN_LONG, Fill(2, 10, 96, "market")],
        held=20, posted=196, equity=10_000 - 20 * 9),
    Row("half closed: the rest keeps its level and half of the margin",
        [S, S, still(102), (102, 102, 90, 95)], [buy(0, 10), sell(1, 5)],
        fills=[IN_LONG, Fill(2, -5, 102, "market")],
        liquidations=[Loss(3, 90, 50, level=90 / 0.995)],
        wallet=10_000 + 10 - 50),
    Row("20x: half of the distance", [S, S, (100, 100, 95, 99), S], [buy(0, 10)], leverage=20,
        # margin 50, level 95 / 0.995 = 95.48
        fills=[IN_LONG], liquidations=[Loss(2, 95, 50, level=95 / 0.995)], wallet=10_000 - 50),
    Row("1x long: no level however deep", [S, S, (100, 100, 1, 1)], [buy(0, 10)], leverage=1,
        fills=[IN_LONG], held=10, posted=1_000, equity=10_000 - 990),
    Row("1x short: a level below twice the entry", [S, S, (100, 199.5, 100, 101), S],
        [sell(0, 10)], leverage=1,
        # (1,000 + 1,000) / (10 × 1.005) = 199.005
        fills=[IN_SHORT], liquidations=[Loss(2, 200, 1_000, level=200 / 1.005)],
        wallet=10_000 - 1_000),
    # ------------------------------------------------------------------ brackets
    Row("the bracket is that of the notional: upper bracket, long",
        [S, S, (100, 100, 90.47, 95), S], [buy(0, 600)], ladder=TWO,
        # (60,000 − 6,000 − 250) / (600 × 0.99) = 90.488, worth 54,293; 0.5 % would say 90.452
        fills=[Fill(1, 600, 100, "market")], liquidations=[Loss(2, 90, 6_000, level=53_750 / 594)],
        wallet=10_000 - 6_000),
    Row("the bracket's amount counts", [S, S, (100, 100, 90.6, 95), S], [buy(0, 600)], ladder=TWO,
        # 1 % without the 250 would say 54,000 / 594 = 90.909
        fills=[Fill(1, 600, 100, "market")], held=600, posted=6_000),
    Row("the bracket is that of the notional at liquidation, short",
        [S, S, (100, 109.45, 100, 105), S], [sell(0, 460)], ladder=TWO,
        # 46,000 at entry; (46,000 + 4,600 + 250) / (460 × 1.01) = 109.449, worth 50,347 > 50,000;
        # the bracket of the entry would say 50,600 / (460 × 1.005) = 109.453
        fills=[Fill(1, -460, 100, "market")],
        liquidations=[Loss(2, 110, 4_600, level=50_850 / 464.6)],
        wallet=10_000 - 4_600),
    # ------------------------------------------------------------------ cross
    Row("cross long: the whole wallet stands behind it", [S, S, (100, 100, 81, 90)], [buy(0, 50)],
        margin="cross", cash=1_000,
        # level (5,000 − 1,000) / (50 × 0.995) = 80.40
        fills=[Fill(1, 50, 100, "market")], wallet=1_000, held=50, equity=1_000 - 500),
    Row("cross long liquidated: the wallet, to zero", [S, S, (100, 100, 79, 90), S], [buy(0, 50)],
        margin="cross", cash=1_000, fills=[Fill(1, 50, 100, "market")],
        liquidations=[Loss(2, 80, 1_000, level=4_000 / 49.75)], wallet=0, equity=0),
    Row("cross short liquidated: the wallet, to zero", [S, S, (100, 121, 100, 110), S],
        [sell(0, 50)], margin="cross", cash=1_000, fills=[Fill(1, -50, 100, "market")],
        # level (5,000 + 1,000) / (50 × 1.005) = 119.40
        liquidations=[Loss(2, 120, 1_000, level=6_000 / 50.25)], wallet=0, equity=0),
    Row("cross long, gap through zero: stops at zero", [S, S, still(70), S], [buy(0, 50)],
        margin="cross", cash=1_000, fills=[Fill(1, 50, 100, "market")],
        liquidations=[Loss(2, 80, 1_000, gap=True, level=4_000 / 49.75)], wallet=0, equity=0),
    Row("cross short, gap through zero: stops at zero", [S, S, still(150), S], [sell(0, 50)],
        margin="cross", cash=1_000, fills=[Fill(1, -50, 100, "market")],
        liquidations=[Loss(2, 120, 1_000, gap=True, level=6_000 / 50.25)], wallet=0, equity=0),
    Row("cross liquidated in the bar of entry", [S, (100, 100, 79, 90), S], [buy(0, 50)],
        margin="cross", cash=1_000, fills=[Fill(1, 50, 100, "market")],
        liquidations=[Loss(1, 80, 1_000, level=4_000 / 49.75)], wallet=0),
    Row("cross: a stop before the level leaves something", [S, S, (100, 100, 79, 90)],
        [buy(0, 50), sell(1, 50, "stop", 82)], margin="cross", cash=1_000,
        fills=[Fill(1, 50, 100, "market"), Fill(2, -50, 82, "stop")], wallet=1_000 - 50 * 18),
    Row("cross: an account at zero opens nothing", [S, S, (100, 100, 79, 90), still(90)],
        [buy(0, 50), buy(2, 1)], margin="cross", cash=1_000, fills=[Fill(1, 50, 100, "market")],
        liquidations=[Loss(2, 80, 1_000, level=4_000 / 49.75)], refusals=[Refusal(2, "margin")],
        wallet=0),
    Row("cross: a liquidation takes the position that stood still too",
        [S, S, (100, 100, 79, 90), S], [buy(0, 50), buy(0, 10, feed=1)], other=[S, S, S, S],
        margin="cross", cash=1_000,
        fills=[Fill(1, 50, 100, "market"), Fill(1, 10, 100, "market", symbol=BTC)],
        # 1,000 − 50 (100 − x) = 0.5 % of (50 x + 1,000) at x = 4,005 / 49.75; then both marks lie
        # 0.5 % against the account: 80.1 and 99.5, where 995 and 5 are lost
        liquidations=[Loss(2, 80.1, 995), Loss(2, 99.5, 5, symbol=BTC)], wallet=0),
    Row("isolated: the other instrument's position lives on", [S, S, (100, 100, 79, 90), S],
        [buy(0, 50), buy(0, 10, feed=1)], other=[S, S, S, S],
        fills=[Fill(1, 50, 100, "market"), Fill(1, 10, 100, "market", symbol=BTC)],
        liquidations=[Loss(2, 90, 500)], wallet=10_000 - 500, equity=10_000 - 500),
    Row("isolated: two that fall together die each of its own margin",
        [S, S, (100, 100, 90, 95), S], [buy(0, 50), buy(0, 20, feed=1)],
        other=[S, S, (100, 100, 85, 90), S],
        fills=[Fill(1, 50, 100, "market"), Fill(1, 20, 100, "market", symbol=BTC)],
        # side by side the one that falls to 85 meets its level of 90.45 first
        liquidations=[Loss(2, 90, 200, symbol=BTC), Loss(2, 90, 500)], wallet=10_000 - 700),
)
