"""Liquidations: every forced close, and how the mark that caused it was known."""

from __future__ import annotations

from deleverage.analyzers.base import JournalAnalyzer
from deleverage.statistics.liquidations import Liquidations as Figures
from deleverage.statistics.liquidations import liquidations
from deleverage.statistics.summary import RunRecord


class Liquidations(JournalAnalyzer):
    """Forced closes: count, margin lost, fees, and how many depend on a clipped or last mark.

    Keys and units: :class:`deleverage.statistics.liquidations.Liquidations`.
    """

    def figures(self, record: RunRecord) -> Figures:
        """The figures of one run."""
        return liquidations(record.episodes, record.trades)
