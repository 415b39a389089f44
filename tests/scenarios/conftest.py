"""Each scenario, made once for all tests of this folder."""

from __future__ import annotations

from functools import cache

import pandas as pd
import pytest

from deleverage import scenarios
from deleverage.market import Market
from deleverage.scenarios.presets import PRESETS
from deleverage.scenarios.simulation import Simulation, simulate

_built = cache(scenarios.build)
_made = cache(lambda name: simulate(PRESETS[name]))


@pytest.fixture(params=scenarios.names())
def name(request: pytest.FixtureRequest) -> str:
    """Every scenario in turn."""
    return str(request.param)


@pytest.fixture
def market(name: str) -> Market:
    """What the scenario says about itself."""
    return _built(name)[0]


@pytest.fixture
def tables(name: str) -> dict[str, pd.DataFrame]:
    """The scenario's tables; not to be written to."""
    return _built(name)[1]


@pytest.fixture
def made(name: str) -> Simulation:
    """The scenario with everything that is not published."""
    return _made(name)
