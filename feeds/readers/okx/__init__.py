"""OKX: candles, funding, open interest, liquidation orders."""

from deleverage.feeds.readers.okx.reader import READER

__all__ = ["READER"]
