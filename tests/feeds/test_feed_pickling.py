"""The feed in other processes: pickled small, unpickled anywhere, optimised."""

from __future__ import annotations

import pickle
import subprocess
import sys
from datetime import datetime

import backtrader as bt
import numpy as np
import pytest

from deleverage.columns import MarketColumns
from deleverage.feeds import PerpetualData
from tests.markets import make_dataset, random_market


@pytest.fixture(scope="module")
def market() -> MarketColumns:
    return random_market(11, 5_000, step="5m")


def test_a_feed_survives_pickling_without_its_columns(tmp_path, market):
    """A feed of a dataset travels as its path; one of columns takes them along."""
    events = [{"ts": "2026-01-28T00:00:30", "liq_side": "long", "notional_usd": 5.0}]
    prices = np.linspace(100.0, 200.0, 20_000)
    make_dataset(tmp_path / "set", prices, liquidations=events)
    data = PerpetualData(dataset=tmp_path / "set", fromdate=datetime(2026, 1, 29))
    packed = pickle.dumps(data)
    assert len(packed) < 20_000
    again = pickle.loads(packed)
    assert again.columns.close_ns[0] == data.columns.close_ns[0]
    assert type(again).__name__ == "PerpetualData_binance"
    assert len(pickle.loads(pickle.dumps(PerpetualData(columns=market))).columns) == len(market)


def test_a_fresh_process_can_unpickle_a_feed_with_venue_lines(tmp_path):
    """The class with a venue's lines is made again by its name where it does not exist yet."""
    events = [{"ts": "2026-01-28T00:00:30", "liq_side": "long", "notional_usd": 5.0, "venue": venue}
              for venue in ("okx-swap", "bybit")]
    make_dataset(tmp_path / "set", [100.0, 101.0], liquidations=events)
    packed = tmp_path / "feed.pickle"
    packed.write_bytes(pickle.dumps(PerpetualData(dataset=tmp_path / "set")))
    code = ("import pickle, sys; feed = pickle.load(open(sys.argv[1], 'rb')); "
            "print(type(feed).__name__, len(feed.columns), feed.columns.venues)")
    done = subprocess.run([sys.executable, "-c", code, str(packed)], capture_output=True, text=True,
                          check=True)
    assert done.stdout.split("(")[0] == "PerpetualData_bybit__okx_swap 2 "


class Idle(bt.Strategy):
    """Does nothing; its parameter is what an optimiser varies."""

    params = (("period", 5),)


@pytest.mark.slow
@pytest.mark.parametrize("optdatas", [True, False])
def test_the_optimiser_runs_it_in_two_processes(market, optdatas):
    """backtrader pickles engine and feeds for its workers, preloaded or not."""
    cerebro = bt.Cerebro(stdstats=False, optdatas=optdatas, maxcpus=2)
    cerebro.adddata(PerpetualData(columns=market.sliced(0, 500)))
    cerebro.optstrategy(Idle, period=[5, 6])
    assert [run[0].p.period for run in cerebro.run()] == [5, 6]
