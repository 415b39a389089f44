"""SurvivalFrontier: every trade replayed at every leverage the venue grants."""

from __future__ import annotations

from deleverage.analyzers.base import JournalAnalyzer
from deleverage.statistics.frontier import SurvivalFrontier as Figures
from deleverage.statistics.summary import RunRecord, frontier_of


class SurvivalFrontier(JournalAnalyzer):
    """Share of trades that survive and their P&L, by leverage; positions replayed as isolated.

    Keys and units: :class:`deleverage.statistics.frontier.SurvivalFrontier`.
    """

    def figures(self, record: RunRecord) -> Figures:
        """The figures of one run."""
        return frontier_of(record)
