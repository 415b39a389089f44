"""Coinalyze: seconds, letters that mean two things, units that the answer does not say."""

from __future__ import annotations

import json

import numpy as np
import pytest

from deleverage.errors import DataError
from deleverage.feeds.readers.coinalyze import READER
from deleverage.feeds.readers.parsing.aggregates import OPEN_BAR, REPEATED
from deleverage.feeds.readers.protocol import NotAnInput, Request
from deleverage.timestamps import DAY, HOUR, parse
from tests.feeds.readers.fuzz import examples, fuzz
from tests.feeds.readers.reading import array, first, known, read, rows, written

START = parse("2026-01-31") // 10**9


def answer(history: list[dict[str, float]], symbol: str = "ETHUSDT_PERP.A") -> str:
    """SYNTHETIC answer of one symbol."""
    return json.dumps([{"symbol": symbol, "history": history}])


def sums(count: int = 3, step: int = 3600) -> list[dict[str, float]]:
    """SYNTHETIC liquidations by the hour."""
    return [{"t": START + at * step, "l": 2.0 + at, "s": 0.0} for at in range(count)]


def ohlc(count: int = 3, **more: float) -> list[dict[str, float]]:
    """SYNTHETIC OHLC by the hour."""
    return [{"t": START + at * 3600, "o": 10.0, "h": 12.0, "l": 9.0, "c": 11.0 + at / 10, **more}
            for at in range(count)]


def test_liquidations_by_side_in_coins_known_at_the_bars_end(tmp_path):
    """l are longs, s shorts, in coins of a linear contract; the newest bar is left out."""
    path = written(tmp_path, "a.json", answer(sums()))
    assert known(READER, path) == "Coinalyze liquidations"
    pieces, log = read(READER, path)
    table = rows(pieces)
    assert first(table, "venue", "symbol", "base") == ("binance", "ETHUSDT_PERP.A", "ETH")
    assert first(table, "available_at") == (START * 10**9 + HOUR,)
    assert array(table, "qty_base").tolist() == [2.0, 0.0, 3.0, 0.0]
    assert np.isnan(array(table, "notional_usd")).all()
    assert table.column("liq_side").to_pylist() == ["long", "short"] * 2
    assert log.dropped == {OPEN_BAR: 1}
    assert any("taken as coins" in note for note in log.notes)


def test_usd_in_the_name_says_usd(tmp_path):
    """An answer asked for in USD does not say so; its name must, and USDT in it does not."""
    for name in ("eth_usd.json", "liq?convert_to_usd=true.json"):
        table = rows(read(READER, written(tmp_path, f"x/{name}", answer(sums())))[0])
        assert first(table, "notional_usd") == (2.0,)
        assert np.isnan(array(table, "qty_base")).all()
    table = rows(read(READER, written(tmp_path, "x/ETHUSDT_PERP.json", answer(sums())))[0])
    assert first(table, "qty_base") == (2.0,)


def test_contracts_of_unknown_size(tmp_path):
    """Of a coin-margined contract neither coins nor USD are known, unless a size is given."""
    path = written(tmp_path, "a.json", answer(sums(), "ETHUSD_PERP.A"))
    pieces, log = read(READER, path)
    assert np.isnan(array(rows(pieces), "qty_base")).all()
    assert any("unknown size" in note for note in log.notes)
    assert first(rows(read(READER, path, contract_size=0.5)[0]), "qty_base") == (1.0,)


def test_l_is_the_low_of_open_interest(tmp_path):
    """Open interest is OHLC, its l the low: told by the keys and the file's name; the close stands
    at the bar's end."""
    path = written(tmp_path, "open-interest-history.json", answer(ohlc()))
    assert known(READER, path) == "Coinalyze open interest"
    table = rows(read(READER, path)[0])
    assert first(table, "ts", "oi_base") == (START * 10**9 + HOUR, 11.0)
    path = written(tmp_path, "x.json", answer(ohlc()))
    with pytest.raises(DataError, match="OHLC of what"):
        read(READER, path)


def test_candles_and_a_bar_twice(tmp_path):
    """Candles are close-stamped; one that stands twice counts once, as written last."""
    history = ohlc(4, v=5.0, bv=2.0, tx=3, btx=1)
    history[2] = {**history[2], "t": history[1]["t"], "v": 6.0}
    pieces, log = read(READER, written(tmp_path, "a.json", answer(history)), timeframe="1h")
    assert array(rows(pieces), "volume").tolist() == [5.0, 6.0]
    assert array(rows(pieces), "close_ns").tolist() == [
        START * 10**9 + HOUR, START * 10**9 + 2 * HOUR]
    assert log.dropped == {OPEN_BAR: 1, REPEATED: 1}


def test_only_daily_bars_are_kept_for_long(tmp_path):
    """A daily bar is known at the end of its day."""
    pieces, _ = read(READER, written(tmp_path, "a.json", answer(sums(step=86_400))))
    assert pieces[0].step_ns == DAY
    assert first(rows(pieces), "available_at") == (START * 10**9 + DAY,)


def test_symbols_of_one_answer(tmp_path):
    """One coin is picked; delivery contracts are left out; an unknown venue's code is said."""
    text = json.dumps([{"symbol": name, "history": sums()} for name in (
        "BTCUSDT_PERP.A", "ETHUSDT_PERP.6", "ETHUSDT_260327.A")])
    pieces, log = read(READER, written(tmp_path, "a.json", text), symbol="ETHUSDT")
    assert first(rows(pieces), "venue") == ("coinalyze_6",)
    assert log.dropped == {"other coins": 3, "delivery contracts": 3, OPEN_BAR: 1}
    assert any("code '6' is not known" in note for note in log.notes)
    path = written(tmp_path, "a.json", text)
    assert first(rows(read(READER, path, symbol="ETH", venue="okx")[0]), "venue") == ("okx",)
    assert first(rows(read(READER, path, symbol="BTC", venue="okx")[0]), "venue") == ("binance",)
    with pytest.raises(DataError, match="no rows of SOL"):
        read(READER, written(tmp_path, "a.json", text), symbol="SOL")


def test_no_input_and_no_unit(tmp_path):
    """Long/short ratios have l and s, too, and are no liquidations; funding has no known unit."""
    path = written(tmp_path, "a.json", answer([{"t": START, "r": 2.0, "l": 0.6, "s": 0.4}]))
    with pytest.raises(NotAnInput, match="long/short ratio"):
        read(READER, path)
    with pytest.raises(DataError, match="does not document"):
        read(READER, written(tmp_path, "funding-rate.json", answer(ohlc())))


@pytest.mark.parametrize(("spoilt", "said"), [
    ({"l": -1}, "row 2, long liquidations must be ≥ 0"), ({"t": "x"}, "row 2, t is no"),
    ({"s": "many"}, "row 2, s is not a number"), ({"t": START + 60}, "the step cannot be told"),
])
def test_rows_that_cannot_be_are_named(tmp_path, spoilt, said):
    """A row is refused by number and field."""
    history = sums(5)
    history[1] = {**history[1], **spoilt}
    with pytest.raises(DataError, match=said):
        read(READER, written(tmp_path, "a.json", answer(history)))


@examples(READER.name, 2, 1)
def test_spoilt(tmp_path, examples):
    """The law of spoilt files on liquidations, in USD."""
    fuzz(READER, "usd.json", answer(sums(2)).encode(), tmp_path, examples)


@examples(READER.name, 2, 1)
def test_spoilt_candles(tmp_path, examples):
    """The law of spoilt files on candles."""
    fuzz(READER, "a.json", answer(ohlc(3, v=5.0)).encode(), tmp_path, examples, Request("ETH"))
