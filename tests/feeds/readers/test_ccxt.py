"""ccxt: values of venues passed through, so that each means what its venue means."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from deleverage.errors import DataError, UsageError
from deleverage.feeds.readers.ccxt.reader import READER
from deleverage.feeds.readers.parsing.aggregates import OPEN_BAR
from deleverage.feeds.readers.parsing.answers import SEEN
from deleverage.feeds.readers.protocol import Request
from deleverage.timestamps import HOUR, MINUTE, SECOND, parse
from tests.feeds.readers.fuzz import examples, fuzz
from tests.feeds.readers.reading import array, first, known, read, rows, written

START = parse("2026-01-31T16:00") // 10**6
LINEAR = "ETH/USDT:USDT"


def fell(**changed: Any) -> dict[str, Any]:
    """SYNTHETIC liquidation."""
    return {"info": {}, "symbol": LINEAR, "timestamp": START, "datetime": "", "price": 2000.0,
            "baseValue": 0.5, "quoteValue": 1000.0, "contracts": 0.5, "contractSize": 1.0,
            "side": "buy", **changed}


def paid(**changed: Any) -> dict[str, Any]:
    """SYNTHETIC settlement."""
    return {"info": {}, "symbol": LINEAR, "fundingRate": 0.0001, "timestamp": START + 17,
            "datetime": "2026", **changed}


def interest(**changed: Any) -> dict[str, Any]:
    """SYNTHETIC open interest."""
    return {"symbol": LINEAR, "openInterestAmount": 100.0, "openInterestValue": 200_000.0,
            "timestamp": START, **changed}


def candle(at: int) -> list[float]:
    """SYNTHETIC candle of a minute."""
    return [START + at * 60_000, 100.0, 102, 99, 101.0, 5]


@pytest.mark.parametrize(("venue", "side", "basis", "completeness"), [
    ("bybit", "long", "bankruptcy", "all"), ("gate", "long", "fill", "unknown"),
    ("binance", "short", "fill", "sampled_1s"), ("okx", "short", "bankruptcy", "sampled"),
])
def test_side_means_what_the_venue_means(tmp_path, venue, side, basis, completeness):
    """ccxt's buy is a long at Bybit and Gate and closes a short at Binance and OKX."""
    path = written(tmp_path, f"{venue}/a.json", json.dumps([fell()]))
    assert known(READER, path) == "ccxt liquidations"
    table = rows(read(READER, path)[0])
    assert first(table, "venue", "liq_side", "price_basis", "completeness") == (
        venue, side, basis, completeness)
    late = SECOND if venue == "binance" else 0
    assert first(table, "available_at") == (START * 10**6 + late,)
    turned = rows(read(READER, path, side="order" if side == "long" else "position")[0])
    assert first(turned, "liq_side") == ("short" if side == "long" else "long",)


def test_a_venue_must_be_known(tmp_path):
    """Without a venue, or with one whose side is not known, the file is refused."""
    path = written(tmp_path, "x/a.json", json.dumps([fell()]))
    with pytest.raises(UsageError, match="--venue"):
        read(READER, path)
    with pytest.raises(UsageError, match="what mexc means with side is not known"):
        read(READER, path, venue="mexc")
    with pytest.raises(UsageError, match="did you mean 'bybit'"):
        read(READER, path, venue="bibit")
    path = written(tmp_path, "okx/a.json", json.dumps([fell()]))
    assert first(rows(read(READER, path, venue="bybit")[0]), "venue") == ("okx",)


def test_bybit_before_all_liquidation(tmp_path):
    """Before 2025-02-20 Bybit pushed one a second: each row has its own completeness."""
    old = parse("2025-02-19") // 10**6
    path = written(tmp_path, "bybit.json", json.dumps([fell(timestamp=old), fell()]))
    table = rows(read(READER, path)[0])
    assert table.column("completeness").to_pylist() == ["sampled_1s", "all"]


def test_coin_margined_quote_value_is_wrong(tmp_path):
    """Of a contract settled in its coin, contracts × size are USD, and quoteValue is nothing."""
    path = written(tmp_path, "okx.json", json.dumps([
        fell(symbol="BTC/USD:BTC", contracts=3.0, contractSize=100.0, price=50_000.0,
             quoteValue=15_000_000.0, baseValue=300.0)]))
    table = rows(read(READER, path)[0])
    assert first(table, "notional_usd", "qty_base") == (300.0, pytest.approx(0.006))
    path = written(tmp_path, "okx.json", json.dumps([fell(contractSize=None, baseValue=None)]))
    pieces, log = read(READER, path)
    assert np.isnan(array(rows(pieces), "notional_usd")).all()
    assert any("without contractSize" in note for note in log.notes)


def test_other_coins_and_contracts_with_an_end(tmp_path):
    """One coin is picked, a delivery contract left out, a row of two pages taken once."""
    page = json.dumps([fell(), fell(symbol="BTC/USDT:USDT"),
                       fell(symbol="ETH/USDT:USDT-260327")])
    path = written(tmp_path, "bybit.jsonl", f"{page}\n{page}\n")
    pieces, log = read(READER, path, symbol="ETHUSDT")
    assert rows(pieces).num_rows == 1
    assert log.dropped == {SEEN: 3, "other coins": 1, "delivery contracts": 1}


def test_funding_keeps_its_jitter(tmp_path):
    """Stamps are snapped to the settlement, the venue's milliseconds kept."""
    path = written(tmp_path, "binance.json", json.dumps([paid()]))
    assert known(READER, path) == "ccxt funding rate history"
    pieces, _ = read(READER, path)
    assert first(rows(pieces), "ts", "raw_ts", "available_at", "rate") == (
        START * 10**6, (START + 17) * 10**6, (START + 17) * 10**6, 0.0001)
    assert pieces[0].contract
    assert (pieces[0].contract.base, pieces[0].contract.quote) == ("ETH", "USDT")


@pytest.mark.parametrize(("venue", "coins", "usd"), [
    ("binance", 100.0, 200_000.0), ("bybit", 50.0, 100_000.0), ("okx", 10.0, 200_000.0),
    ("mexc", np.nan, 200_000.0),
])
def test_open_interest_by_venue(tmp_path, venue, coins, usd):
    """Bybit counts both sides (halved), OKX contracts (0.1 ETH), others are not guessed."""
    path = written(tmp_path, f"{venue}.json", json.dumps([interest()]))
    assert known(READER, path) == "ccxt open interest history"
    table = rows(read(READER, path)[0])
    assert first(table, "oi_base", "oi_usd") == (pytest.approx(coins, nan_ok=True), usd)


def test_candles_by_name(tmp_path):
    """Plain lists are candles where the name says so; mark, index and premium likewise; the newest
    is left out."""
    text = json.dumps([candle(at) for at in range(3)])
    for name, table in (("ohlcv", "bars"), ("ohlcv_mark", "mark"), ("ohlcv_index", "index"),
                        ("ohlcv_premiumIndex", "premium")):
        path = written(tmp_path, f"binance/{name}.json", text)
        pieces, log = read(READER, path, symbol="ETH/USDT:USDT")
        assert (pieces[0].table, pieces[0].step_ns, log.dropped) == (table, MINUTE, {OPEN_BAR: 1})
        assert array(pieces[0].rows, "close_ns")[0] == START * 10**6 + MINUTE
    assert known(READER, written(tmp_path, "x/a.json", text)) is None
    with pytest.raises(UsageError, match="--symbol"):
        read(READER, written(tmp_path, "binance/ohlcv.json", text))


@pytest.mark.parametrize(("row", "said"), [
    (fell(price=0), "row 1, price must be > 0"), (fell(side="long"), "row 1, side must be one of"),
    (fell(timestamp=None), "row 1, timestamp is no time"),
    (fell(contracts=-1), "row 1, contracts must be ≥ 0"),
    (paid(fundingRate=None), "row 1, fundingRate is not a number"),
    (interest(openInterestAmount=-5), "row 1, openInterestAmount must be ≥ 0"),
])
def test_rows_that_cannot_be_are_named(tmp_path, row, said):
    """Each is refused by row and field."""
    with pytest.raises(DataError, match=said):
        read(READER, written(tmp_path, "binance.json", json.dumps([row])))


@examples(READER.name, 4)
@pytest.mark.parametrize(("name", "text"), [
    ("bybit.jsonl", "\n".join(json.dumps(fell(timestamp=START + at)) for at in range(4)) + "\n"),
    ("binance.json", json.dumps([paid(timestamp=START + at * HOUR // 10**6) for at in range(4)])),
    ("okx.json", json.dumps([interest(timestamp=START + at) for at in range(2)])),
    ("ohlcv_gate.json", json.dumps([candle(at) for at in range(4)])),
], ids=["liquidations", "funding", "interest", "candles"])
def test_spoilt(tmp_path, examples, name, text):
    """The law of spoilt files."""
    fuzz(READER, name, text.encode(), tmp_path, examples, Request("ETH"))
