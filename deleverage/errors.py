"""What can go wrong, in the words of the field.

::

    DeleverageError
    ├── UsageError (ValueError)            exit code 2: a name, option or combination that cannot be
    │   ├── UnknownName (LookupError)      a misspelt strategy, venue, parameter, instrument …
    │   └── LeverageError                  leverage outside what the venue grants
    ├── DataError (ValueError)             exit code 3: what was read is not what it must be
    │   ├── MissingTable (LookupError)     a table, column or file that a request needs is absent
    │   └── LadderError                    a maintenance ladder that cannot be one
    └── LedgerError (ArithmeticError)      a broken rule of the account: our defect, never input

Each message says what was found, where (file, row, field), what was expected and, for a misspelt
name, the nearest known one.
"""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterable
from pathlib import Path


class DeleverageError(Exception):
    """Root of all errors raised on purpose; ``exit_code`` is what the command line returns."""

    exit_code = 1


class UsageError(DeleverageError, ValueError):
    """A request that cannot be carried out as it was put."""

    exit_code = 2


class UnknownName(UsageError, LookupError):
    """A name nobody knows; use :func:`unknown_name` to raise it with its near miss."""


class LeverageError(UsageError):
    """Leverage outside what the venue grants for the notional in question."""


class DataError(DeleverageError, ValueError):
    """Input that is not what it must be."""

    exit_code = 3


class MissingTable(DataError, LookupError):
    """A table, column or file that the request needs is absent."""


class LadderError(DataError):
    """A maintenance ladder with a gap, an overlap or a falling rate."""


class LedgerError(DeleverageError, ArithmeticError):
    """A rule of the account was broken: a defect in this software, never bad input."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownName:
    """The error for a name that is not among ``known``, with the nearest one if there is one.

    >>> unknown_name("venue", "binanse", ["binance", "bybit"]).args[0]
    "unknown venue 'binanse'; did you mean 'binance'? (known: binance, bybit)"
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return UnknownName(f"unknown {kind} {name!r}{hint} (known: {', '.join(names) or 'none'})")


def one_line(error: BaseException) -> str:
    """An error in one line; one that was not raised on purpose says what it is and where it arose.

    >>> one_line(UsageError("no such thing:\\n  'x'"))
    "no such thing: 'x'"
    """
    text = " ".join(str(error).split())
    if isinstance(error, DeleverageError):
        return text
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}: {text}"
