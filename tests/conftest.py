"""What every test may use: where the repository is, and where the shared reference data is."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from hypothesis.internal.conjecture import providers

if TYPE_CHECKING:
    from deleverage.columns import MarketColumns

ROOT = Path(__file__).resolve().parent.parent


# Hypothesis draws numbers that stand in the modules imported so far, so that the examples of a
# derandomised law would depend on the tests that ran before it, and what is counted over them too.
_NO_CONSTANTS = providers.Constants()
if hasattr(providers, "_get_local_constants"):
    providers._get_local_constants = lambda: _NO_CONSTANTS


def reference_folder() -> Path:
    """Folder of reference files and real market data: ``$DELEVERAGE_REFERENCE`` or ../shared."""
    return Path(os.environ.get("DELEVERAGE_REFERENCE") or ROOT.parent / "shared")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout or unpacked source distribution the tests run in."""
    return ROOT


@pytest.fixture
def example(repository: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """examples/recovered_account.py as a module."""
    path = repository / "examples" / "recovered_account.py"
    spec = importlib.util.spec_from_file_location("recovered_account", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # backtrader looks up the module of every class it makes
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of real data and reference cases; the test is skipped where it is absent."""
    folder = reference_folder()
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder} (set DELEVERAGE_REFERENCE)")
    return folder


@pytest.fixture(scope="session")
def real_year(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> MarketColumns:
    """Bybit ETH in five-minute bars with one-hour marks and Binance's open interest; the test is
    skipped where it is absent."""
    from deleverage.feeds.importing import import_dataset

    data = reference / "data"
    if not (data / "freqtrade_bybit").is_dir():
        pytest.skip(f"no market data at {data}")
    dataset, _ = import_dataset("freqtrade", [data / "freqtrade_bybit"],
                                tmp_path_factory.mktemp("year") / "eth",
                                open_interest=data / "binance_oi_funding" / "ETHUSDT_oi_5m.csv",
                                open_interest_venue="binance")
    return dataset.columns()


@pytest.fixture(autouse=True)
def ledger_of_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run of the suite on our broker ends with the check of its ledger."""
    from deleverage.broker import PerpetualBroker
    from tests.ledger import check_ledger

    ended = PerpetualBroker.stop

    def stop(self: PerpetualBroker) -> None:
        ended(self)
        if self._ready:
            check_ledger(self)

    monkeypatch.setattr(PerpetualBroker, "stop", stop)
