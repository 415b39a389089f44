"""Install the peers, run the job in each in turns with ours, print ratios: ``make bench-peers``.

Each engine runs in processes of its own, several passes of several rounds, ours in every pass; the
fastest round of each counts. Nothing here runs in CI.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.job import YEAR, dataset_of
from benchmarks.peers.job_file import write

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = "deleverage"


@dataclass(frozen=True)
class Peer:
    """What to install and whether it has a sweep of its own worth measuring."""

    requirement: str
    sweeps: bool


PEERS: Mapping[str, Peer] = {
    "vectorbt": Peer("vectorbt==1.2.0", True),
    "backtesting": Peer("backtesting==0.6.6", True),
    "nautilus": Peer("nautilus_trader==1.221.0", False),
}


def home() -> Path:
    """Where the peers' environments live: $DELEVERAGE_PEERS, or the user's cache folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("DELEVERAGE_PEERS") or cache / "deleverage" / "peers")


def python_of(name: str) -> Path:
    """A peer's Python, installed where it is not yet. Raises CalledProcessError if pip fails."""
    folder = home() / name
    python, stamp = folder / "bin" / "python", folder / "installed"
    wanted = PEERS[name].requirement
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"installing {wanted} into {folder} ...", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install",
                        wanted], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return python


def measure(python: Path | str, module: str, data: Path, rounds: int,
            sweep: bool) -> dict[str, Any]:
    """One process of one engine; its answer."""
    command = [str(python), "-m", f"benchmarks.peers.{module}", str(data), str(rounds)]
    reply = subprocess.run(command + ["sweep"] * sweep, cwd=ROOT, check=True, text=True,
                           stdout=subprocess.PIPE)
    answer: dict[str, Any] = json.loads(reply.stdout.splitlines()[-1])
    return answer


def better(known: dict[str, Any] | None, found: dict[str, Any]) -> dict[str, Any]:
    """Two answers of one engine as one: the fastest of each figure."""
    if known is None:
        return found
    merged = {**known, "best": min(known["best"], found["best"])}
    if known["combinations"] and found["combinations"]:
        merged["sweep"] = min(known["sweep"], found["sweep"])
    elif found["combinations"]:
        merged |= {key: found[key] for key in ("sweep", "combinations", "sweep_trades",
                                               "megabytes_sweep")}
    return merged


def collect(names: Sequence[str], passes: int, rounds: int) -> dict[str, dict[str, Any]]:
    """All engines in turns, ``passes`` times; the sweeps in the first pass and ours in each."""
    dataset = dataset_of(YEAR)
    pythons = {name: python_of(name) for name in names}
    file = write(home() / "job.npz", dataset.columns())
    found: dict[str, dict[str, Any]] = {}
    for number in range(passes):
        print(f"pass {number + 1} of {passes} ...", file=sys.stderr)
        ours = measure(sys.executable, "ours", dataset.path, rounds, True)
        found[OURS] = better(found.get(OURS), ours)
        for name in names:
            got = measure(pythons[name], f"{name}_job", file, rounds,
                          PEERS[name].sweeps and not number)
            found[name] = better(found.get(name), got)
    return found


def table(found: Mapping[str, dict[str, Any]]) -> str:
    """Ratios to ours, one engine a line."""
    ours = found[OURS]
    lines = [f"{'engine':<12} {'version':<10} {'year: its CPU / ours':>21} {'trades':>7} "
             f"{'same bars':>10} {'net':>10} {'first call':>11} {'sweep / ours':>13} "
             f"{'peak MB (sweep)':>16}"]
    for name, told in found.items():
        made, combinations = told["made"], told["combinations"]
        same = all(made[key] == ours["made"][key] for key in ("entered", "left"))
        sweep = "-" if not combinations else \
            f"{told['sweep'] / combinations / (ours['sweep'] / ours['combinations']):.1f}"
        memory = f"{told['megabytes']:.0f}" + (f" ({told['megabytes_sweep']:.0f})"
                                               if combinations else "")
        lines.append(f"{name:<12} {told['version']:<10} {told['best'] / ours['best']:>21.1f} "
                     f"{len(made['left']):>7} {'yes' if same else 'no':>10} {made['net']:>10.2f} "
                     f"{told['first'] / told['best']:>10.1f}x {sweep:>13} {memory:>16}")
        lines += [f"             {note}" for note in told["notes"]]
    lines += ["",
              "first call: that call over the fastest (compilation); imports and Python are not in "
              "any figure.",
              "sweep / ours: CPU of a combination over ours; of "
              + ", ".join(f"{told['combinations']} ({name})" for name, told in found.items()
                          if told["combinations"]) + " combinations.",
              "net: ours is after funding, which none of the others has."]
    return "\n".join(lines)


def main() -> int:
    """Install, run, print."""
    parser = argparse.ArgumentParser(prog="benchmarks.peers", description=__doc__)
    parser.add_argument("peers", nargs="*", metavar="PEER",
                        help=f"some of {', '.join(PEERS)} (default: all)")
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3, help="in each pass, after a first call")
    given = parser.parse_args()
    unknown = [name for name in given.peers if name not in PEERS]
    if unknown:
        parser.error(f"no such peer: {unknown[0]} (known: {', '.join(PEERS)})")
    print(table(collect(given.peers or list(PEERS), given.passes, given.rounds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
