"""The freqtrade reader on files of its shape: stamps, steps, choices, and bad files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from deleverage.errors import DataError, MissingTable, UnknownName, UsageError
from deleverage.feeds.readers import freqtrade
from deleverage.feeds.readers.freqtrade import READER as FREQTRADE
from deleverage.feeds.readers.protocol import Reading, Request
from deleverage.feeds.tables import numbers
from deleverage.timestamps import HOUR, MINUTE, parse
from tests.feeds.vendor_files import (
    candles,
    freqtrade_folder,
    funding,
    write_feather,
    write_json_gz,
)


def read(folder: Path, symbol: str | None = None, venue: str | None = None,
         timeframe: str | None = None) -> Reading:
    return FREQTRADE.read([folder], Request(symbol, venue, timeframe))


@pytest.fixture
def folder(tmp_path) -> Path:
    return freqtrade_folder(tmp_path)


def test_open_stamps_become_close_stamps_and_funding_stays(folder):
    """The candle dated 00:00 closes at 00:05; the settlement dated 08:00 is at 08:00."""
    reading = read(folder)
    start = parse("2026-01-28")
    assert numbers(reading.tables["bars"], "close_ns")[0] == start + 5 * MINUTE
    assert numbers(reading.tables["mark"], "close_ns")[0] == start + HOUR
    assert numbers(reading.tables["funding"], "ts")[0] == start + 8 * HOUR
    assert numbers(reading.tables["funding"], "rate")[0] == 1e-4
    assert reading.step_ns == 5 * MINUTE
    assert reading.mark_step_ns == HOUR
    assert reading.instrument is not None
    assert (reading.instrument.symbol, reading.instrument.venue) == ("ETHUSDT", "bybit")


def test_the_funding_interval_is_read_from_the_rows_and_said(folder):
    """A file called 1h with rows every 8 h holds 8 h settlements."""
    reading = read(folder)
    assert set(numbers(reading.tables["funding"], "interval_h")) == {8.0}
    assert any("funding interval from the rows: 8 h" in note for note in reading.notes)


def test_the_futures_folder_itself_may_be_given(folder):
    """DIR and DIR/futures are the same; the venue is the folder's above."""
    assert read(folder / "futures").tables["bars"].equals(read(folder).tables["bars"])


def test_jitter_is_snapped_and_the_raw_stamp_kept(folder):
    """17 ms after the hour is the hour; the venue's own stamp stays beside it."""
    name = folder / "futures" / "ETH_USDT_USDT-1h-funding_rate.feather"
    write_feather(name, funding("2026-01-28T08:00", 8, 6, jitter_ms=17))
    table = read(folder).tables["funding"]
    assert set(numbers(table, "ts") % HOUR) == {0}
    assert set(numbers(table, "raw_ts") - numbers(table, "ts")) == {17_000_000}
    assert numbers(table, "available_at").tolist() == numbers(table, "ts").tolist()


def test_milliseconds_nanoseconds_and_json_give_the_same_rows(folder):
    """Old files hold datetime64[ns], new ones [ms], the oldest are JSON: one table."""
    expected = read(folder).tables["bars"]
    name = folder / "futures" / "ETH_USDT_USDT-5m-futures.feather"
    write_feather(name, candles("2026-01-28", "5m", 576), unit="ns")
    assert read(folder).tables["bars"].equals(expected)
    name.unlink()
    write_json_gz(name.with_name("ETH_USDT_USDT-5m-futures.json.gz"),
                  candles("2026-01-28", "5m", 576))
    assert read(folder).tables["bars"].equals(expected)


def test_the_finest_candles_are_read_and_the_others_named(folder):
    """Two steps of candles: the finer one unless a timeframe is asked for."""
    write_feather(folder / "futures" / "ETH_USDT_USDT-1h-futures.feather",
                  candles("2026-01-28", "1h", 48))
    reading = read(folder)
    assert reading.step_ns == 5 * MINUTE
    assert any("left ETH_USDT_USDT-1h-futures.feather" in note for note in reading.notes)
    assert read(folder, timeframe="1h").step_ns == HOUR
    with pytest.raises(UnknownName, match="unknown timeframe '15m'"):
        read(folder, timeframe="15m")


def test_the_only_instrument_with_mark_and_funding_is_taken_and_said(folder):
    """BTC without mark and funding is no choice, and both are named."""
    write_feather(folder / "futures" / "BTC_USDT_USDT-5m-futures.feather",
                  candles("2026-01-28", "5m", 576, price=90_000))
    reading = read(folder)
    assert reading.notes[0] == (
        "took ETHUSDT, the only instrument with mark and funding "
        "(BTCUSDT: futures; ETHUSDT: funding_rate, futures, mark)")
    bitcoin = read(folder, symbol="BTC")
    assert set(bitcoin.tables) == {"bars"}
    assert any("BTCUSDT has no funding" in note for note in bitcoin.notes)


def test_several_whole_instruments_are_a_question_with_the_list(folder, tmp_path):
    """Two instruments with everything: the user chooses, seeing both."""
    for file in list((folder / "futures").iterdir()):
        file.with_name(file.name.replace("ETH_", "SOL_")).write_bytes(file.read_bytes())
    with pytest.raises(UsageError, match=r"2 instruments have .*choose with --symbol \(ETHUSDT: "
                                         r"funding_rate, futures, mark; SOLUSDT: ") as caught:
        read(folder)
    assert "\n" not in str(caught.value)
    assert read(folder, symbol="SOLUSDT").instrument.symbol == "SOLUSDT"  # type: ignore[union-attr]


def test_no_whole_instrument_is_a_question_too(folder):
    """Without any mark the list says what is there."""
    (folder / "futures" / "ETH_USDT_USDT-1h-mark.feather").unlink()
    with pytest.raises(UsageError, match=r"no instrument has candles, mark and funding"):
        read(folder)


@pytest.mark.parametrize("asked", ["ETHUSDT", "ethusdt", "ETH", "ETH/USDT:USDT", "ETH_USDT_USDT",
                                   "ETH-USDT"])
def test_a_symbol_may_be_spelt_as_the_venue_or_freqtrade_does(folder, asked):
    """The contract has many names; all mean the same file."""
    assert read(folder, symbol=asked).instrument.symbol == "ETHUSDT"  # type: ignore[union-attr]


def test_an_unknown_symbol_gets_the_near_miss(folder):
    """ETHUSD is not there, ETHUSDT is."""
    with pytest.raises(UnknownName, match="'ETHUSD'; did you mean 'ETHUSDT'"):
        read(folder, symbol="ETHUSD")


def test_the_venue_comes_from_the_folder_or_is_asked_for(tmp_path):
    """A folder that names no venue, or two, leaves it to --venue; misspelt ones are refused."""
    named = freqtrade_folder(tmp_path, venue="freqtrade_okx")
    assert read(named).instrument.venue == "okx"  # type: ignore[union-attr]
    bare = freqtrade_folder(tmp_path, venue="data")
    with pytest.raises(UsageError, match="does not tell the venue; say it with --venue"):
        read(bare)
    assert read(bare, venue="Binance").instrument.venue == "binance"  # type: ignore[union-attr]
    with pytest.raises(UnknownName, match="did you mean 'bybit'"):
        read(bare, venue="bibit")


def bad_files(folder: Path) -> dict:
    """How each file is spoilt, the error, and its words."""
    bars = folder / "futures" / "ETH_USDT_USDT-5m-futures.feather"
    mark = folder / "futures" / "ETH_USDT_USDT-1h-mark.feather"

    def edited(path: Path, step: str, count: int, **changes: tuple[int, float]) -> None:
        columns = candles("2026-01-28", step, count)
        for name, (row, value) in changes.items():
            columns[name][row] = value
        write_feather(path, columns)

    def without(name: str) -> None:
        columns = candles("2026-01-28", "5m", 576)
        del columns[name]
        write_feather(bars, columns)

    def doubled() -> None:
        columns = candles("2026-01-28", "5m", 576)
        write_feather(bars, {name: np.append(values[:10], values[9:])
                             for name, values in columns.items()})

    def backward() -> None:
        columns = candles("2026-01-28", "5m", 576)
        columns["date"][[4, 5]] = columns["date"][[5, 4]]
        write_feather(bars, columns)

    def as_json(content: bytes) -> None:
        bars.unlink()
        bars.with_name("ETH_USDT_USDT-5m-futures.json.gz").write_bytes(content)

    whole = gzip.compress(b"[[1769558400000, 1, 1, 1, 1, 1]]" * 50)
    return {
        "empty": (lambda: bars.write_bytes(b""), "5m-futures.feather: file is empty"),
        "truncated": (lambda: bars.write_bytes(bars.read_bytes()[:5_000]),
                      "5m-futures.feather: not a whole feather file"),
        "text": (lambda: bars.write_text("date,open\n"), "not a whole feather file"),
        "column": (lambda: without("volume"), "column 'volume' is missing"),
        "nan": (lambda: edited(bars, "5m", 576, close=(7, float("nan"))),
                r"row 8 \(2026-01-28 00:40\), close must be > 0, found nan"),
        "negative": (lambda: edited(bars, "5m", 576, low=(7, -3.0)), "row 8 .*low must be > 0"),
        "high<low": (lambda: edited(bars, "5m", 576, high=(7, 1.0)), "row 8 .*high is below"),
        "mark": (lambda: edited(mark, "1h", 48, low=(0, 9_999.0)), "mark.feather: row 1 .*"),
        "double": (doubled, "row 11 .*close_ns repeats the row above: duplicate"),
        "unsorted": (backward, "row 6 .*close_ns is before the row above: not sorted"),
        "step": (lambda: edited(mark, "30m", 48), "the name says 1h, but its rows are 30m apart"),
        "gz": (lambda: as_json(whole[:-9]), "json.gz: not a whole gzip file"),
        "no gz": (lambda: as_json(b"[[1,1]]"), "json.gz: not a whole gzip file"),
        "no json": (lambda: as_json(gzip.compress(b"[[1, 2")), "json.gz: not JSON"),
        "no list": (lambda: as_json(gzip.compress(b"{}")), "expected a list of rows, found dict"),
        "no row": (lambda: as_json(gzip.compress(b'[[1769558400000, "1", 1, 1, 1, 1]]')),
                   "row 1 is not"),
        "no rows": (lambda: as_json(gzip.compress(b"[]")), "no rows"),
    }


@pytest.mark.parametrize("how", list(bad_files(Path())))
def test_a_bad_file_is_one_clear_line(folder, how):
    """Each defect is found on reading and named with file, row and field."""
    spoil, words = bad_files(folder)[how]
    spoil()
    with pytest.raises(DataError, match=words) as caught:
        read(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_a_bomb_is_not_unfolded(folder, monkeypatch):
    """A small gzip that unfolds beyond the limit is refused."""
    monkeypatch.setattr(freqtrade, "UNFOLDED_LIMIT", 1_000)
    (folder / "futures" / "ETH_USDT_USDT-5m-futures.feather").unlink()
    write_json_gz(folder / "futures" / "ETH_USDT_USDT-5m-futures.json.gz",
                  candles("2026-01-28", "5m", 576))
    with pytest.raises(DataError, match="unfolds to more than"):
        read(folder)


def test_a_folder_that_is_missing_or_holds_no_futures(tmp_path):
    """Both say what was expected there."""
    with pytest.raises(MissingTable, match="no such folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(MissingTable, match="no freqtrade futures files"):
        read(tmp_path)


def test_repeated_settlements_keep_the_last(folder):
    """Two rows within a minute are one settlement, and it is said."""
    rows = funding("2026-01-28T08:00", 8, 6)
    rows = {name: np.append(values[:1], values) for name, values in rows.items()}
    rows["date"][0] -= 3_000_000
    rows["open"][0] = 9.0
    write_feather(folder / "futures" / "ETH_USDT_USDT-1h-funding_rate.feather", rows)
    reading = read(folder)
    assert numbers(reading.tables["funding"], "rate")[0] == 1e-4
    assert any("1 repeated settlements" in note for note in reading.notes)


@pytest.mark.parametrize(("row", "words"), [
    ([0, 1, 1, 1, 1, 1], "row 1, date is no time from 2000 to 2100"),
    ([9**40, 1, 1, 1, 1, 1], "row 1 is not"),
    ([1_769_558_400_000, 9**40, 1, 1, 1, 1], "row 1 is not"),
], ids=["of another unit", "huge time", "huge price"])
def test_numbers_that_cannot_be_are_named(tmp_path, row, words):
    """JSON holds integers of any size and times of any unit: refused by row."""
    path = tmp_path / "ETH_USDT_USDT-5m-futures.json.gz"
    path.write_bytes(gzip.compress(json.dumps([row]).encode()))
    with pytest.raises(DataError, match=words):
        freqtrade.vendor_columns(path, ("date", "open"))


def test_a_column_whose_name_is_no_text_is_damage(tmp_path):
    """A byte of a column's name that is none of UTF-8: the file is refused, by name."""
    path = write_feather(tmp_path / "ETH_USDT_USDT-5m-futures.feather", candles(
        "2026-01-28", "5m", 6))
    path.write_bytes(path.read_bytes().replace(b"volume", b"\x80olume"))
    with pytest.raises(DataError, match=r"futures\.feather: not a whole feather file"):
        freqtrade.vendor_columns(path, ("date", "open"))
