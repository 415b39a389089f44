"""A fetch that is killed goes on; two fetches never share a dataset."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from deleverage.feeds.dataset import Dataset
from deleverage.feeds.fetching.http import MIRROR
from tests.conftest import ROOT
from tests.fetching import vendors
from tests.fetching.conftest import Serve
from tests.fetching.loopback import Asked, Reply

WORDS = ("data", "fetch", "binance-vision", "ETHUSDT", "2026-02-01", "2026-02-03", "--out", "d")


def _started(folder: Path, url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "run_backtest.py"), *WORDS], cwd=folder, text=True,
        env={**os.environ, MIRROR: url, "NO_PROXY": "127.0.0.1"}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)


def _ended(folder: Path, url: str) -> str:
    """The fetch carried out to its end; the dataset's sha256."""
    process = _started(folder, url)
    _, words = process.communicate(timeout=120)
    assert process.returncode == 0, words
    left = [path.name for path in (folder / ".d.fetch").rglob("*")
            if path.suffix in (".part", ".etag", ".draft")]
    assert left == []
    beside = sorted(path.name for path in folder.iterdir())
    assert beside == [".d.fetch", "d"]
    return Dataset.open(folder / "d").sha256


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What an uninterrupted fetch gives, and how many requests it makes (filled by the first)."""
    return {"folder": tmp_path_factory.mktemp("whole")}


def _killed_then_again(seed: int, whole: dict[str, object], serve: Serve, tmp_path: Path) -> None:
    if "sha256" not in whole:
        loopback = serve()
        assert isinstance(whole["folder"], Path)
        whole["sha256"] = _ended(whole["folder"], loopback.url)
        whole["requests"] = len(loopback.asked)
    draw = random.Random(seed)
    last = int(str(whole["requests"]))
    moment, late = draw.randrange(1, last + 8), draw.random()
    victims: list[subprocess.Popen[str]] = []
    answer, counted = vendors.all_vendors(), [0]

    def vendor(asked: Asked) -> Reply:
        counted[0] += 1
        if victims and counted[0] == min(moment, last):
            # in the middle of this answer, or some time after the last one
            after = 0.02 * late if moment <= last else 0.2 * (moment - last) * late
            threading.Timer(after, victims.pop().kill).start()
        return answer(asked)
    loopback = serve(vendor, {moment - 1: "slow"})
    process = _started(tmp_path, loopback.url)
    victims.append(process)
    process.communicate(timeout=120)
    assert process.returncode in (-signal.SIGKILL, 0)
    if (tmp_path / "d").exists():
        assert Dataset.open(tmp_path / "d").sha256 == whole["sha256"]
    assert _ended(tmp_path, loopback.url) == whole["sha256"]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_fetch_goes_on(seed: int, whole: dict[str, object], serve: Serve,
                                tmp_path: Path) -> None:
    """SIGKILL at a drawn moment, then again: the dataset of an uninterrupted fetch."""
    _killed_then_again(seed, whole, serve, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 30))
def test_a_fetch_killed_at_twenty_moments_goes_on(seed: int, whole: dict[str, object],
                                                  serve: Serve, tmp_path: Path) -> None:
    """As above, at twenty more moments from the first request to the writing of the dataset."""
    _killed_then_again(seed, whole, serve, tmp_path)


def test_a_second_fetch_into_the_same_dataset_is_refused(serve: Serve, tmp_path: Path) -> None:
    """The first one goes on undisturbed."""
    hold = threading.Event()
    answer = vendors.all_vendors()

    def vendor(asked: Asked) -> Reply:
        if asked.path.endswith("metrics-2026-02-01.zip"):
            hold.wait(30)
        return answer(asked)
    loopback = serve(vendor)
    first = _started(tmp_path, loopback.url)
    while not any(asked.path.endswith("metrics-2026-02-01.zip") for asked in loopback.asked):
        time.sleep(0.05)
    second = _started(tmp_path, loopback.url)
    out, words = second.communicate(timeout=60)
    assert (second.returncode, out) == (3, "")
    assert words == "error: d: another fetch is at work on it\n"
    hold.set()
    first.communicate(timeout=60)
    assert first.returncode == 0
