"""Orders: how many filled, in which role, and why others were refused."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from deleverage.journal import Journal

# a reason is grouped without its figures: "margin: needs 1,204.00" and "… 998.10" are one
_FIGURES = re.compile(r"[-−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?x?")


@dataclass(frozen=True, slots=True)
class OrderFigures:
    """Counts of fills (forced closes included), maker and taker among them, and of rejections."""

    fills: int
    maker: int
    taker: int
    rejections: int
    rejections_by_reason: dict[str, int]


def order_figures(journal: Journal) -> OrderFigures:
    """Counts over the journal; the commonest reason first."""
    roles = Counter(fill.role for fill in journal.fills)
    reasons = Counter(_FIGURES.sub("…", row.reason) for row in journal.rejections)
    return OrderFigures(len(journal.fills), roles["maker"], roles["taker"],
                        len(journal.rejections), dict(reasons.most_common()))
