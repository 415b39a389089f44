"""When the bundled ladders change inside a period, and that it agrees with asking day by day."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from deleverage import venues
from deleverage.errors import UnknownName, UsageError
from deleverage.timestamps import DAY, parse, show
from tests.venues.positions import EXAMPLES, hold

START, END = parse("2020-01-01"), parse("2027-06-01")
BUNDLED = [(venue, product, symbol) for venue in venues.names()
           for product in venues.products(venue) for symbol in venues.symbols(venue, product)]


def ladder_at(venue: str, product: str, symbol: str, when: int) -> str | None:
    """Id of the ladder that ``get`` answers with; None where it refuses."""
    try:
        return venues.get(venue, product, symbol, when).ladder.id
    except UsageError:
        return None


def told(venue: str, symbol: str, start: str, end: str) -> list[tuple[str, str]]:
    """The changes of a period as text."""
    return [(show(when), rules.ladder.id)
            for when, rules in venues.changes(venue, symbol, parse(start), parse(end))]


def test_hyperliquid_eth_from_2024_to_2026() -> None:
    """The observation of 2024-10-01, and the cut to 25x of 2025-03-15, from which the next known
    ladder is assumed; its own observation in 2026 changes nothing more."""
    assert told("hyperliquid", "ETH", "2024-01-01", "2027-01-01") == [
        ("2024-10-01 00:00", "hyperliquid_perp_eth_20241001"),
        ("2025-03-15 00:00", "hyperliquid_perp_eth_20260927")]
    (_, rules), = venues.changes("hyperliquid", "ETH", parse("2025-03-01"), parse("2025-04-01"))
    assert (rules.max_leverage(), rules.use.state, rules.use.assumed) == (25, "nearest later", True)
    assert rules.use.at_ns == parse("2025-03-15")


def test_a_period_holds_its_end_and_not_its_beginning() -> None:
    """What holds at the beginning is what ``get`` answers there; a change at the end counts."""
    for start, end, count in (("2024-10-23T23:59:59", "2024-10-24", 1),
                              ("2024-10-24", "2024-10-25", 0), ("2024-10-24", "2024-10-24", 0)):
        assert len(told("binance", "BTCUSDT", start, end)) == count


def test_nothing_changes_around_the_event() -> None:
    """No bundled ladder of ETH changes from 2026-01-28 to 2026-02-08."""
    for venue in ("binance", "bybit", "hyperliquid"):
        assert told(venue, "ETHUSDT", "2026-01-28", "2026-02-08") == []


def test_from_none_to_the_first() -> None:
    """Before the first observation ``get`` refuses; the observation is a change."""
    assert told("bybit", "BTCUSDT", "2026-01-01", "2026-12-31") == [
        ("2026-02-26 00:00", "bybit_linear_btcusdt_20260226")]


@pytest.mark.parametrize(("venue", "spelt", "own"), [
    ("hyperliquid", "ETHUSDT", "ETH"), ("binance", "BTC-USDT", "BTCUSDT")])
def test_a_symbol_may_be_spelt_as_another_venue_does(venue: str, spelt: str, own: str) -> None:
    """As for ``get``."""
    assert venues.changes(venue, spelt, START, END) == venues.changes(venue, own, START, END)
    assert {rules.symbol for _, rules in venues.changes(venue, spelt, START, END)} == {own}


def test_a_product_may_be_named() -> None:
    """The default product otherwise; one without ladders refuses the symbol."""
    assert venues.changes("binance", "BTCUSDT", START, END, "usdm") == \
        venues.changes("binance", "BTCUSDT", START, END)
    with pytest.raises(UnknownName, match="symbol with a binance coinm ladder"):
        venues.changes("binance", "BTCUSDT", START, END, "coinm")


def test_what_cannot_be_asked() -> None:
    """A misspelt symbol and a period that ends before it begins, in one line each."""
    with pytest.raises(UnknownName, match="did you mean 'ETHUSDT'"):
        venues.changes("binance", "ETHUSD", START, END)
    with pytest.raises(UsageError, match="cannot end before it begins: 2027-06-01") as caught:
        venues.changes("binance", "ETHUSDT", END, START)
    assert "\n" not in str(caught.value)


MOVING = [key for key in BUNDLED if venues.changes(key[0], key[2], START, END, key[1])]
# weeks apart at no round hour, and every bundled day with the nanoseconds beside it
MOMENTS = [*range(START, END, 23 * DAY + 12_345_678_901),
           *(when + beside for key in MOVING for beside in (-1, 0, 1)
             for when, _ in venues.changes(key[0], key[2], START, END, key[1]))]


@EXAMPLES
def test_changes_agree_with_asking_at_each_instant(examples: int) -> None:
    """At any time of a period the ladder is that of the last change, else that of its beginning."""
    seen = {"changed": 0}

    def law(key: tuple[str, str, str], one: int, two: int, at: int) -> None:
        venue, product, symbol = key
        start, end = sorted((one, two))
        found = venues.changes(venue, symbol, start, end, product)
        times = [when for when, _ in found]
        assert times == sorted(set(times))
        assert all(start < when <= end for when in times)
        inside = min(max(at, start), end)
        for when in {inside, start, end, *times, *(each - 1 for each in times)}:
            past = [rules.ladder.id for moment, rules in found if moment <= when]
            expected = past[-1] if past else ladder_at(*key, start)
            assert ladder_at(*key, when) == expected
        seen["changed"] += bool(found)
    moments = st.sampled_from(MOMENTS)
    hold(law, examples, st.sampled_from(MOVING), moments, moments, moments)
    assert seen["changed"] >= examples / 10  # the law was not tried on quiet periods alone


@pytest.mark.parametrize("key", BUNDLED, ids="-".join)
def test_every_day_of_every_bundled_ladder(key: tuple[str, str, str]) -> None:
    """Asked day by day from 2020 to 2027, the ladder changes on the days that are told, no others.
    """
    venue, product, symbol = key
    days = range(START, END, DAY)
    asked = [ladder_at(*key, day) for day in days]
    turned = [(day, after) for day, before, after
              in zip(days[1:], asked, asked[1:], strict=False) if before != after]
    assert [(when, rules.ladder.id)
            for when, rules in venues.changes(venue, symbol, START, END, product)] == turned
