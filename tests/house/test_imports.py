"""Which way dependencies point, and what an import costs."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.house import tree

# the pure core: rules and records, usable and tested without a Cerebro
PURE = (
    "deleverage._version", "deleverage.errors", "deleverage.timestamps", "deleverage.instrument",
    "deleverage.market", "deleverage.columns", "deleverage.journal", "deleverage.policies",
    "deleverage.margin", "deleverage.venues", "deleverage.account", "deleverage.book",
    "deleverage.changes",
    "deleverage.ledger", "deleverage.matching", "deleverage.slippage", "deleverage.steps",
    "deleverage.detectors", "deleverage.statistics",
    "deleverage.coarser", "deleverage.features", "deleverage.floor", "deleverage.forced",
    "deleverage.forcing",
    "deleverage.legs", "deleverage.moments", "deleverage.publication", "deleverage.records",
)
# above the backtrader adapters: what asks for runs and what shows them
RESULTS = (
    "deleverage.spec", "deleverage.runner", "deleverage.results",
    "deleverage.result_files", "deleverage.scan",
    "deleverage.compare", "deleverage.pairs", "deleverage.tearsheet", "deleverage.stamps",
    "deleverage.paths", "deleverage.robustness", "deleverage.sweeps", "deleverage.charts",
    "deleverage.plots", "deleverage.beside", "deleverage.shadow", "deleverage.capacity",
    "deleverage.pages", "deleverage.concluding",
)
COMMAND = ("deleverage.cli",)
HEAVY = ("backtrader", "pandas", "pyarrow")


def _below(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _layer(name: str) -> int:
    """0 pure core, 1 adapters (feeds, broker, strategies …), 2 results, 3 command line."""
    if _below(name, PURE):
        return 0
    if _below(name, COMMAND):
        return 3
    return 2 if _below(name, RESULTS) else 1


def _python(code: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a line of Python in a new process with the repository on its path."""
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True,
                          text=True, check=False)


def test_the_pure_core_needs_neither_backtrader_nor_pandas() -> None:
    """No module of the pure core imports backtrader or pandas, not even lazily."""
    found = [f"{module.label}:{line} {name}"
             for module in tree.modules() if _layer(module.name) == 0
             for line, name in tree.imports(module)
             if name.split(".")[0] in ("backtrader", "pandas")]
    assert found == []


def test_dependencies_point_one_way() -> None:
    """Core ← adapters ← results ← command line: no module imports from a layer above its own."""
    found = [f"{module.label}:{line} imports {name}"
             for module in tree.modules() if module.name != "deleverage"  # the index of all names
             for line, name in tree.imports(module)
             if name.startswith("deleverage.") and _layer(name) > _layer(module.name)]
    assert found == []


def test_the_pure_core_is_typed_strictly() -> None:
    """Every module of the pure core stands under mypy's strict settings."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    strict = next(part["module"] for part in settings["tool"]["mypy"]["overrides"]
                  if part.get("disallow_untyped_defs"))
    names = {name.removesuffix(".*") for name in strict}
    assert set(PURE) - {"deleverage._version"} == names


def _leaves() -> dict[str, str]:
    """Module of each venue and reader → the package that may know it."""
    from deleverage import venues
    from deleverage.feeds import readers

    found = {venues.rules_class(name, product).__module__: venues.__name__
             for name in venues.names() for product in venues.products(name)}
    found |= {type(readers.get(name)).__module__: readers.__name__ for name in readers.names()}
    return found


def test_venues_and_readers_are_leaves() -> None:
    """Only its own package imports a venue or a reader: adding one touches nothing else."""
    leaves = _leaves()
    assert len(leaves) > 2
    found = [f"{module.label}:{line} imports {name}"
             for module in tree.modules() for line, name in tree.imports(module)
             if name in leaves and not _below(module.name, (leaves[name],))]
    assert found == []


def test_only_the_namespaced_names_are_imported() -> None:
    """Nobody imports feeds, strategies or analyzers under their bare names."""
    found = [f"{module.label}:{line} {name}"
             for module in tree.modules() + tree.scripts() for line, name in tree.imports(module)
             if name.split(".")[0] in tree.LINKED]
    assert found == []


def test_the_package_itself_is_light() -> None:
    """``import deleverage`` loads neither backtrader nor pandas nor pyarrow."""
    done = _python(f"import sys, deleverage; print([n for n in {HEAVY} if n in sys.modules])")
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_the_pure_core_loads_nothing_heavy() -> None:
    """Importing every pure module loads none of backtrader, pandas and pyarrow."""
    names = [module.name for module in tree.modules() if _layer(module.name) == 0]
    done = _python(f"import sys, importlib\nfor n in {names}: importlib.import_module(n)\n"
                   f"print([n for n in {HEAVY} if n in sys.modules])")
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


@pytest.mark.parametrize("name", tree.LINKED)
def test_a_bare_root_package_is_refused(name: str) -> None:
    """Importing a root folder under its bare name raises an error that gives the right name."""
    done = _python(f"import {name}")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ImportError: import 'deleverage.{name}', not '{name}'")


def test_one_file_has_one_module_name() -> None:
    """Every installed module imports under deleverage.* and knows itself by that name."""
    for module in tree.modules():
        assert importlib.import_module(module.name).__name__ == module.name


def test_public_names_resolve() -> None:
    """Each name the package offers exists, and dir() lists them all without importing them."""
    import deleverage

    assert set(deleverage.__all__) <= set(dir(deleverage))
    for name in deleverage.__all__:
        assert getattr(deleverage, name) is not None
    with pytest.raises(AttributeError, match="Perpetualbroker"):
        deleverage.Perpetualbroker  # noqa: B018 - the access is the test
