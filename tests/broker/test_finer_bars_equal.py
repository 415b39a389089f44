"""A strategy that decides at full hours: the same life on minutes and on hours with minutes inside.

Random SYNTHETIC minutes, random orders of every kind sent at full hours. The journals must be the
same but for the numbers of bars.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from deleverage import Fees
from deleverage.columns import MarketColumns
from deleverage.journal import Journal
from deleverage.statistics.curves import account_curves
from deleverage.timestamps import parse
from tests.broker.flows import MOVES, Flow, comparable
from tests.broker.runs import ORDER, Run, play
from tests.markets import random_market

STEP = {"step": "1h"}
CASES: dict[str, dict[str, Any]] = {
    "isolated": {},
    "takeover": {"liquidation": "takeover", "leverage": 25},
    "cross": {"margin": "cross"},
    "bybit": {"venue": "bybit", "fees": None},
    "hyperliquid": {"venue": "hyperliquid", "leverage": 20, "ladder": "nearest-later"},
    "favourable": {"path": "favourable", "fill": "touch"},
    "frictions": {"volume_limit": 0.5, "slippage": "volume", "fees": None},
    "outage": {"outage": [("2026-01-28T05:30", "2026-01-28T08:30")]},
    "adl": {"adl": [("2026-01-28T06:10:30", "long", 0.5, 3_000),
                    ("2026-01-28T07:45", "short", 1, 3_000)]},
    "hedge": {"hedge": True},
}


class Hourly(Flow):
    """Any kind of order, at full hours only, without a look at what lies between them."""

    def __init__(self) -> None:
        # no indicator: on hours it would begin later than on minutes
        self.chance, self.average = random.Random(self.p.seed), [0.0]
        self.told: list[tuple[Any, ...]] = []
        self.values: list[float] = []

    def next(self) -> None:
        if self.data.datetime.time().minute:
            return
        self.values.append(self.broker.getvalue())
        for _ in range(2):
            self.chance.choice(MOVES)(self, self.chance.choice(self.datas))
        send, sign = self.side()  # a little farther away, good for a part of the hour or longer
        send(size=0.1, exectype=ORDER.Limit, price=round(self.data.close[0] * (1 - sign * 0.01), 2),
             valid=dt.timedelta(minutes=self.chance.randint(5, 110)))

    def side(self) -> tuple[Any, int]:
        return (self.buy, 1) if self.chance.random() < 0.5 else (self.sell, -1)


def _market(seed: int, **options: Any) -> MarketColumns:
    return random_market(seed, 24 * 60, volatility=0.002, crashes=6, **options)


def _life(columns: Any, feed_options: dict[str, Any], seed: int, **options: Any) -> Run:
    options.setdefault("fees", Fees(0.0002, 0.0005))
    return play(Hourly, columns, params={"seed": seed, "size": 4.0}, feed_options=feed_options,
                **options)


def _without_bars(journal: Journal) -> dict[str, Any]:
    kept = Journal()
    for field in fields(journal):
        records = getattr(journal, field.name)
        if field.name != "worst_equity":
            records = [replace(each, bar=0) for each in records]
        if field.name == "entries":  # the deposit is stamped with the first bar's close
            records[0] = replace(records[0], ts=0)
        setattr(kept, field.name, records)
    return comparable(kept)


def _compare(minutes: Run, hours: Run) -> None:
    ours, theirs = _without_bars(minutes.journal), _without_bars(hours.journal)
    for name in ours:
        assert ours[name] == theirs[name], name
    assert minutes.strategy.values == hours.strategy.values
    assert minutes.broker.getvalue() == hours.broker.getvalue()


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("case", CASES)
def test_hours_with_minutes_inside_live_as_minutes(case: str, seed: int) -> None:
    """Entries, fills, liquidations, settlements, refusals, states and the lowest equity."""
    options = dict(CASES[case])
    columns = _market(seed, venue=options.get("venue", "binance"))
    _compare(_life(columns, {}, seed, **options), _life(columns, STEP, seed, **options))


@pytest.mark.parametrize("margin", ["isolated", "cross"])
def test_two_instruments_too(margin: str) -> None:
    """Both have minutes inside their hours and walk them together."""
    columns = [_market(5), _market(6, symbol="BTCUSDT", price=80_000.0, tick_size=0.1)]
    _compare(_life(columns, {}, 7, margin=margin), _life(columns, STEP, 7, margin=margin))


@pytest.mark.parametrize("case", ["isolated", "cross", "hedge"])
def test_the_curves_are_those_of_the_minutes(case: str) -> None:
    """Equity, the lowest of it, levels and leverage at every minute, drawn from either journal."""
    columns = _market(2)
    minutes, hours = (account_curves(_life(columns, step, 2, **CASES[case]).journal, columns)
                      for step in ({}, STEP))
    for name, series in minutes.arrays().items():
        np.testing.assert_array_equal(series, hours.arrays()[name], err_msg=name)
    assert len(hours) == len(columns)


def test_the_lives_compared_are_full_ones() -> None:
    """Else equality would show nothing: fills, liquidations, settlements, refusals, expiries."""
    runs = [_life(_market(seed), STEP, seed, **CASES["isolated"]) for seed in (1, 2, 3)]
    assert sum(len(run.journal.fills) for run in runs) > 60
    assert sum(len(run.journal.liquidations) for run in runs) >= 3
    assert sum(len(run.journal.funding) for run in runs) >= 3
    assert sum(len(run.journal.rejections) for run in runs) >= 3
    told = [status for run in runs for _, status, *_ in run.strategy.told]
    assert {"Expired", "Canceled", "Completed", "Margin"} <= set(told)


def test_fills_inside_an_hour_carry_their_minute() -> None:
    """The journal's times are those of the finer bars, its bars those of the strategy."""
    run = _life(_market(1), STEP, 1)
    start = parse("2026-01-28")
    for fill in run.journal.fills:
        assert (fill.ts - start) // (3_600 * 10**9) in (fill.bar, fill.bar + 1)
    assert any((fill.ts - start) % (3_600 * 10**9) for fill in run.journal.fills)
