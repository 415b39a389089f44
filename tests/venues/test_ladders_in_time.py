"""Which ladder holds when: observations, closings, what must be declared; ladders of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deleverage import PerpetualBroker, venues
from deleverage.errors import LadderError, UnknownName, UsageError
from deleverage.timestamps import parse
from deleverage.venues import ladder_file
from deleverage.venues.ladder import LadderUse
from tests.broker.runs import market, play, still
from tests.core.desks import make_ladder


@pytest.mark.parametrize(("symbol", "at", "ladder", "limit", "state"), [
    ("ETH", "2025-03-14", "hyperliquid_perp_eth_20241001", 50, "dated"),
    ("ETH", "2025-03-14T23:59:59", "hyperliquid_perp_eth_20241001", 50, "dated"),
    ("ETH", "2025-03-15", "hyperliquid_perp_eth_20260927", 25, "nearest later"),
    ("ETH", "2025-03-16", "hyperliquid_perp_eth_20260927", 25, "nearest later"),
    ("ETH", "2026-01-31", "hyperliquid_perp_eth_20260927", 25, "nearest later"),
    ("ETH", "2026-09-27", "hyperliquid_perp_eth_20260927", 25, "dated"),
    ("ETH", "2027-04-01", "hyperliquid_perp_eth_20260927", 25, "older than 180 days"),
    ("BTC", "2025-03-14", "hyperliquid_perp_btc_20241001", 50, "dated"),
    ("BTC", "2026-01-31", "hyperliquid_perp_btc_20260927", 40, "nearest later"),
    ("SOL", "2026-01-31", "hyperliquid_perp_sol_20241001", 20, "older than 180 days"),
])
def test_a_known_change_of_rules_closes_a_ladder(
    symbol: str, at: str, ladder: str, limit: float, state: str
) -> None:
    """Hyperliquid cut ETH from 50x to 25x and BTC to 40x on 2025-03-15: until then the old ladder
    holds, from then on the next one known, as a declared assumption; SOL was not changed."""
    rules = venues.get("hyperliquid", symbol=symbol, at=at)
    assert (rules.ladder.id, rules.max_leverage(), rules.use.state) == (ladder, limit, state)
    assert rules.use.assumed is (state == "nearest later")
    assert any("declared assumption" in line for line in rules.assumptions) is rules.use.assumed


def test_the_maintenance_rate_follows_the_limit() -> None:
    """1 ÷ (2 × limit): 1 % of ETH before the change, 2 % after it."""
    for at, rate in (("2025-03-14", 0.01), ("2025-03-16", 0.02), ("2026-01-31", 0.02)):
        assert venues.get("hyperliquid", symbol="ETH", at=at).bracket(1_000).rate == rate


def test_a_closed_ladder_is_never_called_dated() -> None:
    """Where nothing is known after the closing its state and its line say so."""
    closed = make_ladder((0, None, 0.01), observed="2025-01-01", closed="2025-03-15",
                         confidence="venue_reply_copied")
    before, after = (LadderUse(closed, parse(day)) for day in ("2025-03-14", "2025-03-15"))
    assert (before.state, after.state) == ("dated", "undated or unverified")
    assert after.assumed
    assert "CLOSED on 2025-03-15" in after.describe()
    assert "CLOSED" not in before.describe()


@pytest.mark.parametrize(("venue", "symbol", "at", "earliest"), [
    ("hyperliquid", "ETH", "2023-06-30", "hyperliquid_perp_eth_20230701, observed 2023-07-01"),
    ("binance", "BTCUSDT", "2021-03-25", "binance_usdm_btcusdt_20210326, observed 2021-03-26"),
    ("bybit", "BTCUSDT", "2026-01-31", "bybit_linear_btcusdt_20260226, observed 2026-02-26"),
    ("okx", "BTC-USDT-SWAP", "2026-01-31", "okx_swap_btc-usdt-swap_20260918"),
])
def test_before_the_first_ladder_there_is_none(
    venue: str, symbol: str, at: str, earliest: str
) -> None:
    """One line names the earliest; ``nearest-later`` declares that it held, and is assumed."""
    with pytest.raises(UsageError) as caught:
        venues.get(venue, symbol=symbol, at=at)
    text = str(caught.value)
    assert f"the earliest is {earliest}" in text
    assert "nearest-later" in text
    assert "\n" not in text
    rules = venues.get(venue, symbol=symbol, at=at, ladder="nearest-later")
    assert rules.ladder.id == earliest.partition(",")[0]
    assert (rules.use.state, rules.use.assumed) == ("nearest later", True)
    assert "days LATER" in rules.assumptions[0]


def test_nearest_later_changes_nothing_where_a_ladder_is_known() -> None:
    """It is a permission, not a choice of ladder."""
    for at in ("2024-10-24", "2026-01-31"):
        free = venues.get("binance", symbol="ETHUSDT", at=at, ladder="nearest-later")
        assert free == venues.get("binance", symbol="ETHUSDT", at=at)


def test_a_run_before_the_first_ladder_must_declare_it() -> None:
    """The broker refuses the same way, trades with the declaration, and keeps the line."""
    columns = market(*still(4), symbol="BTCUSDT", venue="bybit")  # SYNTHETIC, January 2026
    with pytest.raises(UsageError, match="the earliest is bybit_linear_btcusdt_20260226"):
        play({}, columns, venue="bybit")
    run = play({}, columns, venue="bybit", ladder="nearest-later")
    assert run.broker.ladder_in_use["BTCUSDT"].describe().startswith("ASSUMED: bybit_linear")


def test_an_unknown_symbol_lists_the_near_ones() -> None:
    """With what there is, and the way out."""
    with pytest.raises(UnknownName) as caught:
        venues.get("hyperliquid", symbol="ETHE")
    text = str(caught.value)
    assert "did you mean 'ETH'" in text
    assert "known: ATOM, BNB, BTC" in text
    assert "pass a ladder file" in text


# ------------------------------------------------------------------ ladders of one's own

# what ccxt's fetch_leverage_tiers answers, cut to what its documentation promises of each tier
CCXT: dict[str, list[dict[str, Any]]] = {
    "ETH/USDT:USDT": [
        {"tier": 1, "currency": "USDT", "minNotional": 0, "maxNotional": 50_000,
         "maintenanceMarginRate": 0.004, "maxLeverage": 125, "info": {"cum": "0.0"}},
        {"tier": 2, "currency": "USDT", "minNotional": 50_000, "maxNotional": 600_000,
         "maintenanceMarginRate": 0.005, "maxLeverage": 100, "info": {"cum": "50.0"}},
    ],
    "BTC/USDT:USDT": [
        {"tier": 1, "currency": "USDT", "minNotional": 0, "maxNotional": None,
         "maintenanceMarginRate": 0.02, "maxLeverage": 25, "info": {}},
    ],
}


@pytest.mark.parametrize("symbol", ["ETHUSDT", "ETH/USDT:USDT"])
def test_the_answer_of_ccxt_is_a_ladder(tmp_path: Path, symbol: str) -> None:
    """Of several markets the symbol picks its own; amounts follow from the rates; state given."""
    path = tmp_path / "tiers.json"
    path.write_text(json.dumps(CCXT))
    rules = venues.get("binance", symbol=symbol, at="2026-01-31", ladder=path)
    assert rules.use.state == "given"
    assert [(rung.rate, rung.amount, rung.max_leverage) for rung in rules.ladder.brackets] == [
        (0.004, 0, 125), (0.005, pytest.approx(50), 100)]
    assert rules.ladder.symbol == "ETHUSDT"
    assert len(rules.ladder.sha256) == 64


def test_one_market_of_ccxt_may_stand_alone(tmp_path: Path) -> None:
    """fetch_market_leverage_tiers answers with the bare list."""
    path = tmp_path / "tiers.json"
    path.write_text(json.dumps(CCXT["BTC/USDT:USDT"]))
    assert ladder_file.read(path, "BTCUSDT").brackets[0].rate == 0.02


def test_a_market_that_ccxt_did_not_answer_is_refused(tmp_path: Path) -> None:
    """The line names the file and the markets in it."""
    path = tmp_path / "tiers.json"
    path.write_text(json.dumps(CCXT))
    with pytest.raises(LadderError, match="unknown symbol 'ETHUSD'") as caught:
        ladder_file.read(path, "ETHUSD")
    assert str(path) in str(caught.value)
    assert "ETH/USDT:USDT" in str(caught.value)


def test_a_tier_without_its_rate_is_refused(tmp_path: Path) -> None:
    """The line names the tier and what it lacks."""
    tiers = [dict(tier) for tier in CCXT["ETH/USDT:USDT"]]
    del tiers[1]["maintenanceMarginRate"]
    path = tmp_path / "tiers.json"
    path.write_text(json.dumps(tiers))
    with pytest.raises(LadderError, match="tier 2 of ETHUSDT lacks 'maintenanceMarginRate'"):
        ladder_file.read(path, "ETHUSDT")


def test_a_ladder_of_ones_own_trades_a_symbol_without_one(tmp_path: Path) -> None:
    """No code is touched: the broker takes the file."""
    path = tmp_path / "pepe.toml"
    path.write_text('id = "mine"\nsymbol = "PEPEUSDT"\nobserved = 2026-01-01\n'
                    'columns = ["min_notional", "max_notional", "mmr", "max_leverage"]\n'
                    "rows = [[0, 10000, 0.01, 50], [10000, inf, 0.02, 20]]\n")
    run = play({}, market(*still(4), symbol="PEPEUSDT"), ladder=str(path))
    assert isinstance(run.broker, PerpetualBroker)
    use = run.broker.ladder_in_use["PEPEUSDT"]
    assert (use.ladder.id, use.state, use.age_days) == ("mine", "given", 27)


@pytest.mark.parametrize(("venue", "symbol", "spelt"), [
    ("hyperliquid", "ETHUSDT", "ETH"), ("okx", "BTCUSDT", "BTC-USDT-SWAP"),
    ("gate", "BTC-USDT-SWAP", "BTC_USDT"), ("binance", "ETH_USDT", "ETHUSDT"),
    ("bybit", "ETHUSDC", "ETHUSDT"),
])
def test_a_symbol_may_be_spelt_as_another_venue_does(venue: str, symbol: str, spelt: str) -> None:
    """The rules carry the venue's own spelling, and its ladder is no other instrument's."""
    rules = venues.get(venue, symbol=symbol, at="2026-10-01")
    assert (rules.symbol, rules.ladder.symbol) == (spelt, spelt)
