"""The venues' fee schedules: agreement with the rules, with figures seen elsewhere, and errors."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from deleverage import venues
from deleverage.errors import UnknownName, UsageError
from deleverage.policies import Fees
from deleverage.timestamps import parse
from deleverage.venues import fee_tiers as schedules
from deleverage.venues.fee_tiers import FeeTier, fee_tiers, find, tier

FOLDER = Path(schedules.__file__).parent / "fees"
FILES = sorted(FOLDER.glob("*.json"))
VENUES = ("binance", "bybit", "hyperliquid", "okx", "gate")


@pytest.mark.parametrize("venue", VENUES)
def test_the_first_tier_is_the_default_of_the_rules(venue: str) -> None:
    """What everybody gets is what a run without ``fees=`` pays."""
    first = fee_tiers(venue)[0]
    assert first.name == "VIP0"
    assert first.fees == venues.rules_class(venue).fees
    assert first.confidence == "verified"


@pytest.mark.parametrize("venue", VENUES)
def test_no_tier_is_dearer_than_the_one_before(venue: str) -> None:
    """Along a schedule neither rate rises, a maker never pays more than a taker, and the last tier
    is cheaper than the first."""
    tiers = fee_tiers(venue)
    for below, above in itertools.pairwise(tiers):
        assert above.fees.maker <= below.fees.maker
        assert above.fees.taker <= below.fees.taker
    assert all(each.fees.maker < each.fees.taker for each in tiers)
    assert tiers[-1].fees.taker < tiers[0].fees.taker
    assert len({each.name for each in tiers}) == len(tiers)


# the half-price offer on TradFi perpetuals of 2026-02-02, in per cent: half the standard takers
HALF = (0.025, 0.02, 0.0175, 0.016, 0.015, 0.0135, 0.0125, 0.011, 0.01, 0.0085)


def test_binance_takers_are_twice_its_half_price_offer() -> None:
    """The venue's own announcement of another time gives the same ten takers."""
    assert [each.fees.taker for each in fee_tiers("binance", "usdm")] == \
        pytest.approx([2 * share / 100 for share in HALF])


@pytest.mark.parametrize(("venue", "name", "maker", "taker"), [
    ("binance", "VIP1", 1.6, 4.0), ("binance", "VIP9", 0.0, 1.7),
    ("bybit", "VIP2", 1.6, 3.75), ("bybit", "SupremeVIP", 0.0, 3.0),
    ("hyperliquid", "VIP3", 0.4, 3.0), ("hyperliquid", "VIP6", 0.0, 2.4),
    ("okx", "VIP1", 1.8, 4.0), ("okx", "VIP9", -0.5, 1.5),
    ("gate", "VIP3", 1.8, 4.8), ("gate", "VIP16", 0.0, 1.6),
])
def test_rates_in_basis_points(venue: str, name: str, maker: float, taker: float) -> None:
    """Figures of the sources, written once more by hand; a rebate is negative."""
    fees = tier(venue, name)
    assert (1e4 * fees.maker, 1e4 * fees.taker) == (pytest.approx(maker), pytest.approx(taker))


def test_what_rests_on_one_reading_is_unverified() -> None:
    """OKX and Gate above the first tier; the other three were seen in copies that agree."""
    unverified = {venue: [each.name for each in fee_tiers(venue)
                          if each.confidence == "unverified"] for venue in VENUES}
    assert unverified == {
        "binance": [], "bybit": [], "hyperliquid": [],
        "okx": [f"VIP{number}" for number in range(1, 10)],
        "gate": [f"VIP{number}" for number in range(1, 17)]}


@pytest.mark.parametrize("name", ["VIP1", "vip1", "VIP 1", "vip-1", " Vip_1 "])
def test_a_tier_in_any_spelling(name: str) -> None:
    """Case, spaces and dashes do not matter."""
    assert tier("binance", name) == Fees(0.00016, 0.0004)
    assert find("binance", name).name == "VIP1"
    assert tier("bybit", "Supreme VIP", "linear") == Fees(0.0, 0.0003)


@pytest.mark.parametrize(("venue", "name", "says"), [
    ("binance", "VIP10", "did you mean 'VIP1'?"), ("bybit", "suprem", "did you mean 'SupremeVIP'?"),
    ("okx", "VPI1", "unknown fee tier of okx 'VPI1'; did you mean 'VIP1'?"),
    ("hyperliquid", "gold", "(known: VIP0, VIP1, VIP2, VIP3, VIP4, VIP5, VIP6)"),
    ("gate", "", "VIP9, VIP10, VIP11"),
])
def test_an_unknown_tier(venue: str, name: str, says: str) -> None:
    """One line with the near miss and the tiers there are, in the venue's order."""
    with pytest.raises(UnknownName) as caught:
        tier(venue, name)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_product_without_a_schedule() -> None:
    """It is refused with the list of those that have one; no other product's rates are lent."""
    with pytest.raises(UsageError, match="no fee schedule of binance coinm is bundled") as caught:
        fee_tiers("binance", "coinm")
    assert "binance usdm, bybit linear, hyperliquid perp, okx swap, gate usdt" in str(caught.value)


def test_unknown_venues_and_products() -> None:
    """The same errors as everywhere else."""
    with pytest.raises(UnknownName, match="did you mean 'binance'"):
        tier("binanse", "VIP1")
    with pytest.raises(UnknownName, match="did you mean 'linear'"):
        tier("bybit", "VIP1", "liner")


def test_a_tier_describes_itself() -> None:
    """Rates, when it was seen and how sure that is, in one line; undated where it is."""
    assert find("okx", "VIP7").describe() == \
        "okx swap VIP7: maker -0.2 bp, taker 2 bp (observed 2026-07-26, unverified)"
    one = FeeTier("x", "y", "VIP0", Fees(0.0, 0.0005), None, "unverified", "", "")
    assert one.describe() == "x y VIP0: maker 0 bp, taker 5 bp (undated, unverified)"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_is_whole(path: Path) -> None:
    """Named after its venue and product, dated or null, with its source in words."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    assert path.stem == f"{raw['venue']}_{raw['product']}"
    assert venues.rules_class(raw["venue"], raw["product"]).name == raw["venue"]
    assert raw["observed"] is None or parse(raw["observed"]) > 0
    assert len(raw["source"].split()) > 5
    assert raw["columns"] == ["name", "maker", "taker", "confidence"]
    assert {row[3] for row in raw["rows"]} <= {"verified", "unverified"}


def test_every_venue_has_its_schedule() -> None:
    """A venue's default product at least."""
    assert tuple(venues.names()) == VENUES
    assert sorted(path.stem for path in FILES) == sorted(
        f"{name}_{venues.products(name)[0]}" for name in venues.names())
