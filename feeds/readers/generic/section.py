"""One table of a TOML file: its values by name and kind, every misspelt word refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from deleverage.errors import UsageError, unknown_name

_T = TypeVar("_T")


class Section:
    """One table of the TOML: its values by name and kind, its names held against the known."""

    def __init__(self, name: str, values: object, known: Sequence[str]) -> None:
        self.name = f"[{name}]" if name else "its top level"
        if not isinstance(values, Mapping):
            raise UsageError(f"column map: {self.name} must be a table, found {values!r}")
        for key in values:
            if key not in known:
                raise unknown_name(f"key in {self.name} of the column map", str(key), known)
        self.values = cast(Mapping[str, object], values)

    def of(self, key: str, kind: type[_T], absent: _T | None = None) -> _T | None:
        """The value of ``key`` if it is of this kind (whole numbers are numbers, too)."""
        value = self.values.get(key, absent)
        if value is absent:
            return absent
        fits = isinstance(value, (int, float)) if kind is float else isinstance(value, kind)
        if not fits or (isinstance(value, bool) and kind is not bool):
            said = {str: "text", float: "a number", bool: "true or false", list: "a list",
                    dict: "a table"}[kind]
            raise UsageError(f"column map: {key} in {self.name} must be {said}, found {value!r}")
        return cast(_T, float(cast(float, value)) if kind is float else value)

    def text(self, key: str) -> str | None:
        """Text, None where the key is absent."""
        return self.of(key, str)

    def choice(self, key: str, known: Sequence[str], absent: str | None = None) -> str | None:
        """One of ``known``."""
        value = self.text(key)
        if value is not None and value not in known:
            raise unknown_name(f"{key} in {self.name} of the column map", value, known)
        return absent if value is None else value

    def parsed(self, key: str, parser: Callable[[str], int], absent: int = 0) -> int:
        """Text with a meaning: a length of time, a zone, a date."""
        text = self.text(key)
        if text is None:
            return absent
        try:
            return parser(text)
        except UsageError as error:
            raise UsageError(f"column map: {key} in {self.name}: {error}") from None

    def words(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        found = self.of(key, list) or []
        if not all(isinstance(each, str) for each in found):
            raise UsageError(f"column map: {key} in {self.name} must be a list of texts")
        return tuple(cast(list[str], found))

    def by_venue(self, key: str, fits: Callable[[str, object], Any]) -> ByVenue:
        """One value for all rows, or a table of one per venue."""
        value = self.values.get(key)
        if isinstance(value, Mapping):
            return ByVenue(key, {str(venue).lower(): fits(key, each)
                                 for venue, each in value.items()})
        return ByVenue(key, None if value is None else fits(key, value))


@dataclass(frozen=True, slots=True)
class ByVenue:
    """A value that all rows share, or one per venue."""

    name: str
    value: Any

    def __call__(self, venue: str) -> Any:
        """The value of ``venue``; UsageError where the map leaves it out."""
        if not isinstance(self.value, Mapping):
            return self.value
        if venue not in self.value:
            raise unknown_name(f"venue in {self.name} of the column map", venue, self.value)
        return self.value[venue]
