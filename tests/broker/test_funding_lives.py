"""Positions held through many settlements: hourly on an index, other intervals, holes, old rates.

Ten coins from 100 at 2x on hours from 2026-01-28 00:00, bought at 01:00, no fees; bar n ends n + 1
hours later. Last and mark stand still at 100 unless a test says so. All bars are SYNTHETIC.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any

import pytest

from deleverage.errors import DataError
from deleverage.journal import FundingPayment
from tests.account.table import ladder_of
from tests.broker.runs import Run, Scripted, buy, market, play, sell, still

PLAIN = ladder_of([(0, None, 0.005, 100)])
START = dt.datetime(2026, 1, 28)


def _at(hour: int) -> str:
    return (START + dt.timedelta(hours=hour)).isoformat()


def _run(rates: Sequence[tuple[int, float]], hours: Any = 1.0, bars: int = 12, *,
         word: Any = buy, venue: str = "hyperliquid", strategy: Any = Scripted,
         **options: Any) -> Run:
    """A run; ``rates`` are (hour, rate) pairs, ``hours`` their intervals."""
    given = {name: options.pop(name) for name in ("index", "mark") if name in options}
    columns = market(*still(bars), step="1h", venue=venue, interval_h=hours,
                     funding=[(_at(hour), rate) for hour, rate in rates], **given)
    return play(strategy, columns, venue=venue, ladder=PLAIN, leverage=2,
                params={"plan": {0: word(size=10)}}, **options)


def _paid(run: Run) -> list[tuple[int, str, float]]:
    """(hour, state, amount) of each settlement."""
    return [(round((each.ts - START.replace(tzinfo=dt.UTC).timestamp() * 1e9) / 3.6e12),
             each.state, round(each.amount, 9)) for each in run.journal.funding]


@pytest.mark.parametrize(("word", "sign"), [(buy, -1), (sell, 1)])
def test_hyperliquid_settles_every_hour_on_the_index_of_that_hour(word: Any, sign: int) -> None:
    """The index goes 101, 102 … while the mark stands at 100; the hour before the entry is not
    paid, each later one at its own rate and index."""
    rates = [(hour, 0.0001 * hour) for hour in range(1, 7)]
    run = _run(rates, bars=6, index=[101, 102, 103, 104, 105, 106], word=word)
    assert _paid(run) == [
        (hour, "settled", round(sign * 10 * (100 + hour) * 0.0001 * hour, 9))
        for hour in range(2, 7)]
    assert {payment.basis for payment in run.journal.funding} == {"index"}


def test_an_hour_whose_index_is_not_known_is_settled_on_the_mark_and_says_so() -> None:
    """The others stay on the index."""
    run = _run([(hour, 0.001) for hour in range(1, 5)], bars=4, index=[102, 102, math.nan, 102])
    assert [(payment.basis, payment.price) for payment in run.journal.funding] == [
        ("index", 102), ("mark", 100), ("index", 102)]


def test_hours_gathered_to_a_bar_settle_at_their_own_index() -> None:
    """Four hours a bar, the single hours inside: four settlements, four prices."""
    index = [100.0 + hour for hour in range(1, 13)]
    columns = market(*still(12), step="1h", venue="hyperliquid", index=index, interval_h=1.0,
                     funding=[(_at(hour), 0.001) for hour in range(1, 13)])
    run = play({0: buy(size=10)}, columns, venue="hyperliquid", ladder=PLAIN, leverage=2,
               feed_options={"step": "4h"})
    assert [payment.price for payment in run.journal.funding] == index[4:]
    assert {payment.bar for payment in run.journal.funding} == {1, 2}


CHANGING = [(8, 0.0001), (16, 0.0002), (20, 0.0003), (24, 0.0004), (25, 0.0005), (26, 0.0006)]
INTERVALS = [8.0, 8.0, 4.0, 4.0, 1.0, 1.0]


def test_intervals_of_eight_four_and_one_hours_follow_one_another() -> None:
    """Nothing is missing where the venue settles more often from some day on."""
    run = _run(CHANGING, INTERVALS, bars=26, venue="binance")
    assert _paid(run) == [(hour, "settled", round(-1_000 * rate, 9)) for hour, rate in CHANGING]


def test_intervals_that_grow_again_follow_too() -> None:
    """One, four and eight hours."""
    rates = [(2, 0.001), (3, 0.001), (4, 0.001), (8, 0.001), (12, 0.001), (16, 0.001), (24, 0.001)]
    run = _run(rates, [1.0, 1.0, 1.0, 4.0, 4.0, 4.0, 8.0], bars=24, venue="binance")
    assert [hour for hour, _, _ in _paid(run)] == [2, 3, 4, 8, 12, 16, 24]


@pytest.mark.parametrize(("missing", "told"), [
    ("impute", (25, "imputed", -0.4)), ("skip", (25, "missing", 0.0))])
def test_a_hole_in_the_hourly_stretch_is_one_hour_not_eight(
    missing: str, told: tuple[int, str, float]
) -> None:
    """The 25th is due by the interval of the row after it; the last rate known is the 24th's."""
    rates = [each for each in CHANGING if each[0] != 25]
    hours = [8.0, 8.0, 4.0, 4.0, 1.0]
    with pytest.raises(DataError, match=r"no funding rate for the settlement 2026-01-29 01:00"):
        _run(rates, hours, bars=26, venue="binance")
    run = _run(rates, hours, bars=26, venue="binance", missing=missing)
    assert _paid(run)[4] == told
    assert run.journal.funding[4].expected == pytest.approx(-0.4)
    assert [state for _, state, _ in _paid(run)].count("settled") == 5


def test_a_rate_stands_in_for_a_day_and_no_longer() -> None:
    """Known at 8:00, then not for two days: three settlements at its rate, then none, then known
    again; what the stale ones would have been is told."""
    run = _run([(8, 0.001), (56, 0.002)], [8.0, 8.0], bars=57, venue="binance", missing="impute")
    assert _paid(run) == [
        (8, "settled", -1), (16, "imputed", -1), (24, "imputed", -1), (32, "imputed", -1),
        (40, "stale", 0), (48, "stale", 0), (56, "settled", -2)]
    assert [payment.expected for payment in run.journal.funding] == pytest.approx(
        [0, -1, -1, -1, -1, -1, 0])
    assert run.broker.getvalue() == pytest.approx(10_000 - 6)


def test_every_settlement_is_told_whatever_its_state() -> None:
    """notify_funding brings imputed and stale ones too, with their state."""
    told: list[FundingPayment] = []

    class Listener(Scripted):
        def notify_funding(self, payment: FundingPayment) -> None:
            told.append(payment)

    run = _run([(8, 0.001), (56, 0.002)], [8.0, 8.0], bars=57, venue="binance", missing="impute",
               strategy=Listener)
    assert told == run.journal.funding
    assert [payment.state for payment in told][4:6] == ["stale", "stale"]


def test_without_any_earlier_rate_nothing_can_stand_in() -> None:
    """The first settlement of the data is missing: refused in one line, with what to use."""
    with pytest.raises(DataError, match="none before it to take instead") as caught:
        _run([(16, 0.001)], [8.0], bars=17, venue="binance", missing="impute")
    assert "\n" not in str(caught.value)
    run = _run([(16, 0.001)], [8.0], bars=17, venue="binance", missing="skip")
    first, second = run.journal.funding
    assert (first.state, first.amount, first.expected) == ("missing", 0, 0)
    assert second.state == "settled"


def test_a_settlement_without_a_mark_is_imputed_on_the_last_price_and_says_so() -> None:
    """The rate is known, the mark is not: ten coins at a last of 100."""
    run = _run([(8, 0.001)], [8.0], bars=9, venue="binance", mark="missing", missing="impute")
    payment, = run.journal.funding
    assert (payment.state, payment.basis, payment.price, payment.amount) == (
        "imputed", "last", 100, -1)
