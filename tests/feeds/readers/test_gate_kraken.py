"""Gate's signed contracts and Kraken's executions."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from deleverage.errors import DataError, UsageError
from deleverage.feeds.readers.gate import READER as GATE
from deleverage.feeds.readers.kraken import READER as KRAKEN
from deleverage.feeds.readers.protocol import NotAnInput, Request
from deleverage.timestamps import parse
from tests.feeds.readers.fuzz import examples, fuzz
from tests.feeds.readers.reading import array, first, known, read, rows, written

START = parse("2026-01-31T16:00") // 10**9


def gate(**changed: Any) -> dict[str, Any]:
    """SYNTHETIC order of Gate."""
    return {"contract": "ETH_USDT", "left": 0, "size": -20, "fill_price": "2000",
            "order_price": "2010", "time": START, **changed}


def element(kind: str = "PartialLiquidation", **changed: Any) -> dict[str, Any]:
    """SYNTHETIC element of Kraken's executions."""
    taker = {"tradeable": "PF_ETHUSD", "direction": "Sell", "quantity": "7", "orderType": kind,
             "limitPrice": "1990"}
    taker |= {key: changed.pop(key) for key in list(changed) if key in taker}
    return {"uid": "x", "timestamp": START * 1000, "event": {"Execution": {"execution": {
        "takerOrder": taker, "timestamp": START * 1000, "quantity": "3", "price": "2000",
        "markPrice": "2001", **changed}}}}


def answer(*elements: dict[str, Any]) -> str:
    """SYNTHETIC answer of Kraken."""
    return json.dumps({"elements": elements, "len": len(elements)})


def test_gate_sign_is_the_position_and_seconds_are_seconds(tmp_path):
    """size < 0 is a short; times are whole seconds; coins need the contract's size."""
    path = written(tmp_path, "a.json", json.dumps([gate(), gate(size=5)]))
    assert known(GATE, path) == "Gate liquidated orders"
    pieces, log = read(GATE, path)
    table = rows(pieces)
    assert table.column("liq_side").to_pylist() == ["short", "long"]
    assert first(table, "ts", "price", "price_basis", "completeness") == (
        START * 10**9, 2000.0, "fill", "unknown")
    assert np.isnan(array(table, "qty_base")).all()
    assert any("--contract-size" in note for note in log.notes)
    table = rows(read(GATE, path, contract_size=0.01)[0])
    assert array(table, "qty_base").tolist() == pytest.approx([0.2, 0.05])
    assert array(table, "notional_usd").tolist() == pytest.approx([400, 100])
    turned = rows(read(GATE, path, side="order")[0])
    assert turned.column("liq_side").to_pylist() == ["long", "short"]


def test_gate_other_coins_faults_and_stats(tmp_path):
    """Other coins are counted, impossible rows refused, contract_stats are no input."""
    path = written(tmp_path, "a.json", json.dumps([gate(), gate(contract="BTC_USDT")]))
    assert read(GATE, path, symbol="ETHUSDT")[1].dropped == {"other coins": 1}
    with pytest.raises(DataError, match="no rows of SOL"):
        read(GATE, path, symbol="SOL")
    for spoilt, said in ((gate(size=0), "size must not be 0"),
                         (gate(fill_price="0"), "fill_price must be > 0"),
                         (gate(time="soon"), "time is no")):
        with pytest.raises(DataError, match=f"row 1, {said}"):
            read(GATE, written(tmp_path, "b.json", json.dumps([spoilt])))
    stats = [{"time": START, "long_liq_size": 1, "short_liq_size": 0}]
    with pytest.raises(NotAnInput):
        read(GATE, written(tmp_path, "c.json", json.dumps(stats)))


def test_kraken_keeps_liquidations_only(tmp_path):
    """orderType is searched for liquidat in any case; the rest is counted; the executed amount
    counts, not the order's."""
    path = written(tmp_path, "a.json", answer(
        element(), element("lmt"), element("LIQUIDATION", direction="Buy")))
    assert known(KRAKEN, path) == "Kraken Futures executions"
    pieces, log = read(KRAKEN, path)
    table = rows(pieces)
    assert log.dropped == {"executions that are no liquidation": 1}
    assert table.column("liq_side").to_pylist() == ["long", "short"]
    assert first(table, "venue", "symbol", "base", "qty_base", "notional_usd", "completeness") == (
        "kraken", "PF_ETHUSD", "ETH", 3.0, 6_000.0, "all")
    assert array(table, "source_row").tolist() == [1, 3]


def test_kraken_inverse_and_delivery(tmp_path):
    """PI_ sizes are USD; FI_ contracts have an end and are left out."""
    path = written(tmp_path, "a.json", answer(
        element(tradeable="PI_ETHUSD"), element(tradeable="FI_ETHUSD_260327")))
    pieces, log = read(KRAKEN, path)
    assert first(rows(pieces), "qty_base", "notional_usd") == (3 / 2000, 3.0)
    assert log.dropped == {"delivery contracts": 1}


def test_kraken_sparse_answers_and_faults(tmp_path):
    """An answer without liquidations is no error; a fault is refused by row; the instrument must
    be known."""
    pieces, log = read(KRAKEN, written(tmp_path, "a.json", answer(element("lmt"))))
    assert (pieces, log.dropped) == ([], {"executions that are no liquidation": 1})
    for spoilt, said in ((element(price="0"), "price must be > 0"),
                         (element(direction="Down"), "direction must be one of"),
                         (element(timestamp="x"), "timestamp is no")):
        with pytest.raises(DataError, match=f"row 1, {said}"):
            read(KRAKEN, written(tmp_path, "a.json", answer(spoilt)))
    with pytest.raises(UsageError, match="--symbol"):
        read(KRAKEN, written(tmp_path, "a.json", answer(element(tradeable=""))))


@examples(GATE.name, 1)
def test_gate_spoilt(tmp_path, examples):
    """The law of spoilt files."""
    text = json.dumps([gate(), gate(size=3, time=START + 5)])
    fuzz(GATE, "a.json", text.encode(), tmp_path, examples, Request("ETH", contract_size=0.01))


@examples(KRAKEN.name, 1)
def test_kraken_spoilt(tmp_path, examples):
    """The law of spoilt files."""
    text = "\n".join(answer(element(price=str(2000 + at))) for at in range(3)) + "\n"
    fuzz(KRAKEN, "a.jsonl", text.encode(), tmp_path, examples, Request("ETH"))
