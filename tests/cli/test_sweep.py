"""The command `sweep`: what it prints and writes, what it refuses, how it fails and is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from deleverage.cli.main import entry
from deleverage.cli.sweep import coloured
from deleverage.sweeps import SweepResult
from tests.cli.conftest import Command, refused
from tests.conftest import ROOT

RANDOM = ["--strategy", "random_entry", "--set", "hold=30m", "--to", "2026-01-28T08:00"]

# says where it runs, then stays there until it is stopped
SLOW = '''
    """A strategy that does not come to an end."""
    import os
    import pathlib
    import time

    import backtrader as bt


    class Slow(bt.Strategy):
        """Waits."""

        params = (("place", 1),)

        def __init__(self):
            pathlib.Path(f"pid{self.p.place}").write_text(str(os.getpid()))
            time.sleep(60)
'''


def test_a_sweep_is_printed_saved_and_read_again(dataset: Path, tmp_path: Path,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    """The number of combinations first; ranking, heat map and verdict, SYNTHETIC said, nothing
    coloured; a combination beyond the venue's leverage fails alone, exit code 4; --json gives the
    same rows alone on stdout."""
    words = ["sweep", "--data", str(dataset), *RANDOM, "--workers", "1", "--grid", "trades=2,4",
             "--grid", "leverage=5,20,500", "--heat", "trades,leverage", "--value", "drawdown"]
    assert entry([*words, "--sort", "drawdown", "--out", str(tmp_path / "sweep")]) == 4
    heard = capsys.readouterr()
    assert heard.err.splitlines() == [
        "6 combinations (trades 2, 4 × leverage 5, 20, 500) in 1 process",
        f"saved: {tmp_path / 'sweep'}"]
    page = heard.out
    assert page.startswith("═══ SWEEP random_entry · SYNTHETIC ═")
    assert page.index("RANKING (by drawdown, lowest first)") < page.index(
        "HEAT MAP (drawdown: trades down, leverage across)") < page.index("FAILED (2 of 6)")
    assert "6 combinations tried" in page
    assert "The best of 6 is flattered by the choice" in page
    assert "\x1b" not in page
    assert max(map(len, page.splitlines())) <= 120
    saved = SweepResult.load(tmp_path / "sweep")
    assert len(saved.rows) == 6
    assert entry([*words, "--json"]) == 4
    values = json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(word))
    assert values["combinations"] == 6
    assert values["ranking"] == [row.number for row in saved.ranked()]
    assert [row["figures"] for row in values["rows"]] == [dict(row.figures) for row in saved.rows]
    assert values["heat"]["row_values"] == [2, 4]
    assert values["heat"]["cells"][0][2] is None
    assert "flattered by the choice" in values["caution"]


def test_the_grid_may_stand_in_the_file(dataset: Path, tmp_path: Path,
                                        capsys: pytest.CaptureFixture[str]) -> None:
    """[grid] of --config is the grid typed, values with commas in them included."""
    path = tmp_path / "sweep.toml"
    path.write_text(f'data = "{dataset}"\nstrategy = "level_reclaim"\nworkers = 1\n'
                    'to = 2026-01-28T03:00:00\nheat = "levels,leverage"\n'
                    '[grid]\nlevels = ["2350,2750-2800", "3000"]\nleverage = [5, 10]\n')
    assert entry(["sweep", "--config", str(path), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["grid"] == [{"name": "levels", "values": ["2350,2750-2800", "3000"]},
                              {"name": "leverage", "values": [5.0, 10.0]}]
    path.write_text(path.read_text().replace(', "3000"', ""))
    assert entry(["sweep", "--config", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["combinations"] == 2


@pytest.mark.parametrize(("words", "complaint"), [
    (["--grid", "n_close=2,3"], "unknown axis of the grid 'n_close'; did you mean 'n_closes'"),
    (["--grid", "n_closes="], "the axis n_closes has no values"),
    (["--grid", "n_closes=2,3,2"], "the axis n_closes has the value 2 twice"),
])
def test_a_wrong_grid_is_refused(dataset: Path, command: Command, tmp_path: Path,
                                 words: list[str], complaint: str) -> None:
    """Each ends in one line before anything runs, exit code 2, and nothing is written."""
    refused(command("sweep", "--data", dataset, "--strategy", "level_reclaim", "--out", "found",
                    *words), 2, complaint)
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize(("words", "complaint"), [
    (["--grid", "levrage=2,3"], "did you mean 'leverage'"),
    (["--grid", "n_closes=2,x"], "LevelReclaim.n_closes must be a whole number"),
    (["--grid", "margin=isolated,croos"], "did you mean 'cross'"),
    ([], "--grid is missing"),
    (["--grid", "n_closes=2,3", "--workers", "0"], "workers must be a whole number ≥ 1"),
    (["--grid", "n_closes"], "--grid takes name=value,value, found 'n_closes'"),
    (["--grid", "leverage=2", "--grid", "leverage=3"], "the axis leverage is given twice"),
    (["--grid", "leverage=2,3", "--leverage", "5"], "leverage is both given as 5.0 and an axis"),
    (["--grid", "n_closes=2,3", "--set", "n_closes=4"], "n_closes is both --set to 4 and an axis"),
    (["--grid", "leverage=2,3", "--sort", "nett"], "unknown figure 'nett'; did you mean 'net'"),
    (["--grid", "leverage=2,3", "--top", "0"], "--top must be at least 1"),
    (["--grid", "leverage=2,3", "--heat", "leverage"], "--heat: takes two names"),
    (["--grid", "leverage=2,3", "--heat", "leverage,leverage"], "two different axes"),
    (["--grid", "leverage=2,3", "--heat", "leverage,n_closes"], "unknown axis of the grid"),
    (["--grid", "leverage=2,3", "--value", "net"], "--heat is missing"),
    (["--grid", "leverage=2,3", "--workers", "two"], "--workers: must be a whole number"),
    (["--grid", "leverage=2,3", "--path", "both"], "unknown path policy 'both'"),
])
def test_every_word_is_checked_before_anything_runs(dataset: Path, words: list[str],
                                                    complaint: str, tmp_path: Path,
                                                    capsys: pytest.CaptureFixture[str]) -> None:
    """Options that exclude one another or make no sense: one line, exit code 2, no output."""
    assert entry(["sweep", "--data", str(dataset), "--strategy", "level_reclaim", "--out",
                  str(tmp_path / "found"), *words]) == 2
    heard = capsys.readouterr()
    assert heard.out == ""
    assert heard.err.count("\n") == 1
    assert complaint in heard.err
    assert not (tmp_path / "found").exists()


def test_data_that_cannot_carry_the_sweep(dataset: Path, tmp_path: Path,
                                          capsys: pytest.CaptureFixture[str]) -> None:
    """A missing folder is one line; a fault that every combination shares follows the count; exit
    code 3 and nothing written, nor into a folder with other files, which is refused first."""
    out = tmp_path / "found"
    words = ["--strategy", "cascade_exhaustion", "--grid", "quiet=30,60", "--workers", "1", "--out"]
    assert entry(["sweep", "--data", "nowhere", *words, str(out)]) == 3
    assert capsys.readouterr().err == "error: nowhere: no such dataset folder\n"
    assert entry(["sweep", "--data", str(dataset), *words, str(out)]) == 3
    heard = capsys.readouterr()
    assert heard.out == ""
    assert "needs the table 'open_interest'" in heard.err.splitlines()[-1]
    assert heard.err.splitlines()[-1].startswith("error: ")
    assert not out.exists()
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    assert entry(["sweep", "--data", str(dataset), *words, str(out)]) == 2
    assert "holds other files" in capsys.readouterr().err
    assert [item.name for item in out.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(("terminal", "variables", "wanted"), [
    (True, {"TERM": "xterm"}, True), (False, {"TERM": "xterm"}, False),
    (True, {"TERM": "dumb"}, False), (True, {"TERM": "xterm", "NO_COLOR": "1"}, False)])
def test_colours_are_for_a_terminal_that_wants_them(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, variables: dict[str, str], wanted: bool,
) -> None:
    """A pipe or file, a dumb terminal and NO_COLOR get numbers alone."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    assert coloured() is wanted


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_stopped_by_ctrl_c(dataset: Path, tmp_path: Path) -> None:
    """Interrupted in the middle of a combination: one word on stderr, exit code 130, no output, no
    half-written folder, and no process left behind."""
    (tmp_path / "slow.py").write_text(textwrap.dedent(SLOW))
    running = subprocess.Popen(
        [sys.executable, str(ROOT / "run_backtest.py"), "sweep", "--data", str(dataset),
         "--strategy", "slow.py:Slow", "--grid", "place=1,2", "--workers", "2", "--out", "found"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # where the tests themselves run in the background, Ctrl-C is switched off for all of them
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    files = [tmp_path / "pid1", tmp_path / "pid2"]
    until = time.monotonic() + 60
    while not all(file.is_file() and file.read_text() for file in files):
        assert running.poll() is None, running.stderr and running.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=20)
    assert (running.returncode, out) == (130, "")
    assert err.splitlines()[1:] == ["interrupted"]
    assert sorted(item.name for item in tmp_path.iterdir()) == ["pid1", "pid2", "slow.py"]
    until = time.monotonic() + 10
    while not all(_gone(int(file.read_text())) for file in files):
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.slow
def test_a_script_without_its_guard_is_told_so(dataset: Path, tmp_path: Path) -> None:
    """Worker processes import the script again; one that sweeps on import gets the remedy."""
    script = tmp_path / "script.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
                      "from deleverage.sweeps import sweep\nfrom deleverage.spec import RunSpec\n"
                      f"spec = RunSpec(data={str(dataset)!r}, strategy='buy_and_hold')\n"
                      "sweep(spec, {'leverage': (2, 3)}, workers=2)\n")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True,
                          check=False, timeout=120)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("deleverage.errors.UsageError: no worker process could be started; a "
                           "script must start its sweep under `if __name__ ==")
