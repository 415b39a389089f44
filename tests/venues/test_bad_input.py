"""Input that cannot be: each is refused with one clear line that says what was found."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deleverage import venues
from deleverage.errors import DataError, DeleverageError, LadderError, LeverageError, UsageError
from deleverage.venues import VenueRules
from tests.broker.runs import market, play, still

ROWS: list[list[Any]] = [[0, 50_000, 0.004, 125], [50_000, 600_000, 0.005, 100],
                         [600_000, None, 0.0065, 75]]
NAN = float("nan")


def one_line(error: BaseException) -> str:
    """The message, which must be one line."""
    text = str(error)
    assert text
    assert "\n" not in text
    return text


def products() -> list[VenueRules]:
    """The rules of every venue and product, on a ladder of our own."""
    given = venues.get("binance", symbol="ETHUSDT", at="2026-01-31").ladder
    return [venues.get(name, product, "ETHUSDT", "2026-01-31", given)
            for name in venues.names() for product in venues.products(name)]


@pytest.mark.parametrize(("row", "column", "value", "says"), [
    (1, 0, 60_000, "gap between row 1 (to 50000) and row 2 (from 60000)"),
    (1, 0, 40_000, "overlap between row 1 (to 50000) and row 2 (from 40000)"),
    (2, 2, 0.0045, "row 3: rate falls from 0.005 to 0.0045"),
    (1, 2, 1.5, "row 2 needs 0 < rate < 1"),
    (1, 2, -0.01, "row 2 needs 0 < rate < 1"),
])
def test_a_ladder_that_cannot_be(
    tmp_path: Path, row: int, column: int, value: float, says: str
) -> None:
    """A gap, an overlap, a falling rate: the line names the file, the rows and what stands there.
    """
    rows = [list(each) for each in ROWS]
    rows[row][column] = value
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({
        "columns": ["min_notional", "max_notional", "mmr", "max_leverage"], "rows": rows}))
    with pytest.raises(LadderError) as caught:
        venues.get("binance", symbol="ETHUSDT", ladder=path)
    text = one_line(caught.value)
    assert says in text
    assert str(path) in text


@pytest.mark.parametrize("rules", products(), ids=lambda rules: f"{rules.name}-{rules.product}")
@pytest.mark.parametrize(("side", "size", "entry", "says"), [
    (1, -5, 3_000, "size and entry price must be > 0, found -5 and 3000"),
    (1, 0, 3_000, "size and entry price must be > 0"),
    (1, NAN, 3_000, "size and entry price must be > 0"),
    (1, 5, 0, "size and entry price must be > 0, found 5 and 0"),
    (-1, 5, -3_000, "size and entry price must be > 0"),
    (0, 5, 3_000, "side must be +1 or -1, found 0"),
    (2, 5, 3_000, "side must be +1 or -1, found 2"),
])
def test_a_position_that_cannot_be(
    rules: VenueRules, side: int, size: float, entry: float, says: str
) -> None:
    """A negative size, a zero price, a side that is none: at every venue, alone or in an array."""
    with pytest.raises(UsageError) as caught:
        rules.liquidation_price(side, size, entry, 100)
    assert says in one_line(caught.value)
    with pytest.raises(UsageError, match="must be") as caught:
        rules.liquidation_price(np.array([1, side]), np.array([5.0, size]),
                                np.array([3_000.0, entry]), 100)
    one_line(caught.value)


@pytest.mark.parametrize("rules", products(), ids=lambda rules: f"{rules.name}-{rules.product}")
@pytest.mark.parametrize("amount", [300.0, 0.0, -1.0, NAN, np.array([300.0, 0.0])], ids=repr)
def test_an_amount_without_its_rate(rules: VenueRules, amount: Any) -> None:
    """Beside the ladder's own rate and amount it would count for nothing: every rule that takes one
    refuses it, 0 included, for numbers and for arrays, in isolated and in cross."""
    one: tuple[Any, ...] = (1, 5.0, 3_000.0, 1_500.0)
    many: tuple[Any, ...] = (np.array([1, -1]), np.array([5.0, 6.0]), 3_000.0,
                             np.array([1_500.0, 2_000.0]))
    asked = [partial(rules.maintenance_margin, notional, amount=amount)
             for notional in (15_000.0, np.array([15_000.0, 1.0]))]
    for given in (one, many):
        for cross in (False, True):
            asked.append(partial(rules.liquidation_price, *given, amount=amount, cross=cross))
            marked: tuple[Any, ...] = (*given, 2_900.0)
            asked.append(partial(rules.margin_ratio, *marked, amount=amount, cross=cross))
    for call in asked:
        with pytest.raises(UsageError, match="a maintenance amount needs its rate") as caught:
            call()
        one_line(caught.value)


@pytest.mark.parametrize("rules", products(), ids=lambda rules: f"{rules.name}-{rules.product}")
def test_a_rate_without_an_amount_has_none(rules: VenueRules) -> None:
    """A rate alone is a rate with amount 0, and an amount beside its rate counts."""
    plain = rules.liquidation_price(1, 5.0, 3_000.0, 0.05, rate=0.01)
    assert plain == rules.liquidation_price(1, 5.0, 3_000.0, 0.05, rate=0.01, amount=0.0)
    assert plain != rules.liquidation_price(1, 5.0, 3_000.0, 0.05, rate=0.01, amount=0.001)
    assert rules.maintenance_margin(1_000.0, rate=0.01) == 10
    assert rules.maintenance_margin(1_000.0, rate=0.01, amount=1.0) == 9
    pair = rules.liquidation_price(1, np.array([5.0, 5.0]), 3_000.0, 0.05, rate=0.01,
                                   amount=np.array([0.0, 0.001]))
    assert pair[0] == pytest.approx(plain)
    assert pair[1] != pytest.approx(plain, rel=1e-12)


@pytest.mark.parametrize(("leverage", "says"), [
    (0, "leverage 0 is outside what binance grants for ETHUSDT: above 0, at most 125"),
    (-3, "leverage -3 is outside"), (126, "leverage 126 is outside"), (NAN, "leverage nan"),
])
def test_a_leverage_that_is_not_granted(leverage: float, says: str) -> None:
    """0, below 0, above the limit: refused by the rules, naming the ladder, and by the broker."""
    rules = venues.get("binance", symbol="ETHUSDT", at="2026-01-31")
    with pytest.raises(LeverageError, match=says) as caught:
        venues.check_leverage(rules, leverage)
    assert "binance_usdm_ethusdt_20241024" in one_line(caught.value)
    with pytest.raises(UsageError, match="leverage") as refused:
        play({}, market(*still(4)), leverage=leverage)
    one_line(refused.value)


@pytest.mark.parametrize("leverage", [0, -1, NAN])
def test_no_margin_follows_from_such_a_leverage(leverage: float) -> None:
    """Initial margin is refused at every venue, not infinite."""
    for rules in products():
        for value in (leverage, np.array([10.0, leverage])):
            with pytest.raises(UsageError, match="leverage must be > 0"):
                rules.initial_margin(1_000.0, value)


def test_the_limit_falls_with_the_notional() -> None:
    """What is granted for a small position is refused for a large one."""
    rules = venues.get("binance", symbol="ETHUSDT", at="2026-01-31")
    venues.check_leverage(rules, 125, 50_000)
    with pytest.raises(LeverageError, match="at most 100 "):
        venues.check_leverage(rules, 125, 50_001)


def test_inverse_rules_do_not_trade() -> None:
    """The account is linear: rules of an inverse contract are refused before the first order."""
    given = venues.get("binance", symbol="ETHUSDT", at="2026-01-31").ladder
    rules = venues.get("binance", "coinm", "ETHUSDT", "2026-01-31", given)
    with pytest.raises(UsageError, match="binance coinm: the account trades linear") as caught:
        play({}, market(*still(4)), venue=rules)
    one_line(caught.value)


@pytest.mark.parametrize("stake", [0, -1, NAN])
def test_a_stake_that_cannot_be(stake: float) -> None:
    """The largest leverage of nothing is refused."""
    with pytest.raises(UsageError, match="a stake must be > 0"):
        venues.get("binance").largest_leverage(stake)


def test_two_rates_for_one_settlement() -> None:
    """The feed refuses the table and names the row; the same rate twice is refused as well."""
    for second in (0.0002, 0.0001):
        with pytest.raises(DataError) as caught:
            market(*still(12), step="1h", funding=[("2026-01-28T08:00", 0.0001),
                                                   ("2026-01-28T08:00", second)])
        text = one_line(caught.value)
        assert "table funding: row 2 (2026-01-28 08:00)" in text
        assert "duplicate" in text


@pytest.mark.parametrize(("arguments", "says"), [
    ({"venue": "binanse"}, "did you mean 'binance'"),
    ({"venue": "okx", "product": "swaps"}, "did you mean 'swap'"),
    ({"venue": "binance", "symbol": "ETHUSD"}, "did you mean 'ETHUSDT'"),
    ({"venue": "binance", "symbol": "BTCUSDT", "at": "2020-01-01"}, "the earliest is"),
    ({"venue": "binance", "symbol": "ETHUSDT", "at": "last week"}, "not an ISO date"),
    ({"venue": "binance", "symbol": "ETHUSDT", "ladder": "nowhere.json"}, "nowhere.json"),
    ({"venue": "binance", "symbol": "ETHUSDT", "ladder": "nearest"}, "nearest"),
])
def test_rules_that_cannot_be_found(arguments: dict[str, Any], says: str) -> None:
    """A venue, product, symbol, date or ladder that is not there."""
    with pytest.raises(DeleverageError) as caught:
        venues.get(**arguments)
    assert says in one_line(caught.value)
