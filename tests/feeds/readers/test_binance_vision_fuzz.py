"""Files of Binance's archive spoilt on purpose: refused by name, or read and counted truly."""

from __future__ import annotations

import pytest

from deleverage.feeds.readers.binance.vision import READER
from tests.feeds.readers.binance_files import DAY, funding, klines, metrics, snapshot
from tests.feeds.readers.fuzz import examples, fuzz, zipped

UM, CM = "data/futures/um/daily", "data/futures/cm/daily"
ORDERS = snapshot([
    (f"{DAY}T17:10:0{at}.100", ("SELL", "BUY")[at % 2], 250 + at, (2_290.0, 2_710.0)[at % 2],
     2_500.0 + at, 250, 250 + at) for at in range(5)])

FILES = {
    "klines": (f"{UM}/klines/ETHUSDT/1m/ETHUSDT-1m-{DAY}.csv", klines()),
    "klines in zip": (f"{UM}/klines/ETHUSDT/1m/ETHUSDT-1m-{DAY}.zip", zipped(klines())),
    "klines, no header": (f"{UM}/klines/ETHUSDT/1m/ETHUSDT-1m-{DAY}.csv", klines(headed=False)),
    "klines, no folder": (f"ETHUSDT-1m-{DAY}.csv", klines()),
    "cm klines": (f"{CM}/klines/ETHUSD_PERP/1m/ETHUSD_PERP-1m-{DAY}.csv", klines(cm_usd=10)),
    "mark": (f"{UM}/markPriceKlines/ETHUSDT/1m/ETHUSDT-1m-{DAY}.csv", klines(traded=False)),
    "premium": (f"{UM}/premiumIndexKlines/ETHUSDT/1m/ETHUSDT-1m-{DAY}.csv",
                klines(traded=False, fraction=True)),
    "funding": ("ETHUSDT-fundingRate-2026-01.csv", funding()),
    "funding in zip": ("ETHUSDT-fundingRate-2026-01.zip", zipped(funding())),
    "metrics": (f"ETHUSDT-metrics-{DAY}.csv", metrics(f"{DAY}T00:05", 6)),
    "cm metrics": (f"ETHUSD_PERP-metrics-{DAY}.csv",
                   metrics(f"{DAY}T00:00", 6, "ETHUSD_PERP", value=8e5, empty=True)),
    "snapshots": (f"{CM}/liquidationSnapshot/ETHUSD_PERP/"
                  f"ETHUSD_PERP-liquidationSnapshot-{DAY}.csv", ORDERS),
}


@examples(READER.name, len(FILES))
@pytest.mark.parametrize("file", FILES)
def test_a_spoilt_file_is_never_read_wrongly(tmp_path, file, examples):
    """An error that names the file, or rows that were there; what is missing is counted."""
    name, data = FILES[file]
    fuzz(READER, name, data, tmp_path, examples)
