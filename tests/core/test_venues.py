"""Which rules apply: venue, symbol, dated ladder, leverage limits, and what has to be said of them.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deleverage import venues
from deleverage.errors import LeverageError, UnknownName, UsageError
from deleverage.venues import ladder_file as ladders
from tests.conftest import ROOT
from tests.core.desks import BTC, ETH, make_ladder

LADDERS = ROOT / "deleverage" / "venues" / "ladders"


def test_every_venue_is_known() -> None:
    """Five venues with their products, the linear one first; each has a ladder for BTC."""
    assert {name: venues.products(name) for name in venues.names()} == {
        "binance": ("usdm", "coinm"), "bybit": ("linear", "inverse"), "hyperliquid": ("perp",),
        "okx": ("swap", "inverse"), "gate": ("usdt", "inverse")}
    for name in venues.names():
        assert any(symbol.startswith("BTC") for symbol in venues.symbols(name))
    for name in ("binance", "bybit"):
        assert {ETH, BTC} <= set(venues.symbols(name))


@pytest.mark.parametrize(("arguments", "says"), [
    ({"venue": "binanse"}, "did you mean 'binance'"),
    ({"venue": "binance", "product": "coin-m"}, "did you mean 'coinm'"),
    ({"venue": "binance", "product": "coinm", "symbol": "ETHUSD_PERP"}, "pass a ladder file"),
    ({"venue": "hyperliquid", "symbol": "ETHX"}, "did you mean 'ETH'"),
    ({"venue": "binance", "symbol": "ETHUSD"}, "did you mean 'ETHUSDT'"),
    ({"venue": "bybit", "symbol": "SOLUSDT"}, "known: BTCUSDT, ETHUSDT, LTCUSDT"),
])
def test_a_name_nobody_knows_is_refused(arguments: dict[str, str], says: str) -> None:
    """The error lists what there is and names the near miss."""
    with pytest.raises(UnknownName, match=says) as caught:
        venues.get(**arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("venue", "symbol", "at", "ladder", "state"), [
    ("binance", ETH, "2026-01-31", "binance_usdm_ethusdt_20241024", "older than 180 days"),
    ("binance", ETH, "2024-10-24", "binance_usdm_ethusdt_20241024", "dated"),
    ("binance", ETH, "2024-10-23", "binance_usdm_ethusdt_2021", "undated or unverified"),
    ("binance", BTC, "2024-10-23", "binance_usdm_btcusdt_20210326", "older than 180 days"),
    ("bybit", ETH, "2026-01-31", "bybit_linear_ethusdt_unverified", "undated or unverified"),
    ("bybit", BTC, "2026-03-01", "bybit_linear_btcusdt_20260226", "dated"),
])
def test_the_ladder_known_at_the_time_is_used(
    venue: str, symbol: str, at: str, ladder: str, state: str
) -> None:
    """The latest observation by then; without one an undated ladder, so named."""
    use = venues.get(venue, symbol=symbol, at=at).use
    assert (use.ladder.id, use.state) == (ladder, state)


def test_without_a_time_the_newest_ladder_is_used() -> None:
    """No time: the last observation, of age 0."""
    use = venues.get("binance", symbol=BTC).use
    assert use.ladder.id == "binance_usdm_btcusdt_20241024"
    assert (use.age_days, use.state) == (0, "dated")


def test_an_assumption_is_said_aloud() -> None:
    """Bybit's ETH ladder is unverified and has no leverage limits: two lines, and 100x is assumed.
    """
    rules = venues.get("bybit", symbol=ETH, at="2026-01-31")
    ladder, limit = rules.assumptions
    assert ladder == ("maintenance ladder is a declared assumption: "
                      "bybit_linear_ethusdt_unverified (undated, unverified)")
    assert rules.use.describe().startswith("ASSUMED: ")
    assert "no maximum leverage; 100x assumed" in limit
    assert rules.max_leverage(20_000) == 100
    assert venues.get("binance", symbol=ETH, at="2026-01-31").assumptions == ()


def test_a_ladder_of_another_symbol_is_said_aloud() -> None:
    """A ladder given by hand that names another symbol is used, and that is an assumption."""
    other = make_ladder((0, None, 0.01), symbol=BTC)
    assert venues.get("binance", symbol=BTC, ladder=other).assumptions == ()
    (line,) = venues.get("binance", symbol=ETH, ladder=other).assumptions
    assert BTC in line
    assert ETH in line


def test_a_ladder_of_ones_own_replaces_the_bundled_one(tmp_path: Path) -> None:
    """By file or by object, also for a symbol that has none."""
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"rows": [[0, None, 0.02, 25, 0]]}))
    for given in (path, str(path), ladders.read(path)):
        rules = venues.get("bybit", symbol="PEPEUSDT", at="2026-01-31", ladder=given)
        assert rules.maintenance_margin(1_000) == 20
        assert rules.max_leverage() == 25
        assert rules.use.state == "given"


def test_the_leverage_limit_falls_with_the_notional() -> None:
    """Binance ETH: 125x to 50,000, 100x to 600,000, 75x to 3 million, 1x above 800 million."""
    rules = venues.get("binance", symbol=ETH, at="2026-01-31")
    limits = [rules.max_leverage(n) for n in (0, 50_000, 50_001, 600_000, 600_001, 9e8, 5e9)]
    assert limits == [125, 125, 100, 100, 75, 1, 1]


def test_leverage_outside_the_grant_is_refused() -> None:
    """The message names venue, symbol, limit and ladder; the limit itself is granted."""
    rules = venues.get("binance", symbol=ETH, at="2026-01-31")
    venues.check_leverage(rules, 125)
    venues.check_leverage(rules, 0.5)
    for leverage in (126, 0, -1, float("nan")):
        with pytest.raises(LeverageError, match="at most 125 "):
            venues.check_leverage(rules, leverage)


def test_initial_margin_is_notional_over_leverage() -> None:
    """5,000 at 10x: 500; a leverage of 0 is refused."""
    rules = venues.get("binance")
    assert rules.initial_margin(5_000, 10) == 500
    with pytest.raises(UsageError, match="leverage must be > 0"):
        rules.initial_margin(5_000, 0)


def test_what_differs_between_the_venues() -> None:
    """Basis of maintenance, who pays funding, fees: as the venues' pages say."""
    binance, bybit = venues.get("binance"), venues.get("bybit")
    assert (binance.funding_payer, bybit.funding_payer) == ("position", "free")
    assert (binance.stop_trigger, bybit.stop_trigger) == ("last", "last")
    assert (binance.fees.taker, bybit.fees.taker) == (0.0005, 0.00055)
    entry, mark = 3_000.0, 2_900.0
    assert binance.position_maintenance(-10, entry, mark) == pytest.approx(29_000 * 0.004)
    assert bybit.position_maintenance(-10, entry, mark) == pytest.approx(30_000 * 0.005)


@pytest.mark.parametrize(("side", "size", "entry"), [(0, 1, 1), (2, 1, 1), (1, 0, 1), (1, 1, 0),
                                                     (1, float("nan"), 1)])
@pytest.mark.parametrize("venue", ["binance", "bybit"])
def test_a_position_that_cannot_be_is_refused(
    venue: str, side: int, size: float, entry: float
) -> None:
    """Side other than ±1, size or entry price not above zero: one clear error."""
    with pytest.raises(UsageError):
        venues.get(venue).liquidation_price(side, size, entry, 100)


@pytest.mark.real
def test_the_bundled_ladders_are_the_reference_ones(reference: Path) -> None:
    """Every bundled row stands in tiers.json under the same id, with the same date and confidence.
    """
    path = reference / "reference" / "tiers.json"
    if not path.is_file():
        pytest.skip("no tiers.json beside the reference data")
    known = {item["id"]: item for item in json.loads(path.read_text())["ladders"]}
    bundled = [raw for name in sorted(LADDERS.glob("*.json"))
               for raw in json.loads(name.read_text())]
    assert len(bundled) > 20
    for mine in bundled:
        raw = known[mine["id"]]
        assert (mine["observed"], mine["confidence"]) == (raw["valid_from"], raw["confidence"])
        ladder = ladders.from_mapping(mine, where=mine["id"])
        for rung, row in zip(ladder.brackets, raw["rows"], strict=True):
            cell = dict(zip(raw["columns"], row, strict=True))
            bound = cell.get("max_notional", cell.get("max_contracts"))
            assert rung.upper == (float("inf") if bound is None else bound)
            lowest = cell.get("min_notional", cell.get("min_contracts", 0))
            assert rung.lower == pytest.approx(lowest, rel=2e-5)  # OKX prints 1000 and 1000.01
            assert (rung.rate, rung.max_leverage) == (cell["mmr"], cell["max_leverage"])
