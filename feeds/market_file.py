"""``market.toml``: what a dataset says about itself, as text that a person can read and correct."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import tomli_w

from deleverage.errors import DataError, DeleverageError
from deleverage.instrument import Instrument
from deleverage.market import Coverage, Market
from deleverage.timestamps import from_datetime, parse_step, show_step, to_datetime

FORMAT = 1  # of the dataset folder; raised when an older reader would misread it
FILE = "market.toml"
_INSTRUMENT = ("symbol", "venue", "base", "quote", "product", "tick_size", "lot_size",
               "min_notional", "max_size", "max_market_size")


def dumps(market: Market) -> bytes:
    """``market`` as TOML: the same bytes for the same market. Times are UTC."""
    instrument = {key: getattr(market.instrument, key) for key in _INSTRUMENT}
    document: dict[str, Any] = {
        "format": FORMAT,
        "name": market.name,
        "synthetic": market.synthetic,
        **({"step": show_step(market.step_ns)} if market.step_ns else {}),
        "start": _moment(market.start_ns),
        "end": _moment(market.end_ns),
        "instrument": {key: value for key, value in instrument.items() if value is not None},
    }
    if market.mark_step_ns is not None:
        document["mark_step"] = show_step(market.mark_step_ns)
    for key in ("provenance", "sha256", "notes"):
        if getattr(market, key):
            document[key] = _plain(getattr(market, key))
    if market.coverage:
        document["coverage"] = [
            {"table": cover.table, "venue": cover.venue, "provider": cover.provider,
             "start": _moment(cover.start_ns), "end": _moment(cover.end_ns),
             "completeness": cover.completeness} for cover in market.coverage]
    return tomli_w.dumps(document).encode()


def loads(content: bytes, where: str) -> Market:
    """The market of a ``market.toml``. Raises DataError naming ``where`` and what is wrong."""
    try:
        document = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{where}: not TOML: {error}") from None
    if document.get("format") != FORMAT:
        raise DataError(f"{where}: format must be {FORMAT}, found {document.get('format')!r}")
    try:
        return _market(document)
    except KeyError as error:
        raise DataError(f"{where}: {error.args[0]!r} is missing") from None
    except DeleverageError as error:
        raise DataError(f"{where}: {error}") from None
    except (TypeError, AttributeError, ValueError) as error:
        raise DataError(f"{where}: a value has the wrong type: {error}") from None


def _market(document: Mapping[str, Any]) -> Market:
    instrument = Instrument(**{key: document["instrument"][key] for key in _INSTRUMENT
                               if key in document["instrument"] or key in ("symbol", "venue")})
    step, mark_step = document.get("step"), document.get("mark_step")
    coverage = tuple(
        Coverage(cover["table"], cover["venue"], cover["provider"], _stamp(cover["start"]),
                 _stamp(cover["end"]), cover.get("completeness", "unknown"))
        for cover in document.get("coverage", ()))
    return Market(
        instrument, parse_step(step) if step else 0, _stamp(document["start"]),
        _stamp(document["end"]), bool(document.get("synthetic", False)), document.get("name", ""),
        parse_step(mark_step) if mark_step else None,
        MappingProxyType(dict(document.get("provenance", {}))), coverage,
        MappingProxyType(dict(document.get("sha256", {}))),
        MappingProxyType(dict(document.get("notes", {}))),
    )


def _moment(stamp: int) -> datetime:
    return to_datetime(stamp).replace(tzinfo=UTC)


def _stamp(moment: datetime) -> int:
    if not isinstance(moment, datetime):
        raise TypeError(f"{moment!r} is not a date with a time")
    return from_datetime(moment)


def _plain(value: Any) -> Any:
    """Mappings sorted by key, sequences as lists, numpy numbers as Python's: what TOML holds."""
    if isinstance(value, Mapping):
        return {str(key): _plain(value[key]) for key in sorted(value, key=str)
                if value[key] is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.item() if hasattr(value, "item") else value
