"""Which price a settlement is charged on in a run, and a rate too old to stand in."""

from __future__ import annotations

import pytest

from deleverage import Fees, venues
from deleverage.journal import FundingPayment
from tests.broker.runs import buy, market, play, still

STAMP = "2026-01-28T00:04"
INDEX = [110.0] * 8


def paid(venue: str, **options: object) -> FundingPayment:
    """The settlement that a long of one coin at 100 meets at 00:04, at 10 bp."""
    ladder = "nearest-later" if venue == "hyperliquid" else None
    columns = market(*still(8), venue=venue, funding=[(STAMP, 0.001)], **options)
    run = play({1: buy(size=1)}, columns, venue=venue, ladder=ladder, leverage=2, fees=Fees.free())
    (payment,) = run.journal.funding
    return payment


@pytest.mark.parametrize(("venue", "index", "basis", "price"), [
    ("hyperliquid", INDEX, "index", 110.0), ("hyperliquid", None, "mark", 100.0),
    ("binance", INDEX, "mark", 100.0), ("bybit", INDEX, "mark", 100.0)])
def test_a_venue_that_pays_on_the_oracle_is_charged_on_the_index_where_there_is_one(
    venue: str, index: list[float] | None, basis: str, price: float
) -> None:
    """The index stands for Hyperliquid's oracle; without one, and elsewhere, it is the mark."""
    assert venues.get(venue, symbol="ETHUSDT", at="2026-10-01").funding_price == (
        "oracle" if venue == "hyperliquid" else "mark")
    payment = paid(venue, index=index)
    assert (payment.basis, payment.price, payment.state) == (basis, price, "settled")
    assert payment.amount == pytest.approx(-0.001 * price)


@pytest.mark.parametrize(("hours", "state", "amount"), [
    (24, "imputed", -0.1), (32, "stale", 0.0)])
def test_a_rate_older_than_a_day_stands_in_for_nothing(
    hours: int, state: str, amount: float
) -> None:
    """Imputed from the last known rate, 10 bp at 100, as long as that is at most 24 hours old;
    what it would have been is told either way."""
    columns = market(*still(9 + hours), step="1h", funding=[("2026-01-28T08:00", 0.001)])
    run = play({6 + hours: buy(size=1)}, columns, missing="impute", leverage=2)
    (payment,) = run.journal.funding
    assert (payment.state, payment.amount) == (state, pytest.approx(amount))
    assert payment.expected == pytest.approx(-0.1)
