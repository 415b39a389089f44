"""A parser whose complaints are one line with the near miss, and the checks of single values."""

from __future__ import annotations

import argparse
import difflib
import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from deleverage.errors import UnknownName, UsageError, unknown_name

TABLES = {"set": "strategy parameters", "grid": "axes with their values"}  # of a --config file


class Parser(argparse.ArgumentParser):
    """``argparse`` that raises :class:`UsageError` and never exits or prints by itself.

    Options cannot be abbreviated: ``--lev`` is refused, with ``--leverage`` as the near miss.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("allow_abbrev", False)
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*args, **kwargs)

    def error(self, message: str) -> NoReturn:
        """Raise the complaint as a UsageError that names where help is."""
        raise UsageError(f"{message} (see `{self.prog} --help`)")

    def options(self) -> tuple[str, ...]:
        """Every long option of this command, as typed (``--leverage``)."""
        return tuple(text for action in self._actions for text in action.option_strings
                     if text.startswith("--"))

    def repeatable(self) -> tuple[str, ...]:
        """Long options that may be typed more than once (``--outage``)."""
        return tuple(text for action in self._actions for text in action.option_strings
                     if text.startswith("--") and type(action).__name__ == "_AppendAction")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As ``argparse``, but whatever is left over is refused here, with its near miss."""
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            word = rest[0].partition("=")[0]
            near = difflib.get_close_matches(word, self.options(), n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            kind = "option" if word.startswith("-") else "argument"
            self.error(f"unknown {kind} {word!r}{hint}")
        return found, rest


def number(text: str) -> float:
    """A number; its range is checked where it is used."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, found {text!r}") from None


def count(text: str) -> int:
    """A whole number; its range is checked where it is used."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, found {text!r}") from None


def deleveraging(text: str) -> tuple[str, str, float, float]:
    """``time,side,share,price`` of ``--adl``: ``2025-10-10T21:20,short,0.5,3950``."""
    try:
        moment, side, share, price = (part.strip() for part in text.split(","))
        return moment, side, float(share), float(price)
    except ValueError:
        raise argparse.ArgumentTypeError("an auto-deleveraging is TIME,SIDE,SHARE,PRICE "
                                         f"(2025-10-10T21:20,short,0.5,3950), found {text!r}"
                                         ) from None


def fees(text: str) -> tuple[float, float]:
    """``maker,taker`` as fractions of notional: ``0.0002,0.0005`` is 2 and 5 bp."""
    try:
        maker, taker = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"fees are MAKER,TAKER as fractions (0.0002,0.0005), found {text!r}") from None
    return maker, taker


def assignment(text: str) -> tuple[str, str]:
    """``name=value`` of ``--set``; the value stays text, the strategy's default says what it is."""
    key, sign, value = text.partition("=")
    if not sign or not key.isidentifier():
        raise argparse.ArgumentTypeError(f"--set takes name=value, found {text!r}")
    return key, value


def axis(text: str) -> tuple[str, str]:
    """``name=value,value`` of ``--grid``; what the values mean is the strategy's and the run's."""
    name, sign, values = text.partition("=")
    if not sign or not all(part.isidentifier() for part in name.split(".")):
        raise argparse.ArgumentTypeError(f"--grid takes name=value,value, found {text!r}")
    return name, values


def pair(text: str) -> tuple[str, str]:
    """``name,name`` of ``--heat``."""
    first, comma, second = (part.strip() for part in text.partition(","))
    if not comma or not first or not second or "," in second:
        raise argparse.ArgumentTypeError(f"takes two names (n_closes,leverage), found {text!r}")
    return first, second


def read_toml(path: Path, option: str) -> dict[str, Any]:
    """The TOML file that ``option`` names; UsageError where there is none."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {option} {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{option} {path} is not TOML: {error}") from None


def with_config(arguments: Sequence[str], parser: Parser) -> list[str]:
    """``arguments`` with the file of ``--config`` put before them, so that typed options win.

    Keys of the file are the long options without dashes; ``[set]`` holds strategy parameters and
    ``[grid]`` the values of a sweep's axes; an option that may be repeated takes a list
    (``outage = ["FROM/TO", …]``).
    Raises UsageError for a file that is no TOML and UnknownName for a key that is no option.
    """
    path = _config_path(arguments)
    if path is None:
        return list(arguments)
    values = read_toml(path, "--config")
    known = {option.removeprefix("--"): option for option in parser.options()}
    tokens: list[str] = []
    for key, value in values.items():
        name = key.replace("_", "-")
        if name not in known or name in ("config", "help"):
            raise UnknownName(f"--config {path}: {unknown_name('key', key, known)}")
        several = (known[name] in parser.repeatable() and name not in TABLES
                   and isinstance(value, list))
        for item in value if several else [value]:
            tokens += _tokens(path, known[name], item)
    return tokens + list(arguments)


def _config_path(arguments: Sequence[str]) -> Path | None:
    for index, word in enumerate(arguments):
        if word.startswith("--config="):
            return Path(word.partition("=")[2])
        if word == "--config" and index + 1 < len(arguments):
            return Path(arguments[index + 1])
    return None


def _tokens(path: Path, option: str, value: object) -> list[str]:
    if value is True:
        return [option]
    if value is False:
        return []
    name = option.removeprefix("--")
    if name in TABLES:
        if not isinstance(value, dict):
            raise UsageError(f"--config {path}: [{name}] must be a table of {TABLES[name]}")
        form = _values if name == "grid" else _word
        return [f"{option}={key}={form(item)}" for key, item in value.items()]
    if isinstance(value, dict):
        raise UsageError(f"--config {path}: {name} is not a table")
    return [f"{option}={_word(value, '/' if option == '--outage' else ',')}"]


def _values(value: object) -> str:
    """A list of values as ``--grid`` takes it: between ``|`` where one of them holds a comma."""
    words = [_word(item) for item in value] if isinstance(value, list) else [_word(value)]
    if any("," in word for word in words):
        return " | ".join(words) + " |"  # the last sign: one value alone is not split either
    return ",".join(words)


def _word(value: object, between: str = ",") -> str:
    if isinstance(value, list):
        return between.join(_word(item) for item in value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
