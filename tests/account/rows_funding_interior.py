"""Settlements inside a long bar: on the position held at that share of the bar on its path.

Bars are days and settle at 08:00, 16:00 and midnight: at one third, two thirds and the end. Leg k
of the path lasts a third, so the two inner settlements fall on its corners. A level at share x of
leg k has the time (k − 1 + x) / 3. The path is ohlc unless a row says otherwise: 100, 94, 104, 101
in RISING, 100, 106, 96, 99 in FALLING. Where the mark stands still at 100, a rate of 0.1 % costs
ten coins 1; where it moves its rows are of 8 h, so that the price at each stamp is a close of them.
"""

from __future__ import annotations

from typing import Any

from tests.account.orders import buy, sell
from tests.account.table import Bar, Fill, Loss, Paid, Row, still

S = still()
RISING, FALLING = (100, 104, 94, 101), (100, 106, 96, 99)
MORNING, AFTERNOON, NIGHT = "2026-01-29T08:00", "2026-01-29T16:00", "2026-01-30T00:00"
DAY_BEFORE = (("2026-01-28T08:00", 0.0), ("2026-01-28T16:00", 0.0), ("2026-01-29T00:00", 0.0))
EVEN = (*DAY_BEFORE, (MORNING, 0.001), (AFTERNOON, 0.001), (NIGHT, 0.001))
HIGH = (*DAY_BEFORE, (MORNING, 0.01), (AFTERNOON, 0.0), (NIGHT, 0.0))
HOURLY = tuple((f"2026-01-28T{hour:02}:00", 0.0 if hour < 5 else 0.001) for hour in range(1, 9))
IN_LONG, IN_SHORT = Fill(1, 10, 100, "market"), Fill(1, -10, 100, "market")


def _eight_hours(*day: Bar) -> list[Bar]:
    """Mark rows of 8 h: a still day, then the three of the day that matters."""
    return [S, S, S, *day]


def _day(name: str, **values: Any) -> Row:
    """A row of two days, the second of which matters; its mark stands still unless given."""
    values = {"step": "1d", "path": "ohlc", "stamps": EVEN, "mark": [S, S]} | values
    return Row(f"interior funding: {name}", **values)


ROWS = (
    # ------------------------------------------------------------------ left inside the bar
    _day("a long sold on the second leg pays the first of three", bars=[S, RISING],
         orders=[buy(0, 10), sell(0, 10, "limit", 103)],
         # 103 on the way from 94 to 104: (1 + 0.9) / 3 = 0.63
         fills=[IN_LONG, Fill(1, -10, 103, "limit", "maker")], funding=[Paid(MORNING, -1)],
         wallet=10_000 + 30 - 1),
    _day("a short bought back on the second leg receives the first of three", bars=[S, FALLING],
         orders=[sell(0, 10), buy(0, 10, "limit", 97)],
         # 97 on the way from 106 to 96: (1 + 0.9) / 3 = 0.63
         fills=[IN_SHORT, Fill(1, 10, 97, "limit", "maker")], funding=[Paid(MORNING, 1)],
         wallet=10_000 + 30 + 1),
    _day("a short stopped on the second leg receives the first of three", bars=[S, RISING],
         orders=[sell(0, 10), buy(0, 10, "stop", 103)],
         fills=[IN_SHORT, Fill(1, 10, 103, "stop")], funding=[Paid(MORNING, 1)],
         wallet=10_000 - 30 + 1),
    _day("a long stopped on the second leg pays the first of three", bars=[S, FALLING],
         orders=[buy(0, 10), sell(0, 10, "stop", 97)],
         fills=[IN_LONG, Fill(1, -10, 97, "stop")], funding=[Paid(MORNING, -1)],
         wallet=10_000 - 30 - 1),
    _day("a bracket's target on the second leg", bars=[S, RISING],
         orders=[buy(0, 10, stop=90, target=103)],
         fills=[IN_LONG, Fill(1, -10, 103, "limit", "maker")], funding=[Paid(MORNING, -1)],
         wallet=10_000 + 30 - 1),
    _day("out at the close of the day pays the two before it", bars=[S, RISING],
         orders=[buy(0, 10), sell(0, 10, "close")],
         fills=[IN_LONG, Fill(1, -10, 101, "close")],
         funding=[Paid(MORNING, -1), Paid(AFTERNOON, -1)], wallet=10_000 + 10 - 2),
    # ------------------------------------------------------------------ entered inside the bar
    _day("a stop bought on the second leg pays the last two", bars=[S, RISING],
         orders=[buy(0, 10, "stop", 103)], fills=[Fill(1, 10, 103, "stop")],
         funding=[Paid(AFTERNOON, -1), Paid(NIGHT, -1)], wallet=10_000 - 2, held=10),
    _day("a stop sold on the second leg receives the last two", bars=[S, FALLING],
         orders=[sell(0, 10, "stop", 97)], fills=[Fill(1, -10, 97, "stop")],
         funding=[Paid(AFTERNOON, 1), Paid(NIGHT, 1)], wallet=10_000 + 2, held=-10),
    _day("a limit sold on the second leg receives the last two", bars=[S, RISING],
         orders=[sell(0, 10, "limit", 103)], fills=[Fill(1, -10, 103, "limit", "maker")],
         funding=[Paid(AFTERNOON, 1), Paid(NIGHT, 1)], wallet=10_000 + 2, held=-10),
    _day("a limit bought on the second leg pays the last two", bars=[S, FALLING],
         orders=[buy(0, 10, "limit", 97)], fills=[Fill(1, 10, 97, "limit", "maker")],
         funding=[Paid(AFTERNOON, -1), Paid(NIGHT, -1)], wallet=10_000 - 2, held=10),
    _day("a stop-limit filled on the third leg pays the last one", bars=[S, RISING],
         # triggered at 103 on the second leg, 102 on the way from 104 to 101: (2 + 2/3) / 3 = 0.89
         orders=[buy(0, 10, "stop_limit", 103, plimit=102)],
         fills=[Fill(1, 10, 102, "stop_limit", "maker")], funding=[Paid(NIGHT, -1)],
         wallet=10_000 - 1, held=10),
    _day("an entry at the close of the day pays the last one", bars=[S, RISING],
         orders=[buy(0, 10, "close")], fills=[Fill(1, 10, 101, "close")],
         funding=[Paid(NIGHT, -1)], wallet=10_000 - 1, held=10),
    # ------------------------------------------------------------------ in and out inside the bar
    _day("long from the second leg to the third pays the middle one", bars=[S, RISING],
         orders=[buy(0, 10, "stop", 103, stop=102, target=120)],
         fills=[Fill(1, 10, 103, "stop"), Fill(1, -10, 102, "stop")],
         funding=[Paid(AFTERNOON, -1)], wallet=10_000 - 10 - 1),
    _day("short from the second leg to the third receives the middle one", bars=[S, FALLING],
         orders=[sell(0, 10, "stop", 97, stop=98, target=80)],
         # 97 at (1 + 0.9) / 3, 98 on the way from 96 to 99 at (2 + 2/3) / 3
         fills=[Fill(1, -10, 97, "stop"), Fill(1, 10, 98, "stop")],
         funding=[Paid(AFTERNOON, 1)], wallet=10_000 - 10 + 1),
    _day("long from the first leg to the second pays the first one", bars=[S, RISING],
         orders=[buy(0, 10, "limit", 95, stop=80, target=103)],
         fills=[Fill(1, 10, 95, "limit", "maker"), Fill(1, -10, 103, "limit", "maker")],
         funding=[Paid(MORNING, -1)], wallet=10_000 + 80 - 1),
    # ------------------------------------------------------------------ changed inside the bar
    _day("a reversal on the second leg: the long pays, then the short receives", bars=[S, RISING],
         orders=[buy(0, 10), sell(0, 25, "limit", 103)],
         fills=[IN_LONG, Fill(1, -25, 103, "limit", "maker")],
         funding=[Paid(MORNING, -1), Paid(AFTERNOON, 1.5), Paid(NIGHT, 1.5)],
         wallet=10_000 + 30 - 1 + 3, held=-15),
    _day("a part sold on the second leg", bars=[S, RISING],
         orders=[buy(0, 10), sell(0, 4, "limit", 103, reduce_only=True)],
         fills=[IN_LONG, Fill(1, -4, 103, "limit", "maker")],
         funding=[Paid(MORNING, -1), Paid(AFTERNOON, -0.6), Paid(NIGHT, -0.6)],
         wallet=10_000 + 12 - 2.2, held=6),
    _day("a part added on the second leg", bars=[S, RISING],
         orders=[buy(0, 10), buy(0, 5, "stop", 103)], fills=[IN_LONG, Fill(1, 5, 103, "stop")],
         funding=[Paid(MORNING, -1), Paid(AFTERNOON, -1.5), Paid(NIGHT, -1.5)],
         wallet=10_000 - 4, held=15),
    # ------------------------------------------------------------------ other clocks
    _day("hourly settlements in a bar of four hours", bars=[S, RISING], step="4h", interval_h=1,
         stamps=HOURLY, orders=[buy(0, 10, "stop", 103)], fills=[Fill(1, 10, 103, "stop")],
         # in at 0.63 of 04:00 to 08:00: before 07:00 (0.75), after 06:00 (0.5)
         funding=[Paid("2026-01-28T07:00", -1), Paid("2026-01-28T08:00", -1)],
         wallet=10_000 - 2, held=10),
    _day("the worse path is found with its funding", bars=[S, (100, 106, 94, 100)],
         path="adverse", orders=[buy(0, 10), sell(0, 10, "limit", 105)],
         # 105 at (5/6) / 3 with the high first, at (1 + 11/12) / 3 with the low first: the same
         # profit, but one settlement more
         fills=[IN_LONG, Fill(1, -10, 105, "limit", "maker")], funding=[Paid(MORNING, -1)],
         wallet=10_000 + 50 - 1),
    # ------------------------------------------------------------------ liquidation near
    _day("liquidated on the second leg, after the first settlement", bars=[S, (100, 102, 85, 95)],
         mark=_eight_hours((100, 102, 100, 100), (100, 100, 85, 92), (92, 95, 92, 95)),
         mark_step="8h", orders=[buy(0, 10)], fills=[IN_LONG],
         # margin 99: level (1,000 − 99) / 9.95 = 90.55, bankrupt at 90.1
         funding=[Paid(MORNING, -1)], liquidations=[Loss(1, 90.1, 99, "mark", level=901 / 9.95)],
         wallet=10_000 - 1 - 99),
    _day("the first settlement liquidates at its own instant",
         bars=[S, (100, 104, 91, 101)], stamps=HIGH,
         mark=_eight_hours((100, 100, 91, 91), (91, 104, 91, 104), (104, 104, 101, 101)),
         mark_step="8h", orders=[buy(0, 10), sell(0, 10, "limit", 103)], fills=[IN_LONG],
         # 10 × 91 × 1 % = 9.1: level (1,000 − 90.9) / 9.95 = 91.37 > 91, bankrupt at 90.91; the
         # limit dies before the second leg reaches it
         funding=[Paid(MORNING, -9.1)],
         liquidations=[Loss(1, 90.91, 90.9, "funding", level=909.1 / 9.95)],
         wallet=10_000 - 9.1 - 90.9),
    _day("the first settlement brings the level to the second leg", bars=[S, (100, 102, 91, 95)],
         stamps=HIGH,
         mark=_eight_hours((100, 102, 100, 100), (100, 100, 91, 92), (92, 95, 92, 95)),
         mark_step="8h", orders=[buy(0, 10)], fills=[IN_LONG],
         # margin 90: level 910 / 9.95 = 91.46, bankrupt at 91
         funding=[Paid(MORNING, -10)], liquidations=[Loss(1, 91, 90, "mark", level=910 / 9.95)],
         wallet=10_000 - 10 - 90),
    _day("in cross the first settlement comes out of the wallet", bars=[S, (100, 102, 81, 95)],
         stamps=HIGH,
         mark=_eight_hours((100, 102, 100, 100), (100, 100, 81, 92), (92, 95, 92, 95)),
         mark_step="8h", margin="cross", cash=1_000, orders=[buy(0, 50)],
         fills=[Fill(1, 50, 100, "market")],
         # (5,000 − 950) / 49.75 = 81.41; without it 80.40
         funding=[Paid(MORNING, -50)], liquidations=[Loss(1, 81, 950, level=4_050 / 49.75)],
         wallet=0),
    _day("received at the instant in which the mark meets the level: funding first",
         bars=[S, (100, 104, 96, 101)], ladder=[(0, None, 0.0625, 10)],
         stamps=(*DAY_BEFORE, (MORNING, -0.01), (AFTERNOON, 0.0), (NIGHT, 0.0)),
         mark=_eight_hours((100, 100, 96, 96), (96, 104, 96, 104), (104, 104, 101, 101)),
         mark_step="8h", orders=[buy(0, 10)], fills=[IN_LONG],
         # level 90 / 0.9375 = 96, met at the corner of 08:00; 9.6 received move it to
         # (1,000 − 109.6) / 9.375 = 94.98
         funding=[Paid(MORNING, 9.6)], wallet=10_000 + 9.6, held=10, posted=109.6),
)
