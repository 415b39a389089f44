"""Small scenes of feeds on different clocks, and with them every witness there is.

As in the others the market stands still at 100 and one thing happens far off; here it happens in a
step that has another number than the bar.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from deleverage.timestamps import MINUTE, SECOND, parse, show
from tests.core.desks import flat_ladder
from tests.engine.scenes import START, Move, Rows, Scene
from tests.engine.witnesses import (
    BTC,
    BUY,
    FAR,
    ORDERS,
    QUARTER,
    STRATEGY,
    UP,
    VENUE,
    Proof,
    Witness,
    climb,
    failed,
    filled,
    paid,
    scene,
    told,
)


def taken(**bars: int) -> Proof:
    """Positions taken, each symbol's in that bar of its own."""
    return lambda outcome: {event.symbol: event.bar
                            for event in outcome.journal.liquidations} == bars


def after(minutes: int, seconds: int = 0) -> str:
    """So long after the first market's start."""
    return show(parse(START) + minutes * MINUTE + seconds * SECOND)


# ten coins each of 800: exhausted where the two marks together are at 160
TEN = Move("market", share=0.125 * 10 / 3)
FRAIL: dict[str, Any] = {"margin": "cross", "cash": 800, "leverage": 3, "ladder": QUARTER}
SLOW = Rows(step="5m", bars=24)


def both(first: Rows, second: Rows, **more: Any) -> Scene:
    """Ten coins bought in each."""
    return scene(TEN, replace(TEN, feed=1), rows=(first, replace(second, symbol=BTC)),
                 **{**FRAIL, **more})


CLOCKS = {
    "an order on a feed that began later is met": Witness(
        scene(Move("stop", near=100, feed=1), wakes=(15,),
              rows=(Rows(), Rows({12: (100, 101, 100, 100), 20: (100, 102, 100, 102)}, bars=30,
                                 start=after(10), symbol=BTC))),
        filled(12, "stop", 101, BTC)),
    "an order is met while the other feed has a gap": Witness(
        scene(Move("stop", near=100, feed=1), rows=(
            Rows(holes=tuple(range(10, 30))), Rows(UP, symbol=BTC))),
        filled(20, "stop", 101, BTC)),
    "an order is met after the other feed's end": Witness(
        scene(Move("stop", near=100, feed=1), rows=(
            Rows(bars=12), Rows({30: (100, 102, 100, 100)}, symbol=BTC))),
        filled(30, "stop", 101, BTC)),
    "an order is met between two bars of a slower feed": Witness(
        scene(Move("stop", near=100, feed=1), rows=(
            SLOW, Rows({33: (100, 102, 100, 100)}, bars=120, symbol=BTC))),
        filled(33, "stop", 101, BTC)),
    "an order on a slower feed is met": Witness(
        scene(Move("stop", near=100, feed=1), wakes=(11,), rows=(
            Rows(bars=120), replace(SLOW, told={9: (100, 102, 100, 100)}, symbol=BTC))),
        filled(9, "stop", 101, BTC)),
    "an order arrives late at a slower feed": Witness(
        scene(replace(BUY, feed=1), wakes=(11,), latency=3, rows=(
            Rows(bars=120), replace(SLOW, symbol=BTC))), filled(5, "market", 100, BTC)),
    "an order on a slower feed waits for a bar that opens later": Witness(
        scene(replace(BUY, feed=1), wakes=(11,), rows=(
            Rows(bars=120), replace(SLOW, symbol=BTC))), filled(3, "market", 100, BTC)),
    "an order on a slower feed expires": Witness(
        scene(replace(FAR, feed=1, minutes=10), wakes=(11,), rows=(
            Rows(bars=120), replace(SLOW, symbol=BTC))), told(24, "Expired")),
    "an order on a feed that has ended stays": Witness(
        scene(replace(BUY, feed=1), wakes=(20,), rows=(Rows(), Rows(bars=15, symbol=BTC))),
        lambda outcome: not outcome.journal.fills and any(
            "'Accepted'" in line for line in outcome.told)),
    "an order on a feed that has not begun is refused": Witness(
        scene(wakes=(30,), replies={"start": ((FAR,),), "order": ((replace(BUY, feed=1),),)},
              rows=(Rows(), Rows(start=after(20), symbol=BTC))), told(1, "Rejected")),
    "an order sent before its feed begins arrives then": Witness(
        scene(wakes=(30,), latency=2,
              replies={"start": ((FAR,),), "order": ((replace(BUY, feed=1),),)},
              rows=(Rows(), Rows(start=after(20), symbol=BTC))), filled(2, "market", 100, BTC)),
    "a trailing stop follows the bars that others did not see": Witness(
        scene(replace(BUY, feed=1, share=0.1), Move("trail", -1, near=199, feed=1, share=0.1),
              BUY, rows=(replace(SLOW, funding=(4,)), Rows(
                  {**climb(12, 10), 23: (110, 110, 108.5, 108.5), 40: (108.5, 108.5, 105, 105)},
                  bars=120, symbol=BTC))), filled(40, "trail", 108, BTC)),
    "funding is due on a feed that began later": Witness(
        scene(replace(BUY, feed=1), wakes=(21,), rows=(
            Rows(), Rows(funding=(14,), start=after(10), bars=30, symbol=BTC))), paid(14)),
    "a stricter ladder begins on a slower feed": Witness(
        scene(replace(BUY, feed=1), wakes=(11,), rows=(
            Rows(bars=120), replace(SLOW, told={6: (100, 100, 92, 92)}, symbol=BTC)),
            changes=((parse(START) + 52 * MINUTE, flat_ladder(0.05, id="stricter")),)),
        taken(BTCUSDT=11)),
    "a slower feed's position is liquidated": Witness(
        scene(replace(BUY, feed=1), wakes=(11,), rows=(
            Rows(bars=120), replace(SLOW, mark={9: (100, 100, 90, 100)}, symbol=BTC))),
        taken(BTCUSDT=9)),
    "a slower feed's bar has no mark": Witness(
        scene(replace(FAR, feed=1), wakes=(11,), rows=(
            Rows(bars=120), replace(SLOW, unmarked=(9,), symbol=BTC))), failed("no mark price")),
    "a cross account falls while one instrument stands": Witness(
        both(replace(SLOW, told={3: (100, 100, 80, 80)}),
             Rows({27: (100, 100, 80, 100)}, bars=120)), taken(ETHUSDT=4, BTCUSDT=27)),
    "a cross account falls with an instrument that stands at its end": Witness(
        both(Rows({12: (100, 100, 80, 80)}, bars=15), Rows({27: (100, 100, 80, 100)})),
        taken(ETHUSDT=14, BTCUSDT=27)),
    "a bar passed over is not walked with later marks": Witness(
        both(replace(SLOW, told={4: (100, 100, 75, 100)}),
             Rows({26: (100, 100, 80, 80)}, bars=80, funding=(27,))),
        lambda outcome: paid(27)(outcome) and not outcome.journal.liquidations),
    "a mark without finer bars stands still while another's are walked": Witness(
        both(Rows({299: (100, 100, 90, 90), 300: (90, 100, 80, 100)}, bars=600, shown="1h"),
             Rows({4: (100, 100, 75, 75), 5: (100, 100, 100, 100)}, bars=10, step="1h")),
        taken(ETHUSDT=5, BTCUSDT=5)),
    "closes a microsecond apart are one step, and walked one after the other": Witness(
        both(Rows({9: (100, 100, 82, 100)}, bars=13, start=after(20)),
             Rows({8: (100, 100, 78, 78), 9: (100, 100, 100, 100)}, bars=13,
                  start=f"{after(20)}:00.000001")), taken(ETHUSDT=9, BTCUSDT=9)),
    "a bar named by wake() comes on a slower first feed": Witness(
        scene(FAR, wakes=(3, 15), then=((replace(BUY, feed=1, share=0.1),),),
              rows=(SLOW, Rows(bars=120, symbol=BTC))), filled(80, "market", 100, BTC)),
    "a bar asked for in position comes on a slower first feed": Witness(
        scene(BUY, holds=(10,), then=((Move("close"),),), rows=(SLOW, Rows(bars=120, symbol=BTC))),
        filled(13, "market", 100)),
    "a first feed's bar is looked at once": Witness(
        scene(Move("at_close", feed=1), wakes=(5,), rows=(
            replace(SLOW, bars=30), Rows(bars=150, symbol=BTC))), filled(119, "close", 100, BTC)),
    "what is told before all feeds have begun is answered then": Witness(
        scene(replies={"start": ((BUY,),)}, latency=3,
              rows=(Rows(), Rows(start=after(20, 30), symbol=BTC))), told(21, "'act'")),
    "a run told to stop leaves a slower feed's indicators at the bar before": Witness(
        scene(BUY, wakes=(16,), rows=(Rows({23: (100, 100, 80, 80)}, bars=60),
                                      Rows(step="5m", bars=12, symbol=BTC)),
              on_liquidation="stop", period=2), told(23, "stop", "[25, 5], [24, 24, 4, 4]")),
    "an indicator of a slower feed is not ready when the order fills": Witness(
        scene(wakes=(30,), replies={"start": ((BUY,),)}, latency=3, period=4,
              rows=(Rows(bars=120), replace(SLOW, symbol=BTC))), told(24, "'act'")),
}

WITNESSES = {**ORDERS, **VENUE, **STRATEGY, **CLOCKS}
