"""What happened in the runs that were compared: a law over quiet markets would prove nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import groupby

from deleverage.timestamps import parse_step
from tests.engine.runs import Outcome
from tests.engine.scenes import Scene

# event → how often at least, of 100 scenes; below that what is drawn no longer reaches it. It is
# far below the mean, for single scenes bring some of them by the dozen.
WANTED: dict[str, float] = {
    "fill market": 150, "fill limit": 60, "fill stop": 15, "fill stop_limit": 2, "fill trail": 5,
    "fill trail_limit": 1, "fill close": 2, "fill liquidation": 15, "fill adl": 3,
    "trailing triggers": 10, "expired": 40, "canceled": 120, "refused": 250, "in parts": 30,
    "orders from notifications": 18, "liquidated": 10, "step-downs": 4, "gaps": 5,
    "two instruments liquidated together": 0.5, "funding paid": 280, "funding inside a bar": 80,
    "funding of no known rate": 5, "ladders changed": 12, "runs ended by an error": 4,
    "runs with finer bars": 12, "runs on two instruments": 18,
}


def counted(scene: Scene, outcome: Outcome) -> Counter[str]:
    """The events of one run."""
    journal, found = outcome.journal, Counter({"scenes": 1})
    found.update(f"fill {fill.reason}" for fill in journal.fills)
    found["trailing triggers"] = found["fill trail"] + found["fill trail_limit"]
    for status, name in (("Expired", "expired"), ("Canceled", "canceled"), ("Partial", "in parts")):
        found[name] = sum(f"'{status}'" in line for line in outcome.told)
    found["refused"] = len(journal.rejections)
    found["orders from notifications"] = _answers(scene, outcome)
    whole = [event for event in journal.liquidations if not event.size_after]
    found["liquidated"] = len(whole)
    found["step-downs"] = len(journal.liquidations) - len(whole)
    found["gaps"] = sum(event.gap for event in journal.liquidations)
    found["two instruments liquidated together"] = sum(
        len({event.symbol for event in events}) > 1
        for _, events in groupby(journal.liquidations, lambda event: event.ts))
    steps = {series.symbol: parse_step(series.step) for series in scene.series}
    for payment in journal.funding:
        found["funding paid" if payment.state == "settled" else "funding of no known rate"] += 1
        found["funding inside a bar"] += payment.ts % steps[payment.symbol] != 0
    found["ladders changed"] = outcome.ladders.count("(")
    found["runs ended by an error"] = bool(outcome.error)
    found["runs with finer bars"] = scene.step is not None
    found["runs on two instruments"] = len(scene.series) > 1
    found["runs on different clocks"] = _apart(scene)
    found["runs on different clocks with finer bars"] = _apart(scene) and any(
        series.shown for series in scene.series)
    found["bars"], found["visited"] = outcome.bars, outcome.visits
    return found


# the same of 100 scenes on different clocks
APART: dict[str, float] = {
    "fill market": 150, "fill limit": 60, "fill stop": 20, "fill stop_limit": 6, "fill trail": 10,
    "fill trail_limit": 5, "fill close": 3, "fill liquidation": 25, "fill adl": 2,
    "trailing triggers": 18, "expired": 60, "canceled": 250, "refused": 500, "in parts": 80,
    "orders from notifications": 20, "liquidated": 18, "step-downs": 7, "gaps": 6,
    "two instruments liquidated together": 0.5, "funding paid": 400, "funding inside a bar": 200,
    "funding of no known rate": 5, "ladders changed": 18, "runs ended by an error": 4,
    "runs on different clocks": 90, "runs on different clocks with finer bars": 10,
}


def missing(found: Counter[str], least: Mapping[str, float] = WANTED) -> dict[str, tuple[int, int]]:
    """Events that happened too seldom, with how often and how often at least; of a few scenes half
    as much is asked."""
    share = found["scenes"] / (100 if found["scenes"] >= 100 else 200)
    wanted = {name: int(count * share) for name, count in least.items()}
    return {name: (found[name], count) for name, count in wanted.items() if found[name] < count}


def table(found: Counter[str]) -> str:
    """The counts in words, one a line."""
    return "\n".join(f"{count:8,d}  {name}" for name, count in sorted(found.items()) if count)


def _apart(scene: Scene) -> bool:
    """Whether the strategy's feeds do not share a clock: start, length, step, gaps."""
    return scene.step is None and len({
        (series.start, series.bars, series.shown or series.step, series.holes)
        for series in scene.series}) > 1


def _answers(scene: Scene, outcome: Outcome) -> int:
    """Replies to notifications that sent something."""
    kinds = ("order", "trade", "liquidation", "funding")
    heard = Counter(kind for line in outcome.told for kind in kinds if f", '{kind}'," in line)
    return sum(bool(moves) for kind, replies in scene.plan.replies.items()
               for moves in replies[:heard[kind]])
