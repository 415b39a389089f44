"""An account that nothing is taken from by force: the shadow of a framework without liquidation."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import backtrader as bt
import pytest

import deleverage as dl
from deleverage.errors import UsageError
from deleverage.feeds import PerpetualData
from deleverage.journal import Cause
from tests.broker.runs import market, play, still
from tests.markets import make_columns

FALL = [3_000.0, 3_000.0, 2_900.0, 2_350.0, 2_350.0, 3_050.0, 3_050.0]


class Planned(bt.Strategy):  # type: ignore[misc]
    """Orders by bar number: ((bar, size), …)."""

    params = (("orders", ()),)

    def __init__(self) -> None:
        self.values: list[float] = []

    def next(self) -> None:
        """Order what is planned for this bar."""
        for bar, size in self.p.orders:
            if bar == len(self):
                (self.buy if size > 0 else self.sell)(size=abs(size))
        self.values.append(self.broker.getvalue())


def run(orders: tuple[tuple[int, float], ...], **broker: object) -> bt.Strategy:
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(PerpetualData(columns=make_columns(FALL, step="1h")))
    cerebro.setbroker(dl.PerpetualBroker(**{"cash": 1_000.0, "leverage": 50.0,
                                            "fees": dl.Fees.flat(0.0005),
                                            "liquidation": "none", **broker}))
    cerebro.addstrategy(Planned, orders=orders)
    return cerebro.run()[0]


def test_it_claims_what_stock_backtrader_claims(example: ModuleType) -> None:
    """The 48x example bar for bar: −9,424 = 1,000 − 24 − 16 × (3,000 − 2,350) and
    +77.6 % = (1,000 − 24 + 16 × 50) ÷ 1,000 − 1, where our account is liquidated."""
    stock = example.run(example.stock_broker())
    ours = example.run(dl.PerpetualBroker(
        venue="binance", leverage=50, cash=example.CASH, fees=dl.Fees.flat(example.FEE),
        mark="last", missing="skip", liquidation="none"))
    assert ours.values == pytest.approx(stock.values, abs=1e-9)
    assert min(ours.values) == pytest.approx(1_000 - 24 - 16 * (3_000 - 2_350))
    assert min(ours.values) == pytest.approx(-9_424)
    assert ours.values[-1] / example.CASH - 1 == pytest.approx(0.776)
    assert ours.liquidations == []


@pytest.mark.parametrize("margin", ["isolated", "cross"])
def test_a_close_below_zero_leaves_a_debt(margin: str) -> None:
    """Closed at 2,350 the loss is whole, beyond the margin posted, and nobody lifts the account to
    zero; the wallet is 1,000 − 24 − 16 × 650 − 18.80."""
    ran = run(((1, 16.0), (4, -16.0)), margin=margin)
    fee = 16 * (3_000 + 2_350) * 0.0005
    assert ran.values[-1] == pytest.approx(1_000 - 16 * 650 - fee)
    causes = {entry.cause for entry in ran.broker.journal.entries}
    assert not causes & {Cause.LIQUIDATION, Cause.LIQUIDATION_FEE, Cause.INSURANCE}
    assert ran.position.size == 0


@pytest.mark.parametrize("margin", ["isolated", "cross"])
def test_orders_are_still_refused_without_funds(margin: str) -> None:
    """An account that owes money opens nothing, as a stock framework's does not."""
    ran = run(((1, 16.0), (4, -16.0), (5, 1.0)), margin=margin)
    assert ran.position.size == 0
    assert [event.reason.partition(":")[0] for event in ran.broker.journal.rejections] == ["margin"]


def test_the_same_orders_are_liquidated_where_nothing_is_said() -> None:
    """The choice is never silent: by default the same account loses its margin and no more."""
    ran = run(((1, 16.0),), liquidation="venue")
    assert len(ran.broker.journal.liquidations) == 1
    assert min(ran.values) >= 0


def test_it_does_not_stop_after_a_liquidation() -> None:
    """What ends a run with a liquidation cannot be asked for beside it."""
    with pytest.raises(UsageError, match="liquidation none and on_liquidation stop exclude"):
        dl.PerpetualBroker(liquidation="none", on_liquidation="stop")


def test_a_cross_account_of_two_is_not_taken_together() -> None:
    """Two positions whose loss is beyond the wallet are both still held: 10,000 − 500 × 30 − 50 ×
    30 on coins of 100 that fall to 70."""
    fall = [*still(4), (100, 100, 70, 70), *still(3, 70)]
    both = [market(*fall), make_columns(fall, symbol="BTCUSDT")]
    plan = {1: lambda strategy: (strategy.buy(size=500),
                                 strategy.buy(data=strategy.data1, size=50))}
    run = play(plan, both, margin="cross", liquidation="none")
    assert run.journal.liquidations == []
    assert run.broker.getvalue() == pytest.approx(10_000 - 500 * 30 - 50 * 30)
    assert play(plan, both, margin="cross").journal.liquidations


def test_an_entry_without_a_liquidation_price_is_not_born_dead(tmp_path: Path) -> None:
    """At 100x under a maintenance of 2 % the venue refuses the entry; an account that nobody
    liquidates takes it."""
    ladder = tmp_path / "mine.toml"
    ladder.write_text('columns = ["min_notional", "max_notional", "mmr", "max_leverage", "amount"]'
                      "\nrows = [[0, 1e9, 0.02, 100, 0]]\n")
    terms = {"leverage": 100.0, "ladder": str(ladder)}
    assert run(((1, 1.0),), **terms).position.size == 1.0
    refused = run(((1, 1.0),), **terms, liquidation="venue")
    assert refused.position.size == 0
    assert "lies on the wrong side" in refused.broker.journal.rejections[0].reason
