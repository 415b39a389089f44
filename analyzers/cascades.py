"""Cascades: a row each, and the P&L inside them, in the 24 h after and elsewhere."""

from __future__ import annotations

from deleverage.analyzers.base import JournalAnalyzer
from deleverage.statistics.cascade_table import CascadeTable
from deleverage.statistics.summary import RunRecord, cascades_of


class Cascades(JournalAnalyzer):
    """Cascades of the market with the trades that belong to each, and P&L by zone of time.

    Keys and units: :class:`deleverage.statistics.cascade_table.CascadeTable`.
    """

    def figures(self, record: RunRecord) -> CascadeTable:
        """The figures of one run."""
        return cascades_of(record)
