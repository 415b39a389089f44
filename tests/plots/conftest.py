"""One SYNTHETIC run with everything in it, drawn once for all tests of pictures."""

from __future__ import annotations

import pytest

from deleverage.plots import pictures
from deleverage.plots.pictures import Drawn, of_run
from deleverage.results import RunResult
from deleverage.scan import leverage_scan
from tests.results.markets import Wobbler, wobble


@pytest.fixture(scope="package")
def result() -> RunResult:
    """1,500 bars with longs, shorts and liquidations, and the scan of two leverages."""
    made, columns = wobble(4, leverage=50.0, margin_fraction=0.6, on_liquidation="continue")
    assert made.journal.liquidations
    return made.with_scan(leverage_scan(made.spec, columns, 1, strategy=Wobbler,
                                        leverages=(1, 25)))


@pytest.fixture
def unrastered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the dots, for tests that ask which pictures there are."""
    monkeypatch.setattr(pictures, "_png", lambda figure, words: pictures.MAKER.encode())


@pytest.fixture(scope="package")
def drawn(result: RunResult) -> Drawn:
    """All its pictures."""
    return of_run(result)
