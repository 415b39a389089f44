"""Reading ladders: the bundled JSON, a user's JSON or TOML, and ccxt's ``fetch_leverage_tiers``."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from deleverage.errors import DataError, LadderError, unknown_name
from deleverage.venues.ladder import Bracket, Ladder

_COLUMNS = ("min_notional", "max_notional", "mmr", "max_leverage", "amount")


def from_mapping(raw: dict[str, Any], *, where: str, sha256: str = "") -> Ladder:
    """A ladder from one JSON/TOML object with ``columns`` and ``rows`` (bundled or a user's file).

    Raises LadderError naming ``where`` and the row.
    """
    columns, rows = raw.get("columns", list(_COLUMNS)), raw.get("rows", [])
    for name, value in (("columns", columns), ("rows", rows)):
        if not isinstance(value, list):
            raise LadderError(f"{where}: {name} must be a list, found {value!r}")
    needed = {"min_notional", "max_notional", "mmr"}
    if not needed <= set(map(str, columns)):
        raise LadderError(f"{where}: columns must contain {sorted(needed)}, found {columns}")
    for column in columns:
        if column not in _COLUMNS:
            raise LadderError(f"{where}: {unknown_name('column', str(column), _COLUMNS)}")
    brackets = tuple(_brackets(rows, columns, where, bool(raw.get("jumps", False))))
    try:
        return Ladder(
            id=str(raw.get("id", Path(where).name)), venue=str(raw.get("venue", "")),
            symbol=str(raw.get("symbol", "")), brackets=brackets,
            observed=None if raw.get("observed") is None else str(raw["observed"]),
            confidence=str(raw.get("confidence", "user")), source=str(raw.get("source", where)),
            note=str(raw.get("note", "")), sha256=sha256,
            unit=str(raw.get("unit", "quote")), contract_size=float(raw.get("contract_size", 1)),
            jumps=bool(raw.get("jumps", False)),
            closed=None if raw.get("closed") is None else str(raw["closed"]),
            complete=bool(raw.get("complete", True)),
        )
    except LadderError as error:
        raise LadderError(f"{where}: {error}") from None


def read(path: str | Path, symbol: str = "") -> Ladder:
    """A user's ladder from a ``.json`` or ``.toml`` file.

    JSON may also be the answer of ccxt's ``fetch_leverage_tiers`` or its one-market sibling
    (``symbol`` picks one of several, as ETHUSDT or ETH/USDT:USDT).
    """
    path = Path(path)
    if path.suffix not in (".json", ".toml"):
        raise LadderError(f"ladder file {path}: expected a .json or .toml file")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"ladder file {path}: {error.strerror or error}") from None
    try:
        if path.suffix == ".toml":
            import tomllib

            raw: Any = tomllib.loads(data.decode())
        else:
            raw = json.loads(data)
    except ValueError as error:
        raise LadderError(f"ladder file {path}: not readable as {path.suffix}: "
                          f"{error}") from None
    if _is_ccxt(raw):
        raw = _from_ccxt(raw, symbol, str(path))
    if isinstance(raw, list) and len(raw) == 1:
        raw = raw[0]
    if not isinstance(raw, dict):
        raise LadderError(f"ladder file {path}: expected one object with 'rows'")
    raw = {**raw, "confidence": "user"}
    return from_mapping(raw, where=str(path), sha256=hashlib.sha256(data).hexdigest())


def _brackets(
    rows: Iterable[Sequence[Any]], columns: list[str], where: str, jumps: bool
) -> Iterable[Bracket]:
    amount, previous = 0.0, 0.0
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, (list, tuple)) or len(row) != len(columns):
            raise LadderError(f"{where}: row {number} must have {len(columns)} values {columns}")
        cell = dict(zip(columns, row, strict=True))
        try:
            lower, rate = float(cell["min_notional"]), float(cell["mmr"])
            upper = math.inf if cell["max_notional"] is None else float(cell["max_notional"])
            limit = cell.get("max_leverage")
            limit = None if limit is None else float(limit)
            given = cell.get("amount")
            amount += 0.0 if jumps else lower * (rate - previous)
            if given is not None:
                amount = float(given)
        except (TypeError, ValueError):
            raise LadderError(f"{where}: row {number} holds something that is not a number: "
                              f"{list(row)}") from None
        previous = rate
        yield Bracket(lower, upper, rate, amount, limit)


def _is_ccxt(raw: Any) -> bool:
    rows = next(iter(raw.values()), None) if isinstance(raw, dict) else raw
    return isinstance(rows, list) and bool(rows) and isinstance(rows[0], dict) \
        and "maintenanceMarginRate" in rows[0]


def _from_ccxt(raw: Any, symbol: str, where: str) -> dict[str, Any]:
    """One market's tiers in ccxt's unified structure as an object with columns and rows."""
    if isinstance(raw, dict):
        wanted = _plain(symbol)
        found = [name for name in raw if _plain(name) == wanted] or \
            (list(raw) if len(raw) == 1 else [])
        if not found:
            raise LadderError(f"{where}: {unknown_name('symbol', symbol, raw)}")
        symbol, raw = found[0], raw[found[0]]
    rows = []
    for number, tier in enumerate(raw, start=1):
        try:
            rows.append([tier["minNotional"], tier["maxNotional"], tier["maintenanceMarginRate"],
                         tier.get("maxLeverage")])
        except (KeyError, TypeError) as error:
            raise LadderError(f"{where}: tier {number} of {symbol} lacks {error}") from None
    return {"id": f"{Path(where).name}:{symbol}", "symbol": _plain(symbol),
            "columns": list(_COLUMNS[:4]), "rows": rows}


def _plain(symbol: str) -> str:
    """``ETH/USDT:USDT`` as ``ETHUSDT``."""
    return symbol.split(":")[0].replace("/", "")
