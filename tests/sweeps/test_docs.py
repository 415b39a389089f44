"""docs/sweep.md is true: its code runs, and its table is what the command prints on that year."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deleverage.cli.main import entry
from deleverage.feeds.writing import write_dataset
from tests.conftest import ROOT
from tests.markets import random_tables

PAGE = (ROOT / "docs" / "sweep.md").read_text("utf-8")


@pytest.mark.slow
def test_the_example_in_python_runs(tmp_path: Path) -> None:
    """The script works as it stands, workers included, on a dataset called eth."""
    write_dataset(tmp_path / "eth", *random_tables(7, 600))
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "script.py").write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{code}")
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True,
                          text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "RunSpec(" in done.stdout
    assert (tmp_path / "results" / "sweep" / "results.parquet").is_file()


@pytest.mark.real
@pytest.mark.slow
def test_the_table_is_what_the_command_prints(reference: Path, tmp_path: Path,
                                              capsys: pytest.CaptureFixture[str]) -> None:
    """Ranking, heat map and verdict of the real year, to the letter."""
    assert entry(["data", "import", "freqtrade", str(reference / "data" / "freqtrade_bybit"),
                  "--symbol", "ETHUSDT", "--out", str(tmp_path / "eth")]) == 0
    text = PAGE[PAGE.index("## A real year"):]
    (command,) = re.findall(r"^    python run_backtest\.py (sweep .*?)\n\n", text, re.M | re.S)
    words = command.replace("\\\n", " ").split()
    words[words.index("eth")] = str(tmp_path / "eth")
    words[words.index("--out") + 1] = str(tmp_path / "found")
    capsys.readouterr()
    assert entry([*words, "--workers", "1"]) == 0
    sheet = capsys.readouterr().out
    shown = [f"    {line}".rstrip() for line in sheet[sheet.index("RANKING"):].splitlines()]
    assert "\n".join(shown) in PAGE
