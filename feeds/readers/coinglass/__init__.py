"""CoinGlass: answers of its API and tables made of them."""

from deleverage.feeds.readers.coinglass.reader import READER

__all__ = ["READER"]
