"""Many files, one dataset: each row once, nothing averaged, the same bytes however often."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from deleverage.errors import DataError, MissingTable, UsageError
from deleverage.feeds import event_union
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.importing import import_dataset
from deleverage.feeds.tables import numbers
from deleverage.timestamps import parse
from tests.feeds.toy_vendor import START, Toy, bars, events, ms, toy

__all__ = ["toy"]
CLOSES = list(np.linspace(100, 110, 120))


def usd(dataset: Dataset) -> list[float]:
    """Dollars of each event, in the order of the table."""
    return [round(each, 6) for each in numbers(dataset.table("liquidations"), "notional_usd")]


def test_an_overlap_of_two_files_adds_nothing(tmp_path: Path, toy: Toy) -> None:
    """An event counts as often as the file with most of it has it: twins of one moment are kept,
    the same rows in a second file are not added."""
    bars(tmp_path / "a.csv", CLOSES)
    twin = (3.0, "long", 10.0, "bybit")
    events(tmp_path / "b.csv", (1, "long", 5.0, "bybit"), twin, twin, (5, "short", 7.0, "bybit"))
    events(tmp_path / "c.csv", twin, (5, "short", 7.0, "bybit"), (6, "short", 8.0, "bybit"))
    dataset, notes = import_dataset("toy", [tmp_path], tmp_path / "out" / "set")
    assert usd(dataset) == [5.0, 10.0, 10.0, 7.0, 8.0]
    assert "liquidations: 2 events that came again in another file left out" in notes
    table = dataset.table("liquidations")
    assert table.column("source_file").to_pylist() == ["b.csv"] * 4 + ["c.csv"]
    assert table.column("source_row").to_pylist() == [1, 2, 3, 4, 3]


def test_other_coins_are_left_out_and_counted(tmp_path: Path, toy: Toy) -> None:
    """A recording of all symbols gives its instrument's rows only."""
    files = [bars(tmp_path / "a.csv", CLOSES), events(
        tmp_path / "b.csv", (1, "long", 5.0, "binance/BTCUSDT"), (2, "long", 6.0, "binance"))]
    dataset, notes = import_dataset("toy", files, tmp_path / "set")
    assert usd(dataset) == [6.0]
    assert "liquidations: 1 rows of other coins left out" in notes


def test_events_alone_are_a_dataset_that_cannot_be_run(tmp_path: Path, toy: Toy) -> None:
    """Shown and checked it can be; its columns say what is missing. Several coins are a choice."""
    file = events(tmp_path / "b.csv", (1, "long", 5.0, "binance/BTCUSDT"),
                  (2, "long", 6.0, "binance/ETHUSDT"), (3, "long", 6.0, "binance/ETHUSDT"))
    with pytest.raises(UsageError, match=r"several coins, choose with --symbol: ETH \(2\), BTC "):
        import_dataset("toy", [file], tmp_path / "set")
    dataset, _ = import_dataset("toy", [file], tmp_path / "set", "ETH")
    assert dataset.market.step_ns == 0
    with pytest.raises(MissingTable, match="nothing can be run on it before bars are imported"):
        dataset.columns()
    joined, _ = import_dataset("toy", [bars(tmp_path / "a.csv", CLOSES)], tmp_path / "set")
    assert len(joined.columns()) == 120
    assert usd(joined) == [6.0, 6.0]


def test_a_sum_told_again_is_revised(tmp_path: Path, toy: Toy) -> None:
    """Of a bar's sum in two downloads the later file's stands; hours between bars are uncovered."""
    files = [bars(tmp_path / "a.csv", CLOSES * 3),
             events(tmp_path / "b.csv", (0, "long", 5.0, "all/ETH/aggregate"),
                    (60, "long", 6.0, "all/ETH/aggregate")),
             events(tmp_path / "c.csv", (60, "long", 9.0, "all/ETH/aggregate"),
                    (240, "long", 7.0, "all/ETH/aggregate"))]
    dataset, _ = import_dataset("toy", files, tmp_path / "set")
    assert usd(dataset) == [5.0, 9.0, 7.0]
    line = dataset.columns().lines["long_liquidations"]
    assert line[[59, 119, 299]] == pytest.approx([5.0, 9.0, 7.0])
    assert np.isnan(line[130:230]).all()
    assert line[70] == 0.0


def test_the_last_row_of_one_time_stands(tmp_path: Path, toy: Toy) -> None:
    """Rows that come again are left out; how many said something else is told, with the first."""
    files = [bars(tmp_path / "a.csv", CLOSES),
             bars(tmp_path / "b.csv", [CLOSES[100], CLOSES[101], 150.0], first=101)]
    dataset, notes = import_dataset("toy", files, tmp_path / "set")
    close = numbers(dataset.table("bars"), "close")
    assert close[102] == 150.0
    assert len(close) == 120
    assert ("bars: 3 rows that came again left out; 2 of them said something else (the first at "
            f"{START} 01:41), the last read stand") in notes


def test_a_join_keeps_what_is_there(tmp_path: Path, toy: Toy) -> None:
    """Rows of the dataset stand against others of their time, new times are added."""
    import_dataset("toy", [bars(tmp_path / "a.csv", CLOSES)], tmp_path / "set")
    later = bars(tmp_path / "b.csv", [CLOSES[118], 50.0, 51.0], first=119)
    dataset, notes = import_dataset("toy", [later], tmp_path / "set")
    close = numbers(dataset.table("bars"), "close")
    assert close[-3:].tolist() == [CLOSES[118], CLOSES[119], 51.0]
    assert dataset.market.end_ns == parse(START) + 121 * 60 * 10**9
    assert any(note.startswith("bars: 2 of 3 rows were there already; 2 say something else")
               for note in notes)


def test_the_same_import_again_changes_no_byte(tmp_path: Path, toy: Toy) -> None:
    """Files, events and coverage that are there already leave the dataset as it was."""
    files = [bars(tmp_path / "a.csv", CLOSES),
             events(tmp_path / "b.csv", (1, "long", 5.0, "bybit"), (9, "short", 7.0, "okx"))]
    first, _ = import_dataset("toy", files, tmp_path / "set")
    second, notes = import_dataset("toy", files, tmp_path / "set")
    assert first.sha256 == second.sha256
    assert notes[-1] == "nothing new: the dataset is as it was"
    apart = [import_dataset("toy", [file], tmp_path / "steps")[0] for file in files][-1]
    assert usd(apart) == usd(first)
    assert apart.market.coverage == first.market.coverage


def test_two_providers_of_one_venue_are_compared_never_added(
        tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where both cover a venue the dataset's rows stand and both totals are told; a time that only
    the second covers is taken from it."""
    import_dataset("toy", [bars(tmp_path / "a.csv", CLOSES), events(
        tmp_path / "b.csv", (1, "long", 5.0, "bybit"), (9, "long", 7.0, "bybit"))],
        tmp_path / "set")
    monkeypatch.setattr(toy, "provider", "Rival")
    second = events(tmp_path / "c.csv", (1, "long", 4.0, "bybit"), (8, "long", 3.0, "bybit"),
                    (50, "long", 2.0, "bybit"))
    dataset, notes = import_dataset("toy", [second], tmp_path / "set")
    assert usd(dataset) == [5.0, 7.0, 2.0]
    assert any("Toy has 2 rows of 12 USD, Rival 2 of 7 USD; the dataset's stand" in note
               for note in notes)


def test_another_instruments_rows_do_not_join(tmp_path: Path, toy: Toy) -> None:
    """Bars of another venue are refused, those of another coin are none of this dataset's, bars of
    another step need a choice."""
    import_dataset("toy", [bars(tmp_path / "a.csv", CLOSES)], tmp_path / "set")
    with pytest.raises(UsageError, match="bars of ETHUSDT at bybit cannot join a dataset of ETH"):
        import_dataset("toy", [bars(tmp_path / "b.csv", CLOSES, venue="bybit")], tmp_path / "set")
    with pytest.raises(DataError, match="none of the 1 files holds a row of ETHUSDT"):
        import_dataset("toy", [bars(tmp_path / "c.csv", CLOSES, symbol="BTCUSDT")],
                       tmp_path / "set")
    with pytest.raises(UsageError, match="has bars of 1m, these are of 5m"):
        import_dataset("toy", [bars(tmp_path / "d.csv", CLOSES, step="5m")], tmp_path / "set")
    with pytest.raises(UsageError, match=r"several instruments, .*ETHUSDT \(binance\), E"):
        import_dataset("toy", [tmp_path / "a.csv", tmp_path / "b.csv"], tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_intervals_come_from_the_rows_where_no_file_tells(tmp_path: Path, toy: Toy) -> None:
    """Funding every four hours is read as such."""
    file = tmp_path / "f.csv"
    file.write_text("toy,funding,binance,ETHUSDT\n" + "".join(
        f"{ms(240 * at)},0.0001\n" for at in range(1, 5)))
    dataset, _ = import_dataset("toy", [bars(tmp_path / "a.csv", CLOSES), file], tmp_path / "set")
    assert numbers(dataset.table("funding"), "interval_h").tolist() == [4.0] * 4


def test_a_long_table_goes_through_the_disk(tmp_path: Path, toy: Toy,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    """Events beyond what is kept in memory are written part by part: the same table."""
    files = [bars(tmp_path / "a.csv", CLOSES)] + [
        events(tmp_path / f"e{at}.csv", *((10 * at + k, "long", 1.0 + k, "bybit")
                                          for k in range(5))) for at in range(6)]
    whole, _ = import_dataset("toy", files, tmp_path / "whole")
    monkeypatch.setattr(event_union, "IN_MEMORY", 7)
    parts, _ = import_dataset("toy", files, tmp_path / "parts")
    assert parts.table("liquidations").equals(whole.table("liquidations"))


def test_what_was_read_before_a_stop_is_not_read_again(tmp_path: Path, toy: Toy,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted import goes on with the next file and ends with the same bytes."""
    files = [bars(tmp_path / "a.csv", CLOSES),
             events(tmp_path / "b.csv", (1, "long", 5.0, "bybit")),
             events(tmp_path / "c.csv", (4, "long", 6.0, "bybit"))]
    whole, _ = import_dataset("toy", files, tmp_path / "whole")
    toy.read = 0

    def stop(what: str, done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_dataset("toy", files, tmp_path / "set", progress=stop)
    assert toy.read == 2
    assert not (tmp_path / "set").exists()
    again, _ = import_dataset("toy", files, tmp_path / "set")
    assert toy.read == 3
    assert again.sha256 == whole.sha256
    assert not list(tmp_path.glob(".set*"))


def test_a_bad_file_leaves_nothing_behind(tmp_path: Path, toy: Toy) -> None:
    """An error in the last file leaves the older dataset, and nothing beside it."""
    before, _ = import_dataset("toy", [bars(tmp_path / "a.csv", CLOSES)], tmp_path / "set")
    bad = events(tmp_path / "stop.csv", (1, "long", 5.0, "bybit"))
    with pytest.raises(DataError, match=r"stop\.csv: row 1, ms must not stop"):
        import_dataset("toy", [events(tmp_path / "b.csv", (1, "long", 5.0, "okx")), bad],
                       tmp_path / "set")
    assert Dataset.open(tmp_path / "set").sha256 == before.sha256
    assert not list(tmp_path.glob(".set*"))


def test_files_of_a_folder_that_no_dataset_holds_are_named(tmp_path: Path, toy: Toy) -> None:
    """In a folder trades are left out with a note; named themselves they are refused."""
    folder = tmp_path / "in"
    folder.mkdir()
    bars(folder / "a.csv", CLOSES)
    trades = folder / "t.csv"
    trades.write_text("toy,trades\n")
    _, notes = import_dataset("toy", [folder], tmp_path / "set")
    assert "t.csv: not an input of a dataset, left out" in notes
    with pytest.raises(DataError, match="recognised as toy trades, not an input of a dataset"):
        import_dataset("toy", [trades], tmp_path / "set")


def test_files_are_known_by_content(tmp_path: Path, toy: Toy) -> None:
    """auto finds the reader of each file; another vendor's and an unknown file are told so."""
    dataset, _ = import_dataset("auto", [bars(tmp_path / "a.csv", CLOSES)], tmp_path / "set")
    assert dataset.tables == ("bars",)
    odd = tmp_path / "odd.csv"
    odd.write_text("what,is,this\n1,2,3\n")
    with pytest.raises(DataError, match=r"no reader knows this file \(it starts with 'what,is"):
        import_dataset("auto", [odd], tmp_path / "set")
    other = tmp_path / "oi.csv"
    other.write_text("t,oi,oi_usd\n1,2,3\n")
    with pytest.raises(DataError, match=r"not a file of toy; it looks like open interest as CSV"):
        import_dataset("toy", [other], tmp_path / "set")


def test_two_imports_into_one_dataset_are_refused(tmp_path: Path, toy: Toy) -> None:
    """The second says that another one is writing, and the first is not disturbed."""
    code = ("import sys, time; from deleverage.feeds.writing import alone\n"
            f"with alone({str(tmp_path / 'set')!r}):\n"
            "    print('held', flush=True); time.sleep(60)\n")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        try:
            with pytest.raises(DataError, match="another import is writing it"):
                import_dataset("toy", [bars(tmp_path / "a.csv", CLOSES)], tmp_path / "set")
        finally:
            other.send_signal(signal.SIGKILL)
    time.sleep(0.01)
    import_dataset("toy", [tmp_path / "a.csv"], tmp_path / "set")


def test_what_a_kill_left_is_put_back(tmp_path: Path, toy: Toy) -> None:
    """Killed between the two renames the old dataset lies aside: the next import finds it."""
    before, _ = import_dataset("toy", [bars(tmp_path / "a.csv", CLOSES)], tmp_path / "set")
    (tmp_path / "set").rename(tmp_path / ".set.01234567.old")
    (tmp_path / ".set.89abcdef.draft").mkdir()
    dataset, notes = import_dataset("toy", [tmp_path / "a.csv"], tmp_path / "set")
    assert dataset.sha256 == before.sha256
    assert notes[-1] == "nothing new: the dataset is as it was"
    assert not list(tmp_path.glob(".set*"))
