"""Fills limited by volume, orders that travel, a venue that is out, prices off the tick."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.account.orders import Cancel, Flatten, Step, buy, sell
from tests.account.table import Bar, Fill, Loss, Paid, Refusal, Row, lost_long, lost_short, still

S = still()
IN_LONG = Fill(1, 10, 100, "market")
DIP = (100, 101, 94, 98)
# the strategy's word of bar 1, at 00:02, falls into it; bars 2 to 8 lie in the long one
SHORT_OUTAGE = (("2026-01-28T00:01:30", "2026-01-28T00:02:30"),)
LONG_OUTAGE = (("2026-01-28T00:01:30", "2026-01-28T00:10"),)


def _share(name: str, bars: Sequence[Bar], orders: Sequence[Step], wide: int = 0,
           **expected: Any) -> Row:
    """Fills take up to a tenth of a bar's 100 coins; the first ``wide`` bars trade 10,000."""
    volume = [10_000.0 if n < wide else 100.0 for n in range(len(bars))]
    return Row(f"volume: {name}", bars, orders, volume=volume, needs="volume_limit",
               extra={"volume_limit": 0.1}, **expected)


def _late(name: str, bars: Sequence[Bar], orders: Sequence[Step], latency: int = 1,
          **expected: Any) -> Row:
    return Row(f"latency: {name}", bars, orders, needs="latency", extra={"latency": latency},
               **expected)


def _out(name: str, bars: Sequence[Bar], orders: Sequence[Step], outage: Any = LONG_OUTAGE,
         **expected: Any) -> Row:
    return Row(f"outage: {name}", bars, orders, needs="outage", extra={"outage": outage},
               **expected)


def _tick(name: str, bars: Sequence[Bar], orders: Sequence[Step], rule: str,
          **expected: Any) -> Row:
    """The tick is 0.01."""
    return Row(f"tick: {name}", bars, orders, needs="off_tick", extra={"off_tick": rule},
               **expected)


ROWS = (
    _share("a market buy takes three opens", [S, S, still(101), still(102), still(103)],
           [buy(0, 25)],
           fills=[Fill(1, 10, 100, "market"), Fill(2, 10, 101, "market"),
                  Fill(3, 5, 102, "market")], held=25),
    _share("a market sell takes three opens", [S, S, still(99), still(98), still(97)],
           [sell(0, 25)],
           fills=[Fill(1, -10, 100, "market"), Fill(2, -10, 99, "market"),
                  Fill(3, -5, 98, "market")], held=-25),
    _share("a limit takes what each bar gives", [S, DIP, (98, 99, 94, 98), (98, 99, 94, 98)],
           [buy(0, 25, "limit", 95)],
           fills=[Fill(1, 10, 95, "limit", "maker"), Fill(2, 10, 95, "limit", "maker"),
                  Fill(3, 5, 95, "limit", "maker")], held=25),
    _share("the rest of a limit stays open where price does not come back", [S, DIP, still(98)],
           [buy(0, 25, "limit", 95)], fills=[Fill(1, 10, 95, "limit", "maker")], held=10),
    _share("the rest of a limit can be cancelled", [S, DIP, (98, 99, 94, 98)],
           [buy(0, 25, "limit", 95, name="rest"), Cancel(1, "rest")],
           fills=[Fill(1, 10, 95, "limit", "maker")], held=10),
    _share("two limits share one bar's volume", [S, DIP, (98, 99, 94, 98)],
           [buy(0, 10, "limit", 97), buy(0, 10, "limit", 95)],
           fills=[Fill(1, 10, 97, "limit", "maker"), Fill(2, 10, 95, "limit", "maker")], held=20),
    _share("a target is taken in three bars",
           [S, S, (100, 106, 99, 101), (101, 106, 99, 101), (101, 106, 99, 101)],
           [buy(0, 25), sell(1, 25, "limit", 105)], wide=2,
           fills=[Fill(1, 25, 100, "market"), Fill(2, -10, 105, "limit", "maker"),
                  Fill(3, -10, 105, "limit", "maker"), Fill(4, -5, 105, "limit", "maker")],
           wallet=10_000 + 25 * 5),
    _share("a stop takes three bars of a fall",
           [S, S, (100, 100, 94, 94), (94, 94, 93, 93), (93, 93, 92, 92)],
           [buy(0, 25), sell(1, 25, "stop", 95)], wide=2,
           # beyond its trigger the rest meets the opens
           fills=[Fill(1, 25, 100, "market"), Fill(2, -10, 95, "stop"), Fill(3, -10, 94, "stop"),
                  Fill(4, -5, 93, "stop")], wallet=10_000 - 50 - 60 - 35),
    _share("a takeover at bankruptcy does not wait for it", [S, S, (100, 100, 85, 88), S],
           [buy(0, 25)], wide=2, fills=[Fill(1, 25, 100, "market")],
           liquidations=[Loss(2, 90, 250, level=90 / 0.995)], wallet=10_000 - 250),
    # ------------------------------------------------------------------ latency
    _late("a market buy meets the open after the next", [S, still(101), still(102), still(103)],
          [buy(0, 10)], fills=[Fill(2, 10, 102, "market")], held=10),
    _late("two bars of it", [S, still(101), still(102), still(103)], [sell(0, 10)], 2,
          fills=[Fill(3, -10, 103, "market")], held=-10),
    _late("a limit misses the dip of the bar it travels in", [S, DIP, still(98)],
          [buy(0, 10, "limit", 95)]),
    _late("a limit fills in the dip after it", [S, S, DIP, still(98)], [buy(0, 10, "limit", 95)],
          fills=[Fill(2, 10, 95, "limit", "maker")], held=10),
    _late("a cancel comes a bar too late", [S, S, DIP, still(98)],
          [buy(0, 10, "limit", 95, name="rest"), Cancel(1, "rest")],
          # live from bar 2 on, cancelled from bar 3 on
          fills=[Fill(2, 10, 95, "limit", "maker")], held=10),
    _late("a cancel comes in time", [S, S, S, DIP],
          [buy(0, 10, "limit", 95, name="rest"), Cancel(1, "rest")]),
    _late("a stop on its way does not save a long", [S, S, S, (100, 100, 85, 88), still(88)],
          [buy(0, 10), sell(2, 10, "stop", 95)],
          # bought in bar 2; the stop would arrive in bar 4
          fills=[Fill(2, 10, 100, "market")], liquidations=[lost_long(3)],
          wallet=10_000 - 100),
    _late("a close() on its way dies with the short", [S, S, S, (100, 115, 100, 112), still(112)],
          [sell(0, 10), Flatten(2)], fills=[Fill(2, -10, 100, "market")],
          liquidations=[lost_short(3)], wallet=10_000 - 100),
    _late("children of a bracket came with it", [S, S, (100, 101, 94, 96)],
          [buy(0, 10, stop=95, target=110)],
          fills=[Fill(2, 10, 100, "market"), Fill(2, -10, 95, "stop")], wallet=10_000 - 50),
    # ------------------------------------------------------------------ outage
    _out("no order is placed in it", [S, S, S, S], [buy(1, 10)], SHORT_OUTAGE,
         refusals=[Refusal(1, "outage")]),
    _out("orders are placed again after it", [S, S, S, S], [buy(2, 10)], SHORT_OUTAGE,
         fills=[Fill(3, 10, 100, "market")], held=10),
    _out("a limit on the book fills in it", [S, S, DIP, still(98)], [buy(0, 10, "limit", 95)],
         fills=[Fill(2, 10, 95, "limit", "maker")], held=10),
    _out("a stop on the book acts in it", [S, S, (100, 101, 94, 96)],
         [buy(0, 10), sell(0, 10, "stop", 95)], fills=[IN_LONG, Fill(2, -10, 95, "stop")],
         wallet=10_000 - 50),
    _out("a trailing stop on the book follows in it",
         [S, S, (100, 110, 100, 110), (110, 110, 104, 104)],
         [buy(0, 10), sell(0, 10, "trail", trail=5)],
         fills=[IN_LONG, Fill(3, -10, 105, "trail")], wallet=10_000 + 50),
    _out("nothing is cancelled in it", [S, S, DIP, still(98)],
         [buy(0, 10, "limit", 95, name="rest"), Cancel(1, "rest")],
         fills=[Fill(2, 10, 95, "limit", "maker")], refusals=None, held=10),
    _out("liquidations go on, and no close() helps", [S, S, (100, 100, 85, 88), still(88)],
         [buy(0, 10), Flatten(1)], fills=[IN_LONG], liquidations=[lost_long(2)],
         refusals=[Refusal(1, "outage")], wallet=10_000 - 100),
    _out("funding is paid in it", [S, S, S, S], [sell(0, 10)],
         stamps=[("2026-01-28T00:03", 0.001)], fills=[Fill(1, -10, 100, "market")],
         funding=[Paid("2026-01-28T00:03", 1)], wallet=10_001, held=-10),
    # ------------------------------------------------------------------ tick
    _tick("a limit off it is refused", [S, DIP], [buy(0, 10, "limit", 95.004)], "refuse",
          refusals=[Refusal(0, "tick")]),
    _tick("a stop off it is refused", [S, DIP], [sell(0, 10, "stop", 95.004)], "refuse",
          refusals=[Refusal(0, "tick")]),
    _tick("a stop-limit with a limit off it is refused", [S, DIP],
          [sell(0, 10, "stop_limit", 95, plimit=94.996)], "refuse",
          refusals=[Refusal(0, "tick")]),
    _tick("a price on it is taken", [S, DIP], [buy(0, 10, "limit", 95.01)], "refuse",
          fills=[Fill(1, 10, 95.01, "limit", "maker")], held=10),
    _tick("a buy limit is rounded to it", [S, DIP], [buy(0, 10, "limit", 95.004)], "round",
          fills=[Fill(1, 10, 95, "limit", "maker")], held=10),
    _tick("a sell limit is rounded to it", [S, (100, 106, 99, 102)],
          [sell(0, 10, "limit", 104.996)], "round",
          fills=[Fill(1, -10, 105, "limit", "maker")], held=-10),
    _tick("a sell stop is rounded to it", [S, DIP], [sell(0, 10, "stop", 95.004)], "round",
          fills=[Fill(1, -10, 95, "stop")], held=-10),
    _tick("a buy stop is rounded to it", [S, (100, 106, 99, 102)], [buy(0, 10, "stop", 104.996)],
          "round", fills=[Fill(1, 10, 105, "stop")], held=10),
)
