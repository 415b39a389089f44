"""OKX: the rate that was paid, contracts, all orders of a message, bars that are not over."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from deleverage.errors import DataError, UsageError
from deleverage.feeds.readers.okx.reader import READER
from deleverage.feeds.readers.parsing.aggregates import OPEN_BAR
from deleverage.feeds.readers.parsing.answers import SEEN
from deleverage.feeds.readers.protocol import NotAnInput, Request
from deleverage.timestamps import HOUR, MINUTE, parse
from tests.feeds.readers.fuzz import examples, fuzz, zipped
from tests.feeds.readers.reading import array, first, known, read, rows, written

START = parse("2026-01-31T16:00") // 10**6
FUNDING = "instrument_name,funding_rate,funding_time\n"


def answer(data: list[Any], code: str = "0") -> str:
    """SYNTHETIC answer."""
    return json.dumps({"code": code, "msg": "", "data": data})


def paid(name: str = "ETH-USDT-SWAP", count: int = 2) -> list[dict[str, str]]:
    """SYNTHETIC funding history, newest first."""
    return [{"instType": "SWAP", "instId": name, "fundingRate": "0.0003", "realizedRate": "0.0001",
             "fundingTime": str(START - at * 8 * 3_600_000)} for at in range(count)]


def order(**changed: str) -> dict[str, str]:
    """SYNTHETIC order."""
    return {"bkLoss": "0", "bkPx": "2000", "ccy": "", "posSide": "long", "side": "sell",
            "sz": "3", "ts": str(START), **changed}


def message(*orders: dict[str, str], name: str = "ETH-USDT-SWAP") -> str:
    """SYNTHETIC message of the stream."""
    return json.dumps({"arg": {"channel": "liquidation-orders", "instType": "SWAP"},
                       "data": [{"details": list(orders), "instId": name, "instType": "SWAP"}]})


def candle(at: int, over: str = "1", *, short: bool = False) -> list[str]:
    """SYNTHETIC candle of a minute."""
    prices = [str(START + at * 60_000), "100", "102", "99", "101"]
    return [*prices, over] if short else [*prices, "50", "5", "505", over]


def test_the_paid_rate_is_realized_not_predicted(tmp_path):
    """fundingRate is a prediction; realizedRate was paid. Newest first is read as it stands."""
    path = written(tmp_path, "a.json", answer(paid()))
    assert known(READER, path) == "OKX funding history"
    table = rows(read(READER, path)[0])
    assert array(table, "rate").tolist() == [0.0001, 0.0001]
    assert array(table, "ts").tolist() == [START * 10**6, START * 10**6 - 8 * HOUR]
    assert np.isnan(array(table, "interval_h")).all()
    spoilt = [{**paid()[0], "realizedRate": ""}]
    with pytest.raises(DataError, match="row 1, realizedRate is not a number"):
        read(READER, written(tmp_path, "b.json", answer(spoilt)))


def test_archive_months_are_utc_plus_8_and_late_by_seconds(tmp_path):
    """The file of February begins on 31 January, 16:00 UTC; its stamps are epoch times all the
    same, snapped to the minute, and known when they were written."""
    text = "\ufeff" + FUNDING + f"ETH-USDT-SWAP,0.0001,{START + 3_000}\n"
    path = written(tmp_path, "ETH-USDT-SWAP-fundingrates-2026-02.csv", text)
    assert known(READER, path) == "OKX funding archive"
    table = rows(read(READER, path)[0])
    assert first(table, "ts", "raw_ts", "available_at") == (
        START * 10**6, START * 10**6 + 3 * 10**9, START * 10**6 + 3 * 10**9)
    path = written(tmp_path, "ETH-USDT-SWAP-fundingrates-2026-02.zip", zipped(text.encode()))
    assert first(rows(read(READER, path)[0]), "ts") == (START * 10**6,)


def test_archive_of_all_swaps(tmp_path):
    """A daily file holds all swaps: a piece per instrument, other coins counted."""
    text = FUNDING + "".join(f"{name},0.0001,{START}\n" for name in (
        "ETH-USDT-SWAP", "BTC-USDT-SWAP", "ETH-USD-SWAP", "ETH-USDT-260327"))
    path = written(tmp_path, "allswap-fundingrates-2026-02-01.csv", text)
    pieces, log = read(READER, path, symbol="ETH")
    assert [piece.contract.symbol for piece in pieces if piece.contract] == [
        "ETH-USDT-SWAP", "ETH-USD-SWAP"]
    assert log.dropped == {"other coins": 1, "delivery contracts": 1}


def test_the_old_archive_carries_the_next_settlement(tmp_path):
    """allswaprate files (GBK, the NEXT settlement, columns nobody documents) are refused."""
    content = "合约,资金费率,时间\nETH-USDT-SWAP,0.0001,1\n".encode("gbk")
    path = written(tmp_path, "allswaprate-swaprate-2021-05-01.csv", content)
    with pytest.raises(DataError, match="NEXT settlement"):
        read(READER, path)


def test_all_orders_of_a_message(tmp_path):
    """Each order of each instrument of a message is a row; contracts become coins and USD."""
    text = message(order(), order(side="buy", posSide="short", sz="1", ts=str(START - 5)),
                   order(side="buy", posSide="net"))
    path = written(tmp_path, "a.jsonl", text + "\n" + message(order(sz="2"), name="BTC-USD-SWAP"))
    assert known(READER, path) == "OKX liquidation orders"
    pieces, log = read(READER, path)
    table = rows(pieces)
    assert table.column("liq_side").to_pylist() == ["long", "short", "short", "long"]
    assert array(table, "qty_base").tolist() == pytest.approx([0.3, 0.1, 0.3, 0.1])
    assert array(table, "notional_usd").tolist() == pytest.approx([600, 200, 600, 200])
    assert array(table, "source_row").tolist() == [1, 1, 1, 2]
    assert first(table, "price_basis", "completeness", "venue") == ("bankruptcy", "sampled", "okx")
    assert any("when a message arrived" in note for note in log.notes)


def test_contracts_of_unknown_value(tmp_path):
    """Of an instrument whose contract value is not known neither coins nor USD are guessed."""
    path = written(tmp_path, "a.json", message(order(), name="IOST-USDT-SWAP"))
    pieces, log = read(READER, path)
    assert np.isnan(array(rows(pieces), "notional_usd")).all()
    assert any("contract value of IOST-USDT-SWAP" in note for note in log.notes)
    table = rows(read(READER, path, contract_size=10.0)[0])
    assert first(table, "qty_base", "notional_usd") == (30.0, 60_000.0)


def test_the_same_order_in_two_messages_counts_once(tmp_path):
    """Pages of the interface overlap: what an earlier one has is left out and counted; two alike
    in one message are two."""
    page = json.dumps({"code": "0", "data": [{"details": [order(), order()],
                                              "instId": "ETH-USDT-SWAP"}]})
    pieces, log = read(READER, written(tmp_path, "a.jsonl", f"{page}\n{page}\n"))
    assert rows(pieces).num_rows == 2
    assert log.dropped == {SEEN: 2}


def test_other_coins_delivery_and_subscription(tmp_path):
    """Other coins, contracts with an end and messages without rows are counted."""
    lines = [json.dumps({"event": "subscribe", "arg": {"channel": "liquidation-orders"}}),
             message(order(), name="BTC-USDT-SWAP"), message(order(), name="ETH-USD-260327"),
             message(order())]
    pieces, log = read(READER, written(tmp_path, "a.jsonl", "\n".join(lines)), symbol="ETHUSDT")
    assert rows(pieces).num_rows == 1
    assert log.dropped == {"messages about the subscription": 1, "other coins": 1,
                           "delivery contracts": 1}
    with pytest.raises(DataError, match="no liquidation orders of SOL"):
        read(READER, written(tmp_path, "a.jsonl", message(order())), symbol="SOL")


def test_hedge_mode_side_and_position_agree(tmp_path):
    """A sell order that closes a short is no order of OKX: refused by row."""
    with pytest.raises(DataError, match="row 1, posSide contradicts side"):
        read(READER, written(tmp_path, "a.json", message(order(posSide="short"))))


def test_candles_in_coins_without_the_one_not_over(tmp_path):
    """Volume is the coins (column 7), not the contracts; a bar not confirmed is left out."""
    path = written(tmp_path, "ETH-USDT-SWAP_1m.json", answer([candle(2, "0"), candle(1),
                                                              candle(0)]))
    assert known(READER, path) == "OKX candles"
    pieces, log = read(READER, path)
    table = rows(pieces)
    assert array(table, "close_ns").tolist() == [
        START * 10**6 + 2 * MINUTE, START * 10**6 + MINUTE]
    assert array(table, "volume").tolist() == [5.0, 5.0]
    assert log.dropped == {OPEN_BAR: 1}
    assert pieces[0].contract
    assert pieces[0].contract.symbol == "ETH-USDT-SWAP"
    with pytest.raises(UsageError, match="--symbol"):
        read(READER, written(tmp_path, "x.json", answer([candle(1), candle(0)])))


def test_mark_and_index_candles_are_told_by_the_name(tmp_path):
    """Six values a row are a mark's or an index's: the name says which, or it is refused."""
    text = answer([candle(1, short=True), candle(0, short=True)])
    for name, table in (("mark-price-candles", "mark"), ("index-candles", "index")):
        pieces, _ = read(READER, written(tmp_path, f"x/{name}.json", text), symbol="ETH-USDT-SWAP")
        assert (pieces[0].table, pieces[0].rows.num_rows) == (table, 2)
    with pytest.raises(DataError, match="candles of mark or index"):
        read(READER, written(tmp_path, "x/candles.json", text), symbol="ETH-USDT-SWAP")


def test_open_interest_is_coins_not_contracts(tmp_path):
    """The newest form has contracts, coins and USD; a row is known one step after its time."""
    data = [[str(START + at * 300_000), "1000", "100", "200000"] for at in range(2)]
    path = written(tmp_path, "ETH-USDT-SWAP-oi.json", answer(data))
    assert known(READER, path) == "OKX open interest"
    table = rows(read(READER, path)[0])
    assert first(table, "ts", "available_at", "oi_base", "oi_usd") == (
        START * 10**6, START * 10**6 + 5 * MINUTE, 100.0, 200_000.0)


def test_no_inputs(tmp_path):
    """Trades and instruments are recognised."""
    for name, text in (
            ("t.csv", "instrument_name,trade_id,side,price,size,created_time\n"),
            ("i.json", answer([{"instId": "ETH-USDT-SWAP", "ctVal": "0.1"}]))):
        with pytest.raises(NotAnInput, match="recognised as OKX"):
            read(READER, written(tmp_path, name, text))


@pytest.mark.parametrize(("text", "said"), [
    (answer(paid(), "50011"), "code 50011"), (message(order(sz="0")), "row 1, sz must be > 0"),
    (message(order(bkPx="")), "row 1, bkPx is not a number"),
    (message(order(side="close")), "row 1, side must be one of sell, buy"),
    (message(order(ts="12")), "row 1, ts is no time"),
    (answer(paid())[:-9], "line 1 is not JSON"),
    (message(order()) + "\n" + message(order())[:-7], "line 2 is not JSON"),
    (answer([candle(1), candle(0)]).replace('"99"', '"101.5"'), "row 1, low is above"),
])
def test_rows_that_cannot_be_are_named(tmp_path, text, said):
    """Errors of the vendor, values that cannot be and cut files are refused by row."""
    path = written(tmp_path, "ETH-USDT-SWAP.json", text)
    with pytest.raises(DataError, match=said):
        read(READER, path)


@examples(READER.name, 4)
@pytest.mark.parametrize(("name", "text"), [
    ("a.jsonl", "\n".join(message(order(ts=str(START + at))) for at in range(4)) + "\n"),
    ("ETH-USDT-SWAP.json", answer([candle(at) for at in range(4)])),
    ("b.json", answer(paid(count=4))),
    ("f.csv", FUNDING + "".join(f"ETH-USDT-SWAP,0.0001,{START + at * 28_800_000}\n"
                                for at in range(4))),
], ids=["orders", "candles", "answers", "archive"])
def test_spoilt(tmp_path, examples, name, text):
    """The law of spoilt files."""
    fuzz(READER, name, text.encode(), tmp_path, examples, Request("ETH"))
