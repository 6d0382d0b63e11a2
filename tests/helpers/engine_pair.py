"""One feed judged by both engines; what they find must be the same, frame for frame."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from polars.testing import assert_frame_equal

from cdr_anomaly import pipeline, settings
from tests.helpers.builders import SHANGHAI

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cdr_anomaly.result import Result

MISSING = [name for name in ("pyspark", "pandas") if find_spec(name) is None]
if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
    MISSING.append("Java")
WHY = f"Spark is not here: no {' and no '.join(MISSING)}; make spark installs all but Java"
# Spark and pandas warn of things that are none of ours.
needs_spark = [
    pytest.mark.skipif(bool(MISSING), reason=WHY),
    pytest.mark.filterwarnings("default"),
]
MASTER = "local[2]"
FRAMES = ("findings", "evidence", "alerts", "victims")


def by_both(
    paths: Iterable[str | Path], *, words: tuple[str, ...] = (), lists: Any = None, **told: Any
) -> tuple[Result, Result]:
    """Scan by the local engine and by the other one, and hold that they say the same."""
    given = {"tz": SHANGHAI, **told}
    here, there = (
        pipeline.scan(
            paths, settings.load_settings(None, words, **given, **engine), **(lists or {})
        )
        for engine in ({}, {"engine": "spark", "master": MASTER})
    )
    same(here, there)
    return here, there


def same(here: Result, there: Result) -> None:
    assert here.counts == there.counts
    assert here.not_applicable == there.not_applicable
    for name in FRAMES:
        assert_frame_equal(getattr(here, name), getattr(there, name))
    every = [result.source.refused_rows().collect() for result in (here, there)]
    ours, theirs = (rows.select(sorted(rows.columns)) for rows in every)
    assert_frame_equal(ours.sort(ours.columns), theirs.sort(theirs.columns))
