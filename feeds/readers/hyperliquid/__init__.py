"""Hyperliquid: answers of its API, its nodes' fills, asset contexts."""

from deleverage.feeds.readers.hyperliquid.reader import READER

__all__ = ["READER"]
