"""Single values of a specification: checked, and turned into what JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from deleverage import slippage, timestamps
from deleverage.errors import UsageError
from deleverage.policies import Fees, one_of


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


def as_count(name: str, value: Any) -> int:
    """A whole number of bars ≥ 0; else UsageError naming the field."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value != int(value) or value < 0:
        raise UsageError(f"{name} must be a whole number of bars ≥ 0, found {value!r}")
    return int(value)


def as_step(value: Any) -> str | None:
    """A bar length in its shortest form (``1h`` of ``60m``); UsageError where it is none."""
    if value is None:
        return None
    return timestamps.show_step(timestamps.parse_step(str(value)))


def as_slippage(value: Any) -> str | None:
    """The text of a slippage policy, given as such or as the policy, with what is not a default.

    UsageError (UnknownName with the near miss) where there is no such policy.
    """
    if value is None:
        return None
    if not isinstance(value, (str, slippage.Slippage)):
        raise UsageError(f"slippage must be the text of a policy such as 2bp, volume or cascade, "
                         f"found {value!r}")
    return slippage.to_text(slippage.parse(value) if isinstance(value, str) else value)


def as_outages(value: Any) -> tuple[tuple[str, str], ...]:
    """(from, to) pairs of moments, each UTC ISO text, in the order of time.

    Takes pairs in any form of :func:`as_moment` or ``FROM/TO`` texts; UsageError for one reversed.
    """
    found = []
    for pair in _rows("outage", value):
        parts = pair.split("/") if isinstance(pair, str) else pair
        if not isinstance(parts, Sequence) or len(parts) != 2 or None in parts:
            raise UsageError(f"an outage is a pair of times FROM/TO, found {pair!r}")
        start, end = (as_moment(part) for part in parts)
        assert start is not None
        assert end is not None
        if timestamps.parse(start) >= timestamps.parse(end):
            raise UsageError(f"an outage must begin before it ends, found {start} to {end}")
        found.append((start, end))
    return tuple(sorted(found, key=lambda each: timestamps.parse(each[0])))


def as_deleveragings(value: Any) -> tuple[tuple[str, str, float, float], ...]:
    """(time, side, share, price) rows of auto-deleveragings, in the order of time.

    ``side`` is that of the positions taken (long, short), ``share`` of their size in (0, 1],
    ``price`` in quote per coin. UsageError naming what is wrong with a row.
    """
    found = []
    for row in _rows("adl", value):
        if not isinstance(row, Sequence) or isinstance(row, str) or len(row) != 4 \
                or row[0] is None:
            raise UsageError("an auto-deleveraging is a row (time, side, share, price), found "
                             f"{row!r}")
        moment = as_moment(row[0])
        assert moment is not None
        side = one_of("side of an auto-deleveraging", row[1], ("long", "short"))
        found.append((moment, side, as_number("share of an auto-deleveraging", row[2], above=0.0,
                                              most=1.0),
                      as_number("price of an auto-deleveraging", row[3], above=0.0)))
    return tuple(sorted(found, key=lambda each: timestamps.parse(each[0])))


def _rows(name: str, value: Any) -> Sequence[Any]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise UsageError(f"{name} must be a list of rows, found {value!r}")
    return value


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
