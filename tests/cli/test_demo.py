"""The demo: what somebody sees who types one command."""

from __future__ import annotations

import json

import pytest

from deleverage.cli import demo, run
from deleverage.cli.main import entry
from tests.cli.conftest import Command

CASCADE = "cascade_exhaustion"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two strategies and one random run each: the same pages in less time."""
    monkeypatch.setattr(demo, "STRATEGIES", (CASCADE, "buy_and_hold"))
    monkeypatch.setattr(run, "SEEDS", 1)


@pytest.mark.usefixtures("short")
def test_both_scenarios_levels_totals_and_random_entries(
        capsys: pytest.CaptureFixture[str]) -> None:
    """Each scenario shows levels, the SYNTHETIC totals, the ranking, random entries beside it."""
    assert entry(["--no-scan", "--leverage", "25"]) == 0
    pages = capsys.readouterr().out.split("═══ SYNTHETIC scenario ")[1:]
    assert [page.split(":")[0] for page in pages] == ["constructive", "risk"]
    for page in pages:
        for words in ("LEVELS on SYNTHETIC", "SYNTHETIC LIQUIDATIONS of ETH, calendar day",
                      "leverage 25x set", "RANKING", "SHEETS SIDE BY SIDE",
                      "TIME BY CURRENT TIER"):
            assert words in page
        rows = page[page.index("RANKING"):].splitlines()
        place = next(i for i, line in enumerate(rows) if CASCADE in line)
        assert "random: beats" in rows[place + 1]
        assert any("random_entry" in line for line in rows)
        assert max(map(len, page.splitlines())) <= 120


@pytest.mark.usefixtures("short")
def test_the_demo_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """--json gives scenarios with levels, liquidations by venue and every result."""
    assert entry(["--no-scan", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert [page["scenario"] for page in values] == ["constructive", "risk"]
    assert [level["last_word"] for level in values[0]["levels"]] == ["held", "held", "held"]
    assert values[0]["liquidations"]["synthetic"] is True
    longs = sum(row["long_usd"] for row in values[0]["liquidations"]["venues"])
    assert longs == pytest.approx(485e6, rel=0.02)
    assert len(values[0]["results"]) == 3


@pytest.mark.slow
def test_one_command_without_anything(command: Command) -> None:
    """`python run_backtest.py` ends with exit 0 and a scan of every strategy from 1x to 100x."""
    done = command()
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("LEVERAGE SCAN, same margin fraction") == 2
    for name in (*demo.STRATEGIES, "random_entry"):
        assert name in done.stdout
    assert "100x" in done.stdout
