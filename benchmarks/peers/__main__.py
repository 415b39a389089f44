"""Install the peers, run the job in each in turns with ours, print ratios: ``make bench-peers``.

Every engine is a process that stays; in each round the yardstick, ours and every peer run the year
once, and the fastest of its rounds counts. Then the sweeps, in the same way. An engine whose trades
or money are not those of the job stops everything. Nothing here runs in CI.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.figures import Figure, keep, save
from benchmarks.job import YEAR, dataset_of
from benchmarks.peers.agreement import same_counts, same_money, same_trades
from benchmarks.peers.environment import PEERS, Unavailable, home, python_of
from benchmarks.peers.protocol import Market, write
from benchmarks.peers.table import OURS, YARDSTICK, markdown
from benchmarks.peers.worker import Standing, Worker

COMMAND = "make bench-peers"


def started(names: Sequence[str], dataset: Path,
            folder: Path) -> tuple[dict[str, Worker], dict[str, str]]:
    """The engines' processes, the yardstick's and ours first; and why a peer has none."""
    workers = {YARDSTICK: Worker(sys.executable, "yardstick_job", folder),
               OURS: Worker(sys.executable, "ours", dataset)}
    missing = {}
    for name in names:
        try:
            workers[name] = Worker(python_of(name), f"{name}_job", folder)
        except Unavailable as reason:
            missing[name] = str(reason)
            print(f"{PEERS[name].title} is left out: {reason}", file=sys.stderr)
    return workers, missing


def run_years(workers: dict[str, Worker], standings: dict[str, Standing], market: Market,
              rounds: int) -> None:
    """The year in turns: a first round that does not count as the fastest, then ``rounds``."""
    for number in range(rounds + 1):
        print(f"year, round {number} of {rounds} ...", file=sys.stderr)
        for name, worker in workers.items():
            answer = worker.ask("once")
            same_trades(name, answer, standings[YARDSTICK].made or answer)
            if name != OURS:  # ours pays funding as well; tests compare its account
                same_money(name, answer, market, PEERS[name].fills if name in PEERS else "open")
            standings[name].run(answer)


def run_sweeps(workers: dict[str, Worker], standings: dict[str, Standing], rounds: int) -> None:
    """Each peer's part of the grid in turns with the yardstick's and ours."""
    for peer in (name for name in workers if name in PEERS and PEERS[name].every):
        every = PEERS[peer].every
        for number in range(rounds):
            print(f"sweep, 1 combination in {every}, round {number + 1} of {rounds} ...",
                  file=sys.stderr)
            wanted: list[int] = []
            for name in (YARDSTICK, OURS, peer):
                answer = workers[name].ask("sweep", every)
                wanted = wanted or answer["trades"]
                same_counts(name, answer["trades"], wanted)
                standings[name].sweep(every, answer)


def collect(names: Sequence[str], rounds: int, sweeps: int) -> dict[str, object]:
    """Everything, as JSON would have it: the engines' standings, and who is missing why."""
    dataset = dataset_of(YEAR)
    folder = write(home() / "job", dataset.columns())
    workers, missing = started(names, dataset.path, folder)
    standings = {name: Standing.of(worker) for name, worker in workers.items()}
    try:
        run_years(workers, standings, Market.read(folder), rounds)
        run_sweeps(workers, standings, sweeps)
    finally:
        for worker in workers.values():
            worker.close()
    # as it will be read again: JSON's keys are text
    engines = json.loads(json.dumps({name: asdict(each) for name, each in standings.items()}))
    ours = standings[OURS].best
    keep([Figure(f"year, {PEERS[name].title} / ours", standing.best / ours, aim=PEERS[name].aim,
                 source=COMMAND) for name, standing in standings.items() if name in PEERS])
    return {"engines": engines, "missing": missing, "rounds": rounds}


def main() -> int:
    """Install, run, print, keep."""
    parser = argparse.ArgumentParser(prog="benchmarks.peers", description=__doc__)
    parser.add_argument("peers", nargs="*", metavar="PEER",
                        help=f"some of {', '.join(PEERS)} (default: all)")
    parser.add_argument("--rounds", type=int, default=7, help="of the year, after a first one")
    parser.add_argument("--sweeps", type=int, default=3, help="rounds of the sweeps")
    given = parser.parse_args()
    unknown = [name for name in given.peers if name not in PEERS]
    if unknown:
        parser.error(f"no such peer: {unknown[0]} (known: {', '.join(PEERS)})")
    found = collect(given.peers or list(PEERS), given.rounds, given.sweeps)
    save("peers", found)
    print(markdown(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
