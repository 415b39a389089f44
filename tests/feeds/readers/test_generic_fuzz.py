"""Spoilt files through the generic reader (the law is in :mod:`tests.feeds.readers.fuzz`)."""

from __future__ import annotations

import tomllib
from pathlib import Path

from deleverage.feeds.readers.generic.reader import Generic
from deleverage.feeds.readers.protocol import Request
from tests.feeds.readers.fuzz import examples, fuzz
from tests.feeds.readers.reading import csv_text
from tests.feeds.readers.test_generic import AGGREGATE, BARS, EVENTS, candles, events, hours


class Told(Generic):
    """The generic reader, told that a file is its own."""

    def kind(self, path: Path, head: bytes) -> str | None:
        """Always its own."""
        return "a file with a column map"


def asked(toml: str) -> Request:
    """A request with this map."""
    return Request(columns=tomllib.loads(toml))


@examples(Generic.name, 3, 1)
def test_bars(tmp_path, examples):
    """Candles: an error naming the file, or the rows that were there."""
    fuzz(Told(), "a.csv", candles(6).encode(), tmp_path, examples, asked(BARS))


@examples(Generic.name, 3, 1)
def test_events(tmp_path, examples):
    """Single liquidations with a notional of their own."""
    toml = EVENTS.replace('price = "px"', 'price = "px"\nnotional = "usd"')
    fuzz(Told(), "a.csv", events(usd=[200.0, 303.0]).encode(), tmp_path, examples, asked(toml))


@examples(Generic.name, 3, 1)
def test_bars_of_liquidations(tmp_path, examples):
    """Hourly sums of both sides."""
    fuzz(Told(), "a.csv", csv_text(hours(0, 1, 2, 3, 4)).encode(), tmp_path, examples,
         asked(AGGREGATE))
