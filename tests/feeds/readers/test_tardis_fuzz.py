"""Tardis CSV, spoilt: refused, or read without a wrong row."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from deleverage.feeds.readers.tardis.reader import READER
from deleverage.timestamps import HOUR, MINUTE, SECOND
from tests.feeds.readers.fuzz import examples, fuzz, hold, structure_aware, whole_of
from tests.feeds.readers.test_tardis import EVENTS, TICKER, event, ticker


def liquidations() -> bytes:
    """Six SYNTHETIC events."""
    rows = [event(at * SECOND, side=("sell", "buy")[at % 2], price=2_400 + at, amount=at + 0.5)
            for at in range(6)]
    return "".join(f"{row}\n" for row in (EVENTS, *rows)).encode()


def tickers() -> bytes:
    """A SYNTHETIC ticker over two settlements, each row farther than a repeat from the last."""
    rows = [ticker(at * 10 * MINUTE - 5 * SECOND, (at - 1) // 3 * HOUR // 2 + HOUR // 2,
                   at / 1e5, 100 + at, 2_000 + at) for at in range(1, 10)]
    return "".join(f"{row}\n" for row in (TICKER, *rows)).encode()


@examples(READER.name, 3, 1)
def test_spoilt_liquidations(tmp_path: Path, examples: int):
    """Columns, units, years, sides, rows and bytes: an error that names the file, or right rows."""
    fuzz(READER, "bybit_liquidations_2026-02-01_ETHUSDT.csv", liquidations(), tmp_path, examples)


@examples(READER.name, 3, 1)
def test_spoilt_archives_of_liquidations(tmp_path: Path, examples: int):
    """The same inside gzip, and the gzip itself."""
    fuzz(READER, "bybit/liquidations/2026/02/01/ETHUSDT.csv.gz",
         gzip.compress(liquidations(), mtime=0), tmp_path, examples)


@examples(READER.name, 3, 1)
def test_spoilt_tickers(tmp_path: Path, examples: int):
    """A row of a ticker says what the rows around it are: only what is refused is judged by row."""
    name, data = "bybit_derivative_ticker_2026-02-01_ETHUSDT.csv", tickers()
    whole = whole_of(READER, name, tmp_path, data)

    @settings(max_examples=examples, deadline=None, database=None,
              suppress_health_check=list(HealthCheck))
    @given(structure_aware(data))
    def law(mutant):
        # a row lost or spoilt also changes what was last before the settlement it leads to
        hold(READER, name, tmp_path,
             replace(mutant, differ=3 * (mutant.differ + 1), counted=False), whole)

    law()
