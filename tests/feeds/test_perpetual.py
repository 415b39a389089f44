"""The feed under backtrader: the same lines in every mode, named, stamped and cut as asked."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

import backtrader as bt
import numpy as np
import pytest

from deleverage.columns import BASE_LINES, MarketColumns
from deleverage.errors import DataError, UnknownName, UsageError
from deleverage.feeds import PerpetualData
from tests.markets import make_columns, make_dataset, random_market


class Recorder(bt.Strategy):
    """Keeps every value of every line as the strategy saw it."""

    def __init__(self) -> None:
        self.rows: list[list[float]] = []

    def next(self) -> None:
        self.rows.append([line[0] for line in self.data.lines])


def seen(columns: MarketColumns | None = None, run: dict[str, Any] | None = None,
         **options: Any) -> tuple[np.ndarray, PerpetualData]:
    """The rows a strategy saw, and the feed."""
    cerebro = bt.Cerebro(stdstats=False)
    data = PerpetualData(columns=columns, **options)
    cerebro.adddata(data)
    cerebro.addstrategy(Recorder)
    strategy = cerebro.run(**(run or {}))[0]
    return np.array(strategy.rows), data


@pytest.fixture(scope="module")
def market() -> MarketColumns:
    return random_market(11, 5_000, step="5m")


def test_the_strategy_sees_the_columns_line_by_line(market):
    """Every line holds its column's values, NaN included, and nothing is shifted."""
    rows, data = seen(market)
    names = data.getlinealiases()
    assert set(names) == {*BASE_LINES, "datetime", "long_liquidations_binance",
                          "short_liquidations_binance", "long_liquidations_bybit",
                          "short_liquidations_bybit"}
    for at, name in enumerate(names):
        if name != "datetime":
            np.testing.assert_array_equal(rows[:, at], market.lines[name], err_msg=name)


def test_preload_and_runonce_on_and_off_give_the_same_lines(market):
    """Four modes and three memory savings: bit for bit the same rows."""
    expected, _ = seen(market)
    modes: list[dict[str, Any]] = [{"preload": p, "runonce": r}
                                   for p, r in product((True, False), repeat=2)]
    modes += [{"exactbars": level} for level in (1, -1, -2)]
    for mode in modes:
        rows, _ = seen(market, mode)
        np.testing.assert_array_equal(rows, expected, err_msg=str(mode))


def test_stamps_are_the_close_times_and_equal_backtraders_own_numbers(market):
    """The first bar of 5 minutes from midnight is stamped 00:05, to the last bit of date2num."""
    rows, data = seen(market)
    stamps = rows[:, data.getlinealiases().index("datetime")]
    first = datetime(2026, 1, 28, 0, 5)
    assert stamps.tolist() == [bt.date2num(first + timedelta(minutes=5 * k))
                               for k in range(len(market))]


def test_the_feed_is_named_after_its_symbol_unless_named():
    """The name a broker's table shows is the contract's."""
    columns = make_columns([100.0, 101.0], symbol="XRPUSDT")
    assert PerpetualData(columns=columns)._name == "XRPUSDT"
    assert PerpetualData(columns=columns, name="other")._name == "other"
    cerebro = bt.Cerebro()
    cerebro.adddata(PerpetualData(columns=columns))
    assert cerebro.datasbyname["XRPUSDT"] is cerebro.datas[0]


@pytest.mark.parametrize(("step", "frame", "compression"), [
    ("30s", bt.TimeFrame.Seconds, 30), ("1m", bt.TimeFrame.Minutes, 1),
    ("5m", bt.TimeFrame.Minutes, 5), ("1h", bt.TimeFrame.Minutes, 60),
    ("1d", bt.TimeFrame.Days, 1)])
def test_timeframe_and_compression_follow_the_step(step, frame, compression):
    """backtrader resamples by these, so they are the data's and not the default of days."""
    data = PerpetualData(columns=make_columns([100.0, 101.0], step=step))
    assert (data._timeframe, data._compression) == (frame, compression)
    assert data.instrument.symbol == "ETHUSDT"
    assert data.market.synthetic


@pytest.mark.parametrize("preload", [True, False])
@pytest.mark.parametrize(("limits", "first", "last"), [
    ({}, "01-28 00:05", "02-14 08:40"),
    ({"fromdate": datetime(2026, 1, 29, 12)}, "01-29 12:00", "02-14 08:40"),
    ({"todate": datetime(2026, 1, 29, 12)}, "01-28 00:05", "01-29 12:00"),
    ({"fromdate": datetime(2026, 1, 29, 12, 1), "todate": datetime(2026, 1, 29, 12, 14)},
     "01-29 12:05", "01-29 12:10"),
    ({"fromdate": date(2026, 1, 30), "todate": date(2026, 1, 30)}, "01-30 00:00", "01-30 23:55"),
    ({"fromdate": "2026-01-30", "todate": "2026-01-30T06:00"}, "01-30 00:00", "01-30 06:00"),
])
def test_fromdate_and_todate_keep_closes_between_them_both_included(market, preload, limits, first,
                                                                     last):
    """backtrader's own rule, on close stamps; the columns are cut to the same bars."""
    rows, data = seen(market, {"preload": preload}, **limits)
    columns = data.columns
    assert len(columns) == len(rows)
    close = np.datetime_as_string(columns.close_ns[[0, -1]].astype("datetime64[ns]"), "m")
    assert [text[5:].replace("T", " ") for text in close.tolist()] == [first, last]
    at = data.getlinealiases().index("close")
    np.testing.assert_array_equal(rows[:, at], columns.lines["close"])
    assert columns.funding.bar.min(initial=0) >= 0
    np.testing.assert_array_equal(
        columns.funding.settle_ns, columns.close_ns[columns.funding.bar], "8 h stamps are closes")


def test_the_index_of_the_current_bar_is_the_length_minus_one(market):
    """What a broker reads from the columns is the bar the strategy is in."""
    seen_rows = []

    class Checks(bt.Strategy):
        def next(self) -> None:
            bar = len(self.data) - 1
            seen_rows.append(self.data.close[0] == self.data.columns.lines["close"][bar])

    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(PerpetualData(columns=market, fromdate=datetime(2026, 2, 1)))
    cerebro.addstrategy(Checks)
    cerebro.run()
    assert all(seen_rows)
    assert len(seen_rows) == len(cerebro.datas[0].columns)


def test_columns_are_there_before_the_strategy_is_made(market):
    """Strategies compute their wake bars in __init__ from the columns, not from line buffers."""
    found = []

    class Early(bt.Strategy):
        def __init__(self) -> None:
            found.append(len(self.data.columns))

    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(PerpetualData(columns=market, todate=datetime(2026, 1, 28, 1)))
    cerebro.addstrategy(Early)
    cerebro.run(preload=False)
    assert found == [12]


def test_no_bars_between_the_limits_is_one_line_with_the_range(market):
    """A period outside the data says what the data covers."""
    with pytest.raises(DataError, match=r"no bars between .* covers 2026-01-28 00:00 to "):
        seen(market, fromdate=datetime(2027, 1, 1))


def test_a_limit_that_is_no_date_is_refused(market):
    """Text that is not ISO is named, not passed on."""
    with pytest.raises(UsageError, match="fromdate: not an ISO date or time: 'yesterday'"):
        PerpetualData(columns=market, fromdate="yesterday")


def test_the_same_cerebro_runs_twice_with_the_same_result(market):
    """Nothing of the first run is left in the feed."""
    for preload in (True, False):
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.adddata(PerpetualData(columns=market, fromdate=datetime(2026, 2, 1)))
        cerebro.addstrategy(Recorder)
        one = cerebro.run(preload=preload)[0].rows
        two = cerebro.run(preload=preload)[0].rows
        np.testing.assert_array_equal(one, two)


def test_one_source_is_needed_and_names_are_checked(market, tmp_path):
    """Neither, both, or a misspelt parameter are refused in words."""
    with pytest.raises(UsageError, match="one of dataset="):
        PerpetualData()
    with pytest.raises(UsageError, match="one of dataset="):
        PerpetualData(dataset=tmp_path, columns=market)
    with pytest.raises(UnknownName, match="did you mean 'fromdate'"):
        PerpetualData(columns=market, fromdat=datetime(2026, 2, 1))


def test_a_dataset_may_be_given_as_folder_object_or_dataname(tmp_path):
    """All three open the same market."""
    dataset = make_dataset(tmp_path / "set", [100.0, 101.0])
    folder = str(tmp_path / "set")
    for feed in (PerpetualData(dataset=tmp_path / "set"), PerpetualData(dataset=dataset),
                 PerpetualData(dataname=folder), PerpetualData(folder)):
        assert feed.market == dataset.market
        assert len(feed.columns) == 2
