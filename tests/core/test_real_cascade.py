"""Real data: a limit long at 2,450 through the cascade of 31 January 2026, at 5x to 50x.

Bybit ETHUSDT, five-minute last prices and hourly mark, isolated, notional below 50,000. Worked out
on the files by hand: LP = 2,450 × (1 − 1/L + 0.005). A bar is named by its OPEN time, as in the
vendor's files; our stamps are its close. Funding was negative through these days, so the long
received it, into the free balance, and no liquidation price moved.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import deleverage as dl
from deleverage import account, timestamps
from deleverage.feeds.dataset import Dataset
from deleverage.journal import LiquidationEvent
from deleverage.policies import Fees
from tests.core import cascade
from tests.core.cascade import import_eth, named

pytestmark = pytest.mark.real

NO_FEES = Fees.free()


@pytest.fixture(scope="module")
def dataset(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The vendor's directory, imported once."""
    return import_eth(reference, tmp_path_factory.mktemp("real") / "eth")


def trade(dataset: Dataset, leverage: float, **options: Any) -> dl.PerpetualBroker:
    """The limit long of 10 ETH at Bybit, without fees unless they are given."""
    return cascade.trade(dataset, leverage, **{"fees": NO_FEES, **options})


def death(broker: dl.PerpetualBroker) -> LiquidationEvent | None:
    """The liquidation of the one position, which was filled at 2,450 in the bar 17:10."""
    first = broker.journal.fills[0]
    assert (named(first.ts), first.price, first.role) == ("01-31 17:10", 2_450, "maker")
    assert broker.journal.rejections == []
    assert len(broker.journal.liquidations) <= 1
    return next(iter(broker.journal.liquidations), None)


@pytest.mark.parametrize(("leverage", "bar", "level"), [
    (50, "01-31 17:10", 2_413.25), (25, "01-31 18:35", 2_364.25), (20, "01-31 18:40", 2_339.75),
    (15, "01-31 18:40", 2_298.92), (12, "01-31 18:40", 2_258.08), (11, "02-01 23:05", 2_239.52),
    (10, "02-02 03:15", 2_217.25),
])
@pytest.mark.parametrize("fees", [NO_FEES, None], ids=["no fees", "the venue's fees"])
def test_a_limit_long_at_2450_dies_where_the_mark_says(
    dataset: Dataset, leverage: float, bar: str, level: float, fees: Fees | None
) -> None:
    """Each leverage in its own bar, at the level worked out by hand, for exactly its margin; what
    maintenance left of it, 0.5 % of 24,500, is the fund's."""
    broker = trade(dataset, leverage, fees=fees)
    event = death(broker)
    assert event is not None
    assert named(event.ts) == bar
    assert event.liquidation_price == pytest.approx(level, abs=0.005)
    assert event.trigger_mark == event.liquidation_price, "reached on the path, not by a gap"
    assert event.mark_state == "clipped"
    assert event.loss == pytest.approx(24_500 / leverage, rel=1e-12)
    assert event.price == pytest.approx(2_450 * (1 - 1 / leverage))
    assert (event.stage, event.fee, event.returned, event.deficit) == ("takeover", 0, 0, 0)
    assert event.insurance == pytest.approx(122.5)
    assert broker.account.state.positions == {}


def test_5x_lives_beyond_3_february(dataset: Dataset) -> None:
    """Its level of 1,972.25 lies far below the lowest mark of these days, 2,109.36."""
    broker = trade(dataset, 5)
    assert death(broker) is None
    position = broker.account.state.positions["ETHUSDT"]
    assert (position.size, position.margin) == (10, 4_900)
    level = account.liquidation_price(broker.account.state, "ETHUSDT", {}, broker.account.terms)
    assert level == pytest.approx(1_972.25)


def test_judged_on_last_25x_dies_in_its_entry_bar(dataset: Dataset) -> None:
    """Last fell to 2,351.74, mark only to 2,370.10: between them lies 2,364.25."""
    event = death(trade(dataset, 25, mark="last"))
    assert event is not None
    assert (named(event.ts), event.mark_state) == ("01-31 17:10", "last")


def test_11x_lives_through_31_january_only_on_mark(dataset: Dataset) -> None:
    """2,239.52 lies between the last low 2,237.52 and the mark low 2,246.44 of the bar 18:40."""
    assert death(trade(dataset, 11, until="2026-02-01T00:00")) is None
    event = death(trade(dataset, 11, until="2026-02-01T00:00", mark="last"))
    assert event is not None
    assert named(event.ts) == "01-31 18:40"


def test_10x_passes_1_february_by_three_dollars(dataset: Dataset) -> None:
    """The lowest mark of that day, 2,220.03 in the bar 23:10, is 2.78 above its level."""
    columns = dataset.columns()
    mark, opens = columns.execution_mark, columns.close_ns - 5 * timestamps.MINUTE
    day = (opens >= timestamps.parse("2026-02-01")) & (opens < timestamps.parse("2026-02-02"))
    lowest = mark.low[day].min()
    (bar,) = opens[day][mark.low[day] == lowest]
    assert timestamps.show(int(bar)) == "2026-02-01 23:10"
    assert lowest - 2_217.25 == pytest.approx(2.78)
    assert death(trade(dataset, 10, until="2026-02-02T00:00")) is None


def test_funding_of_those_days_was_received_into_the_free_balance(dataset: Dataset) -> None:
    """Negative rates: the long is paid, Bybit books it free, and the level of 10x stays put."""
    broker = trade(dataset, 10)
    payments = broker.journal.funding
    assert [timestamps.show(each.ts) for each in payments] == \
        ["2026-02-01 00:00", "2026-02-01 08:00", "2026-02-01 16:00", "2026-02-02 00:00"]
    assert all(each.amount > 0 and each.payer == "free" for each in payments)
    assert payments[0].amount == pytest.approx(10 * 2_450.65 * 0.00004705, rel=1e-3)


def test_a_25x_long_of_1845_is_alive_at_1900(dataset: Dataset) -> None:
    """Bought at the open, 2,351.27: its level of 2,268.98 lies below the mark of the last minutes.
    """
    broker = trade(dataset, 25, bar="2026-01-31 18:45", limit=None, until="2026-01-31T19:00")
    (fill,) = broker.journal.fills
    assert (named(fill.ts), fill.price) == ("01-31 18:45", 2_351.27)
    assert broker.journal.liquidations == []
    level = account.liquidation_price(broker.account.state, "ETHUSDT", {}, broker.account.terms)
    assert level == pytest.approx(2_351.27 * 0.965)


def test_the_ladder_is_a_declared_assumption(dataset: Dataset) -> None:
    """Every such run stands on Bybit's unverified ladder, and says so."""
    broker = trade(dataset, 10, until="2026-01-31T18:00")
    use = broker.ladder_in_use["ETHUSDT"]
    assert use.ladder.bracket(24_500).rate == 0.005
    assert use.describe().startswith("ASSUMED: bybit_linear_ethusdt_unverified")
