"""Funding at a bar's close: on the position held then, before maintenance is checked.

Bars are of one minute and the settlement falls on the close of bar 2, unless a row says otherwise.
Binance takes it from the position's margin. At a rate of 0.1 % ten coins at a mark of 100 pay 1.
"""

from __future__ import annotations

from tests.account.orders import Cancel, Flatten, buy, sell
from tests.account.table import Fill, Loss, Paid, Row, lost_long, still

S = still()
AT = "2026-01-28T00:03"
ONE = ((AT, 0.001),)
BACK = ((AT, -0.001),)
NIGHT = "2026-01-30T00:00"  # the close of bar 1 of daily bars
DAILY = (("2026-01-29", 0.0), (NIGHT, 0.001))
IN_LONG, IN_SHORT = Fill(1, 10, 100, "market"), Fill(1, -10, 100, "market")
TWICE = ((AT, 0.001), ("2026-01-28T00:04", 0.002))
THREE = (("2026-01-28T08:00", 0.0), ("2026-01-28T16:00", 0.0), ("2026-01-29T00:00", 0.0),
         ("2026-01-29T08:00", 0.001), ("2026-01-29T16:00", 0.002), (NIGHT, 0.003))
PAID_THREE = (Paid("2026-01-29T08:00", -1), Paid("2026-01-29T16:00", -2), Paid(NIGHT, -3))

ROWS = (
    Row("funding: a long pays a positive rate", [S, S, S, S], [buy(0, 10)], stamps=ONE,
        fills=[IN_LONG], funding=[Paid(AT, -1)], wallet=9_999, held=10, posted=99),
    Row("funding: a short receives a positive rate", [S, S, S, S], [sell(0, 10)], stamps=ONE,
        fills=[IN_SHORT], funding=[Paid(AT, 1)], wallet=10_001, held=-10, posted=101),
    Row("funding: a long receives a negative rate", [S, S, S, S], [buy(0, 10)], stamps=BACK,
        fills=[IN_LONG], funding=[Paid(AT, 1)], wallet=10_001, held=10, posted=101),
    Row("funding: a short pays a negative rate", [S, S, S, S], [sell(0, 10)], stamps=BACK,
        fills=[IN_SHORT], funding=[Paid(AT, -1)], wallet=9_999, held=-10, posted=99),
    Row("funding: at the mark's close, not at last's", [S, S, (100, 105, 99, 104), still(104)],
        [buy(0, 10)], mark=[S, S, (100, 103, 99, 102), still(102)], stamps=ONE, fills=[IN_LONG],
        # 10 × 102 × 0.1 %
        funding=[Paid(AT, -1.02)], wallet=10_000 - 1.02, held=10, equity=10_000 - 1.02 + 20),
    Row("funding: two settlements, two bars", [S, S, S, S], [buy(0, 10)], stamps=TWICE,
        fills=[IN_LONG], funding=[Paid(AT, -1), Paid(TWICE[1][0], -2)], wallet=9_997, held=10),
    Row("funding: none while flat", [S, S, S, S], [buy(0, 10, "limit", 90)], stamps=ONE),
    # ------------------------------------------------------------------ who held at the stamp
    Row("funding: bought at the open of the bar that ends with the stamp", [S, S, S, S],
        [buy(1, 10)], stamps=ONE, fills=[Fill(2, 10, 100, "market")], funding=[Paid(AT, -1)],
        wallet=9_999, held=10),
    Row("funding: bought at the open of the next bar, at the stamp's instant: nothing",
        [S, S, S, S], [buy(2, 10)], stamps=ONE, fills=[Fill(3, 10, 100, "market")], held=10),
    Row("funding: sold short at the open of the next bar: nothing", [S, S, S, S], [sell(2, 10)],
        stamps=ONE, fills=[Fill(3, -10, 100, "market")], held=-10),
    Row("funding: closed at the open of the bar that ends with the stamp: nothing",
        [S, S, S, S], [buy(0, 10), Flatten(1)], stamps=ONE,
        fills=[IN_LONG, Fill(2, -10, 100, "market")]),
    Row("funding: closed at the open of the next bar: paid", [S, S, S, S],
        [buy(0, 10), Flatten(2)], stamps=ONE, fills=[IN_LONG, Fill(3, -10, 100, "market")],
        funding=[Paid(AT, -1)], wallet=9_999),
    Row("funding: a short closed at the open of the next bar: received", [S, S, S, S],
        [sell(0, 10), Flatten(2)], stamps=ONE, fills=[IN_SHORT, Fill(3, 10, 100, "market")],
        funding=[Paid(AT, 1)], wallet=10_001),
    Row("funding: a limit entry in the bar pays", [S, S, (100, 101, 94, 100), S],
        [buy(1, 10, "limit", 95)], stamps=ONE, fills=[Fill(2, 10, 95, "limit", "maker")],
        funding=[Paid(AT, -1)], wallet=9_999, held=10),
    Row("funding: a limit short in the bar receives", [S, S, (100, 106, 99, 100), S],
        [sell(1, 10, "limit", 105)], stamps=ONE, fills=[Fill(2, -10, 105, "limit", "maker")],
        funding=[Paid(AT, 1)], wallet=10_001, held=-10),
    Row("funding: a stop entry in the bar pays", [S, S, (100, 106, 99, 105), still(105)],
        [buy(1, 10, "stop", 104)], stamps=ONE, fills=[Fill(2, 10, 104, "stop")],
        # 10 × 105 × 0.1 %
        funding=[Paid(AT, -1.05)], wallet=10_000 - 1.05, held=10),
    Row("funding: a stop short in the bar receives", [S, S, (100, 101, 94, 95), still(95)],
        [sell(1, 10, "stop", 96)], stamps=ONE, fills=[Fill(2, -10, 96, "stop")],
        funding=[Paid(AT, 0.95)], wallet=10_000.95, held=-10),
    Row("funding: a stop-limit entry in the bar pays", [S, S, (100, 106, 99, 103), still(103)],
        [buy(1, 10, "stop_limit", 105, plimit=104)], stamps=ONE,
        fills=[Fill(2, 10, 104, "stop_limit", "maker")], funding=[Paid(AT, -1.03)],
        wallet=10_000 - 1.03, held=10),
    Row("funding: a bracket entered in the bar and held pays", [S, S, (100, 101, 99, 100), S],
        [buy(1, 10, stop=95, target=110)], stamps=ONE, fills=[Fill(2, 10, 100, "market")],
        funding=[Paid(AT, -1)], wallet=9_999, held=10),
    Row("funding: a bracket in and out in the bar pays nothing", [S, S, (100, 101, 94, 96), S],
        [buy(1, 10, stop=95, target=110)], stamps=ONE,
        fills=[Fill(2, 10, 100, "market"), Fill(2, -10, 95, "stop")], wallet=10_000 - 50),
    Row("funding: out by a limit in the bar: nothing", [S, S, (100, 106, 99, 104), S],
        [buy(0, 10), sell(1, 10, "limit", 105)], stamps=ONE,
        fills=[IN_LONG, Fill(2, -10, 105, "limit", "maker")], wallet=10_000 + 50),
    Row("funding: out by a stop in the bar: nothing", [S, S, (100, 101, 94, 96), S],
        [buy(0, 10), sell(1, 10, "stop", 95)], stamps=ONE,
        fills=[IN_LONG, Fill(2, -10, 95, "stop")], wallet=10_000 - 50),
    Row("funding: a short out by a stop-limit in the bar: nothing", [S, S, (100, 107, 100, 106), S],
        [sell(0, 10), buy(1, 10, "stop_limit", 105, plimit=106)], stamps=ONE,
        fills=[IN_SHORT, Fill(2, 10, 105, "stop_limit")], wallet=10_000 - 50),
    Row("funding: out by a trailing stop in the bar: nothing", [S, S, (100, 101, 94, 96), S],
        [buy(0, 10), sell(1, 10, "trail", trail=5)], stamps=ONE,
        fills=[IN_LONG, Fill(2, -10, 95, "trail")], wallet=10_000 - 50),
    Row("funding: out by one of two in the bar: nothing", [S, S, (100, 106, 99, 104), S],
        [buy(0, 10), sell(1, 10, "limit", 105, name="target"),
         sell(1, 10, "stop", 95, oco="target")], stamps=ONE,
        fills=[IN_LONG, Fill(2, -10, 105, "limit", "maker")], wallet=10_000 + 50),
    Row("funding: a cancelled exit leaves the position to pay", [S, S, (100, 106, 99, 100), S],
        [buy(0, 10), sell(0, 10, "limit", 105, name="target"), Cancel(1, "target")], stamps=ONE,
        fills=[IN_LONG], funding=[Paid(AT, -1)], wallet=9_999, held=10),
    Row("funding: on what a reduce-only exit left", [S, S, (100, 106, 99, 100), S],
        [buy(0, 10), sell(1, 4, "limit", 105, reduce_only=True)], stamps=ONE,
        fills=[IN_LONG, Fill(2, -4, 105, "limit", "maker")],
        # 6 × 100 × 0.1 %
        funding=[Paid(AT, -0.6)], wallet=10_000 + 20 - 0.6, held=6),
    Row("funding: on what a limit added", [S, S, (100, 101, 94, 100), S],
        [buy(0, 10), buy(1, 5, "limit", 95)], stamps=ONE,
        fills=[IN_LONG, Fill(2, 5, 95, "limit", "maker")], funding=[Paid(AT, -1.5)],
        wallet=10_000 - 1.5, held=15),
    Row("funding: on the short that a reversal opened", [S, S, S, S], [buy(0, 10), sell(1, 25)],
        stamps=ONE, fills=[IN_LONG, Fill(2, -25, 100, "market")], funding=[Paid(AT, 1.5)],
        wallet=10_001.5, held=-15),
    Row("funding: an entry at the close of the bar pays", [S, S], [buy(0, 10, "close")],
        step="1d", stamps=DAILY, interval_h=24, fills=[Fill(1, 10, 100, "close")],
        funding=[Paid(NIGHT, -1)], wallet=9_999, held=10),
    Row("funding: an exit at the close of the bar pays nothing", [S, (100, 104, 98, 103)],
        [buy(0, 10), sell(0, 10, "close")], step="1d", stamps=DAILY, interval_h=24,
        fills=[IN_LONG, Fill(1, -10, 103, "close")], wallet=10_000 + 30),
    # ------------------------------------------------------------------ several in one bar
    Row("funding: a day held pays its three settlements, long", [S, S], [buy(0, 10)], step="1d",
        stamps=THREE, fills=[IN_LONG], funding=PAID_THREE, wallet=10_000 - 6, held=10),
    Row("funding: a day held pays its three settlements, short", [S, S], [sell(0, 10)], step="1d",
        stamps=THREE, fills=[IN_SHORT], funding=[paid._replace(amount=-paid.amount)
                                                 for paid in PAID_THREE],
        wallet=10_000 + 6, held=-10),
    Row("funding: a day's entry before its first settlement pays all three",
        [S, (100, 104, 94, 101)], [buy(0, 10, "limit", 95)], step="1d", stamps=THREE, path="ohlc",
        # 5/6 of the first leg, so 5/18 of the day; the mark stands at 100
        mark=[S, S], fills=[Fill(1, 10, 95, "limit", "maker")], funding=PAID_THREE,
        wallet=10_000 - 6, held=10),
    Row("funding: a day's exit before its first settlement pays none",
        [S, (100, 104, 94, 101)], [buy(0, 10), sell(0, 10, "stop", 95)], step="1d", stamps=THREE,
        path="ohlc", mark=[S, S], fills=[IN_LONG, Fill(1, -10, 95, "stop")],
        wallet=10_000 - 50),
    # ------------------------------------------------------------------ liquidation near
    Row("funding: liquidated before it in the bar: nothing", [S, S, (100, 100, 85, 99), S],
        [buy(0, 10)], stamps=ONE, fills=[IN_LONG], liquidations=[lost_long(2)],
        wallet=10_000 - 100),
    Row("funding comes first, then the check: it liquidates a long",
        [S, S, (100, 100, 91, 91), S], [buy(0, 10)], stamps=[(AT, 0.01)], fills=[IN_LONG],
        # 9.10 of the margin are gone: level (1,000 − 90.9) / 9.95 = 91.37 > 91, bankrupt at 90.91
        funding=[Paid(AT, -9.1)],
        liquidations=[Loss(2, 90.91, 90.9, "funding", level=909.1 / 9.95)],
        wallet=10_000 - 9.1 - 90.9),
    Row("funding comes first, then the check: it liquidates a short",
        [S, S, (100, 109, 100, 109), S], [sell(0, 10)], stamps=[(AT, -0.01)], fills=[IN_SHORT],
        # 10.90 are gone: level (1,000 + 89.1) / 10.05 = 108.37 < 109, bankrupt at 108.91
        funding=[Paid(AT, -10.9)],
        liquidations=[Loss(2, 108.91, 89.1, "funding", level=1_089.1 / 10.05)],
        wallet=10_000 - 10.9 - 89.1),
    Row("funding paid brings the level of a long nearer", [S, S, S, (100, 100, 91, 95)],
        [buy(0, 10)], stamps=[(AT, 0.01)], fills=[IN_LONG], funding=[Paid(AT, -10)],
        # margin 90: level 910 / 9.95 = 91.46, bankrupt at 91; before it was 90.45
        liquidations=[Loss(3, 91, 90, "mark", level=910 / 9.95)], wallet=10_000 - 10 - 90),
    Row("funding received moves the level of a long away", [S, S, S, (100, 100, 90, 95)],
        [buy(0, 10)], stamps=[(AT, -0.01)], fills=[IN_LONG], funding=[Paid(AT, 10)],
        # margin 110: level 890 / 9.95 = 89.45
        wallet=10_010, held=10, posted=110),
    Row("funding paid brings the level of a short nearer", [S, S, S, (100, 109, 100, 105)],
        [sell(0, 10)], stamps=[(AT, -0.01)], fills=[IN_SHORT], funding=[Paid(AT, -10)],
        # margin 90: level 1,090 / 10.05 = 108.46, bankrupt at 109
        liquidations=[Loss(3, 109, 90, "mark", level=1_090 / 10.05)], wallet=10_000 - 10 - 90),
    Row("funding at Bybit is paid from the free balance: the level stays",
        [S, S, S, (100, 100, 91, 95)], [buy(0, 10)], venue="bybit", stamps=[(AT, 0.01)],
        fills=[IN_LONG], funding=[Paid(AT, -10)], wallet=9_990, held=10, posted=100),
    Row("funding at Bybit: dead at the level of the entry's maintenance",
        [S, S, S, (100, 100, 90.4, 95)], [buy(0, 10)], venue="bybit", stamps=[(AT, 0.01)],
        # 100 − (100 − 5) / 10 = 90.5
        fills=[IN_LONG], funding=[Paid(AT, -10)], liquidations=[Loss(3, 90, 100, level=90.5)],
        wallet=10_000 - 10 - 100),
    Row("funding in cross comes out of the wallet and moves the level",
        [S, S, S, (100, 100, 81, 95)], [buy(0, 50)], margin="cross", cash=1_000,
        stamps=[(AT, 0.01)], fills=[Fill(1, 50, 100, "market")], funding=[Paid(AT, -50)],
        # (5,000 − 950) / 49.75 = 81.41, bankrupt at 81; without it 80.40
        liquidations=[Loss(3, 81, 950, level=4_050 / 49.75)], wallet=0),
    Row("a stop after the funding is a stop of a poorer position", [S, S, S, (100, 100, 91, 95)],
        [buy(0, 10), sell(2, 10, "stop", 92)], stamps=[(AT, 0.01)],
        fills=[IN_LONG, Fill(3, -10, 92, "stop")], funding=[Paid(AT, -10)],
        wallet=10_000 - 10 - 80),
    Row("a stop between the old level and the new one comes too late after the funding",
        [S, S, S, (100, 100, 90.6, 95)], [buy(0, 10), sell(2, 10, "stop", 91)],
        stamps=[(AT, 0.01)], fills=[IN_LONG], funding=[Paid(AT, -10)],
        # 91.46 before 91
        liquidations=[Loss(3, 91, 90, level=910 / 9.95)], wallet=10_000 - 10 - 90),
)
