from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import polars as pl
import pytest

from cdr_anomaly.nights import run
from tests.helpers import night_runs
from tests.helpers.crash_nights import DAYS, Tables, calls, last

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return night_runs.by_day(tmp_path_factory.mktemp("calls") / "days", calls())


@pytest.fixture(scope="module")
def before(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three nights are done, and a fourth that had half of its calls."""
    told = night_runs.run(tmp_path_factory.mktemp("states") / "before")
    for day in DAYS[:3]:
        run.nightly([files / f"{day}.parquet"], day, told)
    half = files.parent / "half.parquet"
    pl.read_parquet(last(files)).gather_every(2).write_parquet(half)
    run.nightly([half], DAYS[3], told)
    return told.location


@pytest.fixture(scope="module")
def after(files: Path, before: Path) -> Tables:
    place = before.parent / "after"
    shutil.copytree(before, place)
    run.nightly([last(files)], DAYS[3], night_runs.run(place))
    return night_runs.remembered(place)
