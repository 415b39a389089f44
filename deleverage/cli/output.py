"""Where words go: results on stdout, everything else on stderr, progress on a terminal only."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any


def say(text: str = "") -> None:
    """Print a piece of a result on stdout."""
    print(text)


def note(text: str) -> None:
    """Print a remark that is not part of the result on stderr."""
    print(text, file=sys.stderr, flush=True)


def say_json(value: object) -> None:
    """Print ``value`` as JSON on stdout; what is not a finite number becomes null."""
    print(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def plain(value: Any) -> Any:
    """``value`` in JSON's own types: NaN and infinity become None, records become objects."""
    if value is None or isinstance(value, bool | str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


@contextmanager
def unheard(words_to: str = "") -> Iterator[None]:
    """What a user's strategy prints meanwhile goes nowhere, or to ``stderr``.

    A scan repeats a strategy many times, and JSON must stay alone on stdout.
    """
    with ExitStack() as stack:
        target = sys.stderr if words_to == "stderr" else stack.enter_context(
            Path(os.devnull).open("w"))
        stack.enter_context(redirect_stdout(target))
        yield


@contextmanager
def progress(label: str, quiet: bool = False) -> Iterator[Callable[..., None]]:
    """A bar on a terminal's stderr, nothing elsewhere; call what is yielded with (done, total)."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total, text="": None
        return
    from tqdm import tqdm

    with tqdm(desc=label, file=sys.stderr, leave=False) as bar:

        def step(done: int, total: int, text: str = "") -> None:
            bar.total = total
            bar.set_postfix_str(text, refresh=False)
            bar.update(done - bar.n)

        yield step
