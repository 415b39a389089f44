"""The shadow row: what a framework without liquidation would have reported of the same run."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import backtrader as bt
import pytest

from deleverage import tearsheet
from deleverage.beside import Baseline, Compared, Outcome, Shadow
from deleverage.columns import MarketColumns
from deleverage.compare import Comparison
from deleverage.results import RunResult
from deleverage.runner import run
from deleverage.shadow import NAME, shadow, shadow_spec
from deleverage.spec import RunSpec
from deleverage.stamps import UNFORCED
from deleverage.tearsheet import beside as beside_sheet
from deleverage.tearsheet import compare as compare_sheet
from tests.markets import make_columns
from tests.tearsheet import sheets

FALL = [3_000.0, 3_000.0, 2_900.0, 2_350.0, 2_600.0, 3_050.0, 3_050.0]


class Whole(bt.Strategy):  # type: ignore[misc]
    """Buys 16 coins at the second bar's open and waits."""

    def next(self) -> None:
        """Once."""
        if len(self) == 1:
            self.buy(size=16.0)


def ran(closes: list[float] | None = None, **fields: Any) -> tuple[RunResult, MarketColumns]:
    columns = make_columns(closes or FALL, step="1h")
    spec = RunSpec(**{"data": "test", "strategy": "buy_and_hold", "leverage": 50.0, "cash": 1_000.0,
                      "fees": (0.0005, 0.0005), "slippage_bp": 0.0, **fields})
    return run(spec, columns, Whole), columns


def test_the_48x_example(example: ModuleType) -> None:
    """Stock backtrader's own figures, from its own run of the example: −9,424 at the lowest and
    +77.6 %. By hand: 1,000 − 16 × 3,000 × 5 bp = 976; 976 − 16 × 650 = −9,424 at 2,350;
    976 + 16 × 50 = 1,776 at 3,050. No difference of our account has a part in it: there is no
    funding in these hours, no slippage, and mark is last."""
    stock = example.run(example.stock_broker()).values
    result, columns = ran([float(close) for close in example.CLOSES], margin="isolated")
    assert result.statistics["liquidations"]["count"] == 1
    claimed = shadow(result, columns, strategy=Whole)
    assert claimed is not None
    assert claimed.lowest == pytest.approx(min(stock))
    assert claimed.lowest == pytest.approx(1_000 - 24 - 16 * 650)
    assert claimed.end == pytest.approx(stock[-1])
    assert claimed.outcome.total_return == pytest.approx(0.776)
    assert claimed.outcome.total_return == pytest.approx(stock[-1] / example.CASH - 1)
    assert (claimed.outcome.name, claimed.outcome.liquidations) == (NAME, 0)
    assert claimed.outcome.margin_lost == 0


def test_nothing_was_taken_no_shadow() -> None:
    """A run from which nothing was taken by force is its own shadow and has none."""
    result, columns = ran([3_000.0, 3_000.0, 2_990.0, 3_010.0])
    assert not result.statistics["liquidations"]["rows"]
    assert shadow(result, columns, strategy=Whole) is None


def test_it_goes_on_where_the_run_stopped() -> None:
    """A run that ends with its liquidation has a shadow that ends with the data."""
    result, columns = ran(on_liquidation="stop")
    claimed = shadow(result, columns, strategy=Whole)
    assert claimed is not None
    assert claimed.end == pytest.approx(1_776.0)
    assert shadow_spec(result.spec).on_liquidation == "continue"


@pytest.mark.parametrize("margin", ["isolated", "cross"])
def test_one_who_asks_for_it_is_told(margin: str) -> None:
    """Asked for by name, it stands in the heading and in the warnings, and the name of nothing else
    in the sheet is changed."""
    result, _ = ran(liquidation="none", margin=margin)
    assert result.provenance.procedure == UNFORCED
    assert result.warnings[1] == UNFORCED
    sheet = " ".join(str(tearsheet.render(result)).split())
    assert f"liquidation none: {UNFORCED}" in sheet
    assert result.statistics["liquidations"]["count"] == 0
    assert result.statistics["costs"]["insurance"] == 0
    assert result.statistics["performance"]["total_return"] == pytest.approx(0.776)


def one() -> Shadow:
    return Shadow(Outcome(NAME, 776.0, 0.776, 1.0, 1, 0, 0.0), -9_424.0, 1_776.0)


def test_the_verdict_says_what_would_have_been_claimed() -> None:
    """One sentence on the sheet, with the sign of both figures; none without a shadow."""
    assert beside_sheet.claimed(one(), "USDT") == (
        "Without liquidation this run would have been reported as +77.60 % (+776.00 USDT), through "
        "an equity of -9,424.00 USDT, below zero.")
    assert beside_sheet.claimed(None, "USDT") == ""
    result = sheets.result()
    sheet = " ".join(str(tearsheet.render(result, shadow=one())).split())
    assert sheet.index("VERDICT") < sheet.index("Without liquidation") < sheet.index("DRAWDOWN")


def test_the_ranking_has_it_directly_below_its_run() -> None:
    """Below the strategy and above its random entries; where a liquidated run has none the row says
    so; where nothing was taken there is no row."""
    taken: dict[str, Any] = {"liquidations": {"rows": [{"number": 1}]}}
    free: dict[str, Any] = {"liquidations": {"rows": []}}
    own = sheets.result("level_reclaim", net=5.0, **taken)
    rows = [Compared(own, Baseline.against(own, [sheets.result("random_entry", net=1.0)]),
                     shadow=one()),
            Compared(sheets.result("breakdown", net=4.0, **taken)),
            Compared(sheets.result("buy_and_hold", net=3.0, **free))]
    text = compare_sheet.ranking(Comparison.of(rows)).splitlines()
    at = next(i for i, line in enumerate(text) if "level_reclaim" in line)
    assert "└ shadow: no liquidation" in text[at + 1]
    assert "+77.60 %" in text[at + 1]
    assert "low -9,424" in text[at + 1]
    assert "└ random" in text[at + 2]
    at = next(i for i, line in enumerate(text) if "breakdown" in line)
    assert "└ shadow: not saved" in text[at + 1]
    at = next(i for i, line in enumerate(text) if "buy_and_hold" in line)
    assert not any("shadow" in line for line in text[at + 1:at + 2])
    assert max(map(len, text)) <= 120
