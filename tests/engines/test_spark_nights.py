"""A night by Spark finds and remembers what a night by the local engine does."""

from __future__ import annotations

import shutil
from datetime import date
from typing import TYPE_CHECKING

import pytest
from polars.testing import assert_frame_equal

from cdr_anomaly import settings
from cdr_anomaly.nights import run as nights_run
from tests.helpers import night_runs
from tests.helpers.adversarial import WORDS, adversarial
from tests.helpers.builders import SHANGHAI
from tests.helpers.engine_pair import MASTER, needs_spark

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, *needs_spark]
LAST = 2


def test_nights_and_what_they_remember(tmp_path: Path) -> None:
    """The end of a night is carried over to the next one, whichever engine reads it."""
    days = sorted(night_runs.by_day(tmp_path / "days", adversarial(5, SHANGHAI)).glob("*.parquet"))
    here = night_runs.run(tmp_path / "here", *WORDS)
    for file in days[:-LAST]:
        nights_run.nightly([file], date.fromisoformat(file.stem), here)
    shutil.copytree(here.location, tmp_path / "there")
    told = settings.load_settings(tz=SHANGHAI, assignments=WORDS, engine="spark", master=MASTER)
    there = nights_run.Run(tmp_path / "there", told)
    for file in days[-LAST:]:
        day = date.fromisoformat(file.stem)
        ours, theirs = (nights_run.nightly([file], day, run).result for run in (here, there))
        for name in ("findings", "evidence", "alerts", "victims"):
            assert_frame_equal(getattr(ours, name), getattr(theirs, name))
    assert night_runs.remembered(here.location) == night_runs.remembered(there.location)
