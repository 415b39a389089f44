"""Records without the lock of a frozen dataclass: what they keep of it, and which stay locked."""

from __future__ import annotations

import math
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, fields, replace
from typing import Any

import pytest

from deleverage import account, book, changes, journal, slippage, steps
from deleverage.records import swift, unlocked

UNLOCKED = [kind for module in (account, book, changes, journal, slippage, steps)
            for kind in vars(module).values()
            if isinstance(kind, type) and kind.__module__ == module.__name__
            and hasattr(kind, "__dataclass_fields__")
            and kind.__setattr__ is object.__setattr__ and kind is not journal.Journal]


@unlocked
@dataclass(frozen=True, slots=True)
class Point:
    """A record with a default, one made anew for each and a check of its own."""

    x: float
    y: float = 2.0
    names: list[str] = None  # type: ignore[assignment]  # set by the check

    def __post_init__(self) -> None:
        if not math.isfinite(self.x):
            raise ValueError(f"x must be a number, found {self.x}")
        if self.names is None:
            object.__setattr__(self, "names", ["made"])


def test_an_unlocked_record_is_a_dataclass_as_before() -> None:
    """Defaults, check, equality, text, replace(), fields and pickles are those of the dataclass."""
    point = Point(1.0)
    assert (point.x, point.y, point.names) == (1.0, 2.0, ["made"])
    assert point == Point(x=1.0, y=2.0) != Point(1.0, 3.0)
    assert repr(point) == "Point(x=1.0, y=2.0, names=['made'])"
    assert replace(point, y=5.0).y == 5.0
    assert [each.name for each in fields(point)] == ["x", "y", "names"]
    assert asdict(point) == {"x": 1.0, "y": 2.0, "names": ["made"]}
    assert pickle.loads(pickle.dumps(point)) == point
    with pytest.raises(ValueError, match="x must be"):
        Point(math.inf)
    with pytest.raises(TypeError, match="missing 1 required"):
        Point()  # type: ignore[call-arg]


def test_no_field_can_be_added() -> None:
    """A misspelt field is still an error: slots are closed."""
    with pytest.raises(AttributeError):
        Point(1.0).z = 3.0  # type: ignore[attr-defined]


def test_what_is_made_at_every_step_is_unlocked() -> None:
    """What the account passes on within itself is among them, and hashes go by value."""
    assert {changes.Booking, steps.Bar, account.State, account.Position,
            book.WorkingOrder} <= set(UNLOCKED)
    one, same = (steps.Prices(1.0, 2.0, 0.5, 1.5) for _ in range(2))
    assert one == same
    assert hash(one) == hash(same)


@pytest.mark.parametrize("kind", [
    journal.Entry, journal.Fill, journal.LiquidationEvent, journal.FundingPayment,
    journal.Rejection, journal.Snapshot])
def test_what_a_strategy_is_handed_stays_locked(kind: type) -> None:
    """A record of the journal that a strategy is told of or reads cannot be changed by it: the
    figures of the run stand on it."""
    assert kind not in UNLOCKED
    record: object = object.__new__(kind)
    for each in fields(kind):
        with pytest.raises(FrozenInstanceError):
            setattr(record, each.name, 0)
        with pytest.raises(FrozenInstanceError):
            delattr(record, each.name)


@dataclass(frozen=True, slots=True)
class Mark:
    """A locked record with a default."""

    x: float
    name: str = "plain"


JOURNAL = (journal.Entry, journal.Fill, journal.FundingPayment, journal.Snapshot)


def values_of(kind: type) -> list[object]:
    """One of each field's type, by position."""
    made = {"int": 3, "float": 2.5, "str": "free", "Cause": journal.Cause.FEE, "bool": True}
    return [made[str(each.type)] for each in fields(kind)]


@pytest.mark.parametrize("kind", JOURNAL)
def test_a_swift_record_is_the_classes_own(kind: type) -> None:
    """Equal, of the very class, with its text, hash, fields, pickle and replace()."""
    given = values_of(kind)
    quick: Any = swift(kind)(*given)
    own: Any = kind(*given)
    assert {type(quick)} == {kind}
    assert quick == own
    assert own == quick
    assert (repr(quick), hash(quick)) == (repr(own), hash(own))
    assert asdict(quick) == asdict(own)
    again = pickle.loads(pickle.dumps(quick))
    assert (again, type(again)) == (own, kind)
    first = fields(kind)[0].name
    assert replace(quick, **{first: 9}) == replace(own, **{first: 9}) != quick


@pytest.mark.parametrize("kind", JOURNAL)
def test_a_swift_record_is_locked(kind: type) -> None:
    """No field of it can be set, deleted or added."""
    record = swift(kind)(*values_of(kind))
    for each in fields(kind):
        with pytest.raises(FrozenInstanceError):
            setattr(record, each.name, 0)
        with pytest.raises(FrozenInstanceError):
            delattr(record, each.name)
    # a new name: Python 3.11 says so by a TypeError of its own
    with pytest.raises((AttributeError, TypeError)):
        record.other = 1
    assert record == kind(*values_of(kind))


def test_a_swift_record_takes_defaults_and_refuses_what_its_class_refuses() -> None:
    """Left out, a field has its default; too few or too many values are an error."""
    make: Any = swift(Mark)
    assert make(1.0) == Mark(1.0) == make(1.0, "plain")
    with pytest.raises(TypeError, match="missing 1 required"):
        make()
    with pytest.raises(TypeError, match="positional"):
        make(1.0, "a", "b")


def test_a_class_with_a_check_is_not_made_swiftly() -> None:
    """Its __post_init__ would be left out."""
    with pytest.raises(TypeError, match="Point has a __post_init__"):
        swift(Point)
