"""run(direct=True): the shipped strategies come to the same result with and without an engine."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from deleverage import scenarios
from deleverage.columns import MarketColumns
from deleverage.direct import trading
from deleverage.errors import DeleverageError, MissingTable
from deleverage.results import RunResult
from deleverage.runner import run
from deleverage.spec import RunSpec
from deleverage.strategies import registry
from deleverage.timestamps import show
from tests.direct.results import both

PARAMS: dict[str, dict[str, Any]] = {"random_entry": {"trades": 12, "hold": "6h", "stop": 0.02}}
# six accounts that differ in all a specification can say of one that is direct
ACCOUNTS: list[dict[str, Any]] = [
    {"leverage": 10, "slippage_bp": 2.0},
    {"leverage": 50, "path": "favourable", "slippage": "volume", "stop_trigger": "mark"},
    {"leverage": 25, "margin": "cross", "path": "ohlc", "fill": "touch", "notional": 30_000.0},
    {"leverage": 100, "liquidation": "takeover", "missing": "skip", "mark": "last",
     "margin_fraction": 0.05},
    {"leverage": 20, "liquidation": "none", "slippage": "cascade", "margin_fraction": 0.9},
    {"leverage": 3, "off_tick": "refuse", "cash": 500.0, "margin_fraction": 1.0}]


@pytest.fixture(autouse=True)
def direct_runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many runs without an engine came to their end."""
    ended: list[int] = []
    began = trading.Trader.run

    def ran(self: trading.Trader) -> None:
        began(self)
        ended.append(1)

    monkeypatch.setattr(trading.Trader, "run", ran)
    return ended


def counted(result: RunResult) -> Counter[str]:
    """What happened in a run."""
    journal = result.journal
    return Counter(runs=1, trades=len(result.trades), fills=len(journal.fills),
                   liquidations=len(journal.liquidations), funding=len(journal.funding),
                   rejections=len(journal.rejections))


def params_of(name: str) -> dict[str, Any]:
    return PARAMS.get(name, {})


@pytest.mark.parametrize("market", scenarios.names())
def test_shipped_strategies_on_the_scenarios(market: str, direct_runs: list[int]) -> None:
    """All of them, each on an account of another kind."""
    columns, found = scenarios.columns(market), Counter[str]()
    for number, name in enumerate(registry.names()):
        account = ACCOUNTS[number % len(ACCOUNTS)]
        found.update(counted(both(RunSpec(data=market, strategy=name, params=params_of(name),
                                          **account), columns)))
    print(dict(found))
    assert len(direct_runs) == found["runs"] == len(registry.names())
    assert found["trades"] >= 8


@pytest.mark.slow
@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda each: f"{each['leverage']}x")
@pytest.mark.parametrize("market", scenarios.names())
def test_shipped_strategies_on_every_account(market: str, account: dict[str, Any],
                                             direct_runs: list[int]) -> None:
    """Every strategy on every kind of account, whole and between two dates."""
    columns = scenarios.columns(market)
    first, last = int(columns.close_ns[0]), int(columns.close_ns[-1])
    third = (last - first) // 3
    spans: list[dict[str, Any]] = [
        {}, {"fromdate": show(first + third), "todate": show(last - third)}]
    for name in registry.names():
        for dates in spans:
            both(RunSpec(data=market, strategy=name, params=params_of(name), **dates, **account),
                 columns)
    assert len(direct_runs) == 2 * len(registry.names())


@pytest.mark.parametrize("dates", [
    {"fromdate": 200}, {"todate": 900}, {"fromdate": 100, "todate": 1_500}, {"fromdate": 17_000}],
    ids=lambda dates: " ".join(dates))
def test_between_dates(dates: dict[str, int], direct_runs: list[int]) -> None:
    """Only the bars in between are traded, and their numbers are the engine's."""
    columns = scenarios.columns("risk")
    limits: dict[str, Any] = {name: show(int(columns.close_ns[bar])) for name, bar in dates.items()}
    asked = RunSpec(data="risk", strategy="random_entry", leverage=20.0, slippage_bp=1.0,
                    params={"trades": 30, "hold": "10m"}, **limits)
    result = both(asked, columns)
    assert len(direct_runs) == 1
    assert result.trades
    until = dates.get("todate", len(columns) - 1)
    assert result.provenance.bars == until - dates.get("fromdate", 0) + 1


def test_without_curves(direct_runs: list[int]) -> None:
    """The same without what is recorded bar by bar, and with curves that are rebuilt from it."""
    columns = scenarios.columns("risk")
    asked = RunSpec(data="risk", strategy="scenario_tree", leverage=20.0)
    brief, full = (both(asked, columns, record=record) for record in (False, True))
    assert len(direct_runs) == 2
    one, other = brief.curves(columns).arrays(), full.curves(columns).arrays()
    assert {name: curve.tobytes() for name, curve in one.items()} == {
        name: curve.tobytes() for name, curve in other.items()}


@pytest.mark.parametrize("wrong", [
    {"leverage": 500.0}, {"params": {"stopp": 1}}, {"strategy": "nobody"},
    {"fromdate": "2030-01-01"}, {"margin_fraction": -1.0}, {"slippage": "nothing"},
    {"venue": "okx"}], ids=str)
def test_what_is_refused_is_refused_in_the_same_words(wrong: dict[str, Any]) -> None:
    """An error of the specification is the engine's, word for word."""
    words = []
    for direct in (True, False):
        with pytest.raises(DeleverageError) as raised:
            run(RunSpec(**{"data": "risk", "strategy": "random_entry", **wrong}), direct=direct)
        words.append((type(raised.value), str(raised.value)))
    assert words[0] == words[1]


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("margin", ["isolated", "cross"])
@pytest.mark.parametrize("leverage", [3, 10, 25, 50])
def test_shipped_strategies_on_a_real_year(real_year: MarketColumns, leverage: float, margin: str,
                                           direct_runs: list[int]) -> None:
    """86,604 bars of five minutes, at four leverages and in both margin modes."""
    found: Counter[str] = Counter()
    for name in registry.names():
        many = {"trades": 300, "hold": "8h", "stop": 0.02, "target": 0.03}
        params = many if name == "random_entry" else params_of(name)
        asked = RunSpec(data="year", strategy=name, venue="bybit", leverage=leverage, margin=margin,
                        missing="impute", params=params)
        try:
            found.update(counted(both(asked, real_year)))
        except MissingTable:  # this year has no liquidations
            continue
    print(dict(found))
    assert len(direct_runs) == found["runs"] >= 5
    assert found["fills"] > 500
    assert found["funding"] > 50
