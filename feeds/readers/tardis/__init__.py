"""Tardis: liquidations and tickers as CSV."""

from deleverage.feeds.readers.tardis.reader import READER

__all__ = ["READER"]
