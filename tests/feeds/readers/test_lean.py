"""Lean: files without header, in folders that name what they hold; hftbacktest: no input."""

from __future__ import annotations

import numpy as np
import pytest

from deleverage.errors import DataError, UsageError
from deleverage.feeds.readers.hftbacktest import READER as HFT
from deleverage.feeds.readers.lean import READER
from deleverage.feeds.readers.protocol import NotAnInput
from deleverage.timestamps import MINUTE, parse
from tests.feeds.readers.fuzz import examples, fuzz, zipped
from tests.feeds.readers.reading import array, first, known, read, rows, written

FUNDING = "20260131 00:00:00,0.0001\n20260131 08:00:00,-0.0002\n20260131 16:00:00,0.0003"
MINUTES = "".join(f"{at * 60_000},100,102,99,101,{at + 5}\n" for at in range(4))
DAY = parse("2026-01-31")


def test_funding_without_header_or_last_line_end(tmp_path):
    """All three rows are read, the first not taken for a header, the last not lost."""
    path = written(tmp_path, "cryptofuture/bybit/margin_interest/ethusdt.csv", FUNDING)
    assert known(READER, path) == "Lean margin interest"
    pieces, _ = read(READER, path)
    assert array(rows(pieces), "rate").tolist() == [0.0001, -0.0002, 0.0003]
    assert first(rows(pieces), "ts", "available_at") == (DAY, DAY)
    assert pieces[0].contract
    assert (pieces[0].contract.venue, pieces[0].contract.symbol) == ("bybit", "ETHUSDT")
    asked, _ = read(READER, path, venue="binance")  # meant for files whose folder tells none
    assert asked[0].contract == pieces[0].contract


def test_minutes_are_of_the_day_in_the_name(tmp_path):
    """Milliseconds of the day become close stamps of the day in the zip's name."""
    path = written(tmp_path, "cryptofuture/bybit/minute/ethusdt/20260131_trade.zip",
                   zipped(MINUTES.encode(), "20260131_ethusdt_minute_trade_perp.csv"))
    assert known(READER, path) == "Lean minute trades"
    pieces, _ = read(READER, path)
    assert array(rows(pieces), "close_ns").tolist() == [DAY + at * MINUTE for at in (1, 2, 3, 4)]
    assert array(rows(pieces), "volume").tolist() == [5.0, 6.0, 7.0, 8.0]
    assert pieces[0].contract
    assert pieces[0].contract.symbol == "ETHUSDT"


def test_btcusd_is_coin_margined(tmp_path):
    """Lean's btcusd is BTCUSD_PERP, its volume contracts of 100 USD."""
    path = written(tmp_path, "binance/20260131_btcusd_minute_trade_perp.csv", MINUTES)
    pieces, log = read(READER, path)
    assert pieces[0].contract
    assert (pieces[0].contract.venue, pieces[0].contract.symbol) == ("binance_cm", "BTCUSD_PERP")
    assert first(rows(pieces), "volume") == (pytest.approx(5 * 100 / 101),)
    assert any("contracts of 100 USD" in note for note in log.notes)
    with pytest.raises(UsageError, match="--venue"):
        read(READER, written(tmp_path, "x/20260131_btcusd_minute_trade_perp.csv", MINUTES))


def test_quotes_and_faults(tmp_path):
    """Quotes are no input; a minute or a time that cannot be is refused by row."""
    path = written(tmp_path, "bybit/minute/ethusdt/20260131_quote.zip", zipped(b"0,1,1,1,1,1\n"))
    with pytest.raises(NotAnInput, match="Lean minute quote"):
        read(READER, path)
    name = "bybit/20260131_ethusdt_minute_trade_perp.csv"
    for text, said in ((MINUTES.replace("120000", "120001"), "row 3, time is no minute"),
                       (MINUTES.replace("180000", "86400000"), "row 4, time is no minute"),
                       (MINUTES.replace("60000,100,", "60000,100000,"), "row 2, high is below")):
        with pytest.raises(DataError, match=said):
            read(READER, written(tmp_path, name, text))
    with pytest.raises(DataError, match="row 2, time is no time"):
        read(READER, written(tmp_path, "bybit/margin_interest/ethusdt.csv",
                             FUNDING.replace("20260131 08", "20261331 08")))


def test_hftbacktest_has_no_liquidations(tmp_path):
    """Its lines and its events are recognised and are no input."""
    store = tmp_path / "a.npz"
    np.savez(store, data=np.zeros(3))
    lines = written(tmp_path, "a.txt", "1676419207212584000 {'stream': 'x'}\n")
    for path in (store, lines):
        with pytest.raises(NotAnInput, match="recognised as hftbacktest"):
            read(HFT, path)
    assert known(HFT, written(tmp_path, "b.txt", "1676419207 {}")) is None


@examples(READER.name, 3)
@pytest.mark.parametrize(("name", "text"), [
    ("bybit/margin_interest/ethusdt.csv", FUNDING.encode()),
    ("bybit/20260131_ethusdt_minute_trade_perp.csv", MINUTES.encode()),
    ("bybit/minute/ethusdt/20260131_trade.zip", zipped(MINUTES.encode())),
], ids=["funding", "minutes", "zip"])
def test_spoilt(tmp_path, examples, name, text):
    """The law of spoilt files."""
    fuzz(READER, name, text, tmp_path, examples)
