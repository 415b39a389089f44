"""The column map of the generic reader: what the TOML says, with every misspelt word refused."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from deleverage.errors import UsageError, unknown_name
from deleverage.feeds.readers.generic.section import ByVenue, Section
from deleverage.feeds.readers.generic.times import TimeMap, time_map
from deleverage.feeds.readers.protocol import Request
from deleverage.feeds.tables import COMPLETENESS

PRICES = ("open", "high", "low", "close")
AGGREGATE = ("long_usd", "short_usd", "long_quantity", "short_quantity", "total_usd")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "bars": (*PRICES, "volume"), "mark": PRICES, "index": PRICES, "premium": PRICES,
    "funding": ("rate", "interval_h"), "open_interest": ("quantity", "usd", "price"),
    "liquidations": ("side", "quantity", "price", "notional", *AGGREGATE),
    "context": ("metric", "value", "unit"),
}
_OPTIONAL = {"interval_h", "usd", "quantity", "price", "notional", "unit", *AGGREGATE}
_TOP = ("table", "venue", "venue_column", "symbol", "symbol_column", "provider", "price_basis",
        "completeness", "where", "csv", "time", "columns", "side", "quantity", "rate", "metrics",
        "source")
_ABOUT = {"side": ("liquidations",), "rate": ("funding",), "metrics": ("context",),
          "source": ("context",), "price_basis": ("liquidations",),
          "completeness": ("liquidations",), "quantity": ("bars", "open_interest", "liquidations")}
_WORDS = {"order": (("sell",), ("buy",)), "position": (("long", "buy"), ("short", "sell"))}


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """The whole TOML; ``columns`` maps our names to the file's."""

    table: str
    time: TimeMap
    columns: Mapping[str, str]
    venue: str | None
    venue_column: str | None
    symbol: str | None
    symbol_column: str | None
    provider: str | None
    source: str | None
    where: Mapping[str, tuple[str, ...]]
    delimiter: str
    encoding: str
    names: tuple[str, ...] | None
    longs: tuple[str, ...]
    shorts: tuple[str, ...]
    price_basis: ByVenue
    completeness: ByVenue
    unit: ByVenue
    contract_size: ByVenue
    both_sides: bool
    rate_factor: float
    interval_h: float
    metrics: Mapping[str, tuple[str, str]]

    @property
    def aggregated(self) -> bool:
        """Whether the rows are bars of liquidations with both sides in them."""
        return self.table == "liquidations" and "side" not in self.columns

    def wanted(self) -> list[str]:
        """All columns of the file that are read."""
        found = [self.time.column, *self.columns.values(), *self.where,
                 *(column for column, _ in self.metrics.values())]
        found += [each for each in (self.venue_column, self.symbol_column, self.time.available)
                  if each]
        return list(dict.fromkeys(found))


def column_map(request: Request) -> ColumnMap:
    """The column map of a request; UsageError or UnknownName for what cannot be meant."""
    if request.columns is None:
        raise UsageError("generic: say with --columns FILE.toml which column is what")
    top = Section("", request.columns, _TOP)
    table = top.choice("table", tuple(COLUMNS))
    if table is None:
        raise UsageError(f"column map: table is missing (one of {', '.join(COLUMNS)})")
    for name, tables in _ABOUT.items():
        if name in top.values and table not in tables:
            raise UsageError(f"column map: {name} is for {', '.join(tables)}, not for {table}")
    sections = {name: Section(name, top.values.get(name, {}), known) for name, known in (
        ("csv", ("delimiter", "encoding", "names")), ("side", ("convention", "long", "short")),
        ("quantity", ("unit", "contract_size", "both_sides")),
        ("rate", ("unit", "multiplier", "divisor", "interval_h")),
        ("columns", COLUMNS[table]))}
    metrics = _metrics(top)
    columns = _columns(table, sections["columns"], bool(metrics))
    longs, shorts = _side_words(table, sections["side"], columns, request.side)
    form, quantity = sections["csv"], sections["quantity"]
    time = time_map(top, table, "side" not in columns, request)
    result = ColumnMap(
        table, time, columns,
        _lower(top.text("venue") or (None if top.text("venue_column") else request.venue)),
        top.text("venue_column"), top.text("symbol"), top.text("symbol_column"),
        top.text("provider"), top.text("source"), _where(top),
        *_text_form(form),
        form.words("names") or None, longs, shorts,
        top.by_venue("price_basis", _one_of("fill", "limit", "bankruptcy")),
        top.by_venue("completeness", _one_of(*COMPLETENESS)),
        quantity.by_venue("unit", _one_of("coin", "contracts", "usd")),
        ByVenue("contract_size", request.contract_size) if request.contract_size
        else quantity.by_venue("contract_size", _size),
        bool(quantity.of("both_sides", bool)), _rate_factor(sections["rate"]),
        sections["rate"].of("interval_h", float) or float("nan"), metrics)
    _complete(result)
    return result


def _complete(result: ColumnMap) -> None:
    """What a table cannot be without."""
    if result.venue and result.venue_column:
        raise UsageError("column map: venue and venue_column exclude each other")
    if result.symbol and result.symbol_column:
        raise UsageError("column map: symbol and symbol_column exclude each other")
    if result.table not in ("context",) and not (result.venue or result.venue_column):
        raise UsageError("column map: say whose rows these are: venue, venue_column or --venue")
    if result.table == "liquidations" and not result.aggregated:
        for value in (result.completeness, result.price_basis):
            if value.value is None and (value.name != "price_basis" or "price" in result.columns):
                raise UsageError(f"column map: {value.name} is missing: it cannot be told from "
                                 "the rows")
    elif result.completeness.value not in (None, "aggregate"):
        raise UsageError("column map: bars of liquidations are always completeness = "
                         f"'aggregate', found {result.completeness.value!r}")
    elif result.price_basis.value is not None:
        raise UsageError("column map: bars of liquidations have no price_basis")


def _columns(table: str, section: Section, metrics: bool) -> dict[str, str]:
    found = {key: cast(str, section.text(key)) for key in section.values}
    needed = [key for key in COLUMNS[table] if key not in _OPTIONAL]
    if table == "context" and metrics:
        needed = []
    if table == "liquidations" and "side" not in found:
        pairs = (("long_usd", "short_usd"), ("long_quantity", "short_quantity"))
        if not any(set(pair) <= set(found) for pair in pairs) or "quantity" in found or any(
                (pair[0] in found) != (pair[1] in found) for pair in pairs):
            raise UsageError("column map: liquidations need side with quantity or notional, or "
                             "long_usd and short_usd (long_quantity, short_quantity)")
        return found
    for key in needed:
        if key not in found:
            raise UsageError(f"column map: {key} in [columns] is missing ({table} need "
                             f"{', '.join(needed)})")
    if table == "liquidations" and set(found) & set(AGGREGATE):
        raise UsageError("column map: side is for single liquidations, long_usd … for bars")
    if table == "liquidations" and not {"quantity", "notional"} & set(found):
        raise UsageError("column map: liquidations need quantity or notional in [columns]")
    if table == "open_interest" and not {"quantity", "usd"} & set(found):
        raise UsageError("column map: open_interest needs quantity or usd in [columns]")
    return found


def _side_words(table: str, section: Section, columns: Mapping[str, str],
                asked: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    convention = section.choice("convention", tuple(_WORDS))
    longs, shorts = section.words("long"), section.words("short")
    if "side" not in columns:
        if section.values:
            raise UsageError("column map: [side] without side in [columns]")
        return (), ()
    if bool(longs) != bool(shorts) or (longs and convention):
        raise UsageError("column map: [side] needs convention, or both long and short")
    if asked is not None and asked not in _WORDS:
        raise unknown_name("side convention", asked, _WORDS)
    if asked is not None or not longs:
        if not (asked or convention):
            raise UsageError("column map: say in [side] what side means: convention = 'order' "
                             "(sell closes a long) or 'position' (buy is a long)")
        return _WORDS[cast(str, asked or convention)]
    return longs, shorts


def _where(top: Section) -> dict[str, tuple[str, ...]]:
    found = {}
    values = top.values.get("where", {})
    if not isinstance(values, Mapping):
        raise UsageError("column map: where must be a table of columns and values")
    for name, value in values.items():
        each = value if isinstance(value, list) else [value]
        if not each or not all(isinstance(one, (str, int, float)) for one in each):
            raise UsageError(f"column map: where.{name} must be a value or a list of values")
        found[str(name)] = tuple(str(one).lower() if isinstance(one, bool) else str(one)
                                 for one in each)
    return found


def _metrics(top: Section) -> dict[str, tuple[str, str]]:
    values = top.values.get("metrics", {})
    if not isinstance(values, Mapping):
        raise UsageError("column map: metrics must be a table")
    found = {}
    for name, value in values.items():
        section = Section(f"metrics.{name}", value, ("column", "unit"))
        column, unit = section.text("column"), section.text("unit")
        if column is None or unit is None:
            raise UsageError(f"column map: [metrics.{name}] needs column and unit")
        found[str(name)] = (column, unit)
    if found and "columns" in top.values:
        raise UsageError("column map: [metrics.NAME] and [columns] exclude each other")
    return found


def _text_form(section: Section) -> tuple[str, str]:
    delimiter, encoding = section.text("delimiter") or ",", section.text("encoding") or "utf8"
    if len(delimiter) != 1 or delimiter in '"\n\r' or ord(delimiter) > 127:
        raise UsageError(f"column map: delimiter in [csv] must be one sign, found {delimiter!r}")
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise UsageError(f"column map: encoding in [csv] is unknown: {encoding!r}") from None
    return delimiter, encoding


def _rate_factor(section: Section) -> float:
    unit = section.choice("unit", ("fraction", "percent"), "fraction")
    if section.values and not section.text("unit"):
        raise UsageError("column map: unit in [rate] is missing (fraction or percent)")
    times, parts = section.of("multiplier", float, 1.0), section.of("divisor", float, 1.0)
    if not times or not parts or not 0 < abs(times / parts) < 1e9:
        raise UsageError("column map: multiplier and divisor in [rate] must not be 0")
    return times / parts * (0.01 if unit == "percent" else 1.0)


def _one_of(*known: str) -> Callable[[str, object], str]:
    def fits(key: str, value: object) -> str:
        if value not in known:
            raise unknown_name(f"{key} in the column map", str(value), known)
        return str(value)

    return fits


def _size(key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise UsageError(f"column map: {key} must be a number above 0, found {value!r}")
    return float(value)


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()
