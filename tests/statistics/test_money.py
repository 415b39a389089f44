"""Funding, liquidations, costs and orders: totals by state, and the way from gross to net."""

from __future__ import annotations

import dataclasses
import math

import pytest

from deleverage.journal import Rejection
from deleverage.statistics.costs import costs
from deleverage.statistics.funding import funding
from deleverage.statistics.liquidations import liquidations
from deleverage.statistics.orders import order_figures
from deleverage.statistics.summary import RunRecord
from tests.markets import make_columns
from tests.results.markets import wobble
from tests.statistics.scribe import Scribe

ROWS = [(2_400, 2_410, 2_390, 2_400)] * 8
STAMPS = [("2026-01-28T00:02", 0.0002), ("2026-01-28T00:04", -0.0004)]


def scribe(**options: object) -> Scribe:
    columns = make_columns(ROWS, funding=STAMPS, interval_h=2 / 60)
    return Scribe(columns, cash=10_000.0, **options)  # type: ignore[arg-type]


def test_the_funding_ledger_by_state() -> None:
    """Paid, received and net; imputed payments and skipped settlements are the uncertain money."""
    book = scribe()
    book.open(0, 1.0, 2_400.0)
    book.fund(1, 0.0002, 2_400.0)
    book.fund(3, -0.0004, 2_400.0)
    book.fund(5, 0.0001, 2_400.0, state="imputed")
    book.fund(7, math.nan, 2_400.0, state="missing")
    figures = funding(book.journal, book.columns)
    assert figures.paid == pytest.approx(-0.48 - 0.24)
    assert figures.received == pytest.approx(0.96)
    assert figures.net == pytest.approx(0.24)
    assert (figures.payments, figures.missing_due) == (4, 2)
    assert {row.state: row.count for row in figures.by_state} == {
        "settled": 2, "imputed": 1, "missing": 1}
    # |imputed| + notional × mean |rate| of the two known
    assert figures.uncertain == pytest.approx(0.24 + 2_400 * 0.0003)
    assert figures.uncertain_share == pytest.approx(0.96 / (0.48 + 0.96 + 0.96))
    assert figures.largest == pytest.approx(0.96)


def test_complete_funding_is_certain() -> None:
    """Where every settlement is known, nothing is uncertain."""
    book = scribe()
    book.open(0, -1.0, 2_400.0)
    book.fund(1, 0.0002, 2_400.0)
    figures = funding(book.journal, book.columns)
    assert (figures.uncertain, figures.uncertain_share, figures.missing_due) == (0.0, 0.0, 0)
    assert figures.short == pytest.approx(0.48)
    assert figures.long == 0.0


def test_without_any_known_rate_the_amount_is_unknown() -> None:
    """A skipped settlement in a market without one known rate has no estimate at all."""
    book = Scribe(make_columns(ROWS, funding=None), cash=10_000.0)
    book.open(0, 1.0, 2_400.0)
    book.fund(3, math.nan, math.nan, state="missing")
    figures = funding(book.journal, book.columns)
    assert (figures.uncertain, figures.uncertain_share) == (None, None)


def test_what_was_not_booked_counts_at_the_last_known_rate() -> None:
    """Skipped and stale settlements are uncertain by what the journal expected of them; the ledger
    says on which price the others were charged."""
    book = scribe()
    book.open(0, 1.0, 2_400.0)
    book.fund(1, 0.0002, 2_400.0)
    book.fund(2, 0.0001, 2_400.0, basis="index")
    book.fund(3, math.nan, 2_400.0, state="missing", expected=-0.36)
    book.fund(4, math.nan, 2_400.0, state="stale", expected=0.12)
    book.fund(5, 0.0001, 2_410.0, state="imputed", expected=-0.241)
    figures = funding(book.journal, book.columns)
    assert [(row.state, row.count) for row in figures.by_state] == [
        ("settled", 2), ("imputed", 1), ("missing", 1), ("stale", 1)]
    assert [row.expected for row in figures.by_state] == [0.0, -0.241, -0.36, 0.12]
    assert [(row.basis, row.count, row.net) for row in figures.by_basis] == [
        ("index", 1, pytest.approx(-0.24)), ("mark", 2, pytest.approx(-0.48 - 0.241))]
    assert (figures.missing_due, figures.unbooked) == (3, 2)
    assert figures.expected == pytest.approx(-0.24)
    assert figures.uncertain == pytest.approx(0.241 + 0.36 + 0.12)
    assert figures.uncertain_share == pytest.approx(0.721 / (0.72 + 0.721))
    assert figures.net == pytest.approx(-0.72 - 0.241)


def test_orders_filled_in_parts() -> None:
    """An order filled in three bars is one order in parts; the venue's own fills are none."""
    book = scribe()
    for bar in range(3):
        book.open(bar, 1.0, 2_400.0, reason="limit")
    book.open(3, 1.0, 2_400.0)
    book.close(4, 2_400.0, share=0.5, reason="adl")
    book.liquidate(5, 2_100.0)
    fills = book.journal.fills
    fills[:] = [dataclasses.replace(fill, order_ref=7) if fill.reason == "limit" else fill
                for fill in fills]
    figures = order_figures(book.journal)
    assert (figures.fills, figures.forced, figures.orders) == (6, 2, 2)
    assert (figures.in_parts, figures.part_fills) == (1, 3)
    assert figures.fills_by_reason == {"limit": 3, "market": 1, "adl": 1, "liquidation": 1}


def test_liquidations_by_what_the_mark_was_known_from() -> None:
    """Count and money by mark state, and the positions that depend on a mark not exact."""
    book = scribe()
    for bar, state in ((1, "exact"), (3, "clipped"), (5, "clipped")):
        book.open(bar - 1, 1.0, 2_400.0)
        book.liquidate(bar, 2_100.0, mark_state=state, fee=3.0)
    record = RunRecord.of(book.journal, book.columns)
    figures = liquidations(record.episodes, record.trades)
    assert (figures.count, figures.long, figures.short) == (3, 3, 0)
    assert figures.margin_lost == pytest.approx(720.0 + 9.0)
    assert figures.fees == pytest.approx(-9.0)
    assert figures.deficit == pytest.approx(3 * 60.0)  # bankrupt at 2,160, taken over at 2,100
    assert {row.mark_state: row.count for row in figures.by_mark_state} == {
        "exact": 1, "clipped": 2}
    assert figures.depends_on_mark == (2, 3)
    assert [row.fee for row in figures.rows] == [-3.0, -3.0, -3.0]


def test_two_liquidations_in_one_bar_keep_their_own_fees() -> None:
    """A liquidation fee is that of its event: two positions taken in one bar keep theirs apart."""
    book = scribe()
    for fee in (1.0, 2.0):
        book.open(2, 1.0, 2_400.0)
        book.liquidate(2, 2_100.0, fee=fee)
    record = RunRecord.of(book.journal, book.columns)
    assert [trade.liquidation_fee for trade in record.trades] == [-1.0, -2.0]


def test_from_gross_to_net() -> None:
    """Gross by price and by liquidation, fees, funding and venue fees give the change of equity."""
    book = scribe()
    book.open(0, 1.0, 2_400.0, fee=1.2)
    book.close(1, 2_410.0, fee=1.2)
    book.open(2, 1.0, 2_400.0, fee=1.2)
    book.fund(3, 0.0002, 2_400.0)
    book.liquidate(4, 2_100.0, fee=2.0)
    book.open(6, 2.0, 2_390.0, fee=2.4)
    record = RunRecord.of(book.journal, book.columns)
    figures = costs(book.journal, record.episodes, record.trades, "ETHUSDT")
    assert figures.of_gross.price == pytest.approx(10.0 + 20.0)
    assert figures.of_gross.liquidations == pytest.approx(-240.0 + 0.48)
    assert figures.fees == pytest.approx(-6.0)
    assert figures.liquidation_fees == pytest.approx(-2.0)
    assert figures.unrealised == pytest.approx(20.0)
    change = float(record.curves.equity[-1]) - 10_000.0
    assert figures.net == pytest.approx(change, abs=1e-9)
    assert figures.unattributed == pytest.approx(0.0, abs=1e-12)
    forced = 2_400 - 239.52  # the bankruptcy price, after the funding paid
    assert figures.turnover == pytest.approx(2_400 + 2_410 + 2_400 + forced + 4_780)


@pytest.mark.parametrize("margin", ["isolated", "cross"])
@pytest.mark.parametrize("venue", ["bybit", "binance"])
def test_the_steps_add_up_to_the_net(venue: str, margin: str) -> None:
    """Price, slippage, fees, funding, liquidation and insurance are the change of equity, to 1e-9
    of the money moved, with slippage and liquidations in it."""
    shown = 0
    for seed in range(4):
        result, _ = wobble(seed, venue=venue, margin=margin, leverage=50.0, margin_fraction=0.6,
                           slippage_bp=5.0)
        figures = result.statistics["costs"]
        steps = {step["name"]: step["amount"] for step in figures["steps"]}
        assert list(steps) == ["price", "slippage", "fees", "funding", "liquidation", "insurance"]
        total = math.fsum(steps.values())
        assert total == pytest.approx(figures["net"], abs=1e-9, rel=1e-12)
        assert total == pytest.approx(result.statistics["performance"]["net"], rel=1e-9, abs=1e-6)
        assert steps["slippage"] == figures["slippage"] < 0
        shown += steps["liquidation"] < 0
    assert shown


def test_slippage_is_a_step_of_its_own() -> None:
    """Bought at 2,402 with 2 of it slippage, sold at 2,410: the price earned 10, slippage took 2;
    of a forced close at 2,100 with 5 of slippage, liquidation is what is left of the loss."""
    book = scribe()
    book.open(0, 1.0, 2_402.0)
    book.close(1, 2_410.0)
    book.open(2, 1.0, 2_400.0)
    book.step_down(4, 2_100.0, 1.0, fee=3.0)
    fills = book.journal.fills
    fills[0] = dataclasses.replace(fills[0], slippage=2.0)
    fills[-1] = dataclasses.replace(fills[-1], slippage=5.0)
    record = RunRecord.of(book.journal, book.columns)
    figures = costs(book.journal, record.episodes, record.trades, "ETHUSDT")
    steps = {step.name: step.amount for step in figures.steps}
    assert steps == pytest.approx({"price": 10.0, "slippage": -7.0, "fees": 0.0, "funding": 0.0,
                                   "liquidation": -298.0, "insurance": 0.0})
    assert math.fsum(steps.values()) == pytest.approx(figures.net, abs=1e-9)


def test_rejections_are_counted_by_reason_without_their_figures() -> None:
    """Two refusals that differ in their numbers alone are one reason."""
    book = scribe()
    for text in ("margin: needs 1,204.50, available 10.00", "margin: needs 99.00, available 3.20",
                 "size is below the lot step of 0.001"):
        book.journal.rejections.append(Rejection(1, 0, "ETHUSDT", 1, 1.0, 2_400.0, text))
    figures = order_figures(book.journal)
    assert figures.rejections == 3
    assert figures.rejections_by_reason == {
        "margin: needs …, available …": 2, "size is below the lot step of …": 1}
