"""The comparison as a table: one engine a line, ratios of CPU time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.peers.environment import PEERS

OURS, YARDSTICK = "deleverage", "yardstick"
HEADER = ("engine", "version", "trades", "year / ours", "year / yardstick", "cold shell / ours",
          "sweep / ours", "peak MB")


def rows(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A line for each engine, the yardstick first."""
    return [_row(name, found["engines"]) for name in found["engines"]]


def markdown(found: Mapping[str, Any]) -> str:
    """The table, and a line for each peer that could not be measured."""
    lines = [" | ".join(row) for row in (HEADER, ("---",) * len(HEADER), *rows(found))]
    text = "\n".join(f"| {line} |" for line in lines)
    return "\n".join([text, *(f"\n{PEERS[name].title} was not measured: {reason}."
                              for name, reason in found["missing"].items())])


def _row(name: str, engines: Mapping[str, Any]) -> tuple[str, ...]:
    told, ours = engines[name], engines[OURS]
    peer = PEERS.get(name)
    every = str(peer.every) if peer else next(iter(ours["sweeps"]), "")
    sweep = f"{ratio(told['sweeps'][every] / ours['sweeps'][every])} (1 in {every})" \
        if every in told["sweeps"] else "–"
    memory = f"{told['megabytes']:.0f}"
    if told["sweeps"]:
        memory += f", sweep {told['megabytes_sweep']:.0f}"
    return (peer.title if peer else name, told["version"], str(len(told["made"]["left"])),
            ratio(told["best"] / ours["best"]),
            ratio(told["best"] / engines[YARDSTICK]["best"]),
            ratio((told["start"] + told["first"]) / (ours["start"] + ours["first"])), sweep, memory)


def ratio(value: float) -> str:
    """Two digits that count, or three."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"
