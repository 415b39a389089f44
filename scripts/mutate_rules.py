"""Do the tests notice a wrong formula? Each is put into a copy of the tree and the suite run on it.

Scripts in this folder serve the project's own upkeep and are not installed; `make mutate` calls
this one. It prints, for every mutation of scripts/*_mutations.py, the first test that failed on it,
and ends with 1 if one survived, if its text stands no longer in its file exactly once, if the
mutated tree did not even import, or if the suite fails without any mutation.

    python scripts/mutate_rules.py [--jobs N] [--only TEXT] [--without-reference] [--list]
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import account_mutations
import procedure_mutations
import rule_mutations
from mutation import Mutation
from tabulate import tabulate

# each group with its figures by hand, which run before laws over drawn positions and in a run of
# their own: most mutations end there, before the other rooms are even collected
GROUPS = (rule_mutations, procedure_mutations, account_mutations)
MUTATIONS: dict[Mutation, tuple[str, ...]] = {
    each: group.FIRST for group in GROUPS for each in group.MUTATIONS}
ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("tests/venues", "tests/core", "tests/broker")
LAST = ("tests/core/test_margin.py", "tests/venues/test_properties.py")
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "__pycache__", "*.egg-info", "build", "dist", ".*_cache", ".hypothesis",
    ".benchmarks")
LIMIT = 600  # seconds for one run
_SECONDS = itertools.count(int(time.time()))
CAUGHT, SURVIVED, BROKEN, OUTDATED = "caught", "SURVIVED", "BROKEN", "OUTDATED"


@dataclass(frozen=True)
class Outcome:
    """What the suite said to one mutation (None: to the tree as it is)."""

    mutation: Mutation | None
    state: str
    by: str
    seconds: float

    @property
    def well(self) -> bool:
        """Caught; the unmutated tree must survive instead."""
        return self.state == (SURVIVED if self.mutation is None else CAUGHT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them all and print the table; the exit code."""
    options = _options(arguments)
    chosen = [each for each in MUTATIONS if options.only.lower() in each.name.lower()]
    if options.list:
        print("\n".join(f"{each.file}: {each.name}" for each in chosen))
        return 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutated-") as folder:
        copies = _copies(Path(folder), options.jobs)
        environment = _environment(not options.without_reference)

        def judge(mutation: Mutation | None) -> Outcome:
            copy = copies.get()
            try:
                return _told(_judged(copy, mutation, environment))
            finally:
                copies.put(copy)

        plain = judge(None)
        if not plain.well:
            print(f"the suite fails without any mutation: {plain.by}", file=sys.stderr)
            return 1
        with ThreadPoolExecutor(options.jobs) as pool:
            outcomes = list(pool.map(judge, chosen))
    print(tabulate([[each.mutation.name if each.mutation else "", each.state, each.by,
                     f"{each.seconds:.1f}"] for each in outcomes],
                   headers=["mutation", "", "the test that caught it", "s"]))
    caught = sum(each.well for each in outcomes)
    print(f"\n{caught} of {len(outcomes)} mutations caught in {time.monotonic() - began:.0f} s")
    return 0 if caught == len(outcomes) else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Do the tests notice a wrong formula?")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time (default 2)")
    parser.add_argument("--only", default="", help="mutations whose name holds this text")
    parser.add_argument("--without-reference", action="store_true",
                        help="run as on a machine without the reference figures")
    parser.add_argument("--list", action="store_true", help="name the mutations and do nothing")
    return parser.parse_args(arguments)


def _copies(folder: Path, count: int) -> SimpleQueue[Path]:
    ready: SimpleQueue[Path] = SimpleQueue()
    for number in range(count):
        copy = folder / f"tree{number}" / "project"
        shutil.copytree(ROOT, copy, symlinks=True, ignore=LEFT_OUT)
        ready.put(copy)
    return ready


def _environment(with_reference: bool) -> dict[str, str]:
    given = os.environ.get("DELEVERAGE_REFERENCE") or str(ROOT.parent / "shared")
    reference = given if with_reference and Path(given).is_dir() else str(ROOT / "no such folder")
    return {**os.environ, "DELEVERAGE_REFERENCE": reference}


def _suite(copy: Path, first: Sequence[str]) -> tuple[list[str], list[str]]:
    """Every test file once, in the order of the hope that it fails at once: two runs.

    Folders are not named beside their own files: pytest would run the folder in its own order.
    """
    found = [path.relative_to(copy).as_posix() for room in ROOMS
             for path in sorted((copy / room).glob("test_*.py"))]
    between = [name for name in found if name not in (*first, *LAST)]
    return [*first], [*between, *LAST]


def _judged(copy: Path, mutation: Mutation | None, environment: dict[str, str]) -> Outcome:
    began = time.monotonic()
    if mutation is None:
        every = tuple(dict.fromkeys(name for group in GROUPS for name in group.FIRST))
        state, by = _run(copy, environment, every)
    else:
        file = copy / mutation.file
        text = file.read_text(encoding="utf-8")
        found = text.count(mutation.old)
        if found != 1:
            return Outcome(mutation, OUTDATED, f"its text stands {found} times in {mutation.file}",
                           0.0)
        _write(file, text.replace(mutation.old, mutation.new))
        try:
            state, by = _run(copy, environment, MUTATIONS[mutation])
        finally:
            _write(file, text)
    return Outcome(mutation, state, by, time.monotonic() - began)


def _write(file: Path, text: str) -> None:
    """With a time of its own: compiled code is told from its source by whole seconds and length."""
    file.write_text(text, encoding="utf-8")
    moment = next(_SECONDS)
    os.utime(file, (moment, moment))


def _run(copy: Path, environment: dict[str, str], first: Sequence[str]) -> tuple[str, str]:
    """State and the first test that failed; the copy's own package must be the one under test."""
    seen = subprocess.run(
        [sys.executable, "-c", "import deleverage; print(deleverage.__file__)"], cwd=copy,
        env={**environment, "PYTHONPATH": str(copy)}, capture_output=True, text=True, check=False)
    if not seen.stdout.startswith(str(copy)):
        return BROKEN, f"not the copy but {seen.stdout.strip() or seen.stderr.strip()[-200:]}"
    for files in _suite(copy, first):
        state, by = _tested(copy, environment, files)
        if state != SURVIVED:
            break
    return state, by


def _tested(copy: Path, environment: dict[str, str], files: Sequence[str]) -> tuple[str, str]:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow", "--no-header",
               "-p", "no:cacheprovider", "--hypothesis-seed=0", *files]
    try:
        done = subprocess.run(command, cwd=copy, env={**environment, "PYTHONPATH": str(copy)},
                              capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return BROKEN, f"no end within {LIMIT} s"
    if done.returncode == 0:
        return SURVIVED, ""
    failed = re.search(r"^(FAILED|ERROR) (.+?)(?: - |$)", done.stdout, re.MULTILINE)
    if done.returncode == 1 and failed is not None and failed.group(1) == "FAILED":
        return CAUGHT, failed.group(2)
    return BROKEN, failed.group(2) if failed else (done.stdout + done.stderr).strip()[-200:]


def _told(outcome: Outcome) -> Outcome:
    name, state = "the tree as it is", "passes" if outcome.well else "FAILS"
    if outcome.mutation is not None:
        name, state = outcome.mutation.name, outcome.state
    print(f"{outcome.seconds:6.1f} s  {state:9s} {name}", file=sys.stderr, flush=True)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
