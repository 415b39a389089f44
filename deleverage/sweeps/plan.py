"""A sweep before it runs: all its combinations, checked, and the market they run on."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deleverage import runner
from deleverage._version import __version__
from deleverage.spec import RunSpec
from deleverage.strategies import registry
from deleverage.sweeps.grid import Grid, Point
from deleverage.sweeps.store import Key
from deleverage.sweeps.work import Place


@dataclass(frozen=True, slots=True)
class Combination:
    """One point of the grid and the run it stands for; ``number`` counts from 1."""

    number: int
    point: Point
    spec: RunSpec


@dataclass(frozen=True)
class Plan:
    """Everything that is known before the first run. ``code`` as in :class:`Key`."""

    spec: RunSpec
    grid: Grid
    combinations: tuple[Combination, ...]
    place: Place
    code: str

    def key(self, combination: Combination) -> Key:
        """Under which a store keeps the outcome."""
        return Key(combination.spec.key(), self.place.sha256, self.code)


def prepare(spec: RunSpec, grid: Grid | Mapping[str, Sequence[Any] | str]) -> Plan:
    """Check names, values and data, and write out the combinations; nothing is run.

    Raises UnknownName for a strategy, axis or parameter nobody knows, UsageError for a value that
    cannot be, MissingTable and DataError for data that is not there or not what it must be.
    """
    strategy = registry.load(spec.strategy)
    registry.check_parameters(strategy, dict(spec.params))
    bound = (grid if isinstance(grid, Grid) else Grid.of(grid)).bound(spec)
    specs = bound.specifications(spec, bound.points())
    combinations = tuple(Combination(number, point, made) for number, (point, made) in
                         enumerate(zip(bound.points(), specs, strict=True), start=1))
    return Plan(spec, bound, combinations, _place(spec), _code(strategy))


def _place(spec: RunSpec) -> Place:
    """The folder of the market, its column cache built once, before any worker asks for it."""
    from deleverage import scenarios
    from deleverage.feeds.dataset import Dataset

    dataset = scenarios.dataset(spec.data) if spec.data in scenarios.names() else \
        Dataset.open(spec.data)
    runner.load(spec, dataset.columns())  # refuses another symbol
    return Place(str(dataset.path.resolve()), dataset.sha256)


def _code(strategy: type) -> str:
    """The version, and a hash of the file the strategy is in."""
    file = inspect.getsourcefile(strategy)
    digest = hashlib.sha256(Path(file).read_bytes() if file else b"").hexdigest()
    return f"{__version__}+{strategy.__name__}.{digest[:16]}"
