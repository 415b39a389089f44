"""Strategies by name: the shipped ones, files dropped beside them, modules, and files anywhere.

A reference is ``level_reclaim`` (a file in this folder), ``package.module:Class``, or
``path/to/file.py:Class`` (``:Class`` may be left out where the file has one strategy only).
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import backtrader as bt

from deleverage import strategies
from deleverage.errors import UnknownName, UsageError, unknown_name
from deleverage.strategies.parameters import check_parameters, defaults

__all__ = ["StrategyInfo", "check_parameters", "describe", "load", "names"]

_PACKAGE = "deleverage.strategies"
_PLUMBING = frozenset({"barriers", "base", "exits", "level_signals", "parameters", "registry",
                       "signals", "tables"})
_LINKED = ("strategies", "feeds", "analyzers")

_loaded: dict[Path, tuple[int, ModuleType]] = {}  # files of the user, by path and time of change


@dataclass(frozen=True, slots=True)
class StrategyInfo:
    """What ``list strategies`` shows of one strategy."""

    name: str
    summary: str
    parameters: Mapping[str, Any]
    required_tables: tuple[str, ...]


def names() -> tuple[str, ...]:
    """Names of the strategies in this folder, shipped or dropped in: their file names."""
    found = (module.name for module in pkgutil.iter_modules(strategies.__path__))
    return tuple(sorted(name for name in found
                        if name not in _PLUMBING and not name.startswith("_")))


def describe() -> tuple[StrategyInfo, ...]:
    """Every strategy of :func:`names` with its first line, parameters and required tables.

    A file in the folder that does not load raises UsageError with its line.
    """
    return tuple(_info(name, load(name)) for name in names())


def load(ref: str) -> type[bt.Strategy]:
    """The class a reference names. Raises UsageError or UnknownName, in one line.

    Any ``bt.Strategy`` will do; one that derives from PerpetualStrategy says when it wakes.
    """
    place, _, name = ref.partition(":")
    if place.endswith(".py") or "/" in place:
        return _pick(_from_file(Path(place)), name, place)
    if ":" not in ref and "." not in ref:
        if ref not in names():
            raise unknown_name("strategy", ref, names())
        return _pick(_imported(f"{_PACKAGE}.{ref}", ref), _class_name(ref), ref)
    top = place.split(".")[0]
    if top in _LINKED:
        raise UsageError(f"no module {place!r}: the installed name is 'deleverage.{ref}'")
    if not name:
        raise UsageError(f"not a strategy: {ref!r} (expected a name, module:Class or "
                         "file.py:Class)")
    return _pick(_imported(place, ref), name, place)


def _info(name: str, cls: type[bt.Strategy]) -> StrategyInfo:
    module = sys.modules[cls.__module__].__doc__ or cls.__doc__ or ""
    summary = module.strip().partition("\n")[0]
    return StrategyInfo(name, summary, defaults(cls), getattr(cls, "required_tables", ()))


def _class_name(stem: str) -> str:
    """``level_reclaim`` → ``LevelReclaim``."""
    return "".join(part.capitalize() for part in stem.split("_"))


def _pick(module: ModuleType, name: str, place: str) -> type[bt.Strategy]:
    """The strategy called ``name`` in a module, or its only one."""
    own = {key: value for key, value in vars(module).items()
           if isinstance(value, type) and issubclass(value, bt.Strategy)
           and value.__module__ == module.__name__}
    if name in own:
        return own[name]
    found = vars(module).get(name)
    if isinstance(found, type) and issubclass(found, bt.Strategy):
        return found  # imported there from elsewhere
    if found is not None:
        raise UsageError(f"{name!r} in {place} is not a strategy: it must derive from bt.Strategy")
    by_name = place in names() or not name
    if by_name and len(own) == 1:
        return next(iter(own.values()))
    if not own:
        raise UsageError(f"no strategy in {place}: no class there derives from bt.Strategy")
    if not name:
        raise UsageError(f"several strategies in {place}, say which: "
                         + ", ".join(f"{place}:{key}" for key in sorted(own)))
    raise unknown_name(f"strategy in {place}", name, own)


def _imported(module: str, ref: str) -> ModuleType:
    """Import a module by its dotted name, its failures in one line."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(f"{error.name}.")):
            raise UnknownName(f"no module {module!r} (in the strategy {ref!r}){_near(module)}"
                              ) from None
        raise UsageError(f"{module} does not import: {_reason(error, None)}") from error
    except Exception as error:
        raise UsageError(f"{module} does not import: {_reason(error, None)}") from error


def _near(module: str) -> str:
    parent, _, last = module.rpartition(".")
    if parent != _PACKAGE:
        return ""
    near = difflib.get_close_matches(last, names(), n=1)
    return f"; did you mean '{_PACKAGE}.{near[0]}'?" if near else ""


def _from_file(path: Path) -> ModuleType:
    """Import a file of the user's own under a private name, again when it has changed."""
    if not path.is_file():
        near = difflib.get_close_matches(
            path.name, [other.name for other in path.parent.glob("*.py")], n=1)
        raise UsageError(f"no strategy file {str(path)!r}"
                         + (f"; did you mean {near[0]!r}?" if near else ""))
    path = path.resolve()
    changed = path.stat().st_mtime_ns
    known = _loaded.get(path)
    if known is not None and known[0] == changed:
        return known[1]
    spec = importlib.util.spec_from_file_location(f"deleverage_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"not a Python file: {str(path)!r}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # backtrader looks its classes' modules up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[spec.name]
        raise UsageError(f"{path.name} does not import: {_reason(error, path)}") from error
    _loaded[path] = (changed, module)
    return module


def _reason(error: Exception, path: Path | None) -> str:
    """One line: which line failed, with what."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if path is None or frame.filename == str(path)]
    where = f"line {inside[-1].lineno}: " if inside else ""
    said = " ".join(str(error).split())
    return f"{where}{type(error).__name__}: {said}"
