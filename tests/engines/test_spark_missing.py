"""What is not there is said in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cdr_anomaly import settings
from cdr_anomaly.engines import registry, spark_cluster
from cdr_anomaly.errors import SettingError
from tests.helpers.engine_pair import needs_spark
from tests.helpers.paths import ROOT

CALLS = ROOT / "sample_data" / "calls" / "date=2026-05-01"


@pytest.mark.parametrize("library", ["pyspark", "pandas"])
def test_a_library(run: Any, monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: None if name == library else name)
    told = run("scan", CALLS, "--engine", "spark")
    assert told.code == 2
    assert told.err.strip() == (
        f"cdr-anomaly: --engine spark needs {library}; pip install 'cdr-anomaly[spark]'."
    )


def test_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingError, match="needs Java 17 or 21, and there is no 'java' here"):
        spark_cluster.check_java()


def test_an_engine_that_is_none() -> None:
    with pytest.raises(SettingError, match="engine"):
        settings.load_settings(engine="dask")


@pytest.mark.slow
@needs_spark[0]
def test_a_cluster() -> None:
    words = [sys.executable, "-m", "cdr_anomaly", "scan", str(CALLS), "--engine", "spark"]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*words, "--master", "nowhere"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("cdr-anomaly: Spark does not start")


@pytest.mark.slow
@needs_spark[0]
def test_a_job_that_is_submitted(run: Any, tmp_path: Path) -> None:
    """As an operator's scheduler does it: spark-submit, with a file of two lines."""
    job = tmp_path / "cdr_anomaly_job.py"
    job.write_text("from cdr_anomaly.cli import main\n\nmain()\n")
    submit = Path(sys.executable).with_name("spark-submit")
    words = ["--master", "local[2]", str(job), "scan", str(CALLS), "--engine", "spark"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": sys.executable}
    # Spark puts what is said to standard error on standard output.
    told = [*words, "--out", str(tmp_path / "there")]
    done = subprocess.run(
        [str(submit), *told], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    here = run("scan", CALLS, "--out", tmp_path / "here")
    assert here.code == 0
    ours, theirs = (tmp_path / place / "alerts.csv" for place in ("here", "there"))
    assert ours.read_bytes() == theirs.read_bytes()
