"""Single values of a specification: checked, and turned into what JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from deleverage import timestamps
from deleverage.errors import UsageError
from deleverage.policies import Fees


def as_number(name: str, value: Any, above: float = -math.inf, least: float = -math.inf,
              most: float = math.inf) -> float:
    """A finite float > ``above``, ≥ ``least`` and ≤ ``most``; else UsageError naming the field."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UsageError(f"{name} must be a number, found {value!r}")
    number = float(value)
    if not math.isfinite(number) or number <= above or number < least or number > most:
        wanted = f"in ({above:g}, {most:g}]" if math.isfinite(most) and math.isfinite(above) else (
            f"> {above:g}" if math.isfinite(above) else f"in [{least:g}, {most:g}]")
        raise UsageError(f"{name} must be {wanted}, found {value}")
    return number


def as_fees(value: Any) -> tuple[float, float]:
    """(maker, taker) of such a pair or of a Fees object."""
    if isinstance(value, Fees):
        return value.maker, value.taker
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise UsageError(f"fees must be (maker, taker) as fractions of notional, found {value!r}")
    checked = Fees(*(as_number("a fee", rate) for rate in value))
    return checked.maker, checked.taker


def as_moment(value: Any) -> str | None:
    """ISO text in UTC of ISO text, a datetime, a date or UTC nanoseconds."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, datetime, date)):
        raise UsageError(f"not an ISO date or time: {value!r}")
    if isinstance(value, int):
        stamp = value
    elif isinstance(value, datetime):
        stamp = timestamps.from_datetime(value)
    else:
        stamp = timestamps.parse(value if isinstance(value, str) else value.isoformat())
    return timestamps.to_datetime(stamp).isoformat()


def as_parameter(name: str, value: Any) -> Any:
    """A number, text, boolean, None or tuple of these; lists become tuples."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise UsageError(f"strategy parameter {name} must be finite, found {value}")
        return value
    if isinstance(value, (tuple, list)):
        return tuple(as_parameter(name, item) for item in value)
    raise UsageError(f"strategy parameter {name} must be a number, text, boolean, None or a tuple "
                     f"of these, found {type(value).__name__}")


def as_json(value: Any) -> Any:
    """Tuples as lists and mappings as dicts, all the way down."""
    if isinstance(value, tuple):
        return [as_json(item) for item in value]
    if isinstance(value, Mapping):
        return {key: as_json(item) for key, item in value.items()}
    return value
