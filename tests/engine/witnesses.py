"""One small scene for each kind of event that an engine may not jump over.

The market stands still at 100, the strategy acts in bar 1 and never asks again, and the event lies
far off, so that only the engine's own knowledge of it can stop there. ``happened`` is the record
that proves the event, found in the journal or among what the strategy was told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from deleverage import Fees
from deleverage.policies import AdlEvent
from deleverage.timestamps import MINUTE, parse
from tests.core.desks import flat_ladder
from tests.engine.runs import Outcome
from tests.engine.scenes import START, Move, Moves, Plan, Rows, Scene

Proof = Callable[[Outcome], bool]
SIXTEENTH, QUARTER = flat_ladder(0.0625), flat_ladder(0.25)  # levels that a float holds exactly
BTC, QUIET = "BTCUSDT", Rows()


@dataclass(frozen=True)
class Witness:
    """A scene and the proof that what it is about took place."""

    scene: Scene
    happened: Proof


def account(**terms: Any) -> dict[str, Any]:
    """A free account of 10,000 at 10x with one flat bracket, taken over whole."""
    return {"fees": Fees.free(), "ladder": flat_ladder(0.004), "liquidation": "takeover", **terms}


def scene(*moves: Move, rows: Rows | tuple[Rows, ...] = QUIET, wakes: tuple[int, ...] = (1,),
          holds: tuple[int | None, ...] = (None,), then: tuple[Moves, ...] = (),
          step: str | None = None, changes: tuple[Any, ...] = (),
          replies: Mapping[str, tuple[Moves, ...]] | None = None, period: int = 0,
          **terms: Any) -> Scene:
    """``moves`` in the first bar of ``wakes``, ``then`` the next ones in turn."""
    markets = rows if isinstance(rows, tuple) else (rows,)
    return Scene(markets, Plan(wakes, holds, (moves, *then, ()), replies or {}, period),
                 account(**terms), step, changes)


def filled(bar: int, reason: str, price: float, symbol: str = "ETHUSDT") -> Proof:
    """A fill in a bar, at a price."""
    return lambda outcome: any(
        (fill.bar, fill.reason, fill.symbol) == (bar, reason, symbol)
        and abs(fill.price - price) < 1e-9 for fill in outcome.journal.fills)


def liquidated(bar: int, cause: str = "mark", count: int = 1) -> Proof:
    """Positions taken in a bar."""
    return lambda outcome: [(event.bar, event.cause) for event in outcome.journal.liquidations] \
        == [(bar, cause)] * count


def paid(*bars: int) -> Proof:
    """Funding settled in exactly these bars."""
    return lambda outcome: [payment.bar for payment in outcome.journal.funding] == list(bars)


def told(bar: int, *words: str) -> Proof:
    """A call of user code in a bar, whose line holds all these words."""
    return lambda outcome: any(line.startswith(f"({bar}, ") and all(word in line for word in words)
                               for line in outcome.told)


def failed(words: str) -> Proof:
    """The run ended with an error that says so."""
    return lambda outcome: words in outcome.error


UP, DOWN = {20: (100, 101, 100, 100)}, {20: (100, 100, 99, 100)}  # touched, and no more
BUY, SELL = Move("market", 1), Move("market", -1)
FAR = Move("limit", near=-3_000)  # out of every bar's reach

def climb(first: int, to: int, side: int = 1) -> dict[int, tuple[float, float, float, float]]:
    """From 100, ``to`` steps of 1 up (or down), one a bar: too small for a trailing stop to meet
    its own bar."""
    found = {}
    for step in range(to):
        start, end = 100.0 + side * step, 100.0 + side * (step + 1)
        found[first + step] = (start, max(start, end), min(start, end), end)
    return found


ORDERS = {
    "a buy limit is touched": Witness(
        scene(Move("limit", near=-100), rows=Rows({**DOWN, 30: (100, 100, 98, 98)}), fill="touch"),
        filled(20, "limit", 99)),
    "a sell limit is touched": Witness(
        scene(Move("limit", -1, near=-100), rows=Rows({**UP, 30: (100, 102, 100, 102)}),
              fill="touch"), filled(20, "limit", 101)),
    "a buy stop is touched": Witness(
        scene(Move("stop", near=100), rows=Rows({**UP, 30: (100, 102, 100, 102)})),
        filled(20, "stop", 101)),
    "a sell stop is touched": Witness(
        scene(Move("stop", -1, near=100), rows=Rows({**DOWN, 30: (100, 100, 98, 98)})),
        filled(20, "stop", 99)),
    "a stop-limit's limit follows its trigger": Witness(
        scene(Move("stop_limit", near=100, far=-100),
              rows=Rows({15: (100, 101, 100, 100), 25: (100, 100, 98, 98)})),
        filled(25, "stop_limit", 99)),
    "the mark triggers a stop": Witness(
        scene(Move("stop", near=100, mark=True), rows=Rows(mark={20: (100, 101, 100, 100)})),
        filled(20, "stop", 101)),
    "the last price does not trigger a stop on mark": Witness(
        scene(Move("stop", near=100, mark=True),
              rows=Rows(UP, mark={20: (100, 100, 100, 100), 30: (100, 102, 100, 100)})),
        filled(30, "stop", 101)),
    "a trailing stop falls behind a rise": Witness(
        scene(BUY, Move("trail", -1, near=199),
              rows=Rows({**climb(10, 10), 25: (110, 110, 105, 105)})),
        filled(25, "trail", 108)),
    "a buy trails by per cent": Witness(
        scene(Move("trail", near=199, percent=True),
              rows=Rows({**climb(10, 10, -1), 25: (90, 93, 90, 93)})),
        filled(25, "trail", 90 + 90 * 0.02)),
    "a trailing stop remembers a peak of long ago": Witness(
        scene(BUY, Move("trail", -1, near=199), rows=Rows(
            {**climb(5, 10), 18: (110, 110, 108.5, 108.5),
             1_700: (108.5, 108.5, 107, 107)}, bars=1_710)), filled(1_700, "trail", 108)),
    "a trailing stop follows the finer bars": Witness(
        scene(BUY, Move("trail", -1, near=199), step="15m", rows=Rows(
            {**climb(196, 10), 207: (110, 110, 106, 106)}, bars=450, step="1m")),
        filled(13, "trail", 108)),
    "a buy trails over the finer bars": Witness(
        scene(Move("trail", near=199), step="15m", rows=Rows(
            {**climb(196, 10, -1), 207: (90, 93, 90, 93)}, bars=450, step="1m")),
        filled(13, "trail", 92)),
    "a trailing limit fills after its trigger": Witness(
        scene(Move("trail_limit", near=199, far=-100), rows=Rows(
            {**climb(10, 10, -1), 25: (90, 95, 90, 95), 32: (95, 95, 88, 88)})),
        filled(32, "trail_limit", 91)),
    "an order expires": Witness(
        scene(replace(FAR, minutes=10)), told(12, "Expired")),
    "a bracket's stop expires before its entry": Witness(
        scene(Move("bracket", entry="limit", near=500, far=1_000, exits=10)),
        told(12, "Expired")),
    "children wake a bar after their parent": Witness(
        scene(Move("bracket", entry="limit", near=100, far=195),
              rows=Rows({20: (100, 100, 98.5, 98.5), 30: (98.5, 98.5, 97, 97)}),
              entry_bar="backtrader"), filled(30, "stop", 97.02)),
    "a market order waits for volume": Witness(
        scene(BUY, rows=Rows(idle=tuple(range(2, 20))), volume_limit=0.5),
        filled(20, "market", 100)),
    "an order at the close waits for the session's end": Witness(
        scene(Move("at_close"), rows=Rows(bars=160)), filled(119, "close", 100)),
    "a level is met far off": Witness(
        scene(Move("stop", near=100), rows=Rows({259: (100, 102, 100, 100)}, bars=300)),
        filled(259, "stop", 101)),
    "an order on the second instrument is met": Witness(
        scene(Move("stop", near=100, feed=1), rows=(Rows(), Rows(UP, symbol=BTC))),
        filled(20, "stop", 101, BTC)),
}

VENUE = {
    "the mark touches a long's level": Witness(
        scene(BUY, rows=Rows(mark={20: (100, 100, 96, 100), 30: (100, 100, 90, 100)}),
              ladder=SIXTEENTH), liquidated(20)),
    "the mark touches a short's level": Witness(
        scene(SELL, rows=Rows(mark={20: (100, 120, 100, 100), 30: (100, 130, 100, 100)}),
              ladder=QUARTER, leverage=2), liquidated(20)),
    "the last price judges where the mark is missing": Witness(
        scene(BUY, rows=Rows({20: (100, 100, 80, 100)}, unmarked=(20,)), missing="impute"),
        liquidated(20)),
    "two instruments exhaust a cross account": Witness(
        scene(Move("market", share=0.125 * 10 / 3), Move("market", share=0.125 * 10 / 3, feed=1),
              rows=tuple(Rows(mark={20: (80, 80, 80, 80)}, symbol=name)
                         for name in ("ETHUSDT", BTC)),
              margin="cross", cash=800, leverage=3, ladder=QUARTER), liquidated(20, "cross", 2)),
    "a short's maintenance grows with its mark": Witness(
        scene(Move("market", share=0.125 / 3), Move("market", -1, share=0.125 * 10 / 3, feed=1),
              rows=(Rows(), Rows(mark={20: (100, 142.5, 100, 100)}, symbol=BTC)),
              margin="cross", cash=800, leverage=3, ladder=QUARTER), liquidated(20, "cross", 2)),
    "both sides in one instrument exhaust a cross account": Witness(
        scene(Move("market", share=0.4), Move("market", -1, share=0.1),
              rows=Rows(mark={20: (100, 100, 60, 100)}), margin="cross", hedge=True),
        liquidated(20, "cross", 2)),
    "funding is due": Witness(scene(BUY, rows=Rows(funding=(10, 11, 25))), paid(10, 11, 25)),
    "funding is due on the second instrument": Witness(
        scene(Move("market", share=0.1), Move("market", share=0.1, feed=1),
              rows=(Rows(), Rows(funding=(25,), symbol=BTC))), paid(25)),
    "funding is due inside a gathered bar": Witness(
        scene(BUY, step="15m", rows=Rows(funding=(20, 80, 140, 200), bars=230)), paid(5, 9, 13)),
    "the second position is liquidated": Witness(
        scene(Move("market", share=0.1), Move("market", share=0.1, feed=1),
              rows=(Rows(), Rows({20: (100, 100, 80, 80)}, symbol=BTC))), liquidated(20)),
    "a mark stands still while another moves": Witness(
        scene(Move("market", share=0.125 * 10 / 3), Move("market", share=0.125 * 10 / 3, feed=1),
              rows=(Rows({299: (100, 100, 90, 90), 300: (90, 100, 80, 100)}, bars=600),
                    Rows({59: (100, 100, 75, 75), 60: (100, 100, 100, 100)}, bars=120, step="5m",
                         symbol=BTC)),
              step="1h", margin="cross", cash=800, leverage=3, ladder=QUARTER),
        liquidated(5, count=2)),
    "a position is deleveraged": Witness(
        scene(BUY, adl=(AdlEvent(parse(START) + 20 * MINUTE + 1, "long", 0.5, 101.0),)),
        filled(20, "adl", 101)),
    "a stricter ladder begins": Witness(
        scene(BUY, rows=Rows({10: (100, 100, 92, 92)}), liquidation="takeover",
              changes=((parse(START) + 20 * MINUTE, flat_ladder(0.05, id="stricter")),)),
        liquidated(20)),
    "an order meets a bar without a mark": Witness(
        scene(FAR, rows=Rows(unmarked=(20,))), failed("no mark price")),
    "a position without a level meets a bar without a mark": Witness(
        scene(Move("market", share=0.5), rows=Rows(unmarked=(20,)), leverage=1, ladder=SIXTEENTH),
        failed("no mark price")),
}

STRATEGY = {
    "what was sent is heard of a bar later": Witness(
        scene(FAR), told(2, "Accepted")),
    "an order arrives late": Witness(scene(BUY, latency=7), filled(9, "market", 100)),
    "a cancel arrives late": Witness(
        scene(FAR, replies={"order": ((), (Move("cancel"),))}, latency=7),
        told(15, "Canceled")),
    "a bar asked for in position comes": Witness(
        scene(BUY, holds=(10,), then=((Move("close"),),)), filled(13, "market", 100)),
    "a bar named by wake() comes": Witness(
        scene(BUY, wakes=(30,)), filled(31, "market", 100)),
    "an order is sent before the first bar": Witness(
        scene(wakes=(30,), replies={"start": ((BUY,),)}), told(0, "Rejected")),
    "an indicator is not ready when the order fills": Witness(
        scene(wakes=(30,), replies={"start": ((BUY,),)}, latency=3, period=9),
        told(10, "'act'")),
    "a run told to stop ends a bar later": Witness(
        scene(BUY, rows=Rows({20: (100, 100, 80, 80)}), on_liquidation="stop"),
        told(20, "stop", "[22]")),
    "funding is answered": Witness(
        scene(BUY, rows=Rows(funding=(20,)), replies={"funding": ((Move("close"),),)}),
        filled(21, "market", 100)),
}
