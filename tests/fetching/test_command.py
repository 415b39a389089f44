"""``data fetch`` as it is typed: plans, updates, and one line for whatever is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deleverage.cli.main import entry
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.fetching import http
from deleverage.feeds.fetching.http import MIRROR
from deleverage.timestamps import parse
from tests.conftest import ROOT
from tests.fetching import vendors
from tests.fetching.archive import Archive
from tests.fetching.conftest import HASTE, Serve
from tests.fetching.loopback import Reply

FETCH = ("data", "fetch")
DAYS = ("2026-02-01", "2026-02-03", "--out", "d")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and a client that gives up soon."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(http, "PATIENCE", HASTE)


def _refused(words: tuple[str, ...], code: int, line: str,
             capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(words) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1, said.err
    assert line in said.err
    assert not Path("d").exists()


def test_fetch_and_show(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """The dataset is described as ``data import`` does; JSON holds the gaps, too."""
    serve()
    assert entry((*FETCH, "binance-vision", "ethusdt", *DAYS)) == 0
    said = capsys.readouterr()
    assert "2,880 bars of 1m" in said.out
    assert said.err.splitlines()[0].endswith("were there")
    assert entry((*FETCH, "binance-vision", "ETHUSDT", *DAYS, "--json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["fetched"], found["reused"], found["gaps"]) == (0, 9, [])


def test_update_goes_on_where_the_dataset_ends(serve: Serve,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    """The rows of a longer fetch, and a line where there is nothing to do."""
    serve()
    assert entry((*FETCH, "bybit", "ETHUSDT", *DAYS)) == 0
    assert entry((*FETCH, "bybit", "ETHUSDT", "2026-02-05", "--update", "--out", "d")) == 0
    assert entry((*FETCH, "bybit", "ETHUSDT", "2026-02-01", "2026-02-05", "--out", "whole")) == 0
    longer, whole = Dataset.open("d"), Dataset.open("whole")
    assert longer.market.end_ns == parse("2026-02-05")
    for name in whole.tables:
        assert longer.table(name).to_pandas().equals(whole.table(name).to_pandas()), name
    capsys.readouterr()
    assert entry((*FETCH, "bybit", "ETHUSDT", "2026-02-05", "--update", "--out", "d")) == 0
    assert "nothing to update, it goes up to 2026-02-05 00:00" in capsys.readouterr().err


def test_liquidations_join_a_dataset_with_bars(serve: Serve) -> None:
    """Another source goes into the same folder; an update of it begins at its own end."""
    serve()
    assert entry((*FETCH, "binance-vision", "ETHUSDT", *DAYS)) == 0
    other = (*FETCH, "cryptohftdata", "ETHUSDT")
    assert entry((*other, "2026-02-01", "2026-02-02", "--out", "d")) == 0
    assert entry((*other, "2026-02-03", "--update", "--out", "d")) == 0
    table = Dataset.open("d").table("liquidations")
    assert parse("2026-02-02") < table.column("ts")[-1].as_py() < parse("2026-02-03")


@pytest.mark.parametrize(("words", "code", "line"), [
    (("binanse", "ETHUSDT", *DAYS), 2, "unknown source 'binanse'; did you mean 'binance'?"),
    (("binance-vision", "ETHUSD", *DAYS), 2,
     "unknown symbol 'ETHUSD'; did you mean 'ETHUSDT'? (binance-vision has 3)"),
    (("coinalyze", "ETHUSDT", *DAYS), 2,
     "coinalyze needs its free key: set the environment variable COINALYZE_API_KEY"),
    (("tardis", "ETHUSDT", "2026-02-02", "2026-02-04", "--out", "d"), 2, "TARDIS_API_KEY"),
    (("binance-vision", "ETHUSDT", "2019-01-01", "2019-02-01", "--out", "d"), 3,
     "(monthly klines go from 2026-01 to 2026-03)"),
    (("cryptohftdata", "ETHUSDT", "2025-06-01", "2025-06-03", "--out", "d"), 3,
     "cryptohftdata has nothing before 2025-06-28"),
    (("binance-vision", "ETHUSDT", "2026-02-03", "2026-02-01", "--out", "d"), 2,
     "from 2026-02-03 00:00 to 2026-02-01 00:00 is no time"),
    (("binance-vision", "ETHUSDT", "2126-02-03", "2126-02-05", "--out", "d"), 2,
     "has not come yet"),
    (("binance-vision", "ETHUSDT", "yesterday", "--out", "d"), 2, "not an ISO date"),
    (("binance-vision", "ETHUSDT", "--out", "d"), 2, "FROM is missing"),
    (("binance-vision", "ETHUSDT", "--update", "--out", "d"), 3, "no such dataset folder"),
    (("binance-vision", "../x", *DAYS), 2, "not a symbol: '../x'"),
    (("bybit", "ETHUSD", *DAYS), 3, "symbol invalid"),
    (("binance", "ETHUSD", *DAYS), 2, "does not know the symbol"),
    (("okx", "ETHUSDT", *DAYS), 2, "does not know the symbol"),
    (("hyperliquid", "ETHX", *DAYS), 3, "not the documented answer, begins with 'null'"),
    (("cryptohftdata", "ETHX", *DAYS), 3, "ETHX: nothing of it was to be had"),
    (("event", "2026-01-13", "--out", "d"), 2, "unknown event"),
])
def test_bad_requests(words: tuple[str, ...], code: int, line: str, serve: Serve,
                      capsys: pytest.CaptureFixture[str]) -> None:
    """One line that says what to do, the exit code of its kind, and no dataset."""
    serve()
    _refused((*FETCH, *words), code, line, capsys)
    if code == 2 and words[0] not in ("binance", "okx"):  # those have asked, and keep what came
        assert os.listdir() == []


def test_no_network(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One line after a bounded wait."""
    monkeypatch.setenv(MIRROR, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    _refused((*FETCH, "binance-vision", "ETHUSDT", *DAYS), 3, "connection refused (6 tries)",
             capsys)


@pytest.mark.parametrize("source", ["binance-vision", "bybit", "cryptohftdata"])
def test_a_proxy_that_answers_html(source: str, serve: Serve,
                                   capsys: pytest.CaptureFixture[str]) -> None:
    """What came is kept beside the dataset and named."""
    serve(lambda asked: Reply(b"<!DOCTYPE html><html>Please sign in</html>"))
    _refused((*FETCH, source, "ETHUSDT", *DAYS), 3, "a page of HTML instead of data", capsys)
    kept = [path for path in Path(".d.fetch/unexpected").rglob("*") if path.is_file()]
    assert len(kept) == 1
    assert b"Please sign in" in kept[0].read_bytes()


def test_something_else_is_at_the_place_of_the_dataset(serve: Serve,
                                                       capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is no dataset is left alone."""
    serve()
    Path("other").mkdir()
    Path("other/file").write_text("mine")
    _refused((*FETCH, "binance-vision", "ETHUSDT", "2026-02-01", "2026-02-02", "--out", "other"),
             3, "exists and is not a dataset", capsys)
    assert Path("other/file").read_text() == "mine"


def test_the_archive_without_a_day_says_which(serve: Serve,
                                              capsys: pytest.CaptureFixture[str]) -> None:
    """``--plan`` names the gap and the files, and asks for listings only."""
    loopback = serve(vendors.all_vendors(Archive(without=("ETHUSDT-metrics-2026-02-02.zip",))))
    assert entry((*FETCH, "binance-vision", "ETHUSDT", *DAYS, "--plan", "--json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert [gap["what"] for gap in found["gaps"]] == ["metrics"]
    assert {line["what"]: line["count"] for line in found["files"]}["daily metrics"] == 1
    assert {asked.host for asked in loopback.asked} == {"s3-ap-northeast-1.amazonaws.com"}
    assert os.listdir() == []


def _alone(folder: Path, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    start = f"import sys; {code}; from deleverage.cli.main import entry; sys.exit(entry())"
    return subprocess.run(
        [sys.executable, "-c", start, *FETCH, "binance-vision", "ETHUSDT", *DAYS], cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment}, capture_output=True, text=True,
        check=False, timeout=120)


def test_a_disk_that_is_full(serve: Serve, tmp_path: Path) -> None:
    """The file that cannot be written is named by its folder; nothing half-written counts."""
    serve()
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))"
    done = _alone(tmp_path, limit)
    assert done.returncode == 3, done.stderr
    assert done.stderr == "error: .d.fetch: File too large\n"
    assert not Path("d").exists()
    assert _alone(tmp_path, "pass").returncode == 0


def test_the_extra_that_is_missing_is_named(tmp_path: Path) -> None:
    """Without requests, one line says what to install."""
    (tmp_path / "requests.py").write_text("raise ImportError('not there')\n")
    done = _alone(tmp_path, "pass", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == \
        "error: data fetch needs more packages: pip install 'deleverage[fetch]'\n"
