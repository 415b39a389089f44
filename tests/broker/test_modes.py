"""The same run in every mode of backtrader's engine and of ours: the same journal, bit for bit."""

from __future__ import annotations

import itertools
from typing import Any

import backtrader as bt
import pytest

import deleverage
from deleverage import Fees
from deleverage.errors import UsageError
from tests.broker.flows import Flow, comparable
from tests.broker.runs import Run, play
from tests.markets import random_market

MODES = [(engine, {"preload": preload, "runonce": runonce})
         for engine, preload, runonce in itertools.product(
             (bt.Cerebro, deleverage.Cerebro), (True, False), (True, False))]
ACCOUNTS = (
    {"venue": "binance", "margin": "isolated", "leverage": 50},
    {"venue": "binance", "margin": "cross", "leverage": 20, "path": "favourable"},
    {"venue": "bybit", "margin": "isolated", "leverage": 25, "path": "ohlc", "fill": "touch"},
    {"venue": "bybit", "margin": "cross", "leverage": 50, "entry_bar": "backtrader"},
)
SIZE = {"isolated": 3.0, "cross": 12.0}


def _market(seed: int, venue: str, **options: Any) -> Any:
    return random_market(seed, 220, step="15m", volatility=0.004, venue=venue, crashes=3, **options)


def _run(seed: int, account: dict[str, Any], engine: type[bt.Cerebro] = bt.Cerebro,
         **engine_options: Any) -> Run:
    columns = _market(seed, account["venue"])
    return play(Flow, columns, engine=engine, engine_options=engine_options,
                params={"seed": seed, "size": SIZE[account["margin"]]}, slippage_bp=2,
                fees=Fees(0.0002, 0.0005), **account)


@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda a: f"{a['venue']}-{a['margin']}")
def test_every_mode_writes_the_same_journal(account: dict[str, Any], seed: int) -> None:
    """preload × runonce × both engines: records, calls and snapshots are identical."""
    first = _run(seed, account)
    assert len(first.journal.fills) > 10
    expected, told = comparable(first.journal), first.strategy.told
    for engine, options in MODES[1:]:
        other = _run(seed, account, engine, **options)
        assert comparable(other.journal) == expected, (engine, options)
        assert other.strategy.told == told, (engine, options)


def test_the_runs_compared_hold_liquidations_funding_and_refusals() -> None:
    """What the matrix compares is not a quiet market."""
    runs = [_run(seed, account) for account in ACCOUNTS for seed in (11, 12)]
    for record in ("liquidations", "funding", "rejections"):
        assert sum(len(getattr(run.journal, record)) for run in runs) >= 4, record
    assert {event.margin_mode for run in runs for event in run.journal.liquidations} == {
        "isolated", "cross"}


def test_the_lean_loop_ran_where_it_could() -> None:
    """One strategy, one feed, preloaded: deleverage.Cerebro does not fall back."""
    run = _run(11, ACCOUNTS[0], deleverage.Cerebro)
    assert run.cerebro.stock_loop_because is None
    assert _run(11, ACCOUNTS[0], deleverage.Cerebro, preload=False).cerebro.stock_loop_because


@pytest.mark.parametrize("option", [{"stdstats": True}, {"exactbars": 1}, {"tradehistory": True},
                                    {"quicknotify": True}, {"oldsync": True}],
                         ids=lambda option: next(iter(option)))
@pytest.mark.parametrize("engine", [bt.Cerebro, deleverage.Cerebro])
def test_other_switches_of_the_engine_do_not_move_the_account(
    engine: type[bt.Cerebro], option: dict[str, Any]
) -> None:
    """Observers, saved memory, trade history and quick notifications change no booking."""
    plain = _run(11, ACCOUNTS[0])
    assert comparable(_run(11, ACCOUNTS[0], engine, **option).journal) == comparable(plain.journal)


@pytest.mark.parametrize("engine", [bt.Cerebro, deleverage.Cerebro])
def test_running_the_same_cerebro_twice_gives_the_same(engine: type[bt.Cerebro]) -> None:
    """Nothing of the first run is left in feeds, broker or engine."""
    run = _run(11, ACCOUNTS[0], engine)
    first = comparable(run.journal)
    assert comparable(run.cerebro.run()[0].broker.journal) == first


def test_two_instruments_in_every_mode() -> None:
    """A cross account over two feeds, one of them starting later."""
    def both(engine: type[bt.Cerebro], **options: Any) -> dict[str, Any]:
        feeds = [_market(21, "binance"), _market(22, "binance", symbol="BTCUSDT",
                                                 start="2026-01-28T06:00")]
        run = play(Flow, feeds, engine=engine, engine_options=options, margin="cross",
                   params={"seed": 5, "size": 6.0}, leverage=20)
        assert {fill.symbol for fill in run.journal.fills} == {"ETHUSDT", "BTCUSDT"}
        return comparable(run.journal)

    expected = both(bt.Cerebro)
    for engine, options in MODES[1:]:
        assert both(engine, **options) == expected, (engine, options)


def test_a_feed_cut_by_dates_trades_on_its_own_bars() -> None:
    """fromdate in the middle: the account's arrays begin where the feed does."""
    columns = _market(11, "binance")
    cut = columns.sliced(50, 180)
    whole = play(Flow, cut, params={"seed": 3})
    dated = play(Flow, columns, params={"seed": 3}, feed_options={
        "fromdate": "2026-01-28T12:45", "todate": "2026-01-29T21:00"})
    assert comparable(dated.journal) == comparable(whole.journal)
    assert len(whole.journal.fills) > 5


def test_a_filtered_feed_is_refused_by_name() -> None:
    """Its bars are not the market's."""
    with pytest.raises(UsageError, match="filtered bars"):
        play(Flow, _market(11, "binance"), prepare=lambda cerebro: cerebro.datas[0].addfilter(
            bt.filters.HeikinAshi))
