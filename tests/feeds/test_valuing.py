"""What a vendor tells in coins or in USD alone gets the other from the bars, or is left out."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from deleverage.errors import DataError, UsageError
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.importing import import_dataset
from deleverage.feeds.tables import numbers
from deleverage.feeds.valuing import Closes
from deleverage.timestamps import HOUR, MINUTE
from tests.feeds.toy_vendor import Toy, bars, events, ms, toy

__all__ = ["toy"]
CLOSES = list(np.linspace(100, 219, 120))  # the bar that closes in minute m closes at 99 + m


def interest(path: Path, *rows: tuple[float, float, float]) -> Path:
    """A file of open interest: (minute, coins, USD), NaN where it is not told."""
    lines = ["toy,open_interest,binance,ETHUSDT"]
    lines += [f"{ms(minute)},{'' if math.isnan(coins) else coins},{usd}"
              for minute, coins, usd in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def sums(path: Path, *rows: tuple[float, float, float]) -> Path:
    """Coinalyze's answer in coins: (minute of the bar's start, longs, shorts), the last open."""
    path.write_text(json.dumps([{"symbol": "ETHUSDT_PERP.A", "history": [
        {"t": ms(minute) // 1000, "l": longs, "s": shorts} for minute, longs, shorts in rows]}]))
    return path


def column(dataset: Dataset, table: str, name: str) -> list[float]:
    """A column, rounded."""
    return [round(value, 9) for value in numbers(dataset.table(table), name).tolist()]


def test_a_close_stands_for_an_hour_or_a_bar() -> None:
    """The last close at or before a moment; before the first, and long after the last, nothing."""
    closes = Closes(np.array([HOUR, HOUR + MINUTE]), np.array([10.0, 11.0]))
    found = closes.at(np.array([HOUR - 1, HOUR, HOUR + MINUTE - 1, HOUR + MINUTE,
                                2 * HOUR + MINUTE - 1, 2 * HOUR + MINUTE]))
    np.testing.assert_array_equal(found, [np.nan, 10.0, 10.0, 11.0, 11.0, np.nan])
    assert np.isnan(Closes(np.empty(0, np.int64), np.empty(0)).at(np.array([HOUR]))).all()


def test_open_interest_in_usd_becomes_coins_by_the_bars(tmp_path: Path, toy: Toy) -> None:
    """By the last close at or before each row, of bars imported with it; coins that are told stay;
    a row outside the bars is left out and counted."""
    files = [bars(tmp_path / "a.csv", CLOSES),
             interest(tmp_path / "o.csv", (0.5, np.nan, 50.0), (1, np.nan, 1_000.0),
                      (11.5, np.nan, 2_200.0), (12, 7.0, 777.0), (300, np.nan, 5.0))]
    dataset, notes = import_dataset("toy", files, tmp_path / "set")
    assert column(dataset, "open_interest", "oi_base") == [10.0, 20.0, 7.0]
    assert column(dataset, "open_interest", "oi_usd") == [1_000.0, 2_200.0, 777.0]
    assert ("open_interest: 2 rows in USD alone: coins by the last close of the bars at or before "
            "each") in notes
    assert ("open_interest: 2 rows in USD alone left out: no bar tells what a coin was worth then"
            ) in notes


def test_open_interest_in_usd_joins_a_dataset_with_bars(tmp_path: Path, toy: Toy) -> None:
    """The dataset's bars tell the price as well; without any bar all rows are left out."""
    file = interest(tmp_path / "o.csv", (1, np.nan, 1_000.0), (2, np.nan, 2_020.0))
    with pytest.raises(DataError, match=r"no.* row of .*2 rows in USD alone left out"):
        import_dataset("toy", [file], tmp_path / "set")
    import_dataset("toy", [bars(tmp_path / "a.csv", CLOSES)], tmp_path / "set")
    dataset, _ = import_dataset("toy", [file], tmp_path / "set")
    assert column(dataset, "open_interest", "oi_base") == [10.0, 20.0]
    again, notes = import_dataset("toy", [file], tmp_path / "set")
    assert again.sha256 == dataset.sha256
    assert notes[-1] == "nothing new: the dataset is as it was"


def test_sums_in_coins_are_valued_at_the_end_of_their_bar(tmp_path: Path, toy: Toy) -> None:
    """Ten coins between minute 0 and 60 are worth the close of minute 60; nothing is 0 without a
    price, and a sum where no bar is near is left out and counted."""
    file = sums(tmp_path / "a.json", (0, 10.0, 0.0), (60, 2.0, 1.0), (180, 3.0, 0.0), (240, 1, 1))
    import_dataset("toy", [bars(tmp_path / "a.csv", CLOSES)], tmp_path / "set")
    dataset, notes = import_dataset("coinalyze", [file], tmp_path / "set", timeframe="1h")
    assert column(dataset, "liquidations", "notional_usd") == [1_590.0, 0.0, 438.0, 219.0, 0.0]
    assert column(dataset, "liquidations", "qty_base") == [10.0, 0.0, 2.0, 1.0, 0.0]
    assert ("liquidations: 5 sums in coins alone valued at the close of the bar at their end"
            in notes)
    assert ("liquidations: 1 sums in coins alone left out: no bar tells what a coin was worth then"
            in notes)
    line = dataset.columns().lines["long_liquidations"]
    assert line[[59, 119]] == pytest.approx([1_590.0, 438.0])


def test_bars_may_come_with_the_sums(tmp_path: Path, toy: Toy) -> None:
    """In one import the bars of one file value the sums of another."""
    files = [bars(tmp_path / "a.csv", CLOSES),
             sums(tmp_path / "a.json", (0, 10.0, 0.0), (60, 2.0, 1.0), (120, 1, 1))]
    dataset, _ = import_dataset("auto", files, tmp_path / "set")
    assert column(dataset, "liquidations", "notional_usd") == [1_590.0, 0.0, 438.0, 219.0]


def test_sums_in_coins_without_bars_are_refused(tmp_path: Path) -> None:
    """The message says that bars are needed; it is no matter of a contract's size."""
    file = sums(tmp_path / "a.json", (0, 10.0, 0.0), (60, 2.0, 1.0), (120, 1, 1))
    with pytest.raises(UsageError, match=r"a\.json: row 1: liquidations of ETHUSDT_PERP\.A in "
                                         "coins alone: bars are needed to value them"):
        import_dataset("coinalyze", [file], tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_single_order_of_unknown_size_is_still_refused(tmp_path: Path, toy: Toy) -> None:
    """Contracts of unknown size are no matter of a price."""
    files = [bars(tmp_path / "a.csv", CLOSES),
             events(tmp_path / "b.csv", (1, "long", -5.0, "bybit"))]
    with pytest.raises(UsageError, match=r"b\.csv: row 1: what this liquidation of ETHUSDT was in"):
        import_dataset("toy", files, tmp_path / "set")


def test_a_revised_sum_does_not_count_twice(tmp_path: Path, toy: Toy) -> None:
    """A sum that a dataset has stands against a later download of another amount."""
    import_dataset("toy", [bars(tmp_path / "a.csv", CLOSES)], tmp_path / "set")
    for amount in (10.0, 20.0):
        file = sums(tmp_path / "a.json", (0, amount, 0.0), (60, 2.0, 1.0), (120, 1, 1))
        dataset, notes = import_dataset("coinalyze", [file], tmp_path / "set")
    assert column(dataset, "liquidations", "notional_usd") == [1_590.0, 0.0, 438.0, 219.0]
    assert any("1 sums of the dataset say something else: they stand" in note for note in notes)


# ------------------------------------------------------------------ whose rows


MAP = {"table": "liquidations", "provider": "my recorder", "venue_column": "venue",
       "symbol": "ETHUSDT", "completeness": "all", "price_basis": "fill",
       "time": {"column": "t", "stamp": "event"}, "side": {"convention": "position"},
       "columns": {"side": "side", "price": "px", "quantity": "qty"}}


def recorded(path: Path) -> Path:
    """Three events of two venues by a recorder of one's own."""
    rows = [f"{ms(at)},{venue},long,2,100" for at, venue in ((1, "bybit"), (2, "okx"), (3, "okx"))]
    path.write_text("t,venue,side,qty,px\n" + "\n".join(rows) + "\n")
    return path


def test_the_provider_of_a_column_map_reaches_rows_and_coverage(tmp_path: Path, toy: Toy) -> None:
    """Not the reader's own name: whose recording it is."""
    import_dataset("toy", [bars(tmp_path / "a.csv", CLOSES)], tmp_path / "set")
    dataset, _ = import_dataset("generic", [recorded(tmp_path / "b.csv")], tmp_path / "set",
                                columns=MAP)
    assert set(dataset.table("liquidations").column("provider").to_pylist()) == {"my recorder"}
    covers = [cover for cover in dataset.market.coverage if cover.table == "liquidations"]
    assert {(cover.venue, cover.provider) for cover in covers} == {("bybit", "my recorder"),
                                                                   ("okx", "my recorder")}
    assert dataset.market.provenance["liquidations"].startswith("my recorder: b.csv")


def test_a_venue_asked_for_renames_no_other_venues_rows(tmp_path: Path) -> None:
    """Rows keep the venue that their file tells, and events alone are named after one of theirs."""
    dataset, _ = import_dataset("generic", [recorded(tmp_path / "b.csv")], tmp_path / "set",
                                venue="binance", columns=MAP)
    assert dataset.table("liquidations").column("venue").to_pylist() == ["bybit", "okx", "okx"]
    assert dataset.market.instrument.venue == "okx"
    chosen, _ = import_dataset("generic", [tmp_path / "b.csv"], tmp_path / "other",
                               venue="bybit", columns=MAP)
    assert chosen.market.instrument.venue == "bybit"
    file = sums(tmp_path / "a_usd.json", (0, 10.0, 0.0), (60, 2.0, 1.0), (120, 1, 1))
    known, _ = import_dataset("coinalyze", [file], tmp_path / "third", venue="bybit")
    assert set(known.table("liquidations").column("venue").to_pylist()) == {"binance"}


def test_a_vendors_sum_over_venues_is_nobodys_own(tmp_path: Path, toy: Toy) -> None:
    """CoinGlass's aggregated history stays ``all`` whatever venue is asked for, and its total
    stands before the sum of single venues instead of being added to it."""
    import_dataset("toy", [bars(tmp_path / "a.csv", CLOSES),
                           events(tmp_path / "b.csv", (30, "long", 300.0, "bybit"))],
                   tmp_path / "set")
    file = tmp_path / "c.json"
    file.write_text(json.dumps({"code": "0", "data": [
        {"time": ms(at), "aggregated_long_liquidation_usd": 500.0,
         "aggregated_short_liquidation_usd": 20.0} for at in (0, 60, 120)]}))
    dataset, notes = import_dataset("coinglass", [file], tmp_path / "set", "ETH", "binance")
    assert set(dataset.table("liquidations").column("venue").to_pylist()) == {"bybit", "all"}
    assert ("c.json: a sum over venues, which --venue binance does not make its own: its venue is "
            "all") in notes
    lines = dataset.columns().lines
    assert lines["long_liquidations"][59] == 500.0
    assert "long_liquidations_binance" not in lines
