"""[time] of a column map: which column, how it is written, what instant it is, when known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deleverage.errors import UsageError
from deleverage.feeds.readers.generic.section import Section
from deleverage.feeds.readers.parsing.stamps import UNITS, span_of, zone_of
from deleverage.feeds.readers.protocol import Request
from deleverage.timestamps import parse, parse_step


@dataclass(frozen=True, slots=True)
class TimeMap:
    """[time]: which column, how it is written, what instant it is, when a row was known."""

    column: str
    unit: str | None
    format: str | None
    zone_ns: int
    stamp: str
    step_ns: int | None
    delay_ns: int
    available: str | None
    drop_newest: bool
    from_ns: int | None
    to_ns: int | None

    def start(self, stamps: Any) -> Any:
        """Starts of what the rows stand for: bars that are stamped with their close begin sooner.
        """
        return stamps - (self.step_ns or 0) if self.stamp == "close" else stamps


def time_map(top: Section, table: str, whole_bars: bool, request: Request) -> TimeMap:
    """[time] of the map for ``table``; ``whole_bars``: its liquidations are bars of both sides."""
    section = Section("time", top.values.get("time", {}), (
        "column", "unit", "format", "zone", "stamp", "step", "delay", "available", "drop_newest",
        "from", "to"))
    column, stamp = section.text("column"), section.choice("stamp", ("open", "close", "event"))
    if column is None or stamp is None:
        missing = "stamp (open, close or event)" if column else "column"
        raise UsageError(f"column map: {missing} in [time] is missing")
    bars = table in ("bars", "mark", "index", "premium") or (
        table == "liquidations" and whole_bars)
    if bars and stamp == "event":
        raise UsageError(f"column map: {table} are stamped open or close, not event")
    if not bars and stamp != "event" and table != "context":
        raise UsageError(f"column map: {table} are stamped event, found {stamp!r}")
    step = section.parsed("step", parse_step) or (
        parse_step(request.timeframe) if request.timeframe else None)
    if stamp != "event" and step is None:
        raise UsageError(f"column map: step in [time] is missing (stamp is {stamp!r})")
    if section.text("delay") and section.text("available"):
        raise UsageError("column map: delay and available in [time] exclude each other")
    if bars and table != "liquidations" and (section.text("delay") or section.text("available")):
        raise UsageError(f"column map: {table} are known at their close: no delay, no available")
    bounds = [section.parsed(key, parse, -1) for key in ("from", "to")]
    return TimeMap(column, section.choice("unit", tuple(UNITS)), section.text("format"),
                   section.parsed("zone", zone_of), stamp, step,
                   section.parsed("delay", span_of), section.text("available"),
                   bool(section.of("drop_newest", bool)),
                   *(None if each == -1 else each for each in bounds))
