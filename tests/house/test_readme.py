"""The README is true: its code runs, its commands work, its table is what the command prints."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = re.findall(r"^    python (run_backtest\.py .*?)(?: +#.*)?$", README, re.MULTILINE)

ON_SCENARIOS = [text for text in COMMANDS if "--data " not in text or
                re.search(r"--data (?:constructive|risk)\b", text)]
ON_SCENARIOS = [text for text in ON_SCENARIOS if " data " not in text and " compare " not in text]


def _python(*words: str, folder: Path) -> str:
    """Run Python from ``folder`` on the checkout; its stdout, or a failure with its stderr."""
    done = subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{words}\n{done.stdout[-2000:]}\n{done.stderr}"
    return done.stdout


def _command(text: str, folder: Path, *more: str) -> str:
    """Carry out a command of the README as it stands, from ``folder``."""
    program, *words = shlex.split(text)
    return _python(str(ROOT / program), *words, *more, folder=folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder with the README's strategy files in it."""
    (tmp_path / "mine.py").write_text(CODE[1], encoding="utf-8")
    (tmp_path / "flush.py").write_text(CODE[2], encoding="utf-8")
    return tmp_path


def test_the_two_commands_come_first() -> None:
    """The README opens with make run and make test, then the plugin in ten lines."""
    assert README.index("make run") < README.index("make test") < README.index("```python")
    assert len(CODE[0].strip().splitlines()) <= 10
    assert len(CODE) == 3


def test_the_plugin_example_runs(tmp_path: Path) -> None:
    """The ten lines run as they stand, on a dataset called eth and an unchanged strategy."""
    (tmp_path / "example.py").write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from datetime import datetime\n"
        "import backtrader as bt\n"
        "from deleverage.feeds.writing import write_dataset\n"
        "from tests.markets import random_tables\n"
        "write_dataset('eth', *random_tables(7, 500))\n"
        "class MyExistingStrategy(bt.Strategy):\n"
        "    def next(self):\n"
        "        if len(self) == 10:\n"
        "            self.buy(size=1)\n" + CODE[0], encoding="utf-8")
    assert _python("example.py", folder=tmp_path).strip()


def test_the_strategy_is_twenty_lines() -> None:
    """The strategy files are as short as their headline says, imports and blank lines apart."""
    for code in CODE[1:]:
        lines = [line for line in code.splitlines() if line.strip() and "import" not in line]
        assert len(lines) <= 20


@pytest.mark.parametrize("text", ON_SCENARIOS)
def test_a_command_works(text: str, folder: Path) -> None:
    """Every command on the embedded event does what it says; runs without their scan, for time."""
    more = ["--no-scan"] if " run " in text and "--help" not in text else []
    assert _command(text, folder, *more).strip()


def test_the_printed_table_is_the_examples(tmp_path: Path) -> None:
    """The table in the README is, to the letter, what the example prints."""
    printed = _python(str(ROOT / "examples" / "recovered_account.py"), folder=tmp_path)
    shown = [f"    {line}".rstrip() for line in printed.splitlines()]
    assert "\n".join(shown) in README


@pytest.mark.real
@pytest.mark.slow
def test_the_commands_on_real_data(reference: Path, tmp_path: Path) -> None:
    """Import, show, check, run and compare, in the README's order, on a freqtrade directory."""
    source = reference / "data" / "freqtrade_bybit"
    ours = [text for text in COMMANDS if text not in ON_SCENARIOS]
    assert len(ours) == 7
    for text in ours:
        if "data import tardis" in text:
            continue  # no such files are at hand; tests/feeds reads made ones
        real = text.replace("binance-vision downloads/binance", f"freqtrade {source}")
        assert _command(real, tmp_path).strip()
