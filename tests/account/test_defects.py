"""One test a defect: what other simulators, or this one's earlier ideas, got wrong.

Each says who has it, and how the account would look if it had it too. All bars are SYNTHETIC.
"""

from __future__ import annotations

from typing import Any

import backtrader as bt
import pytest

from deleverage import venues
from tests.account.orders import Flatten, Send, buy, sell
from tests.account.table import (
    BTC,
    Bar,
    Fill,
    Loss,
    Paid,
    Refusal,
    Row,
    check,
    lost_long,
    runs,
    still,
)
from tests.broker.runs import Scripted, play
from tests.markets import make_columns

S = still()
IN_LONG = Fill(1, 10, 100, "market")
LEVEL_95_3 = ((0, None, 1 - 95 / 95.3, 50),)  # 20x from 100: 95 / (1 − rate) = 95.3, bankrupt at 95


def _holds(name: str, *args: Any, **values: Any) -> None:
    row = Row(name, *args, **values)
    for run in runs(row):
        check(row, run)


def test_close_only_check_misses_a_wick() -> None:
    """TorchTrade before its pull request 180 looked at closes: a wick to 85 in a bar that closes at
    99 left a 10x long alive. It is dead at 90.45."""
    _holds("wick", [S, S, (100, 100, 85, 99), still(120)], [buy(0, 10)], fills=[IN_LONG],
           liquidations=[lost_long(2)], wallet=10_000 - 100)
    _holds("no wick", [S, S, (100, 100, 91, 99), still(120)], [buy(0, 10)], fills=[IN_LONG],
           held=10, equity=10_000 + 200)


@pytest.mark.parametrize(("order", "opened", "bankrupt"), [(buy, 70, 90), (sell, 140, 110)])
def test_gap_through_the_liquidation_price_costs_more_than_the_margin(
    order: Any, opened: float, bankrupt: float
) -> None:
    """Vibe-Trading's strict mode closes at the bar's mark extreme without a cap: ten coins would
    lose 300 at 70, and 400 at 140, on a margin of 100."""
    _holds("gap", [S, S, still(opened), S], [order(0, 10)],
           fills=[Fill(1, 10 if order is buy else -10, 100, "market")],
           liquidations=[Loss(2, bankrupt, 100, gap=True)], wallet=10_000 - 100)


def test_equity_below_zero_recovers() -> None:
    """Stock backtrader, Lean (issue 5691) and TorchTrade before its pull request 359: 16 ETH at 48x
    on 1,000, through 2,350 and back to 3,050, passes −9,400 and ends at 1,800. It ends at 0."""
    bars = [still(3_000), still(3_000), (3_000, 3_000, 2_350, 2_350), (2_350, 3_050, 2_350, 3_050)]
    _holds("dead", bars, [buy(0, 16)], leverage=48, cash=1_000,
           fills=[Fill(1, 16, 3_000, "market")],
           liquidations=[Loss(2, 3_000 - 1_000 / 16, 1_000)], wallet=0, equity=0)

    class Valued(Scripted):
        def next(self) -> None:
            super().next()
            self.calls.append(str(round(self.broker.getvalue())))

    stock = bt.brokers.BackBroker(cash=1_000)
    stock.setcommission(leverage=48)
    run = play(Valued, make_columns(bars), broker=stock,
               params={"plan": {0: lambda strategy: strategy.buy(size=16)}})
    # 1,000 − 16 × 650 and 1,000 + 16 × 50: the defect as it is
    assert [call for call in run.strategy.calls if call.lstrip("-").isdigit()] == [
        "1000", "1000", "-9400", "1800"]


@pytest.mark.parametrize(("low", "dead"), [(2_757, False), (2_756, True)])
def test_cross_ignores_other_positions(low: float, dead: bool) -> None:
    """Estimates of one position alone (ccxt's) leave out that bitcoin has lost 2,000 and needs 340:
    they put this account's death at 2,678.39 instead of 2,756.78."""
    # (10,000 − 340 − 2,000 + 50 − 90,000) / (30 × 0.005 − 30) = 82,290 / 29.85 = 2,756.78
    row = Row(
        "cross", [*[still(3_000)] * 3, (3_000, 3_000, low, 2_900), still(2_900)],
        [buy(0, 30), buy(0, 1, feed=1)], margin="cross", leverage=20,
        other=[still(80_000), (80_000, 80_000, 78_000, 78_000), *[still(78_000)] * 3],
        # up to 50,000 0.4 %, above it 0.5 % less 50
        ladder=[(0, 50_000, 0.004, 100), (50_000, None, 0.005, 100)])
    for run in runs(row):
        events = run.journal.liquidations
        assert [event.symbol for event in events] == (["ETHUSDT", BTC] if dead else [])
        assert sum(event.loss for event in events) == pytest.approx(10_000 if dead else 0)
        # 10,000 − 30 × 100 − 2,000 where it lives
        assert run.broker.getvalue() == pytest.approx(0 if dead else 5_000)


def test_stop_resolved_before_a_liquidation_that_comes_first_on_the_path() -> None:
    """jesse and freqtrade take the stop first, always: −30 at 97. But mark was at 95.3 before last
    was at 97, and the position was the venue's by then: −50."""
    # mark (100 − 95.3) / 6 = 0.78 of the leg, last 3 / 3.5 = 0.86
    _holds("liquidation first", [S, S, (100, 100, 96.5, 98), S],
           [buy(0, 10), sell(1, 10, "stop", 97)], mark=[S, S, (100, 100, 94, 98), S], leverage=20,
           ladder=LEVEL_95_3, fills=[IN_LONG], liquidations=[Loss(2, 95, 50, level=95.3)],
           wallet=10_000 - 50)


def test_liquidation_resolved_before_a_stop_that_comes_first_on_the_path() -> None:
    """The reverse, the nearer level first: last from 100 to 94 is at the stop of 95 before mark,
    from 100.6 to 95.1, is at 95.3, although 95.3 is the nearer of the two."""
    # last 5 / 6 = 0.83 of the leg, mark (100.6 − 95.3) / 5.5 = 0.96
    _holds("stop first", [S, S, (100, 100, 94, 96), S], [buy(0, 10), sell(1, 10, "stop", 95)],
           mark=[S, S, (100.6, 100.6, 95.1, 96), S], leverage=20, ladder=LEVEL_95_3,
           fills=[IN_LONG, Fill(2, -10, 95, "stop")], wallet=10_000 - 50, posted=0)


LONG, SHORT = buy(0, 10, stop=95, target=110), sell(0, 10, stop=105, target=90)


@pytest.mark.parametrize(("entry", "bars", "stop"), [
    (LONG, [S, (100, 101, 94, 99), (99, 111, 99, 110)], 95),
    (SHORT, [S, (100, 106, 99, 101), (101, 101, 89, 90)], 105),
], ids=["long", "short"])
def test_entry_bar_skipped(entry: Send, bars: list[Bar], stop: float) -> None:
    """A public study of cascades skipped the bar of entry in its stop check: −2.6 bp a trade became
    +30.4 bp. Here −50 would become +100 in the next bar."""
    size = entry.side * 10
    _holds("entry bar", bars, [entry], wallet=10_000 - 50,
           fills=[Fill(1, size, 100, "market"), Fill(1, -size, stop, "stop")])


def test_daily_bar_charges_one_funding_of_three() -> None:
    """Wherever funding is a value per bar, or per calendar day as in stock backtrader's interest
    hook: a daily bar holds three settlements of Binance, each with a rate of its own."""
    before = [("2026-01-28T08:00", 0.0), ("2026-01-28T16:00", 0.0), ("2026-01-29T00:00", 0.0)]
    day = [("2026-01-29T08:00", 0.0001), ("2026-01-29T16:00", 0.0002),
           ("2026-01-30T00:00", -0.0004)]
    _holds("three", [S, S], [buy(0, 10)], step="1d", stamps=[*before, *day], fills=[IN_LONG],
           # 1,000 × each rate: in all +0.1; the last one alone would be +0.4
           funding=[Paid(day[0][0], -0.1), Paid(day[1][0], -0.2), Paid(day[2][0], 0.4)],
           wallet=10_000 + 0.1, held=10)


def test_orphan_stop_reopens() -> None:
    """A forced close put on top of stock backtrader leaves the bracket's stop on the book: bars
    later it sells and opens a short that no one asked for."""
    bars = [S, S, still(89), (89, 100, 89, 100), (100, 100, 94, 94), (94, 120, 94, 120)]
    _holds("orphan", bars, [buy(0, 10, stop=95, target=130)], fills=[IN_LONG],
           liquidations=[lost_long(2, gap=True)], wallet=10_000 - 100, held=0, equity=9_900)


def test_a_ladder_whose_limits_together_exceed_the_balance_is_refused_at_submission() -> None:
    """Stock backtrader accepts every rung, sent in bars of their own, and refuses them at the fill,
    where it is too late to do anything about it. A rung too many is refused when it is sent."""
    bars = [S, S, S, S, (100, 100, 90, 90)]
    rungs = [buy(n, 600, "limit", 95 - n) for n in range(3)]
    # 5,700; 5,700 + 5,640 and 5,700 + 5,580 lie above 10,000
    _holds("ladder", bars, rungs, fills=[Fill(4, 600, 95, "limit", "maker")],
           refusals=[Refusal(1, "margin"), Refusal(2, "margin")], held=600, posted=5_700,
           equity=10_000 - 600 * 5)


def test_queued_close_after_liquidation_opens_the_reverse() -> None:
    """The same forced close: a close() sent before the gap is still in the queue, and sells ten
    coins that are gone. The rise to 120 would cost that short 350."""
    _holds("queued", [S, S, still(85), (85, 120, 85, 120)], [buy(0, 10), Flatten(1)],
           fills=[IN_LONG], liquidations=[lost_long(2, gap=True)], wallet=10_000 - 100, held=0,
           equity=9_900)


# ---------------------------------------------------------------------- 2026-02-07, 16:05

# the range of Bybit's last and mark in that bar; open and close are made up between them
OPEN = 2_062.25
WICK = (OPEN, 2_158.54, 1_969.35, OPEN)
WICK_OF_MARK = (OPEN, 2_117.48, 2_009.54, OPEN)
# 4.5 and 4.7 % off last, 2.6 and 2.7 % off mark: 25x dies in between, at 2 % maintenance 20x
LEVERAGE = {"hyperliquid": 20}


@pytest.mark.parametrize("word", [buy, sell], ids=["long", "short"])
@pytest.mark.parametrize("venue", venues.names())
def test_two_sided_wick_of_2026_02_07_on_every_venue(venue: str, word: Any) -> None:
    """An engine that judges by last kills longs and shorts in one bar (any without a mark series);
    by mark neither dies, with one position at each venue's own ladder where it has one for ETH."""
    leverage, sign = LEVERAGE.get(venue, 25), 1 if word is buy else -1
    own = any(symbol.startswith("ETH") for symbol in venues.symbols(venue))
    quiet, margin = still(OPEN), 10 * OPEN / leverage
    common: dict[str, Any] = {
        "venue": venue, "leverage": leverage, "step": "5m", "start": "2026-02-07T15:55",
        "mark": [quiet, quiet, WICK_OF_MARK, quiet],
        "ladder": None if own else ((0, None, 0.005, 100),),
        "fills": [Fill(1, sign * 10, OPEN, "market")]}
    bars = [quiet, quiet, WICK, quiet]
    _holds("by mark", bars, [word(0, 10)], held=sign * 10, posted=margin, equity=10_000, **common)
    _holds("by last", bars, [word(0, 10)], wallet=10_000 - margin, extra={"mark": "last"},
           liquidations=[Loss(2, OPEN * (1 - sign / leverage), margin)], **common)
