"""What happened in the runs that were compared: a law over quiet markets would prove nothing."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from tests.direct.runs import Outcome
from tests.direct.scenes import Scene

# what a run may need the engine for, of all that the scenes hold
ALLOWED = (
    "bars without a mark", "a signal that adds to a position",
    "a position that another one follows in the same bar", "a close that does not close")
# event → how often at least, of 100 scenes; far below the mean, for single scenes bring some of
# them by the dozen
WANTED: dict[str, float] = {
    "direct": 90, "fill market": 250, "fill limit": 30, "fill stop": 35, "fill liquidation": 4,
    "exit time": 35, "exit signal": 12, "exit stop on a close": 12, "exit target on a close": 12,
    "turns": 10, "guards": 2, "exits of what was left": 0.2, "liquidated": 8, "step-downs": 3,
    "gaps": 2, "refused": 250, "refused at the fill": 2, "funding paid": 200,
    "funding inside a bar": 30, "funding of no known rate": 2, "ladders changed": 5,
    "runs ended by an error": 0.5, "runs of columns": 20, "entered and left in one bar": 15,
    "left in the bar after": 20, "still held at the end": 3, "cross": 20, "last bars asked": 25,
    "enter written out": 60, "leave written out": 50, "settle written out": 25,
    "enter walked": 60, "leave walked": 25, "settle walked": 25,
}


def counted(scene: Scene, outcome: Outcome) -> Counter[str]:
    """The events of one run."""
    journal, found = outcome.journal, Counter({"scenes": 1, "direct": 1})
    for fill, reason in zip(journal.fills, outcome.reasons, strict=True):
        found[f"fill {fill.reason}"] += 1
        found["turns"] += fill.reason == "market" and reason == "signal" and any(
            other.bar == fill.bar and other.seq == fill.seq + 1 and other.reason == "market"
            for other in journal.fills)
        if fill.reason == "market" and reason:
            judged = " on a close" if reason in ("stop", "target") else ""
            found[f"exit {reason}{judged}"] += 1
    for one, two in pairwise(journal.fills):
        if two.closed and not one.closed:
            found["entered and left in one bar"] += one.bar == two.bar
            found["left in the bar after"] += one.bar + 1 == two.bar
    parts = {event.position for event in journal.liquidations if event.size_after}
    found["exits of what was left"] = sum(
        fill.position in parts and fill.reason in ("stop", "limit") for fill in journal.fills)
    found["step-downs"] = sum(bool(event.size_after) for event in journal.liquidations)
    found["liquidated"] = len(journal.liquidations) - found["step-downs"]
    found["gaps"] = sum(event.gap for event in journal.liquidations)
    found["refused"] = len(journal.rejections)
    found["refused at the fill"] = sum("the fill at" in each.reason for each in journal.rejections)
    for payment in journal.funding:
        found["funding paid" if payment.state == "settled" else "funding of no known rate"] += 1
    found["funding inside a bar"] = sum(payment.ts % 60_000_000_000 != 0
                                        for payment in journal.funding)
    found["ladders changed"] = outcome.ladders.count("(")
    found["runs ended by an error"] = bool(outcome.error)
    found["runs of columns"] = scene.columns
    found["still held at the end"] = outcome.positions != "{}"
    found["cross"] = scene.account["margin"] == "cross"
    found["last bars asked"] = bool(scene.told) and scene.told[-1].bar == scene.series.bars - 1
    return found


def missing(found: Counter[str]) -> dict[str, tuple[int, int]]:
    """Events that happened too seldom, with how often and how often at least; of a few scenes half
    as much is asked, and once at least of many."""
    many = found["scenes"] >= 100
    share = found["scenes"] / (100 if many else 200)
    wanted = {name: max(int(count * share), many) for name, count in WANTED.items()}
    return {name: (found[name], count) for name, count in wanted.items() if found[name] < count}


def not_allowed(found: Counter[str]) -> list[str]:
    """For what the engine was needed that a scene may not need it for."""
    return [name for name in found if name.startswith("not direct: ")
            and not name.removeprefix("not direct: ").startswith(ALLOWED)]


def table(found: Counter[str]) -> str:
    """The counts in words, one a line."""
    return "\n".join(f"{count:8,d}  {name}" for name, count in sorted(found.items()) if count)
