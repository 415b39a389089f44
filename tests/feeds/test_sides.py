"""A feed whose side means the opposite is noticed before it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from deleverage.errors import DataError
from deleverage.feeds import event_union, sides
from deleverage.feeds.importing import import_dataset
from deleverage.feeds.readers.parsing.values import liquidation_rows
from deleverage.timestamps import MINUTE, parse
from tests.feeds.toy_vendor import Toy, bars, events, toy

__all__ = ["toy"]
FIRST = parse("2026-01-28")
CLOSE_NS = FIRST + MINUTE * np.arange(1, 241)
# two hours down by 5 %, two hours up again, in steps of minutes that count
CLOSE = 100 * np.exp(np.concatenate([np.linspace(0, -0.4, 120), np.linspace(-0.4, 0, 120)]))


def table(count: int, is_long: Any, basis: str = "fill", away: float = 0.0) -> pa.Table:
    """Events spread over the falling and the rising half; ``away`` is the share by which a long's
    price lies below the market (a short's above)."""
    at = np.linspace(10, 229, count).astype(int)
    falling = at < 120
    long = falling if is_long == "losers" else ~falling
    price = CLOSE[at] * (1 - away * np.where(long, 1, -1))
    return liquidation_rows({
        "ts": CLOSE_NS[at] - MINUTE // 2, "available_at": CLOSE_NS[at], "venue": "bybit",
        "symbol": "ETHUSDT", "base": "ETH", "is_long": long, "qty_base": np.ones(count),
        "price": price, "price_basis": basis, "notional_usd": 1000 * np.ones(count),
        "completeness": "all", "source_row": np.arange(count)}, count)


def test_losers_of_a_move_are_the_ones_liquidated() -> None:
    """Longs in the fall and shorts in the rise agree, the opposite is inverted."""
    assert sides.judged(table(60, "losers"), CLOSE_NS, CLOSE).state == sides.AGREES
    wrong = sides.judged(table(60, "winners"), CLOSE_NS, CLOSE)
    assert wrong.state == sides.INVERTED
    assert wrong.why.startswith("2% of 60 events by their dollars")


def test_bankruptcy_prices_lie_on_the_side_of_the_loss() -> None:
    """Below the market for longs and above for shorts, whatever the market did."""
    right = table(60, "winners", "bankruptcy", away=0.005)
    assert sides.judged(right, CLOSE_NS, np.full(240, 100.0)).state != sides.INVERTED
    flat = np.full(240, 100.0)
    own = table(60, "losers", "bankruptcy")
    prices = np.where(np.arange(60) < 30, 99.5, 100.5)
    own = own.set_column(own.column_names.index("price"), "price", pa.array(prices))
    assert sides.judged(own, CLOSE_NS, flat).state == sides.AGREES
    inverted = own.set_column(own.column_names.index("price"), "price", pa.array(prices[::-1]))
    assert sides.judged(inverted, CLOSE_NS, flat).state == sides.INVERTED


@pytest.mark.parametrize(("count", "close_ns", "close", "why"), [
    (29, CLOSE_NS, CLOSE, "29 events, fewer than 30"),
    (60, CLOSE_NS[:0], CLOSE[:0], "no prices of five minutes or finer"),
    (60, CLOSE_NS[::60], CLOSE[::60], "no prices of five minutes or finer"),
    (60, CLOSE_NS, np.full(240, 100.0), "0 events came in a move"),
])
def test_too_little_to_say(count: int, close_ns: Any, close: Any, why: str) -> None:
    """Few events, no prices, coarse prices, no move: not checkable, with the reason."""
    verdict = sides.judged(table(count, "losers"), close_ns, close)
    assert verdict.state == sides.UNCHECKED
    assert verdict.why.startswith(why)


@pytest.mark.parametrize("in_memory", [event_union.IN_MEMORY, 7])
def test_an_inverted_feed_is_refused_unless_its_convention_is_named(
        tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch, in_memory: int) -> None:
    """An import stops with one line naming the venue, also where the events are too many for
    memory; --side-convention decides."""
    monkeypatch.setattr(event_union, "IN_MEMORY", in_memory)
    files = [bars(tmp_path / "a.csv", CLOSE.tolist()), events(tmp_path / "b.csv", *(
        (float(minute), "short" if minute < 120 else "long", 10.0, "bybit")
        for minute in range(10, 230, 3)))]
    with pytest.raises(DataError, match="liquidations of bybit: the side looks inverted: only 1%"):
        import_dataset("toy", files, tmp_path / "set")
    assert not (tmp_path / "set").exists()
    _, notes = import_dataset("toy", files, tmp_path / "set", side="position")
    assert any(note.startswith("sides of bybit: inverted") for note in notes)


def test_the_largest_events_of_all_parts_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a venue's events in several tables so many are kept, the largest."""
    monkeypatch.setattr(sides, "JUDGED", 40)
    wrong, right = table(60, "winners"), table(60, "losers")
    at = right.column_names.index("notional_usd")
    right = right.set_column(at, "notional_usd", pa.array(np.full(60, 9_000.0)))
    found = sides.by_venue([wrong, right, wrong], CLOSE_NS, CLOSE)
    assert list(found) == ["bybit"]
    assert found["bybit"].state == sides.AGREES
