"""Bybit's answers and recordings, spoilt: refused, or read without a wrong row."""

from __future__ import annotations

from pathlib import Path

from deleverage.feeds.readers.bybit.reader import READER
from deleverage.feeds.readers.protocol import Request
from tests.feeds.readers.fuzz import examples, fuzz
from tests.feeds.readers.test_bybit import START, answer, candles, new_topic, old_topic

# an answer names its symbol once for all rows: what is another's is told by what was asked for
ASKED = Request(symbol="ETHUSDT")


@examples(READER.name, 4, 1)
def test_spoilt_recordings(tmp_path: Path, examples: int):
    """Lines, keys, units, sides and bytes of a recorded stream."""
    texts = [new_topic(("Buy", "Sell")[at % 2], at=at * 900, price=f"{2_400 + at}.5")
             for at in range(5)]
    data = "".join(f"{text}\n" for text in (*texts, old_topic(at=9_000)))
    fuzz(READER, "stream.jsonl", data.encode(), tmp_path, examples)


@examples(READER.name, 4, 1)
def test_spoilt_funding(tmp_path: Path, examples: int):
    """An answer with settlements."""
    rows = [{"symbol": "ETHUSDT", "fundingRate": f"0.000{at}", "fundingRateTimestamp":
             str(START + at * 28_800_000)} for at in (3, 2, 1)]
    fuzz(READER, "funding.json", answer(rows, None).encode(), tmp_path, examples, ASKED)


@examples(READER.name, 4, 1)
def test_spoilt_open_interest(tmp_path: Path, examples: int):
    """An answer with open interest, both sides and one."""
    rows = [{"openInterest": f"10{at}0.0", "singleOpenInterest": f"5{at}0",
             "timestamp": str(START + at * 300_000)} for at in (2, 1, 0)]
    fuzz(READER, "oi.json", answer(rows).encode(), tmp_path, examples, ASKED)


@examples(READER.name, 4, 1)
def test_spoilt_candles(tmp_path: Path, examples: int):
    """An answer with candles of the mark price."""
    fuzz(READER, "mark-price-kline/ETHUSDT.json", answer(candles(5)).encode(), tmp_path,
         examples, ASKED)
