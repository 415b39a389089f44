"""The way in: picks the command, turns errors into one line on stderr and an exit code.

Exit codes: 0 ok, 1 a defect, 2 usage, 3 data, 4 some runs of a sweep failed, 130 interrupted,
141 the reader of stdout left.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Protocol, cast

from deleverage._version import __version__
from deleverage.cli.arguments import Parser
from deleverage.errors import DeleverageError, one_line, unknown_name

PROG = "deleverage"
COMMANDS = {
    "run": "one strategy on one dataset: its tearsheet, the leverage scan first",
    "sweep": "one strategy over a grid of parameters, leverages and margin modes: a ranking",
    "compare": "saved results side by side",
    "data": "import, fetch, show and check datasets",
    "venues": "check printed figures against the venue rules",
    "list": "strategies, venues, sources, analyzers, scenarios",
}
MODULES = {"": "demo", "run": "run", "sweep": "sweep", "compare": "compare", "data": "data",
           "venues": "venues", "list": "listing"}


class Command(Protocol):
    """What a command's module offers."""

    def parser(self, prog: str) -> Parser:
        """The command's own parser."""

    def main(self, arguments: Sequence[str], prog: str) -> int:
        """Parse and carry out; the exit code."""


def entry(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command line; the exit code. Bad input never shows a traceback here."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    try:
        code = dispatch(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # stdout is gone: point it elsewhere, or the interpreter complains once more on exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        if debug:
            traceback.print_exc()
        line, code = describe(error)
        print(f"error: {line}", file=sys.stderr)
        return code


def dispatch(words: Sequence[str]) -> int:
    """Hand the words to their command; without a command's name they belong to the demo."""
    if words and words[0] in ("--version", "-V"):
        print(f"{PROG} {__version__}")
        return 0
    name = words[0] if words and not words[0].startswith("-") else ""
    if name not in MODULES:
        raise unknown_name("command", name, COMMANDS)
    command = cast(Command, importlib.import_module(f"deleverage.cli.{MODULES[name]}"))
    return command.main(words[1:] if name else words, f"{PROG} {name}".strip())


def describe(error: Exception) -> tuple[str, int]:
    """One line and the exit code of an error; an unforeseen one names where it happened."""
    if isinstance(error, DeleverageError):
        return one_line(error), error.exit_code
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}", 3
    return f"{one_line(error)} (--debug shows the traceback)", 1
