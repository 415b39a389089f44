"""Totals, ranks and shares of liquidations, against sums by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deleverage.errors import UnknownName, UsageError
from deleverage.feeds.summary import summary, totals_by_day
from deleverage.feeds.totals import largest, largest_event, shares
from deleverage.market import Coverage
from deleverage.timestamps import parse
from tests.markets import make_dataset

EVENTS: list[dict[str, Any]] = [
    {"ts": "2026-01-28T05:30", "liq_side": "long", "notional_usd": 10.0, "venue": "binance"},
    {"ts": "2026-01-28T20:00", "liq_side": "short", "notional_usd": 40.0, "venue": "binance"},
    {"ts": "2026-01-29T00:00", "liq_side": "long", "notional_usd": 7.0, "venue": "bybit"},
    {"ts": "2026-01-29T02:20", "liq_side": "long", "notional_usd": 30.0, "venue": "bybit"},
    {"ts": "2026-01-29T17:00", "liq_side": "short", "notional_usd": 20.0, "venue": "bybit"},
    {"ts": "2026-01-30T16:30", "liq_side": "long", "notional_usd": 1.0, "venue": "binance"},
]


def made(tmp_path: Path, rows: list[dict[str, Any]] = EVENTS, symbol: str = "ETHUSDT") -> Any:
    """A dataset of three SYNTHETIC days with these events."""
    return make_dataset(tmp_path / symbol, np.linspace(100, 110, 72), step="1h",
                        liquidations=rows, symbol=symbol)


@pytest.mark.parametrize(("window", "expected"), [
    ("utc", [("2026-01-28", 17.0, 40.0, 3), ("2026-01-29", 30.0, 20.0, 2),
             ("2026-01-30", 1.0, 0.0, 1)]),
    # in UTC+8 the evening of the 28th belongs to the 29th
    ("utc+8", [("2026-01-29", 37.0, 40.0, 3), ("2026-01-30", 0.0, 20.0, 1),
               ("2026-01-28", 10.0, 0.0, 1), ("2026-01-31", 1.0, 0.0, 1)]),
    # the best 24 hours end at 17:00 of the 29th;
    # no event may count in two windows: what ended on the 30th at 16:30 would
    ("24h", [("2026-01-29 17:00", 37.0, 60.0, 4), ("2026-01-28 05:30", 10.0, 0.0, 1)]),
])
def test_windows_and_ranks(tmp_path: Path, window: str, expected: list[Any]) -> None:
    """Each window has its own sums; the event of midnight ends its day."""
    dataset = made(tmp_path)
    found = largest(dataset.table("liquidations"), dataset.market.coverage, window, 5)
    assert [(row.label, row.long_usd, row.short_usd, row.events) for row in found] == expected
    assert [row.rank for row in found] == list(range(1, len(found) + 1))


def test_a_rank_counts_since_a_day(tmp_path: Path) -> None:
    """What was before does not count, and the day is named."""
    dataset = made(tmp_path)
    found = largest(dataset.table("liquidations"), dataset.market.coverage, "utc", 1,
                    parse("2026-01-29"))
    assert (found[0].label, found[0].rank, found[0].since) == ("2026-01-29", 1, "2026-01-29")
    with pytest.raises(UnknownName, match="did you mean 'utc'"):
        largest(dataset.table("liquidations"), (), "utcc")


def test_a_window_covered_in_part_is_told(tmp_path: Path) -> None:
    """A feed that began at noon does not make a whole day."""
    dataset = made(tmp_path)
    cover = Coverage("liquidations", "binance", "test", parse("2026-01-28T12:00"),
                     parse("2026-01-31"))
    found = largest(dataset.table("liquidations"), [cover], "utc", 3)
    assert {row.label: row.whole for row in found} == {
        "2026-01-28": False, "2026-01-29": True, "2026-01-30": True}


def test_shares_and_the_largest_order(tmp_path: Path) -> None:
    """A venue's part of what single venues reported, and where the largest order stands."""
    dataset = made(tmp_path)
    table = dataset.table("liquidations")
    found = shares(table, parse("2026-01-28"), parse("2026-01-29"))
    assert [(row.venue, row.usd, round(row.share, 4)) for row in found] == [
        ("binance", 50.0, 0.8772), ("bybit", 7.0, 0.1228)]
    event = largest_event(table, dataset.market.coverage)
    assert event is not None
    assert (event.usd, event.side, event.venue, event.row) == (40.0, "short", "binance", "row 2")
    assert event.single_source
    both = [Coverage("liquidations", "binance", name, 0, parse("2026-02-01"))
            for name in ("one", "two")]
    event = largest_event(table, both)
    assert event is not None
    assert not event.single_source


def test_totals_over_several_datasets(tmp_path: Path) -> None:
    """Days add up over coins; one coin twice and a rolling window are refused."""
    eth, btc = made(tmp_path), made(tmp_path, EVENTS[:2], "BTCUSDT")
    first, *_ = totals_by_day([eth, btc])
    assert (first.label, first.long_usd, first.short_usd) == ("2026-01-28", 27.0, 80.0)
    assert dict(first.by_coin) == {"ETH": 57.0, "BTC": 50.0}
    with pytest.raises(UsageError, match="two of the datasets are of one coin"):
        totals_by_day([eth, eth])
    with pytest.raises(UsageError, match="need a calendar day"):
        totals_by_day([eth, btc], "24h")


def test_the_lines_of_the_terminal(tmp_path: Path) -> None:
    """Sixty points: the last close of each, the dollars liquidated in each."""
    facts = summary(made(tmp_path))
    assert len(facts.price) == len(facts.liquidated) == 60
    assert facts.price[-1] == 110.0
    assert sum(facts.liquidated) == pytest.approx(108.0)
