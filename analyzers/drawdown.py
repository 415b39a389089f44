"""Drawdown of equity at mark, with the worst point inside the bar."""

from __future__ import annotations

from deleverage.analyzers.base import JournalAnalyzer
from deleverage.statistics.drawdown import DrawdownFigures
from deleverage.statistics.summary import RunRecord


class Drawdown(JournalAnalyzer):
    """Deepest, average and longest drawdown of equity at mark, at bar closes and inside bars.

    Keys and units: :class:`deleverage.statistics.drawdown.DrawdownFigures`.
    """

    def figures(self, record: RunRecord) -> DrawdownFigures:
        """The figures of one run."""
        return record.fall
