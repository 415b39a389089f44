"""What a reader is warned of, and that nothing is said without a reason."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from deleverage.columns import MarketColumns
from deleverage.journal import Rejection
from deleverage.market import Coverage
from deleverage.statistics.caveats import caveats
from deleverage.statistics.summary import RunRecord, summary
from tests.markets import make_columns
from tests.statistics.scribe import Scribe

ROWS = [(2_400, 2_410, 2_390, 2_400)] * 120


def market(**options: object) -> MarketColumns:
    return make_columns(ROWS, **{"synthetic": False, **options})  # type: ignore[arg-type]


def said(book: Scribe, mark: str | None = None, assumptions: Sequence[str] = ()) -> str:
    record = RunRecord.of(book.journal, book.columns, mark)
    lines = caveats(book.columns, summary(record), record.trades, mark=mark,
                    assumptions=assumptions)
    return "\n".join(lines)


def traded(columns: MarketColumns) -> Scribe:
    book = Scribe(columns, cash=1e6)
    for _ in range(30):
        book.open(1, 1.0, 2_400.0)
        book.close(2, 2_401.0)
    return book


def test_a_clean_run_is_not_warned_of() -> None:
    """Real data, exact mark, thirty trades, all funding known: nothing to say."""
    assert said(traded(market())) == ""


def test_synthetic_comes_first() -> None:
    """A made-up market is called SYNTHETIC before anything else, then the venue's assumptions."""
    text = said(traded(market(synthetic=True)), assumptions=["ladder assumed"])
    assert text.splitlines()[0].startswith("SYNTHETIC market (test market)")
    assert text.splitlines()[1] == "ladder assumed"


def test_few_trades_and_none() -> None:
    """Fewer than thirty closed trades are called luck; no trade is called no signal."""
    book = Scribe(market())
    assert said(book) == "no trade: the strategy gave no signal in this data"
    refused = Scribe(market())
    refused.journal.rejections.append(Rejection(1, 0, "ETHUSDT", 1, 1.0, 2_400.0, "too large"))
    assert "no trade: what was ordered was refused or never filled" in said(refused)
    book.open(1, 0.1, 2_400.0)
    book.close(2, 2_401.0)
    assert said(book).startswith("only 1 closed trade: ")


def test_an_open_position_is_named() -> None:
    """The position left open is named with its side and unrealised money."""
    book = traded(market())
    book.open(5, -1.0, 2_410.0)
    assert said(book) == ("position 31 (short) is still open at the end, valued at mark: "
                          "unrealised +10.00 USDT")


def test_coarse_mark_and_what_depends_on_it() -> None:
    """Hourly mark under minute bars is said, with the liquidations judged on its clipped rows."""
    book = traded(market(mark=[(2_400, 2_405, 2_395, 2_400)] * 2, mark_step="1h"))
    book.open(5, 1.0, 2_400.0)
    book.liquidate(7, 2_100.0, mark_state="clipped")
    text = said(book)
    assert "mark is known per 1h under bars of 1m" in text
    assert "of 1 liquidation, 1 judged on a clipped mark" in text
    assert "(position 31)" in text


def test_mark_last_and_missing_mark() -> None:
    """Judging on last price is said, on request or because there is no mark."""
    assert "judged on last price, as asked for" in said(traded(market()), mark="last")
    assert "120 of 120 bars have no mark" in said(traded(market(mark="missing")))


def test_uncertain_funding() -> None:
    """Skipped and imputed settlements are counted, with the money they put in doubt."""
    book = traded(market(funding=[("2026-01-28T01:00", 0.0002)]))
    book.open(5, 1.0, 2_400.0)
    book.fund(59, math.nan, 2_400.0, state="missing")
    book.close(60, 2_400.0)
    assert "1 funding settlement fell due without a known rate or price (1 skipped): " \
        "about 0.48 USDT is uncertain" in said(book)


def test_sampled_feeds_are_reported_shares() -> None:
    """Feeds that are not known to be complete are listed once, by what is known of them."""
    columns = market()
    kinds = (("binance", "sampled_1s"), ("okx", "unknown"), ("bybit", "all"), ("gate", "unknown"),
             ("okx", "unknown"))
    covers = tuple(Coverage("liquidations", venue, "test", 0, 1, kind) for venue, kind in kinds)
    sampled = dataclasses.replace(columns, market=dataclasses.replace(
        columns.market, coverage=covers))
    assert said(traded(sampled)) == (
        "liquidations are reported shares, not totals, of: binance (sampled, at most one a "
        "second); okx, gate (completeness unknown)")


def test_refused_orders() -> None:
    """Rejections are counted with their reasons."""
    book = traded(market())
    book.journal.rejections.append(Rejection(1, 0, "ETHUSDT", 1, 1.0, 2_400.0, "no margin: 5.0"))
    assert said(book) == "1 order was refused: 1 × no margin: …"


def test_a_run_that_never_closed_depends_on_its_last_mark() -> None:
    """With a position open from beginning to end, the result is one valuation."""
    book = Scribe(market())
    book.open(1, 0.1, 2_400.0)
    assert said(book).splitlines()[-1] == (
        "no trade was closed: what is shown depends on the last mark")
