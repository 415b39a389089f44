"""Bybit: one test per trap, on SYNTHETIC answers and recordings, and the samples' answers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from deleverage.errors import DataError, UsageError
from deleverage.feeds.readers.bybit.reader import READER
from deleverage.feeds.readers.protocol import NotAnInput
from deleverage.timestamps import HOUR, MINUTE
from tests.feeds.readers.one_file import MS, read, written

START = 1_769_904_000_000  # 2026-02-01 00:00 in ms
TRADES = ("timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,"
          "foreignNotional")


def answer(rows: list[Any], symbol: str | None = "ETHUSDT", category: str = "linear",
           time: int | None = START + 86_400_000, **top: Any) -> str:
    """An answer of the API as its text."""
    result: dict[str, Any] = {"category": category, "list": rows}
    if symbol is not None:
        result["symbol"] = symbol
    whole: dict[str, Any] = {"retCode": 0, "retMsg": "OK", "result": result, **top}
    return json.dumps(whole if time is None else {**whole, "time": time})


def candles(count: int = 3, step: int = 60_000, turnover: bool = False) -> list[list[str]]:
    """Candles, the newest first, with volume and turnover if wanted."""
    rows = [[str(START + at * step), str(2_400 + at), str(2_410 + at), "2390.5", str(2_405 + at)]
            for at in reversed(range(count))]
    return [[*row, "12.5", "30000"] for row in rows] if turnover else rows


def new_topic(side: str = "Buy", symbol: str = "ETHUSDT", at: int = 0, price: str = "2400",
              size: str = "2", push: int = 300) -> str:
    """A message of allLiquidation with one event."""
    event = {"T": START + at, "s": symbol, "S": side, "v": size, "p": price}
    return json.dumps({"topic": f"allLiquidation.{symbol}", "type": "snapshot",
                       "ts": START + at + push, "data": [event]})


def old_topic(side: str = "Buy", symbol: str = "ETHUSDT", at: int = 0) -> str:
    """A message of the removed topic: one object."""
    event = {"updatedTime": START + at, "symbol": symbol, "side": side, "size": "2",
             "price": "2400"}
    return json.dumps({"topic": f"liquidation.{symbol}", "type": "snapshot", "ts": START + at + 5,
                       "data": event})


def lines(path: Path, *texts: str) -> Path:
    """A recording, one message a line."""
    return written(path, "".join(f"{text}\n" for text in texts))


def test_funding_history(tmp_path):
    """Newest first as the venue gives it; the interval is not in the answer."""
    path = written(tmp_path / "funding.json", answer(
        [{"symbol": "ETHUSDT", "fundingRate": "-0.0002", "fundingRateTimestamp": str(START + each)}
         for each in (28_800_000, 0)], symbol=None))
    found = read(READER, path)
    assert found.kind == "Bybit v5 funding history"
    rows = found.rows("funding", "ETHUSDT")
    assert all(math.isnan(row.pop("interval_h")) for row in rows)
    assert rows == [
        {"ts": at, "raw_ts": at, "available_at": at, "rate": -0.0002, "source_row": number}
        for number, at in ((1, (START + 28_800_000) * MS), (2, START * MS))]


def test_rate_in_percent_is_refused(tmp_path):
    """No settlement takes a position's whole value."""
    path = written(tmp_path / "funding.json", answer(
        [{"symbol": "ETHUSDT", "fundingRate": "1.5", "fundingRateTimestamp": str(START)}]))
    with pytest.raises(DataError, match="row 1, fundingRate must be a fraction below 1"):
        read(READER, path)


def test_open_interest_sums_both_sides(tmp_path):
    """openInterest is halved; singleOpenInterest is taken as it is where the answer has it."""
    path = written(tmp_path / "oi.json", answer([
        {"openInterest": "1000", "singleOpenInterest": "499", "timestamp": str(START + 300_000)},
        {"openInterest": "1001.5", "timestamp": str(START)}]))
    found = read(READER, path)
    assert found.kind == "Bybit v5 open interest"
    assert [(row["ts"], row["available_at"], row["oi_base"]) for row in
            found.rows("open_interest", "ETHUSDT")] == [
        ((START + 300_000) * MS, (START + 300_000) * MS, 499.0), (START * MS, START * MS, 500.75)]
    assert "sums both sides: halved" in found.said


def test_inverse_open_interest_is_in_usd(tmp_path):
    """Its coins need a price that the answer has not: NaN, never a number of dollars."""
    path = written(tmp_path / "oi.json", answer(
        [{"openInterest": "3000", "timestamp": str(START)}], "ETHUSD", "inverse"))
    row = read(READER, path).rows("open_interest", "ETHUSD")[0]
    assert math.isnan(row["oi_base"])
    assert row["oi_usd"] == 1_500.0


def test_candles_are_stamped_with_their_open(tmp_path):
    """A bar is known at its close; volume of a linear contract is in coins."""
    found = read(READER, written(tmp_path / "kline.json", answer(candles(turnover=True))))
    piece = found.pieces[0]
    assert (piece.table, piece.step_ns) == ("bars", MINUTE)
    assert found.rows("bars", "ETHUSDT")[-1] == {
        "close_ns": START * MS + MINUTE, "open": 2_400.0, "high": 2_410.0, "low": 2_390.5,
        "close": 2_405.0, "volume": 12.5, "source_row": 3}


def test_inverse_volume_is_the_turnover(tmp_path):
    """An inverse contract's volume is in USD; its turnover is in coins."""
    path = written(tmp_path / "kline.json",
                   answer(candles(turnover=True), "ETHUSD", "inverse"))
    assert read(READER, path).column("bars", "volume") == [30_000.0] * 3


@pytest.mark.parametrize(("name", "table"), [
    ("v5_mark_price_kline.json", "mark"), ("mark-price-kline/ETHUSDT.json", "mark"),
    ("index-price-kline/ETHUSDT.json", "index"), ("premium-index-price-kline/E.json", "premium")])
def test_path_says_which_prices(tmp_path, name, table):
    """Mark, index and premium candles look alike: the file or its folder names them."""
    found = read(READER, written(tmp_path / name, answer(candles())))
    assert {piece.table for piece in found.pieces} == {table}


def test_candles_of_unnamed_prices(tmp_path):
    """Without a word in the path nothing is assumed."""
    path = written(tmp_path / "answer.json", answer(candles()))
    with pytest.raises(UsageError, match="candles of mark, index or premium prices"):
        read(READER, path)


def test_unfinished_bar_is_dropped_and_counted(tmp_path):
    """A bar that was not over when the answer was given holds the last price only so far."""
    for time in (START + 150_000, None):
        path = written(tmp_path / "mark.json", answer(candles(), time=time))
        found = read(READER, path)
        assert found.column("mark", "source_row") == [2, 3]
        assert found.log.dropped == {"a bar that was not over when the answer was given": 1}


def test_step_by_the_distances_and_by_the_request(tmp_path):
    """Bars that do not lie on one step are refused; one bar alone leaves the step open."""
    uneven = candles(3)
    uneven[0][0] = str(START + 150_000)
    path = written(tmp_path / "mark.json", answer(uneven))
    with pytest.raises(DataError, match=r"mark.json: row 1 .*, start is 90s from another row's, "
                                        "expected bars of 1m"):
        read(READER, path)
    one = written(tmp_path / "one" / "mark.json", answer(candles(1)))
    with pytest.raises(UsageError, match="--timeframe"):
        read(READER, one)
    assert read(READER, one, timeframe="1h").column("mark", "close_ns") == [START * MS + HOUR]
    gap = written(tmp_path / "gap" / "mark_1m.json",
                  answer([row for row in candles(4) if row[0] != str(START + 60_000)]))
    assert len(read(READER, gap).rows("mark")) == 3


def test_answer_that_is_an_error(tmp_path):
    """An answer without rows because the request was wrong is no empty market."""
    path = written(tmp_path / "mark.json", answer([], retCode=10001, retMsg="params error"))
    with pytest.raises(DataError, match="retCode 10001, 'params error'"):
        read(READER, path)


def test_symbol_of_an_answer(tmp_path):
    """One that no perpetual of the venue has is refused, not read as some coin's."""
    path = written(tmp_path / "mark.json", answer(candles(), "ETH SDT"))
    with pytest.raises(DataError, match="symbol 'ETH SDT' is that of no perpetual of Bybit"):
        read(READER, path)


def test_other_answers_are_no_input(tmp_path):
    """Tickers, instruments, spot: named in one line."""
    for text in (answer([{"symbol": "ETHUSDT", "lastPrice": "1", "openInterest": "2"}]),
                 answer([{"symbol": "ETHUSDT", "lotSizeFilter": {}}]),
                 answer(candles(turnover=True), category="spot")):
        with pytest.raises(NotAnInput, match="not an input of a dataset"):
            read(READER, written(tmp_path / "answer.json", text))


def test_side_is_the_side_of_the_position(tmp_path):
    """Buy means that a LONG was liquidated, in both topics: the opposite of Binance's word."""
    path = lines(tmp_path / "stream.jsonl", new_topic("Buy"), new_topic("Sell", at=1),
                 old_topic("Buy", at=2), old_topic("Sell", at=3))
    found = read(READER, path)
    assert found.kind == "Bybit liquidation stream"
    assert found.column("liquidations", "liq_side") == ["long", "short", "long", "short"]
    turned = read(READER, path, side="order").column("liquidations", "liq_side")
    assert turned == ["short", "long", "short", "long"]


def test_price_is_the_bankruptcy_price_known_at_the_push(tmp_path):
    """The event's own time, the push as the time it was known, line as the row."""
    path = lines(tmp_path / "stream.jsonl", new_topic(), new_topic(at=700, price="2395.25"))
    assert read(READER, path).rows("liquidations")[1] == {
        "ts": (START + 700) * MS, "available_at": (START + 1_000) * MS, "venue": "bybit",
        "symbol": "ETHUSDT", "base": "ETH", "liq_side": "long", "qty_base": 2.0, "price": 2_395.25,
        "price_basis": "bankruptcy", "notional_usd": 4_790.5, "completeness": "all",
        "source_row": 2}


def test_topic_says_how_complete_it_is(tmp_path):
    """allLiquidation is complete, the old topic pushed one a second."""
    path = lines(tmp_path / "stream.jsonl", old_topic(), new_topic(at=1))
    assert read(READER, path).column("liquidations", "completeness") == ["sampled_1s", "all"]


def test_inverse_sizes_are_in_usd(tmp_path):
    """500 of ETHUSD are 500 USD, of ETHPERP 500 coins."""
    path = lines(tmp_path / "stream.jsonl", new_topic(symbol="ETHUSD", size="500", price="2000"),
                 new_topic(symbol="ETHPERP", size="500", price="2000", at=1))
    rows = read(READER, path).rows("liquidations")
    assert [(row["qty_base"], row["notional_usd"]) for row in rows] == [
        (0.25, 500.0), (500.0, 1_000_000.0)]
    assert {row["base"] for row in rows} == {"ETH"}


def test_messages_of_other_topics_are_counted(tmp_path):
    """A recorder keeps acknowledgements and other topics in the same file."""
    path = lines(tmp_path / "stream.jsonl", '{"op":"subscribe","success":true}', new_topic(),
                 '{"topic":"tickers.ETHUSDT","data":{}}')
    found = read(READER, path)
    assert found.log.dropped == {"a message of another topic": 2}
    assert found.column("liquidations", "source_row") == [2]


def test_one_list_of_messages(tmp_path):
    """The same messages as one JSON list, on one line or indented."""
    whole = [json.loads(new_topic(at=at)) for at in range(3)]
    for indent in (None, 2):
        path = written(tmp_path / "stream.json", json.dumps(whole, indent=indent))
        assert read(READER, path).column("liquidations", "source_row") == [1, 2, 3]


def test_other_coins_and_delivery_contracts(tmp_path):
    """Other coins are not read, delivery contracts are counted."""
    path = lines(tmp_path / "stream.jsonl", new_topic(symbol="BTCUSDT"), new_topic(),
                 new_topic(symbol="ETHUSDT-27MAR26"), new_topic(symbol="ETHUSDH26"))
    found = read(READER, path, symbol="ETH")
    assert found.column("liquidations", "source_row") == [2]
    assert found.log.dropped == {"a delivery contract": 2}


@pytest.mark.parametrize(("text", "fault"), [
    (new_topic(side="Long"), "row 2, side must be one of Buy, Sell, found 'long'"),
    (new_topic(price="1_000"), "row 2, price is not a number, found '1_000'"),
    (new_topic(price="0"), "row 2, price must be > 0"),
    (new_topic(at=-START), "row 2, T is no time from 2000 to 2100"),
    (new_topic()[:60], "line 2 is not JSON"),
    (new_topic().replace('"p"', '"q"'), "line 2, p is missing"),
])
def test_faults_name_file_line_and_field(tmp_path, text, fault):
    """Each fault of a message is one line."""
    path = lines(tmp_path / "stream.jsonl", new_topic(), text)
    with pytest.raises(DataError, match=rf"stream\.jsonl: {fault}"):
        read(READER, path)


@pytest.mark.parametrize("more", ["", ",RPI"])
def test_public_trading_archive_is_no_input(tmp_path, more):
    """Trades with ten or eleven columns."""
    path = written(tmp_path / "ETHUSDT2026-01-31.csv", f"{TRADES}{more}\n1769817600.1,ETHUSDT\n")
    with pytest.raises(NotAnInput, match="recognised as Bybit trades"):
        read(READER, path)
