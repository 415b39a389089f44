"""Paradox: right on direction and liquidated, and what leverage each trade would have survived."""

from __future__ import annotations

from deleverage.analyzers.base import JournalAnalyzer
from deleverage.statistics.paradox import Paradox as Figures
from deleverage.statistics.summary import RunRecord, paradox_of


class Paradox(JournalAnalyzer):
    """Per trade: as leveraged, at 1x, had it survived; the leverage it could have survived.

    Keys and units: :class:`deleverage.statistics.paradox.Paradox`.
    """

    def figures(self, record: RunRecord) -> Figures:
        """The figures of one run."""
        return paradox_of(record)
