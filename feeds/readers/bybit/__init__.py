"""Bybit: answers of its API and recorded liquidations."""

from deleverage.feeds.readers.bybit.reader import READER

__all__ = ["READER"]
