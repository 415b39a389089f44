"""Bars whose order of events decides: adverse, favourable and ohlc where they part."""

from __future__ import annotations

from collections.abc import Sequence

from tests.account.orders import Send, buy, sell
from tests.account.table import Bar, Fill, Loss, Row, lost_long, lost_short, still

S = still()
IN_LONG, IN_SHORT = Fill(1, 10, 100, "market"), Fill(1, -10, 100, "market")
OCO_LONG = (buy(0, 10), sell(1, 10, "limit", 110, name="target"),
            sell(1, 10, "stop", 95, oco="target"))
DIP_OR_RISE = (buy(0, 10, "limit", 97, name="dip"), buy(0, 10, "stop", 105, oco="dip"))
BOTH_WAYS = (buy(0, 10, "limit", 95), sell(0, 10, "limit", 105))


def _bracket(path: str, bar: Bar, entry: Send, out: Fill, gain: float, word: str) -> Row:
    """A bracket from 100 entered at the open of a bar that holds its stop and its target."""
    return Row(f"bracket with both exits in the bar of entry, {word}", [S, bar, S], [entry],
               path=path, fills=[IN_LONG if entry.side > 0 else IN_SHORT, out],
               wallet=10_000 + gain)


LONG, SHORT = buy(0, 10, stop=95, target=110), sell(0, 10, stop=105, target=90)
LONG_STOP, LONG_TARGET = Fill(1, -10, 95, "stop"), Fill(1, -10, 110, "limit", "maker")
SHORT_STOP, SHORT_TARGET = Fill(1, 10, 105, "stop"), Fill(1, 10, 90, "limit", "maker")
WIDE, WIDE_FALLING = (100, 111, 94, 100), (100, 111, 94, 99)
DEEP, DEEP_FALLING = (100, 106, 89, 100), (100, 106, 89, 99)


def _target_or_level(path: str, bars: Sequence[Bar], side: int, saved: bool, word: str) -> Row:
    """A position of ten from 100 whose target, 15 away, and level lie in the third bar."""
    entry, out = (buy, sell) if side > 0 else (sell, buy)
    price = 100 + side * 15
    fills = [Fill(1, side * 10, 100, "market")]
    if saved:
        fills.append(Fill(2, -side * 10, price, "limit", "maker"))
    return Row(f"target or liquidation, {word}", [S, S, *bars],
               [entry(0, 10), out(1, 10, "limit", price)], path=path, fills=fills,
               liquidations=[] if saved else [lost_long(2) if side > 0 else lost_short(2)],
               wallet=10_000 + 150 if saved else 10_000 - 100)


ROWS = (
    _bracket("adverse", WIDE, LONG, LONG_STOP, -50, "long, adverse"),
    _bracket("favourable", WIDE, LONG, LONG_TARGET, 100, "long, favourable"),
    _bracket("ohlc", WIDE, LONG, LONG_STOP, -50, "long, ohlc, close at the open: low first"),
    _bracket("ohlc", WIDE_FALLING, LONG, LONG_TARGET, 100, "long, ohlc, falling: high first"),
    _bracket("adverse", DEEP, SHORT, SHORT_STOP, -50, "short, adverse"),
    _bracket("favourable", DEEP, SHORT, SHORT_TARGET, 100, "short, favourable"),
    _bracket("ohlc", DEEP, SHORT, SHORT_TARGET, 100, "short, ohlc, close at the open: low first"),
    _bracket("ohlc", DEEP_FALLING, SHORT, SHORT_STOP, -50, "short, ohlc, falling: high first"),
    _target_or_level("adverse", [(100, 120, 85, 101)], 1, False, "long, adverse"),
    _target_or_level("favourable", [(100, 120, 85, 101)], 1, True, "long, favourable"),
    _target_or_level("ohlc", [(100, 120, 85, 101)], 1, False, "long, ohlc, rising: low first"),
    _target_or_level("ohlc", [(100, 120, 85, 99)], 1, True, "long, ohlc, falling: high first"),
    _target_or_level("adverse", [(100, 115, 80, 101)], -1, False, "short, adverse"),
    _target_or_level("favourable", [(100, 115, 80, 101)], -1, True, "short, favourable"),
    _target_or_level("ohlc", [(100, 115, 80, 101)], -1, True, "short, ohlc, rising: low first"),
    _target_or_level("ohlc", [(100, 115, 80, 99)], -1, False, "short, ohlc, falling: high first"),
    # ------------------------------------------------------------------ exits of a position
    Row("oco exits in one bar, adverse", [S, S, (100, 111, 94, 100)], OCO_LONG, path="adverse",
        fills=[IN_LONG, Fill(2, -10, 95, "stop")], wallet=10_000 - 50),
    Row("oco exits in one bar, favourable", [S, S, (100, 111, 94, 100)], OCO_LONG,
        path="favourable", fills=[IN_LONG, Fill(2, -10, 110, "limit", "maker")],
        wallet=10_000 + 100),
    # ------------------------------------------------------------------ entries
    Row("oco entries in one bar, adverse: the dear one", [S, (100, 106, 96, 100)], DIP_OR_RISE,
        path="adverse", fills=[Fill(1, 10, 105, "stop")], held=10, equity=10_000 - 50),
    Row("oco entries in one bar, favourable: the cheap one", [S, (100, 106, 96, 100)], DIP_OR_RISE,
        path="favourable", fills=[Fill(1, 10, 97, "limit", "maker")], held=10,
        equity=10_000 + 30),
    Row("oco entries in one bar, ohlc, rising: low first", [S, (100, 106, 96, 101)], DIP_OR_RISE,
        path="ohlc", fills=[Fill(1, 10, 97, "limit", "maker")], held=10, equity=10_000 + 40),
    Row("oco entries in one bar, ohlc, falling: high first", [S, (100, 106, 96, 99)], DIP_OR_RISE,
        path="ohlc", fills=[Fill(1, 10, 105, "stop")], held=10, equity=10_000 - 60),
    Row("stop entry and the low, adverse: the low comes after it", [S, (100, 106, 97, 103)],
        [buy(0, 10, "stop", 105, stop=98, target=120)], path="adverse",
        # high first: bought at 105, out at 98 (−70); low first: held at 103 (−20)
        fills=[Fill(1, 10, 105, "stop"), Fill(1, -10, 98, "stop")], wallet=10_000 - 70),
    Row("stop entry and the low, favourable: the low came before it", [S, (100, 106, 97, 103)],
        [buy(0, 10, "stop", 105, stop=98, target=120)], path="favourable",
        fills=[Fill(1, 10, 105, "stop")], held=10, equity=10_000 - 20),
    Row("stop entry short and the high, adverse: the high comes after it", [S, (100, 103, 94, 97)],
        [sell(0, 10, "stop", 95, stop=102, target=80)], path="adverse",
        # low first: sold at 95, out at 102 (−70); high first: held at 97 (−20)
        fills=[Fill(1, -10, 95, "stop"), Fill(1, 10, 102, "stop")], wallet=10_000 - 70),
    Row("stop entry short and the high, favourable: the high came before it",
        [S, (100, 103, 94, 97)], [sell(0, 10, "stop", 95, stop=102, target=80)],
        path="favourable", fills=[Fill(1, -10, 95, "stop")], held=-10, equity=10_000 - 20),
    Row("stop entry and its liquidation, adverse", [S, (100, 106, 85, 100)],
        [buy(0, 10, "stop", 105)], path="adverse", fills=[Fill(1, 10, 105, "stop")],
        liquidations=[Loss(1, 94.5, 105, level=94.5 / 0.995)], wallet=10_000 - 105),
    Row("stop entry and its liquidation, favourable", [S, (100, 106, 85, 100)],
        [buy(0, 10, "stop", 105)], path="favourable", fills=[Fill(1, 10, 105, "stop")],
        held=10, equity=10_000 - 50),
    # ------------------------------------------------------------------ neither is worse
    Row("both paths end alike, adverse: low first", [S, (100, 106, 94, 100)], BOTH_WAYS,
        path="adverse", fills=[Fill(1, 10, 95, "limit", "maker"),
                               Fill(1, -10, 105, "limit", "maker")], wallet=10_000 + 100),
    Row("both paths end alike, favourable: low first", [S, (100, 106, 94, 100)], BOTH_WAYS,
        path="favourable", fills=[Fill(1, 10, 95, "limit", "maker"),
                                  Fill(1, -10, 105, "limit", "maker")], wallet=10_000 + 100),
    Row("both paths end alike, ohlc, falling: high first", [S, (100, 106, 94, 99)], BOTH_WAYS,
        path="ohlc", fills=[Fill(1, -10, 105, "limit", "maker"),
                            Fill(1, 10, 95, "limit", "maker")], wallet=10_000 + 100),
    Row("equity is compared at mark", [S, (100, 106, 94, 103)],
        [buy(0, 10, "stop", 105, name="up"), sell(0, 10, "stop", 95, oco="up")], path="adverse",
        # low first: sold at 95, −80 at last 103, −10 at mark 96; high first: bought at 105, −20 at
        # last, −90 at mark
        mark=[S, (100, 103, 96, 96)], fills=[Fill(1, 10, 105, "stop")], held=10,
        equity=10_000 - 90),
)
