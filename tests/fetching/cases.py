"""What is fetched of each source in tests, and the dataset that comes of it without a fault."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from deleverage.feeds import fetching
from deleverage.feeds.fetching.fetch import Fetched, fetch_dataset, wanted
from deleverage.feeds.fetching.http import Client
from deleverage.timestamps import parse
from tests.fetching import vendors
from tests.fetching.conftest import hasty


@dataclass(frozen=True)
class Case:
    """One source's request; ``rows`` are those of each table."""

    source: str
    symbol: str
    start: str
    end: str
    rows: dict[str, int]


CASES = (
    Case("binance-vision", "ETHUSDT", "2026-01-31", "2026-02-02",
         {"bars": 2880, "mark": 2880, "index": 2880, "funding": 177, "open_interest": 576}),
    Case("binance", "ETHUSDT", "2026-01-31", "2026-02-02",
         {"bars": 2880, "mark": 2880, "index": 2880, "funding": 7}),
    Case("bybit", "ETHUSDT", "2026-01-31", "2026-02-02",
         {"bars": 2880, "mark": 2880, "index": 2880, "funding": 7, "open_interest": 576}),
    Case("okx", "ETH-USDT-SWAP", "2026-01-31", "2026-02-01",
         {"bars": 1440, "mark": 1440, "index": 1440}),
    Case("hyperliquid", "ETH", "2026-01-01", "2026-02-12", {"funding": 1009}),
    Case("cryptohftdata", "ETHUSDT", "2026-01-31", "2026-02-01", {"liquidations": 118}),
    Case("tardis", "ETHUSDT", "2026-01-31", "2026-02-02", {"liquidations": 234}),
    Case("coinalyze", "ETHUSDT", "2026-01-31", "2026-02-12",
         {"liquidations": 24, "open_interest": 12}),
)
each_source = pytest.mark.parametrize("case", CASES, ids=lambda case: case.source)


def carried_out(case: Case, out: Path, client: Client | None = None) -> Fetched:
    """The fetch of a case, with the keys that it needs in the environment."""
    asked = wanted(case.symbol, parse(case.start), parse(case.end))
    return fetch_dataset(lambda client: fetching.get(case.source).plan(asked, client), out,
                         client or hasty((vendors.KEY,)), asked)


def rows(done: Fetched) -> dict[str, int]:
    """How many rows each table has."""
    return {name: done.dataset.table(name).num_rows for name in done.dataset.tables}
