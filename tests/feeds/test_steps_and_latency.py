"""The feed on coarser bars and behind a publication: the columns' own rules, under backtrader."""

from __future__ import annotations

import pickle
from datetime import datetime
from itertools import product
from typing import Any

import backtrader as bt
import numpy as np
import pytest

from deleverage.cerebro import Cerebro
from deleverage.coarser import coarser
from deleverage.columns import MarketColumns
from deleverage.errors import DataError, UsageError
from deleverage.feeds import PerpetualData
from deleverage.feeds.writing import write_dataset
from deleverage.publication import delayed
from deleverage.strategies.base import PerpetualStrategy
from deleverage.timestamps import HOUR, show
from tests.markets import make_columns, random_market, random_tables


class Recorder(bt.Strategy):
    """Keeps every value of every line as the strategy saw it."""

    def __init__(self) -> None:
        self.rows: list[list[float]] = []

    def next(self) -> None:
        self.rows.append([line[0] for line in self.data.lines])


def seen(columns: MarketColumns | None = None, run: dict[str, Any] | None = None,
         **options: Any) -> tuple[dict[str, np.ndarray], Any]:
    """The values a strategy saw, line by line, and the feed."""
    cerebro = bt.Cerebro(stdstats=False)
    data: Any = PerpetualData(columns=columns, **options)  # type: ignore[call-arg]
    cerebro.adddata(data)
    cerebro.addstrategy(Recorder)
    rows = np.array(cerebro.run(**(run or {}))[0].rows)
    return dict(zip(data.getlinealiases(), rows.T, strict=True)), data


def assert_shows(found: dict[str, np.ndarray], columns: MarketColumns) -> None:
    assert {*found} == {*columns.lines, "datetime"}
    for name, line in columns.lines.items():
        np.testing.assert_array_equal(found[name], line, err_msg=name)


@pytest.fixture(scope="module")
def market() -> MarketColumns:
    return random_market(11, 2_000, step="5m")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Any:
    path = tmp_path_factory.mktemp("steps") / "set"
    return write_dataset(path, *random_tables(11, 2_000, step="5m")).path


def test_a_strategy_on_hours_sees_hours_and_the_account_their_bars(market):
    """step="1h": 166 whole hours as lines and columns, 12 five-minute bars under each."""
    found, data = seen(market, step="1h")
    hours = coarser(market, HOUR)
    assert len(hours) == 166
    assert_shows(found, hours)
    assert data.columns.inner.first.tolist() == list(range(0, 166 * 12 + 1, 12))
    np.testing.assert_array_equal(data.columns.inner.fine.close_ns, market.close_ns[:166 * 12])
    assert (data._timeframe, data._compression) == (bt.TimeFrame.Minutes, 60)
    assert data.market.step_ns == HOUR


@pytest.mark.parametrize(("preload", "runonce"), [*product((True, False), repeat=2)])
def test_modes_agree_on_coarse_and_late_bars(market, preload, runonce):
    """Preload and runonce on and off: the same hours, liquidations two hours behind."""
    found, _ = seen(market, {"preload": preload, "runonce": runonce}, step="1h",
                    publication_latency=2)
    assert_shows(found, delayed(coarser(market, HOUR), 2))


def test_a_dataset_may_be_loaded_on_coarser_bars(folder, market):
    """From disk as from columns; the cache holds the fine bars."""
    found, data = seen(dataset=folder, step="4h", publication_latency=1)
    expected = delayed(coarser(market, 4 * HOUR), 1)
    assert_shows(found, expected)
    assert data.columns.inner.fine.market.step_ns == market.market.step_ns
    assert len(PerpetualData(dataset=folder).columns) == 2_000  # type: ignore[call-arg]


def test_limits_cut_whole_hours_with_the_bars_under_them(market):
    """Closes from 03:00 to 05:00 are three hours, the first over the bars from 02:05 on."""
    _, data = seen(market, step="1h", fromdate=datetime(2026, 1, 28, 3),
                   todate=datetime(2026, 1, 28, 5, 30))
    columns = data.columns
    assert [show(int(at))[-5:] for at in columns.close_ns] == ["03:00", "04:00", "05:00"]
    assert columns.inner.first.tolist() == [0, 12, 24, 36]
    assert show(int(columns.inner.fine.close_ns[0]))[-5:] == "02:05"


def test_wake_bars_are_computed_from_coarse_and_late_columns(market):
    """What a strategy reads in wake() is what its lines show: hours, an hour behind."""
    looked: list[MarketColumns] = []

    class Sleeper(PerpetualStrategy):
        def wake(self) -> np.ndarray:
            looked.append(self.columns)
            return np.flatnonzero(self.columns.lines["long_liquidations"] > 1e5)

        def act(self) -> None:
            assert self.data.long_liquidations[0] > 1e5

    cerebro = Cerebro()
    cerebro.adddata(PerpetualData(columns=market, step="1h",  # type: ignore[call-arg]
                                  publication_latency=1))
    cerebro.addstrategy(Sleeper)
    cerebro.run()
    expected = coarser(market, HOUR).lines["long_liquidations"]
    np.testing.assert_array_equal(looked[0].lines["long_liquidations"][1:], expected[:-1])
    assert (expected > 1e5).any()


def test_a_latency_moves_what_is_published_and_nothing_else(market):
    """Three bars behind; prices, mark, funding and the account's mark are in time."""
    found, data = seen(market, publication_latency=3)
    assert_shows(found, delayed(market, 3))
    np.testing.assert_array_equal(found["close"], market.lines["close"])
    assert data.columns.execution_mark is market.execution_mark


def test_what_was_published_before_the_first_bar_is_known_at_it(market):
    """A run from the middle of the data begins with the values of the bars before it."""
    _, data = seen(market, publication_latency=3, fromdate=datetime(2026, 1, 29))
    first = int(np.searchsorted(market.close_ns, data.columns.close_ns[0]))
    np.testing.assert_array_equal(data.columns.lines["long_liquidations"],
                                  market.lines["long_liquidations"][first - 3:-3])


def test_the_account_finds_the_lines_at_their_own_time(market):
    """``undelayed`` is the same bars before the delay; without one the same object."""
    _, data = seen(market, publication_latency=3, fromdate=datetime(2026, 1, 29))
    np.testing.assert_array_equal(data.undelayed.close_ns, data.columns.close_ns)
    np.testing.assert_array_equal(data.undelayed.lines["long_liquidations"][:-3],
                                  data.columns.lines["long_liquidations"][3:])
    _, plain = seen(market)
    assert plain.undelayed is plain.columns


@pytest.mark.parametrize("source", ["dataset", "columns"])
def test_a_pickled_feed_comes_back_on_the_same_bars(folder, market, source):
    """Worker processes open the dataset again and gather it again, once."""
    where: dict[str, Any] = {"dataset": folder} if source == "dataset" else {"columns": market}
    feed: Any = PerpetualData(step="1h", publication_latency=2, **where)
    copy = pickle.loads(pickle.dumps(feed))
    assert len(copy.columns) == len(feed.columns) == 166
    for name, line in feed.columns.lines.items():
        np.testing.assert_array_equal(copy.columns.lines[name], line, err_msg=name)
    np.testing.assert_array_equal(copy.columns.inner.first, feed.columns.inner.first)


def test_columns_that_were_gathered_before_are_taken_as_they_are(market):
    """Coarse columns with their finer bars need no step; the same step changes nothing."""
    hours = coarser(market, HOUR)
    chosen: tuple[dict[str, Any], ...] = ({}, {"step": "1h"})
    for options in chosen:
        _, data = seen(hours, **options)
        assert data.columns is hours


@pytest.mark.parametrize(("step", "said"), [
    ("7m", "bars of 5m cannot be gathered to bars of 7m: the step must be a multiple of 5m"),
    ("1m", "bars of 5m cannot be gathered to bars of 1m: the step must be a multiple of 5m"),
    ("hour", "not a bar length: 'hour'"), ("0h", "not a bar length: '0h'"),
    (3600, "not a bar length: '3600'"), ("", "not a bar length: ''")])
def test_a_step_that_cannot_be_is_refused_in_one_line(market, step, said):
    """No multiple, finer, or no bar length at all."""
    with pytest.raises(UsageError, match=said) as refusal:
        PerpetualData(columns=market, step=step)  # type: ignore[call-arg]
    assert "\n" not in str(refusal.value)


def test_a_step_longer_than_the_data_is_refused():
    """Two hours of data have no whole day."""
    with pytest.raises(DataError, match="no whole bar of 1d between"):
        PerpetualData(columns=make_columns([100.0] * 24, step="5m"),  # type: ignore[call-arg]
                      step="1d")


@pytest.mark.parametrize("latency", [-1, 1.5, "3", True, None])
def test_a_latency_that_is_no_number_of_bars_is_refused(market, latency):
    """Negative, broken, textual: one line."""
    with pytest.raises(UsageError, match="publication_latency is a whole number of bars ≥ 0"):
        PerpetualData(columns=market, publication_latency=latency)  # type: ignore[call-arg]
