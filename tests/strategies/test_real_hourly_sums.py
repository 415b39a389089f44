"""A strategy on real hourly sums of liquidations: they are known when their hour is over."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from deleverage.feeds.importing import import_dataset
from deleverage.runner import run
from deleverage.spec import RunSpec
from deleverage.timestamps import HOUR, parse

pytestmark = pytest.mark.real

COLUMNS = """
table = "liquidations"
venue = "all"
symbol = "BTC"
provider = "CoinGlass"
[time]
column = "timestamp"
stamp = "open"
step = "1h"
drop_newest = true
[columns]
long_usd = "longUsd"
short_usd = "shortUsd"
"""


def test_cascade_exhaustion_on_hourly_sums(reference: Path, tmp_path: Path) -> None:
    """BTC through 31 January 2026: each hour's sum stands in the bar that ends the hour, a missing
    hour is NaN, and what is bought after the cascade of 17:00 and 18:00 is bought after 19:00."""
    data = reference / "data"
    import_dataset("freqtrade", [data / "freqtrade_bybit"], tmp_path / "btc", "BTCUSDT")
    file = data / "coinglass" / "btc_liquidations_1h.csv"
    dataset, _ = import_dataset("generic", [file], tmp_path / "btc",
                                columns=tomllib.loads(COLUMNS))
    columns = dataset.columns()
    line, ends = columns.lines["long_liquidations"], columns.close_ns
    day = (ends > parse("2026-01-31")) & (ends <= parse("2026-02-01"))
    at = np.flatnonzero(day & (line > 0))
    assert (ends[at] % HOUR == 0).all()
    assert float(line[day].sum()) == pytest.approx(274.0e6, rel=1e-3)
    assert line[ends == parse("2026-01-31T19:00")][0] > 100e6
    hole = (ends > parse("2026-02-06T19:00")) & (ends <= parse("2026-02-06T20:00"))
    assert np.isnan(line[hole]).all()
    spec = RunSpec(str(tmp_path / "btc"), "cascade_exhaustion",
                   {"share": 0.0, "flush": 0.0, "size": 2e7}, ladder="nearest-later", mark="last",
                   missing="skip", fromdate="2026-01-25", todate="2026-02-10")
    bought = [fill.ts for fill in run(spec).journal.fills
              if fill.size > 0 and parse("2026-01-31") < fill.ts <= parse("2026-02-01T12:00")]
    assert bought
    assert min(bought) > parse("2026-01-31T15:00")
    assert any(parse("2026-01-31T19:00") < ts for ts in bought)
