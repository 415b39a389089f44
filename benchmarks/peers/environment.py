"""A peer: what to install, in an environment of its own, and what it can do of the job."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Aim, at_least


class Unavailable(Exception):
    """A peer that could not be installed or does not start; the reason is its only argument."""


@dataclass(frozen=True)
class Peer:
    """What to install; where its orders are filled; what its CPU time over ours should be.

    ``every`` says which combinations of the grid its sweep runs, every so many, for time's and
    memory's sake; 0 where it has no sweep that is more than so many runs.
    """

    title: str
    requirement: str
    aim: Aim
    fills: str = "open"  # of the next bar; or the close it was decided on
    every: int = 0


PEERS: Mapping[str, Peer] = {
    "vectorbt": Peer("vectorbt", "vectorbt==1.2.0", at_least(2), every=10),
    "backtesting": Peer("backtesting.py", "backtesting==0.6.6", at_least(10), every=50),
    "nautilus": Peer("nautilus_trader", "nautilus_trader==1.221.0", at_least(20), fills="close"),
}


def home() -> Path:
    """Where the peers' environments live: $DELEVERAGE_PEERS, or the user's cache folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("DELEVERAGE_PEERS") or cache / "deleverage" / "peers")


def python_of(name: str) -> Path:
    """A peer's Python, installed where it is not yet. Raises Unavailable with pip's reason."""
    folder, wanted = home() / name, PEERS[name].requirement
    python, stamp = folder / "bin" / "python", folder / "installed"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"installing {wanted} ...", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        done = subprocess.run([python, "-m", "pip", "--quiet", "--disable-pip-version-check",
                               "install", wanted], check=False, capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(reason_of(done.stderr))
        stamp.write_text(wanted, encoding="utf-8")
    return python


def reason_of(errors: str) -> str:
    """The line of standard error that says what went wrong: pip's, or the last of all."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    named = [line for line in lines if line.startswith("ERROR:")]
    return (named or lines or ["it ended without a word"])[-1]
