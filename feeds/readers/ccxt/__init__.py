"""ccxt: its unified structures, saved as JSON."""

from deleverage.feeds.readers.ccxt.reader import READER

__all__ = ["READER"]
