"""The first demo: stock backtrader's account recovers from below zero, ours is liquidated."""

from __future__ import annotations

from types import ModuleType

import pytest


def test_stock_backtrader_reports_a_profit_after_minus_nine_thousand(example: ModuleType) -> None:
    """Stock backtrader passes −9,424 without a margin call and ends at +77.6 %."""
    values = example.run(example.stock_broker()).values
    assert min(values) == pytest.approx(-9_424)
    assert values[-1] / example.CASH - 1 == pytest.approx(0.776)


def test_our_account_is_liquidated_and_loses_its_margin(example: ModuleType) -> None:
    """Ours is liquidated once, loses exactly the margin posted and does not come back."""
    strategy = example.run(example.perpetual_broker())
    (event,) = strategy.liquidations
    assert event.loss == 16 * 3_000 / 50
    # family A at 0.4 %: (960 − 16 × 3000) / (16 × 0.004 − 16)
    assert event.trigger_mark == pytest.approx(2_951.807228915663)
    assert strategy.position.size == 0
    assert strategy.values[-1] == pytest.approx(1_000 - 24 - 960)


def test_both_accounts_are_printed_as_one_table(
    example: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """The example prints −9,424.00 and +77.6% beside one liquidation and −98.4%."""
    example.main()
    printed = capsys.readouterr().out
    for figure in ("-9,424.00", "+77.6%", "-98.4%", "lost 960.00, of that 188.92 the venue's fee",
                   "the margin posted was 960.00"):
        assert figure in printed
