"""Near misses: positions that came close to liquidation and lived."""

from __future__ import annotations

from deleverage.analyzers.base import JournalAnalyzer
from deleverage.statistics.near_miss import NearMisses as Figures
from deleverage.statistics.near_miss import near_misses
from deleverage.statistics.summary import RunRecord


class NearMisses(JournalAnalyzer):
    """Positions that used 80, 90 or 95 % of their buffer and lived, each counted once.

    Keys and units: :class:`deleverage.statistics.near_miss.NearMisses`.
    """

    def figures(self, record: RunRecord) -> Figures:
        """The figures of one run."""
        return near_misses(record.episodes, record.excursions, record.columns)
