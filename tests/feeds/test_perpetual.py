"""The feed under backtrader: the same lines in every mode, named, stamped and cut as asked."""

from __future__ import annotations

import pickle
import subprocess
import sys
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

NAN = float("nan")


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


class TwoFeeds(bt.Strategy):
    """Keeps the rows of the second, slower feed as they complete."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, ...]] = []
        self.stamps: list[datetime] = []

    def next(self) -> None:
        slow = self.datas[-1]
        if self.stamps and slow.datetime.datetime(0) == self.stamps[-1]:
            self.rows.pop()
            self.stamps.pop()
        self.stamps.append(slow.datetime.datetime(0))
        self.rows.append((slow.open[0], slow.high[0], slow.low[0], slow.close[0], slow.volume[0]))


def hourly(market: MarketColumns, hours: int) -> list[tuple[float, ...]]:
    rows: list[tuple[float, ...]] = []
    for hour in range(hours):
        part = slice(12 * hour, 12 * hour + 12)
        bar = {name: market.lines[name][part] for name in BASE_LINES[:5]}
        rows.append((bar["open"][0], bar["high"].max(), bar["low"].min(), bar["close"][-1],
                     bar["volume"].sum()))
    return rows


@pytest.mark.parametrize("mode", [{}, {"runonce": False}, {"preload": False}])
def test_a_resampled_clone_carries_the_hours_ohlcv(market, mode):
    """00:05 to 01:00 make the hour stamped 01:00: close stamps resample rightly."""
    cerebro = bt.Cerebro(stdstats=False)
    data = PerpetualData(columns=market.sliced(0, 480))
    cerebro.adddata(data)
    cerebro.resampledata(data, timeframe=bt.TimeFrame.Minutes, compression=60)
    cerebro.addstrategy(TwoFeeds)
    strategy = cerebro.run(**mode)[0]
    assert strategy.stamps[0] == datetime(2026, 1, 28, 1)
    np.testing.assert_allclose(strategy.rows, hourly(market, 40), rtol=1e-12)
    assert len(data.columns) == 480
    assert not hasattr(cerebro.datas[1], "columns")


def test_a_replayed_clone_builds_the_hour_bar_by_bar(market):
    """Replay shows the growing hour; its final states are the hours."""
    cerebro = bt.Cerebro(stdstats=False)
    data = PerpetualData(columns=market.sliced(0, 480))
    cerebro.adddata(data)
    cerebro.replaydata(data, timeframe=bt.TimeFrame.Minutes, compression=60)
    cerebro.addstrategy(TwoFeeds)
    strategy = cerebro.run()[0]
    ends = [row for row, at in zip(strategy.rows, strategy.stamps, strict=True) if at.minute == 0]
    np.testing.assert_allclose(ends, hourly(market, 40), rtol=1e-12)


def test_the_feed_itself_may_be_resampled_and_then_has_no_columns(market):
    """Resampling without adding the original works; its bars are no longer the market's."""
    cerebro = bt.Cerebro(stdstats=False)
    data = PerpetualData(columns=market.sliced(0, 480))
    cerebro.resampledata(data, timeframe=bt.TimeFrame.Minutes, compression=60)
    cerebro.addstrategy(TwoFeeds)
    strategy = cerebro.run()[0]
    np.testing.assert_allclose(strategy.rows, hourly(market, 40), rtol=1e-12)
    with pytest.raises(UsageError, match="resampled or filtered bars have no columns"):
        _ = data.columns


def test_a_filter_sees_every_bar(market):
    """A filter that drops bars gets them one by one."""
    cerebro = bt.Cerebro(stdstats=False)
    data = PerpetualData(columns=market)
    data.addfilter_simple(lambda feed: feed.datetime.time(0).hour != 12)
    cerebro.adddata(data)
    cerebro.addstrategy(Recorder)
    rows = cerebro.run()[0].rows
    assert 0 < len(rows) < len(market) / 20


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
