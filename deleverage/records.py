"""Records of which thousands are made in a run: frozen for the type checker, plain when they are
made.

The constructor of a frozen dataclass sets each field through ``object.__setattr__``, since its own
is locked: five to eight times the time of a plain one, and a round trip makes thirty such records.
The type checker refuses to set a field of theirs as it does of any frozen class; what is given up
is the error at run time. So it is for what the account passes on within itself.

The records of the journal, which strategies are handed, stay locked: :func:`swift` makes them as a
plain class of the same fields and gives them their own class when they are complete.
"""

from __future__ import annotations

from dataclasses import fields, make_dataclass
from typing import Any, TypeVar, cast

Kind = TypeVar("Kind", bound=type)


def unlocked(kind: Kind) -> Kind:
    """Take the lock off a frozen dataclass, and give it the constructor of one without."""
    after = {"__post_init__": kind.__post_init__} if hasattr(kind, "__post_init__") else {}
    plain = make_dataclass(kind.__name__, [(each.name, each.type, each) for each in fields(kind)],
                           namespace=after)
    kind.__init__ = vars(plain)["__init__"]  # type: ignore[misc]  # of this very class
    del kind.__setattr__, kind.__delattr__
    return kind


def swift(kind: Kind) -> Kind:
    """A constructor for a frozen dataclass with slots, called as the class is (by position): a
    third to a fifth of its time, and what it gives is locked as well.

    For classes without ``__post_init__``, which it would leave out; TypeError for one that has it.
    """
    if hasattr(kind, "__post_init__"):
        raise TypeError(f"{kind.__name__} has a __post_init__")
    plain = make_dataclass(kind.__name__, [(each.name, each.type, each) for each in fields(kind)],
                           slots=True)

    def make(*values: Any) -> Any:
        record = plain(*values)
        record.__class__ = kind  # slots of the same names lie in the same places
        return record

    return cast(Kind, make)
