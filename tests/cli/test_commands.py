"""The commands end to end: what they print, write and read back."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from deleverage import tearsheet
from deleverage.beside import Compared
from deleverage.cli.main import entry
from deleverage.paths import part
from deleverage.results import RunResult
from tests.cli.conftest import Command

MINE = '''
    """Twenty lines of somebody's own, outside the project."""
    import backtrader as bt


    class Mine(bt.Strategy):
        """Buys every dip of one per cent and sells after an hour."""

        params = (("dip", 0.01), ("bars", 60))

        def next(self):
            if not self.position:
                if self.data.close[0] < self.data.close[-10] * (1 - self.p.dip):
                    self.buy()
                    self.since = len(self)
            elif len(self) - self.since >= self.p.bars:
                self.close()

        def stop(self):
            print("heard once")
'''


def test_a_strategy_file_of_ones_own_gets_its_leverage_table(dataset: Path, command: Command,
                                                             tmp_path: Path) -> None:
    """A plain backtrader strategy in a file outside the project runs and is scanned; what it prints
    is heard once, not again at every leverage.
    """
    file = tmp_path / "my.py"
    file.write_text(textwrap.dedent(MINE))
    done = command("run", "--data", dataset, "--strategy", f"{file}:Mine", "--set", "dip=0.005",
                   "--leverage", "5", "--to", "2026-01-28T12:00")
    assert done.returncode == 0, done.stderr
    assert done.stdout.index("VERDICT") < done.stdout.index("LEVERAGE SCAN")
    assert "5x ◄" in done.stdout
    assert done.stdout.count("heard once") == 1
    assert "AGAINST RANDOM ENTRIES" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_results_are_saved_and_compared(dataset: Path, tmp_path: Path,
                                        capsys: pytest.CaptureFixture[str]) -> None:
    """`run --out` writes a folder that `compare` ranks, as tables and as JSON."""
    for leverage in ("3", "20"):
        assert entry(["run", "--data", str(dataset), "--strategy", "buy_and_hold", "--no-scan",
                      "--leverage", leverage, "--out", str(tmp_path / leverage)]) == 0
    capsys.readouterr()
    folders = [str(tmp_path / "3"), str(tmp_path / "20")]
    assert entry(["compare", *folders]) == 0
    page = capsys.readouterr().out
    assert "leverage differs: 20, 3" in page
    assert page.index("RANKING") < page.index("WHICH DIFFERENCES ARE LARGER THAN NOISE")
    assert entry(["compare", "--json", *folders]) == 0
    values = json.loads(capsys.readouterr().out)
    assert len(values["results"]) == 2
    (pair,) = values["noise"]["pairs"]
    assert (pair["better"], pair["worse"]) == (1, 2)
    assert set(pair["difference"]) >= {"n", "p", "smallest", "holm", "low", "high", "why"}
    assert values["results"][0]["provenance"]["synthetic"] is True


def test_what_stands_beside_a_run_is_saved_shown_and_told(
        dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A liquidated run has its shadow, the strip and its capacity on the sheet, in the JSON, in its
    folder and in `compare`; --no-scan leaves all three out."""
    file, folder = tmp_path / "my.py", str(tmp_path / "run")
    file.write_text(textwrap.dedent(MINE))
    words = ["run", "--data", str(dataset), "--strategy", f"{file}:Mine", "--set", "dip=0.005",
             "--leverage", "100", "--to", "2026-01-28T12:00"]
    assert entry([*words, "--out", folder]) == 0
    sheet = capsys.readouterr().out
    assert sheet.index("Without liquidation this run would") < sheet.index("ROBUSTNESS") \
        < sheet.index("random entries on the same days") < sheet.index("\nCAPACITY")
    again = Compared.load(folder)
    assert again.shadow is not None
    assert [row.notional for row in again.capacity] == [10_000, 100_000, 500_000, 2_000_000]
    assert str(tearsheet.render(again.result, again.baseline, again.reruns, again.capacity,
                                again.shadow)) + "\n" == sheet.replace("heard once\n", "")
    assert entry(["compare", folder, "--json"]) == 0
    (values,) = json.loads(capsys.readouterr().out)["results"]
    assert values["shadow"]["lowest"] == again.shadow.lowest
    assert len(values["capacity"]) == 4
    assert len(values["reruns"]) == len(again.reruns)
    assert entry(["compare", folder]) == 0
    assert "└ shadow: no liquidation" in capsys.readouterr().out
    assert entry([*words, "--no-scan", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["shadow"], values["capacity"], values["reruns"]) == (None, [], [])
    assert values["random_entry"]["outcomes"]


def test_json_is_alone_on_stdout(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints one JSON value with spec, statistics, scan and random entries, no NaN."""
    assert entry(["run", "--data", str(dataset), "--strategy", "buy_and_hold", "--json",
                  "--notional", "1000"]) == 0
    values = json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(word))
    assert values["spec"]["notional"] == 1_000.0
    assert values["statistics"]["performance"]["start_equity"] == 10_000.0
    assert len(values["scan"]["same_fraction"]) >= 9


def test_both_paths_of_a_run(dataset: Path, tmp_path: Path,
                             capsys: pytest.CaptureFixture[str]) -> None:
    """`run --path both` prints two scenarios and where they part, saves each in a folder of its
    own, and gives the same as JSON."""
    words = ["run", "--data", str(dataset), "--strategy", "random_entry", "--path", "both",
             "--no-scan", "--set", "trades=25", "--set", "entry=limit", "--set", "stop=0.0015",
             "--set", "target=0.0015", "--set", "hold=20m"]
    assert entry([*words, "--out", str(tmp_path / "two")]) == 0
    page = capsys.readouterr().out
    assert page.index("ADVERSE AND FAVOURABLE") < page.index("WHERE THEY PART")
    assert "Two scenarios, not bounds" in " ".join(page.split())
    assert sorted(item.name for item in (tmp_path / "two").iterdir()) == ["adverse", "favourable"]
    saved = [RunResult.load(tmp_path / "two" / name) for name in ("adverse", "favourable")]
    assert [run.spec.path for run in saved] == ["adverse", "favourable"]
    assert entry([*words, "--json"]) == 0
    values = json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(word))
    assert set(values["scenarios"]) == {"adverse", "favourable"}
    assert [row["first"] for row in values["partings"]][:2] == [True, False]
    assert len(values["partings"]) == len(part(*saved))
    assert "not bounds" in values["note"]


def test_a_dataset_is_shown_and_checked(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`data show` and `data check` exit 0 for a good dataset and call SYNTHETIC what is."""
    assert entry(["data", "show", str(dataset)]) == 0
    shown = capsys.readouterr().out
    assert "SYNTHETIC" in shown
    assert "ETHUSDT at binance" in shown
    assert entry(["data", "check", str(dataset), "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {row["verdict"] for row in findings} <= {"ok", "warn"}


@pytest.mark.parametrize(("kind", "name"), [
    ("strategies", "level_reclaim"), ("venues", "bybit"), ("sources", "freqtrade"),
    ("analyzers", "LeverageExposure"), ("scenarios", "constructive")])
def test_every_kind_is_listed(kind: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`list KIND` names what there is."""
    assert entry(["list", kind]) == 0
    assert name in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["run"], ["compare"], ["list"], ["data"],
                                   ["data", "import"], ["data", "show"], ["data", "check"],
                                   ["venues"], ["venues", "check"]])
def test_help_of_every_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """--help prints usage and exits 0; the top page names every command that works."""
    try:
        code = entry([*words, "--help"])
    except SystemExit as left:
        code = int(left.code or 0)
    page = capsys.readouterr().out
    assert code == 0
    assert page.startswith("usage: deleverage")
    if not words:
        assert all(name in page for name in ("run", "compare", "data", "venues", "list"))


def test_the_reader_of_stdout_may_leave(command: Command, dataset: Path, tmp_path: Path) -> None:
    """A closed pipe ends the command without a traceback."""
    import subprocess
    import sys

    from tests.conftest import ROOT

    done = subprocess.run(
        f"{sys.executable} {ROOT / 'run_backtest.py'} data show {dataset} | true", shell=True,
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
