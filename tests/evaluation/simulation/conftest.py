"""Cities that the tests of the simulation share; each is made once in a session."""

from __future__ import annotations

import polars as pl
import pytest

from cdr_anomaly.evaluation.simulation import city as simulation_city
from tests.helpers.city_records import calls, told


@pytest.fixture(scope="session")
def full() -> simulation_city.Sample:
    """Make a city of full size, of eight days."""
    return simulation_city.simulate(days=8)


@pytest.fixture(scope="session", params=[1, 2])
def city(request: pytest.FixtureRequest) -> simulation_city.Sample:
    """Make a city of 3,000 lines and 36 days."""
    return simulation_city.simulate(lines=3_000, seed=request.param)


@pytest.fixture(scope="session")
def placed(city: simulation_city.Sample) -> pl.DataFrame:
    """All calls that lines with a truth placed."""
    return told(city).filter(pl.col("record_type") == "call")


@pytest.fixture(scope="session")
def all_calls(city: simulation_city.Sample) -> pl.DataFrame:
    return calls(city)
