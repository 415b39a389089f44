"""A file of cases read and judged: which figures agree, which do not, which are out of scope."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deleverage.errors import DataError, DeleverageError

ORIGINS = ("exchange_api_real", "exchange_doc_example", "third_party_test")  # strongest first
_EXACT = {"rel": 1e-9}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One case: what was expected and got. ``reason``: why it is out of scope. ``fault``: why it
    could not be put to the rules at all, naming its field."""

    id: str
    venue: str
    kind: str
    origin: str
    expected: Any = None
    got: Any = None
    tolerance: Mapping[str, float] | None = None
    agrees: bool = False
    reason: str | None = None
    fault: str | None = None

    @property
    def asked(self) -> bool:
        """True where the case is in scope."""
        return self.reason is None


@dataclass(frozen=True, slots=True)
class Count:
    """How many of some cases agree."""

    agree: int
    total: int

    def __str__(self) -> str:
        return f"{self.agree}/{self.total}" if self.total else ""


@dataclass(frozen=True, slots=True)
class Report:
    """The verdicts over a file, in its order."""

    path: str
    verdicts: tuple[Verdict, ...]

    @property
    def in_scope(self) -> tuple[Verdict, ...]:
        """The cases that were answered, or should have been."""
        return tuple(each for each in self.verdicts if each.asked)

    @property
    def out_of_scope(self) -> tuple[Verdict, ...]:
        """The cases no shipped rule answers, each with its reason."""
        return tuple(each for each in self.verdicts if not each.asked)

    @property
    def disagreements(self) -> tuple[Verdict, ...]:
        """The cases in scope whose answer lies outside their tolerance, or that have a fault."""
        return tuple(each for each in self.in_scope if not each.agrees)

    @property
    def faults(self) -> tuple[Verdict, ...]:
        """The cases that could not be put to the rules."""
        return tuple(each for each in self.in_scope if each.fault is not None)

    def agreement(self, *fields: str) -> dict[tuple[str, ...], Count]:
        """Counts by some of ``venue``, ``kind``, ``origin``, in order of first appearance."""
        groups: dict[tuple[str, ...], list[Verdict]] = {}
        for each in self.in_scope:
            groups.setdefault(tuple(getattr(each, name) for name in fields), []).append(each)
        return {key: counted(found) for key, found in groups.items()}


def counted(verdicts: Iterable[Verdict]) -> Count:
    """How many of these agree."""
    found = [each.agrees for each in verdicts]
    return Count(sum(found), len(found))


def read(path: str | Path) -> list[Any]:
    """The cases of a file. Raises DataError where it is none."""
    try:
        raw = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise DataError(f"{path}: not JSON: {error}") from None
    cases = raw.get("cases") if isinstance(raw, dict) else None
    if not isinstance(cases, list):
        raise DataError(f"{path}: expected an object with a list 'cases'")
    if not cases:
        raise DataError(f"{path}: no cases")
    return cases


def judged(raw: Any, number: int, answer: Callable[..., Any],
           in_scope: Callable[..., str | None]) -> Verdict:
    """The verdict on one case of a file."""
    known: dict[str, Any] = {"id": f"number {number}", "venue": "?", "kind": "?",
                             "origin": "not stated"}
    try:
        if not isinstance(raw, dict):
            raise DataError(f"must be an object, found {raw!r}")
        for name in known:
            if name in raw and not isinstance(raw[name], str):
                raise DataError(f"{name} must be a text, found {raw[name]!r}")
            known[name] = raw.get(name, known[name])
        for name in ("id", "venue", "kind", "inputs", "expected"):
            if name not in raw:
                raise DataError(f"{name} is missing")
        inputs = raw["inputs"]
        if not isinstance(inputs, dict):
            raise DataError(f"inputs must be an object, found {inputs!r}")
        tolerance = _tolerance(raw.get("tolerance"))
        if "input_shape" in raw and known["kind"] == "liquidation_price":
            inputs = {**inputs, "input_shape": raw["input_shape"]}
        reason = in_scope(known["venue"], known["kind"], inputs)
        if reason is not None:
            return Verdict(**known, expected=raw["expected"], reason=reason)
        got = answer(known["venue"], known["kind"], inputs)
    except DeleverageError as error:
        return Verdict(**known, fault=f"case {known['id']}: {error}")
    agrees = within(got, raw["expected"], tolerance)
    return Verdict(**known, expected=raw["expected"], got=got, tolerance=raw.get("tolerance"),
                   agrees=agrees)


def _tolerance(raw: Any) -> tuple[float, float]:
    """(absolute, relative) from null, {"abs": x} or {"rel": x}."""
    given = _EXACT if raw is None else raw
    if not isinstance(given, dict) or len(given) != 1 or not set(given) <= {"abs", "rel"}:
        raise DataError(f'tolerance must be null, {{"abs": x}} or {{"rel": x}}, found {raw!r}')
    value = next(iter(given.values()))
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise DataError(f"tolerance must be a number ≥ 0, found {value!r}")
    return float(given.get("abs", 0.0)), float(given.get("rel", 0.0))


def within(got: Any, expected: Any, tolerance: tuple[float, float]) -> bool:
    """Whether an answer is the figure: of objects every listed key, of lists every element."""
    if isinstance(expected, dict):
        return isinstance(got, dict) and all(
            name in got and within(got[name], value, tolerance)
            for name, value in expected.items())
    if isinstance(expected, list):
        return isinstance(got, list) and len(got) == len(expected) and all(
            within(one, two, tolerance) for one, two in zip(got, expected, strict=True))
    if expected is None or isinstance(expected, bool | str):
        return type(got) is type(expected) and got == expected
    if isinstance(got, bool) or not isinstance(got, int | float):
        return False
    absolute, relative = tolerance
    return bool(abs(got - expected) <= absolute + relative * abs(expected))
