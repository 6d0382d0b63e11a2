"""Two executors in processes of their own find the same, and so do those that are left of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cdr_anomaly import pipeline, settings
from tests.helpers.builders import SHANGHAI
from tests.helpers.engine_pair import FRAMES, needs_spark
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CALLS = ROOT / "sample_data" / "calls"
pytestmark = [pytest.mark.slow, *needs_spark]


@pytest.mark.parametrize("what", ["leave", "kill"])
def test_two_executors(tmp_path: Path, what: str) -> None:
    words = [CALLS, "local-cluster[2,1,1024]", tmp_path, what]
    child = [sys.executable, "-m", "tests.helpers.spark_process", *map(str, words)]
    # Executors are processes of Spark's own and find modules by the path that they are given.
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(child, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(json.loads((tmp_path / "killed.json").read_text())) == (what == "kill")
    here = pipeline.scan([CALLS], settings.load_settings(tz=SHANGHAI))
    for name in FRAMES:
        assert_frame_equal(pl.read_parquet(tmp_path / f"{name}.parquet"), getattr(here, name))
