from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MISSING = [name for name in ("pyspark", "pandas") if find_spec(name) is None]
if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
    MISSING.append("Java")
WHY = f"Spark is not here: no {' and no '.join(MISSING)}; make spark installs it, Java aside"
# Spark and pandas warn of things that are none of ours.
QUIET = pytest.mark.filterwarnings("default")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and "needs_spark" in getattr(item, "fixturenames", ()):
            item.add_marker(QUIET)
            if MISSING:
                item.add_marker(pytest.mark.skip(reason=WHY))


@pytest.fixture
def needs_spark() -> None:
    """Mark what is skipped, with a reason, where Spark or Java is not there."""
