"""CryptoQuant: sums of both sides in coins and USD, as CSV and JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from deleverage.errors import DataError, UsageError
from deleverage.feeds.readers.cryptoquant import READER
from deleverage.feeds.readers.parsing.aggregates import OPEN_BAR
from deleverage.feeds.readers.protocol import Request
from deleverage.timestamps import DAY, HOUR, parse
from tests.feeds.readers.fuzz import examples, fuzz
from tests.feeds.readers.reading import array, csv_text, first, known, read, rows, written


def table(count: int = 3, **changed: list[Any]) -> dict[str, list[Any]]:
    """SYNTHETIC daily sums."""
    return {"date": [f"2026-01-{29 + at}" for at in range(count)],
            "long_liquidations": [2.0 + at for at in range(count)],
            "short_liquidations": [1.0] * count,
            "long_liquidations_usd": [5_000.0 + at for at in range(count)],
            "short_liquidations_usd": [2_500.0] * count, **changed}


def answer(columns: dict[str, list[Any]], window: str = "day") -> str:
    """SYNTHETIC answer."""
    data = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return json.dumps({"status": {"code": 200}, "result": {"window": window, "data": data}})


def test_days_are_known_at_their_end(tmp_path):
    """A day's sums stand at the end of the day, the newest, still open, is left out."""
    path = written(tmp_path, "a.csv", csv_text(table()))
    assert known(READER, path) == "CryptoQuant liquidations"
    pieces, log = read(READER, path, symbol="ETH")
    found = rows(pieces)
    assert first(found, "available_at", "qty_base", "notional_usd", "venue", "completeness") == (
        parse("2026-01-29") + DAY, 2.0, 5_000.0, "all", "aggregate")
    assert any("do not say whose" in note for note in log.notes)
    assert first(rows(read(READER, path, symbol="ETH", venue="okx")[0]), "venue") == ("okx",)
    assert log.dropped == {OPEN_BAR: 1}
    assert np.isnan(array(found, "price")).all()


def test_json_says_the_same(tmp_path):
    """The JSON form gives the same rows; its window is the step."""
    whole = rows(read(READER, written(tmp_path, "a.csv", csv_text(table())), symbol="ETH")[0])
    path = written(tmp_path, "a.json", answer(table()))
    assert known(READER, path) == "CryptoQuant liquidations"
    again = rows(read(READER, path, symbol="ETH")[0])
    assert again.to_pandas().equals(whole.to_pandas())
    times = {"datetime": ["2026-01-31 18:00:00", "2026-01-31 19:00:00"]}
    columns = {**times, **{key: value[:2] for key, value in table().items() if key != "date"}}
    pieces, _ = read(READER, written(tmp_path, "b.json", answer(columns, "hour")), symbol="ETH")
    assert pieces[0].step_ns == HOUR
    with pytest.raises(DataError, match="where bars are 1d"):
        read(READER, written(tmp_path, "c.json", answer(columns, "day")), symbol="ETH")


def test_what_the_rows_do_not_say(tmp_path):
    """The coin must be said; units of open interest and funding are not documented."""
    with pytest.raises(UsageError, match="--symbol"):
        read(READER, written(tmp_path, "a.csv", csv_text(table())))
    with pytest.raises(DataError, match="unit is not documented"):
        read(READER, written(tmp_path, "cryptoquant_oi.csv", csv_text(
            {"date": ["2026-01-31"], "open_interest": [5]})), symbol="ETH")
    assert known(READER, written(tmp_path, "oi.csv", "date,open_interest\n2026-01-31,5\n")) is None


def test_an_answer_without_data(tmp_path):
    """An error is no empty dataset."""
    path = written(tmp_path, "a.json", '{"status":{"code":403,"message":"plan"}}')
    with pytest.raises(DataError, match=r"no result with data.*plan"):
        read(READER, path, symbol="ETH")


@pytest.mark.parametrize(("changed", "said"), [
    ({"long_liquidations_usd": [1.0, -2.0, 3.0]}, "row 2, long liquidations must be ≥ 0"),
    ({"date": ["2026-01-29", "2026-13-01", "2026-01-31"]}, "row 2, date is no ISO time"),
    ({"short_liquidations": [1.0, "", 1.0]}, "row 2, short_liquidations is not a number"),
])
def test_rows_that_cannot_be_are_named(tmp_path, changed, said):
    """A row is refused by number and field."""
    with pytest.raises(DataError, match=said):
        read(READER, written(tmp_path, "a.csv", csv_text(table(**changed))), symbol="ETH")


@examples(READER.name, 2)
@pytest.mark.parametrize("form", ["csv", "json"])
def test_spoilt(tmp_path, examples, form):
    """The law of spoilt files."""
    columns = table(5, date=[f"2026-01-{at}" for at in range(21, 26)])
    text = csv_text(columns) if form == "csv" else answer(columns)
    fuzz(READER, f"a.{form}", text.encode(), tmp_path, examples, Request("ETH"))
