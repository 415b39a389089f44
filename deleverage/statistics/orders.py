"""Orders: how many filled, in which role, in how many parts, and why others were refused."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from deleverage.journal import Journal

FORCED = ("liquidation", "adl")  # what the venue did, no order of the strategy
# a reason is grouped without its figures: "margin: needs 1,204.00" and "… 998.10" are one
_FIGURES = re.compile(r"[-−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?x?")


@dataclass(frozen=True, slots=True)
class OrderFigures:
    """Counts of ``fills`` (forced closes included), maker and taker among them, and of rejections.

    ``forced`` are the fills by the venue (liquidation, auto-deleveraging). Of the strategy's own
    ``orders`` with a fill, ``in_parts`` filled in more than one (``part_fills`` fills together):
    the volume of a bar did not carry them at once. ``fills_by_reason`` counts all fills by what
    filled: market, limit, stop, …, liquidation, adl.
    """

    fills: int
    maker: int
    taker: int
    forced: int
    orders: int
    in_parts: int
    part_fills: int
    rejections: int
    fills_by_reason: dict[str, int]
    rejections_by_reason: dict[str, int]


def order_figures(journal: Journal) -> OrderFigures:
    """Counts over the journal; the commonest reason first."""
    roles = Counter(fill.role for fill in journal.fills)
    parts = Counter(fill.order_ref for fill in journal.fills if fill.reason not in FORCED)
    several = [count for count in parts.values() if count > 1]
    reasons = Counter(_FIGURES.sub("…", row.reason) for row in journal.rejections)
    return OrderFigures(
        fills=len(journal.fills), maker=roles["maker"], taker=roles["taker"],
        forced=sum(fill.reason in FORCED for fill in journal.fills), orders=len(parts),
        in_parts=len(several), part_fills=sum(several), rejections=len(journal.rejections),
        fills_by_reason=dict(Counter(fill.reason for fill in journal.fills).most_common()),
        rejections_by_reason=dict(reasons.most_common()))
