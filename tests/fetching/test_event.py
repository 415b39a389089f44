"""``data fetch event`` from the command to the tearsheet, against servers of the loopback."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deleverage.cli import demo
from deleverage.cli.main import entry
from deleverage.errors import UnknownName
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.fetching import events
from deleverage.feeds.fetching.http import MIRROR
from deleverage.timestamps import DAY, parse
from tests.fetching import vendors
from tests.fetching.archive import Archive
from tests.fetching.conftest import Serve
from tests.fetching.loopback import served


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the event's dataset is, as ``event``."""
    return tmp_path_factory.mktemp("event")


@pytest.fixture(scope="module")
def short(monkeypatch_module: pytest.MonkeyPatch) -> None:
    """The event with three days of market and a day and a half of liquidations."""
    monkeypatch_module.setitem(events.EVENTS, "2026-01-31", events.Event(
        "2026-01-31", parse("2026-01-30"), parse("2026-02-02"), parse("2026-01-31"),
        parse("2026-02-01") + DAY // 2))


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    """Changes that last for this module."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def told(folder: Path, short: None, monkeypatch_module: pytest.MonkeyPatch) -> dict[str, str]:
    """The command carried out once; what it said."""
    out, err = io.StringIO(), io.StringIO()
    with served(vendors.all_vendors(Archive(without=("ETHUSDT-metrics-2026-01-30.zip",)))) as loop:
        monkeypatch_module.setenv(MIRROR, loop.url)
        monkeypatch_module.setenv("NO_PROXY", "127.0.0.1")
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = entry(["data", "fetch", "event", "2026-01-31", "--out", str(folder / "event")])
    assert code == 0, err.getvalue()
    return {"out": out.getvalue(), "err": err.getvalue()}


def test_coverage_is_printed(told: dict[str, str]) -> None:
    """What there is of what the event should have, and what is missing, by kind and venue."""
    printed = {line[:42].strip(): line.split()[-2:] for line in told["out"].splitlines()
               if "2026-01-3" in line[42:65]}
    assert printed["bars (rows)"] == ["4,320", "4,320"]
    assert printed["funding (rows)"] == ["9", "9"]
    assert printed["open_interest (rows)"] == ["576", "864"]
    assert printed["liquidations bybit (hours)"] == ["36", "36"]
    assert printed["liquidations okx_futures (hours)"] == ["35", "36"]
    assert printed["funding hyperliquid (months, in context)"] == ["2", "2"]
    assert "gap: metrics, 2026-01-30 00:00 to 2026-01-31 00:00: not in the archive" in told["err"]
    assert "checks: bars ok; mark ok; index ok;" in told["out"]


def test_funding_of_other_venues_is_context(folder: Path, told: dict[str, str]) -> None:
    """The account's funding is Binance's; what others paid is known and never charged."""
    dataset = Dataset.open(folder / "event")
    assert dataset.market.instrument.venue == "binance"
    frame = dataset.table("context").to_pandas()
    counts = frame.groupby(["metric", "unit"], observed=True).size().to_dict()
    assert counts == {("funding_rate bybit ETHUSDT", "fraction per 8h"): 10,
                      ("funding_rate hyperliquid ETH", "fraction per 1h"): 73}
    assert (frame.available_at >= frame.date).all()


def test_three_venues_liquidations(folder: Path, told: dict[str, str]) -> None:
    """Binance's, Bybit's and OKX's orders stand side by side, each with its completeness."""
    frame = Dataset.open(folder / "event").table("liquidations").to_pandas()
    kinds = frame.groupby("venue", observed=True).completeness.first().to_dict()
    assert kinds == {"binance": "sampled_1s", "bybit": "all", "okx": "sampled"}


def test_the_tearsheet_of_the_event_is_no_synthetic_one(
        folder: Path, told: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """``run --data`` reads it like any dataset, and says nowhere SYNTHETIC."""
    code = entry(["run", "--data", str(folder / "event"), "--strategy", "cascade_exhaustion"])
    said = capsys.readouterr()
    assert code == 0, said.err
    assert "SYNTHETIC" not in said.out + said.err
    assert "ETHUSDT" in said.out


def test_the_demo_of_the_event_has_the_pages_of_the_synthetic_one(
        folder: Path, told: dict[str, str], capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch) -> None:
    """``--data`` alone: the same headings, on the real names, and SYNTHETIC nowhere."""
    monkeypatch.setattr(demo, "STRATEGIES", ("cascade_exhaustion", "buy_and_hold"))
    pages = []
    for words in (["--no-scan"], ["--no-scan", "--data", str(folder / "event")]):
        code = entry(words)
        said = capsys.readouterr()
        assert code == 0, said.err
        pages.append(said.out)
    made, real = pages
    assert "SYNTHETIC" in made
    assert "SYNTHETIC" not in real
    for heading in ("LEVELS on ", "LIQUIDATIONS of ETH, calendar day 2026-01-31 UTC",
                    "strategies on "):
        assert heading in made
        assert heading in real
    assert "ETHUSDT binance, 2026-01-31" in real


@pytest.mark.slow
def test_the_whole_event(serve: Serve, tmp_path: Path,
                         capsys: pytest.CaptureFixture[str]) -> None:
    """Two months of market and nine days of liquidations; a second fetch changes nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(events.EVENTS, "2026-01-31", events._event(
            "2026-01-31", "2026-01-01", "2026-03-01", "2026-01-30", "2026-02-08"))
        serve()
        words = ["data", "fetch", "event", "2026-01-31", "--out", str(tmp_path / "event")]
        assert entry(words) == 0
        first = Dataset.open(tmp_path / "event")
        assert first.table("bars").num_rows == 59 * 1440
        capsys.readouterr()
        assert entry(words) == 0
        assert "0 files fetched" in capsys.readouterr().err
        assert Dataset.open(tmp_path / "event").sha256 == first.sha256


def test_a_plan_writes_nothing(short: None, serve: Serve, tmp_path: Path,
                               capsys: pytest.CaptureFixture[str],
                               monkeypatch: pytest.MonkeyPatch) -> None:
    """``--plan``: what, how many files, how many bytes, from where, and which gap."""
    loopback = serve()
    monkeypatch.chdir(tmp_path)
    assert entry(["data", "fetch", "event", "2026-01-31", "--out", "event", "--plan"]) == 0
    said = capsys.readouterr().out
    assert os.listdir(tmp_path) == []
    told = [" ".join(line.split()) for line in said.splitlines()]
    assert "binance-vision daily klines 3 12,963 2026-01-30 00:00 2026-02-02 00:00" in told
    assert ("cryptohftdata liquidations bybit 36 not known 2026-01-31 00:00 2026-02-01 12:00"
            in told)
    assert "minutes or more, at the paces that vendors ask for" in said
    assert {asked.host for asked in loopback.asked} == {"s3-ap-northeast-1.amazonaws.com"}


def test_an_event_nobody_knows() -> None:
    """The near miss is named."""
    with pytest.raises(UnknownName, match=r"unknown event '2026-01-13'; did you mean '2026-01-31'"):
        events.get("2026-01-13")
