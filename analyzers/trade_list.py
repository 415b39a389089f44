"""TradeList: the list, and what it adds up to."""

from __future__ import annotations

from typing import Any

from deleverage.analyzers.base import JournalAnalyzer
from deleverage.statistics.summary import RunRecord, run_length
from deleverage.statistics.trade_figures import trade_figures


class TradeList(JournalAnalyzer):
    """Every position from flat to flat under ``list``, and its figures under ``figures``.

    Keys and units: :class:`deleverage.statistics.trades.Trade` and
    :class:`deleverage.statistics.trade_figures.TradeFigures`.
    """

    def figures(self, record: RunRecord) -> dict[str, Any]:
        """The list and the figures of one run."""
        return {"list": record.trades, "figures": trade_figures(record.trades, run_length(record))}
