"""Each source against its server: whole without faults, and the same with them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deleverage.errors import DataError
from deleverage.timestamps import HOUR
from tests.fetching import vendors
from tests.fetching.archive import Archive
from tests.fetching.cases import CASES, Case, carried_out, each_source, rows
from tests.fetching.conftest import Serve
from tests.fetching.loopback import FAULTS, NOW, Asked, Reply


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch, serve: Serve) -> None:
    """The keys that some sources need (set after the server's fixture has cleared them)."""
    monkeypatch.setenv("TARDIS_API_KEY", vendors.KEY)
    monkeypatch.setenv("COINALYZE_API_KEY", vendors.KEY)


@each_source
def test_every_row_that_was_asked_for_arrives(case: Case, serve: Serve, tmp_path: Path) -> None:
    """Pages, days and hours come together without a hole; again, nothing is downloaded."""
    serve()
    done = carried_out(case, tmp_path / "d")
    assert rows(done) == case.rows
    assert done.reused == 0
    again = carried_out(case, tmp_path / "d")
    assert again.dataset.sha256 == done.dataset.sha256
    assert again.fetched == (2 if case.source == "coinalyze" else 0)  # its days are revised


@each_source
def test_faults_change_nothing_but_the_time_it_takes(case: Case, serve: Serve,
                                                     tmp_path: Path) -> None:
    """429, 503, cuts, silence, wrong bytes, HTML, old pages, other keys, gzip: the same dataset."""
    plain = serve()
    whole = carried_out(case, tmp_path / "whole" / "d")
    needed = len(plain.asked)
    spread = max(needed // len(FAULTS), 2)
    faulty = serve(faults={1 + at * spread: fault for at, fault in enumerate(FAULTS)})
    done = carried_out(case, tmp_path / "faulty" / "d")
    assert done.dataset.sha256 == whole.dataset.sha256
    assert len(faulty.done) >= min(len(FAULTS) - 3, needed // spread)
    assert not list((tmp_path / "faulty").rglob("*.part"))
    assert not list((tmp_path / "faulty").rglob("*.draft"))


@pytest.mark.parametrize("skew", [-3 * 86_400, 3 * 86_400])
@pytest.mark.parametrize("case", CASES[2:5], ids=lambda case: case.source)
def test_a_server_whose_clock_is_wrong(case: Case, skew: int, serve: Serve,
                                       tmp_path: Path) -> None:
    """What a server's clock says decides no row."""
    serve()
    right = carried_out(case, tmp_path / "right" / "d").dataset.sha256
    serve(skew=skew)
    assert carried_out(case, tmp_path / "wrong" / "d").dataset.sha256 == right


def test_an_answer_about_time_that_is_not_over_is_asked_for_again(serve: Serve,
                                                                  tmp_path: Path) -> None:
    """By the server's own clock, not by ours: a day that it is still in is not final."""
    early = serve(skew=vendors.ms("2026-02-01") / 1000 + 3600 - NOW)
    case = Case("hyperliquid", "ETH", "2026-01-31", "2026-02-02", {})
    carried_out(case, tmp_path / "d")
    first = len(early.asked)
    carried_out(case, tmp_path / "d")
    assert len(early.asked) > first


@pytest.mark.parametrize("case", CASES[1:4], ids=lambda case: case.source)
def test_pages_that_are_shorter_than_documented(case: Case, serve: Serve, tmp_path: Path) -> None:
    """A server that gives fewer rows a page than asked for loses none: the rest is asked for."""
    answer = vendors.all_vendors()

    def vendor(asked: Asked) -> Reply:
        limit = str(min(int(asked.query["limit"]), 97))
        return answer(replace(asked, query={**asked.query, "limit": limit}))
    serve(vendor)
    assert rows(carried_out(case, tmp_path / "d")) == case.rows


def test_a_month_that_comes_empty_is_a_gap_and_asked_for_again(serve: Serve,
                                                               tmp_path: Path) -> None:
    """No rows are no file: told as a gap, filled by the next fetch when there are."""
    answer = vendors.all_vendors()

    def vendor(asked: Asked) -> Reply:
        empty = {"retCode": 0, "retMsg": "OK", "time": NOW * 1000,
                 "result": {"category": "linear", "symbol": "ETHUSDT", "list": []}}
        return Reply.json(empty) if "funding" in asked.path else answer(asked)
    serve(vendor)
    done = carried_out(CASES[2], tmp_path / "d")
    assert "funding" not in done.dataset.tables
    assert [gap.what for gap in done.gaps] == ["bybit funding-history"]
    serve()
    assert rows(carried_out(CASES[2], tmp_path / "d")) == CASES[2].rows


@pytest.mark.slow
def test_months_where_there_are_and_days_where_not(serve: Serve, tmp_path: Path) -> None:
    """A month that has no file comes day by day; the rows are the same."""
    case = Case("binance-vision", "ETHUSDT", "2026-02-01", "2026-03-01", {})
    serve()
    monthly = carried_out(case, tmp_path / "months" / "d")
    serve(vendors.all_vendors(Archive(without=("ETHUSDT-1m-2026-02.zip",))))
    daily = carried_out(case, tmp_path / "days" / "d")
    assert len(monthly.items) == 3 + 2 + 28
    assert len(daily.items) == 3 * 28 + 2 + 28
    assert monthly.dataset.table("bars").equals(daily.dataset.table("bars"))


def test_what_the_archive_lacks_is_a_gap(serve: Serve, tmp_path: Path) -> None:
    """A missing day is told, and nothing is made up for it."""
    serve(vendors.all_vendors(Archive(without=("ETHUSDT-1m-2026-02-02.zip",
                                               "ETHUSDT-metrics-2026-02-02.zip"))))
    done = carried_out(Case("binance-vision", "ETHUSDT", "2026-02-01", "2026-02-04", {}),
                       tmp_path / "d")
    assert [str(gap) for gap in done.gaps] == [
        f"{what}, 2026-02-02 00:00 to 2026-02-03 00:00: not in the archive"
        for what in ("indexPriceKlines", "klines", "markPriceKlines", "metrics")]
    assert rows(done)["bars"] == 2 * 1440


def test_hours_without_an_object_are_not_covered(serve: Serve, tmp_path: Path) -> None:
    """CryptoHFTData: an hour of 404 is a gap in coverage, an empty object a quiet hour."""
    serve()
    done = carried_out(CASES[5], tmp_path / "d")
    covers = [each for each in done.dataset.market.coverage if each.venue == "okx"]
    assert sum(each.end_ns - each.start_ns for each in covers) == 23 * HOUR
    whole = [each for each in done.dataset.market.coverage if each.venue == "bybit"]
    assert sum(each.end_ns - each.start_ns for each in whole) == 24 * HOUR
    assert [gap.what for gap in done.gaps] == ["cryptohftdata liquidations okx_futures"]


def test_sizes_and_sides_of_three_venues_agree(serve: Serve, tmp_path: Path) -> None:
    """The same orders told by three venues in their own units come out alike."""
    serve()
    table = carried_out(CASES[5], tmp_path / "d").dataset.table("liquidations")
    frame = table.to_pandas()
    binance, bybit, okx = (frame[frame.venue == venue].set_index("ts").sort_index()
                           for venue in ("binance", "bybit", "okx"))
    shared = bybit.loc[okx.index]
    assert np.allclose(shared.qty_base, okx.qty_base)
    assert (shared.liq_side.astype(str) == okx.liq_side.astype(str)).all()
    assert (binance.liq_side.astype(str) == bybit.liq_side.astype(str)).all()


def test_tardis_without_a_key_takes_the_free_days(serve: Serve, tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the first of a month; the others are gaps that name the variable."""
    loopback = serve()
    monkeypatch.delenv("TARDIS_API_KEY")
    done = carried_out(Case("tardis", "ETHUSDT", "2026-01-31", "2026-02-03", {}), tmp_path / "d")
    assert {asked.path.split("/")[6] for asked in loopback.asked} == {"01"}
    assert all("TARDIS_API_KEY" in gap.why for gap in done.gaps)
    assert len(done.gaps) == 2


def test_a_changed_header_is_kept_and_named(serve: Serve, tmp_path: Path) -> None:
    """A file that is whole but other than documented: no dataset, the file kept, then healed."""
    case = Case("binance-vision", "ETHUSDT", "2026-02-02", "2026-02-03", {})
    serve(vendors.all_vendors(Archive(headers={"metrics": "time,sym,oi,usd,a,b,c,d"})))
    with pytest.raises(DataError, match=r"unknown header 'time, sym") as caught:
        carried_out(case, tmp_path / "d")
    kept = next((tmp_path / ".d.fetch" / "unexpected").rglob("*.zip"))
    assert str(kept) in str(caught.value)
    assert not (tmp_path / "d").exists()
    loopback = serve()
    assert rows(carried_out(case, tmp_path / "d"))["open_interest"] == 288
    zips = [asked.path for asked in loopback.asked if asked.path.endswith(".zip")]
    assert len(zips) == 1  # of all files only the bad one is fetched again


def test_a_checksum_that_stays_wrong(serve: Serve, tmp_path: Path) -> None:
    """The file is kept beside the dataset and named, with both sums."""
    def vendor(asked: Asked) -> Reply:
        good = vendors.all_vendors()(asked)
        if asked.path.endswith("metrics-2026-02-02.zip.CHECKSUM"):
            return Reply(b"0" * 64 + b"  ETHUSDT-metrics-2026-02-02.zip\n")
        return good
    serve(vendor)
    with pytest.raises(DataError, match=r"its CHECKSUM says 000000000000… .*kept as .*unexpected"):
        carried_out(Case("binance-vision", "ETHUSDT", "2026-02-02", "2026-02-03", {}),
                    tmp_path / "d")


@each_source
def test_an_answer_that_is_never_as_documented(case: Case, serve: Serve, tmp_path: Path) -> None:
    """It is asked for three times, then kept, named, and no dataset is written."""
    serve(lambda asked: Reply.json({"message": "we have moved"}))
    with pytest.raises(DataError):
        carried_out(case, tmp_path / "d")
    assert not (tmp_path / "d").exists()


def test_no_key_stays_anywhere(serve: Serve, tmp_path: Path,
                               monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in files, not in the dataset; a server that says it back has it cut out."""
    monkeypatch.setenv("COINALYZE_API_KEY", "a-wrong-key")
    from deleverage.feeds.fetching.fetch import client_for
    from tests.fetching.conftest import hasty

    serve()
    assert client_for(["coinalyze"]).secrets == ("a-wrong-key",)
    with pytest.raises(DataError, match=r"HTTP 401, refused: .*\*\*\*") as caught:
        carried_out(CASES[7], tmp_path / "d", hasty(("a-wrong-key",)))
    assert "a-wrong-key" not in str(caught.value)
    monkeypatch.setenv("COINALYZE_API_KEY", vendors.KEY)
    carried_out(CASES[7], tmp_path / "d")
    for file in tmp_path.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert vendors.KEY.encode() not in content
            assert b"a-wrong-key" not in content


def test_the_manifest_tells_where_each_file_came_from(serve: Serve, tmp_path: Path) -> None:
    """Address, size and sha256 of every file, in the order of their arrival."""
    serve()
    done = carried_out(CASES[6], tmp_path / "d")
    lines = (tmp_path / ".d.fetch" / "manifest.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    assert Counter(entry["path"] for entry in entries) == Counter(
        item.path for item in done.items)
    assert all(entry["url"].startswith("https://datasets.tardis.dev/v1/") for entry in entries)
