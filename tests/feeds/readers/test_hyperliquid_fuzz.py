"""Hyperliquid's files, spoilt: refused, or read without a wrong row."""

from __future__ import annotations

import json
from pathlib import Path

from deleverage.feeds.readers.hyperliquid.reader import READER
from tests.feeds.readers.fuzz import examples, fuzz
from tests.feeds.readers.test_hyperliquid import (
    OTHER,
    START,
    USER,
    block,
    candle,
    context,
    contexts,
    fill,
    other,
)


@examples(READER.name, 4, 1)
def test_spoilt_blocks(tmp_path: Path, examples: int):
    """Lines, keys, units, sides and bytes of a node's blocks."""
    texts = [block((USER, fill(tid=at, px=f"{2_400 + at}.5")), (OTHER, other(tid=at)), number=at)
             for at in range(1, 5)]
    data = "".join(f"{text}\n" for text in texts)
    fuzz(READER, "0.jsonl", data.encode(), tmp_path, examples)


@examples(READER.name, 4, 1)
def test_spoilt_contexts(tmp_path: Path, examples: int):
    """asset_ctxs in its LZ4 frame."""
    data = contexts(*(context(f"2026-02-01T00:0{at}:00Z", mark=str(2_400 + at))
                      for at in range(6)))
    fuzz(READER, "20260201.csv.lz4", data, tmp_path, examples)


@examples(READER.name, 4, 1)
def test_spoilt_funding(tmp_path: Path, examples: int):
    """An answer with settlements."""
    rows = [{"coin": "ETH", "fundingRate": f"0.0000{at}", "premium": "0.1",
             "time": START + at * 3_600_000 + 31} for at in range(1, 5)]
    fuzz(READER, "funding.json", json.dumps(rows).encode(), tmp_path, examples)


@examples(READER.name, 4, 1)
def test_spoilt_candles(tmp_path: Path, examples: int):
    """An answer with candles."""
    fuzz(READER, "candles.json", json.dumps([candle(at) for at in range(5)]).encode(), tmp_path,
         examples)
