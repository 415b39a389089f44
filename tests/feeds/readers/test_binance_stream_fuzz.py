"""Recordings of Binance's stream spoilt on purpose: refused by name, or read and counted truly."""

from __future__ import annotations

import json

import pytest

from deleverage.feeds.readers.binance.stream import READER
from tests.feeds.readers.binance_files import DAY, json_lines, message, recorded
from tests.feeds.readers.fuzz import examples, fuzz, zipped

MESSAGES = [message(f"{DAY}T17:10:0{at}.100", ("SELL", "BUY")[at % 2],
                    ("ETHUSDT", "BTCUSDT", "ETHUSD_PERP")[at % 3]) for at in range(6)]
FILES = {
    "lines": ("a.jsonl", json_lines(MESSAGES)),
    "lines in zip": ("a.zip", zipped(json_lines(MESSAGES))),
    "wrapped": ("a.jsonl", json_lines([{"stream": "!forceOrder@arr", "data": each}
                                       for each in MESSAGES])),
    "document": ("a.json", json.dumps(MESSAGES, indent=1).encode()),
    "recorder": ("binance.csv", recorded(8)),
    "recorder with a banner": ("binance.csv", recorded(8, "Hello Bot", "2000.0")),
}


@examples(READER.name, len(FILES))
@pytest.mark.parametrize("file", FILES)
def test_a_spoilt_recording_is_never_read_wrongly(tmp_path, file, examples):
    """An error that names the file, or rows that were there; what is missing is counted."""
    name, data = FILES[file]
    fuzz(READER, name, data, tmp_path, examples)
