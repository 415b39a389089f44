"""From vendors' files to a dataset, and nothing half-written on the way."""

from __future__ import annotations

import numpy as np
import pytest

from deleverage.errors import DataError, UnknownName, UsageError
from deleverage.feeds import readers
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.importing import import_dataset
from tests.feeds.vendor_files import freqtrade_folder, open_interest_csv


def test_a_directory_and_a_csv_become_one_dataset(tmp_path):
    """Everything read is in the dataset, with where it came from and what was chosen."""
    folder = freqtrade_folder(tmp_path)
    interest = open_interest_csv(tmp_path / "oi.csv")
    dataset, notes = import_dataset("freqtrade", [folder], tmp_path / "set",
                                    open_interest=interest)
    assert dataset.tables == ("bars", "mark", "funding", "open_interest")
    market = Dataset.open(tmp_path / "set").market
    assert market.name == "ETHUSDT bybit 5m"
    assert not market.synthetic
    assert market.notes["import"] == list(notes)
    assert market.provenance["bars"].startswith("freqtrade: ETH_USDT_USDT-5m-futures.feather (sha")
    assert str(tmp_path) not in (dataset.path / "market.toml").read_text()
    columns = dataset.columns()
    assert len(columns) == 576
    line = columns.lines["openinterest"]
    # the snapshot of 00:05 is used from the bar that closes at 00:10
    np.testing.assert_array_equal(line[:3], [np.nan, 1_000_000, 999_990])
    assert np.isnan(line[-1]), "the CSV ends at 16:40 of the first day"


def test_importing_twice_gives_the_same_bytes(tmp_path):
    """The dataset does not depend on when or where it was made."""
    folder = freqtrade_folder(tmp_path)
    one, _ = import_dataset("freqtrade", [folder], tmp_path / "one")
    two, _ = import_dataset("freqtrade", [folder], tmp_path / "two")
    assert one.sha256 == two.sha256


def test_another_coins_open_interest_is_refused(tmp_path):
    """A price per coin that is not the bars' betrays the wrong file."""
    folder = freqtrade_folder(tmp_path)
    wrong = open_interest_csv(tmp_path / "BTC.csv", price=90_000.0)
    with pytest.raises(DataError, match=r"BTC\.csv: oi_usd / oi is 90,000\.00 where the bars"):
        import_dataset("freqtrade", [folder], tmp_path / "set", open_interest=wrong)
    assert not (tmp_path / "set").exists()


def test_nothing_is_written_when_any_file_is_bad(tmp_path):
    """A truncated last file leaves no folder and no draft."""
    folder = freqtrade_folder(tmp_path / "in")
    name = folder / "futures" / "ETH_USDT_USDT-1h-funding_rate.feather"
    name.write_bytes(name.read_bytes()[:300])
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match=r"funding_rate\.feather: not a whole feather file"):
        import_dataset("freqtrade", [folder], tmp_path / "out" / "set")
    assert not list((tmp_path / "out").iterdir())


def test_a_misspelt_source_and_one_without_bars_are_refused(tmp_path):
    """Sources are named with the near miss; open interest alone is no market."""
    with pytest.raises(UnknownName, match="did you mean 'freqtrade'"):
        import_dataset("freqtrad", [tmp_path], tmp_path / "set")
    interest = open_interest_csv(tmp_path / "oi.csv")
    with pytest.raises(UsageError, match="gives open_interest only"):
        import_dataset("open-interest-csv", [interest], tmp_path / "set")


def test_progress_is_told_file_by_file(tmp_path):
    """A progress bar hears the name and the number of each file."""
    heard = []
    import_dataset("freqtrade", [freqtrade_folder(tmp_path)], tmp_path / "set",
                   progress=lambda what, done, total: heard.append((what, done, total)))
    assert heard[0] == ("ETH_USDT_USDT-5m-futures.feather", 0, 3)
    assert heard[-1] == ("read", 3, 3)


def test_readers_are_found_by_their_modules(tmp_path):
    """Names, tables given, and recognition by content."""
    assert {"freqtrade", "open-interest-csv"} <= set(readers.names())
    assert list(readers.names()) == sorted(readers.names())
    assert "freqtrade" in readers.sources_of("funding")
    assert "open-interest-csv" in readers.sources_of("open_interest")
    assert "freqtrade" not in readers.sources_of("liquidations")
    found = readers.sniff(freqtrade_folder(tmp_path))
    assert found is not None
    assert found.name == "freqtrade"
    known = readers.sniff(open_interest_csv(tmp_path / "oi.csv"))
    assert known is not None
    assert known.name == "open-interest-csv"
    assert readers.sniff(tmp_path / "nowhere") is None
