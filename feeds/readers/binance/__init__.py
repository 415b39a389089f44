"""Binance: its public archive, and recordings of its stream of liquidations."""

from deleverage.feeds.readers.binance import stream, vision

READERS = (vision.READER, stream.READER)
