"""What was done, as points on a chart of price: entries, exits, liquidations; and the levels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deleverage.detectors.levels import Level, parse_levels
from deleverage.errors import DeleverageError
from deleverage.journal import LiquidationEvent
from deleverage.statistics.trades import Trade

ENTRY, EXIT, LIQUIDATION, REDUCTION = "entry", "exit", "liquidation", "reduction"


@dataclass(frozen=True, slots=True)
class Deed:
    """One point: ``kind`` as above, ``side`` of the position (+1 long), ``text`` for the reader."""

    kind: str
    ts: int
    price: float
    side: int
    number: int
    text: str


def deeds(trades: Sequence[Trade], steps: Iterable[LiquidationEvent]) -> tuple[Deed, ...]:
    """Entries and exits of ``trades``, every forced step of the venue, in order of time.

    A liquidated trade has no exit of its own: its forced steps stand for it.
    """
    found = []
    for trade in trades:
        side = "long" if trade.side > 0 else "short"
        found.append(Deed(ENTRY, trade.entry_ns, trade.entry_price, trade.side, trade.number,
                          f"#{trade.number} {side} {trade.max_size:g} at {trade.leverage:g}x"))
        if trade.exit_ns is not None and trade.exit_price is not None and not trade.liquidated:
            found.append(Deed(EXIT, trade.exit_ns, trade.exit_price, trade.side, trade.number,
                              f"#{trade.number} {trade.exit_reason}, net {trade.net:+,.2f}"))
    for step in steps:
        over = step.size_after == 0.0
        words = (f"#{step.position} {'liquidated' if over else 'reduced'} on mark "
                 f"{step.trigger_mark:,.2f}, lost {abs(step.loss):,.2f}")
        found.append(Deed(LIQUIDATION if over else REDUCTION, step.ts, step.trigger_mark,
                          1 if step.size > 0 else -1, step.position, words))
    return tuple(sorted(found, key=lambda item: item.ts))


def levels(params: Mapping[str, Any]) -> tuple[Level, ...]:
    """The price levels a strategy stood on: those of its parameter ``levels``, if it has one."""
    text = params.get("levels")
    if not isinstance(text, str):
        return ()
    try:
        return parse_levels(text)
    except DeleverageError:  # somebody's own parameter of that name, with another meaning
        return ()
