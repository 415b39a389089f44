"""The generic reader: its words, its units, its times, and what it refuses."""

from __future__ import annotations

import tomllib

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from deleverage.errors import DataError, MissingTable, UsageError
from deleverage.feeds.readers.generic.column_map import column_map
from deleverage.feeds.readers.generic.reader import READER
from deleverage.feeds.readers.parsing.aggregates import OPEN_BAR, REPEATED
from deleverage.feeds.readers.protocol import Request
from deleverage.timestamps import DAY, HOUR, MINUTE, parse
from tests.feeds.readers.reading import array, csv_text, first, known, read, rows, written

START = parse("2026-01-31T18:00")
EVENTS = """
table = "liquidations"
venue = "binance"
symbol = "ETHUSDT"
price_basis = "fill"
completeness = "all"
[time]
column = "when"
stamp = "event"
[columns]
side = "side"
quantity = "qty"
price = "px"
[side]
convention = "order"
"""
BARS = """
table = "bars"
venue = "bybit"
symbol = "ETHUSDT"
[time]
column = "t"
stamp = "open"
step = "5m"
[columns]
open = "o"
high = "h"
low = "l"
close = "c"
volume = "v"
"""


def candles(count: int = 4, unit: int = 1_000_000, **changed: list) -> str:
    """SYNTHETIC five-minute candles."""
    columns: dict[str, list] = {"t": [(START + at * 5 * MINUTE) // unit for at in range(count)],
               "o": [100.0] * count, "h": [102.0] * count, "l": [99.0] * count,
               "c": [101.0] * count, "v": [7.0] * count}
    return csv_text({**columns, **changed})


def events(**changed: list) -> str:
    """SYNTHETIC liquidations: a long and a short."""
    columns: dict[str, list] = {
        "when": [START // 1_000_000, START // 1_000_000 + 1_500], "side": ["SELL", "Buy"],
        "qty": [2.0, 3.0], "px": [100.0, 101.0]}
    return csv_text({**columns, **changed})


@pytest.mark.parametrize(("old", "new", "said"), [
    ('table = "bars"', 'tabel = "bars"', "'tabel' in its top level|unknown key.*'table'"),
    ('table = "bars"', 'table = "bar"', "unknown table .*'bar'; did you mean 'bars'"),
    ("column =", "colunm =", r"unknown key in \[time\].*'colunm'; did you mean 'column'"),
    ('stamp = "open"', 'stamp = "opne"', "did you mean 'open'"),
    ('step = "5m"', 'step = "5 minutes"', r"step in \[time\]: not a bar length"),
    ('volume = "v"', 'volum = "v"', r"unknown key in \[columns\].*did you mean 'volume'"),
    ('venue = "bybit"', 'venu = "bybit"', "did you mean 'venue'"),
    ('volume = "v"', 'volume = "v"\n[quantity]\nunit = "coins"', "did you mean 'coin'"),
    ('volume = "v"', 'volume = "v"\n[csv]\ndelimeter = ";"', "did you mean 'delimiter'"),
    ('volume = "v"', 'volume = "v"\n[csv]\nencoding = "utf9"', "encoding in .* is unknown"),
    ('volume = "v"', 'volume = "v"\n[rate]\nunit = "percent"', "rate is for funding, not for bars"),
    ('volume = "v"', "volume = 5", r"volume in \[columns\] must be text, found 5"),
    ('volume = "v"', "", r"volume in \[columns\] is missing"),
    ('stamp = "open"', 'stamp = "event"', "bars are stamped open or close"),
    ('step = "5m"', "", r"step in \[time\] is missing"),
    ('step = "5m"', 'step = "5m"\ndelay = "1s"', "known at their close"),
    ('venue = "bybit"', "", "say whose rows these are"),
    ('venue = "bybit"', 'venue = "bybit"\nvenue_column = "x"', "exclude each other"),
])
def test_a_word_nobody_knows_is_refused_with_the_nearest(tmp_path, old, new, said):
    """No misspelt key or value of the map is passed over."""
    path = written(tmp_path, "a.csv", candles())
    with pytest.raises(UsageError, match=said):
        read(READER, path, toml=BARS.replace(old, new, 1))


@pytest.mark.parametrize(("old", "new", "said"), [
    ('convention = "order"', "", "say in .side. what side means"),
    ('convention = "order"', 'convention = "postion"', "did you mean 'position'"),
    ('convention = "order"', 'long = ["L"]', "both long and short"),
    ('price_basis = "fill"', "", "price_basis is missing"),
    ('completeness = "all"', "", "completeness is missing"),
    ('completeness = "all"', 'completeness = "sampled_2s"', "did you mean 'sampled_1s'"),
    ('side = "side"', "", "need side with quantity or notional"),
    ('quantity = "qty"', "", "need quantity or notional"),
    ('price = "px"', 'price = "px"\nlong_usd = "a"', "long_usd … for bars"),
    ('stamp = "event"', 'stamp = "open"\nstep = "1h"', "are stamped event"),
    ('stamp = "event"', 'stamp = "event"\ndelay = "5 x"', "not a length of time|unit of time"),
    ('stamp = "event"', 'stamp = "event"\nzone = "CET"', "not a zone: 'CET'"),
    ('symbol = "ETHUSDT"', "", "which instrument this is"),
    ('[columns]', '[where]\nside = []\n[columns]', "where.side must be a value"),
])
def test_a_map_that_leaves_a_choice_open_is_refused(tmp_path, old, new, said):
    """What the rows cannot tell must be said: side, price basis, completeness, units."""
    path = written(tmp_path, "a.csv", events())
    with pytest.raises(UsageError, match=said):
        read(READER, path, toml=EVENTS.replace(old, new, 1))


def test_no_map_and_no_sniffing(tmp_path):
    """The reader claims no file by itself, and asks for its map in one line."""
    path = written(tmp_path, "a.csv", events())
    assert known(READER, path) is None
    with pytest.raises(UsageError, match="say with --columns"):
        read(READER, path)


def test_open_stamps_become_close_stamps(tmp_path):
    """A candle stamped with its open closes one step later; one stamped with its close stays."""
    path = written(tmp_path, "a.csv", candles())
    table = rows(read(READER, path, toml=BARS)[0])
    assert array(table, "close_ns").tolist() == [START + n * 5 * MINUTE for n in range(1, 5)]
    table = rows(read(READER, path, toml=BARS.replace('"open"', '"close"', 1))[0])
    assert array(table, "close_ns").tolist() == [START + n * 5 * MINUTE for n in range(4)]
    assert array(table, "source_row").tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("unit", [10**9, 10**6, 10**3, 1])
def test_epoch_unit_by_magnitude(tmp_path, unit):
    """Seconds, milliseconds, microseconds and nanoseconds are told by their size."""
    path = written(tmp_path, "a.csv", candles(unit=unit))
    assert first(rows(read(READER, path, toml=BARS)[0]), "close_ns") == (START + 5 * MINUTE,)


@pytest.mark.parametrize(("text", "more"), [
    ("2026-01-31 18:00:00", ""), ("2026-01-31T18:00:00Z", ""), ("2026-01-31 18:00:00 UTC", ""),
    ("2026-01-31T19:00:00+01:00", ""), ("2026-02-01 02:00:00", 'zone = "+08:00"'),
    ("31.01.2026 18:00", 'format = "%d.%m.%Y %H:%M"'),
    ("01.02.2026 02:00", 'format = "%d.%m.%Y %H:%M"\nzone = "+08:00"'),
    ("1769882400.0", 'unit = "s"'),
])
def test_text_times(tmp_path, text, more):
    """ISO text with and without a zone, another zone said, a format of one's own."""
    path = written(tmp_path, "a.csv", events(when=[text, text]))
    toml = EVENTS.replace('stamp = "event"', f'stamp = "event"\n{more}')
    assert array(rows(read(READER, path, toml=toml)[0]), "ts").tolist() == [START, START]


@pytest.mark.parametrize("text", ["yesterday", "", "1", "99999999999999999999", "2150-01-01"])
def test_impossible_times_name_the_row(tmp_path, text):
    """What is no time from 2000 to 2100 is refused by file, row and field."""
    path = written(tmp_path, "a.csv", events(when=[START // 10**6, text]))
    with pytest.raises(DataError, match=r"a\.csv: row 2, when "):
        read(READER, path, toml=EVENTS.replace("stamp", 'unit = "ms"\nstamp') if text.isdigit()
             else EVENTS)


def test_sides_by_convention_words_and_request(tmp_path):
    """Order: sell closes a long. Position: buy is a long. The request overrules the map, words of
    one's own are exact, others are refused by row."""
    path = written(tmp_path, "a.csv", events())
    for asked, found in ((None, ["long", "short"]), ("order", ["long", "short"]),
                         ("position", ["short", "long"])):
        table = rows(read(READER, path, toml=EVENTS, side=asked)[0])
        assert table.column("liq_side").to_pylist() == found
    own = EVENTS.replace('convention = "order"', 'long = ["L"]\nshort = ["S"]')
    path = written(tmp_path, "b.csv", events(side=["S", "L"]))
    table = rows(read(READER, path, toml=own)[0])
    assert table.column("liq_side").to_pylist() == ["short", "long"]
    path = written(tmp_path, "c.csv", events(side=["S", "B"]))
    with pytest.raises(DataError, match=r"c\.csv: row 2, side must be one of L, S, found 'b'"):
        read(READER, path, toml=own)


def test_contracts_and_usd_become_coins(tmp_path):
    """Contracts need a size (the request's first), USD a price; without a size nothing is guessed.
    """
    path = written(tmp_path, "a.csv", events())
    sized = EVENTS + '[quantity]\nunit = "contracts"\ncontract_size = 0.1\n'
    assert array(rows(read(READER, path, toml=sized)[0]), "qty_base").tolist() == pytest.approx(
        [0.2, 0.3])
    found = rows(read(READER, path, toml=sized, contract_size=0.01)[0])
    assert array(found, "notional_usd").tolist() == pytest.approx([2.0, 3.03])
    pieces, log = read(READER, path, toml=EVENTS + '[quantity]\nunit = "contracts"\n')
    assert np.isnan(array(rows(pieces), "qty_base")).all()
    assert np.isnan(array(rows(pieces), "notional_usd")).all()
    assert any("no contract_size" in note for note in log.notes)
    found = rows(read(READER, path, toml=EVENTS + '[quantity]\nunit = "usd"\n')[0])
    assert array(found, "notional_usd").tolist() == [2.0, 3.0]
    assert array(found, "qty_base").tolist() == pytest.approx([0.02, 3 / 101])


def test_a_notional_in_another_unit_is_refused(tmp_path):
    """USD in millions for large rows (seen in a recorder's files) is no silent wrong sum."""
    toml = EVENTS.replace('price = "px"', 'price = "px"\nnotional = "usd"')
    path = written(tmp_path, "a.csv", events(usd=[200.0, 0.000303]))
    with pytest.raises(DataError, match=r"row 2, usd is not quantity × price \(303\): units\?"):
        read(READER, path, toml=toml)
    path = written(tmp_path, "b.csv", events(usd=[200.0, 302.0]))
    assert array(rows(read(READER, path, toml=toml)[0]), "notional_usd").tolist() == [200.0, 302.0]


def test_available_by_delay_or_column_never_before_the_event(tmp_path):
    """A delay is added; a column is used where it is later; a clock that is early is clamped."""
    path = written(tmp_path, "a.csv", events(seen=[START // 10**6 - 900, START // 10**6 + 9_000]))
    late = rows(read(READER, path, toml=EVENTS.replace(
        'stamp = "event"', 'stamp = "event"\ndelay = "250ms"'))[0])
    assert (array(late, "available_at") - array(late, "ts")).tolist() == [250_000_000] * 2
    pieces, log = read(READER, path, toml=EVENTS.replace(
        'stamp = "event"', 'stamp = "event"\navailable = "seen"'))
    seen = rows(pieces)
    assert (array(seen, "available_at") - array(seen, "ts")).tolist() == [0, 7_500_000_000]
    assert any("recorder's" in note for note in log.notes)


AGGREGATE = """
table = "liquidations"
venue = "coinglass"
symbol = "ETH"
[time]
column = "t"
stamp = "open"
step = "1h"
drop_newest = true
[columns]
long_usd = "l"
short_usd = "s"
"""


def hours(*offsets: int) -> dict[str, list]:
    """SYNTHETIC hourly sums."""
    return {"t": [START // 10**6 + at * 3_600_000 for at in offsets],
            "l": [10.0 + at for at in range(len(offsets))], "s": [0.0] * len(offsets)}


def test_a_bar_of_liquidations_is_known_at_its_end(tmp_path):
    """Two rows per bar 1 ns before its end, known at its end; quiet ones are 0, the newest, still
    open, is dropped and counted."""
    path = written(tmp_path, "a.csv", csv_text(hours(0, 1, 2)))
    pieces, log = read(READER, path, toml=AGGREGATE)
    table = rows(pieces)
    assert log.dropped == {OPEN_BAR: 1}
    assert array(table, "ts").tolist() == [
        each for at in (1, 2) for each in [START + at * HOUR - 1] * 2]
    assert (array(table, "available_at") == array(table, "ts") + 1).all()
    assert array(table, "notional_usd").tolist() == [10.0, 0.0, 11.0, 0.0]
    assert array(table, "source_row").tolist() == [1, 1, 2, 2]
    assert first(table, "completeness", "price_basis") == ("aggregate", "none")
    assert np.isnan(array(table, "qty_base")).all()
    assert pieces[0].step_ns == HOUR


def test_a_bar_that_stands_twice_counts_once(tmp_path):
    """A sum that the file has again, revised, is not added to the first: the last one stands."""
    path = written(tmp_path, "a.csv", csv_text(hours(0, 1, 1, 2)))
    pieces, log = read(READER, path, toml=AGGREGATE)
    assert array(rows(pieces), "notional_usd").tolist() == [10.0, 0.0, 12.0, 0.0]
    assert log.dropped == {OPEN_BAR: 1, REPEATED: 1}


def test_bars_of_two_lengths_are_refused(tmp_path):
    """Hours after days are no hours: the days are refused, a hole or two are not."""
    days = [24 * at for at in range(7)]
    path = written(tmp_path, "a.csv", csv_text(hours(*days, 145, 146, 147)))
    with pytest.raises(DataError, match=r"row 1, time begins a bar of 1d, where bars are 1h"):
        read(READER, path, toml=AGGREGATE)
    cut = AGGREGATE.replace("drop_newest", 'from = "2026-02-06T18:00:00"\ndrop_newest')
    with pytest.raises(DataError, match="row 7, time begins a bar of 1d"):
        read(READER, written(tmp_path, "b.csv", csv_text(hours(*days, 164, 165, 166))), toml=cut)
    cut = cut.replace("18:00:00", "19:00:00")
    assert rows(read(READER, path, toml=cut)[0]).num_rows == 4
    path = written(tmp_path, "c.csv", csv_text(hours(0, 1, 3, 4, 7, 8)))
    assert rows(read(READER, path, toml=AGGREGATE)[0]).num_rows == 10
    path = written(tmp_path, "d.csv", csv_text({**hours(0, 1), "t": [
        START // 10**6, START // 10**6 + 1_800_000]}))
    with pytest.raises(DataError, match="row 2, time is 30m after the bar before it"):
        read(READER, path, toml=AGGREGATE)


def test_funding_percent_and_factors(tmp_path):
    """Percent, and rates that were multiplied or divided, become fractions per interval; stamps
    are snapped, the raw one kept."""
    toml = """
table = "funding"
venue = "okx"
symbol = "ETH-USDT-SWAP"
[time]
column = "t"
stamp = "event"
[columns]
rate = "r"
"""
    stamp = START // 10**6 + 17
    path = written(tmp_path, "a.csv", csv_text({"t": [stamp], "r": ["0.01"]}))
    for more, rate in (("", 0.01), ('[rate]\nunit = "percent"', 1e-4),
                       ('[rate]\nunit = "fraction"\nmultiplier = 8', 0.08),
                       ('[rate]\nunit = "percent"\ndivisor = 8\ninterval_h = 1', 1.25e-5)):
        table = rows(read(READER, path, toml=toml + more)[0])
        assert first(table, "rate")[0] == pytest.approx(rate)
        assert first(table, "ts", "raw_ts", "available_at") == (
            START, START + 17_000_000, START + 17_000_000)
    with pytest.raises(UsageError, match=r"unit in \[rate\] is missing"):
        read(READER, path, toml=toml + "[rate]\nmultiplier = 8")


def test_open_interest_of_both_sides_is_halved(tmp_path):
    """A venue that counts both sides is said so; a negative value is refused."""
    toml = """
table = "open_interest"
venue = "bybit"
symbol = "ETHUSDT"
[time]
column = "t"
stamp = "event"
delay = "5m"
[columns]
quantity = "oi"
usd = "usd"
[quantity]
unit = "coin"
both_sides = true
"""
    path = written(tmp_path, "a.csv", csv_text({"t": [START], "oi": [8], "usd": [""]}))
    table = rows(read(READER, path, toml=toml)[0])
    assert first(table, "oi_base", "available_at") == (4.0, START + 5 * MINUTE)
    assert np.isnan(first(table, "oi_usd")[0])
    path = written(tmp_path, "b.csv", csv_text({"t": [START], "oi": [-8], "usd": [""]}))
    with pytest.raises(DataError, match=r"row 1, oi must be ≥ 0"):
        read(READER, path, toml=toml)


def test_open_interest_in_usd_needs_a_price(tmp_path):
    """USD become coins by the price beside them; without one the coins are unknown and said so."""
    toml = """
table = "open_interest"
venue = "bybit"
symbol = "ETHUSDT"
[time]
column = "t"
stamp = "event"
[columns]
usd = "usd"
"""
    path = written(tmp_path, "a.csv", csv_text({"t": [START], "usd": [500.0], "mark": [2_000.0]}))
    table = rows(read(READER, path, toml=toml + 'price = "mark"\n')[0])
    assert first(table, "oi_base", "oi_usd") == (0.25, 500.0)
    pieces, log = read(READER, path, toml=toml)
    assert np.isnan(array(rows(pieces), "oi_base")).all()
    assert any("coins need price" in note for note in log.notes)
    path = written(tmp_path, "b.csv", csv_text({"t": [START], "usd": [500.0], "mark": [0]}))
    with pytest.raises(DataError, match="row 1, mark must be > 0"):
        read(READER, path, toml=toml + 'price = "mark"\n')


def test_context_wide_and_long(tmp_path):
    """Columns become metrics with units, known at the day's end plus the delay; empty cells are
    dropped and counted; a long file names metric and unit in columns."""
    time = """
table = "context"
source = "SYNTHETIC chain"
[time]
column = "day"
stamp = "open"
step = "1d"
delay = "6h"
"""
    path = written(tmp_path, "a.csv", csv_text({
        "day": ["2026-01-30", "2026-01-31"], "active": [5, ""], "whales": [1.5, 2.5]}))
    pieces, log = read(READER, path, toml=time + """
[metrics.active_addresses]
column = "active"
unit = "addresses"
[metrics.whale_balance]
column = "whales"
unit = "ETH"
""")
    table = rows(pieces)
    assert table.column("metric").to_pylist() == [
        "active_addresses", "whale_balance", "whale_balance"]
    assert table.column("unit").to_pylist() == ["addresses", "ETH", "ETH"]
    assert log.dropped == {"active is empty": 1}
    day = parse("2026-01-30")
    assert first(table, "date", "available_at", "value", "source") == (
        day, day + DAY + 6 * HOUR, 5.0, "SYNTHETIC chain")
    path = written(tmp_path, "b.csv", csv_text({
        "day": ["2026-01-30"], "m": ["tvl"], "u": ["USD"], "x": [7]}))
    table = rows(read(READER, path, toml=time + (
        '[columns]\nmetric = "m"\nunit = "u"\nvalue = "x"\n'))[0])
    assert first(table, "metric", "unit", "value") == ("tvl", "USD", 7.0)


def test_several_instruments_in_one_file(tmp_path):
    """Bars are about one instrument: others are left out by where or the symbol, else refused."""
    toml = BARS.replace('symbol = "ETHUSDT"', 'symbol_column = "s"')
    path = written(tmp_path, "a.csv", candles(s=["ETHUSDT", "BTCUSDT", "ETHUSDT", "ETH-260327"]))
    with pytest.raises(UsageError, match="rows of 2 instruments"):
        read(READER, path, toml=toml)
    pieces, log = read(READER, path, toml=toml, symbol="ETH")
    assert rows(pieces).num_rows == 2
    assert array(rows(pieces), "source_row").tolist() == [1, 3]
    assert log.dropped == {"delivery contracts": 1, "other coins": 1}
    pieces, log = read(READER, path, toml=toml + '[where]\ns = "ETHUSDT"\n')
    assert log.dropped == {"left out by where": 2}
    with pytest.raises(DataError, match="no row is wanted"):
        read(READER, path, toml=toml, symbol="SOL")


@pytest.mark.parametrize(("changed", "said"), [
    ({"h": [102, 98, 102, 102]}, "row 2, high is below another price"),
    ({"l": [99, 99, 101.5, 99]}, "row 3, low is above another price"),
    ({"o": [100, 100, 100, -1]}, "row 4, open must be > 0"),
    ({"c": [100, "x", 100, 100]}, "row 2, c is not a number, found 'x'"),
    ({"v": [1, "", 1, 1]}, "row 2, v is not a number"),
    ({"v": [1, -2, 1, 1]}, "row 2, volume must be ≥ 0"),
    ({"c": ["nan", 100, 100, 100]}, "row 1, c is not a number"),
    ({"c": ["inf", 100, 100, 100]}, "row 1, c is not a number"),
])
def test_rows_that_cannot_be_are_named(tmp_path, changed, said):
    """Prices, volumes and numbers that cannot be are refused by file, row and field."""
    path = written(tmp_path, "a.csv", candles(**changed))
    with pytest.raises(DataError, match=rf"a\.csv: {said}"):
        read(READER, path, toml=BARS)


def test_files_that_are_damaged_or_of_another_shape(tmp_path):
    """A cut row, a missing column with its near miss, no rows, bytes that are no text."""
    text = candles()
    cases: dict[str, tuple[str | bytes, type[DataError], str]] = {
        "cut.csv": (text[:-8], DataError, r"row 4: Expected 6 columns|row 4"),
        "name.csv": (text.replace("t,o", "t,opn", 1), MissingTable, "column 'o' is missing"),
        "none.csv": (text.splitlines()[0], DataError, "no rows"),
        "empty.csv": ("", DataError, "file is empty"),
        "bytes.csv": (text.encode().replace(b"7.0", b"\xff\xfe", 1), DataError, "row 1"),
        "half.parquet": (b"PAR1 and no more", DataError, "not a whole Parquet file"),
    }
    for name, (content, error, said) in cases.items():
        with pytest.raises(error, match=said):
            read(READER, written(tmp_path, name, content), toml=BARS)


def test_parquet_csv_delimiter_and_no_header(tmp_path):
    """The same rows as Parquet, with semicolons, without a header, packed, with a BOM."""
    whole = rows(read(READER, written(tmp_path, "a.csv", candles()), toml=BARS)[0])
    raw = {"t": pa.array([START + n * 5 * MINUTE for n in range(4)], pa.timestamp("ns", "UTC")),
           "o": [100.0] * 4, "h": [102.0] * 4, "l": [99.0] * 4, "c": [101.0] * 4, "v": [7.0] * 4}
    parquet.write_table(pa.table(raw), tmp_path / "a.parquet")
    assert rows(read(READER, tmp_path / "a.parquet", toml=BARS)[0]) == whole
    path = written(tmp_path, "b.csv", "\ufeff" + candles().replace(",", ";"))
    assert rows(read(READER, path, toml=BARS + '[csv]\ndelimiter = ";"\n')[0]) == whole
    path = written(tmp_path, "c.csv", candles().split("\n", 1)[1])
    names = '[csv]\nnames = ["t", "o", "h", "l", "c", "v"]\n'
    assert rows(read(READER, path, toml=BARS + names)[0]) == whole


def test_the_providers_name():
    """The map names who gave the rows."""
    asked = Request(columns=tomllib.loads('provider = "my recorder"\n' + EVENTS))
    assert READER.provider_of(asked) == "my recorder"
    assert column_map(asked).provider == "my recorder"
