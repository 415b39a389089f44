"""The real market and every row of the stress table, once for all tests of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.cascade import import_eth
from tests.scripts.rows import Made, stress


@pytest.fixture(scope="session")
def made(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """All twenty-eight runs, once."""
    dataset = import_eth(reference, tmp_path_factory.mktemp("real") / "eth")
    columns = dataset.columns()
    return Made(str(dataset.path), columns, stress.carry_out(str(dataset.path), columns))
