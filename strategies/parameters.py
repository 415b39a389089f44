"""Parameters of a strategy: which there are, whether they are spelt right, and what text means."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import backtrader as bt

from deleverage.errors import UsageError, unknown_name

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def defaults(cls: type[bt.Strategy]) -> dict[str, Any]:
    """Parameter → default, in the order of declaration."""
    return dict(cls.params._getpairs())


def check_parameters(cls: type[bt.Strategy], params: Mapping[str, Any]) -> dict[str, Any]:
    """``params`` as ``cls`` takes them: names checked, text read by the type of the default.

    Raises UnknownName for a misspelt name, with the nearest known one, and UsageError for a value
    that the default's type cannot be.
    """
    known = defaults(cls)
    for name in params:
        if name not in known:
            raise unknown_name(f"parameter of {cls.__name__}", name, known)
    return {name: _read(f"{cls.__name__}.{name}", value, known[name])
            for name, value in params.items()}


def _read(name: str, value: Any, default: Any) -> Any:
    """A value for a parameter whose default is ``default``; text comes from the command line."""
    if isinstance(value, str):
        return _read_text(name, value, default)
    if isinstance(default, bool):
        if isinstance(value, bool):
            return value
    elif isinstance(default, int):
        if isinstance(value, Real) and not isinstance(value, bool) and float(value).is_integer():
            return int(float(value))
    elif isinstance(default, float):
        if isinstance(value, Real) and not isinstance(value, bool):
            return float(value)
    elif isinstance(default, str):
        if isinstance(value, (list, tuple)):  # "2350,2750-2800" that was split on its commas
            return ",".join(str(part) for part in value)
        return None if value is None else str(value)
    elif isinstance(default, tuple):
        return tuple(value) if isinstance(value, (list, tuple)) else (value,)
    else:
        return value
    raise _refused(name, value, default)


def _read_text(name: str, text: str, default: Any) -> Any:
    if isinstance(default, str):
        return text
    word = text.strip().lower()
    try:
        if isinstance(default, bool):
            return {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}[word]
        if isinstance(default, int):
            return int(word)
        if isinstance(default, float):
            return float(word)
    except (KeyError, ValueError):
        raise _refused(name, text, default) from None
    if isinstance(default, tuple):
        return tuple(_guess(part) for part in text.split(",") if part.strip())
    return _guess(text) if default is None else text


def _guess(text: str) -> Any:
    """What text means where the default is None: none, a number, true or false, else itself."""
    word = text.strip().lower()
    if word == "none":
        return None
    for reader in (int, float):
        try:
            return reader(word)
        except ValueError:
            pass
    return {"true": True, "false": False}.get(word, text)


def _refused(name: str, value: Any, default: Any) -> UsageError:
    wanted = {bool: "true or false", int: "a whole number", float: "a number"}[type(default)]
    return UsageError(f"{name} must be {wanted} (default {default!r}), found {value!r}")
