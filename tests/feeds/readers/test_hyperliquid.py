"""Hyperliquid: one test per trap, on SYNTHETIC files made here, the samples and a real hour."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from deleverage.errors import DataError
from deleverage.feeds.readers.hyperliquid.reader import READER
from deleverage.feeds.readers.protocol import NotAnInput
from deleverage.timestamps import HOUR, MINUTE, parse
from tests.feeds.readers.one_file import MS, read, written

START = 1_769_904_000_000  # 2026-02-01 00:00 in ms
USER, OTHER, VAULT = "0x" + "a1" * 20, "0x" + "b2" * 20, "0x" + "c3" * 20
CONTEXTS = ("time,coin,funding,open_interest,prev_day_px,day_ntl_vlm,premium,oracle_px,mark_px,"
            "mid_px,impact_bid_px,impact_ask_px")


def fill(side: str = "A", told: str = "Close Long", tid: int | None = 7, crossed: bool = True,
         coin: str = "ETH", method: str | None = "market", **more: Any) -> dict[str, Any]:
    """One SYNTHETIC fill; ``method`` None is a fill without liquidation."""
    row: dict[str, Any] = {
        "coin": coin, "px": "2400.5", "sz": "2.0", "side": side, "time": START + 100,
        "startPosition": "2.0", "dir": told, "closedPnl": "-1.0", "hash": "0x0", "oid": 1,
        "crossed": crossed, "fee": "0.1", "feeToken": "USDC", "twapId": None}
    if tid is not None:
        row["tid"] = tid
    if method is not None:
        row["liquidation"] = {"liquidatedUser": USER, "markPx": "2401.0", "method": method}
    return {**row, **more}


def other(**more: Any) -> dict[str, Any]:
    """The counterparty's row of the same trade."""
    return fill(**{"side": "B", "told": "Open Long", "crossed": False, **more})


def block(*pairs: Any, number: int = 1, second: int = 0) -> str:
    """A node's block as its line."""
    return json.dumps({"local_time": "2026-02-01T00:00:00.684975680",
                       "block_time": f"2026-02-01T00:00:{second:02d}.387173852",
                       "block_number": number,
                       "events": [list(pair) for pair in pairs]}, separators=(",", ":"))


def lines(path: Path, *texts: str) -> Path:
    """A file of lines."""
    return written(path, "".join(f"{text}\n" for text in texts))


def blocks(tmp_path: Path, *pairs: Any) -> Path:
    """One block in a file."""
    return lines(tmp_path / "0.jsonl", block(*pairs))


def test_rows_are_canonical(tmp_path):
    """The fill's price, time and size; known when the node had the block, to the ns."""
    found = read(READER, blocks(tmp_path, (USER, fill()), (OTHER, other())))
    assert found.kind == "Hyperliquid node fills by block"
    assert found.rows("liquidations") == [{
        "ts": (START + 100) * MS, "available_at": START * MS + 684_975_680,
        "venue": "hyperliquid", "symbol": "ETH", "base": "ETH", "liq_side": "long",
        "qty_base": 2.0, "price": 2_400.5, "price_basis": "fill", "notional_usd": 4_801.0,
        "completeness": "all", "source_row": 1, "method": "market", "tid": 7}]


def test_each_trade_appears_twice(tmp_path):
    """Of the two rows with one tid the liquidated user's is kept, whatever their order and case."""
    pairs = [(OTHER, other()), (USER.upper().replace("0X", "0x"), fill())]
    for each in (pairs, pairs[::-1]):
        found = read(READER, blocks(tmp_path, *each))
        assert found.column("liquidations", "liq_side") == ["long"]
        assert found.log.dropped == {"the other party's row of the same liquidation": 1}


def test_counterparty_alone_is_the_mirror(tmp_path):
    """Who bought from the liquidated user: a long was liquidated. It is said that it was alone."""
    found = read(READER, blocks(tmp_path, (OTHER, other())))
    assert found.column("liquidations", "liq_side") == ["long"]
    assert "1 liquidations are told by the counterparty's row alone" in found.said
    short = blocks(tmp_path, (OTHER, other(side="A", told="Open Short")))
    assert read(READER, short).column("liquidations", "liq_side") == ["short"]


def test_short_liquidation_buys(tmp_path):
    """Side B of the user's own row closes a short."""
    path = blocks(tmp_path, (USER, fill("B", "Close Short")))
    assert read(READER, path).column("liquidations", "liq_side") == ["short"]


def test_several_trades_of_one_order(tmp_path):
    """Different tids are different trades; the same tid of another coin is another trade."""
    path = blocks(tmp_path, (USER, fill(tid=1)), (OTHER, other(tid=1)), (USER, fill(tid=2)),
                  (OTHER, other(tid=2)), (USER, fill(tid=1, coin="BTC")))
    found = read(READER, path)
    assert found.column("liquidations", "tid") == [1, 2, 1]
    assert found.column("liquidations", "symbol") == ["ETH", "ETH", "BTC"]


def test_rows_without_tid(tmp_path):
    """Without a tid the two parties' rows still count once, and a user's equal fills stay two."""
    pairs = [(USER, fill(tid=None)), (OTHER, other(tid=None)), (USER, fill(tid=None)),
             (OTHER, other(tid=None))]
    found = read(READER, blocks(tmp_path, *pairs))
    assert found.column("liquidations", "tid") == [None, None]
    assert found.log.dropped == {"the other party's row of the same liquidation": 2}


def test_auto_deleveraging_is_excluded(tmp_path):
    """It takes profits from winners, nobody is liquidated: neither row of the trade is kept."""
    path = blocks(tmp_path, (USER, fill(tid=1)), (OTHER, other(told="Auto-Deleveraging", tid=1)),
                  (USER, fill(tid=2)))
    found = read(READER, path)
    assert found.column("liquidations", "tid") == [2]
    assert found.log.dropped == {"auto-deleveraging, no liquidation": 2}


def test_backstop_is_kept_apart(tmp_path):
    """The vault's take-over has its own method and its side in ``dir``, for either row."""
    for address, side in ((USER, "A"), (VAULT, "B")):
        path = blocks(tmp_path, (address, fill(side, "Liquidated Cross Long", method="backstop")),
                      (USER, fill(tid=8)))
        found = read(READER, path)
        assert found.column("liquidations", "method") == ["backstop", "market"]
        assert found.column("liquidations", "liq_side") == ["long", "long"]
        assert "without effect on the book" in found.said


def test_spot_and_prefixed_coins(tmp_path):
    """``@107`` is a spot market; ``xyz:SILVER`` is no SILVER, the name counts exactly."""
    path = blocks(tmp_path, (USER, fill(tid=1, coin="@107")), (USER, fill(tid=2, coin="PURR/USDC")),
                  (USER, fill(tid=3, coin="xyz:SILVER")), (USER, fill(tid=4, coin="SILVER")))
    found = read(READER, path)
    assert found.log.dropped == {"a fill of a spot market": 2}
    assert found.column("liquidations", "base") == ["xyz:SILVER", "SILVER"]
    assert read(READER, path, symbol="SILVER").column("liquidations", "tid") == [4]
    assert read(READER, path, symbol="xyz:SILVER").column("liquidations", "tid") == [3]


def test_fills_by_line(tmp_path):
    """The older node files have one [address, fill] a line and no arrival: known at the fill."""
    path = lines(tmp_path / "0.jsonl", json.dumps([USER, fill(method=None)]),
                 json.dumps([OTHER, other()]), json.dumps([USER, fill()]))
    found = read(READER, path)
    assert found.kind == "Hyperliquid node fills"
    rows = found.rows("liquidations")
    assert [(row["source_row"], row["available_at"]) for row in rows] == [(3, (START + 100) * MS)]


def test_fills_in_an_lz4_frame(tmp_path):
    """Node files are LZ4 frames, and one that is cut is refused."""
    text = block((USER, fill()), (OTHER, other())).encode() + b"\n"
    store = pa.BufferOutputStream()
    with pa.CompressedOutputStream(store, "lz4") as stream:
        stream.write(text)
    data = store.getvalue().to_pybytes()
    path = written(tmp_path / "20260201" / "0.lz4", data)
    assert len(read(READER, path).rows("liquidations")) == 1
    path.write_bytes(data[:-30])
    with pytest.raises(DataError, match=r"0\.lz4"):
        read(READER, path)


def test_empty_blocks_and_fills_without_liquidation(tmp_path):
    """Most blocks hold neither."""
    path = lines(tmp_path / "0.jsonl", block(number=1), block((USER, fill(method=None)), number=2),
                 block((USER, fill()), number=3, second=9))
    found = read(READER, path)
    assert found.column("liquidations", "source_row") == [3]
    assert [(each.start_ns, each.end_ns, each.completeness) for each in found.log.coverage] == [
        (START * MS + 387_173_852, START * MS + 9_387_173_852, "all")]


def test_many_blocks_at_little_memory(tmp_path, monkeypatch):
    """Trades do not wait for the file's end for their other row, and none is lost or doubled."""
    from deleverage.feeds.readers.hyperliquid import fills

    monkeypatch.setattr(fills, "ROWS", 50)
    monkeypatch.setattr(fills, "_LONGER", 10)
    path = lines(tmp_path / "0.jsonl", *(block((OTHER, other(tid=at)), (USER, fill(tid=at)))
                                         for at in range(400)))
    found = read(READER, path)
    assert len(found.pieces) > 3
    assert sorted(found.column("liquidations", "tid")) == list(range(400))


@pytest.mark.parametrize(("text", "fault"), [
    (block((USER, fill()))[:-9], "line 2 is cut"),
    (block((USER, fill("B"))), "line 2, side B cannot be 'Close Long'"),
    (block((USER, fill("C"))), "line 2, side must be one of A, B, found 'C'"),
    (block((USER, fill(px="-1"))), "row 2, px must be > 0"),
    (block((USER, fill(sz=None))), "row 2, sz is not a number, found None"),
    (block((USER, fill(time="soon"))), "row 2, time is no epoch time, found 'soon'"),
    (block((USER, fill(liquidation={}))), "line 2, liquidatedUser is missing"),
    (block((USER, fill())).replace('"local_time"', '"time"'), "line 2, local_time is missing"),
])
def test_faults_name_file_line_and_field(tmp_path, text, fault):
    """Each fault of a fill is one line."""
    path = lines(tmp_path / "0.jsonl", block(), text)
    with pytest.raises(DataError, match=rf"0\.jsonl: {fault}"):
        read(READER, path)


def candle(at: int, interval: str = "1h", coin: str = "ETH") -> dict[str, Any]:
    """A candle of an answer."""
    step = {"1h": 3_600_000, "1m": 60_000}[interval]
    return {"t": START + at * step, "T": START + (at + 1) * step - 1, "s": coin, "i": interval,
            "o": "2400", "c": "2405", "h": "2410", "l": "2390.5", "v": "12.5", "n": 5}


def test_newest_candle_is_dropped(tmp_path):
    """It may not have been over, and the answer does not say when it was given."""
    path = written(tmp_path / "candles.json", json.dumps([candle(at) for at in range(3)]))
    found = read(READER, path)
    assert found.kind == "Hyperliquid candleSnapshot"
    assert [piece.step_ns for piece in found.pieces] == [HOUR]
    assert found.rows("bars", "ETH")[0] == {
        "close_ns": START * MS + HOUR, "open": 2_400.0, "high": 2_410.0, "low": 2_390.5,
        "close": 2_405.0, "volume": 12.5, "source_row": 1}
    assert found.log.dropped == {"the newest bar, which may not have been over": 1}


def test_candle_whose_times_disagree(tmp_path):
    """t, T and i must tell the same bar."""
    odd = {**candle(1), "T": START + 5}
    path = written(tmp_path / "candles.json", json.dumps([candle(0), odd]))
    with pytest.raises(DataError, match="row 2, t and T are not the first and last ms of a bar"):
        read(READER, path)


def test_funding_is_hourly_with_jitter(tmp_path):
    """Tens of ms after the hour: snapped, the raw stamp kept, interval 1 h."""
    path = written(tmp_path / "funding.json", json.dumps(
        [{"coin": "ETH", "fundingRate": "0.0000125", "premium": "0.0005", "time": START + 31}]))
    found = read(READER, path)
    assert found.kind == "Hyperliquid fundingHistory"
    assert found.rows("funding", "ETH") == [{
        "ts": START * MS, "raw_ts": (START + 31) * MS, "available_at": (START + 31) * MS,
        "rate": 0.0000125, "interval_h": 1.0, "source_row": 1}]


def contexts(*rows: str) -> bytes:
    """asset_ctxs in its LZ4 frame."""
    store = pa.BufferOutputStream()
    with pa.CompressedOutputStream(store, "lz4") as stream:
        stream.write("".join(f"{row}\n" for row in (CONTEXTS, *rows)).encode())
    return bytes(store.getvalue().to_pybytes())


def context(time: str, coin: str = "ETH", interest: str = "1000.5", mark: str = "2400") -> str:
    """One row of asset_ctxs."""
    return f"{time},{coin},0.0000125,{interest},2300,1,0.0001,2401,{mark},,null,"


def test_open_interest_of_asset_ctxs(tmp_path):
    """One side in coins; times in four shapes, off the minute left where they are; no funding."""
    path = written(tmp_path / "20260201.csv.lz4", contexts(
        context("2026-02-01T00:01:00Z"), context("2026-02-01 00:02:00"),
        context("2026-02-01 00:03:00.250"), context("2026-02-01T00:04:07Z", mark="null")))
    found = read(READER, path)
    assert found.kind == "Hyperliquid asset_ctxs"
    rows = found.rows("open_interest", "ETH")
    start = parse("2026-02-01")
    assert [row["ts"] - start for row in rows] == [
        MINUTE, 2 * MINUTE, 3 * MINUTE + 250 * MS, 4 * MINUTE + 7_000 * MS]
    assert (rows[0]["oi_base"], rows[0]["oi_usd"]) == (1_000.5, 2_401_200.0)
    assert rows[3]["oi_usd"] != rows[3]["oi_usd"]
    assert found.rows("funding") == []
    assert "running rate and no settlement" in found.said


def test_coins_of_asset_ctxs(tmp_path):
    """A piece for each coin, only the one asked for where one is, spot markets none."""
    path = written(tmp_path / "20260201.csv.lz4", contexts(
        *(context("2026-02-01T00:01:00Z", coin) for coin in ("ETH", "BTC", "@107", "kPEPE"))))
    found = read(READER, path)
    assert [piece.contract.symbol for piece in found.pieces if piece.contract is not None] == [
        "ETH", "BTC", "kPEPE"]
    assert read(READER, path, symbol="ETHUSDT").column("open_interest", "source_row") == [1]


@pytest.mark.parametrize(("row", "fault"), [
    (context("2026-02-30T00:01:00Z"), "row 2, time is no UTC time, found '2026-02-30 00:01:00'"),
    (context("yesterday"), "row 2, time is no UTC time, found 'yesterday'"),
    (context("1926-02-01T00:01:00Z"), "row 2, time is no time from 2000 to 2100"),
    (context("2026-02-01T00:01:00Z", interest="-5"), "row 2, open_interest must be ≥ 0"),
    (context("2026-02-01T00:01:00Z", interest=""), "row 2, open_interest is not a number"),
])
def test_faults_of_asset_ctxs(tmp_path, row, fault):
    """Each fault of a row is one line."""
    path = written(tmp_path / "20260201.csv.lz4",
                   contexts(context("2026-02-01T00:00:00Z"), row))
    with pytest.raises(DataError, match=rf"20260201\.csv\.lz4: {fault}"):
        read(READER, path)


def test_live_answers_and_node_trades_are_no_input(tmp_path):
    """Without a time, or without liquidations."""
    for text, kind in (('[{"universe":[{"name":"ETH"}]},[{"funding":"0.1"}]]', "metaAndAssetCtxs"),
                       ('{"coin":"ETH","side":"A","time":"2026-02-01","px":"1","sz":"1",'
                        '"hash":"0x0","trade_dir_override":"Na","side_info":[]}', "node trades")):
        with pytest.raises(NotAnInput, match=kind):
            read(READER, written(tmp_path / "a.json", text))


def test_unified_rows_of_another_library_are_not_known(tmp_path):
    """A row that carries the venue's own one as ``info`` is another format."""
    row = {"info": {"coin": "ETH", "fundingRate": "0.1", "time": START}, "symbol": "ETH/USDC:USDC"}
    path = written(tmp_path / "funding.json", json.dumps([row]))
    assert READER.kind(path, path.read_bytes()) is None


@pytest.mark.real
def test_real_blocks_hold_one_liquidation(reference):
    """Of 1,622 fills in 200 blocks two rows are one liquidation: WLFI, a short, on line 28."""
    path = reference / "data" / "hyperliquid" / "node_fills_by_block_20251027.jsonl"
    if not path.is_file():
        pytest.skip(f"no market data at {path}")
    found = read(READER, path)
    assert [(row["symbol"], row["liq_side"], row["qty_base"], row["price"], row["source_row"])
            for row in found.rows("liquidations")] == [("WLFI", "short", 890.0, 0.15327, 28)]
    assert found.log.dropped == {"the other party's row of the same liquidation": 1}


@pytest.mark.real
@pytest.mark.parametrize("name", ["liq_levels_by_leverage.csv", "liq_levels_snapshots.csv",
                                  "cascade_20251010_by_ticker.csv"])
def test_maps_and_sums_are_no_input(reference, name):
    """Levels of positions and sums without times are no events."""
    path = reference / "data" / "hyperliquid" / name
    if not path.is_file():
        pytest.skip(f"no market data at {path}")
    with pytest.raises(NotAnInput, match="not an input of a dataset"):
        read(READER, path)
