"""Curves rebuilt from hand-written journals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from deleverage.columns import MARK_LAST, MARK_MISSING
from deleverage.errors import DataError, UnknownName, UsageError
from deleverage.journal import Snapshot
from deleverage.statistics.curves import account_curves
from deleverage.statistics.marks import judged_on, marks
from deleverage.statistics.wallet import opening_wallet, running_wallet
from tests.markets import make_columns
from tests.statistics.scribe import RATE, Scribe

# open, high, low, close; the mark equals last
ROWS = [(2_400, 2_410, 2_390, 2_400), (2_400, 2_420, 2_350, 2_410), (2_410, 2_430, 2_200, 2_300),
        (2_300, 2_460, 2_290, 2_450), (2_450, 2_460, 2_440, 2_450)]


def test_a_long_bar_by_bar() -> None:
    """10x isolated long of 1 at 2,400 with 1,000: equity, worst, leverages and distance by hand."""
    scribe = Scribe(make_columns(ROWS))
    scribe.open(1, 1.0, 2_400.0, fee=1.2, worst=948.8)
    scribe.close(4, 2_450.0, fee=1.225, worst=1_038.0)
    curves = account_curves(scribe.journal, scribe.columns)
    assert curves.wallet.tolist() == pytest.approx([1_000, 998.8, 998.8, 998.8, 1_047.575])
    assert curves.equity.tolist() == pytest.approx([1_000, 1_008.8, 898.8, 1_048.8, 1_047.575])
    # bars with fills as the journal says, quiet bars at the mark low: 998.8 − 200, 998.8 − 110
    assert curves.worst_equity.tolist() == pytest.approx([1_000, 948.8, 798.8, 888.8, 1_038.0])
    assert curves.size.tolist() == [0, 1, 1, 1, 0]
    level = 2_160 / (1 - RATE)
    assert curves.liquidation_price[2] == pytest.approx(level)
    assert curves.distance[2] == pytest.approx((2_300 - level) / 2_300)
    assert curves.position_leverage[2] == pytest.approx(2_300 / (240 - 100))
    assert curves.account_leverage[2] == pytest.approx(2_300 / 898.8)
    assert curves.position.tolist() == [-1, 1, 1, 1, -1]
    for name in ("entry_price", "distance", "position_leverage", "account_leverage",
                 "margin_ratio"):
        assert math.isnan(getattr(curves, name)[0])
        assert math.isnan(getattr(curves, name)[4])


def test_margin_ratio_is_maintenance_over_margin_at_the_worst_mark() -> None:
    """At the low of 2,200 an isolated long has 240 − 200 = 40 left and needs 0.5 % of 2,200."""
    scribe = Scribe(make_columns(ROWS))
    scribe.open(1, 1.0, 2_400.0)
    curves = account_curves(scribe.journal, scribe.columns)
    assert curves.margin_ratio[2] == pytest.approx(0.005 * 2_200 / 40)
    assert curves.margin_ratio[1] == pytest.approx(0.005 * 2_410 / 250)  # entry bar: at its close


def test_a_short_is_worst_at_the_high() -> None:
    """A short's quiet bars are worst at the mark high, and safe distance is still positive."""
    scribe = Scribe(make_columns(ROWS), leverage=5.0)
    scribe.open(1, -1.0, 2_400.0)
    curves = account_curves(scribe.journal, scribe.columns)
    assert curves.worst_equity[3] == pytest.approx(1_000 - 60)
    assert curves.distance[3] > 0


def test_a_cross_position_stands_on_the_account() -> None:
    """In cross, position-effective leverage is the account's, and the ratio is of the wallet."""
    scribe = Scribe(make_columns(ROWS), isolated=False)
    scribe.open(1, 1.0, 2_400.0)
    curves = account_curves(scribe.journal, scribe.columns)
    assert curves.position_leverage[2] == curves.account_leverage[2] == pytest.approx(2_300 / 900)
    assert curves.margin_ratio[2] == pytest.approx(0.005 * 2_200 / 800)


def test_the_wallet_is_the_exact_sum_of_the_entries() -> None:
    """Running sums equal fsum of the prefix to the last bit, whatever the magnitudes."""
    chance = np.random.default_rng(5)
    amounts = (chance.standard_normal(400) * 10.0 ** chance.integers(-9, 9, 400)).tolist()
    booked = [(k // 3, amount) for k, amount in enumerate(amounts)]
    for stamp, total in running_wallet(booked):
        assert total == math.fsum(amount for at, amount in booked if at <= stamp)


def test_a_flat_run_is_the_deposit() -> None:
    """Without a trade every curve is flat at the opening wallet."""
    scribe = Scribe(make_columns(ROWS), cash=500.0)
    curves = account_curves(scribe.journal, scribe.columns)
    assert opening_wallet(scribe.journal) == 500.0
    assert set(curves.equity) == set(curves.worst_equity) == set(curves.wallet) == {500.0}


def test_mark_last_judges_on_last_price() -> None:
    """``mark="last"`` and bars without a mark take last prices, and say so in their state."""
    columns = make_columns(ROWS, mark=[(2_500, 2_510, 2_490, 2_500)] * 5)
    assert marks(columns)[0][0] == 2_490
    judged = judged_on(columns, "last")
    assert marks(judged)[0].tolist() == [row[2] for row in ROWS]
    assert set(judged.execution_mark.state) == {MARK_LAST}
    assert judged_on(columns) is columns
    bare = make_columns(ROWS, mark="missing")
    assert set(bare.execution_mark.state) == {MARK_MISSING}
    assert set(judged_on(bare).execution_mark.state) == {MARK_LAST}
    with pytest.raises(DataError, match="mark low of bar 0 is not a number"):
        marks(bare)


def test_two_instruments_in_one_account() -> None:
    """Another instrument's unrealised profit is part of the equity; without columns: refused."""
    eth, btc = make_columns(ROWS), make_columns(ROWS, symbol="BTCUSDT")
    scribe = Scribe(eth)
    scribe.open(1, 1.0, 2_400.0)
    scribe.journal.snapshots.append(Snapshot(
        2, int(btc.close_ns[2]), "BTCUSDT", 1_000.0, -0.5, 2_300.0, 115.0, 10.0, 2_500.0, 5.0, 2))
    curves = account_curves(scribe.journal, eth, [btc])
    assert curves.equity[3] == pytest.approx(1_000 + 50 - 0.5 * 150)
    with pytest.raises(UsageError, match="also traded BTCUSDT"):
        account_curves(scribe.journal, eth)
    with pytest.raises(UnknownName, match="did you mean 'union'"):
        account_curves(scribe.journal, eth, [btc], clock="unoin")
