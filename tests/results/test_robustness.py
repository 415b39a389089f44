"""One thing changed at a time: each row is the run it names, and what cannot be run says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deleverage import tearsheet
from deleverage.beside import Outcome, Rerun
from deleverage.results import RunResult
from deleverage.robustness import SAME_DAYS, reruns, same_days_spec, variants
from deleverage.runner import baseline_spec, run
from deleverage.scan import outcomes
from deleverage.spec import RunSpec
from deleverage.strategies import registry
from deleverage.tearsheet import sheet as sheet_parts
from deleverage.timestamps import DAY
from tests.markets import random_market
from tests.results.markets import Wobbler, wobble

MARKET = random_market(11, 3_000)


def spec(**fields: Any) -> RunSpec:
    return RunSpec(**{"data": "test", "strategy": "random_entry", "leverage": 5.0,
                      "params": {"seed": 3, "trades": 6}, **fields})


def named(made: RunSpec) -> dict[str, RunSpec | str]:
    return dict(variants(made, MARKET, registry.load(made.strategy)))


def test_each_row_is_the_run_it_names() -> None:
    """Later orders, twice the costs, the other path, the other price, a stricter venue: the same
    as separate runs, in this process and in others."""
    own = spec()
    result = run(own, MARKET)
    rows = reruns(result, MARKET, 1)
    assert [row.name for row in rows] == [
        "orders one bar later", "orders five bars later", "fees and slippage × 2",
        "favourable path inside the bar", "liquidation and stops on last",
        "at bybit (maintenance 50 instead of 40)"]
    changes: list[dict[str, Any]] = [
        {"latency": 1}, {"latency": 5}, {"fees": (0.0004, 0.001), "slippage_bp": 4.0},
        {"path": "favourable"}, {"mark": "last", "stop_trigger": "last"}, {"venue": "bybit"}]
    for row, change in zip(rows, changes, strict=True):
        assert row.outcome == Outcome.of(run(own.changed(**change), MARKET, record=False),
                                         row.name), row.name
    assert len({row.outcome.net for row in rows if row.outcome}) > 3
    assert reruns(result, MARKET, 2) == rows


def test_dearer_costs_cost_more() -> None:
    """Twice the fees and slippage leave less of the same trades."""
    result = run(spec(), MARKET)
    dearer = next(row for row in reruns(result, MARKET, 1) if row.name.startswith("fees and"))
    assert dearer.outcome is not None
    assert dearer.outcome.net < Outcome.of(result).net


def test_only_what_applies_is_changed(tmp_path: Path) -> None:
    """A favourable run has no favourable row, one on last none on last, limit entries become market
    entries, a policy of slippage stays as it is, one's own ladder goes to no other venue."""
    names = named(spec(path="favourable", mark="last", stop_trigger="last"))
    assert not any("favourable" in name or "on last" in name for name in names)
    limit = spec(strategy="level_reclaim", params={"entry": "limit"})
    made = named(limit)["market instead of limit entries"]
    assert isinstance(made, RunSpec)
    assert made.params["entry"] == "market"
    assert "market instead of limit entries" not in named(spec(strategy="level_reclaim", params={}))
    assert "fees × 2" in named(spec(slippage="volume"))
    ladder = tmp_path / "mine.toml"
    ladder.write_text('columns = ["min_notional", "max_notional", "mmr", "max_leverage", "amount"]'
                      "\nrows = [[0, 1e9, 0.01, 50, 0]]\n")
    own = named(spec(ladder=str(ladder)))
    assert own["the next stricter venue"] == "the ladder is one's own"


def test_what_cannot_be_run_says_why() -> None:
    """No stricter venue grants 110x: the sheet has the words instead of figures."""
    result = run(spec(leverage=110.0, margin_fraction=0.01), MARKET)
    rows = reruns(result, MARKET, 1)
    refused = [row for row in rows if row.outcome is None]
    assert [row.name for row in refused] == ["the next stricter venue"]
    assert refused[0].why.startswith("no known venue asks more than")
    sheet = sheet_parts.robustness(result, rows)
    assert sheet.splitlines()[0] == "ROBUSTNESS (the run again, one thing changed at a time)"
    assert f"the next stricter venue: not run, {refused[0].why}" in " ".join(sheet.split())
    assert max(map(len, sheet.splitlines())) <= 120
    assert sheet_parts.robustness(result, ()) == ""


def test_a_refused_run_is_told_in_its_own_words() -> None:
    """What a run refuses stands in its row, and the other runs are made."""
    made = spec()
    found = outcomes([made, made.changed(venue="gate", ladder=None, leverage=1_000.0)], MARKET,
                     registry.load(made.strategy), 1)
    assert isinstance(found[0], RunResult)
    assert isinstance(found[1], str)
    assert found[1]


@pytest.mark.parametrize("words", ["orders one bar later", "fees and slippage × 2"])
def test_the_sheet_shows_the_strip_before_random_entries(words: str) -> None:
    """Where a trader reads it: after the verdict."""
    result = run(spec(), MARKET)
    sheet = tearsheet.render(result, None, reruns(result, MARKET, 1))
    assert sheet.index("VERDICT") < sheet.index("ROBUSTNESS") < sheet.index(words)
    assert sheet.index(words) < sheet.index("DRAWDOWN\n")


def days_of(result: RunResult) -> list[int]:
    return [(trade.entry_ns - 1) // DAY for trade in result.trades]


def test_random_entries_on_the_same_days() -> None:
    """Last stands the median by return of random entries, as many, as long and on the same sides,
    each on the day of one of the strategy's; runs that are random themselves have none."""
    result, columns = wobble(4, 1_500)
    assert len(set(days_of(result))) > 2
    runs = [run(same_days_spec(result, seed), columns, record=False) for seed in range(3)]
    for other in runs:
        assert days_of(other) == days_of(result)
        assert [trade.side for trade in other.trades] == [trade.side for trade in result.trades]
    assert len({other.trades[0].entry_bar for other in runs}) > 1
    row = reruns(result, columns, 1, strategy=Wobbler, seeds=3)[-1]
    assert row.name == f"{SAME_DAYS} (median of 3)"
    assert row.outcome is not None
    assert row.outcome.total_return == sorted(
        Outcome.of(other).total_return for other in runs)[1]
    alone = reruns(result, columns, 1, strategy=Wobbler, seeds=1)[-1]
    assert alone == Rerun(f"{SAME_DAYS} (seed 0)", Outcome.of(runs[0], alone.name))
    assert not any(SAME_DAYS in row.name for row in reruns(run(spec(), MARKET), MARKET, 1))


def test_they_differ_from_random_entries_on_any_day() -> None:
    """The yardstick of the whole strategy draws over all bars: other days."""
    result, columns = wobble(4, 1_500)
    any_day = run(baseline_spec(result, 0), columns, record=False)
    assert days_of(any_day) != days_of(result)


def test_progress_counts_every_run_once() -> None:
    """One count over the changes and the random entries together."""
    result, columns = wobble(4, 600)
    counted: list[tuple[int, int]] = []
    reruns(result, columns, 1, strategy=Wobbler, seeds=2,
           progress=lambda done, total: counted.append((done, total)))
    assert [done for done, _ in counted] == list(range(1, len(counted) + 1))
    assert {total for _, total in counted} == {len(counted)}
