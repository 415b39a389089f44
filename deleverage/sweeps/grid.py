"""The grid of a sweep: ordered axes, each a parameter of the strategy or a field of the run.

An axis is called by the bare name (``n_closes``, ``leverage``, ``margin``, ``slippage_bp``). A
strategy whose parameter is called like a field of the run gets its axis as ``params.NAME``, and the
run's field as ``run.NAME``.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from deleverage.errors import UsageError, unknown_name
from deleverage.spec import RunSpec
from deleverage.values import as_json, as_parameter

Point = Mapping[str, Any]  # axis → value: one combination

# fields that say which run it is, or that are lists by themselves; every other one may be an axis
_NO_AXES = frozenset({"data", "strategy", "params", "symbol", "fromdate", "todate", "fees",
                      "outage", "adl"})
RUN_FIELDS = tuple(item.name for item in dataclasses.fields(RunSpec) if item.name not in _NO_AXES)
_EITHER = ("params", "run")


@dataclass(frozen=True, slots=True)
class Axis:
    """One name and the values it takes, in the order they were given."""

    name: str
    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise UsageError(f"the axis {self.name} has no values")


@dataclass(frozen=True)
class Grid:
    """Ordered axes; a combination takes one value of each, the last axis running fastest."""

    axes: tuple[Axis, ...]

    def __post_init__(self) -> None:
        if not self.axes:
            raise UsageError("a grid needs at least one axis: a name and its values")

    @classmethod
    def of(cls, axes: Mapping[str, Sequence[Any] | str]) -> Self:
        """The grid of ``{name: values}``; a text is split as ``--grid`` splits it (see split).

        Raises UsageError for an axis without values and for values that are no sequence.
        """
        return cls(tuple(Axis(name, _listed(name, values)) for name, values in axes.items()))

    def __len__(self) -> int:
        return math.prod(len(axis.values) for axis in self.axes)

    def __str__(self) -> str:
        return " × ".join(f"{axis.name} {', '.join(map(show, axis.values))}" for axis in self.axes)

    @property
    def names(self) -> tuple[str, ...]:
        """The axes' names, in order."""
        return tuple(axis.name for axis in self.axes)

    def points(self) -> Iterator[dict[str, Any]]:
        """Every combination, the last axis running fastest."""
        for values in itertools.product(*(axis.values for axis in self.axes)):
            yield dict(zip(self.names, values, strict=True))

    def bound(self, spec: RunSpec) -> Self:
        """The same grid with every value as ``spec`` and its strategy take it.

        Raises UnknownName for an axis nobody knows, with the near miss, and UsageError for a value
        that cannot be, a value that stands twice and axes that exclude one another.
        """
        parameters = _parameters(spec)
        axes = []
        for axis in self.axes:
            field, of_run = _target(axis.name, spec, parameters)
            values = [_of_run(spec, field, value) if of_run else _of_strategy(spec, field, value)
                      for value in axis.values]
            _distinct(axis, values)
            axes.append(Axis(axis.name, tuple(values)))
        made = type(self)(tuple(axes))
        # one value of every axis, the plainest clash: what excludes what is the run's own knowledge
        made.specification(spec, {axis.name: next((value for value in axis.values
                                                   if value is not None), None) for axis in axes})
        return made

    def specification(self, spec: RunSpec, point: Point) -> RunSpec:
        """``spec`` with the values of one combination."""
        return next(self.specifications(spec, [point]))

    def specifications(self, spec: RunSpec, points: typing.Iterable[Point]) -> Iterator[RunSpec]:
        """``spec`` with the values of each combination."""
        parameters = _parameters(spec)
        targets = {name: _target(name, spec, parameters) for name in self.names}
        if len(set(targets.values())) < len(targets):
            raise UsageError(f"two axes of the grid are the same: {', '.join(self.names)}")
        for point in points:
            fields: dict[str, Any] = {}
            params = dict(spec.params)
            for name, value in point.items():
                field, of_run = targets[name]
                (fields if of_run else params)[field] = value
            yield spec.changed(params=params, **fields)

    def as_list(self) -> list[dict[str, Any]]:
        """The axes as JSON values."""
        return [{"name": axis.name, "values": as_json(axis.values)} for axis in self.axes]

    @classmethod
    def from_list(cls, axes: Sequence[Mapping[str, Any]]) -> Self:
        """The grid of :meth:`as_list`."""
        return cls(tuple(Axis(str(axis["name"]), as_parameter(str(axis["name"]), axis["values"]))
                         for axis in axes))


def split(text: str) -> tuple[str, ...]:
    """The values in a text: between commas, or between ``|`` where a value holds commas itself.

    >>> split("2, 3,5"), split("2350,2750-2800 | 3000"), split("2350,3000 |")
    (('2', '3', '5'), ('2350,2750-2800', '3000'), ('2350,3000',))
    """
    text = text.strip()
    parts = text.removesuffix("|").split("|") if "|" in text else text.split(",")
    return tuple(part.strip() for part in parts)


def show(value: Any) -> str:
    """A value as it would be typed."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(show, value))
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _listed(name: str, values: Sequence[Any] | str) -> tuple[Any, ...]:
    if isinstance(values, str):
        if not values.strip():
            raise UsageError(f"the axis {name} has no values")
        parts = split(values)
        if "" in parts:
            raise UsageError(f"the axis {name} has an empty value in {values!r}")
        return parts
    if not isinstance(values, Sequence):
        raise UsageError(f"the values of the axis {name} must be a list, found {values!r}")
    return tuple(values)


def _parameters(spec: RunSpec) -> tuple[str, ...]:
    from deleverage.strategies import parameters, registry

    return tuple(parameters.defaults(registry.load(spec.strategy)))


def _target(name: str, spec: RunSpec, parameters: Sequence[str]) -> tuple[str, bool]:
    """(field, whether it is one of the run); UnknownName with the near miss."""
    where, dot, field = name.partition(".")
    if dot and where in _EITHER:
        known = RUN_FIELDS if where == "run" else tuple(parameters)
        if field not in known:
            raise unknown_name(f"axis {where}.", field, known)
        return field, where == "run"
    if name in parameters and name in RUN_FIELDS:
        raise UsageError(f"the axis {name} is a field of the run and a parameter of "
                         f"{spec.strategy}: say run.{name} or params.{name}")
    if name not in parameters and name not in RUN_FIELDS:
        raise unknown_name("axis of the grid", name, {*parameters, *RUN_FIELDS})
    return name, name in RUN_FIELDS


def _of_run(spec: RunSpec, field: str, value: Any) -> Any:
    """A value of a field as RunSpec holds it; text is read by the field's type."""
    if isinstance(value, str):
        hint = typing.get_type_hints(RunSpec)[field]
        kinds = typing.get_args(hint) or (hint,)
        if types.NoneType in kinds and value.lower() == "none":
            value = None
        elif int in kinds or float in kinds:
            kind, words = (int, "a whole number") if int in kinds else (float, "a number")
            try:
                value = kind(value)
            except ValueError:
                raise UsageError(f"{field} must be {words}, found {value!r}") from None
    return getattr(spec.changed(**{field: value}), field)


def _of_strategy(spec: RunSpec, field: str, value: Any) -> Any:
    """A value of a parameter as the strategy takes it; text is read by the default's type."""
    from deleverage.strategies import registry

    checked = registry.check_parameters(registry.load(spec.strategy), {field: value})
    return as_parameter(field, checked[field])


def _distinct(axis: Axis, values: Sequence[Any]) -> None:
    met: dict[tuple[bool, Any], Any] = {}
    for given, value in zip(axis.values, values, strict=True):
        key = isinstance(value, bool), value  # True is not the number 1
        if key in met:
            both = show(given) if given == met[key] else f"{show(met[key])} and {show(given)}"
            raise UsageError(f"the axis {axis.name} has the value {show(value)} twice: {both}")
        met[key] = given
