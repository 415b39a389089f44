"""What ``data check`` finds and ``data show`` tells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from deleverage.feeds.checks import check
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.summary import summary
from deleverage.feeds.writing import write_dataset
from tests.markets import make_dataset, make_market, random_tables


def found(dataset: Dataset, verdict: str = "") -> dict[str, str]:
    """All texts of each table, of one verdict or of all."""
    texts: dict[str, str] = {}
    for finding in check(dataset):
        if not verdict or finding.verdict == verdict:
            texts[finding.table] = texts.get(finding.table, "") + finding.text + "\n"
    return texts


def test_a_whole_dataset_is_ok(tmp_path):
    """Nothing to warn of in a whole market, but that sides drawn at random prove nothing."""
    dataset = write_dataset(tmp_path / "set", *random_tables(6, 2_000, crashes=0))
    odd = [finding.text for finding in check(dataset) if finding.verdict != "ok"]
    assert odd
    assert all(text.startswith("sides of ") and "not checkable" in text for text in odd)
    assert "no gap on its 1m clock" in found(dataset)["bars"]


def spoilt(tmp_path: Any, prices: Any, **options: Any) -> dict[str, str]:
    return found(make_dataset(tmp_path / "set", prices, **options), "warn")


def test_gaps_are_counted_and_the_longest_placed(tmp_path):
    """Three bars missing in two gaps of 500 bars."""
    market, tables = make_market(np.linspace(100, 110, 500))
    keep = np.isin(np.arange(500), [100, 101, 300], invert=True)
    tables["bars"] = tables["bars"].filter(pa.array(keep))
    dataset = write_dataset(tmp_path / "set", market, tables)
    assert ("3 rows of 1m missing in 2 gaps, the longest 2m after 2026-01-28 01:40"
            in found(dataset, "warn")["bars"])


def test_jumps_and_stale_stretches_are_placed(tmp_path):
    """A fall of 10 % between two bars, and forty minutes without a move."""
    flat = [(100.0, 100.0, 100.0, 100.0)] * 41
    text = spoilt(tmp_path, [*flat, (90.0, 91.0, 89.0, 90.5)])["bars"]
    assert "largest jump from close to next open 10.00% at 2026-01-28 00:41" in text
    assert "longest stretch without movement 40m, to 2026-01-28 00:41" in text


def test_missing_settlements_and_changed_intervals_are_counted(tmp_path):
    """Two of six settlements due are told by no row."""
    text = spoilt(tmp_path, np.linspace(100, 110, 48), step="1h", funding=[
        ("2026-01-28T16:00", 1e-4), ("2026-01-29T00:00", 0.02), ("2026-01-29T16:00", 1e-4),
        ("2026-01-30T00:00", 1e-4)])["funding"]
    assert "2 of 6 settlements due within the bars are missing, the first 2026-01-28 08:00" in text
    assert "largest rate +2.0000% at 2026-01-29 00:00" in text


def test_bars_without_mark_and_the_largest_divergence_are_placed(tmp_path):
    """One hour of mark for two hours of bars, and last far below it once."""
    bars = [(100.0, 101.0, 99.0, 100.0)] * 7 + [(100.0, 101.0, 90.0, 100.0)]
    text = spoilt(tmp_path, bars, step="15m", mark=[(100, 101, 99, 100)], mark_step="1h")["mark"]
    assert "4 of 8 bars have no mark" in text
    both = spoilt(tmp_path, bars, step="15m", mark=[(100, 101, 99, 100)] * 2, mark_step="1h")
    assert "last ran beyond the mark most at 2026-01-28 02:00: low 90 against 99 (10.00%)" in (
        both["mark"])


def test_tables_that_are_not_there_are_said(tmp_path):
    """A market without mark and funding cannot be judged as it is."""
    texts = spoilt(tmp_path, np.linspace(100, 110, 50), mark="missing", funding=None)
    assert texts == {"mark": "not in this dataset\n", "funding": "not in this dataset\n"}


def test_a_damaged_file_is_a_finding_and_the_rest_is_still_checked(tmp_path):
    """A changed table is bad; checking goes on."""
    dataset = make_dataset(tmp_path / "set", np.linspace(100, 110, 50))
    file = dataset.file("mark")
    file.write_bytes(file.read_bytes()[:-10])
    texts = found(Dataset.open(dataset.path), "bad")
    assert "mark.parquet: changed or truncated" in texts["mark"]
    assert "bars" in found(Dataset.open(dataset.path), "ok")


EVENTS = [
    {"ts": "2026-01-28T01:00", "liq_side": "long", "notional_usd": 10.0},
    {"ts": "2026-01-29T02:00", "liq_side": "long", "notional_usd": 300.0, "venue": "bybit",
     "completeness": "sampled"},
    {"ts": "2026-01-29T03:00", "liq_side": "short", "notional_usd": 50.0},
]


def test_liquidations_are_told_by_venue_with_completeness_and_coverage(tmp_path):
    """A sampled venue is a warning, not a smaller number."""
    dataset = make_dataset(tmp_path / "set", np.linspace(100, 110, 48), step="1h",
                           liquidations=EVENTS)
    assert "binance: 2 rows, 60 USD, completeness all" in found(dataset, "ok")["liquidations"]
    assert "bybit: 1 rows, 300 USD, completeness sampled, covered 2026-01-28 00:00 to" in (
        found(dataset, "warn")["liquidations"])


def test_the_summary_tells_what_the_dataset_is(tmp_path):
    """Instrument, range, tables and the largest liquidation days in UTC."""
    dataset = make_dataset(tmp_path / "set", np.linspace(100, 110, 48), step="1h",
                           liquidations=EVENTS)
    facts = summary(dataset)
    assert (facts.instrument.symbol, facts.step, facts.mark_step) == ("ETHUSDT", "1h", "1h")
    assert (facts.start, facts.end, facts.bars) == ("2026-01-28 00:00", "2026-01-30 00:00", 48)
    assert facts.synthetic
    assert facts.sha256 == dataset.sha256
    assert [(table.name, table.rows) for table in facts.tables] == [
        ("bars", 48), ("mark", 48), ("funding", 0), ("liquidations", 3)]
    assert [(day.label, day.long_usd, day.short_usd, day.events) for day in facts.largest] == [
        ("2026-01-29", 300.0, 50.0, 2), ("2026-01-28", 10.0, 0.0, 1)]
    assert facts.venues == ("binance", "bybit")


def test_a_vendors_total_is_not_added_to_its_venues(tmp_path):
    """The largest days count rows of venue 'all' alone where there are any."""
    events = [*EVENTS, {"ts": "2026-01-29T04:00", "liq_side": "long", "notional_usd": 900.0,
                        "venue": "all", "completeness": "aggregate"}]
    dataset = make_dataset(tmp_path / "set", np.linspace(100, 110, 48), step="1h",
                           liquidations=events)
    assert [day.long_usd for day in summary(dataset).largest] == [900.0]
