"""Spoilt CoinGlass files (the law is in :mod:`tests.feeds.readers.fuzz`)."""

from __future__ import annotations

from deleverage.feeds.readers.coinglass.reader import READER
from deleverage.feeds.readers.protocol import Request
from tests.feeds.readers.fuzz import examples, fuzz
from tests.feeds.readers.reading import csv_text
from tests.feeds.readers.test_coinglass import H4, START, aggregated, answer, ohlc, order


@examples(READER.name, 4, 1)
def test_aggregated(tmp_path, examples):
    """An answer of bars."""
    fuzz(READER, "a.json", answer(aggregated(5)).encode(), tmp_path, examples, Request("ETH"))


@examples(READER.name, 4, 1)
def test_orders(tmp_path, examples):
    """An answer of orders."""
    text = answer([order(), order(side=1, time=START + 5)])
    fuzz(READER, "a.json", text.encode(), tmp_path, examples, Request("ETH", side="order"))


@examples(READER.name, 4, 1)
def test_funding(tmp_path, examples):
    """An answer of funding."""
    fuzz(READER, "coinglass/funding.json", ohlc(count=5).encode(), tmp_path, examples,
         Request("ETH", "binance"))


@examples(READER.name, 4, 1)
def test_table(tmp_path, examples):
    """A table of two coins."""
    text = csv_text({"asset": ["BTC", "ETH"] * 4, "long_liq_usd": [1, 2, 3, 4, 5, 6, 7, 8],
                     "time_ms": [START + at // 2 * H4 for at in range(8)],
                     "short_liq_usd": [0] * 8})
    fuzz(READER, "a.csv", text.encode(), tmp_path, examples)
